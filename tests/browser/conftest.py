"""A browser for tests of pages.

    async def test_a_deal_is_won(tabs: Tabs, picture: Picture) -> None:
        page = await tabs.open(url, width=390, height=844, phone=True, dark=True)
        await page.get_by_role("button", name="Send").click()
        await expect(page.get_by_text("Won")).to_be_visible()
        await picture(page, "won")

Wait with `expect`, never by sleeping. A test fails if its page asked for anything that is not on 127.0.0.1, wrote an
error to the console or left an exception uncaught. The browser itself writes one for an answer of 400 or more, and it
asks every site for `/favicon.ico` unless the page names another icon.

All these tests share one event loop, in which the connection to the browser lives: a file of them says
`pytestmark = pytest.mark.asyncio(loop_scope="session")`, and so do its own fixtures.
"""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from bot.simulator.demo.page import Page as Demo
from bot.simulator.demo.stage import Stage, staged
from bot.simulator.serving import served
from tests.browser.chromium import Picture, Tabs, program, running, watched
from tests.house import PATIENT

SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"


@pytest.fixture(scope="session")
def chromium() -> Iterator[str]:
    """The address of a Chromium that all tests share: starting one takes longer than most of them."""
    where = program()
    if where is None:
        if os.environ.get("CI"):  # noqa: TID251 - there, a test that is left out is a failure
            pytest.fail("Chromium is not installed, and CI leaves out no test.")
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium-headless-shell)")
    with running(where) as address:
        yield address


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """The shared Chromium, with one connection to it: the program between costs more than most tests."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.connect_over_cdp(chromium)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def tabs(browser: Browser) -> AsyncIterator[Tabs]:
    """Opens pages (`await tabs.open(url)`), and fails the test for what went wrong in them."""
    async with watched(browser) as tabs:
        yield tabs


@pytest_asyncio.fixture(loop_scope="session")
async def stage() -> AsyncIterator[Stage]:
    """The demo's bot and stand-ins. A file of tests may furnish its own."""
    async with staged(PATIENT) as stage:
        yield stage


@pytest_asyncio.fixture(loop_scope="session")
async def url(stage: Stage) -> AsyncIterator[str]:
    """The address of the demo's page over this stage."""
    async with served(Demo(stage).app()) as url:
        yield url


@pytest.fixture
def picture() -> Picture:
    """`await picture(page, "name")` takes a picture of what the page shows, as `build/screenshots/name.png`."""

    async def take(page: Page, name: str) -> Path:
        file = SCREENSHOTS / f"{name}.png"
        await page.screenshot(path=file, animations="disabled", scale="css")
        return file

    return take
