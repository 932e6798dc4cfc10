import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, expect

from bot.simulator.serving import served
from tests.browser.chromium import Picture, Tabs, running, watched

pytestmark = pytest.mark.asyncio(loop_scope="session")

PAGE = """<!doctype html>
<html lang="en">
<meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,">
<title>A page</title>
<button onclick="this.textContent = 'Pressed'">Press ✓</button>
"""


@pytest_asyncio.fixture(loop_scope="session")
async def url() -> AsyncIterator[str]:
    async def show(request: web.Request) -> web.Response:
        return web.Response(text=PAGE + request.query.get("more", ""), content_type="text/html")

    app = web.Application()
    app.router.add_get("/", show)
    async with served(app) as address:
        yield address


def _with(url: str, script: str) -> str:
    return f"{url}/?more=<script>{script}</script>"


async def _complaints(browser: Browser, url: str, script: str) -> str:
    """The complaints about a page that runs this script."""
    with pytest.raises(AssertionError) as failed:
        await _run(browser, url, script)
    return str(failed.value)


async def _run(browser: Browser, url: str, script: str) -> None:
    async with watched(browser) as tabs:
        page = await tabs.open(url)
        await page.evaluate(f"async () => {{ {script} }}")


async def test_a_button_can_be_pressed(tabs: Tabs, url: str) -> None:
    page = await tabs.open(url)
    await page.get_by_role("button", name="Press").click()
    await expect(page.get_by_role("button")).to_have_text("Pressed")


async def test_a_picture_is_saved(tabs: Tabs, url: str, picture: Picture) -> None:
    file = await picture(await tabs.open(url), "the-browser")
    assert file.read_bytes().startswith(b"\x89PNG")
    assert time.time() - file.stat().st_mtime < 60


async def test_a_page_has_the_width_and_the_colours_that_a_test_asks_for(tabs: Tabs, url: str) -> None:
    wide, narrow = await tabs.open(url), await tabs.open(url, width=390, height=844, dark=True, phone=True)
    look = """() => [innerWidth, innerHeight, matchMedia("(prefers-color-scheme: dark)").matches,
                     matchMedia("(pointer: coarse)").matches]"""
    assert await wide.evaluate(look) == [1280, 800, False, False]
    assert await narrow.evaluate(look) == [390, 844, True, True]


async def test_a_page_is_the_same_wherever_it_is_shown(tabs: Tabs, url: str) -> None:
    page = await tabs.open(url)
    assert await page.evaluate("navigator.language") == "en-US"
    assert await page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone") == "UTC"
    assert await page.evaluate("matchMedia('(prefers-reduced-motion: reduce)').matches")


async def test_two_visitors_know_nothing_of_each_other(tabs: Tabs, url: str) -> None:
    one, other = await tabs.open(url), await tabs.open(url)
    await one.evaluate("localStorage.setItem('who', 'one')")
    assert await other.evaluate("localStorage.getItem('who')") is None


async def test_a_page_reaches_nothing_outside(browser: Browser, url: str) -> None:
    for outside in ["http://example.com/", "http://192.0.2.1/", "http://[::1]/", "http://localhost/"]:
        complaints = await _complaints(browser, url, f"await fetch('{outside}').catch(() => null)")
        assert f"asked for {outside}" in complaints
        assert "net::ERR_NAME_NOT_RESOLVED" in complaints


async def test_a_page_opens_no_socket_to_the_outside(browser: Browser, url: str) -> None:
    socket = "await new Promise(done => { new WebSocket('wss://example.com/').onerror = done })"
    assert "asked for wss://example.com/" in await _complaints(browser, url, socket)


async def test_a_page_may_load_data_and_blobs(tabs: Tabs, url: str) -> None:
    page = await tabs.open(url)
    await page.evaluate("fetch('data:text/plain,made')")
    await page.evaluate("fetch(URL.createObjectURL(new Blob(['made'])))")


async def test_a_page_with_an_error_fails_its_test(browser: Browser, url: str) -> None:
    for script, complaint in [
        ("console.error('It broke.')", "console: It broke."),
        ("setTimeout(() => { throw new Error('It broke.') })", "error: It broke."),
        ("Promise.reject(new Error('Unhandled.')) && null", "error: Unhandled."),
        ("await fetch('/nowhere')", "console: Failed to load resource"),
    ]:
        assert complaint in await _complaints(browser, url, script)


async def test_a_warning_does_not_fail_the_test(tabs: Tabs, url: str) -> None:
    await tabs.open(_with(url, "console.warn('Mind the gap.')"))


async def test_a_test_can_remove_a_complaint_that_it_expects(tabs: Tabs, url: str) -> None:
    page = await tabs.open(url)
    async with page.expect_event("pageerror"):
        await page.evaluate("setTimeout(() => { throw new Error('Foreseen.') })")
    assert tabs.complaints == ["error: Foreseen."]
    tabs.complaints.clear()


async def test_a_browser_that_does_not_start_says_why() -> None:
    with pytest.raises(RuntimeError, match=r"Chromium did not start:\n.*headless"), running("echo"):
        pass
