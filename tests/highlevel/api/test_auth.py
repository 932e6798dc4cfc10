import asyncio
from dataclasses import dataclass, field

import httpx
import pytest

from bot.highlevel.api.answers import Answer
from bot.highlevel.api.auth import OAuth, PrivateIntegration
from bot.highlevel.api.client import fetch
from bot.highlevel.api.errors import CutOff, Disconnected, Ending, NotRenewed

TOKEN = "pit-not-a-token"


def _request() -> httpx.Request:
    return httpx.Request("GET", "http://127.0.0.1/opportunities/x", headers={"Version": "2021-07-28"})


def test_the_token_is_sent_as_a_bearer() -> None:
    request = next(PrivateIntegration(TOKEN).auth_flow(_request()))
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert request.headers["Version"] == "2021-07-28"


@pytest.mark.parametrize("status", [200, 401, 403])
def test_a_request_is_sent_once_whatever_the_answer(status: int) -> None:
    flow = PrivateIntegration(TOKEN).auth_flow(_request())
    next(flow)
    with pytest.raises(StopIteration):
        flow.send(httpx.Response(status))


def test_the_token_is_not_shown_by_repr() -> None:
    assert TOKEN not in repr(PrivateIntegration(TOKEN))


# --- OAuth ----------------------------------------------------------------------------------------------------------


@dataclass
class Tokens:
    """`AccessTokens` that are called `access-1`, `access-2` and so on."""

    error: Exception | None = None
    latest: int = 1
    refused: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    async def current(self, *, until: float) -> str:
        self.waits.append(until - asyncio.get_running_loop().time())
        if self.error:
            raise self.error
        return f"access-{self.latest}"

    async def instead_of(self, refused: str, *, until: float) -> str:
        assert until > asyncio.get_running_loop().time()
        self.refused.append(refused)
        self.latest += 1
        return f"access-{self.latest}"


@dataclass
class Server:
    """A server that accepts one token, and gives requests with another one this answer."""

    accepts: str
    otherwise: tuple[int, object] = (401, {"message": "Invalid JWT", "statusCode": 401})
    received: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.received.append(request)
        if request.headers["Authorization"] == f"Bearer {self.accepts}":
            return httpx.Response(200, json={})
        status, body = self.otherwise
        return httpx.Response(status, json=body)


async def _send(server: Server, tokens: Tokens, waits: float | None = None) -> Answer:
    timeout = {"timeout": {"connect": waits}}
    request = httpx.Request("PUT", "http://127.0.0.1/x", json={"status": "won"}, extensions=timeout)
    return await fetch(httpx.MockTransport(server), request, 5.0, OAuth(tokens))


async def test_the_current_token_is_sent_as_a_bearer() -> None:
    server, tokens = Server("access-1"), Tokens()

    assert (await _send(server, tokens)).status == 200
    assert (len(server.received), tokens.refused) == (1, [])


async def test_a_request_whose_token_is_refused_is_sent_again_with_a_newer_token_and_the_same_body() -> None:
    server, tokens = Server("access-2"), Tokens()

    assert (await _send(server, tokens)).status == 200
    assert tokens.refused == ["access-1"]
    assert [request.content for request in server.received] == [b'{"status":"won"}'] * 2


async def test_a_request_whose_newer_token_is_refused_too_is_not_sent_again() -> None:
    server, tokens = Server("another"), Tokens()

    with pytest.raises(Disconnected) as caught:
        await _send(server, tokens)
    assert caught.value.why is Ending.TOKEN
    assert len(server.received) == 2


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, {"message": "The token is not authorized for this scope."}),
        (401, {"message": "version header was not found."}),
        (401, {"message": "The user does not exist."}),
        (403, {"message": "The token does not have access to this location."}),
        (500, {"message": "Internal server error"}),
    ],
)
async def test_an_error_that_a_newer_token_would_not_help_is_returned(status: int, body: object) -> None:
    server, tokens = Server("another", (status, body)), Tokens()
    answer = await _send(server, tokens)

    assert answer.status == status
    assert b"message" in answer.content
    assert (len(server.received), tokens.refused) == (1, [])


@pytest.mark.parametrize("error", [Disconnected(why=Ending.NEVER_MADE), NotRenewed()])
async def test_without_a_token_nothing_is_sent_and_the_error_says_why(error: Exception) -> None:
    server = Server("access-1")

    with pytest.raises(type(error)) as caught:
        await _send(server, Tokens(error))
    assert caught.value is error
    assert server.received == []


async def test_an_unforeseen_error_of_the_tokens_counts_as_a_request_that_may_be_done() -> None:
    with pytest.raises(CutOff):
        await _send(Server("access-1"), Tokens(RuntimeError("unforeseen")))


@pytest.mark.parametrize(("waits", "wait"), [(0.5, 0.5), (None, 3.0)])
async def test_a_request_waits_for_a_token_as_long_as_for_a_connection(waits: float | None, wait: float) -> None:
    tokens = Tokens()
    await _send(Server("access-1"), tokens, waits)

    assert tokens.waits == [pytest.approx(wait, abs=0.1)]


def test_a_request_that_cannot_wait_is_not_sent_without_a_token() -> None:
    http = httpx.Client(transport=httpx.MockTransport(Server("x")), auth=OAuth(Tokens()))
    with http, pytest.raises(NotImplementedError):
        http.get("http://127.0.0.1/x")
