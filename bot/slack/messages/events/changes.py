"""What was changed in HighLevel itself. Pure."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from bot.commands.reply import Message
from bot.deals.deal import STATES, Opportunity, Status
from bot.deals.policy import Policy
from bot.events.posting import Held, Why
from bot.slack.actions import ADD_REASON
from bot.slack.block_kit import blocks, mrkdwn
from bot.slack.block_kit.blocks import Block
from bot.slack.block_kit.mrkdwn import plain
from bot.slack.messages.pieces import SHORT, Installation, fits, in_sections, message, notification, undo_button
from bot.slack.messages.tables import CHEER
from bot.slack.wording import dotted, first_visible, reason_name

LISTED = 15
"""Deals that a message about many lists."""
DONE: Mapping[str, str] = {
    Status.WON: "Won",
    Status.OPEN: "Reopened",
    Status.LOST: "Marked *lost*",
    Status.ABANDONED: "Marked *abandoned*",
}


@dataclass(frozen=True, slots=True)
class EventMessages:
    """`EventWords`: the same messages as those of commands, with HighLevel in the place of the caller."""

    installation: Installation
    policy: Policy
    celebrate: float | None = None
    """Wins of at least this value get a line of their own; `None` for none."""

    def changed(self, held: Held, reference: str) -> Message:
        """See `EventWords`."""
        deal, value = held.deal, self.installation.money(held.deal.value)
        headline = dotted(self._headline(held), value and f"*{value}*")
        lost = deal.status == Status.LOST and deal.lost_reason_id
        small = dotted(
            reason_name(deal) if lost else "",
            self.installation.facts(deal),
            f"was {plain(held.before)}" if held.before else "",
        )
        told = message(
            (f"{CHEER} {headline}" if deal.status == Status.WON else headline, self._cheer(deal)),
            "",
            public=True,
            details=(small,),
            buttons=self._buttons(held),
            accessory=self._undo(held),
            reference=reference,
        )
        said = notification(dotted(self._headline(held), value, self.installation.customer(deal)), small)
        return replace(told, text=said)

    def again(self, held: Held, reference: str, thread_ts: str) -> Message:
        """See `EventWords`."""
        value, was = self.installation.money(held.deal.value), f"was {plain(held.before)}" if held.before else ""
        line = dotted(self._headline(held), value, was)
        below = replace(message((line,), "", public=True, reference=reference), thread_ts=thread_ts)
        return replace(self.changed(held, reference), edits=True, aside=below)

    def many(self, held: Sequence[Held], why: Why, reference: str) -> Message:
        """See `EventWords`."""
        value = self.installation.money(sum(each.deal.value or 0.0 for each in held))
        headline = dotted(_when(why, len(held)), value and f"*{value}*")
        lines = [self._line(each) for each in held[:LISTED]]
        if len(held) > LISTED:
            lines.append(f"_and {len(held) - LISTED:,} more_")
        small = dotted(*self._totals(held), _meaning(why))
        return message((headline,), "", public=True, lists=in_sections(lines), details=(small,), reference=reference)

    def _headline(self, held: Held) -> str:
        deal = self.installation.deal(held.deal)
        if held.before is None or held.deal.status not in DONE:
            return f"{deal} is now *{plain(held.deal.status)}* in HighLevel"
        return f"{DONE[held.deal.status]} in HighLevel: {deal}"

    def _cheer(self, deal: Opportunity) -> str:
        if self.celebrate is None or deal.status != Status.WON or (deal.value or 0.0) < self.celebrate:
            return ""
        return f"That's a big one. Nice work, {plain(deal.owner)}." if deal.owner else "That's a big one. Nice work."

    def _undo(self, held: Held) -> Block | None:
        """The button that undoes the change; `None` where it is not known what the deal was."""
        if held.before not in STATES:
            return None
        what = f"{plain(first_visible(held.deal.name, 'This deal'))} goes back to {held.before}."
        return undo_button(what, held.key, self.policy)

    def _buttons(self, held: Held) -> Sequence[Block]:
        deal = held.deal
        lacks_reason = held.before is not None and deal.status == Status.LOST and not deal.lost_reason_id
        can_be_added = lacks_reason and fits(held.key, blocks.VALUE_LIMIT)
        row = [
            *([blocks.button("Add a reason", ADD_REASON, held.key)] if can_be_added else ()),
            *self.installation.view_button(deal.id, deal.location_id),
        ]
        return (blocks.actions(*row),) if row else ()

    def _line(self, held: Held) -> str:
        deal = held.deal
        url = self.installation.url(deal.id, deal.location_id)
        name = f"*{mrkdwn.link(url, first_visible(deal.name, deal.id), SHORT)}*"
        return dotted(name, self.installation.customer(deal), self.installation.money(deal.value), plain(deal.status))

    def _totals(self, held: Sequence[Held]) -> Sequence[str]:
        """How many deals got each status, and what they are worth, where they did not all get the same."""
        by_status: dict[str, list[Opportunity]] = defaultdict(list)
        for each in held:
            by_status[each.deal.status].append(each.deal)
        if len(by_status) == 1:
            return [f"all {plain(status)}" for status in by_status]
        return [f"{len(deals):,} {plain(status)}" for status, deals in by_status.items()]


def _when(why: Why, many: int) -> str:
    match why:
        case Why.MASS:
            return f"{many:,} deals changed in HighLevel at once"
        case Why.OVERNIGHT:
            return f"{many:,} deals changed in HighLevel in your quiet hours"
        case _:
            assert_never(why)


def _meaning(why: Why) -> str:
    match why:
        case Why.MASS:
            return "This looks like an import or an automation."
        case Why.OVERNIGHT:
            return ""
        case _:
            assert_never(why)
