import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.highlevel.api.auth import PrivateIntegration
from bot.highlevel.api.client import Attempts, Client
from bot.highlevel.probe.dialogue import NOTHING_CHANGED, converse
from bot.highlevel.probe.findings import Finding, Question, Report, of_limits
from bot.highlevel.probe.trial import NO_REASONS, Listening, Probe
from bot.http.client import HttpClient
from bot.simulator.highlevel.server import READ, Fault, HighLevel
from bot.simulator.serving import served

pytestmark = pytest.mark.jumping_clock

TOKEN, READER = "pit-not-a-token", "pit-not-a-writer"
DEAL = "aB3dE5fG7hJ9kL1mN2pQ"
REASONS: list[dict[str, Any]] = [{"id": "R1", "name": "Price"}, {"id": "R2", "name": "Timing"}]


@pytest.fixture
def highlevel() -> HighLevel:
    highlevel = HighLevel()
    highlevel.add_token(TOKEN)
    highlevel.add_token(READER, scopes=frozenset({READ}))
    highlevel.lost_reasons = REASONS
    highlevel.add_opportunity(DEAL, name="Test deal")
    return highlevel


@asynccontextmanager
async def _opened(highlevel: HighLevel, token: str = TOKEN) -> AsyncIterator[Probe]:
    async with served(highlevel.app()) as url:
        listening = Listening(HttpClient("opp-status/0.0"))
        async with Client(
            base_url=url,
            auth=PrivateIntegration(token),
            version="2021-07-28",
            http=listening,
            attempts=Attempts(most=2, connect=2.0, answer=2.0, pause=0.01),
        ) as client:
            yield Probe(client, listening, highlevel.location_id)


async def _probed(highlevel: HighLevel, token: str = TOKEN) -> Report:
    async with _opened(highlevel, token) as probe:
        return await probe.run(await probe.look(DEAL))


def _found(report: Report) -> dict[Question, Any]:
    return {finding.question: finding.answer for finding in report.findings}


def _by_question(report: Report, question: Question) -> Finding:
    return next(finding for finding in report.findings if finding.question is question)


@pytest.mark.parametrize("shows", [True, False])
@pytest.mark.parametrize("keeps", [True, False])
async def test_a_probe_finds_out_how_highlevel_treats_lost_reasons(
    highlevel: HighLevel, *, shows: bool, keeps: bool
) -> None:
    highlevel.shows_lost_reason, highlevel.keeps_lost_reason = shows, keeps
    report = await _probed(highlevel)
    found = _found(report)
    assert set(found) == set(Question)
    assert found[Question.READ_SHOWS_REASON] is shows
    assert found[Question.SEARCH_SHOWS_REASON] is True
    assert found[Question.REOPENING_CLEARS_REASON] is not keeps
    assert found[Question.READ_AFTER_WRITE] is True
    assert report.well


@pytest.mark.parametrize(
    ("answer", "shape"), [({"success": True}, "success: true"), ({"succeded": True, "x": 1}, "succeded: true, x: int")]
)
async def test_a_probe_tells_the_shape_of_a_writes_answer(
    highlevel: HighLevel, answer: dict[str, Any], shape: str
) -> None:
    highlevel.write_answer = answer
    report = await _probed(highlevel)
    assert _found(report)[Question.WRITE_ANSWER] == f"200 {{{shape}, traceId: str}}"


async def test_a_probe_tells_that_a_write_answers_no_json(highlevel: HighLevel) -> None:
    highlevel.misbehave(Fault(carries_out=True, status=200, body=""), method="PUT")
    assert _found(await _probed(highlevel))[Question.WRITE_ANSWER] == "200 {no JSON}"


async def test_a_probe_measures_how_late_the_search_is(highlevel: HighLevel) -> None:
    highlevel.search_lag = 5.0
    lag = _by_question(await _probed(highlevel), Question.SEARCH_LAG)
    assert 4.5 <= float(str(lag.answer)) <= 7
    assert lag.works


async def test_a_search_that_is_later_than_the_bot_believes_is_not_expected(highlevel: HighLevel) -> None:
    highlevel.search_lag = 75.0
    report = await _probed(highlevel)
    assert not _by_question(report, Question.SEARCH_LAG).works
    assert not report.well


async def test_a_search_that_never_shows_the_change_leaves_the_lost_reason_open(highlevel: HighLevel) -> None:
    highlevel.search_lag = 1000.0
    report = await _probed(highlevel)
    assert _found(report)[Question.SEARCH_LAG] == "more than 90 s"
    assert _found(report)[Question.SEARCH_SHOWS_REASON] is False
    assert _found(report)[Question.REOPENING_CLEARS_REASON] is None
    assert report.restored
    assert not report.well


async def test_without_lost_reasons_a_probe_says_what_it_could_not_try(highlevel: HighLevel) -> None:
    highlevel.lost_reasons = []
    report = await _probed(highlevel)
    assert _by_question(report, Question.READ_SHOWS_REASON) == Finding(
        Question.READ_SHOWS_REASON, None, note=NO_REASONS
    )
    assert report.well


async def test_lost_reasons_that_may_not_be_read_are_as_good_as_none(highlevel: HighLevel) -> None:
    highlevel.lost_reasons_forbidden = True
    assert _found(await _probed(highlevel))[Question.READ_SHOWS_REASON] is None


@pytest.mark.parametrize("counts", [True, False])
async def test_a_probe_tells_which_headers_count_the_limits(highlevel: HighLevel, *, counts: bool) -> None:
    highlevel.counts_limits = counts
    headers = str(_found(await _probed(highlevel))[Question.LIMIT_HEADERS])
    assert ("x-ratelimit-max: 100" in headers) is counts
    assert (headers == "none") is not counts


def test_without_headers_the_documented_limit_is_assumed() -> None:
    assert of_limits({"date": "today"}).note == "100 in 10 seconds are assumed"


async def test_a_pace_at_which_calls_are_turned_away_is_not_expected(highlevel: HighLevel) -> None:
    async with _opened(highlevel) as probe:
        deal = await probe.look(DEAL)
        refuse = Fault(status=429, headers={"Retry-After": "1"}, body={"message": "Too Many Requests"})
        for _ in range(7):  # the reads before the pace is measured
            highlevel.misbehave(Fault(), path=DEAL)
        highlevel.misbehave(refuse, method="GET", path=DEAL, times=3)
        pace = _by_question(await probe.run(deal), Question.CALLS_A_SECOND)
    assert not pace.works
    assert "3 of them turned away" in pace.note


# --- the deal is as it was ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["open", "won", "abandoned"])
async def test_the_deal_is_put_back_as_it_was(highlevel: HighLevel, status: str) -> None:
    highlevel.opportunities[DEAL]["status"] = status
    report = await _probed(highlevel)
    assert report.restored
    assert highlevel.opportunities[DEAL]["status"] == status


@pytest.mark.parametrize("shows", [True, False])
async def test_a_lost_deal_is_put_back_with_its_reason(highlevel: HighLevel, *, shows: bool) -> None:
    highlevel.shows_lost_reason = shows
    highlevel.opportunities[DEAL] |= {"status": "lost", "lostReasonId": "R2"}
    report = await _probed(highlevel)
    assert report.well
    assert highlevel.opportunities[DEAL]["status"] == "lost"
    assert highlevel.opportunities[DEAL]["lostReasonId"] == "R2"


async def test_a_deal_that_could_not_be_changed_is_left_alone(highlevel: HighLevel) -> None:
    report = await _probed(highlevel, READER)
    assert "401" in report.stopped
    assert report.restored
    assert not report.well
    assert not highlevel.written


async def test_a_write_that_was_carried_out_without_an_answer_is_taken_back(highlevel: HighLevel) -> None:
    highlevel.misbehave(Fault(carries_out=True, status=502), method="PUT")
    report = await _probed(highlevel)
    assert report.stopped
    assert report.restored
    assert highlevel.opportunities[DEAL]["status"] == "open"


async def test_a_deal_that_could_not_be_put_back_is_told(highlevel: HighLevel) -> None:
    highlevel.misbehave(
        Fault(carries_out=True, status=200, body={}, then=lambda: highlevel.misbehave(Fault(status=503), times=99)),
        method="PUT",
    )
    said, report_is_well = await _said(highlevel, yes=True)
    assert not report_is_well
    assert "Test deal may not be as it was. Check it in HighLevel: it was open before." in said


async def test_an_operator_who_interrupts_gets_the_deal_back(highlevel: HighLevel) -> None:
    highlevel.search_lag = 1000.0
    async with _opened(highlevel) as probe:
        running = asyncio.create_task(probe.run(await probe.look(DEAL)))
        while highlevel.opportunities[DEAL]["status"] != "lost":
            await asyncio.sleep(0.1)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert highlevel.opportunities[DEAL]["status"] == "open"


# --- the dialogue -------------------------------------------------------------------------------------------------


async def _said(highlevel: HighLevel, *answers: str, yes: bool = False, as_json: bool = False) -> tuple[str, bool]:
    out, asked, given = io.StringIO(), [], iter(answers)

    def ask(question: str) -> str:
        asked.append(question)
        return next(given)

    async with _opened(highlevel) as probe:
        well = await converse(probe, DEAL, ask, out, yes=yes, as_json=as_json)
    return "".join([*asked, out.getvalue()]), well


@pytest.mark.parametrize("answer", ["", "n", "no", "what?"])
async def test_without_a_yes_nothing_changes(highlevel: HighLevel, answer: str) -> None:
    said, well = await _said(highlevel, answer)
    assert "Go on with Test deal (open)? [y/N]" in said
    assert said.endswith(f"{NOTHING_CHANGED}\n")
    assert not well
    assert not highlevel.written


@pytest.mark.parametrize("answer", ["y", "YES "])
async def test_a_probe_prints_a_table(highlevel: HighLevel, answer: str) -> None:
    said, well = await _said(highlevel, answer)
    assert well
    assert "Does a read show the lost reason?" in said
    assert said.endswith("Test deal is open again, as before.\n")
    assert "report it" not in said


async def test_the_table_says_what_to_report(highlevel: HighLevel) -> None:
    highlevel.search_lag = 75.0
    highlevel.lost_reasons = []
    said, _ = await _said(highlevel, yes=True)
    assert "Opp Status doesn't expect this, so report it. seconds" in said
    assert (
        f"not tried  {NO_REASONS}" in " ".join(said.split("  ")).replace("not tried ", "not tried  ")
        or NO_REASONS in said
    )


async def test_the_table_says_why_a_probe_stopped(highlevel: HighLevel) -> None:
    highlevel.misbehave(Fault(status=422, body={"message": "No"}), method="PUT")
    said, well = await _said(highlevel, yes=True)
    assert "Stopped early: a call to HighLevel failed (422)." in said
    assert not well


async def test_the_json_can_be_given_away(highlevel: HighLevel) -> None:
    said, _ = await _said(highlevel, yes=True, as_json=True)
    assert {each["question"] for each in json.loads(said)["findings"]} == set(Question)
    assert json.loads(said)["deal_is_as_before"] is True
    for secret in (TOKEN, DEAL, "Test deal", highlevel.location_id, "R1"):
        assert secret not in said


async def test_a_deal_that_cannot_be_read_is_not_touched(highlevel: HighLevel) -> None:
    del highlevel.opportunities[DEAL]
    said, well = await _said(highlevel, yes=True)
    assert said.startswith("Can't read this deal in HighLevel (404 Opportunity not found).")
    assert said.endswith(f"{NOTHING_CHANGED}\n")
    assert not well
