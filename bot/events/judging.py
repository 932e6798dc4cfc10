"""Decides what an event means once its deal was read: HighLevel says neither what it was, nor who changed it. Pure."""

from datetime import datetime, timedelta

from bot.deals.deal import Opportunity, Status
from bot.events.event import Decision, Kind, Known, Taken, Verdict
from bot.events.watch import Watch

FRESH = timedelta(days=1)
"""A deal that the bot did not know is news only if it changed so lately: HighLevel repeats for hours what it could not
deliver, and a workflow may be run for a thousand old deals."""


def judge(taken: Taken, deal: Opportunity, known: Known | None, *, ours: bool, now: datetime, watch: Watch) -> Decision:
    """What is to become of the events about a deal.

    `deal` as it is now. `known`: as the bot knew it before; `None` if it did not. `ours`: whether a command of the
    bot's wanted the status that the deal has, and could not find out whether it had given it.

    What the bot changed itself is known by the time this is asked: so it is not news. Without a memory a deal that is
    open counts as one that was just made, because new deals are open, and no reopened one is unknown for long.
    """
    if known and known.status == deal.status:
        return Decision(Verdict.UNCHANGED)
    if ours:
        return Decision(Verdict.OURS)
    if known is None and not _is_news(taken, deal, now):
        return Decision(Verdict.LEARNED)
    channel = watch.channel_of(deal)
    return Decision(None, channel, known) if channel else Decision(Verdict.NOT_WATCHED)


def _is_news(taken: Taken, deal: Opportunity, now: datetime) -> bool:
    """Whether a deal that the bot did not know has just been closed."""
    if deal.status == Status.OPEN or taken.kind is Kind.DELETED:
        return False
    return deal.since is None or now - deal.since < FRESH
