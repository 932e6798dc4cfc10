"""The demo as a sales leader meets it: it plays by itself, and then it is their turn. It leaves pictures and a film."""

import base64
import io
import re
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Locator, Page, expect

from bot.simulator.demo.stage import ACME, INITECH, Stage
from bot.simulator.demo.tour.steps import STEPS
from tests.browser.chromium import Picture, Tabs
from tests.browser.looks import NARROW, WIDE, Size, shrink, violations

pytestmark = pytest.mark.asyncio(loop_scope="session")


FILM = 2_000_000
"""Bytes that the film may have."""


def _step(page: Page, number: int) -> Locator:
    return page.locator(f"#take-{number}")


async def _take(page: Page, *numbers: int) -> None:
    for number in numbers:
        await _step(page, number).click()
        await expect(page.locator(f"#step-{number}")).to_contain_class("done")


# --- it plays by itself ----------------------------------------------------------------------------------------------


async def test_a_win_is_seen_in_the_channel_on_the_board_and_on_the_phone_without_a_click(
    stage: Stage, tabs: Tabs, url: str, picture: Picture
) -> None:
    opened = time.monotonic()
    page = await tabs.open(url, moves=True, **WIDE)
    await expect(page.get_by_role("heading", name="Watch", exact=True)).to_be_visible()
    await expect(page.get_by_label("Type a message or command")).to_have_value(re.compile("^/opp-status A"))
    await picture(page, "playing")

    await expect(page.locator("#log > li").last).to_contain_text("@Ana won New website")
    await expect(page.get_by_role("region", name="Won").locator("article")).to_contain_text("New website")
    seen = time.monotonic() - opened
    await expect(page.locator("#won-today")).to_have_text("$4,800")
    await expect(page.get_by_role("region", name="On your phone")).to_contain_text("Ana won New website · $4,800")
    await expect(page.get_by_role("heading", name="Your turn")).to_be_visible()
    await expect(page.locator("#step-1")).to_contain_class("done")
    await expect(page.get_by_label("Type a message or command")).to_have_value("")
    assert stage.highlevel.opportunities[ACME]["status"] == "won"
    assert seen < 10
    await page.wait_for_timeout(1200)  # the counter counts, and the card still slides
    await picture(page, "played")


async def test_it_plays_only_once(tabs: Tabs, url: str) -> None:
    page = await tabs.open(url, moves=True)
    await expect(page.locator("#step-1")).to_contain_class("done")
    again = await tabs.open(url, moves=True)

    await expect(again.locator("#log > li")).to_have_count(1)
    await expect(again.get_by_role("heading", name="Your turn")).to_be_visible()
    await expect(again.locator("body")).not_to_have_attribute("data-plays", "")


@pytest.mark.parametrize("how", ["the button", "Escape", "the composer"])
async def test_it_can_be_skipped(stage: Stage, tabs: Tabs, url: str, how: str) -> None:
    page = await tabs.open(url, moves=True)
    await expect(page.get_by_role("heading", name="Watch", exact=True)).to_be_visible()
    match how:
        case "the button":
            await page.get_by_role("button", name="Skip").click()
        case "Escape":
            await page.keyboard.press("Escape")
        case _:
            await page.get_by_label("Type a message or command").focus()

    await expect(page.get_by_role("heading", name="Your turn")).to_be_visible()
    await expect(page.get_by_label("Type a message or command")).to_have_value("")
    await _take(page, 4)  # a later step is the only one that was sent
    assert stage.highlevel.opportunities[ACME]["status"] == "open"


async def test_it_does_not_play_for_a_visitor_who_prefers_reduced_motion(stage: Stage, tabs: Tabs, url: str) -> None:
    page = await tabs.open(url)
    await expect(page.get_by_role("heading", name="Your turn")).to_be_visible()
    await _take(page, 4)

    assert stage.highlevel.opportunities[ACME]["status"] == "open"
    assert await page.evaluate("document.getAnimations().length") == 0


# --- your turn -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_each_step_runs_on_one_click_and_is_ticked_off(
    stage: Stage, tabs: Tabs, url: str, picture: Picture, size: Size, *, dark: bool
) -> None:
    page = await tabs.open(url, dark=dark, **size)
    name = f"step-{'narrow' if size is NARROW else 'wide'}-{'dark' if dark else 'light'}"
    last = page.locator("#log > li").last
    for step in STEPS:
        await _take(page, step.number)
        await expect(last).to_be_visible()
        await picture(page, f"{name}-{step.number}")

    await expect(last).to_contain_text("HighLevel")
    await last.get_by_role("button", name="Try again").click()
    await expect(page.locator("#won-today")).to_have_text("$4,800")
    assert stage.highlevel.opportunities[INITECH]["status"] == "lost"
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0


async def test_a_step_is_typed_before_it_is_sent(tabs: Tabs, url: str) -> None:
    page = await tabs.open(url, moves=True)
    await page.get_by_role("button", name="Skip").click()
    await _step(page, 3).click()

    await expect(page.get_by_label("Type a message or command")).to_have_value(re.compile("^/opp-status I"))
    await expect(page.locator("#step-3")).to_contain_class("done")


async def test_a_step_that_is_clicked_as_another_person_leads_to_where_it_is_seen(tabs: Tabs, url: str) -> None:
    page = await tabs.open(f"{url}/?user=U0BEN&channel=G0DEALS")
    await _step(page, 1).click()

    await expect(page.locator("#log > li").last).to_contain_text("@Ana won New website")
    await expect(page.get_by_role("link", name="Ana")).to_have_attribute("aria-current", "true")


async def test_more_can_be_done_on_a_click(tabs: Tabs, url: str) -> None:
    page = await tabs.open(url)
    await page.get_by_role("button", name="Look up a deal").click()
    await expect(page.locator("#log > li").last).to_contain_text("New website")
    await page.get_by_role("button", name="Use the form").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="See help").click()
    await expect(page.locator("#log > li").last).to_contain_text("/opp-status")


async def test_a_dot_appears_on_the_admin_when_ben_asks_and_one_click_shows_why(
    tabs: Tabs, url: str, picture: Picture
) -> None:
    page = await tabs.open(f"{url}/?user=U0BEN&channel=C0SALES")
    kim = page.get_by_role("navigation", name="View as").get_by_role("link", name="Kim")
    await page.get_by_label("Type a message or command").fill("/opp-status Acme Corp won")
    await page.keyboard.press("Enter")
    await page.locator("#log").get_by_role("button", name="Request access").click()
    await expect(kim).to_contain_text("Unread message for")
    await picture(page, "ben-asked")
    await kim.click()

    await expect(page.locator("#log > li").last).to_contain_text("@Ben")
    await expect(page.get_by_role("link", name="Kim")).not_to_contain_text("Unread")


async def test_a_change_on_the_board_is_announced_in_the_channel(tabs: Tabs, url: str, picture: Picture) -> None:
    page, elsewhere = await tabs.open(url, **WIDE), await tabs.open(f"{url}/?user=U0BEN&channel=G0DEALS")
    card = page.locator(f"#deal-{INITECH}")
    await card.get_by_text("Edit in HighLevel").click()
    await card.get_by_label("Status").select_option("won")
    await card.get_by_role("button", name="Save").click()

    await expect(page.locator("#log > li").last).to_contain_text("Printer service")
    await expect(page.locator("#won-today")).to_have_text("$2,500")
    await expect(elsewhere.get_by_role("link", name="# sales")).to_contain_text("1 unread")
    await picture(page, "announced")
    await page.get_by_text("For IT: break it, look inside").click()
    await expect(page.get_by_role("heading", name="HighLevel: workflow for Printer service, now won")).to_be_visible()
    await expect(page.locator("#exchanges")).to_contain_text("HighLevel → bot POST /highlevel/workflow")
    await expect(page.locator("#traffic")).not_to_contain_text("In the bot's records")


async def test_on_a_phone_the_result_is_seen_in_both_tabs(tabs: Tabs, url: str, picture: Picture) -> None:
    page = await tabs.open(url, dark=True, **NARROW)
    board = page.get_by_role("button", name="HighLevel", exact=True)
    await _take(page, 1)
    await expect(page.locator("#won-today")).to_have_text("$4,800")
    await expect(page.locator("#won-today")).to_be_in_viewport()
    await expect(page.locator("#log > li").last).to_be_in_viewport()
    await expect(page.get_by_role("region", name="Won")).not_to_be_visible()
    await expect(board).to_contain_class("unread")
    await board.click()

    await expect(board).to_have_attribute("aria-pressed", "true")
    await expect(page.get_by_role("region", name="Won").locator("article")).to_contain_text("New website")
    await expect(page.locator("#won-today")).to_be_in_viewport()
    await expect(page.get_by_role("region", name="On your phone")).to_contain_text("Ana won New website")
    await picture(page, "phone-board")


# --- the end ---------------------------------------------------------------------------------------------------------


async def test_the_last_card_says_what_it_saves_and_how_to_begin(tabs: Tabs, url: str, picture: Picture) -> None:
    page = await tabs.open(url, **WIDE)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.get_by_role("button", name="Copy manifest link").click()
    await expect(page.get_by_role("status")).to_have_text("Copied: the link that creates the Slack app")
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("https://api.slack.com/apps?new_app=1&manifest_yaml=")
    await picture(page, "ending")

    async with page.expect_popup() as opened:
        await page.get_by_role("link", name="Read the setup guide").click()
    await expect((await opened.value).get_by_text("# Install")).to_be_visible()


async def test_the_drawer_for_it_stays_open_when_the_page_is_left(tabs: Tabs, url: str, picture: Picture) -> None:
    page = await tabs.open(url, **WIDE)
    await expect(page.get_by_label("Make HighLevel…")).not_to_be_visible()
    await page.get_by_text("For IT: break it, look inside").click()
    await _take(page, 1)
    await page.get_by_role("link", name="Kim").click()

    await expect(page.get_by_label("Make HighLevel…")).to_be_visible()
    await expect(page.locator("#traffic")).to_contain_text("PUT /opportunities/")
    await page.locator("#it").scroll_into_view_if_needed()
    await picture(page, "for-it")


# --- for everyone ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_axe_finds_nothing_wrong(tabs: Tabs, url: str, size: Size, *, dark: bool) -> None:
    page = await tabs.open(url, dark=dark, **size)
    assert await violations(page) == []
    await _take(page, *(step.number for step in STEPS))
    await page.get_by_text("For IT: break it, look inside").click()
    await page.locator("#exchanges summary").first.click()
    assert await violations(page) == []
    await page.get_by_role("button", name="Use the form").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.get_by_role("dialog").get_by_role("button", name="Update deal").click()
    await expect(page.locator("[aria-invalid=true]").first).to_be_visible()
    assert await violations(page) == []


async def test_the_page_is_painted_at_once(tabs: Tabs, url: str) -> None:
    await tabs.open(url)  # templates are compiled
    page = await tabs.open(url)
    first = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
    while await page.evaluate(first) is None:  # `wait_for_function` is `eval`, which the page's policy refuses
        await page.wait_for_timeout(50)

    assert await page.evaluate(first) < 3000  # 0.1 s on a machine at rest; this one may be busy


# --- pictures and a film for the documents ---------------------------------------------------------------------------


async def test_these_are_the_pictures_of_the_readme(tabs: Tabs, url: str, picture: Picture) -> None:
    page = await tabs.open(url, **WIDE)
    await _take(page, 1, 4)
    await expect(page.locator("#log > li")).to_have_count(2)
    shrink(await picture(page, "desktop"))
    phone = await tabs.open(url, dark=True, **NARROW)
    await expect(phone.locator("#log > li")).to_have_count(2)
    shrink(await picture(phone, "phone"))


async def test_this_is_the_film_of_the_readme(tabs: Tabs, url: str, picture: Picture) -> None:
    page = await tabs.open("about:blank", moves=True, **WIDE)
    frames: list[tuple[float, bytes]] = []
    camera = await page.context.new_cdp_session(page)

    async def take(frame: dict[str, Any]) -> None:
        frames.append((frame["metadata"]["timestamp"], base64.b64decode(frame["data"])))
        await camera.send("Page.screencastFrameAck", {"sessionId": frame["sessionId"]})

    camera.on("Page.screencastFrame", take)
    await camera.send("Page.startScreencast", {"format": "png", "maxWidth": 1008, "maxHeight": 630})
    await page.goto(url)
    await expect(page.locator("#step-1")).to_contain_class("done")
    await page.wait_for_timeout(2500)  # the counter counts, the card slides, and all is read
    await camera.send("Page.stopScreencast")

    film = (await picture(page, "played-to-the-end")).with_name("film.png")
    _save(frames, film)
    assert len(frames) > 10
    assert 0 < film.stat().st_size < FILM


def _save(frames: Sequence[tuple[float, bytes]], film: Path) -> None:
    """Save these pictures, each with the second at which it was seen, as an animated PNG; the last stays a while.

    All have the colors of the last, so that what stays the same is stored once. At most twelve a second are kept.
    """
    kept = [frames[0]]
    for frame in frames[1:-1]:
        if frame[0] - kept[-1][0] >= 1 / 12:
            kept.append(frame)
    kept.append(frames[-1])
    images = [Image.open(io.BytesIO(picture)).convert("RGB") for _, picture in kept]
    colors = images[-1].quantize(256, method=Image.Quantize.MAXCOVERAGE)
    shown = [each.quantize(palette=colors, dither=Image.Dither.NONE) for each in images]
    pauses = [max(20, int((after - before) * 1000)) for (before, _), (after, _) in pairwise(kept)]
    shown[0].save(film, save_all=True, append_images=shown[1:], duration=[*pauses, 3000], loop=0, optimize=True)
