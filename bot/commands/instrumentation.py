"""What the bot reports while it works: for metrics, for the trail, and for the line of the log about a command."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from bot.access.rules import Caller
from bot.commands.record import Entry
from bot.deals.outcome import Changed, Failed, Outcome, word

_calls: ContextVar[list[str] | None] = ContextVar("calls", default=None)
"""The calls of the command that is carried out; `None` outside of one."""


@contextmanager
def noting_calls() -> Iterator[list[str]]:
    """Yield a list that grows with each call to HighLevel of this task and of those that it starts."""
    calls: list[str] = []
    before = _calls.set(calls)
    try:
        yield calls
    finally:
        _calls.reset(before)


def note_call(method: str, status: int, seconds: float) -> None:
    """Note a call to HighLevel for the command that is carried out, as `GET 200 0.12s`; 0 is no answer."""
    if (calls := _calls.get()) is not None:
        calls.append(f"{method} {status} {seconds:.2f}s")


def fields_of(entry: Entry, outcome: Outcome) -> dict[str, object]:
    """Who asked for what, and what became of it, as the log names it; what is not known is left out.

    `said` has HighLevel's own words of a refusal. Texts and names that people typed are not among them.
    """
    fields = {
        "user": entry.caller.user_id,
        "channel": entry.caller.channel_id,
        "team": entry.caller.team_id,
        "location": entry.wish.location_id,
        "opportunity": entry.wish.opportunity_id,
        "status": entry.wish.status.value,
        "undoes": entry.undoes,
        "batch": entry.batch,
        "outcome": word(outcome).value,
        **_details(outcome),
    }
    return {name: value for name, value in fields.items() if value}


def _details(outcome: Outcome) -> dict[str, object]:
    match outcome:
        case Changed(before, after, despite, trace_id):
            cause = despite.cause.value if despite else ""
            return {"before": before.status, "after": after.status, "despite": cause, "trace_id": trace_id}
        case Failed(trouble, effect, before, now):
            return {
                "effect": effect.value,
                "code": trouble.code,
                "said": trouble.reasons,
                "trace_id": trouble.trace_id,
                "before": before.status if before else "",
                "after": now.status if now else "",
            }
        case _:
            return {}


class Instrumentation:
    """Ignores what is reported. `operations.metrics.Metrics` overrides its methods; none may wait or raise."""

    def commanded(self, outcome: str) -> None:
        """Report that a command came to this outcome: a `Result`, a `Cause`, or one of `NOT_ACCEPTED`."""

    def refused(self, reason: str) -> None:
        """Report that a request was not taken for Slack's, or is about another workspace.

        `reason` is a `slack.verification.Refusal`.
        """

    def acknowledged(self, kind: str, seconds: float) -> None:
        """Report that a request of Slack's was answered.

        `kind` is one of `slack.bolt.KINDS`; `seconds` are since the request began to come in.
        """

    def replied(self, way: str, seconds: float) -> None:
        """Report that a command's reply was delivered, or given up.

        `way` is a `DeliveryWay`; `seconds` are since the command was accepted.
        """

    def called(self, location_id: str, method: str, status: int) -> None:
        """Report a request to HighLevel in this sub-account; `status` is 0 if no answer came, or nothing was sent."""

    def notified(self, source: str, reception: str) -> None:
        """Report what was done with a request that brings an event, or with a row of a poll.

        `source` is a `events.event.Source`, and `reception` a `Reception`.
        """

    def stood_still(self, seconds: float) -> None:
        """Report that this process got no processor time for so long: its host gave none, or the machine slept."""

    def judged(self, verdict: str, seconds: float | None = None) -> None:
        """Report what became of an event, a `events.event.Verdict`.

        `seconds`: from the change in HighLevel until it was on its way to Slack; `None` if it was not posted, or
        HighLevel did not say when it was changed.
        """

    def came_due(self, kind: str, ending: str) -> None:
        """Report how something that came due ended: a `schedule.due.Kind`, and an `Ending`."""


class Trail:
    """Ignores commands that are not accepted. `storage.trail.writing.SqlTrail` keeps them for an auditor."""

    def note(self, reference: str, caller: Caller, outcome: str, detail: str) -> None:
        """Keep a line about a command, soon. Returns at once, and never raises.

        `outcome` is one of `NOT_ACCEPTED`; `detail` says why, in a word of our own. Neither what was typed nor a deal
        is passed on, so that neither is kept.
        """


NO_METRICS = Instrumentation()
"""For a bot without metrics."""
NO_TRAIL = Trail()
"""For a bot that does not keep commands that are not accepted."""
DENIED = "denied"
"""The outcome of a command that was refused before it was accepted: its caller may not, or sends too many."""
MISUNDERSTOOD = "misunderstood"
"""The outcome of a text that asks for nothing the bot can do."""
LOOKED = "looked"
"""The outcome of a command that only looks: at a deal, a history, the help, the form."""
NOT_ACCEPTED = (DENIED, MISUNDERSTOOD, LOOKED)
"""The outcomes of commands that are not in the ledger. No word is a `Result` or a `Cause` too."""
DETAILS = {DENIED: "reason", MISUNDERSTOOD: "problem", LOOKED: "kind"}
"""What the log calls the detail of each."""
