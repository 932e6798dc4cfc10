import asyncio

import httpx
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.simulator.bodies import GZIP, Chunks, dripping, endless, gzip_bomb, nested
from bot.simulator.serving import served
from bot.simulator.traffic import HIDDEN, Exchange, headers_to_show, recording, streamed, text_to_show


async def _served_and_asked(answer: web.StreamResponse) -> Exchange:
    async def handle(_request: web.Request) -> web.StreamResponse:
        return answer

    exchanges: list[Exchange] = []
    app = web.Application(middlewares=[recording("Slack", exchanges)])
    app.router.add_post("/there", handle)
    async with served(app) as url, httpx.AsyncClient() as http:
        await http.post(f"{url}/there?a=b", content=b"body", headers={"X-Y": "z"})
    return exchanges[0]


async def test_a_request_is_recorded_with_its_answer() -> None:
    exchange = await _served_and_asked(web.Response(status=201, body=b"made"))

    assert (exchange.to, exchange.method, exchange.path, exchange.query) == (
        "Slack",
        "POST",
        "/there",
        {"a": "b"},
    )
    assert (exchange.headers["x-y"], exchange.body) == ("z", b"body")
    assert (exchange.status, exchange.answer) == (201, b"made")
    assert exchange.took is not None
    assert exchange.at <= asyncio.get_running_loop().time()


async def test_a_streamed_answer_is_recorded_without_its_body() -> None:
    assert (await _served_and_asked(web.StreamResponse(status=202))).answer == b""


async def test_a_request_without_an_answer_has_no_status() -> None:
    never = asyncio.Event()

    async def hang(_request: web.Request) -> web.Response:
        await never.wait()
        return web.Response()

    exchanges: list[Exchange] = []
    app = web.Application(middlewares=[recording("Slack", exchanges)])
    app.router.add_get("/", hang)
    async with served(app) as url, httpx.AsyncClient(timeout=0.2) as http:
        try:
            await http.get(url)
        except httpx.ReadTimeout:
            assert (exchanges[0].status, exchanges[0].took) == (None, None)
        never.set()


def test_credentials_and_signatures_are_hidden() -> None:
    headers = {"Authorization": "Bearer pit-x", "x-slack-signature": "v0=1", "Cookie": "c", "Accept": "*/*"}

    assert headers_to_show(headers) == {
        "Authorization": HIDDEN,
        "x-slack-signature": HIDDEN,
        "Cookie": HIDDEN,
        "Accept": "*/*",
    }


@given(st.text("abcXYZ019-_", min_size=8, max_size=40))
def test_no_secret_is_shown_wherever_it_stands(key: str) -> None:
    for text in (
        f"https://x/commands/{key}",
        f"https%3A%2F%2Fx%2Factions%2F{key}&more=1",
        f"/app-actions/{key}",
        f"client_secret={key}&a=b",
        f"a=b&refresh_token={key}",
        f'{{"access_token": "{key}"}}',
        f'{{"code":"{key}"}}',
    ):
        assert key not in text_to_show(text)
        assert HIDDEN in text_to_show(text)


def test_text_without_secrets_is_shown_unchanged() -> None:
    text = 'GET /opportunities/abc {"status": "won"} text=Acme+won'

    assert text_to_show(text) == text


# --- bodies that no neighbour should send --------------------------------------------------------------------------


async def _streamed(chunks: Chunks, **headers: str) -> tuple[httpx.Headers, bytes]:
    """The headers, and the first megabyte or so of the body, as a client without bounds reads it."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return await streamed(request, 200, headers, chunks)

    app = web.Application()
    app.router.add_get("/", handle)
    body = b""
    async with served(app) as url, httpx.AsyncClient() as http, http.stream("GET", url) as response:
        async for piece in response.aiter_bytes(100_000):
            body += piece
            if len(body) > 1_000_000:
                break
        return response.headers, body


async def test_a_body_is_sent_piece_by_piece_as_json() -> None:
    headers, body = await _streamed(endless(b'["a"]', 1))

    assert (headers["content-type"], body) == ("application/json", b'["a"]')


async def test_an_endless_body_ends_when_the_bot_has_gone() -> None:
    _, body = await _streamed(endless())

    assert len(body) > 1_000_000


async def test_a_bomb_is_small_on_its_way() -> None:
    headers, body = await _streamed(gzip_bomb(2), **GZIP)
    packed = b"".join([chunk async for chunk in gzip_bomb(2)()])

    assert headers["content-encoding"] == "gzip"
    assert len(packed) < 10_000
    assert body == b" " * len(body)


async def test_a_dripping_body_comes_piece_by_piece() -> None:
    drops = aiter(dripping(0.0, b"x")())

    assert [await anext(drops) for _ in range(3)] == [b"x"] * 3


async def test_a_nested_body_has_the_depth_that_was_asked_for() -> None:
    assert [chunk async for chunk in nested(3)()] == [b'{"a":{"a":{"a":']
