from functools import partial

import pytest

from bot.http.client import HttpClient
from bot.http.proxies import Proxies
from bot.operations import diagnoses
from bot.operations.checks.findings import CheckId, Findings
from bot.operations.checks.proxy import ProxyCheck
from bot.simulator.highlevel.server import HighLevel
from bot.simulator.serving import served
from tests.connect_proxy import proxied

pytestmark = pytest.mark.jumping_clock

MADE = frozenset({CheckId.PROXY})
NEIGHBOURS = {
    "Slack": "https://slack.test/api",
    "HighLevel": "https://highlevel.test",
    "PUBLIC_URL": "https://bot.test",
}


async def _found(proxies: Proxies, *, everything: bool = False) -> Findings:
    return await ProxyCheck(proxies, NEIGHBOURS, partial(HttpClient, "tests", proxies)).run(everything=everything)


@pytest.mark.parametrize("everything", [False, True])
async def test_without_a_proxy_the_check_is_well(*, everything: bool) -> None:
    assert await _found(Proxies(), everything=everything) == Findings(MADE)


@pytest.mark.parametrize(
    ("exceptions", "words"),
    [
        ("", "for Slack, HighLevel and PUBLIC_URL."),
        ("bot.test", "for Slack and HighLevel, and no proxy for PUBLIC_URL."),
        ("slack.test,bot.test", "for HighLevel, and no proxy for Slack and PUBLIC_URL."),
        ("*", "for nothing, and no proxy for Slack, HighLevel and PUBLIC_URL."),
    ],
)
async def test_a_note_says_what_goes_through_the_proxy(exceptions: str, words: str) -> None:
    found = await _found(Proxies.read("http://opp:secret@proxy.example:3128", "HTTPS_PROXY", exceptions))

    assert found.made == MADE
    assert found.failing == ()
    assert [note.words for note in found.notes] == [
        f"Opp Status uses the proxy http://proxy.example:3128 (from HTTPS_PROXY) {words}"
    ]


async def test_those_to_whom_the_proxy_does_not_let_us_through_are_named() -> None:
    # Without TLS behind the proxy there is no answer either, but the proxy is not why.
    async with served(HighLevel().app()) as url, proxied({"slack.test:443": int(url.rpartition(":")[2])}) as proxy:
        found = await _found(Proxies.read(proxy.url, "ALL_PROXY", "bot.test"), everything=True)

    refused = diagnoses.PROXY_REFUSED.about(proxy=proxy.url, source="ALL_PROXY", whom="HighLevel")
    assert found == Findings(MADE, failing=(refused,))
    assert sorted(proxy.asked) == ["highlevel.test:443", "slack.test:443"]
