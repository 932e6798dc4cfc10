"""The demo's threads, as people use them: with a mouse, on a phone, and with the keyboard alone. It leaves pictures."""

import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from bot.simulator.demo.stage import ACME, Stage, staged
from tests.browser.chromium import Picture, Tabs
from tests.browser.looks import NARROW, WIDE, Size, violations
from tests.house import PATIENT

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session")
async def stage() -> AsyncIterator[Stage]:
    """A deal that was won and then lost in HighLevel: the message says the latest, its thread what went before."""
    async with staged(PATIENT) as stage:
        for number, status in enumerate(("won", "lost"), 1):
            await stage.change_by_hand(ACME, status, "stage-3")
            await stage.slack.wait_for(number)
        yield stage


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_a_thread_opens_beside_the_channel_or_on_a_phone_in_its_place(
    tabs: Tabs, url: str, picture: Picture, size: Size, *, dark: bool
) -> None:
    page = await tabs.open(url, dark=dark, **size)
    await expect(page.locator("#log > li")).to_have_count(1)
    await page.get_by_role("link", name="1 reply").click()

    thread = page.get_by_role("region", name="Thread")
    await expect(thread.locator(".message")).to_have_count(2)
    await expect(thread.locator(".message").first).to_contain_text("Marked lost in HighLevel: New website")
    await expect(thread.locator(".message").last).to_contain_text("was won")
    await expect(page.locator("#log")).to_be_visible(visible=size is WIDE)
    await expect(page.get_by_role("heading", name="Thread")).to_be_focused()
    await picture(page, f"thread-{'narrow' if size is NARROW else 'wide'}-{'dark' if dark else 'light'}")
    assert await violations(page) == []
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0

    await thread.get_by_role("link", name="Close thread").click()
    await expect(thread).not_to_be_visible()
    await expect(page.locator("#log")).to_be_visible()


async def test_a_thread_is_read_answered_and_closed_with_the_keyboard_alone(stage: Stage, tabs: Tabs, url: str) -> None:
    page = await tabs.open(url, **WIDE)
    link = page.get_by_role("link", name="1 reply")
    await link.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Thread")).to_be_focused()
    await page.get_by_role("textbox", name="Reply").focus()
    await page.keyboard.type("They had no budget.")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("log", name="Messages in the thread")).to_contain_text("They had no budget.")
    await expect(page.get_by_role("textbox", name="Reply")).to_be_focused()
    await page.keyboard.press("Escape")

    await expect(page.locator(".replies")).to_be_focused()
    await expect(page.locator(".replies")).to_contain_text(re.compile(r"2 replies Last reply today at \d"))
    assert stage.slack.shown[-1].thread_ts == stage.slack.shown[0].ts


async def test_a_reply_comes_into_an_open_thread_and_not_into_the_channel(stage: Stage, tabs: Tabs, url: str) -> None:
    page = await tabs.open(url, **WIDE)
    await page.get_by_role("link", name="1 reply").click()
    thread = page.get_by_role("log", name="Messages in the thread")
    await expect(thread).to_contain_text("was won")
    await stage.slack.post("What happened?", user="U0KIM", channel="C0SALES", thread_ts=stage.slack.shown[0].ts)

    await expect(thread).to_contain_text("What happened?")
    await expect(page.locator("#log > li")).to_have_count(1)


async def test_a_message_without_replies_begins_a_thread(stage: Stage, tabs: Tabs, url: str) -> None:
    asked = await stage.slack.post("Who has Globex?", user="U0KIM", channel="C0SALES")
    page = await tabs.open(url, **WIDE)
    message = page.locator("#log > li").last
    await message.hover()
    await message.get_by_role("link", name="Reply in thread").click()
    await page.get_by_role("textbox", name="Reply").fill("I do.")
    await page.get_by_role("button", name="Send reply").click()

    await expect(page.locator(f"[id='replies-{asked.ts}']")).to_contain_text("1 reply")


async def test_a_button_in_a_thread_does_what_it_does_in_the_channel(stage: Stage, tabs: Tabs, url: str) -> None:
    page = await tabs.open(url, **WIDE)
    await page.get_by_role("link", name="1 reply").click()
    thread = page.get_by_role("region", name="Thread")
    await thread.get_by_role("button", name="Undo").click()
    asks = thread.get_by_role("dialog")
    await expect(asks).to_be_visible()
    await asks.get_by_role("button").last.click()

    await expect(page.get_by_role("region", name="Won").locator("article")).to_contain_text("New website")
    assert stage.highlevel.opportunities[ACME]["status"] == "won"
