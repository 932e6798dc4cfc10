"""A deal's card: what is known about the deal, and what can be done about it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.access.rules import Caller
from bot.commands.record import Record
from bot.commands.reply import Message
from bot.deals.deal import STATES, Opportunity, Status, Target
from bot.deals.outcome import Failed
from bot.deals.policy import Policy
from bot.deals.wish import Consent, Wish
from bot.slack.actions import LINK, SET, SHARE, StatusChoice, target_value
from bot.slack.block_kit import blocks, mrkdwn
from bot.slack.block_kit.blocks import Block
from bot.slack.block_kit.mrkdwn import plain
from bot.slack.messages.failures import FailureMessages
from bot.slack.messages.history import HistoryMessages
from bot.slack.messages.pieces import Installation, fits, message, private
from bot.slack.messages.tables import AUTOMATIONS
from bot.slack.wording import first_visible, reason_name, status_list, status_since

LONGEST_ID = 150
"""Characters of a deal's id that a card's buttons can carry, also within an address; HighLevel's have 20."""


@dataclass(frozen=True, slots=True)
class CardMessages:
    """Cards, and why there is none."""

    installation: Installation
    policy: Policy
    history: HistoryMessages
    failures: FailureMessages

    def card(self, deal: Opportunity, records: Sequence[Record], reference: str) -> Message:
        """A deal, its last commands and its buttons, for the caller alone."""
        past = [f"• {self.history.line(record)}" for record in records]
        history = ["Last from Slack:", *past] if past else []
        buttons = (self._buttons(deal),) if fits(deal.id, LONGEST_ID) else ()
        return private(reference, *self._lines(deal), *history, buttons=buttons)

    def shared_card(self, deal: Opportunity, caller: Caller, reference: str) -> Message:
        """A deal for the whole channel, with nothing to press."""
        lines = (f"{mrkdwn.user(caller.user_id)} shows you a deal:", *self._lines(deal))
        return message(lines, "", public=True, reference=reference)

    def no_card(self, failed: Failed, wish: Wish, reference: str, again: Sequence[Block] = ()) -> Message:
        """Why a deal cannot be shown. `again`: the button that looks it up once more."""
        hint = f"To change a deal, put one of {status_list(self.policy)} behind its name." if wish.name else ""
        return replace(self.failures.failed(failed, wish, reference, hint, again), public=False)

    def _lines(self, deal: Opportunity) -> Sequence[str]:
        reason = f"Lost reason: {reason_name(deal)}" if deal.lost_reason_id else ""
        return (f"{self.installation.priced(deal)} is {status_since(deal)}.", self.installation.facts(deal), reason)

    def _buttons(self, deal: Opportunity) -> Block:
        others = [status for status in self.policy.offered if status in STATES and status != deal.status]
        return blocks.actions(
            *(self._status_button(deal, status) for status in others),
            blocks.link_button("Open in HighLevel", LINK, self.installation.url(deal.id, deal.location_id)),
            blocks.button("Share in channel", SHARE, target_value(Target(deal.id, self.installation.away(deal)))),
        )

    def _status_button(self, deal: Opportunity, status: Status) -> Block:
        asks = deal.status in self.policy.confirm.leaving
        choice = StatusChoice(
            deal.id, status, Consent.GIVEN if asks else Consent.PRESUMED, self.installation.away(deal)
        )
        confirm = blocks.Confirm(
            title=f"Make it {status}?",
            text=f"{plain(first_visible(deal.name, 'The deal'))} is {plain(deal.status)}. {AUTOMATIONS}",
            confirm=f"Make it {status}",
            deny="Cancel",
        )
        return blocks.button(f"Make it {status}", f"{SET}_{status}", choice.value, confirm=confirm if asks else None)
