import asyncio
import json
from dataclasses import dataclass, field

import pytest

from bot.highlevel.api.auth import OAuth, PrivateIntegration
from bot.highlevel.api.client import fetch
from bot.highlevel.api.errors import CutOff, Disconnected, Ending, NotRenewed
from bot.http.exchange import Answer, Body, Request

TOKEN = "pit-not-a-token"


def _request(seconds: float = 5.0, connect: float = 3.0) -> Request:
    until = asyncio.get_running_loop().time() + seconds
    headers, body = {"Version": "2021-07-28"}, Body.json({"status": "won"})
    return Request("PUT", "http://127.0.0.1/x", headers, body, until=until, connect=connect)


@pytest.mark.parametrize("status", [200, 401, 403])
async def test_the_token_is_sent_as_a_bearer_and_once_whatever_the_answer(status: int) -> None:
    sent: list[Request] = []

    async def send(request: Request) -> Answer:
        sent.append(request)
        return Answer(status, {}, b"")

    assert (await PrivateIntegration(TOKEN).send(_request(), send)).status == status
    assert [dict(request.headers) for request in sent] == [
        {"Version": "2021-07-28", "Authorization": f"Bearer {TOKEN}"}
    ]


def test_the_token_is_not_shown_by_repr() -> None:
    assert TOKEN not in repr(PrivateIntegration(TOKEN))


async def test_a_request_shows_neither_its_headers_nor_its_body_by_repr() -> None:
    assert "2021-07-28" not in repr(_request())
    assert "won" not in repr(_request())


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
    received: list[Request] = field(default_factory=list)

    async def send(self, request: Request) -> Answer:
        self.received.append(request)
        if request.headers["Authorization"] == f"Bearer {self.accepts}":
            return Answer(200, {}, b"{}")
        status, body = self.otherwise
        return Answer(status, {}, json.dumps(body).encode())

    async def aclose(self) -> None: ...


async def _send(server: Server, tokens: Tokens, seconds: float = 5.0, connect: float = 3.0) -> Answer:
    return await fetch(server, _request(seconds, connect), OAuth(tokens))


async def test_the_current_token_is_sent_as_a_bearer() -> None:
    server, tokens = Server("access-1"), Tokens()

    assert (await _send(server, tokens)).status == 200
    assert (len(server.received), tokens.refused) == (1, [])


async def test_a_request_whose_token_is_refused_is_sent_again_with_a_newer_token_and_the_same_body() -> None:
    server, tokens = Server("access-2"), Tokens()

    assert (await _send(server, tokens)).status == 200
    assert tokens.refused == ["access-1"]
    assert [request.body.content for request in server.received] == [b'{"status":"won"}'] * 2


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


@pytest.mark.parametrize(("seconds", "connect", "wait"), [(5.0, 0.5, 0.5), (1.0, 3.0, 1.0)])
async def test_a_request_waits_for_a_token_as_long_as_for_a_connection(
    seconds: float, connect: float, wait: float
) -> None:
    tokens = Tokens()
    await _send(Server("access-1"), tokens, seconds, connect)

    assert tokens.waits == [pytest.approx(wait, abs=0.1)]
