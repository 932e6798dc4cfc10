"""What the bot reports while it works, for metrics."""


class Instrumentation:
    """Ignores what is reported. `operations.metrics.Metrics` overrides its methods; none may wait or raise."""

    def commanded(self, outcome: str) -> None:
        """Report that a command came to this outcome: a `Result`, a `Cause`, or `DENIED`."""

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


NO_METRICS = Instrumentation()
"""For a bot without metrics."""
DENIED = "denied"
"""The outcome of a command that was refused before it was accepted: its caller may not, or sends too many."""
