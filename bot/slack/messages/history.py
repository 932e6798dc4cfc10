"""Past commands, a line each. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from bot.commands.record import Record, Unfamiliar
from bot.commands.reply import DeliveryWay, Message
from bot.commands.request import ShowHistory
from bot.deals.deal import Opportunity, Status
from bot.deals.outcome import Cause, Result, Withheld
from bot.slack.block_kit import blocks, mrkdwn
from bot.slack.block_kit.mrkdwn import code, plain
from bot.slack.messages.pieces import Installation, in_sections, message, notification
from bot.slack.wording import doer, dotted

LINES_OF_HISTORY = 10
"""Changes that a list shows at most."""


@dataclass(frozen=True, slots=True)
class HistoryMessages:
    """What the ledger knows about commands."""

    installation: Installation

    def listing(self, records: Sequence[Record], asked: ShowHistory, name: str | None = None) -> Message:
        """The changes that were asked for, latest first: of one person, of all, or those about one deal.

        Questions and previews are left out: their answers are commands of their own. `name`: the deal's, if known.
        """
        changes = [record for record in records if not record.open_question][:LINES_OF_HISTORY]
        whose = self._whose(changes, asked, name)
        if not changes:
            return message((f"No changes {whose} yet.",), "", public=False)
        head = f"*Last {len(changes)} changes* {whose}" if len(changes) > 1 else f"*Last change* {whose}"
        named = asked.everybody or bool(asked.opportunity_id)
        lines = [head, *(f"• {self.line(record, named=named)}" for record in changes)]
        return Message(notification(*lines), tuple(map(blocks.section, in_sections(lines))), public=False)

    def _whose(self, records: Sequence[Record], asked: ShowHistory, name: str | None) -> str:
        if asked.opportunity_id:
            name = next((record.name for record in records if record.name), name)
            where = next((record.location_id for record in records if record.location_id), None)
            return f"for {self.installation.deal(Opportunity(asked.opportunity_id, '', name, where))}"
        if asked.everybody:
            return "for everyone"
        return f"by {mrkdwn.user(asked.user_id)}" if asked.user_id else "by you"

    def line(self, record: Record, *, named: bool = False) -> str:
        """One command: when, which deal, what became of it; and who, where that is not the same for all."""
        return dotted(
            mrkdwn.date(record.at),
            doer(record.user_id) if named else "",
            f"*{self.installation.short_deal(record)}*",
            _became(record),
            "reply not delivered" if record.delivered == DeliveryWay.UNDELIVERED else "",
        )

    def story(self, changes: Sequence[Record]) -> str:
        """Changes of one deal in a sentence, the oldest first: who did what, and when the last was."""
        said: list[str] = []
        for at, change in enumerate(changes):
            again = at > 0 and changes[at - 1].user_id == change.user_id
            who = "" if again else f"{doer(change.user_id)} "
            said.append(f"{'then ' if at else ''}{who}{_did(change)}")
        return f"{', '.join(said)} ({mrkdwn.date(changes[-1].at)})"


def _did(change: Record) -> str:
    """What a person did with a deal."""
    if change.undoes:
        return "undid it"
    return "reopened it" if change.after == Status.OPEN else f"marked it {plain(change.after or '?')}"


def _became(record: Record) -> str:
    wanted = f"→ {plain(record.status)}"
    match record.outcome:
        case None:
            return f"{wanted} · in progress"
        case Result():
            return _result(record, record.outcome)
        case Cause():
            return f"{wanted} · failed: {plain(record.outcome.replace('_', ' '))}"
        case Unfamiliar(word):
            return f"{wanted} · {code(word)}"
        case _:
            assert_never(record.outcome)


def _result(record: Record, result: Result) -> str:
    if result is not Result.CHANGED:
        why = _WITHHELD[record.withheld] if isinstance(record.withheld, Withheld) else "refused"
        return _RESULTS[result].format(status=plain(record.status), after=plain(record.after or "?"), why=why)
    if not record.changed:
        return "lost reason added"
    back = "undone: " if record.undoes else ""
    return f"{back}{plain(record.before or '?')} → *{plain(record.after or '?')}*"


_RESULTS = {
    Result.ALREADY_SO: "already {status}",
    Result.OVERTAKEN: "not undone, already {after}",
    Result.NOT_YOURS: "→ {status} · {why}",
    Result.ASKED_OWNER: "→ {status} · asked the owner",
}
"""What became of a command that changed nothing. Questions and previews are in no list."""

_WITHHELD = {
    Withheld.OWNED: "another person's deal",
    Withheld.UNASSIGNED: "no owner, so only for admins",
    Withheld.ELSEWHERE: "no access to its sub-account",
    Withheld.EMAIL_HIDDEN: "couldn't tell whose it is",
    Withheld.SLACK_DOWN: "couldn't tell whose it is",
    Withheld.CRM_DOWN: "couldn't tell whose it is",
    Withheld.USERS_HIDDEN: "couldn't tell whose it is",
}
"""Why a command changed nothing because of whose the deal is, as its caller and an admin can both read it."""
