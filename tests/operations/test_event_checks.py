import pytest

from bot.deals.ports import StoreDown
from bot.events.event import Reception
from bot.events.ports import Heard
from bot.operations import diagnoses
from bot.operations.checks.events import MADE, EventChecks
from bot.operations.checks.findings import CheckId, Findings

SILENT = Heard(received=None, lately={}, polled=None)


async def _found(heard: Heard | Exception, *, is_expected: bool = True, polls_every: int = 0) -> Findings:
    async def hear() -> Heard:
        if isinstance(heard, Exception):
            raise heard
        return heard

    return await EventChecks(hear, is_expected=is_expected, polls_every=polls_every).run(everything=False)


def _ids(found: Findings) -> list[str]:
    return [diagnosis.id for diagnosis in found.notes]


async def test_where_nothing_is_posted_both_checks_are_well_without_a_look() -> None:
    assert await _found(StoreDown(), is_expected=False) == Findings(MADE)


async def test_a_database_that_is_away_is_told_by_its_own_check() -> None:
    assert await _found(StoreDown()) == Findings(MADE)


async def test_it_says_that_nothing_came_yet() -> None:
    assert _ids(await _found(SILENT)) == ["highlevel.webhooks.none"]


@pytest.mark.parametrize(
    ("seconds", "ago"), [(3.0, "0 minutes"), (61.0, "1 minute"), (1800.0, "30 minutes"), (7200.0, "2 hours")]
)
async def test_it_says_when_the_last_event_came(seconds: float, ago: str) -> None:
    found = await _found(Heard(received=seconds, lately={Reception.RECEIVED: 5}, polled=None))

    assert [diagnosis.words for diagnosis in found.notes] == [f"HighLevel last reported a change {ago} ago."]


async def test_it_says_how_many_were_refused_and_why() -> None:
    lately = {Reception.WRONG_SIGNATURE: 2, Reception.UNSIGNED: 3, Reception.OTHER_TYPE: 50, Reception.REPEATED: 4}
    found = await _found(Heard(received=60.0, lately=lately, polled=None))

    assert _ids(found) == ["highlevel.webhooks.latest", "highlevel.webhooks.refused"]
    assert "5 requests" in found.notes[1].words
    assert "(3 unsigned, 2 wrong_signature)" in found.notes[1].words


async def test_polling_fails_if_highlevel_has_not_answered_for_long() -> None:
    late, in_time = Heard(None, {}, polled=601.0), Heard(None, {}, polled=599.0)
    found = await _found(late, is_expected=False, polls_every=60)

    assert [diagnosis.id for diagnosis in found.failing] == ["highlevel.polling.late"]
    assert "10 minutes" in found.failing[0].words
    assert await _found(in_time, is_expected=False, polls_every=60) == Findings(MADE)
    assert await _found(late, is_expected=False) == Findings(MADE)


async def test_before_the_first_poll_there_is_a_note() -> None:
    found = await _found(SILENT, is_expected=False, polls_every=60)

    assert found == Findings(MADE, notes=(diagnoses.POLLING_NEVER,))
    assert CheckId.POLLING in found.made
