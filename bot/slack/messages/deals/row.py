"""An open deal as a row of a list: what it is worth, where it stands and for how long, and buttons below. Pure."""

from collections.abc import Sequence
from datetime import datetime

from bot.deals.deal import Opportunity
from bot.deals.policy import Policy
from bot.deals.stuck import days_still, is_stuck
from bot.slack.block_kit import blocks
from bot.slack.block_kit.blocks import Block
from bot.slack.block_kit.mrkdwn import plain
from bot.slack.messages.deals.marking import offers, status_buttons
from bot.slack.messages.pieces import Installation
from bot.slack.wording import days, dotted


def deal_row(
    deal: Opportunity, now: datetime, installation: Installation, policy: Policy, *, can_mark: bool = True
) -> Sequence[Block]:
    """The deal in two lines, and below them a button for each status that it may get.

    `can_mark`: whether there are buttons; else the lines alone.
    """
    shown = blocks.section("\n".join(deal_lines(deal, now, installation, policy)))
    statuses = offers(deal, policy) if can_mark else ()
    buttons = status_buttons(deal, statuses, installation, policy, stands_out=False)
    return (shown, blocks.actions(*buttons)) if buttons else (shown,)


def deal_lines(deal: Opportunity, now: datetime, installation: Installation, policy: Policy) -> Sequence[str]:
    """Two lines: the deal with its value and its customer; its stage, and for how long it has been there."""
    where = plain(installation.locations.mentioned(deal.location_id))
    return (
        dotted(installation.priced(deal), installation.customer(deal)),
        dotted(_stands(deal, now, policy), where),
    )


def _stands(deal: Opportunity, now: datetime, policy: Policy) -> str:
    """Where the deal stands, for how long, and whether it is stuck: `In Negotiation for *34 days* · *stuck*`."""
    stage = plain(deal.stage or deal.pipeline or "")
    still = days_still(deal, now)
    place = f"In {stage}" if stage else "Open"
    if still is None:
        return place
    if is_stuck(deal, now, policy.stuck_days):
        return f"{place} for *{days(still)}* · *stuck*"
    return f"{place} for {days(still)}" if still else f"{place} since today"
