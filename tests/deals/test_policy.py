import pytest

from bot.deals.deal import Status
from bot.deals.policy import LostReasonMode
from tests.memory import policy


def test_the_statuses_on_offer_stand_in_the_order_people_know() -> None:
    assert policy(statuses=frozenset({Status.LOST, Status.OPEN})).offered == (Status.OPEN, Status.LOST)


@pytest.mark.parametrize(
    ("mode", "asks", "requires"),
    [
        (LostReasonMode.OPTIONAL, False, False),
        (LostReasonMode.ASK, True, False),
        (LostReasonMode.REQUIRED, False, True),
    ],
)
def test_a_lost_reason_is_left_out_asked_for_afterwards_or_required(
    mode: LostReasonMode, *, asks: bool, requires: bool
) -> None:
    decided = policy(lost_reason=mode)

    assert (decided.asks_for_reason, decided.requires_reason) == (asks, requires)
