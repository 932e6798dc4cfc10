"""What is taken note of while the bot works, for whoever measures it."""


class Instrumentation:
    """Takes note of nothing. Whoever measures overrides its methods, of which none may wait or raise."""

    def commanded(self, outcome: str) -> None:
        """A command came to this: a word of `outcome.WORDS`, or `DENIED`."""

    def acknowledged(self, kind: str, seconds: float) -> None:
        """Slack was answered, so long after its request began to come in. `kind` is one of `dispatch.KINDS`."""

    def replied(self, way: str, seconds: float) -> None:
        """A command's reply was delivered, or given up, so long after the command was accepted; see `Delivery.way`."""

    def called(self, location_id: str, method: str, status: int) -> None:
        """HighLevel was called in this sub-account. `status` is its answer's; 0 when none came, or nothing left."""


NO_METRICS = Instrumentation()
"""Nobody measures."""
DENIED = "denied"
"""What a command came to that was refused before it was written down: its person may not, or not so often."""
