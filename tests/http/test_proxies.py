import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from urllib import request as urllib_request

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.http.client import HttpClient
from bot.http.exchange import Body, Request, RequestFailed, Why
from bot.http.proxies import PROBLEM, Proxies
from bot.simulator.highlevel.server import HighLevel
from bot.simulator.serving import served
from tests.connect_proxy import proxied
from tests.house import free_port
from tests.memory import ours

pytestmark = pytest.mark.jumping_clock

PROXY = "http://proxy.example:3128"
SLACK = "https://slack.com/api/"


@pytest.mark.parametrize(
    ("address", "url", "credentials"),
    [
        ("http://proxy.example:3128", "http://proxy.example:3128", ""),
        ("proxy.example:3128", "http://proxy.example:3128", ""),
        ("https://proxy.example/", "https://proxy.example", ""),
        ("http://[2001:db8::1]:3128", "http://[2001:db8::1]:3128", ""),
        ("http://opp:p%40ss%2F@proxy.example:3128", "http://proxy.example:3128", "opp:p@ss/"),
        ("http://opp:p@ss@proxy.example:3128", "http://proxy.example:3128", "opp:p@ss"),
        ("http://opp@proxy.example", "http://proxy.example", "opp:"),
    ],
)
def test_the_address_of_a_proxy_is_read_without_the_password_in_it(address: str, url: str, credentials: str) -> None:
    proxies = Proxies.read(address)

    assert proxies.url == url
    assert proxies.headers == (
        {"Proxy-Authorization": f"Basic {b64encode(credentials.encode()).decode()}"} if credentials else {}
    )


@given(st.text(max_size=30), st.sampled_from(["", "http://", "socks5://", "http://u:p@"]))
def test_what_is_no_address_of_a_proxy_is_an_error_that_does_not_repeat_it(text: str, start: str) -> None:
    try:
        url = Proxies.read(start + text).url
    except ValueError as error:
        assert str(error) == PROBLEM  # noqa: PT017 - most texts are no address, and some are
    else:
        assert url.startswith(("http://", "https://"))


def test_without_a_proxy_every_server_is_reached_directly() -> None:
    assert not Proxies().lead_to(SLACK)
    assert Proxies().arguments(SLACK) == {"proxy": None}


def test_aiohttp_is_told_name_and_password_beside_the_address() -> None:
    proxies = Proxies.read("http://opp:secret@proxy.example:3128")

    assert proxies.arguments(SLACK) == {"proxy": PROXY, "proxy_headers": proxies.headers}


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:3000/slack/events",
        "http://LOCALHOST",
        "http://bot.localhost",
        "http://127.0.0.1:8080/api/",
        "http://127.1.2.3",
        "http://[::1]:8080",
    ],
)
def test_this_machine_is_reached_without_the_proxy(url: str) -> None:
    assert not Proxies.read(PROXY).lead_to(url)


@pytest.mark.parametrize(
    ("exceptions", "url", "through"),
    [
        ("", SLACK, True),
        ("slack.com", SLACK, False),
        (".slack.com", SLACK, False),
        ("*.slack.com", SLACK, False),
        ("slack.com", "https://HOOKS.slack.com/x", False),
        ("slack.com", "wss://wss-primary.slack.com/link", False),
        ("slack.com", "https://notslack.com", True),
        ("slack.com:443", SLACK, False),
        ("slack.com:8443", SLACK, True),
        ("localhost, SLACK.com", SLACK, False),
        ("localhost slack.com", SLACK, False),
        ("10.0.0.0/8,,.", SLACK, True),
        ("10.0.0.7", "https://10.0.0.7/", False),
        ("*", SLACK, False),
    ],
)
def test_the_hosts_of_no_proxy_are_reached_without_it(exceptions: str, url: str, *, through: bool) -> None:
    assert Proxies.read(PROXY, exceptions=exceptions).lead_to(url) == through


HOSTS = st.lists(st.sampled_from(["slack", "com", "hooks", "example", "a"]), min_size=1, max_size=3).map(".".join)


@given(HOSTS, st.lists(st.tuples(st.sampled_from(["", "."]), HOSTS, st.sampled_from(["", ":443", ":80"])), max_size=3))
def test_no_proxy_means_what_it_means_to_python(host: str, listed: list[tuple[str, str, str]]) -> None:
    exceptions = ",".join(map("".join, listed))
    bypass = urllib_request.proxy_bypass_environment(f"{host}:443", {"no": exceptions})  # type: ignore[attr-defined]

    assert Proxies.read(PROXY, exceptions=exceptions).lead_to(f"https://{host}/") == (not bypass)


# --- what the client does with it ----------------------------------------------------------------------------------


def _request(url: str, *, gated: bool = False) -> Request:
    until = asyncio.get_running_loop().time() + 60
    body = Body.json({"status": "won"})
    return Request("PUT", url, body=body, until=until, connect=60.0, may_send=ours if gated else None)


@asynccontextmanager
async def _client(proxy: str, exceptions: str = "") -> AsyncIterator[HttpClient]:
    async with aclosing(HttpClient("tests", Proxies.read(proxy, exceptions=exceptions))) as http:
        yield http


async def _why(proxy: str, url: str, *, gated: bool) -> Why:
    async with _client(proxy) as http:
        with pytest.raises(RequestFailed) as caught:
            await http.send(_request(url, gated=gated))
    return caught.value.why


@pytest.mark.parametrize("gated", [False, True])
async def test_what_a_proxy_refuses_was_not_sent(*, gated: bool) -> None:
    async with proxied({}) as proxy:
        assert await _why(proxy.url, "https://slack.test/api/", gated=gated) is Why.PROXY_REFUSED
    assert proxy.asked == ["slack.test:443"]
    assert not Why.PROXY_REFUSED.sent


@pytest.mark.parametrize("gated", [False, True])
async def test_a_proxy_that_cannot_be_reached_is_named_as_the_reason(*, gated: bool) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"

    assert await _why(nowhere, "https://slack.test/", gated=gated) is Why.PROXY_REFUSED
    assert await _why("http://nowhere.invalid:3128", "https://slack.test/", gated=gated) is Why.PROXY_REFUSED


@pytest.mark.parametrize("gated", [False, True])
async def test_a_server_behind_the_proxy_that_is_not_trusted_is_told_as_that(*, gated: bool) -> None:
    async with served(HighLevel().app()) as url, proxied({"slack.test:443": int(url.rpartition(":")[2])}) as proxy:
        assert await _why(proxy.url, "https://slack.test/", gated=gated) is Why.TLS_FAILED


async def test_an_exception_is_reached_without_the_proxy_by_the_same_client() -> None:
    async with served(HighLevel().app()) as url, proxied({}) as proxy, _client(proxy.url) as http:
        assert (await http.send(_request(f"{url}/opportunities/x"))).status >= 400
        with pytest.raises(RequestFailed):
            await http.send(_request("https://slack.test/"))
    assert proxy.asked == ["slack.test:443"]
