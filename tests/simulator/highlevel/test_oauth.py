from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from bot.simulator.highlevel.oauth import CHOOSER, DAY, GRACE, Granted, Marketplace
from bot.simulator.highlevel.server import HighLevel
from bot.simulator.serving import served

REDIRECT = "https://deals.example/callback"
ASKED = {
    "response_type": "code",
    "client_id": Marketplace.client_id,
    "redirect_uri": REDIRECT,
    "scope": "opportunities.readonly opportunities.write oauth.write",
    "state": "the state",
}
US = {"client_id": Marketplace.client_id, "client_secret": Marketplace.client_secret, "redirect_uri": REDIRECT}
DEAL = "aB3dE5fG7hJ9kL1mN2pQ"


@pytest.fixture
def highlevel() -> HighLevel:
    highlevel = HighLevel()
    highlevel.oauth.redirect_uris = {REDIRECT}
    highlevel.add_opportunity(DEAL)
    return highlevel


@pytest.fixture
async def http(highlevel: HighLevel) -> AsyncIterator[httpx.AsyncClient]:
    agent = {"User-Agent": "Mozilla/5.0"}
    async with (
        served(highlevel.app()) as url,
        httpx.AsyncClient(base_url=url, headers=agent, trust_env=False) as http,
    ):
        yield http


async def _choose(http: httpx.AsyncClient, **changed: str) -> httpx.Response:
    return await http.get(CHOOSER, params={name: value for name, value in (ASKED | changed).items() if value})


async def _code(http: httpx.AsyncClient) -> str:
    (code,) = parse_qs(urlsplit((await _choose(http)).headers["Location"]).query)["code"]
    return code


async def _token(http: httpx.AsyncClient, **form: str) -> httpx.Response:
    return await http.post("/oauth/token", data=US | form)


async def _given(http: httpx.AsyncClient) -> dict[str, Any]:
    answer = await _token(http, grant_type="authorization_code", code=await _code(http))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def _read(http: httpx.AsyncClient, token: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}", "Version": "2021-07-28"}
    return await http.get(f"/opportunities/{DEAL}", headers=headers)


async def test_a_person_who_chooses_comes_back_with_a_code_and_the_state(http: httpx.AsyncClient) -> None:
    answer = await _choose(http)
    back = urlsplit(answer.headers["Location"])

    assert answer.status_code == 302
    assert back._replace(query="").geturl() == REDIRECT
    assert parse_qs(back.query).keys() == {"code", "state"}
    assert parse_qs(back.query)["state"] == ["the state"]
    assert "state" not in parse_qs(urlsplit((await _choose(http, state="")).headers["Location"]).query)


async def test_a_person_who_declines_comes_back_with_an_error(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    highlevel.oauth.declines = True
    back = urlsplit((await _choose(http)).headers["Location"])

    assert parse_qs(back.query) == {"error": ["access_denied"], "state": ["the state"]}


@pytest.mark.parametrize(
    "changed", [{"client_id": "another"}, {"redirect_uri": f"{REDIRECT}/"}, {"response_type": "token"}]
)
async def test_an_unknown_client_or_redirect_address_is_refused(
    http: httpx.AsyncClient, changed: dict[str, str]
) -> None:
    assert (await _choose(http, **changed)).status_code == 400


async def test_a_code_gives_tokens_for_the_deals_of_the_location(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    tokens = await _given(http)

    assert tokens["userType"] == "Location"
    assert (tokens["locationId"], tokens["companyId"]) == (highlevel.location_id, highlevel.oauth.company_id)
    assert tokens["expires_in"] == DAY
    assert (await _read(http, tokens["access_token"])).status_code == 200


async def test_an_access_token_expires(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    tokens = await _given(http)
    highlevel.oauth.later(DAY + 1)
    answer = await _read(http, tokens["access_token"])

    assert (answer.status_code, answer.json()["message"]) == (401, "Invalid JWT")


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"grant_type": "authorization_code", "code": "forged"}, 400),
        ({"grant_type": "refresh_token", "refresh_token": "forged"}, 400),
        ({"grant_type": "refresh_token", "refresh_token": "x", "client_secret": "another"}, 401),
        ({"grant_type": "password"}, 422),
        ({}, 422),
    ],
)
async def test_a_grant_that_was_not_given_out_is_refused(
    http: httpx.AsyncClient, form: dict[str, str], status: int
) -> None:
    assert (await _token(http, **form)).status_code == status


async def test_a_code_is_good_once_and_for_its_address(http: httpx.AsyncClient) -> None:
    code = await _code(http)
    answers = [
        await _token(http, grant_type="authorization_code", code=code),
        await _token(http, grant_type="authorization_code", code=code),
        await _token(http, grant_type="authorization_code", code=await _code(http), redirect_uri="https://x.example"),
    ]
    assert [answer.status_code for answer in answers] == [200, 400, 400]


async def test_a_refresh_token_gets_the_same_successor_for_half_a_minute_and_then_none(
    highlevel: HighLevel, http: httpx.AsyncClient
) -> None:
    old = (await _given(http))["refresh_token"]
    ask = {"grant_type": "refresh_token", "refresh_token": old}
    first, second = [(await _token(http, **ask)).json() for _ in range(2)]

    assert first["refresh_token"] == second["refresh_token"] != old
    assert (highlevel.oauth.renewals, highlevel.oauth.asked) == (1, 2)
    highlevel.oauth.later(GRACE + 1)
    assert (await _token(http, **ask)).json()["error"] == "invalid_grant"
    ask["refresh_token"] = first["refresh_token"]
    assert (await _token(http, **ask)).status_code == 200


async def test_a_suspended_sub_account_gets_no_token(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    old = (await _given(http))["refresh_token"]
    highlevel.oauth.suspended = True
    answer = await _token(http, grant_type="refresh_token", refresh_token=old)

    assert (answer.status_code, answer.json()["message"]) == (400, "Location is not active")


async def test_removing_the_app_ends_every_token(highlevel: HighLevel, http: httpx.AsyncClient) -> None:
    tokens = await _given(http)
    highlevel.oauth.uninstall()

    assert (await _read(http, tokens["access_token"])).status_code == 401
    answer = await _token(http, grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert answer.status_code == 400


async def test_an_agencys_token_opens_no_deal_and_is_exchanged_for_a_locations(
    highlevel: HighLevel, http: httpx.AsyncClient
) -> None:
    highlevel.oauth.chooses = highlevel.oauth.company_id
    tokens = await _given(http)
    assert (tokens["userType"], "locationId" in tokens) == ("Company", False)
    assert (await _read(http, tokens["access_token"])).status_code == 403

    form = {"companyId": highlevel.oauth.company_id, "locationId": highlevel.location_id}
    headers = {"Authorization": f"Bearer {tokens['access_token']}", "Version": "2021-07-28"}
    answer = await http.post("/oauth/locationToken", data=form, headers=headers)
    assert answer.status_code == 201
    assert "refresh_token" not in answer.json()
    assert (await _read(http, answer.json()["access_token"])).status_code == 200


async def test_an_exchange_is_refused_without_version_token_scope_or_the_right_location(
    highlevel: HighLevel, http: httpx.AsyncClient
) -> None:
    highlevel.oauth.chooses = highlevel.oauth.company_id
    good = (await _given(http))["access_token"]
    highlevel.oauth.access_tokens["access-weak"] = Granted(
        highlevel.oauth.company_id, "", frozenset(), highlevel.oauth.access_tokens[good].until
    )
    form = {"companyId": highlevel.oauth.company_id, "locationId": highlevel.location_id}
    version = {"Version": "2021-07-28"}
    answers = []
    for token, headers, changed in (
        (good, {}, {}),
        ("forged", version, {}),
        ("access-weak", version, {}),
        (good, version, {"locationId": "ANOTHER"}),
        (good, version, {"companyId": "ANOTHER"}),
    ):
        bearer = {"Authorization": f"Bearer {token}"}
        answer = await http.post("/oauth/locationToken", data=form | changed, headers=headers | bearer)
        answers.append((answer.status_code, answer.json()["message"]))

    assert answers == [
        (401, "version header was not found."),
        (401, "Invalid JWT"),
        (401, "The token is not authorized for this scope."),
        (400, "Location not found"),
        (400, "Location not found"),
    ]
