import asyncio
import math
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

from bot.deals.deal import LostReason, Matches, Opportunity, Status
from bot.deals.outcome import Cause, Trouble
from bot.deals.ports import CrmError
from bot.highlevel.api import errors
from bot.highlevel.api.auth import PrivateIntegration
from bot.highlevel.api.client import Attempts, Client
from bot.highlevel.api.errors import Details, HighLevelError
from bot.highlevel.causes import CAUSES, trouble
from bot.highlevel.crm import MOST_MATCHES, MOST_OWNED, HighLevelCrm
from bot.highlevel.names import MOST_OWNERS, NAMES_ERROR_TTL, NAMES_TTL, PATIENCE_FOR_NAMES, STALE_NAMES_TTL
from bot.http.client import HttpClient
from bot.simulator.highlevel.server import READ, WRITE, Fault, HighLevel
from bot.simulator.serving import served
from tests.memory import ours

pytestmark = pytest.mark.jumping_clock

TOKEN = "pit-not-a-token"
DEAL = "aB3dE5fG7hJ9kL1mN2pQ"
OWNER = "USER1"
PIPELINES: list[dict[str, Any]] = [{"id": "P1", "name": "New business", "stages": [{"id": "S1", "name": "Proposal"}]}]
REASONS: list[dict[str, Any]] = [{"id": "R1", "name": "Price"}, {"id": "R2", "name": "Timing"}]
DOWN = Fault(status=503, body="upstream connect error")


def _leaves(root: type[HighLevelError]) -> Iterator[type[HighLevelError]]:
    children = root.__subclasses__()
    if not children:
        yield root
    for child in children:
        yield from _leaves(child)


def _in(seconds: float) -> float:
    return asyncio.get_running_loop().time() + seconds


def _asked_for(highlevel: HighLevel, path: str) -> int:
    return sum(path in request.path for request in highlevel.received)


@pytest.fixture
def highlevel() -> HighLevel:
    highlevel = HighLevel()
    highlevel.add_token(TOKEN)
    highlevel.pipelines = PIPELINES
    highlevel.users[OWNER] = {"id": OWNER, "name": "Max Power"}
    return highlevel


@pytest.fixture
async def crm(highlevel: HighLevel) -> AsyncIterator[HighLevelCrm]:
    async with (
        served(highlevel.app()) as url,
        Client(
            base_url=url,
            auth=PrivateIntegration(TOKEN),
            version="2021-07-28",
            http=HttpClient("opp-status/0.0"),
            attempts=Attempts(most=1, connect=2.0, answer=0.5, pause=0.01),
        ) as client,
    ):
        yield HighLevelCrm(client, highlevel.location_id)


# --- errors ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(_leaves(HighLevelError)))
def test_every_error_has_a_cause(kind: type[HighLevelError]) -> None:
    assert kind in CAUSES


def test_no_two_errors_have_the_same_cause_but_that_highlevel_is_down_and_that_it_said_so_before() -> None:
    others = {error: cause for error, cause in CAUSES.items() if error is not errors.StillDown}

    assert len(set(others.values())) == len(others)
    assert CAUSES[errors.StillDown] is CAUSES[errors.Broken]
    assert CAUSES.keys() == set(_leaves(HighLevelError))


@pytest.mark.parametrize("kind", [kind for kind in _leaves(HighLevelError) if kind is not errors.RateLimited])
def test_a_cause_keeps_what_highlevel_said(kind: type[HighLevelError]) -> None:
    details = Details(422, ("One", "Two"), "fake-trace", "One Two")
    assert trouble(kind(details, retry_after=3.0)) == Trouble(
        CAUSES[kind], 3.0, ("One", "Two"), "HighLevel 422", "fake-trace"
    )


@pytest.mark.parametrize(("daily", "cause"), [(False, Cause.RATE_LIMITED), (True, Cause.DAILY_LIMIT)])
def test_a_full_interval_and_a_full_day_have_different_causes(cause: Cause, *, daily: bool) -> None:
    error = errors.RateLimited(Details(429), retry_after=7.0, daily=daily)
    assert trouble(error) == Trouble(cause, 7.0, (), "HighLevel 429")


def test_a_disconnected_error_says_why() -> None:
    assert trouble(errors.Disconnected(why=errors.Ending.APP)) == Trouble(
        Cause.RECONNECT, reasons=("the app was removed from the sub-account",), code="Disconnected"
    )


def test_the_code_of_an_error_without_an_answer_is_its_name() -> None:
    assert trouble(errors.TimedOut()) == Trouble(Cause.NO_ANSWER, code="TimedOut")


# --- finding -------------------------------------------------------------------------------------------------------


async def test_a_deal_is_found_with_all_its_fields(highlevel: HighLevel, crm: HighLevelCrm) -> None:
    highlevel.add_opportunity(
        DEAL,
        name="New website",
        status="lost",
        monetaryValue=4800,
        contact={"name": "Jane Doe", "companyName": "Acme Corp"},
        pipelineId="P1",
        pipelineStageId="S1",
        assignedTo=OWNER,
        lastStatusChangeAt="2026-07-17T10:29:27.911Z",
        lastStageChangeAt="2026-07-10T08:00:00.000Z",
        createdAt="2026-07-01T10:00:00.000Z",
    )
    assert await crm.find(DEAL, until=_in(5)) == Opportunity(
        id=DEAL,
        status="lost",
        name="New website",
        location_id=highlevel.location_id,
        value=4800.0,
        contact="Jane Doe",
        company="Acme Corp",
        pipeline_id="P1",
        stage_id="S1",
        owner_id=OWNER,
        since=datetime(2026, 7, 17, 10, 29, 27, 911000, UTC),
        stage_since=datetime(2026, 7, 10, 8, tzinfo=UTC),
        added=datetime(2026, 7, 1, 10, tzinfo=UTC),
    )


async def test_a_deal_of_another_location_is_not_found(highlevel: HighLevel, crm: HighLevelCrm) -> None:
    highlevel.add_opportunity(DEAL, locationId="ANOTHERxxxxxxxxxxxxx")
    with pytest.raises(CrmError) as caught:
        await crm.find(DEAL, until=_in(5))
    assert caught.value.trouble.cause is Cause.TOKEN_ELSEWHERE
    assert (caught.value.perhaps_done, caught.value.answered) == (False, True)


async def test_a_deal_without_a_location_counts_as_ours(highlevel: HighLevel, crm: HighLevelCrm) -> None:
    highlevel.add_opportunity(DEAL, locationId=None)
    assert (await crm.find(DEAL, until=_in(5))).location_id == highlevel.location_id


@pytest.mark.parametrize(
    ("deal", "fault", "cause", "perhaps_done", "answered"),
    [
        (DEAL, None, Cause.NOT_FOUND, False, True),
        ("..", None, Cause.NOT_FOUND, False, True),
        (DEAL, DOWN, Cause.SERVER_ERROR, True, True),
        (DEAL, Fault(drops=True), Cause.CUT_OFF, True, False),
        (DEAL, Fault(hangs=True), Cause.NO_ANSWER, True, False),
    ],
)
async def test_a_deal_that_cannot_be_read_raises_an_error_with_a_cause(
    highlevel: HighLevel,
    crm: HighLevelCrm,
    deal: str,
    fault: Fault | None,
    cause: Cause,
    *,
    perhaps_done: bool,
    answered: bool,
) -> None:
    if fault:
        highlevel.misbehave(fault)
    with structlog.testing.capture_logs() as logged, pytest.raises(CrmError) as caught:
        await crm.find(deal, until=_in(5))

    assert caught.value.trouble.cause is cause
    assert (caught.value.perhaps_done, caught.value.answered) == (perhaps_done, answered)
    assert [line["event"] for line in logged] == ["crm.error"]
    assert isinstance(logged[0]["cause"], str) == (cause in {Cause.CUT_OFF, Cause.NO_ANSWER})


# --- changing ------------------------------------------------------------------------------------------------------


async def test_setting_a_status_returns_highlevels_trace_id(highlevel: HighLevel, crm: HighLevelCrm) -> None:
    highlevel.add_opportunity(DEAL)
    with structlog.testing.capture_logs() as logged:
        trace_id = await crm.set_status(DEAL, Status.WON, until=_in(5), still_ours=ours)

    assert highlevel.opportunities[DEAL]["status"] == "won"
    assert len(trace_id) == 36
    assert logged == [
        {
            "event": "crm.accepted",
            "log_level": "debug",
            "opportunity": DEAL,
            "status": "won",
            "trace_id": trace_id,
        }
    ]


async def test_a_failed_write_says_whether_it_may_have_happened(highlevel: HighLevel, crm: HighLevelCrm) -> None:
    highlevel.add_opportunity(DEAL)
    highlevel.add_token(TOKEN, scopes=frozenset({READ}))
    with pytest.raises(CrmError) as refused:
        await crm.set_status(DEAL, Status.WON, until=_in(5), still_ours=ours)
    assert refused.value.trouble.cause is Cause.SCOPE_MISSING
    assert refused.value.trouble.reasons == ("The token is not authorized for this scope.",)
    assert not refused.value.perhaps_done

    highlevel.misbehave(DOWN)
    with pytest.raises(CrmError) as broken:
        await crm.set_status(DEAL, Status.WON, until=_in(5), still_ours=ours)
    assert broken.value.trouble.cause is Cause.SERVER_ERROR
    assert broken.value.perhaps_done


async def test_a_reservation_is_granted_until_the_days_requests_are_used_up(
    highlevel: HighLevel, crm: HighLevelCrm
) -> None:
    highlevel.add_opportunity(DEAL)
    highlevel.daily_limit = 1
    async with crm.reserve(until=_in(1)):
        await crm.find(DEAL, until=_in(1))
    with pytest.raises(CrmError) as caught:
        async with crm.reserve(until=_in(1)):
            raise AssertionError
    assert caught.value.trouble.cause is Cause.DAILY_LIMIT


# --- names ---------------------------------------------------------------------------------------------------------

PLAIN = Opportunity(DEAL, "open", pipeline_id="P1", stage_id="S1", owner_id=OWNER)


async def test_a_deal_is_described_with_the_names_of_its_pipeline_stage_and_owner(crm: HighLevelCrm) -> None:
    described = await crm.describe(PLAIN, until=_in(5))
    assert (described.pipeline, described.stage, described.owner) == ("New business", "Proposal", "Max Power")
    assert (described.id, described.status) == (DEAL, "open")


@pytest.mark.parametrize("opportunity", [Opportunity(DEAL, "open"), Opportunity(DEAL, "open", pipeline_id="P9")])
async def test_a_deal_without_a_known_pipeline_or_an_owner_gets_no_names(
    highlevel: HighLevel, crm: HighLevelCrm, opportunity: Opportunity
) -> None:
    described = await crm.describe(opportunity, until=_in(5))
    assert (described.pipeline, described.stage, described.owner) == (None, None, None)
    assert _asked_for(highlevel, "/users/") == 0


async def test_an_unknown_stage_gets_no_name(crm: HighLevelCrm) -> None:
    described = await crm.describe(Opportunity(DEAL, "open", pipeline_id="P1", stage_id="S9"), until=_in(5))
    assert (described.pipeline, described.stage) == ("New business", None)
    described = await crm.describe(Opportunity(DEAL, "open", pipeline_id="P1"), until=_in(5))
    assert (described.pipeline, described.stage) == ("New business", None)


async def test_names_are_read_once(highlevel: HighLevel, crm: HighLevelCrm) -> None:
    first = await crm.describe(PLAIN, until=_in(5))
    assert await crm.describe(PLAIN, until=_in(5)) == first
    assert (_asked_for(highlevel, "/pipelines"), _asked_for(highlevel, f"/users/{OWNER}")) == (1, 1)

    highlevel.users["USER2"] = {"id": "USER2", "name": "Ann Other"}
    other = Opportunity(DEAL, "open", owner_id="USER2")
    assert (await crm.describe(other, until=_in(5))).owner == "Ann Other"


async def test_ten_replies_at_once_read_the_names_once(highlevel: HighLevel, crm: HighLevelCrm) -> None:
    highlevel.misbehave(Fault(wait=0.1), times=2)
    described = await asyncio.gather(*(crm.describe(PLAIN, until=_in(5)) for _ in range(10)))
    assert {(each.pipeline, each.owner) for each in described} == {("New business", "Max Power")}
    assert len(highlevel.received) == 2


@pytest.mark.parametrize(
    "fault", [DOWN, Fault(drops=True), Fault(hangs=True), Fault(status=200, body={"odd": 1}), Fault(status=429)]
)
async def test_names_that_cannot_be_read_are_left_out_and_not_read_again_soon(
    highlevel: HighLevel, crm: HighLevelCrm, fault: Fault
) -> None:
    highlevel.misbehave(fault, times=math.inf)
    for _ in range(2):
        described = await crm.describe(PLAIN, until=_in(5))
        assert (described.pipeline, described.stage, described.owner) == (None, None, None)
    assert len(highlevel.received) == 2


async def test_an_owner_who_is_gone_or_cannot_be_read_is_left_out(highlevel: HighLevel, crm: HighLevelCrm) -> None:
    gone = Opportunity(DEAL, "open", pipeline_id="P1", owner_id="GONE")
    described = await crm.describe(gone, until=_in(5))
    assert (described.pipeline, described.owner) == ("New business", None)

    highlevel.add_token(TOKEN, scopes=frozenset({READ, WRITE}))
    described = await crm.describe(PLAIN, until=_in(5))
    assert (described.pipeline, described.owner) == ("New business", None)


@pytest.mark.parametrize("owner_id", ["", ".", "..", "a/b?c#d", "\ufffd"])
async def test_an_owners_id_may_be_anything(crm: HighLevelCrm, owner_id: str) -> None:
    described = await crm.describe(Opportunity(DEAL, "open", pipeline_id="P1", owner_id=owner_id), until=_in(5))
    assert (described.pipeline, described.owner) == ("New business", None)


async def test_a_reply_waits_for_names_no_longer_than_its_command_has_time(
    highlevel: HighLevel, crm: HighLevelCrm
) -> None:
    highlevel.misbehave(Fault(hangs=True), times=math.inf)
    began = _in(0)
    await crm.describe(PLAIN, until=_in(0.1))
    assert _in(0) - began < PATIENCE_FOR_NAMES / 2


async def test_the_last_names_stay_in_use_when_they_cannot_be_read_again(
    highlevel: HighLevel, crm: HighLevelCrm
) -> None:
    first = await crm.describe(PLAIN, until=_in(5))
    await asyncio.sleep(STALE_NAMES_TTL + NAMES_TTL)
    highlevel.misbehave(DOWN, times=math.inf)
    assert await crm.describe(PLAIN, until=_in(5)) == first
    assert (_asked_for(highlevel, "/pipelines"), _asked_for(highlevel, f"/users/{OWNER}")) == (2, 2)


async def test_older_names_are_used_while_they_are_read_again(highlevel: HighLevel, crm: HighLevelCrm) -> None:
    await crm.describe(PLAIN, until=_in(5))
    highlevel.users[OWNER]["name"] = "Mia Power"
    await asyncio.sleep(NAMES_TTL)
    highlevel.misbehave(Fault(wait=0.3), times=2)
    began = _in(0)
    assert [(await crm.describe(PLAIN, until=_in(5))).owner, _in(0)] == ["Max Power", began]
    await asyncio.sleep(1)
    assert (await crm.describe(PLAIN, until=_in(5))).owner == "Mia Power"


async def test_the_pipelines_that_a_check_has_read_are_known(highlevel: HighLevel, crm: HighLevelCrm) -> None:
    await crm.probe(until=_in(5))
    assert (await crm.describe(PLAIN, until=_in(5))).pipeline == "New business"
    assert _asked_for(highlevel, "/pipelines") == 1


async def test_names_that_highlevel_does_not_send_are_given_up_and_read_again_later(
    highlevel: HighLevel, crm: HighLevelCrm
) -> None:
    highlevel.misbehave(Fault(hangs=True), times=math.inf)
    began = _in(0)
    assert (await crm.describe(PLAIN, until=_in(60))).pipeline is None
    assert _in(0) - began <= PATIENCE_FOR_NAMES + 0.1
    await asyncio.sleep(NAMES_ERROR_TTL)
    highlevel.behave()
    assert (await crm.describe(PLAIN, until=_in(5))).pipeline == "New business"


async def test_a_thousand_owners_are_remembered(crm: HighLevelCrm, highlevel: HighLevel) -> None:
    assert MOST_OWNERS == 1000
    for owner in ("A", "B", "A", "B"):
        highlevel.users[owner] = {"id": owner, "name": owner}
        assert (await crm.describe(Opportunity(DEAL, "open", owner_id=owner), until=_in(5))).owner == owner
    assert [_asked_for(highlevel, f"/users/{owner}") for owner in "AB"] == [1, 1]


async def test_twenty_replies_at_once_read_each_kind_of_name_once(highlevel: HighLevel, crm: HighLevelCrm) -> None:
    highlevel.lost_reasons = REASONS
    highlevel.misbehave(Fault(wait=0.1), times=3)
    lost = Opportunity(DEAL, "lost", pipeline_id="P1", stage_id="S1", owner_id=OWNER, lost_reason_id="R1")
    described = await asyncio.gather(*(crm.describe(lost, until=_in(5)) for _ in range(20)))

    assert {(each.stage, each.owner, each.lost_reason) for each in described} == {("Proposal", "Max Power", "Price")}
    assert [_asked_for(highlevel, path) for path in ("/pipelines", "/users/", "/lost-reason")] == [1, 1, 1]


# --- searching -----------------------------------------------------------------------------------------------------


def _deal(number: int) -> str:
    return f"{number:020}"


async def test_a_search_returns_deals_with_pipeline_and_stage_in_one_request(
    highlevel: HighLevel, crm: HighLevelCrm
) -> None:
    contact = {"name": "Jane Doe", "companyName": "Acme Corp"}
    fields = {"pipelineId": "P1", "pipelineStageId": "S1", "assignedTo": OWNER, "contact": contact}
    unknown = {"lastStatusChangeAt": None, "lastStageChangeAt": None, "createdAt": None}
    highlevel.add_opportunity(DEAL, name="New website", **unknown, **fields)
    await crm.describe(PLAIN, until=_in(5))
    highlevel.received.clear()

    assert await crm.search("acme", until=_in(5)) == Matches(
        (
            Opportunity(
                id=DEAL,
                status="open",
                name="New website",
                location_id=highlevel.location_id,
                contact="Jane Doe",
                company="Acme Corp",
                pipeline_id="P1",
                stage_id="S1",
                owner_id=OWNER,
                pipeline="New business",
                stage="Proposal",
            ),
        ),
        more=False,
    )
    assert [request.path for request in highlevel.received] == ["/opportunities/search"]


async def test_a_search_that_finds_nothing_is_no_error_and_reads_no_names(
    highlevel: HighLevel, crm: HighLevelCrm
) -> None:
    assert await crm.search("acme", until=_in(5)) == Matches((), more=False)
    assert [request.path for request in highlevel.received] == ["/opportunities/search"]


async def test_open_deals_come_first_and_the_rest_keeps_highlevels_order(
    highlevel: HighLevel, crm: HighLevelCrm
) -> None:
    for number, status in enumerate(["won", "open", "lost", "open"]):
        highlevel.add_opportunity(_deal(number), name="Acme", status=status)
    deals = (await crm.search("acme", until=_in(5))).deals
    assert [deal.id for deal in deals] == [_deal(number) for number in (1, 3, 0, 2)]


async def test_an_open_deal_is_found_behind_99_closed_ones(highlevel: HighLevel, crm: HighLevelCrm) -> None:
    for number in range(100):
        highlevel.add_opportunity(_deal(number), name="Acme", status="open" if number == 99 else "won")
    found = await crm.search("acme", until=_in(5))
    assert ([deal.id for deal in found.deals[:2]], found.more) == ([_deal(99), _deal(0)], True)


@pytest.mark.parametrize(("there", "more"), [(MOST_MATCHES, False), (MOST_MATCHES + 1, True), (40, True)])
async def test_a_search_returns_ten_deals_and_whether_there_are_more(
    highlevel: HighLevel, crm: HighLevelCrm, there: int, *, more: bool
) -> None:
    for number in range(there):
        highlevel.add_opportunity(_deal(number), name="Acme")
    found = await crm.search("acme", until=_in(5))
    assert (len(found.deals), found.more) == (MOST_MATCHES, more)


async def test_more_deals_are_noticed_even_if_highlevel_does_not_say_how_many(
    highlevel: HighLevel, crm: HighLevelCrm
) -> None:
    listed = [{"id": _deal(number), "status": "open"} for number in range(MOST_MATCHES + 1)]
    highlevel.misbehave(Fault(status=200, body={"opportunities": listed}))
    assert (await crm.search("acme", until=_in(5))).more


async def test_a_deal_that_cannot_be_read_does_not_count_as_more(highlevel: HighLevel, crm: HighLevelCrm) -> None:
    highlevel.misbehave(Fault(status=200, body={"opportunities": [{"id": DEAL}], "meta": {"total": 1}}))
    assert await crm.search("acme", until=_in(5)) == Matches((), more=False)


async def test_deals_of_another_location_are_not_found(highlevel: HighLevel, crm: HighLevelCrm) -> None:
    highlevel.add_opportunity(_deal(1), name="Acme", locationId="ANOTHERxxxxxxxxxxxxx")
    highlevel.add_opportunity(_deal(2), name="Acme", locationId=None)
    found = await crm.search("acme", until=_in(5))
    assert ([deal.id for deal in found.deals], found.more) == ([_deal(2)], False)


async def test_the_open_deals_of_an_owner_come_in_one_request_the_longest_in_its_stage_first(
    highlevel: HighLevel, crm: HighLevelCrm
) -> None:
    here = {"assignedTo": OWNER, "pipelineId": "P1", "pipelineStageId": "S1", "monetaryValue": 4800}
    highlevel.add_opportunity("new", **here, lastStageChangeAt="2026-11-20T10:00:00.000Z")
    highlevel.add_opportunity("old", **here, lastStageChangeAt="2026-10-01T10:00:00.000Z")
    highlevel.add_opportunity("won", **here, status="won")
    highlevel.add_opportunity("another's", assignedTo="USER2")
    highlevel.add_opportunity("no one's")

    found = await crm.open_deals_of(OWNER, until=_in(5))

    assert [deal.id for deal in found.deals] == ["old", "new"]
    assert (found.deals[0].stage, found.deals[0].value) == ("Proposal", 4800)
    assert found.deals[0].stage_since == datetime(2026, 10, 1, 10, tzinfo=UTC)
    assert found.deals[0].added is not None
    assert not found.more
    assert _asked_for(highlevel, "/opportunities/search") == 1
    assert highlevel.writes() == []


async def test_an_owner_without_open_deals_has_none(highlevel: HighLevel, crm: HighLevelCrm) -> None:
    assert await crm.open_deals_of(OWNER, until=_in(5)) == Matches((), more=False)
    assert _asked_for(highlevel, "/opportunities/pipelines") == 0


async def test_an_owner_of_more_deals_than_are_listed_is_told_so(highlevel: HighLevel, crm: HighLevelCrm) -> None:
    for number in range(MOST_OWNED + 1):
        highlevel.add_opportunity(f"deal-{number}", assignedTo=OWNER)

    found = await crm.open_deals_of(OWNER, until=_in(5))

    assert (len(found.deals), found.more) == (MOST_OWNED, True)


async def test_open_deals_that_cannot_be_read_are_an_error_with_a_cause(
    highlevel: HighLevel, crm: HighLevelCrm
) -> None:
    highlevel.misbehave(DOWN, path="/opportunities/search")

    with pytest.raises(CrmError) as refused:
        await crm.open_deals_of(OWNER, until=_in(5))
    assert refused.value.trouble.cause is Cause.SERVER_ERROR


async def test_a_search_leaves_out_names_that_cannot_be_read(highlevel: HighLevel, crm: HighLevelCrm) -> None:
    highlevel.add_opportunity(DEAL, name="Acme", pipelineId="P1")
    highlevel.misbehave(DOWN, path="/pipelines")
    (deal,) = (await crm.search("acme", until=_in(5))).deals
    assert (deal.pipeline_id, deal.pipeline) == ("P1", None)


async def test_a_search_that_fails_is_an_error_with_a_cause(highlevel: HighLevel, crm: HighLevelCrm) -> None:
    highlevel.add_token(TOKEN, scopes=frozenset({WRITE}))
    with pytest.raises(CrmError) as caught:
        await crm.search("acme", until=_in(5))
    assert caught.value.trouble.cause is Cause.SCOPE_MISSING


# --- lost reasons --------------------------------------------------------------------------------------------------


async def test_lost_reasons_are_read_and_remembered(highlevel: HighLevel, crm: HighLevelCrm) -> None:
    highlevel.lost_reasons = REASONS
    for _ in range(2):
        assert await crm.lost_reasons(until=_in(5)) == (LostReason("R1", "Price"), LostReason("R2", "Timing"))
    assert [request.path for request in highlevel.received] == ["/opportunities/lost-reason"]


async def test_a_location_may_have_no_lost_reasons(crm: HighLevelCrm) -> None:
    assert await crm.lost_reasons(until=_in(5)) == ()


@pytest.mark.parametrize("fault", [None, DOWN, Fault(hangs=True), Fault(status=404, body={}), Fault(status=403)])
async def test_lost_reasons_that_cannot_be_read_are_none_and_not_read_again_soon(
    highlevel: HighLevel, crm: HighLevelCrm, fault: Fault | None
) -> None:
    highlevel.lost_reasons_forbidden = True
    if fault:
        highlevel.misbehave(fault, times=math.inf)
    for _ in range(2):
        assert await crm.lost_reasons(until=_in(5)) is None
    assert len(highlevel.received) == 1


async def test_a_lost_deal_is_described_with_its_reason(highlevel: HighLevel, crm: HighLevelCrm) -> None:
    highlevel.lost_reasons = REASONS
    for reason, name in (("R2", "Timing"), ("R9", None)):
        described = await crm.describe(Opportunity(DEAL, "lost", lost_reason_id=reason), until=_in(5))
        assert described.lost_reason == name
    assert _asked_for(highlevel, "/lost-reason") == 1


async def test_a_lost_reason_that_cannot_be_read_has_no_name(highlevel: HighLevel, crm: HighLevelCrm) -> None:
    highlevel.lost_reasons_forbidden = True
    described = await crm.describe(Opportunity(DEAL, "lost", lost_reason_id="R1"), until=_in(5))
    assert (described.lost_reason_id, described.lost_reason) == ("R1", None)


async def test_a_deal_without_a_lost_reason_reads_none(highlevel: HighLevel, crm: HighLevelCrm) -> None:
    await crm.describe(PLAIN, until=_in(5))
    assert _asked_for(highlevel, "/lost-reason") == 0


async def test_the_check_of_lost_reasons_asks_highlevel_every_time(highlevel: HighLevel, crm: HighLevelCrm) -> None:
    assert await crm.reads_lost_reasons(until=_in(5))
    highlevel.lost_reasons_forbidden = True
    assert not await crm.reads_lost_reasons(until=_in(5))
    highlevel.misbehave(Fault(status=403, body={"message": "no"}))
    assert not await crm.reads_lost_reasons(until=_in(5))
    highlevel.misbehave(DOWN)
    with pytest.raises(CrmError) as caught:
        await crm.reads_lost_reasons(until=_in(5))
    assert caught.value.trouble.cause is Cause.SERVER_ERROR


# --- probing -------------------------------------------------------------------------------------------------------


async def test_a_good_token_passes_the_probe_which_writes_nothing(highlevel: HighLevel, crm: HighLevelCrm) -> None:
    await crm.probe(until=_in(5))
    assert [request.path for request in highlevel.received] == ["/opportunities/pipelines"]
    assert highlevel.writes() == []


async def test_the_probe_asks_every_time(highlevel: HighLevel, crm: HighLevelCrm) -> None:
    await crm.describe(PLAIN, until=_in(5))
    await crm.probe(until=_in(5))
    await crm.probe(until=_in(5))
    assert _asked_for(highlevel, "/pipelines") == 3


async def test_the_probe_says_what_is_wrong_with_the_token(highlevel: HighLevel, crm: HighLevelCrm) -> None:
    async def cause() -> Cause:
        with pytest.raises(CrmError) as caught:
            await crm.probe(until=_in(5))
        return caught.value.trouble.cause

    highlevel.add_token(TOKEN, location_id="ANOTHERxxxxxxxxxxxxx")
    assert await cause() is Cause.TOKEN_ELSEWHERE
    highlevel.add_token(TOKEN, scopes=frozenset({WRITE}))
    assert await cause() is Cause.SCOPE_MISSING
    highlevel.tokens.clear()
    assert await cause() is Cause.TOKEN_INVALID
    highlevel.misbehave(DOWN)
    assert await cause() is Cause.SERVER_ERROR
