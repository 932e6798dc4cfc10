"""The demo's page as people use it, in a browser. It leaves pictures in `build/screenshots`."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from playwright.async_api import Locator, Page, expect

from bot.simulator.demo.page import Page as Demo
from bot.simulator.demo.stage import ACME, GLOBEX, TRAINING, UNKNOWN_ID, Stage, staged
from bot.simulator.serving import served
from tests.browser.chromium import Picture, Tabs
from tests.browser.looks import violations
from tests.house import HASTY, PATIENT

pytestmark = pytest.mark.asyncio(loop_scope="session")


@dataclass
class Visit:
    """A stage, and tabs that show its page."""

    stage: Stage
    url: str
    tabs: Tabs

    async def as_(self, user: str, channel: str = "C0SALES", **how: bool | int) -> Page:
        return await self.tabs.open(f"{self.url}/?user={user}&channel={channel}", **how)  # type: ignore[arg-type]

    async def looking_inside(self, user: str) -> Page:
        """The page with its drawer for IT open."""
        page = await self.as_(user)
        await page.get_by_text("For IT: break it, look inside").click()
        return page

    def status_of(self, opportunity_id: str) -> str:
        return str(self.stage.highlevel.opportunities[opportunity_id]["status"])


@pytest_asyncio.fixture(loop_scope="session")
async def visit(tabs: Tabs) -> AsyncIterator[Visit]:
    async with staged(PATIENT) as stage, served(Demo(stage).app()) as url:
        yield Visit(stage, url, tabs)


@pytest_asyncio.fixture(loop_scope="session")
async def hasty_visit(tabs: Tabs) -> AsyncIterator[Visit]:
    async with staged(HASTY) as stage, served(Demo(stage).app()) as url:
        yield Visit(stage, url, tabs)


async def _say(page: Page, text: str) -> None:
    await page.get_by_label("Type a message or command").fill(text)
    await page.get_by_role("button", name="Send").click()


def _last(page: Page) -> Locator:
    return page.locator("#log > li").last


def _card(page: Page, opportunity_id: str) -> Locator:
    return page.locator(f"#deal-{opportunity_id}")


# --- the dialogues of the README -----------------------------------------------------------------------------------


async def test_a_deal_is_won_publicly_and_its_card_says_so(visit: Visit, picture: Picture) -> None:
    page, onlooker = await visit.as_("U0ANA"), await visit.as_("U0BEN")
    await _say(page, "/opp-status Acme Corp won")

    await expect(_last(page)).to_contain_text("@Ana won New website · $4,800")
    await expect(_last(page)).to_contain_text("Jane Doe, Acme Corp · Negotiation · Owner: Ana Silva · was open")
    await expect(_last(onlooker)).to_contain_text("@Ana won New website · $4,800")
    await expect(_card(page, ACME).locator(".status")).to_have_text("won")
    await picture(page, "a-deal-is-won")


async def test_a_person_who_is_not_on_the_list_is_told_privately(visit: Visit, picture: Picture) -> None:
    ben, ana = await visit.as_("U0BEN"), await visit.as_("U0ANA")
    await _say(ben, f"/opp-status {ACME} lost")

    await expect(_last(ben)).to_contain_text("You don't have access to change deals from Slack yet.")
    await expect(_last(ben)).to_contain_text("Goes to @Kim")
    await expect(_last(ben)).to_contain_text("Only visible to you")
    await expect(ana.locator("#log > li")).to_have_count(0)
    await expect(ben.locator("#traffic")).to_contain_text("No record")
    assert visit.status_of(ACME) == "open"
    await picture(ben, "not-on-the-list")


async def test_a_person_asks_for_access_and_may_after_an_admin_approves(visit: Visit, picture: Picture) -> None:
    ben, kim = await visit.as_("U0BEN"), await visit.as_("U0KIM", "direct")
    await _say(ben, "/opp-status Umbrella won")
    await _last(ben).get_by_role("button", name="Request access").click()
    await expect(_last(kim)).to_contain_text("@Ben")
    await picture(kim, "asked-to-let-in")
    await _last(kim).get_by_role("button", name="Approve").click()
    await expect(_last(kim)).not_to_contain_text("Approve")
    await _say(ben, "/opp-status Umbrella won")

    await expect(_last(ben)).to_contain_text("@Ben won Office move")  # a deal of his own: access is not all he needs
    await _say(ben, "/opp-status Acme Corp won")
    await expect(_last(ben)).to_contain_text("New website is @Ana's deal")


async def test_a_mistyped_status_is_guessed(visit: Visit, picture: Picture) -> None:
    page = await visit.as_("U0ANA")
    await _say(page, f"/opp-status {GLOBEX} wno")

    await expect(_last(page)).to_contain_text("Did you mean mark Yearly support (Globex) won?")
    await picture(page, "no-status")


async def test_a_confirmed_undo_is_shown_in_the_message_of_the_change(visit: Visit, picture: Picture) -> None:
    page = await visit.as_("U0ANA")
    await _say(page, "/opp-status Acme Corp won")
    await _last(page).get_by_role("button", name="Undo").click()
    asks = page.get_by_role("dialog")
    await expect(asks).to_be_visible()
    await asks.get_by_role("button").first.click()
    await expect(asks).not_to_be_visible()
    assert visit.status_of(ACME) == "won"

    await _last(page).get_by_role("button", name="Undo").click()
    await picture(page, "undo-asks")
    await asks.get_by_role("button").last.click()

    await expect(_last(page)).to_contain_text("@Ana undid this. New website is open again.")
    await expect(page.locator("#log > li")).to_have_count(1)
    await expect(_card(page, ACME).locator(".status")).to_have_text("open")


async def test_a_typed_undo_is_shown_too(visit: Visit) -> None:
    page = await visit.as_("U0ANA")
    await _say(page, "/opp-status Acme Corp won")
    await expect(_last(page)).to_contain_text(" won ")
    await _say(page, "/opp-status undo")

    await expect(_last(page)).to_contain_text("is open again.")


async def test_a_deal_is_lost_and_the_card_says_why(visit: Visit, picture: Picture) -> None:
    page = await visit.as_("U0ANA")
    await _say(page, "/opp-status Acme Corp lost too expensive")

    await expect(_last(page)).to_contain_text("Too expensive")
    await expect(_card(page, ACME).locator(".reason")).to_have_text("Too expensive")
    await picture(page, "a-deal-is-lost")


async def test_of_several_deals_one_is_chosen(visit: Visit, picture: Picture) -> None:
    page = await visit.as_("U0KIM")
    await _say(page, "/opp-status Globex won")
    await expect(_last(page)).to_contain_text("Which deal should be won? 2 match Globex.")
    await picture(page, "which-deal")
    await _last(page).get_by_role("button", name="Mark won").last.click()

    await expect(_last(page)).to_contain_text("@Kim won Training")
    assert (visit.status_of(GLOBEX), visit.status_of(TRAINING)) == ("open", "won")


# --- what else Slack has -------------------------------------------------------------------------------------------


async def test_the_form_finds_a_deal_asks_why_it_is_lost_and_posts_the_change(visit: Visit, picture: Picture) -> None:
    page = await visit.as_("U0ANA")
    await page.get_by_label("Type a message or command").fill("/opp-status")
    await page.keyboard.press("Enter")
    form = page.get_by_role("dialog", name="Update a deal")
    await expect(form.get_by_label("Deal", exact=True).first).to_be_focused()
    await page.keyboard.type("initech")
    await form.locator("option", has_text="Printer service").click()
    await form.get_by_role("radio", name="Lost").check()
    await form.get_by_label("Lost reason").select_option("No answer")
    await form.get_by_label("Note").fill("They never called back.")
    await picture(page, "the-form")
    await form.get_by_role("button", name="Update deal").click()

    await expect(form).not_to_be_visible()
    await expect(_last(page)).to_contain_text("@Ana marked Printer service lost")
    await expect(_last(page)).to_contain_text("They never called back.")


async def test_the_form_shows_what_is_missing_at_its_field(visit: Visit, picture: Picture) -> None:
    page = await visit.as_("U0ANA")
    await _say(page, "/opp-status")
    form = page.get_by_role("dialog", name="Update a deal")
    await form.get_by_role("button", name="Update deal").click()

    await expect(form.get_by_text("Please complete this required field.")).to_have_count(2)
    await expect(form.get_by_label("Deal", exact=True).first).to_be_focused()
    await picture(page, "form-incomplete")
    await page.keyboard.press("Escape")
    await expect(form).not_to_be_visible()
    await expect(page.get_by_label("Type a message or command")).to_be_focused()
    assert visit.stage.slack.views == []


async def test_a_shortcut_on_a_message_opens_the_form_with_the_deal_it_links_to(visit: Visit) -> None:
    page = await visit.as_("U0ANA")
    await _say(page, "What about https://app.gohighlevel.com/v2/location/LOCATIONxxxxxxxxxxxx/opportunities/" + ACME)
    await _last(page).get_by_role("button", name="Update deal status…").click(force=True)

    form = page.get_by_role("dialog", name="Update a deal")
    await expect(form.get_by_role("searchbox")).to_have_value("New website · Acme Corp · $4,800 · open")


async def test_a_card_shows_a_deal_and_its_buttons_change_it(visit: Visit, picture: Picture) -> None:
    page = await visit.as_("U0ANA", "G0DEALS")
    await _say(page, "/opp-status Acme Corp")
    await expect(_last(page)).to_contain_text("Only visible to you")
    await picture(page, "a-card")
    await _last(page).locator("summary").click()
    await _last(page).get_by_role("button", name="Mark abandoned").click()

    await expect(_card(page, ACME).locator(".status")).to_have_text("abandoned")


async def test_a_menu_opens_over_what_is_below_and_closes_as_menus_do(visit: Visit, picture: Picture) -> None:
    page = await visit.as_("U0ANA")
    await _say(page, "/opp-status Acme Corp")
    more = _last(page).locator("summary")
    option = _last(page).get_by_role("button", name="Mark abandoned")
    await more.focus()
    await page.keyboard.press("Enter")
    await expect(option).to_be_in_viewport()
    await picture(page, "a-menu")
    assert await violations(page) == []
    await page.keyboard.press("Escape")
    await expect(option).not_to_be_visible()
    await expect(more).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(option).to_be_visible()
    await page.get_by_role("heading", name="Your turn").click()

    await expect(option).not_to_be_visible()


async def test_a_day_is_picked_for_a_reminder(visit: Visit) -> None:
    page = await visit.as_("U0ANA")
    await _say(page, "/opp-status remind Acme Corp")
    day = datetime.now(UTC) + timedelta(days=30)
    await _last(page).get_by_label("Pick a day").first.fill(f"{day:%Y-%m-%d}")
    await _last(page).get_by_role("button", name="Pick a day").click()

    await expect(_last(page)).to_contain_text(f"Reminder set for {day:%b} {day.day}, {day.year}")


async def test_a_reason_is_chosen_by_a_button(visit: Visit, picture: Picture) -> None:
    page = await visit.as_("U0ANA")
    await _say(page, "/opp-status Acme Corp lost")
    await expect(_last(page)).to_contain_text("Why was New website lost?")
    await picture(page, "why-lost")
    await _last(page).get_by_role("button", name="No answer").click()

    await expect(_card(page, ACME).locator(".reason")).to_have_text("No answer")
    await expect(page.locator("#log > li")).to_have_count(1)  # the question is gone
    await expect(_last(page)).to_contain_text("No answer")


async def test_a_private_answer_in_a_direct_message_is_not_shown_in_the_channel(visit: Visit) -> None:
    page, sales = await visit.as_("U0ANA", "direct"), await visit.as_("U0ANA")
    await _say(page, "/opp-status Acme Corp")

    await expect(_last(page)).to_contain_text("New website")
    await expect(sales.locator("#log > li")).to_have_count(0)


# --- the board -----------------------------------------------------------------------------------------------------


async def test_a_deal_that_is_won_on_the_board_is_told_in_the_channel(visit: Visit, picture: Picture) -> None:
    page = await visit.as_("U0ANA")
    card = _card(page, ACME)
    await card.locator("summary").click()
    await card.get_by_label("Status").select_option("won")
    await card.get_by_role("button", name="Save").click()

    await expect(_last(page)).to_contain_text("in HighLevel")
    await expect(_last(page)).to_contain_text("New website")
    await picture(page, "told-by-highlevel")


async def test_a_deal_changed_by_hand_is_not_undone(visit: Visit, picture: Picture) -> None:
    page = await visit.as_("U0ANA")
    await _say(page, "/opp-status Acme Corp won")
    await expect(_last(page)).to_contain_text(" won ")
    card = _card(page, ACME)
    await card.get_by_text("Edit in HighLevel").click()
    await card.get_by_label("Status").select_option("lost")
    await card.get_by_label("Stage").select_option("Contract")
    await card.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("region", name="Lost").locator("article")).to_contain_text("New website")
    await expect(page.locator("#log > li")).to_have_count(2)
    await expect(_last(page)).to_contain_text("New website")

    await _say(page, "/opp-status undo")
    await expect(_last(page)).to_contain_text("Nothing changed")
    await _say(page, f"/opp-status {ACME} lost")
    await expect(_last(page)).to_contain_text("is already lost")
    await picture(page, "changed-by-hand")


async def test_ids_and_links_can_be_copied(visit: Visit) -> None:
    page = await visit.as_("U0ANA")
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await _card(page, ACME).get_by_text("Edit in HighLevel").click()
    await _card(page, ACME).get_by_role("button", name="Copy link").click()

    await expect(page.get_by_role("status")).to_have_text(f"Copied: {_link(visit)}")
    assert await page.evaluate("navigator.clipboard.readText()") == _link(visit)


def _link(visit: Visit) -> str:
    return f"https://app.gohighlevel.com/v2/location/{visit.stage.highlevel.location_id}/opportunities/{ACME}"


# --- what goes wrong -----------------------------------------------------------------------------------------------

WRONG = {
    "token": "Opp Status can't sign in to HighLevel",
    "scope": "Opp Status doesn't have permission",
    "limit": "HighLevel is getting too many requests",
    "not-found": "No deal has the ID",
    "error": "HighLevel is having problems right now",
    "silence": "@Ana won New website · $4,800",
    "maintenance": "HighLevel is having problems right now",
}
"""What the caller reads, by the trouble that HighLevel has."""


@pytest.mark.parametrize("trouble", WRONG)
async def test_the_reply_says_what_is_wrong_with_highlevel(hasty_visit: Visit, picture: Picture, trouble: str) -> None:
    page = await hasty_visit.looking_inside("U0ANA")
    await page.get_by_label("Make HighLevel…").select_option(trouble)
    await _say(page, f"/opp-status {ACME} won")

    await expect(_last(page)).to_contain_text(WRONG[trouble])
    assert hasty_visit.status_of(ACME) == ("won" if trouble == "silence" else "open")
    await picture(page, f"highlevel-{trouble}")
    if trouble != "limit":  # that one is over in ten seconds
        await page.get_by_label("Make HighLevel…").select_option("well")
        await _say(page, f"/opp-status {ACME} abandoned?")
        await expect(_last(page)).to_contain_text("to abandoned")


async def test_the_caller_is_told_that_a_slow_highlevel_takes_longer(tabs: Tabs, picture: Picture) -> None:
    impatient = replace(PATIENT, worker=replace(PATIENT.worker, tell=0.5))
    async with staged(impatient) as stage, served(Demo(stage).app()) as url:
        page = await tabs.open(url)
        await page.get_by_text("For IT: break it, look inside").click()
        await page.get_by_label("Make HighLevel…").select_option("slow")
        await _say(page, f"/opp-status {ACME} won")
        await expect(page.locator("#exchanges")).to_contain_text("no response yet")
        await expect(_last(page)).to_contain_text("Still working on it")
        await picture(page, "highlevel-slow")
        await page.get_by_label("Make HighLevel…").select_option("well")  # the answer on its way is slow all the same

        await expect(_last(page)).to_contain_text(" won ")


async def test_a_reply_whose_address_has_expired_comes_another_way(visit: Visit) -> None:
    page = await visit.looking_inside("U0ANA")
    await page.get_by_label("Make Slack…").select_option("expired")
    await _say(page, f"/opp-status {ACME} won")

    await expect(_last(page)).to_contain_text(" won ")
    await expect(page.locator("#exchanges")).to_contain_text("POST /api/chat.postMessage")
    await expect(page.locator("table")).to_contain_text("channel")


async def test_a_reply_that_slack_refuses_is_undelivered_in_the_ledger(visit: Visit, picture: Picture) -> None:
    page = await visit.looking_inside("U0ANA")
    await page.get_by_label("Make Slack…").select_option("archived")
    await _say(page, f"/opp-status {ACME} won")

    await expect(page.locator("table")).to_contain_text("undelivered")
    await expect(_card(page, ACME).locator(".status")).to_have_text("won")
    await picture(page, "slack-archived")


async def test_a_busy_slack_gets_the_reply_a_little_later(visit: Visit) -> None:
    page = await visit.looking_inside("U0ANA")
    await page.get_by_label("Make Slack…").select_option("busy")
    await _say(page, f"/opp-status {ACME} won")

    await expect(_last(page)).to_contain_text(" won ")


async def test_a_message_that_slack_would_refuse_is_shown_as_refused(visit: Visit, picture: Picture) -> None:
    page = await visit.as_("U0ANA")
    await _say(page, "/opp-status help")
    address = visit.stage.slack.new_address("commands", "C0SALES", "U0ANA")
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}]
    answer = await page.context.request.post(address, data={"text": "x", "blocks": blocks})

    assert answer.status == 400
    await expect(page.get_by_role("alert")).to_contain_text("response_url: invalid_blocks")
    await picture(page, "slack-refuses")


# --- the page itself -----------------------------------------------------------------------------------------------


async def test_the_traffic_of_a_command_is_found_by_its_reference_and_shows_no_secret(
    visit: Visit, picture: Picture
) -> None:
    page = await visit.looking_inside("U0ANA")
    await _say(page, "/opp-status Acme Corp won")
    await expect(page.locator("table")).to_contain_text("finished")
    reference = await page.locator("caption code").inner_text()
    await _say(page, f"/opp-status {UNKNOWN_ID} won")
    await expect(page.locator("caption code")).not_to_have_text(reference)
    await page.get_by_label("Reference").fill(reference.lower())
    await page.get_by_role("button", name="Show").click()

    await expect(page.get_by_role("heading", name="Ana: /opp-status Acme Corp won")).to_be_visible()
    for summary in await page.locator("#exchanges summary").all():
        await summary.click()
    traffic = await page.locator("#traffic").inner_text()
    assert "PUT /opportunities/" in traffic
    assert '"status": "won"' in traffic
    assert "X-Slack-Signature: ••••" in traffic
    assert "Authorization: ••••" in traffic
    assert "pit-simulated" not in traffic
    await picture(page, "traffic")


async def test_the_visitor_can_switch_to_another_person_and_channel(visit: Visit) -> None:
    page = await visit.as_("U0ANA")
    await page.get_by_role("navigation", name="View as").get_by_role("link", name="Ben").click()
    await expect(page.get_by_role("link", name="Ben")).to_have_attribute("aria-current", "true")
    await page.get_by_role("navigation", name="Channels").get_by_role("link", name="deals-team").click()

    await expect(page.get_by_role("heading", name="Slack · deals-team")).to_be_visible()
    await _say(page, "Hello")
    await expect(_last(page).locator(".author strong")).to_have_text("Ben")
    await expect(_last(page)).to_contain_text("Hello")


async def test_everything_can_be_done_with_the_keyboard_alone(visit: Visit) -> None:
    page = await visit.as_("U0ANA")
    await page.get_by_label("Type a message or command").focus()
    await page.keyboard.type("/opp-status Acme Corp won")
    await page.keyboard.press("Enter")
    await expect(_last(page)).to_contain_text(" won ")
    await _last(page).get_by_role("button", name="Undo").focus()
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")

    await expect(_last(page)).to_contain_text("undid this")
    await expect(_last(page)).to_be_focused()  # the button is gone, the message is not


async def test_a_half_typed_message_survives_new_messages(visit: Visit) -> None:
    page = await visit.as_("U0ANA")
    field = page.get_by_label("Type a message or command")
    await field.fill("/opp-status Acme")
    await visit.stage.slack.command(f"{GLOBEX} won", user="U0KIM", channel="C0SALES")

    await expect(_last(page)).to_contain_text("@Kim won")
    await expect(field).to_have_value("/opp-status Acme")


async def test_the_visitor_can_start_over(visit: Visit) -> None:
    page = await visit.looking_inside("U0ANA")
    await page.get_by_label("Make HighLevel…").select_option("error")
    await _say(page, "/opp-status help")
    await expect(page.locator("#log > li")).to_have_count(1)
    await page.get_by_role("button", name="Start over").click()

    await expect(page.locator("#log > li")).to_have_count(0)
    await expect(page.get_by_label("Make HighLevel…")).to_have_value("well")


async def test_times_are_said_in_words(visit: Visit) -> None:
    page = await visit.as_("U0ANA")
    await _say(page, "/opp-status Acme Corp")

    await expect(_last(page).locator(".author time")).to_have_text(re.compile(r"^\d{1,2}:\d\d [AP]M$"))
    await expect(_last(page)).to_contain_text(re.compile(r"[A-Z][a-z]{2} \d{1,2}, \d{4} at \d{1,2}:\d\d [AP]M"))
    await expect(_last(page)).not_to_contain_text("UTC")
