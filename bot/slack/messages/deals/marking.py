"""The buttons that give a deal another status, on its card and in a row of a list. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from bot.deals.deal import STATES, Opportunity, Status
from bot.deals.policy import Policy
from bot.deals.wish import Consent
from bot.slack.actions import SET, StatusChoice
from bot.slack.block_kit import blocks, inputs
from bot.slack.block_kit.blocks import Block
from bot.slack.messages.pieces import Installation
from bot.slack.messages.questions import leaving
from bot.slack.messages.tables import VERB
from bot.slack.wording import name_of


def offers(deal: Opportunity, policy: Policy) -> Sequence[Status]:
    """The statuses that the deal may get here, the likeliest first: an open deal is closed, another is reopened."""
    return [status for status in policy.offered if status in STATES and status != deal.status]


def status_buttons(
    deal: Opportunity, statuses: Sequence[Status], installation: Installation, policy: Policy, *, stands_out: bool
) -> Sequence[Block]:
    """A button for each of these statuses; Slack asks before the press where the operator wants that.

    None for a status whose value no button can carry. `stands_out`: whether the first one does.
    """
    asks = deal.status in policy.confirm.leaving
    values = [(status, status_choice(deal, status, installation, policy).value) for status in statuses]
    return [
        blocks.button(
            VERB[status],
            f"{SET}_{status}",
            value,
            confirm=leaving(deal, status) if asks else None,
            style="primary" if stands_out and status is statuses[0] else None,
        )
        for status, value in values
        if inputs.is_value(value)
    ]


def status_choice(
    deal: Opportunity, status: Status, installation: Installation, policy: Policy, *, asked: bool = True
) -> StatusChoice:
    """What a press means. `asked`: Slack asks before the press where the operator wants that; a menu cannot."""
    given = asked and deal.status in policy.confirm.leaving
    consent = Consent.GIVEN if given else Consent.PRESUMED
    choice = StatusChoice(deal.id, status, consent, installation.away(deal))
    named = replace(choice, name=name_of(deal))
    return named if asked and inputs.is_value(named.value) else choice  # a menu's values are short
