import asyncio
import json
import logging
import math
import socket
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import structlog
from aiohttp import web

from bot.highlevel.api import wire
from bot.highlevel.api.auth import PrivateIntegration
from bot.highlevel.api.client import Attempts, Client, failure
from bot.highlevel.api.errors import (
    Blocked,
    Broken,
    ConnectTimedOut,
    CutOff,
    HighLevelError,
    NameUnknown,
    NotFound,
    NotSent,
    OutOfTime,
    RateLimited,
    SaidNo,
    TimedOut,
    TlsFailed,
    TokenInvalid,
    Unanswered,
    Unreachable,
    Unreadable,
)
from bot.highlevel.api.users import UserRecord
from bot.http.client import HttpClient
from bot.http.exchange import Why
from bot.simulator.highlevel.server import Fault, HighLevel
from bot.simulator.serving import served
from tests.house import free_port

pytestmark = pytest.mark.jumping_clock

TOKEN = "pit-not-a-token"
AGENT = "opp-status/0.0"
DEAL = "aB3dE5fG7hJ9kL1mN2pQ"
QUICK = Attempts(most=3, connect=2.0, answer=0.4, pause=0.01)

ALWAYS = math.inf
DROPS = Fault(drops=True)
HANGS = Fault(hangs=True)
DOWN = Fault(status=503, body="upstream connect error")

Ask = Callable[[Client, float], Awaitable[object]]


def _client(
    url: str,
    *,
    attempts: Attempts = QUICK,
    agent: str = AGENT,
    token: str = TOKEN,
    version: str = "2021-07-28",
) -> Client:
    return Client(
        base_url=url,
        auth=PrivateIntegration(token),
        version=version,
        http=HttpClient(agent),
        attempts=attempts,
    )


def _now() -> float:
    return asyncio.get_running_loop().time()


def _in(seconds: float) -> float:
    return _now() + seconds


def _read(client: Client, seconds: float = 5.0) -> Awaitable[wire.OpportunityRecord]:
    return client.opportunity(DEAL, until=_in(seconds))


def _write(client: Client, seconds: float = 5.0) -> Awaitable[str]:
    return client.put_status(DEAL, "won", until=_in(seconds))


def _methods(highlevel: HighLevel) -> list[str]:
    return [request.method for request in highlevel.received]


@asynccontextmanager
async def _saying(answer: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that answers every request with these bytes, and closes; gives its address, and what it received."""
    received: list[bytes] = []

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(say, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", received


@pytest.fixture
def highlevel() -> HighLevel:
    highlevel = HighLevel()
    highlevel.add_token(TOKEN)
    highlevel.add_opportunity(DEAL, name="New website")
    return highlevel


@pytest.fixture
async def url(highlevel: HighLevel) -> AsyncIterator[str]:
    async with served(highlevel.app()) as url:
        yield url


@pytest.fixture
async def client(url: str) -> AsyncIterator[Client]:
    async with _client(url) as client:
        yield client


# --- what is sent --------------------------------------------------------------------------------------------------

HEADERS = {"Host", "Accept", "Accept-Encoding", "User-Agent", "Version", "Authorization"}


async def test_a_write_has_the_documented_headers_and_body_and_nothing_else(
    highlevel: HighLevel, client: Client
) -> None:
    await _write(client)

    (put,) = highlevel.received
    assert (put.method, put.path, put.query) == ("PUT", f"/opportunities/{DEAL}/status", {})
    assert json.loads(put.body) == {"status": "won"}
    assert {name.title() for name in put.headers} == HEADERS | {"Content-Type", "Content-Length"}
    sent = {name.title(): value for name, value in put.headers.items()}
    assert sent["Authorization"] == f"Bearer {TOKEN}"
    assert sent["Version"] == "2021-07-28"
    assert sent["Accept"] == "application/json"
    assert sent["Content-Type"] == "application/json"
    assert sent["User-Agent"] == AGENT


async def test_a_read_is_sent_without_a_body(highlevel: HighLevel, client: Client) -> None:
    await _read(client)

    (get,) = highlevel.received
    assert (get.method, get.path, get.query, get.body) == ("GET", f"/opportunities/{DEAL}", {}, b"")
    assert {name.title() for name in get.headers} == HEADERS


async def test_the_location_is_in_the_query(highlevel: HighLevel, client: Client) -> None:
    highlevel.pipelines = [{"id": "P1", "name": "New business", "stages": [{"id": "S1", "name": "Proposal"}]}]
    found = await client.pipelines(highlevel.location_id, until=_in(5))

    assert found == {"P1": wire.Pipeline("New business", {"S1": "Proposal"})}
    assert highlevel.received[0].path == "/opportunities/pipelines"
    assert highlevel.received[0].query == {"locationId": highlevel.location_id}


async def test_a_user_is_read(highlevel: HighLevel, client: Client) -> None:
    highlevel.users["USER1"] = {"id": "USER1", "name": "Max Power"}
    assert await client.user("USER1", until=_in(5)) == UserRecord("USER1", "Max Power")
    assert await client.users(highlevel.location_id, until=_in(5)) == (UserRecord("USER1", "Max Power"),)
    assert highlevel.received[0].path == "/users/USER1"


async def test_an_odd_id_arrives_as_one_segment_of_the_path(highlevel: HighLevel, client: Client) -> None:
    with pytest.raises(HighLevelError):
        await client.opportunity("a/../b?c#d%2Fe", until=_in(5))
    assert highlevel.received[0].path == "/opportunities/a%2F..%2Fb%3Fc%23d%252Fe"


async def test_an_id_that_cannot_be_one_is_not_sent(highlevel: HighLevel, client: Client) -> None:
    with pytest.raises(NotFound):
        await client.opportunity("..", until=_in(5))
    assert highlevel.received == []


async def test_a_write_returns_highlevels_trace_id(highlevel: HighLevel, client: Client) -> None:
    trace_id = await _write(client)
    record = await _read(client)

    assert len(trace_id) == 36
    assert (record.id, record.status, record.name) == (DEAL, "won", "New website")
    assert record.location_id == highlevel.location_id


async def test_pythons_own_user_agent_would_be_banned(highlevel: HighLevel, url: str) -> None:
    async with _client(url, agent="python-httpx/0.28.1") as client:
        with pytest.raises(Blocked):
            await _read(client)
    assert len(highlevel.received) == 1


async def test_a_request_with_a_wrong_token_is_sent_once(highlevel: HighLevel, url: str) -> None:
    async with _client(url, token="pit-another") as client:
        with pytest.raises(TokenInvalid):
            await _read(client)
    assert len(highlevel.received) == 1


# --- what is repeated ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "error"), [(DOWN, Broken), (DROPS, CutOff), (HANGS, TimedOut)], ids=["down", "drops", "hangs"]
)
async def test_a_read_is_repeated_until_it_succeeds_or_the_attempts_are_used_up(
    highlevel: HighLevel, client: Client, fault: Fault, error: type[HighLevelError]
) -> None:
    highlevel.misbehave(fault, times=2)
    assert (await _read(client)).id == DEAL
    assert _methods(highlevel) == ["GET"] * 3

    highlevel.misbehave(fault, times=ALWAYS)
    with pytest.raises(error):
        await _read(client)
    assert _methods(highlevel) == ["GET"] * 6


@pytest.mark.parametrize("kept", [False, True], ids=["new connection", "kept connection"])
@pytest.mark.parametrize(
    ("fault", "error"), [(DOWN, Broken), (DROPS, CutOff), (HANGS, TimedOut)], ids=["down", "drops", "hangs"]
)
@pytest.mark.parametrize("carried_out", [False, True])
async def test_a_write_that_may_have_happened_is_never_sent_again(
    highlevel: HighLevel, client: Client, fault: Fault, error: type[HighLevelError], *, kept: bool, carried_out: bool
) -> None:
    if kept:
        await _read(client)
    planned = Fault(carries_out=carried_out, status=fault.status, body=fault.body, hangs=fault.hangs, drops=fault.drops)
    highlevel.misbehave(planned, method="PUT", times=ALWAYS)
    with pytest.raises(error) as caught:
        await _write(client)

    assert caught.value.perhaps_done
    assert len(highlevel.writes()) == 1
    assert (highlevel.opportunities[DEAL]["status"] == "won") == carried_out


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=200, body={"success": False}),
        Fault(status=200, body="<html>Sign in</html>"),
        Fault(status=302, headers={"Location": "/elsewhere"}),
        Fault(status=307, headers={"Location": "/elsewhere"}),
        Fault(status=302, headers={"Location": "http:no-path"}),
        Fault(status=302, headers={"Location": "mailto:ana"}),
        Fault(status=302, headers={"Location": "http://["}),
        Fault(status=422, body={"message": ["status must be a valid enum value"]}),
        Fault(status=200, body="not gzip", headers={"Content-Encoding": "gzip"}),
    ],
    ids=lambda fault: f"{fault.status} {fault.headers or fault.body}",
)
async def test_a_write_with_an_odd_answer_is_never_sent_again(
    highlevel: HighLevel, client: Client, fault: Fault
) -> None:
    highlevel.misbehave(fault, times=ALWAYS)
    with pytest.raises(HighLevelError) as caught:
        await _write(client)
    assert len(highlevel.received) == 1
    assert caught.value.perhaps_done == (fault.status != 422)


async def test_a_write_answered_by_a_redirection_counts_as_sent(highlevel: HighLevel, client: Client) -> None:
    for location in ("http:no-path", "/elsewhere"):
        highlevel.misbehave(Fault(status=302, carries_out=True, headers={"Location": location}))
        with pytest.raises(HighLevelError) as caught:
            await _write(client)
        assert not isinstance(caught.value, NotSent)


async def test_a_redirection_is_not_followed(highlevel: HighLevel, client: Client) -> None:
    highlevel.misbehave(Fault(status=301, headers={"Location": f"/opportunities/{DEAL}"}))
    with pytest.raises(Unreadable):
        await _read(client)
    assert len(highlevel.received) == 1


async def test_a_lasting_error_is_not_asked_for_again(highlevel: HighLevel, client: Client) -> None:
    with pytest.raises(NotFound):
        await client.opportunity("zZ9yY8xX7wW6vV5uU4tT", until=_in(5))
    assert len(highlevel.received) == 1


async def test_a_success_that_says_false_is_an_error(highlevel: HighLevel, client: Client) -> None:
    highlevel.misbehave(Fault(status=200, body={"succeded": False, "traceId": "fake"}))
    with pytest.raises(SaidNo) as caught:
        await _write(client)
    assert caught.value.details.trace_id == "fake"


async def test_a_write_without_a_connection_is_sent_once_there_is_one(highlevel: HighLevel) -> None:
    port = free_port()
    attempts = Attempts(most=5, connect=1.0, answer=1.0, pause=0.1)
    async with _client(f"http://127.0.0.1:{port}", attempts=attempts) as client:
        writing = asyncio.ensure_future(_write(client))
        await asyncio.sleep(0.05)
        async with served(highlevel.app(), port):
            await writing
    assert len(highlevel.writes()) == 1


async def test_a_call_is_tried_no_more_often_than_set(highlevel: HighLevel, url: str) -> None:
    highlevel.misbehave(DOWN, times=ALWAYS)
    async with _client(url, attempts=Attempts(most=1, pause=0.01)) as client:
        with pytest.raises(Broken):
            await _read(client)
    assert len(highlevel.received) == 1


# --- rate limits ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ask", [_read, _write])
async def test_a_429_is_waited_out(highlevel: HighLevel, client: Client, ask: Ask) -> None:
    highlevel.misbehave(Fault(status=429, headers={"Retry-After": "0.25"}))
    began = _now()
    await ask(client, 5.0)

    assert _now() - began == pytest.approx(0.25, abs=0.01)
    assert len(highlevel.received) == 2


async def test_the_limits_in_headers_are_kept_without_a_429(highlevel: HighLevel, client: Client) -> None:
    highlevel.burst_limit, highlevel.burst_seconds = 1, 0.3
    await _read(client)
    began = _now()
    await _write(client)

    assert _now() - began >= 0.2
    assert _methods(highlevel) == ["GET", "PUT"]
    assert highlevel.opportunities[DEAL]["status"] == "won"


async def test_a_429_that_lasts_longer_than_there_is_time_is_raised_at_once(
    highlevel: HighLevel, client: Client
) -> None:
    highlevel.misbehave(Fault(status=429, headers={"Retry-After": "60"}))
    began = _now()
    with pytest.raises(RateLimited) as caught:
        await _write(client, 50.0)

    assert _now() - began < 25
    assert (caught.value.retry_after, caught.value.daily) == (60.0, False)
    assert len(highlevel.received) == 1


async def test_when_the_day_is_used_up_the_error_is_raised_at_once_with_its_end(
    highlevel: HighLevel, client: Client
) -> None:
    highlevel.daily_limit = 0
    with pytest.raises(RateLimited) as caught:
        await _read(client)
    assert (caught.value.retry_after, caught.value.daily) == (3600.0, True)
    assert len(highlevel.received) == 1


async def test_when_the_day_is_used_up_without_a_known_end_no_request_is_sent(
    highlevel: HighLevel, client: Client
) -> None:
    highlevel.misbehave(Fault(status=429, headers={"X-RateLimit-Daily-Remaining": "0", "X-RateLimit-Daily-Reset": "?"}))
    with pytest.raises(RateLimited) as caught:
        await _read(client)
    assert (caught.value.retry_after, caught.value.daily) == (None, True)
    assert len(highlevel.received) == 1


async def test_a_5xx_with_retry_after_is_waited_out(highlevel: HighLevel, client: Client) -> None:
    highlevel.misbehave(Fault(status=503, headers={"Retry-After": "0.25"}))
    began = _now()
    await _read(client)
    assert _now() - began >= 0.25


# --- time ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ask", [_read, _write])
@pytest.mark.parametrize("seconds", [0.0, -1.0])
async def test_no_request_is_sent_when_time_is_up(
    highlevel: HighLevel, client: Client, ask: Ask, seconds: float
) -> None:
    with pytest.raises(OutOfTime):
        await ask(client, seconds)
    assert highlevel.received == []


@pytest.mark.parametrize("fault", [DOWN, DROPS], ids=["down", "drops"])
async def test_a_call_is_not_repeated_without_time_left(highlevel: HighLevel, client: Client, fault: Fault) -> None:
    highlevel.misbehave(fault, times=ALWAYS)
    with pytest.raises((Broken, CutOff)):
        await _read(client, QUICK.connect)
    assert len(highlevel.received) == 1


async def test_an_attempt_ends_when_time_is_up(highlevel: HighLevel, url: str) -> None:
    highlevel.misbehave(HANGS, times=ALWAYS)
    async with _client(url, attempts=Attempts(most=3, connect=60.0, answer=60.0)) as client:
        began = _now()
        with pytest.raises(TimedOut):
            await _read(client, 0.2)
    assert 0.15 < _now() - began < 30
    assert len(highlevel.received) == 1


async def test_a_slow_answer_that_is_in_time_is_read(highlevel: HighLevel, client: Client) -> None:
    highlevel.misbehave(Fault(wait=0.1), times=2)
    await _write(client)
    assert (await _read(client)).status == "won"
    assert len(highlevel.received) == 2


async def test_an_answer_that_trickles_gets_no_more_time() -> None:
    async def trickle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.05)

    app = web.Application()
    app.router.add_put("/opportunities/{id}/status", trickle)
    async with served(app) as url, _client(url) as client:
        began = _now()
        with pytest.raises(TimedOut):
            await _write(client, 60.0)
    assert _now() - began < 30


# --- connections ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ask", [_read, _write])
async def test_a_refused_connection_is_tried_again_and_counts_as_not_sent(ask: Ask) -> None:
    with structlog.testing.capture_logs() as logged:
        async with _client(f"http://127.0.0.1:{free_port()}") as client:
            with pytest.raises(Unreachable) as caught:
                await ask(client, 5.0)
    assert not caught.value.perhaps_done
    assert [line["event"] for line in logged] == ["stamina.retry_scheduled"] * 2


@pytest.mark.parametrize("ask", [_read, _write])
async def test_an_unknown_host_name_is_an_error_of_its_own(ask: Ask) -> None:
    async with _client("http://nowhere.invalid", attempts=Attempts(most=2, pause=0.01)) as client:
        with pytest.raises(NameUnknown):
            await ask(client, 10.0)


@pytest.mark.parametrize("ask", [_read, _write])
async def test_a_server_without_tls_is_not_tried_again(highlevel: HighLevel, url: str, ask: Ask) -> None:
    with structlog.testing.capture_logs() as logged:
        async with _client(url.replace("http://", "https://"), attempts=Attempts(connect=2, answer=2)) as client:
            with pytest.raises(TlsFailed):
                await ask(client, 5.0)
    assert logged == []
    assert highlevel.received == []


async def test_a_connection_that_takes_too_long_counts_as_not_sent() -> None:
    # The kernel accepts the connection; no server answers the TLS handshake.
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        attempts = Attempts(most=2, connect=0.1, answer=2.0, pause=0.01)
        async with _client(f"https://127.0.0.1:{deaf.getsockname()[1]}", attempts=attempts) as client:
            with pytest.raises(ConnectTimedOut):
                await _write(client)


@pytest.mark.parametrize(
    "answer",
    [
        b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"succe',
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n400\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-",
        b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 1000\r\n\r\n{",
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n{}",
    ],
    ids=["half a body", "half a chunk", "half a head", "half a refusal", "nothing", "another protocol", "no number"],
)
async def test_a_write_whose_answer_is_not_whole_is_never_sent_again(answer: bytes) -> None:
    async with _saying(answer) as (url, received), _client(url) as client:
        with pytest.raises(CutOff) as caught:
            await _write(client)
    assert caught.value.perhaps_done
    assert len(received) == 1


async def test_a_read_whose_answer_is_not_whole_is_repeated() -> None:
    async with _saying(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{") as (url, received), _client(url) as client:
        with pytest.raises(CutOff):
            await _read(client)
    assert len(received) == 3


# --- why there is no answer ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("why", "error"),
    [
        (Why.INVALID, Unreachable),
        (Why.NAME_UNKNOWN, NameUnknown),
        (Why.TLS_FAILED, TlsFailed),
        (Why.CONNECT_TIMED_OUT, ConnectTimedOut),
        (Why.UNREACHABLE, Unreachable),
        (Why.TIMED_OUT, TimedOut),
        (Why.CUT_OFF, CutOff),
    ],
)
def test_a_call_may_have_been_carried_out_if_its_request_may_have_been_sent(
    why: Why, error: type[HighLevelError]
) -> None:
    meant = failure(why)

    assert type(meant) is error
    assert meant.perhaps_done == why.sent
    assert isinstance(meant, Unanswered if why.sent else NotSent)


# --- secrets -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [DOWN, DROPS, HANGS], ids=["down", "drops", "hangs"])
async def test_the_token_is_in_no_log_line_and_no_exception(
    highlevel: HighLevel, client: Client, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    highlevel.misbehave(fault, times=ALWAYS)
    caplog.set_level(logging.DEBUG)
    with structlog.testing.capture_logs() as logged, pytest.raises(HighLevelError) as caught:
        await _read(client)

    assert [line["event"] for line in logged].count("stamina.retry_scheduled") == 2
    error: BaseException | None = caught.value
    shown = [caplog.text, repr(logged), "".join(traceback.format_exception(caught.value))]
    while error:
        shown += [repr(error), str(error)]
        error = error.__cause__ or error.__context__
    assert not [text for text in shown if TOKEN in text]


# --- a search and the lost reasons ---------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["2021-07-28", "v3"])
async def test_each_version_of_the_search_gets_its_own_parameter(version: str) -> None:
    highlevel = HighLevel()
    highlevel.add_token(TOKEN)
    highlevel.add_opportunity(DEAL, name="New website")
    async with served(highlevel.app()) as url, _client(url, version=version) as client:
        found = await client.search(highlevel.location_id, "website", 5, until=_in(5))
    assert ([record.id for record in found.records], found.total) == ([DEAL], 1)


async def test_lost_reasons_are_read() -> None:
    highlevel = HighLevel()
    highlevel.add_token(TOKEN)
    highlevel.lost_reasons = [{"id": "R1", "name": "Price"}]
    async with served(highlevel.app()) as url, _client(url) as client:
        assert await client.lost_reasons(highlevel.location_id, until=_in(5)) == (wire.LostReasonRecord("R1", "Price"),)


async def test_each_request_is_reported_with_its_status_or_zero(highlevel: HighLevel, url: str) -> None:
    told: list[tuple[str, int, bool]] = []
    client = Client(
        base_url=url,
        auth=PrivateIntegration(TOKEN),
        version="2021-07-28",
        http=HttpClient(AGENT),
        attempts=QUICK,
        called=lambda method, status, seconds: told.append((method, status, seconds >= 0)),
    )
    async with client:
        highlevel.misbehave(DROPS)
        highlevel.misbehave(DOWN)
        await _read(client)
        await client.put_status(DEAL, "won", until=_in(5))
        with pytest.raises(OutOfTime):
            await _read(client, seconds=-1)

    assert told == [("GET", 0, True), ("GET", 503, True), ("GET", 200, True), ("PUT", 200, True)]


# --- a write that is no longer wanted ------------------------------------------------------------------------------


class GivenUp(Exception):
    """The caller does not want the write any more."""


@dataclass
class Caller:
    """Wants the write as often as it is asked at first."""

    times: int
    asked: int = 0

    async def may_send(self) -> None:
        self.asked += 1
        if self.asked > self.times:
            raise GivenUp


async def test_a_write_is_asked_about_just_before_it_is_sent_and_may_be_given_up_then(
    highlevel: HighLevel, client: Client
) -> None:
    with pytest.raises(GivenUp):
        await client.put_status(DEAL, "won", until=_in(5), may_send=Caller(0).may_send)
    assert _methods(highlevel) == []

    caller = Caller(1)
    await client.put_status(DEAL, "lost", until=_in(5), may_send=caller.may_send)
    (sent,) = highlevel.received
    assert (caller.asked, sent.method) == (1, "PUT")
    assert highlevel.opportunities[DEAL]["status"] == "lost"


@pytest.mark.parametrize("body", [{"status": 429, "headers": {"Retry-After": "0"}}])
async def test_a_write_is_asked_about_again_before_it_is_repeated(
    highlevel: HighLevel, client: Client, body: dict[str, Any]
) -> None:
    highlevel.misbehave(Fault(**body), method="PUT")
    with pytest.raises(GivenUp):
        await client.put_status(DEAL, "won", until=_in(5), may_send=Caller(1).may_send)

    assert _methods(highlevel) == ["PUT"]
    assert highlevel.opportunities[DEAL]["status"] == "open"


async def test_a_write_that_waits_for_the_rate_limit_is_asked_about_after_that(
    highlevel: HighLevel, client: Client
) -> None:
    async def may_send() -> None:
        asked.append(_now())

    asked: list[float] = []
    highlevel.burst_limit, highlevel.burst_seconds = 1, 3.0
    began = _now()
    await _read(client)
    await client.put_status(DEAL, "won", until=_in(10), may_send=may_send)

    assert asked[0] - began >= 3.0
