from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.deals.deal import STATES, Opportunity, Status
from bot.events.event import Decision, Kind, Known, Source, Taken, Verdict
from bot.events.judging import FRESH, judge
from bot.events.watch import Watch

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
WATCH = Watch(channels=dict.fromkeys(STATES, "C0WINS"), statuses=frozenset({Status.WON, Status.LOST}))
TAKEN = Taken((1,), Kind.CHANGED, Source.WEBHOOK, "location", "deal", 0.0, 0, 0)
WON = Opportunity("deal", "won", since=NOW)
OPEN = Known("open", None, None)


def _judge(
    deal: Opportunity = WON, known: Known | None = OPEN, *, kind: Kind = Kind.CHANGED, ours: bool = False
) -> Decision:
    return judge(replace(TAKEN, kind=kind), deal, known, ours=ours, now=NOW, watch=WATCH)


def test_a_deal_that_is_not_as_remembered_is_news_with_what_it_was() -> None:
    assert _judge() == Decision(None, "C0WINS", OPEN)


def test_a_deal_that_is_as_remembered_is_none() -> None:
    assert _judge(known=Known("won", None, None)).verdict is Verdict.UNCHANGED


def test_a_change_that_a_command_may_have_made_is_none() -> None:
    assert _judge(ours=True).verdict is Verdict.OURS
    assert _judge(known=None, ours=True).verdict is Verdict.OURS


def test_a_deal_that_is_not_remembered_is_news_if_it_was_closed_lately() -> None:
    old = replace(WON, since=NOW - FRESH)

    assert _judge(known=None) == Decision(None, "C0WINS", None)
    assert _judge(replace(WON, since=None), None).verdict is None
    assert _judge(replace(WON, since=NOW - FRESH + timedelta(seconds=1)), None).verdict is None
    assert _judge(old, None).verdict is Verdict.LEARNED
    assert _judge(old).verdict is None


@pytest.mark.parametrize("kind", Kind)
def test_a_new_deal_that_is_open_is_no_news(kind: Kind) -> None:
    assert _judge(replace(WON, status="open"), None, kind=kind).verdict is Verdict.LEARNED


def test_a_deal_that_is_closed_when_it_is_made_is_news() -> None:
    assert _judge(known=None, kind=Kind.CREATED).verdict is None
    assert _judge(known=None, kind=Kind.DELETED).verdict is Verdict.LEARNED


def test_a_change_to_a_status_that_is_not_watched_is_none() -> None:
    assert _judge(replace(WON, status="abandoned")).verdict is Verdict.NOT_WATCHED
