"""The stand-in's newer search refuses what HighLevel refuses, as far as the bot uses it, and finds what it finds."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from bot.highlevel.api.searches import Field, Search, Span, search, search_changed
from bot.simulator.highlevel.search import complaints_about_search, found
from bot.simulator.highlevel.server import HighLevel
from bot.simulator.serving import served

BODY = dict(search_changed("L", None, 1).body or {})
NOW, NOVEMBER = datetime(2026, 11, 28, 10, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)
RANGE = {"field": "last_status_change_date", "operator": "range", "value": {"gte": 1}}
DEALS: list[dict[str, Any]] = [
    {
        "id": "a",
        "status": "open",
        "monetaryValue": 100,
        "assignedTo": "ana",
        "lastStageChangeAt": "2026-11-01T10:00:00Z",
    },
    {"id": "b", "status": "open", "assignedTo": "ben", "lastStageChangeAt": "2026-10-01T10:00:00Z"},
    {
        "id": "c",
        "status": "won",
        "monetaryValue": 900,
        "pipelineId": "new",
        "lastStageChangeAt": "2026-11-20T10:00:00Z",
    },
    {"id": "d", "status": "open", "monetaryValue": 500},
]


def _body(asked: Search) -> dict[str, Any]:
    return dict(search("L", asked).body or {})


def _ids(asked: Search) -> str:
    body = _body(asked)
    assert complaints_about_search(body) == []
    return "".join(deal["id"] for deal in found(DEALS, body))


def test_what_the_bot_sends_is_accepted() -> None:
    assert complaints_about_search(BODY) == []
    assert (
        complaints_about_search(_body(Search(Field.STATUS_CHANGED, spans=(Span(Field.STATUS_CHANGED, NOW, NOW),))))
        == []
    )


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        (Search(Field.VALUE, ((Field.STATUS, "open"),), descending=True), "dab"),
        (Search(Field.VALUE, ((Field.STATUS, "open"), (Field.OWNER, "ben"))), "b"),
        (Search(Field.VALUE, ((Field.PIPELINE, "new"),)), "c"),
        (
            Search(Field.STAGE_CHANGED, spans=(Span(Field.STAGE_CHANGED, until=datetime(2026, 11, 2, tzinfo=UTC)),)),
            "ba",
        ),
        (Search(Field.STAGE_CHANGED, spans=(Span(Field.STAGE_CHANGED, datetime(2026, 11, 2, tzinfo=UTC)),)), "c"),
        (Search(Field.STATUS_CHANGED, spans=(Span(Field.STATUS_CHANGED, NOW),)), ""),
    ],
)
def test_a_search_finds_by_status_owner_pipeline_and_time_in_its_order(asked: Search, ids: str) -> None:
    assert _ids(asked) == ids


def test_a_list_where_a_word_is_wanted_finds_nothing_and_is_no_error() -> None:
    body = BODY | {"filters": [{"field": "status", "operator": "eq", "value": ["open"]}]}

    assert complaints_about_search(body) == []
    assert found(DEALS, body) == []


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ([], "body must be an object"),
        (BODY | {"sorting": []}, "property sorting should not exist"),
        (BODY | {"limit": "100"}, "limit must be a number"),
        (BODY | {"limit": 501}, "limit must not be greater than 500"),
        (BODY | {"limit": 500, "page": 21}, "page and limit must not reach beyond 10000 records"),
        (BODY | {"filters": [RANGE | {"operator": "gt"}]}, "filters: only statuses"),
        (BODY | {"filters": [RANGE | {"field": "monetary_value"}]}, "filters: only statuses"),
        (BODY | {"filters": [RANGE | {"value": {"gte": "2026"}}]}, "value.gte and value.lte must be numbers"),
        (BODY | {"filters": [RANGE | {"value": 5}]}, "value.gte and value.lte must be numbers"),
        (BODY | {"filters": [RANGE | {"value": {"gt": 5}}]}, "value.gte and value.lte must be numbers"),
        (BODY | {"sort": [{"field": "name", "direction": "asc"}]}, "sort: name is not simulated"),
    ],
)
def test_anything_else_is_refused(body: Any, complaint: str) -> None:  # noqa: ANN401 - any JSON
    (told,) = complaints_about_search(body)

    assert told.startswith(complaint)


async def test_it_answers_only_for_the_tokens_own_sub_account() -> None:
    highlevel = HighLevel()
    highlevel.add_opportunity("aB3dE5fG7hJ9kL1mN2pQ")
    headers = {"Authorization": f"Bearer {highlevel.add_token('pit-x')}", "Version": "2021-07-28", "User-Agent": "x"}
    bodies = [BODY | {"locationId": highlevel.location_id}, BODY | {"locationId": "another"}, {"locationId": 5}]
    async with served(highlevel.app()) as url, httpx.AsyncClient(headers=headers) as http:
        answers = [await http.post(f"{url}/opportunities/search", json=body) for body in bodies]
        answers.append(await http.post(f"{url}/opportunities/search", content=b"{"))

    assert [answer.status_code for answer in answers] == [201, 403, 422, 400]
    assert answers[0].json()["total"] == 1
    assert highlevel.writes() == []
