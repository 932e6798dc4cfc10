from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.record import Obstacle
from bot.status import Consent, Status, Wish
from tests.memory import CHANGE

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY = timedelta(hours=24)


def test_a_change_is_taken_back_to_what_the_deal_was_if_it_still_shows_what_was_set() -> None:
    assert CHANGE.undo(DAY, NOW) == Wish("deal", Status.OPEN, only_if="won", consent=Consent.GIVEN)


def test_a_deal_that_was_lost_for_a_reason_is_lost_for_it_again() -> None:
    lost = replace(CHANGE, before="lost", before_lost_reason_id="reason")

    assert lost.undo(DAY, NOW) == Wish("deal", Status.LOST, lost_reason_id="reason", only_if="won", consent=Consent.GIVEN)


def test_a_reason_that_was_left_on_an_open_deal_is_not_sent() -> None:
    assert replace(CHANGE, before_lost_reason_id="old").undo(DAY, NOW) == Wish("deal", Status.OPEN, only_if="won", consent=Consent.GIVEN)


@pytest.mark.parametrize(
    ("fields", "obstacle"),
    [
        ({"outcome": "already_so"}, Obstacle.NO_CHANGE),
        ({"outcome": "no_answer"}, Obstacle.NO_CHANGE),
        ({"outcome": None}, Obstacle.NOT_DONE),
        ({"outcome": "no_answer", "effect": "unknown"}, Obstacle.UNSURE),
        ({"undoes": "another"}, Obstacle.NO_CHANGE),
        ({"at": NOW - timedelta(hours=24, seconds=1)}, Obstacle.TOO_OLD),
        ({"before": "on hold"}, Obstacle.NO_STATUS),
        ({"before": "all"}, Obstacle.NO_STATUS),
        ({"before": None}, Obstacle.NO_STATUS),
    ],
)
def test_what_cannot_be_taken_back_says_why(fields: dict[str, Any], obstacle: Obstacle) -> None:
    assert replace(CHANGE, **fields).undo(DAY, NOW) is obstacle


def test_nothing_is_taken_back_where_it_is_switched_off() -> None:
    assert CHANGE.undo(timedelta(), NOW) is Obstacle.SWITCHED_OFF
