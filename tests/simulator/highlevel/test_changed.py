"""The stand-in's newer search refuses what HighLevel refuses, as far as the bot uses it."""

from typing import Any

import httpx
import pytest

from bot.highlevel.api.changes import search_changed
from bot.simulator.highlevel.search import complaints_about_changed
from bot.simulator.highlevel.server import HighLevel
from bot.simulator.serving import served

BODY = dict(search_changed("L", None, 1).body or {})
RANGE = {"field": "last_status_change_date", "operator": "range", "value": {"gte": 1}}


def test_what_the_bot_sends_is_accepted() -> None:
    assert complaints_about_changed(BODY) == []
    assert complaints_about_changed(BODY | {"filters": [RANGE]}) == []


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ([], "body must be an object"),
        (BODY | {"sorting": []}, "property sorting should not exist"),
        (BODY | {"limit": "100"}, "limit must be a number"),
        (BODY | {"limit": 501}, "limit must not be greater than 500"),
        (BODY | {"filters": [RANGE | {"operator": "gt"}]}, "filters: only a range"),
        (BODY | {"filters": [RANGE | {"value": {"gte": "2026"}}]}, "value.gte must be a number"),
        (BODY | {"sort": [{"field": "name", "direction": "asc"}]}, "sort: only by the last change"),
    ],
)
def test_anything_else_is_refused(body: Any, complaint: str) -> None:  # noqa: ANN401 - any JSON
    (told,) = complaints_about_changed(body)

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
