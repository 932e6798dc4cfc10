from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.access.requests import REMIND_AFTER, REQUEST_PAUSE, AccessRequest, RequestState
from bot.access.rules import Approved

AT = datetime(2026, 11, 25, 11, tzinfo=UTC)
ASKED = AccessRequest("REF", "U1", "T1", "C1", AT)
APPROVED = replace(ASKED, state=RequestState.APPROVED, decided_by="U0KIM", decided_at=AT)
DECLINED = replace(APPROVED, state=RequestState.DECLINED)
REVOKED = replace(APPROVED, state=RequestState.REVOKED, revoked_by="U0LEO", revoked_at=AT + timedelta(days=3))


def test_an_approval_says_whose_it_is_and_since_when() -> None:
    assert APPROVED.approved == Approved("U0KIM", AT)


@pytest.mark.parametrize("row", [ASKED, DECLINED, REVOKED, replace(APPROVED, decided_by=None)])
def test_nothing_else_is_an_approval(row: AccessRequest) -> None:
    assert row.approved is None


@pytest.mark.parametrize(("row", "no"), [(DECLINED, AT), (REVOKED, AT + timedelta(days=3))])
def test_after_a_no_nobody_asks_again_for_a_day(row: AccessRequest, no: datetime) -> None:
    assert row.rests(no)
    assert row.rests(no + REQUEST_PAUSE - timedelta(seconds=1))
    assert not row.rests(no + REQUEST_PAUSE)


@pytest.mark.parametrize(("row", "no"), [(DECLINED, AT), (REVOKED, AT + timedelta(days=3))])
def test_a_no_says_when_the_person_may_ask_again(row: AccessRequest, no: datetime) -> None:
    assert row.may_ask_again == no + REQUEST_PAUSE


def test_an_open_request_may_be_brought_to_mind_after_an_hour() -> None:
    assert not ASKED.may_remind(AT + REMIND_AFTER - timedelta(seconds=1))
    assert ASKED.may_remind(AT + REMIND_AFTER)
    assert not APPROVED.may_remind(AT + REMIND_AFTER)


@pytest.mark.parametrize("row", [ASKED, APPROVED, replace(DECLINED, decided_at=None)])
def test_without_a_no_there_is_nothing_to_wait_for(row: AccessRequest) -> None:
    assert not row.rests(AT)
