"""What else the demo's page shows: the app's Home tab, whose deal it is, and the weekly digest. It leaves pictures."""

import pytest
from playwright.async_api import Locator, Page, expect

from bot.simulator.demo.stage import ACME, INITECH, PLANET, TRAINING, Stage
from tests.browser.chromium import Picture, Tabs
from tests.browser.looks import NARROW, WIDE, Size, shrink, violations

pytestmark = pytest.mark.asyncio(loop_scope="session")


def _last(page: Page) -> Locator:
    return page.locator("#log > li").last


def _name(what: str, size: Size, *, dark: bool) -> str:
    return f"{what}-{'narrow' if size is NARROW else 'wide'}-{'dark' if dark else 'light'}"


# --- the Home tab ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_a_rep_sees_their_deals_at_home_changes_one_and_undoes_it(
    stage: Stage, tabs: Tabs, url: str, picture: Picture, size: Size, *, dark: bool
) -> None:
    page = await tabs.open(url, dark=dark, **size)
    await page.get_by_role("navigation", name="Channels").get_by_role("link", name="Opp Status").click()
    home = page.get_by_role("region", name="Home of Opp Status")
    await expect(home).to_contain_text("Your open deals")
    await expect(home).to_contain_text("4 open deals")
    await expect(home).not_to_contain_text("Delivery vans")
    await picture(page, _name("home", size, dark=dark))
    assert await violations(page) == []
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0

    await home.get_by_role("button", name="Mark won").first.click()  # the deal that has not moved for longest
    await expect(home).to_contain_text("3 open deals")
    assert stage.highlevel.opportunities[TRAINING]["status"] == "won"
    await home.get_by_role("button", name="Undo").click()
    await home.get_by_role("dialog").get_by_role("button").last.click()
    await expect(home).to_contain_text("4 open deals")
    assert stage.highlevel.opportunities[TRAINING]["status"] == "open"


async def test_home_is_one_click_away_from_the_steps_and_shows_each_rep_their_own_deals(tabs: Tabs, url: str) -> None:
    page = await tabs.open(f"{url}/?user=U0MAX", **WIDE)
    await page.get_by_role("link", name="Open Home").click()

    home = page.get_by_role("region", name="Home of Opp Status")
    await expect(home).to_contain_text("Delivery vans")
    await expect(home).not_to_contain_text("New website")


async def test_home_tells_who_has_no_access_how_to_ask(tabs: Tabs, url: str, picture: Picture) -> None:
    page = await tabs.open(f"{url}/?user=U0BEN&channel=home", **WIDE)
    home = page.get_by_role("region", name="Home of Opp Status")
    await home.get_by_role("button", name="Request access").click()

    await expect(page.get_by_role("link", name="Kim")).to_contain_text("Unread message for")
    await picture(page, "home-without-access")


# --- whose deal it is ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_a_rep_who_is_not_the_owner_asks_and_the_owner_wins_the_deal_with_one_tap(
    stage: Stage, tabs: Tabs, url: str, picture: Picture, size: Size, *, dark: bool
) -> None:
    page = await tabs.open(url, dark=dark, **size)
    await page.get_by_role("button", name="Win Max's deal").click()
    await expect(_last(page)).to_contain_text("Delivery vans is @Max's deal")
    await picture(page, _name("not-yours", size, dark=dark))
    assert await violations(page) == []
    await _last(page).get_by_role("button", name="Ask").click()
    owner = page.get_by_role("navigation", name="View as").get_by_role("link", name="Max")
    await expect(owner).to_contain_text("Unread message for")
    assert stage.highlevel.opportunities[PLANET]["status"] == "open"
    await owner.click()

    await expect(_last(page)).to_contain_text("@Ana asks you to mark Delivery vans won")
    await picture(page, _name("owner-asked", size, dark=dark))
    assert await violations(page) == []
    await _last(page).get_by_role("button", name="Mark won").click()
    await expect(page.locator("#won-today")).to_have_text("$7,200")
    assert stage.highlevel.opportunities[PLANET]["status"] == "won"
    await page.get_by_role("link", name="# sales").click()
    await expect(_last(page)).to_contain_text("@Max won Delivery vans")


# --- the weekly digest -----------------------------------------------------------------------------------------------


async def _close_three_deals(stage: Stage) -> None:
    for text in (f"{ACME} won", f"{INITECH} lost too expensive", f"{PLANET} won"):
        await stage.slack.command(text, user="U0KIM", channel="C0SALES")
    await stage.slack.wait_for(3)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
async def test_the_digest_of_the_week_is_posted_on_a_click_and_draws_its_bars(
    stage: Stage, tabs: Tabs, url: str, picture: Picture, size: Size, *, dark: bool
) -> None:
    await _close_three_deals(stage)
    page = await tabs.open(f"{url}/?channel=home", dark=dark, **size)
    await page.get_by_role("button", name="Post the weekly digest").click()

    digest = _last(page)
    await expect(digest).to_contain_text("2 won, $12,000")
    bars = digest.get_by_role("table", name="Won and lost by owner")
    await expect(bars.get_by_role("row", name="Ana Silva")).to_contain_text("4,800")
    await bars.scroll_into_view_if_needed()
    await picture(page, _name("digest", size, dark=dark))
    assert await violations(page) == []
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0


async def test_these_are_the_pictures_of_the_guide(stage: Stage, tabs: Tabs, url: str, picture: Picture) -> None:
    page = await tabs.open(f"{url}/?channel=home", **WIDE)
    await expect(page.locator("#home")).to_contain_text("4 open deals")
    home = (await picture(page, "home-in-the-page")).with_name("home.png")
    await page.locator(".slack").screenshot(path=home, scale="css")
    await _close_three_deals(stage)
    await page.get_by_role("button", name="Post the weekly digest").click()
    await expect(_last(page)).to_contain_text("2 won, $12,000")
    digest = home.with_name("digest.png")
    await page.locator(".slack").screenshot(path=digest, scale="css")
    for each in (home, digest):
        shrink(each)
        assert each.stat().st_size < 200_000
