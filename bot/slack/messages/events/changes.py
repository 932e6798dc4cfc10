"""What was changed in HighLevel itself. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.commands.reply import Message
from bot.events.posting import Held, Why
from bot.slack.block_kit import blocks
from bot.slack.block_kit.mrkdwn import plain
from bot.slack.messages.pieces import Installation


@dataclass(frozen=True, slots=True)
class EventMessages:
    """`EventWords`: the same messages as those of commands, with HighLevel in the place of the caller."""

    installation: Installation

    def changed(self, held: Held, reference: str) -> Message:
        """See `EventWords`."""
        line = self._line(held)
        return Message(line, (blocks.section(f"{line} {plain(reference)}"),), public=True)

    def many(self, held: Sequence[Held], why: Why, reference: str) -> Message:
        """See `EventWords`."""
        line = f"{len(held)} deals changed in HighLevel. {why.value} {plain(reference)}"
        return Message(line, (blocks.section(line),), public=True)

    def _line(self, held: Held) -> str:
        return f"{self.installation.deal(held.deal)} is now *{plain(held.deal.status)}* in HighLevel."
