import asyncio
import json
import math
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from bot.simulator.highlevel.search import STATUSES
from bot.simulator.highlevel.server import READ, USERS, VERSIONS, WRITE, Fault, HighLevel, Written
from bot.simulator.serving import served

pytestmark = pytest.mark.jumping_clock

TOKEN = "pit-not-a-token"
DEAL = "aB3dE5fG7hJ9kL1mN2pQ"
UNKNOWN_ID = "zZ9yY8xX7wW6vV5uU4tT"
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Version": "2021-07-28", "User-Agent": "opp-status/0.0"}


@pytest.fixture
def highlevel() -> HighLevel:
    highlevel = HighLevel()
    highlevel.add_token(TOKEN)
    highlevel.add_opportunity(DEAL)
    return highlevel


@pytest.fixture
async def http(highlevel: HighLevel) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        served(highlevel.app()) as url,
        httpx.AsyncClient(base_url=url, headers=HEADERS, timeout=5) as http,
    ):
        yield http


async def _get(http: httpx.AsyncClient, deal: str = DEAL, **headers: str) -> httpx.Response:
    return await http.get(f"/opportunities/{deal}", headers=headers)


async def _put(http: httpx.AsyncClient, body: object, deal: str = DEAL) -> httpx.Response:
    return await http.put(f"/opportunities/{deal}/status", json=body)


def _said(response: httpx.Response) -> tuple[int, Any]:
    body = response.json()
    assert body["statusCode"] == response.status_code
    assert body["traceId"]
    assert body["error"]
    return response.status_code, body["message"]


# --- deals ---------------------------------------------------------------------------------------------------------


async def test_a_deal_is_open_by_default(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    deal = (await _get(http)).json()["opportunity"]
    assert (deal["id"], deal["status"], deal["locationId"]) == (DEAL, "open", highlevel.location_id)
    assert datetime.fromisoformat(deal["lastStatusChangeAt"]).tzinfo == UTC

    highlevel.add_opportunity(UNKNOWN_ID, status="lost", monetaryValue=5)
    deal = (await _get(http, UNKNOWN_ID)).json()["opportunity"]
    assert (deal["status"], deal["monetaryValue"]) == ("lost", 5)


async def test_a_single_read_leaves_out_null_fields(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    highlevel.add_opportunity(DEAL, assignedTo=None)
    assert "assignedTo" not in (await _get(http)).json()["opportunity"]


@pytest.mark.parametrize("status", STATUSES)
async def test_a_status_is_set_and_nothing_else_moves(
    highlevel: HighLevel, http: httpx.AsyncClient, status: str
) -> None:
    before = dict(highlevel.add_opportunity(DEAL, status="none", lastStatusChangeAt="2026-01-01T00:00:00.000Z"))
    response = await _put(http, {"status": status})
    after = highlevel.opportunities[DEAL]

    assert response.status_code == 200
    assert response.json().keys() == {"success", "traceId"}
    assert response.json()["success"] is True
    assert after["status"] == status
    assert after["lastStatusChangeAt"] > before["lastStatusChangeAt"]
    moved = {name for name in after if after[name] != before.get(name)}
    assert moved == {"status", "lastStatusChangeAt"}


async def test_the_same_status_again_changes_nothing(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    before = dict(highlevel.add_opportunity(DEAL, lastStatusChangeAt="2026-01-01T00:00:00.000Z"))
    assert (await _put(http, {"status": "open"})).status_code == 200
    assert highlevel.opportunities[DEAL] == {**before, "lostReasonId": None}


async def test_a_lost_reason_must_be_one_of_the_locations(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    highlevel.lost_reasons = [{"id": "REASON1", "name": "Price"}]
    assert _said(await _put(http, {"status": "lost", "lostReasonId": "REASON2"})) == (422, ["lostReasonId is invalid"])
    assert highlevel.opportunities[DEAL]["status"] == "open"

    assert (await _put(http, {"status": "lost", "lostReasonId": "REASON1"})).status_code == 200
    assert highlevel.opportunities[DEAL]["lostReasonId"] == "REASON1"
    listed = (await http.get("/opportunities/lost-reason", params={"locationId": highlevel.location_id})).json()
    assert (listed["lostReasons"], listed["total"]) == ([{"id": "REASON1", "name": "Price"}], 1)


async def test_a_refusal_names_everything_wrong_with_a_body(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    status, message = _said(await _put(http, {"status": "Won", "pipelineId": "P1", "reason": "x"}))
    assert status == 422
    assert message == [
        "property pipelineId should not exist",
        "property reason should not exist",
        "status must be one of the following values: open, won, lost, abandoned, all",
    ]
    assert highlevel.opportunities[DEAL]["status"] == "open"


async def test_a_body_without_status_is_refused(http: httpx.AsyncClient) -> None:
    assert _said(await _put(http, {}))[0] == 422


@pytest.mark.parametrize(
    ("deal", "status", "message"),
    [(UNKNOWN_ID, 404, "Opportunity not found"), ("short", 400, "The opportunity id is invalid.")],
)
async def test_an_unknown_or_malformed_id_is_refused(
    http: httpx.AsyncClient, deal: str, status: int, message: str
) -> None:
    assert _said(await _get(http, deal)) == (status, message)
    response = await _put(http, {"status": "won"}, deal)
    assert _said(response) == (status, message)
    assert response.json().get("code") == ("OPPORTUNITY_NOT_FOUND" if status == 404 else None)


async def test_pipelines_and_users_can_be_read(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    highlevel.pipelines = [{"id": "P1", "name": "New business", "stages": []}]
    highlevel.users["USER1"] = {"id": "USER1", "name": "Max Power"}
    found = (await http.get("/opportunities/pipelines", params={"locationId": highlevel.location_id})).json()
    assert found["pipelines"] == highlevel.pipelines
    assert (await http.get("/users/USER1")).json()["name"] == "Max Power"
    assert _said(await http.get("/users/UNKNOWN")) == (401, "The user does not exist.")


async def test_an_unknown_route_is_a_404_that_names_it(http: httpx.AsyncClient) -> None:
    assert _said(await http.get("/opportunity/x")) == (404, "Cannot GET /opportunity/x")
    assert (await http.post(f"/opportunities/{DEAL}")).status_code == 405


# --- lost reasons --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keeps", [False, True])
async def test_a_reopened_deal_loses_its_lost_reason_by_default(
    highlevel: HighLevel, http: httpx.AsyncClient, *, keeps: bool
) -> None:
    highlevel.keeps_lost_reason, highlevel.shows_lost_reason = keeps, True
    highlevel.add_opportunity(DEAL, status="lost", lostReasonId="R1")
    await _put(http, {"status": "open"})
    assert (await _get(http)).json()["opportunity"].get("lostReasonId") == ("R1" if keeps else None)


@pytest.mark.parametrize("shows", [False, True])
async def test_a_lost_reason_is_shown_by_the_search_and_by_a_single_answer_only_on_request(
    highlevel: HighLevel, http: httpx.AsyncClient, *, shows: bool
) -> None:
    highlevel.shows_lost_reason = shows
    highlevel.add_opportunity(DEAL, status="lost", lostReasonId="R1")
    highlevel.add_opportunity(f"{DEAL[:-1]}x", status="lost")
    query = {"location_id": highlevel.location_id, "id": DEAL}
    (row,) = (await http.get("/opportunities/search", params=query)).json()["opportunities"]

    assert (row["id"], row["lostReasonId"]) == (DEAL, "R1")
    assert (await _get(http)).json()["opportunity"].get("lostReasonId") == ("R1" if shows else None)


async def test_the_same_status_again_may_set_a_lost_reason(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    highlevel.lost_reasons = [{"id": "R1", "name": "Price"}]
    before = dict(highlevel.add_opportunity(DEAL, status="lost"))
    assert (await _put(http, {"status": "lost", "lostReasonId": "R1"})).status_code == 200
    assert highlevel.opportunities[DEAL] == {**before, "lostReasonId": "R1"}


async def test_lost_reasons_may_be_forbidden(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    highlevel.lost_reasons_forbidden = True
    response = await http.get("/opportunities/lost-reason", params={"locationId": highlevel.location_id})
    assert _said(response) == (401, "The token is not authorized for this scope.")


# --- the search ----------------------------------------------------------------------------------------------------

ACME = {
    "name": "New website",
    "contact": {
        "name": "Jane O'Neill",
        "companyName": "Acme Corp",
        "email": "jane@acme.example",
        "phone": "+1 555-0100",
        "tags": ["VIP", "berlin"],
    },
}


async def _search(http: httpx.AsyncClient, version: str = "2021-07-28", **query: str) -> httpx.Response:
    location = {} if {"location_id", "locationId"} & query.keys() else {"location_id": "LOCATIONxxxxxxxxxxxx"}
    return await http.get("/opportunities/search", params=location | query, headers={"Version": version})


async def _found(http: httpx.AsyncClient, **query: str) -> list[str]:
    return [deal["id"] for deal in (await _search(http, **query)).json()["opportunities"]]


@pytest.mark.parametrize(
    "query",
    [
        "new",
        "WEBSITE",
        "web new",
        "jane",
        "o'n",
        "neill",
        "acme corp",
        "jane@acme.ex",
        "vip",
        "+1 (555) 01",
        "1555",
        "",
    ],
)
async def test_a_deal_is_found_by_the_beginnings_of_its_words(
    highlevel: HighLevel, http: httpx.AsyncClient, query: str
) -> None:
    highlevel.add_opportunity(DEAL, **ACME)
    assert await _found(http, q=query) == [DEAL]


@pytest.mark.parametrize("query", ["ebsite", "new acmee", "555", "+2", "x"])
async def test_a_deal_is_not_found_by_anything_else(highlevel: HighLevel, http: httpx.AsyncClient, query: str) -> None:
    highlevel.add_opportunity(DEAL, **ACME)
    highlevel.add_opportunity(UNKNOWN_ID, name=None, contact=None)
    assert await _found(http, q=query) == []


async def test_the_search_shows_null_fields(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    body = (await _search(http)).json()
    (deal,) = body["opportunities"]
    assert deal.items() >= highlevel.opportunities[DEAL].items()
    assert (deal["assignedTo"], deal["lostReasonId"], deal["contact"]) == (None, None, None)
    assert body.keys() == {"opportunities", "meta", "aggregations", "traceId"}


async def test_the_search_shows_a_page_and_says_how_many_there_are(
    highlevel: HighLevel, http: httpx.AsyncClient
) -> None:
    highlevel.add_opportunity(UNKNOWN_ID)
    first = (await _search(http, limit="1")).json()
    last = (await _search(http, limit="1", page="2")).json()
    beyond = (await _search(http, limit="1", page="3")).json()

    assert [[deal["id"] for deal in page["opportunities"]] for page in (first, last, beyond)] == [
        [DEAL],
        [UNKNOWN_ID],
        [],
    ]
    assert first["meta"].keys() == {
        *("total", "nextPageUrl", "startAfterId", "startAfter", "currentPage", "nextPage", "prevPage")
    }
    pages = [(page["meta"]["total"], page["meta"]["prevPage"], page["meta"]["nextPage"]) for page in (first, last)]
    assert pages == [(2, None, 2), (2, 1, None)]
    assert "page=2" in first["meta"]["nextPageUrl"]


async def test_the_search_can_filter_by_status(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    highlevel.add_opportunity(UNKNOWN_ID, status="won")
    assert await _found(http, status="won") == [UNKNOWN_ID]
    assert await _found(http, status="all") == [DEAL, UNKNOWN_ID]


@pytest.mark.parametrize(
    ("version", "query", "complaints"),
    [
        ("2021-07-28", {"sortBy": "x"}, ["property sortBy should not exist"]),
        (
            "2021-07-28",
            {"locationId": "LOCATIONxxxxxxxxxxxx"},
            ["property locationId should not exist", "location_id can't be undefined"],
        ),
        ("v3", {}, ["property location_id should not exist", "locationId can't be undefined"]),
        ("v3", {"locationId": "LOCATIONxxxxxxxxxxxx", "pipeline_id": "P"}, ["property pipeline_id should not exist"]),
        ("2021-07-28", {"limit": "101"}, ["limit must not be greater than 100"]),
        ("2021-07-28", {"q": "x" * 76}, ["q must be shorter than or equal to 75 characters"]),
        ("2021-07-28", {"limit": "many"}, ["limit must be a number"]),
        (
            "2021-07-28",
            {"status": "Won"},
            ["status must be one of the following values: open, won, lost, abandoned, all"],
        ),
    ],
)
async def test_the_search_refuses_unknown_parameters(
    http: httpx.AsyncClient, version: str, query: dict[str, str], complaints: list[str]
) -> None:
    assert _said(await _search(http, version, **query)) == (422, complaints)


async def test_the_search_has_other_parameter_names_since_v3(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    found = await _search(http, "v3", locationId=highlevel.location_id, q="deal")
    assert found.json()["meta"]["total"] == 1


async def test_the_search_needs_a_token_of_the_location_with_the_read_scope(
    highlevel: HighLevel, http: httpx.AsyncClient
) -> None:
    assert (await _search(http, location_id="ANOTHER")).status_code == 403
    highlevel.add_token(TOKEN, scopes=frozenset({WRITE}))
    assert (await _search(http)).status_code == 401


async def test_the_search_may_lag_behind(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    highlevel.search_lag = 0.3
    highlevel.add_opportunity(UNKNOWN_ID)
    await _put(http, {"status": "won"})
    await _put(http, {"status": "lost"})
    assert await _found(http, status="open") == [DEAL]
    assert (await _get(http)).json()["opportunity"]["status"] == "lost"
    await asyncio.sleep(0.35)
    assert await _found(http, status="lost") == [DEAL]
    assert await _found(http, status="open") == [UNKNOWN_ID]


# --- who may -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("agent", ["python-httpx/0.28.1", "Python-urllib/3.11", "aiohttp/3.14", "Python/3.11 aiohttp"])
async def test_pythons_own_user_agents_are_banned(http: httpx.AsyncClient, agent: str) -> None:
    response = await _get(http, **{"User-Agent": agent})
    assert (response.status_code, response.text) == (403, "error code: 1010")
    assert response.headers["Content-Type"].startswith("text/html")


async def test_a_request_without_a_user_agent_is_banned_too(highlevel: HighLevel) -> None:
    async with served(highlevel.app()) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"403" in await reader.readline()
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("version", sorted(VERSIONS))
async def test_every_published_version_is_accepted(http: httpx.AsyncClient, version: str) -> None:
    assert (await _get(http, Version=version)).status_code == 200


async def test_a_version_is_required_and_must_be_published(http: httpx.AsyncClient) -> None:
    assert _said(await _get(http, Version="2020-01-01")) == (401, "version header is invalid")
    del http.headers["Version"]
    assert _said(await _get(http)) == (401, "version header was not found.")


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer pit-another", TOKEN[:-1], f"Basic {TOKEN}"])
async def test_a_token_must_be_known(http: httpx.AsyncClient, authorization: str) -> None:
    response = await _get(http, Authorization=authorization)
    assert _said(response) == (401, "Invalid Private Integration token")


@pytest.mark.parametrize("missing", [READ, WRITE, USERS])
async def test_each_call_needs_its_scope(highlevel: HighLevel, http: httpx.AsyncClient, missing: str) -> None:
    highlevel.users["USER1"] = {"id": "USER1", "name": "Max Power"}
    highlevel.add_token(TOKEN, scopes=frozenset({READ, WRITE, USERS} - {missing}))
    answers = {
        READ: await _get(http),
        WRITE: await _put(http, {"status": "won"}),
        USERS: await http.get("/users/USER1"),
    }
    for scope, response in answers.items():
        assert response.status_code == (401 if scope == missing else 200)
    assert _said(answers[missing]) == (401, "The token is not authorized for this scope.")


async def test_a_token_may_have_no_scope_at_all(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    highlevel.add_token(TOKEN, scopes=frozenset())
    assert (await _get(http)).status_code == 401


async def test_a_token_of_the_agency_is_good_for_no_location(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    highlevel.add_token(TOKEN, of_agency=True)
    for answer in (await _get(http), await _put(http, {"status": "won"})):
        assert _said(answer) == (401, "This authClass type is not allowed to access this scope.")


async def test_the_clock_may_be_ahead(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    right = parsedate_to_datetime((await _get(http)).headers["Date"])
    highlevel.clock_ahead = 3600
    wrong = parsedate_to_datetime((await _get(http)).headers["Date"])

    assert 3590 < (wrong - right).total_seconds() < 3700


async def test_a_token_is_good_for_its_own_location(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    foreign = "The token does not have access to this location."
    pipelines = "/opportunities/pipelines"
    assert _said(await http.get(pipelines, params={"locationId": "ANOTHER"})) == (403, foreign)
    highlevel.add_token(TOKEN, location_id="ANOTHER")
    assert _said(await _get(http)) == (403, foreign)
    assert _said(await http.get(pipelines, params={"locationId": highlevel.location_id})) == (403, foreign)


# --- rate limits ---------------------------------------------------------------------------------------------------


async def test_every_answer_carries_the_rate_limit_headers(http: httpx.AsyncClient) -> None:
    for remaining in (99, 98):
        headers = (await _get(http)).headers
        assert headers["X-RateLimit-Max"] == "100"
        assert headers["X-RateLimit-Remaining"] == str(remaining)
        assert headers["X-RateLimit-Interval-Milliseconds"] == "10000"
        assert headers["X-RateLimit-Limit-Daily"] == "200000"
        assert headers["X-RateLimit-Daily-Remaining"] == str(199_900 + remaining)
        assert headers["X-RateLimit-Daily-Reset"].isdigit()


async def test_a_burst_is_limited_until_its_window_is_over(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    highlevel.burst_limit, highlevel.burst_seconds = 2, 0.2
    assert [(await _get(http)).status_code for _ in range(3)] == [200, 200, 429]
    refused = await _put(http, {"status": "won"})
    assert _said(refused) == (429, "Too Many Requests")
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert "Retry-After" not in refused.headers
    assert highlevel.opportunities[DEAL]["status"] == "open"
    await asyncio.sleep(0.21)
    assert (await _get(http)).status_code == 200


async def test_a_day_is_limited(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    highlevel.daily_limit = 1
    assert (await _get(http)).status_code == 200
    refused = await _get(http)
    assert refused.status_code == 429
    assert refused.headers["X-RateLimit-Daily-Remaining"] == "0"


# --- faults --------------------------------------------------------------------------------------------------------


async def test_a_fault_may_answer_anything(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    highlevel.misbehave(Fault(status=503, body="upstream connect error", headers={"X-Odd": "1"}))
    response = await _put(http, {"status": "won"})
    assert (response.status_code, response.text, response.headers["X-Odd"]) == (503, "upstream connect error", "1")
    assert response.headers["Content-Type"].startswith("text/html")
    assert highlevel.opportunities[DEAL]["status"] == "open"

    highlevel.misbehave(Fault(status=200, body={"success": False}))
    response = await _put(http, {"status": "won"})
    assert (response.status_code, response.json()) == (200, {"success": False})


async def test_a_fault_may_have_rate_limit_headers_of_its_own(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    highlevel.misbehave(Fault(status=429, body={}, headers={"X-RateLimit-Remaining": "0"}))
    assert (await _get(http)).headers["X-RateLimit-Remaining"] == "0"


async def test_a_request_may_be_carried_out_and_answered_wrongly(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    highlevel.misbehave(Fault(carries_out=True, status=500))
    assert (await _put(http, {"status": "won"})).status_code == 500
    assert highlevel.opportunities[DEAL]["status"] == "won"


@pytest.mark.parametrize("carries_out", [False, True])
async def test_a_connection_may_break(highlevel: HighLevel, http: httpx.AsyncClient, *, carries_out: bool) -> None:
    highlevel.misbehave(Fault(drops=True, carries_out=carries_out))
    with pytest.raises(httpx.RemoteProtocolError):
        await _put(http, {"status": "won"})
    assert (highlevel.opportunities[DEAL]["status"] == "won") == carries_out


@pytest.mark.parametrize("carries_out", [False, True])
async def test_an_answer_may_never_come(highlevel: HighLevel, http: httpx.AsyncClient, *, carries_out: bool) -> None:
    highlevel.misbehave(Fault(hangs=True, carries_out=carries_out))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(_put(http, {"status": "won"}), 0.1)
    assert (highlevel.opportunities[DEAL]["status"] == "won") == carries_out


async def test_a_request_that_is_carried_out_is_carried_out_once(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    highlevel.misbehave(Fault(carries_out=True))
    first = await _put(http, {"status": "won"})
    changed = highlevel.opportunities[DEAL]["lastStatusChangeAt"]

    assert first.status_code == 200
    assert highlevel.opportunities[DEAL]["lastStatusChangeAt"] == changed


@pytest.mark.parametrize(("body", "status"), [(b"{", 400), (b"[]", 422), (b"null", 422)])
async def test_a_body_that_is_no_object_is_refused(http: httpx.AsyncClient, body: bytes, status: int) -> None:
    answer = await http.put(f"/opportunities/{DEAL}/status", content=body)

    assert answer.status_code == status


async def test_an_answer_may_be_slow(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    highlevel.misbehave(Fault(wait=0.2))
    slow = asyncio.ensure_future(_put(http, {"status": "won"}))
    await asyncio.sleep(0.1)
    assert highlevel.opportunities[DEAL]["status"] == "open"
    assert (await slow).status_code == 200
    assert highlevel.opportunities[DEAL]["status"] == "won"


async def test_a_request_that_the_client_gives_up_during_the_wait_is_not_carried_out(
    highlevel: HighLevel, http: httpx.AsyncClient
) -> None:
    highlevel.misbehave(Fault(wait=0.2))
    with suppress(TimeoutError):
        await asyncio.wait_for(_put(http, {"status": "won"}), 0.05)
    await asyncio.sleep(0.3)
    assert highlevel.opportunities[DEAL]["status"] == "open"


async def test_every_write_is_recorded_even_if_it_changes_nothing(
    highlevel: HighLevel, http: httpx.AsyncClient
) -> None:
    await _put(http, {"status": "won"})
    await _put(http, {"status": "won"})
    await _put(http, {"status": "nonsense"})
    assert highlevel.written == [Written(DEAL, "open", "won"), Written(DEAL, "won", "won")]


@pytest.mark.parametrize("carries_out", [True, False])
async def test_a_fault_can_call_a_function_before_the_answer(
    highlevel: HighLevel, http: httpx.AsyncClient, *, carries_out: bool
) -> None:
    seen: list[str] = []
    highlevel.misbehave(
        Fault(carries_out=carries_out, then=lambda: seen.append(highlevel.opportunities[DEAL]["status"]))
    )
    assert (await _put(http, {"status": "won"})).is_success
    assert seen == ["won" if carries_out else "open"]
    assert len(highlevel.written) == 1


async def test_a_fault_can_call_a_function_after_the_answer(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    seen: list[str] = []
    highlevel.misbehave(Fault(afterwards=lambda: seen.append(highlevel.opportunities[DEAL]["status"])))
    assert (await _put(http, {"status": "won"})).is_success
    assert seen == ["won"]


async def test_a_fault_hits_only_requests_with_its_method_and_path(
    highlevel: HighLevel, http: httpx.AsyncClient
) -> None:
    highlevel.add_opportunity(UNKNOWN_ID)
    highlevel.misbehave(Fault(status=500), method="PUT", path=DEAL, times=2)
    assert (await _get(http)).status_code == 200
    assert (await _put(http, {"status": "won"}, UNKNOWN_ID)).status_code == 200
    assert [(await _put(http, {"status": "won"})).status_code for _ in range(3)] == [500, 500, 200]


async def test_faults_happen_in_the_order_in_which_they_were_planned(
    highlevel: HighLevel, http: httpx.AsyncClient
) -> None:
    highlevel.misbehave(Fault(status=500))
    highlevel.misbehave(Fault(status=502))
    assert [(await _get(http)).status_code for _ in range(3)] == [500, 502, 200]


async def test_behave_ends_every_fault(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    highlevel.misbehave(Fault(status=500), times=math.inf)
    assert [(await _get(http)).status_code for _ in range(3)] == [500, 500, 500]
    highlevel.behave()
    assert (await _get(http)).status_code == 200


# --- what it noted -------------------------------------------------------------------------------------------------


async def test_every_request_is_recorded_even_a_refused_one(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    await http.get("/opportunities/a%2Fb", params={"q": "1"})
    await _put(http, {"status": "won"})
    await _get(http, **{"User-Agent": "python"})

    first, second, third = highlevel.received
    assert (first.method, first.path, first.query, first.body) == ("GET", "/opportunities/a%2Fb", {"q": "1"}, b"")
    assert first.headers["Version"] == "2021-07-28"
    assert json.loads(second.body) == {"status": "won"}
    assert third.headers["User-Agent"] == "python"
    assert highlevel.writes() == [second]


async def test_the_users_of_a_location_are_listed_for_it_alone_and_not_in_v3(
    highlevel: HighLevel, http: httpx.AsyncClient
) -> None:
    here, there = ({"locationIds": [place]} for place in (highlevel.location_id, "ELSEWHERE"))
    highlevel.users = {
        "U1": {"id": "U1", "email": "ana@acme.example", "roles": here},
        "U2": {"id": "U2", "roles": there},
        "U3": {"id": "U3", "deleted": True},
        "U4": {"id": "U4"},
    }
    asked = {"locationId": highlevel.location_id}

    assert [user["id"] for user in (await http.get("/users/", params=asked)).json()["users"]] == ["U1", "U4"]
    assert _said(await http.get("/users/"))[0] == 422
    assert (await http.get("/users/", params=asked, headers={"Version": "v3"})).status_code == 404
    highlevel.lists_users = False
    assert (await http.get("/users/", params=asked)).json()["users"] == []
