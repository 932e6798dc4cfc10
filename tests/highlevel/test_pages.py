from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from bot.highlevel.pages import CALLBACK, INSTALL, callback_of, connect_url
from bot.simulator.highlevel.server import Fault
from bot.wiring.highlevel import connect_link
from tests.house import BY_OAUTH, DEAL, PUBLIC_URL, House, open_house
from tests.rows import execute
from tests.visitor import Visitor, text_of, visitor


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path, **BY_OAUTH) as opened:
        yield opened


@pytest.fixture
async def ana(house: House) -> AsyncIterator[Visitor]:
    async with visitor(house) as opened:
        yield opened


def test_the_pages_are_below_the_public_url() -> None:
    assert callback_of("https://example.com/deals") == "https://example.com/deals/oauth/highlevel/callback"
    assert connect_url("https://deals.example") == "https://deals.example/oauth/highlevel/install"
    assert connect_url("https://deals.example", "x_-1") == "https://deals.example/oauth/highlevel/install?pass=x_-1"


async def test_without_a_secret_the_page_says_how_to_get_a_link(ana: Visitor) -> None:
    page = await ana.opens(connect_url(PUBLIC_URL))

    assert page.status_code == 403
    assert "a new link (python -m bot connect)" in text_of(page)
    assert "<form" not in page.text


async def test_highlevel_gets_the_settings_and_the_exact_redirect_url(house: House, ana: Visitor) -> None:
    address = httpx.URL(await ana.presses(await connect_link(house.settings)))
    asked = dict(address.params)
    state = asked.pop("state")

    assert str(address).startswith(f"{house.settings.highlevel_oauth_url}?")
    assert len(state) > 40
    assert asked == {
        "response_type": "code",
        "client_id": BY_OAUTH["HIGHLEVEL_CLIENT_ID"],
        "redirect_uri": "https://deals.example/oauth/highlevel/callback",
        "scope": "opportunities.readonly opportunities.write users.readonly",
    }


async def test_no_page_is_cached_or_named_in_a_referer(house: House, ana: Visitor) -> None:
    first = await connect_link(house.settings)
    pages = [await ana.opens(first), await ana.opens(first, "POST"), await ana.opens(first)]
    pages += [await ana.opens(f"{PUBLIC_URL}{path}") for path in (INSTALL, CALLBACK)]
    pages.append(await ana.connects())

    assert [page.status_code for page in pages] == [200, 303, 403, 403, 403, 200]
    for page in pages:
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]


async def test_a_refused_code_is_told_in_highlevels_words_as_plain_text(house: House, ana: Visitor) -> None:
    body = {"error": "invalid_grant", "message": "Invalid <b>grant</b>"}
    house.highlevel.misbehave(Fault(status=400, body=body), path="/oauth/token")
    page = await ana.connects()

    assert page.status_code == 502
    assert "HighLevel stopped accepting the refresh token" in text_of(page)
    assert "HighLevel says: “Invalid <b>grant</b>”" in text_of(page)
    assert "<b>" not in page.text


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            Fault(status=401, body={"error": "invalid_client"}),
            "HIGHLEVEL_CLIENT_ID or HIGHLEVEL_CLIENT_SECRET is wrong",
        ),
        (Fault(status=503, body="upstream"), "Couldn't reach HighLevel to ask for access."),
        (Fault(drops=True), "Couldn't reach HighLevel to ask for access."),
    ],
)
async def test_the_page_says_what_went_wrong_with_the_code(
    house: House, ana: Visitor, fault: Fault, words: str
) -> None:
    house.highlevel.misbehave(fault, path="/oauth/token")
    page = await ana.connects()

    assert page.status_code == 502
    assert words in text_of(page)
    assert "Opp Status isn't connected." in text_of(page)


async def test_the_page_says_that_an_agency_does_not_have_our_location(house: House, ana: Visitor) -> None:
    house.highlevel.oauth.chooses = house.highlevel.oauth.company_id
    house.highlevel.oauth.locations = {"ANOTHER"}
    page = await ana.connects()

    assert page.status_code == 502
    assert "HighLevel didn't give Opp Status access" in text_of(page)


async def test_of_several_locations_an_agencys_are_connected_and_the_others_named(tmp_path: Path) -> None:
    agency = {"HIGHLEVEL_SCOPES": "opportunities.readonly opportunities.write oauth.write"}
    settings = BY_OAUTH | agency | {"HIGHLEVEL_LOCATIONS": "PARIS=Paris"}
    async with open_house(tmp_path, **settings) as house, visitor(house) as ana:
        house.highlevel.oauth.chooses = house.highlevel.oauth.company_id
        page = await ana.connects()

        assert page.status_code == 502
        assert f"Connected: {house.highlevel.location_id}." in text_of(page)
        assert "Not connected: PARIS." in text_of(page)
        await house.says(f"{DEAL} won")
        assert house.deal == "won"


@pytest.mark.parametrize(
    "query", ["state=a&state=b&code=c", f"state={'x' * 3000}&code=c", "code=c", "state=%ff%00&code=c"]
)
async def test_any_query_parameters_are_answered_with_a_page(house: House, ana: Visitor, query: str) -> None:
    page = await ana.opens(f"{PUBLIC_URL}{CALLBACK}?{query}")

    assert page.status_code == 403
    assert "Nothing was connected." in text_of(page)
    assert house.highlevel.received == []


async def test_a_visitor_who_comes_back_twice_reads_that_it_is_connected(house: House, ana: Visitor) -> None:
    back = await ana.chooses(await connect_link(house.settings))
    assert (await ana.opens(back)).status_code == 200
    again = await ana.opens(back)

    assert again.status_code == 200
    assert f"{house.highlevel.location_id} is already connected. You can close this page." in text_of(again)
    assert "Nothing was connected" not in again.text


async def test_a_visitor_who_comes_back_twice_after_a_refusal_reads_that_nothing_was_connected(
    house: House, ana: Visitor
) -> None:
    house.highlevel.misbehave(Fault(status=400, body={"error": "invalid_grant"}), path="/oauth/token")
    back = await ana.chooses(await connect_link(house.settings))
    await ana.opens(back)
    again = await ana.opens(back)

    assert again.status_code == 403
    assert "has already been used" in text_of(again)
    assert "Nothing was connected." in text_of(again)


async def test_a_visitor_who_comes_back_twice_reads_which_sub_account_is_not_connected(tmp_path: Path) -> None:
    agency = {"HIGHLEVEL_SCOPES": "opportunities.readonly opportunities.write oauth.write"}
    settings = BY_OAUTH | agency | {"HIGHLEVEL_LOCATIONS": "PARIS=Paris"}
    async with open_house(tmp_path, **settings) as house, visitor(house) as ana:
        house.highlevel.oauth.chooses = house.highlevel.oauth.company_id
        back = await ana.chooses(await connect_link(house.settings))
        await ana.opens(back)
        again = await ana.opens(back)

        assert f"{house.highlevel.location_id} is already connected" in text_of(again)
        assert "Not connected: PARIS." in text_of(again)


async def test_the_page_says_that_the_database_is_down(house: House, ana: Visitor) -> None:
    address = await connect_link(house.settings)
    execute(house.settings.database_url, "DROP TABLE install_links")
    page = await ana.opens(address)

    assert page.status_code == 503
    assert "Opp Status can't reach its database." in text_of(page)


@pytest.mark.parametrize(("method", "path"), [("POST", CALLBACK), ("PUT", INSTALL), ("GET", "/oauth/highlevel")])
async def test_no_other_path_or_method_is_served(ana: Visitor, method: str, path: str) -> None:
    assert (await ana.opens(f"{PUBLIC_URL}{path}", method)).status_code in {404, 405}
