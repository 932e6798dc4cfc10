import socket

import httpx
import pytest
from aiohttp import web

from bot.simulator.serving import LOCALHOST, served


def _app() -> web.Application:
    async def greet(_request: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", greet)
    return app


async def _get(url: str) -> str:
    async with httpx.AsyncClient() as http:
        return (await http.get(url)).text


async def test_an_application_is_served_on_this_machine_alone() -> None:
    async with served(_app()) as url:
        assert url.startswith("http://127.0.0.1:")
        assert await _get(url) == "hello"


async def test_each_application_has_a_port_of_its_own() -> None:
    async with served(_app()) as one, served(_app()) as other:
        assert one != other
        assert await _get(one) == await _get(other) == "hello"


async def test_the_port_may_be_chosen() -> None:
    with socket.socket() as taken:
        taken.bind((LOCALHOST, 0))
        port = taken.getsockname()[1]
    async with served(_app(), port) as url:
        assert url == f"http://127.0.0.1:{port}"


async def test_an_application_is_served_until_the_block_is_left_even_by_an_error() -> None:
    url = ""
    with pytest.raises(KeyError):
        async with served(_app()) as url:
            raise KeyError
    with pytest.raises(httpx.ConnectError):
        await _get(url)


async def test_a_port_that_is_taken_is_an_error() -> None:
    async with served(_app()) as url:
        with pytest.raises(OSError, match="address already in use"):
            async with served(_app(), int(url.rpartition(":")[2])):
                pass
