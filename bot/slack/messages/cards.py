"""A deal's card: what is known about the deal, and what can be done about it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.access.rules import Caller
from bot.commands.record import Record
from bot.commands.reply import Message
from bot.deals.deal import Opportunity, Status, Target
from bot.deals.outcome import Failed
from bot.deals.policy import Policy
from bot.deals.wish import Wish
from bot.slack.actions import LINK, MORE, SET, SHARE, MenuChoice, target_value
from bot.slack.block_kit import blocks, inputs, mrkdwn
from bot.slack.block_kit.blocks import Block
from bot.slack.block_kit.mrkdwn import plain
from bot.slack.messages.deals.marking import offers, status_buttons, status_choice
from bot.slack.messages.deals.reminding import remind_option
from bot.slack.messages.failures import FailureMessages
from bot.slack.messages.history import HistoryMessages
from bot.slack.messages.pieces import Installation, message, private
from bot.slack.messages.tables import VERB
from bot.slack.wording import reason_name, status_list

CHANGES_SHOWN = 3
"""Past changes that a card tells of."""


@dataclass(frozen=True, slots=True)
class CardMessages:
    """Cards, and why there is none."""

    installation: Installation
    policy: Policy
    history: HistoryMessages
    failures: FailureMessages

    def card(self, deal: Opportunity, records: Sequence[Record], reference: str) -> Message:
        """A deal, its last changes and its buttons, for the caller alone. `records`: latest first."""
        changes = [record for record in records if record.changed][:CHANGES_SHOWN]
        recent = f"Recent: {self.history.story(changes[::-1])}" if changes else ""
        row = [*self._status_buttons(deal), *self._menu(deal)] if deal.id else []
        return private(
            reference,
            *self._lines(deal),
            details=(self.installation.facts(deal), recent),
            buttons=(blocks.actions(*row),) if row else (),
        )

    def shared_card(self, deal: Opportunity, caller: Caller, reference: str) -> Message:
        """A deal for the whole channel, with nothing to press."""
        lines = (f"{mrkdwn.user(caller.user_id)} shared a deal", *self._lines(deal))
        return message(lines, "", public=True, details=(self.installation.facts(deal),), reference=reference)

    def no_card(self, failed: Failed, wish: Wish, reference: str, again: Sequence[Block] = ()) -> Message:
        """Why a deal cannot be shown. `again`: the button that looks it up once more."""
        hint = f"To change a deal, add {status_list(self.policy)} after its name." if wish.name else ""
        return replace(self.failures.failed(failed, wish, reference, hint, again), public=False)

    def _lines(self, deal: Opportunity) -> Sequence[str]:
        since = f" since {mrkdwn.date(deal.since)}" if deal.since else ""
        reason = f"Lost reason: {reason_name(deal)}" if deal.lost_reason_id else ""
        return (self.installation.priced(deal), f"{plain(deal.status).capitalize()}{since}", reason)

    def _status_buttons(self, deal: Opportunity) -> Sequence[Block]:
        shown = [status for status in offers(deal, self.policy) if status in _likely(deal)]
        return status_buttons(deal, shown, self.installation, self.policy, stands_out=True)

    def _menu(self, deal: Opportunity) -> Sequence[Block]:
        """Everything else, behind three dots."""
        less_likely = [status for status in offers(deal, self.policy) if status not in _likely(deal)]
        target = target_value(Target(deal.id, self.installation.away(deal)))
        url = self.installation.url(deal.id, deal.location_id)
        offered = [
            *((VERB[each], MenuChoice(SET, self._unasked(deal, each)), "") for each in less_likely),
            *remind_option(deal, self.installation),
            ("Share in channel", MenuChoice(SHARE, target), ""),
            *([("View in HighLevel", MenuChoice(LINK, "deal"), url)] if len(url) <= blocks.URL_LIMIT else []),
        ]
        options = [
            inputs.Option(label, choice.option, url=page)
            for label, choice, page in offered
            if inputs.is_value(choice.option)
        ]
        return [inputs.overflow(MORE, options[: inputs.OVERFLOW_LIMIT])] if options else []

    def _unasked(self, deal: Opportunity, status: Status) -> str:
        return status_choice(deal, status, self.installation, self.policy, asked=False).value


def _likely(deal: Opportunity) -> Sequence[Status]:
    """What a deal mostly gets next: these have buttons, the others are in the menu."""
    return (Status.WON, Status.LOST) if deal.status == Status.OPEN else (Status.OPEN,)
