"""What each person in the demo has not read yet. A reply in a thread is news only to those who look at the thread."""

from collections import Counter
from collections.abc import Sequence

from bot.simulator.demo import stage
from bot.simulator.slack.server import Slack
from bot.simulator.slack.workspace import Shown


class Unread:
    """Remembers up to where each person has read each channel."""

    def __init__(self, slack: Slack) -> None:
        self._slack = slack
        self._read: dict[tuple[str, str], str] = {}

    def forget(self) -> None:
        """Everything is unread: the channels are empty again."""
        self._read.clear()

    def read(self, user: str, channel: str) -> None:
        """This person has the channel in front of them, so everything in it is read."""
        in_it = [shown.ts for shown in self._slack.shown if shown.channel == channel]
        if in_it:
            self._read[user, channel] = max(in_it)

    def counts(self, user: str) -> Counter[str]:
        """How many messages this person has not read, by channel; 0 for a channel without any."""
        return Counter(shown.channel for shown in self._waiting(user))

    def waits_in(self, user: str) -> str | None:
        """Where an unread message for this person alone is: a direct one, or one that only they see; or `None`."""
        return next((each.channel for each in self._waiting(user) if user in {each.only_to, each.channel}), None)

    def _waiting(self, user: str) -> Sequence[Shown]:
        return [
            shown
            for shown in self._slack.shown
            if self._slack.sees(user, shown)
            and shown.by != user
            and not shown.thread_ts
            and (shown.channel in stage.CHANNELS or shown.channel == user)
            and shown.ts > self._read.get((user, shown.channel), "")
        ]
