"""The buttons that set a reminder of a deal: on its card, in a row of a list, and in a reminder that came due. Pure."""

from collections.abc import Sequence

from bot.deals.deal import Opportunity, Status
from bot.slack.actions import REMIND, MenuChoice, RemindOf
from bot.slack.block_kit import blocks, inputs
from bot.slack.block_kit.blocks import Block
from bot.slack.messages.pieces import Installation
from bot.slack.wording import name_of

IN_A_WEEK = "7d"


def remind_in_a_week(deal: Opportunity, installation: Installation) -> Sequence[Block]:
    """The button *Remind me in a week*, which sets the reminder at one press; none where none can carry the deal."""
    return remind_button("Remind me in a week", IN_A_WEEK, deal, installation)


def remind_button(label: str, day: str, deal: Opportunity, installation: Installation) -> Sequence[Block]:
    """A button that sets a reminder on this day, or asks for the day if it is empty: see `RemindOf`."""
    value = remind_of(deal, installation, day).value
    action_id = f"{REMIND}_{day.replace('-', '_')}" if day else REMIND
    return (blocks.button(label, action_id, value),) if inputs.is_value(value) else ()


def remind_option(deal: Opportunity, installation: Installation) -> Sequence[tuple[str, MenuChoice, str]]:
    """The option of a card's menu that asks for which day; none for a deal that is closed."""
    if deal.status != Status.OPEN:
        return ()
    whole = MenuChoice(REMIND, remind_of(deal, installation).value)
    brief = MenuChoice(REMIND, RemindOf(deal.id, installation.away(deal)).value)  # a menu's values are short
    return (("Remind me…", whole if inputs.is_value(whole.option) else brief, ""),)


def remind_of(deal: Opportunity, installation: Installation, day: str = "") -> RemindOf:
    """The deal as a button carries it."""
    return RemindOf(deal.id, installation.away(deal), name_of(deal), day)
