from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.highlevel.api.errors import AppUnknown, Blocked, CutOff, Disconnected, Ending, TimedOut, Unreachable
from bot.highlevel.api.oauth import App, Kind
from bot.highlevel.api.token_endpoint import TokenEndpoint
from bot.http.client import HttpClient
from bot.simulator.highlevel.oauth import GRACE, Granted, Marketplace
from bot.simulator.highlevel.server import Fault, HighLevel
from bot.simulator.serving import served

pytestmark = pytest.mark.jumping_clock

REDIRECT = "https://deals.example/oauth/highlevel/callback"
SCOPES = frozenset({"opportunities.readonly", "oauth.write"})
LOCATION, COMPANY = "LOCATIONxxxxxxxxxxxx", "COMPANYxxxxxxxxxxxxx"


class Company:
    """`AccessTokens` that gives the stand-in's latest token."""

    def __init__(self, highlevel: HighLevel) -> None:
        self.oauth = highlevel.oauth
        self.refused: list[str] = []

    async def current(self, *, until: float) -> str:
        assert until > 0
        return "access-ended"

    async def instead_of(self, refused: str, *, until: float) -> str:
        assert until > 0
        self.refused.append(refused)
        return list(self.oauth.access_tokens)[-1]


@pytest.fixture
def highlevel() -> HighLevel:
    highlevel = HighLevel()
    highlevel.oauth.redirect_uris = {REDIRECT}
    return highlevel


@asynccontextmanager
async def _asking(
    url: str, secret: str = Marketplace.client_secret, agent: str = "opp-status"
) -> AsyncIterator[TokenEndpoint]:
    app = App(Marketplace.client_id, secret, REDIRECT, "https://marketplace.example", tuple(SCOPES))
    token_endpoint = TokenEndpoint(app, base_url=url, version="2021-07-28", http=HttpClient(agent), patience=0.5)
    yield token_endpoint
    await token_endpoint.close()


@pytest.fixture
async def token_endpoint(highlevel: HighLevel) -> AsyncIterator[TokenEndpoint]:
    async with served(highlevel.app()) as url, _asking(url) as token_endpoint:
        yield token_endpoint


def _code(highlevel: HighLevel, location_id: str = LOCATION) -> str:
    """As if a person had chosen this account in HighLevel."""
    highlevel.oauth.codes["the-code"] = Granted(COMPANY, location_id, SCOPES)
    return "the-code"


async def test_a_code_gives_tokens_once(highlevel: HighLevel, token_endpoint: TokenEndpoint) -> None:
    code = _code(highlevel)
    tokens = await token_endpoint.redeem(code)

    assert (tokens.kind, tokens.account_id) == (Kind.LOCATION, LOCATION)
    assert highlevel.oauth.accepts(tokens.access)
    with pytest.raises(Disconnected) as caught:
        await token_endpoint.redeem(code)
    assert caught.value.why is Ending.GRANT


async def test_a_refresh_token_gives_the_same_successor_for_half_a_minute(
    highlevel: HighLevel, token_endpoint: TokenEndpoint
) -> None:
    first = await token_endpoint.redeem(_code(highlevel))
    second = await token_endpoint.renew(first.refresh, first.kind)
    again = await token_endpoint.renew(first.refresh, first.kind)

    assert second.refresh == again.refresh != first.refresh
    assert len({first.access, second.access, again.access}) == 3
    highlevel.oauth.later(GRACE + 1)
    with pytest.raises(Disconnected) as caught:
        await token_endpoint.renew(first.refresh, first.kind)
    assert caught.value.why is Ending.GRANT


async def test_an_agencys_token_is_exchanged_for_a_locations_and_refreshed_if_it_is_refused(
    highlevel: HighLevel, token_endpoint: TokenEndpoint
) -> None:
    await token_endpoint.redeem(_code(highlevel, ""))
    company = Company(highlevel)
    tokens = await token_endpoint.exchange(COMPANY, LOCATION, company)

    assert company.refused == ["access-ended"]
    assert (tokens.kind, tokens.account_id, tokens.company_id, tokens.refresh) == (
        Kind.LOCATION,
        LOCATION,
        COMPANY,
        "",
    )
    assert highlevel.oauth.accepts(tokens.access)
    with pytest.raises(Disconnected):
        await token_endpoint.exchange(COMPANY, "ANOTHER", company)


async def test_no_request_for_tokens_is_repeated(highlevel: HighLevel, token_endpoint: TokenEndpoint) -> None:
    tokens = await token_endpoint.redeem(_code(highlevel))
    for fault, error in (
        (Fault(status=400, body={"message": "Location is not active"}), Disconnected),
        (Fault(drops=True), CutOff),
        (Fault(hangs=True), TimedOut),
    ):
        highlevel.misbehave(fault, path="/oauth/token")
        before = len(highlevel.received)
        with pytest.raises(error):
            await token_endpoint.renew(tokens.refresh, tokens.kind)
        assert len(highlevel.received) == before + 1


async def test_a_wrong_secret_and_a_banned_user_agent_are_different_errors(highlevel: HighLevel) -> None:
    async with served(highlevel.app()) as url:
        async with _asking(url, secret="another") as asking:
            with pytest.raises(AppUnknown):
                await asking.redeem(_code(highlevel))
        async with _asking(url, agent="python-httpx") as asking:
            with pytest.raises(Blocked):
                await asking.redeem(_code(highlevel))
    async with _asking("http://127.0.0.1:1") as asking:
        with pytest.raises(Unreachable):
            await asking.redeem("the-code")


async def test_a_request_for_tokens_is_a_form_with_our_user_agent_and_no_token(
    highlevel: HighLevel, token_endpoint: TokenEndpoint
) -> None:
    await token_endpoint.redeem(_code(highlevel))
    (request,) = highlevel.received

    assert request.path == "/oauth/token"
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert request.headers["User-Agent"] == "opp-status"
    assert "Authorization" not in request.headers
