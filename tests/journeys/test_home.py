"""The Home tab: people open it, see their open deals, change them there, and undo it."""

from pathlib import Path
from typing import Any

import pytest

from bot.simulator.highlevel.server import SEARCH, Fault
from bot.simulator.slack.homes import text_of
from bot.simulator.slack.server import Fault as SlackFault
from bot.simulator.slack.views import View
from bot.simulator.slack.workspace import Shown
from bot.web.server import serving
from bot.wiring import build
from tests.house import ANA, BEN, DEAL, HASTY, KIM, PATIENT, SALES, House, open_house, stand_ins

OWNER = "user1"
PRINTER = "gH6jK8lM1nP3qR5sT7uV"


def _furnish(house: House) -> None:
    """Give Ana two open deals, one of them stuck, and Ben one."""
    for user_id, name in ((ANA, "ana"), (BEN, "ben")):
        house.slack.users[user_id]["profile"] = {"email": f"{name}@acme.example"}
    house.highlevel.users[OWNER] = {"id": OWNER, "name": "Ana Ace", "email": "Ana@acme.example"}
    house.highlevel.users["user2"] = {"id": "user2", "name": "Ben Bold", "email": "ben@acme.example"}
    house.highlevel.pipelines = [{"id": "P1", "name": "New", "stages": [{"id": "S1", "name": "Negotiation"}]}]
    place: dict[str, Any] = {"assignedTo": OWNER, "pipelineId": "P1", "pipelineStageId": "S1"}
    house.highlevel.opportunities[DEAL] |= {**place, "monetaryValue": 4800}
    old = {"lastStageChangeAt": "2026-01-05T10:00:00.000Z", "lastStatusChangeAt": "2026-01-05T10:00:00.000Z"}
    house.highlevel.add_opportunity(PRINTER, name="Printer service", monetaryValue=2500, **place, **old)
    house.highlevel.add_opportunity("zZ9yY8xX7wW6vV5uU4tT", name="Bens deal", assignedTo="user2")


async def _opens(house: House, says: str, *, user: str = ANA) -> str:
    """Open the tab; returns what it says once it says this."""
    assert await house.slack.open_home(user)
    return text_of(await house.slack.wait_for_home(user, lambda text: says in text))


async def _presses(house: House, action_id: str, value: str = "", *, user: str = ANA) -> None:
    await house.slack.press_at_home(user, house.slack.home_button(user, action_id, value))


async def _comes_to_say(house: House, *texts: str, not_: tuple[str, ...] = (), user: str = ANA) -> str:
    def says(text: str) -> bool:
        return all(each in text for each in texts) and not any(each in text for each in not_)

    return text_of(await house.slack.wait_for_home(user, says))


async def _told_directly(house: House, user: str = ANA) -> Shown:
    """The first direct message to this person."""
    await house.slack.wait_until(lambda: any(shown.channel == user for shown in house.slack.shown))
    return next(shown for shown in house.slack.shown if shown.channel == user)


def _searches(house: House) -> int:
    return sum(each.path == SEARCH for each in house.highlevel.received)


async def test_a_person_sees_their_open_deals_the_stuck_one_first(any_house: House) -> None:
    _furnish(any_house)

    said = await _opens(any_house, "New website")

    first, *_ = [text_of(_as_view(view)) for _, view in any_house.slack.published]
    assert "Loading your deals from HighLevel…" in first
    assert "2 open deals · 7,300 · 1 stuck for 21 days or more" in said
    assert said.index("Printer service") < said.index("New website")
    assert "In Negotiation since today" in said
    assert "*stuck*" in said
    assert "Bens deal" not in said
    assert "No changes by you yet." in said
    assert _searches(any_house) == 1
    assert any_house.highlevel.writes() == []
    assert await any_house.rows() == []


def _as_view(given: Any) -> View:  # noqa: ANN401 - any JSON
    return View("", "", given, "", {})


async def test_a_deal_is_won_at_home_told_directly_and_undone_there(any_house: House) -> None:
    _furnish(any_house)
    await _opens(any_house, "New website")

    await _presses(any_house, "set_won", DEAL)
    told = await _told_directly(any_house)
    won = await _comes_to_say(any_house, "1 open deal", "open → *won*")

    assert f"<@{ANA}> won New website" in told.text
    assert any_house.deal == "won"
    assert "Printer service" in won
    assert {shown.channel for shown in any_house.slack.shown} == {ANA}

    await _presses(any_house, "undo")
    undone = await _comes_to_say(any_house, "2 open deals", "undone: won → *open*")

    assert "New website" in undone
    assert any_house.deal == "open"
    assert [written.after for written in any_house.highlevel.written] == ["won", "open"]
    assert any_house.slack.refusals == []


async def test_highlevels_late_search_brings_no_closed_deal_back_and_hides_no_reopened_one(house: House) -> None:
    _furnish(house)
    house.highlevel.search_lag = 60.0
    await _opens(house, "New website")

    await _presses(house, "set_lost", DEAL)
    await _comes_to_say(house, "1 open deal", "open → *lost*")
    await _presses(house, "undo")
    await _comes_to_say(house, "2 open deals", "undone: lost → *open*")


async def test_what_is_under_way_has_no_buttons(house: House) -> None:
    _furnish(house)
    await _opens(house, "New website")
    house.highlevel.misbehave(Fault(wait=5.0), method="PUT")

    await _presses(house, "set_won", DEAL)

    await _comes_to_say(house, "On it… → *won*", "in progress")
    with pytest.raises(ValueError, match="no button"):
        house.slack.home_button(ANA, "set_won", DEAL)
    await _comes_to_say(house, "1 open deal", not_=("On it…",))


async def test_the_announcement_channel_hears_of_what_is_won_at_home(tmp_path: Path) -> None:
    async with open_house(tmp_path, ANNOUNCE_CHANNELS="won=C0WINS") as house:
        _furnish(house)
        await _opens(house, "New website")
        await _presses(house, "set_won", DEAL)

        await house.slack.wait_until(lambda: {"C0WINS", ANA} <= {shown.channel for shown in house.slack.shown})
        assert all("won New website" in shown.text for shown in house.slack.shown)


# --- pages and searching -------------------------------------------------------------------------------------------


async def test_ten_deals_are_on_a_page_and_a_change_leaves_the_person_on_theirs(any_house: House) -> None:
    _furnish(any_house)
    for number in range(21):
        old = f"2026-02-{number + 1:02}T10:00:00.000Z"
        more = {"lastStageChangeAt": old, "lastStatusChangeAt": old, "assignedTo": OWNER}
        any_house.highlevel.add_opportunity(f"deal{number:016}", name=f"Deal {number:02}", **more)
    first = await _opens(any_house, "1 to 10 of 23")
    assert "Printer service" in first
    assert "Deal 09" not in first

    await _presses(any_house, "home_page_on")
    await _comes_to_say(any_house, "11 to 20 of 23", "Deal 09", not_=("Deal 08",))
    await _presses(any_house, "set_won", "deal0000000000000010")
    await _comes_to_say(any_house, "11 to 20 of 22", "open → *won*", not_=("|Deal 10> · ",))
    await _presses(any_house, "home_page_back")
    await _comes_to_say(any_house, "1 to 10 of 22")

    assert [written.opportunity_id for written in any_house.highlevel.written] == ["deal0000000000000010"]


async def test_turning_pages_and_opening_again_cost_no_call_and_refreshing_does(house: House) -> None:
    _furnish(house)
    await _opens(house, "New website")
    opened = len(house.slack.published)
    await house.slack.open_home(ANA)
    await house.slack.wait_until(lambda: len(house.slack.published) > opened)
    assert _searches(house) == 1

    house.highlevel.opportunities[DEAL]["name"] = "Newer website"
    await _presses(house, "home_again")
    await _comes_to_say(house, "Newer website")
    assert _searches(house) == 2


async def test_a_tab_that_was_seen_before_stays_until_the_new_one_is_there(house: House) -> None:
    _furnish(house)
    await _opens(house, "New website")
    before = len(house.slack.published)
    await house.slack.open_home(ANA)
    await house.slack.wait_until(lambda: len(house.slack.published) > before)

    assert "Loading" not in str(house.slack.published[before:])


async def test_the_search_at_home_opens_the_form_and_its_change_is_told_directly(any_house: House) -> None:
    _furnish(any_house)
    await _opens(any_house, "New website")

    await _presses(any_house, "open_form")
    form = await any_house.slack.wait_for_modal(ANA)
    (option,) = await any_house.slack.type_ahead(form, "deal", "bens")
    await any_house.slack.enter(form, "deal", option["value"])
    await any_house.slack.enter(form, "status", "won")
    assert await any_house.slack.submit(form) == {}

    assert f"<@{ANA}> won Bens deal" in (await _told_directly(any_house)).text
    await _comes_to_say(any_house, "Bens deal", "open → *won*")


# --- questions -----------------------------------------------------------------------------------------------------


async def test_why_a_deal_was_lost_is_asked_in_a_direct_message(any_house: House) -> None:
    _furnish(any_house)
    any_house.highlevel.lost_reasons = [{"id": "r1", "name": "Too expensive"}]
    await _opens(any_house, "New website")

    await _presses(any_house, "set_lost", DEAL)
    await any_house.slack.wait_until(lambda: any("Why" in shown.text for shown in any_house.slack.shown))
    asked = next(shown for shown in any_house.slack.shown if "Why" in shown.text)
    await any_house.presses(asked, "reason_0")
    await any_house.slack.wait_until(lambda: any("Too expensive" in shown.text for shown in any_house.slack.shown))

    assert any_house.highlevel.opportunities[DEAL]["lostReasonId"] == "r1"
    assert {shown.channel for shown in any_house.slack.shown} == {ANA}


async def test_a_deal_that_was_won_meanwhile_is_asked_about_and_the_tab_tells_the_answer(any_house: House) -> None:
    _furnish(any_house)
    await _opens(any_house, "New website")
    any_house.highlevel.opportunities[DEAL]["status"] = "won"

    await _presses(any_house, "set_lost", DEAL)
    asked = await _told_directly(any_house)
    assert "Mark it lost anyway?" in asked.text
    assert any_house.highlevel.written == []
    await any_house.presses(asked, "confirm")

    await _comes_to_say(any_house, "won → *lost*")
    assert any_house.deal == "lost"


async def test_a_change_typed_in_a_channel_shows_in_an_open_tab_and_its_undo_there_edits_the_message(
    any_house: House,
) -> None:
    _furnish(any_house)
    await _opens(any_house, "New website")
    told = await any_house.says(f"{DEAL} won")
    await _comes_to_say(any_house, "1 open deal", "open → *won*")

    await _presses(any_house, "undo")
    await _comes_to_say(any_house, "2 open deals")

    edited = await any_house.slack.wait_for_change(told.ts)
    assert "undid" in edited.text


async def test_of_two_presses_of_one_button_one_changes_the_deal(house: House) -> None:
    _furnish(house)
    await _opens(house, "New website")
    button = house.slack.home_button(ANA, "set_won", DEAL)
    view = house.slack.home(ANA)
    row = next(block["block_id"] for block in view.blocks if button in block.get("elements", ()))

    await house.slack._act(view, row, button, {})
    await house.slack._act(view, row, button, {})

    await _comes_to_say(house, "already won")
    assert [written.after for written in house.highlevel.written] == ["won"]


# --- who may -------------------------------------------------------------------------------------------------------


async def test_a_person_without_access_sees_how_to_ask_and_no_deal(tmp_path: Path) -> None:
    async with open_house(tmp_path, ADMINS=KIM) as house:
        _furnish(house)
        said = await _opens(house, "You don't have access", user=BEN)
        assert "Bens deal" not in said
        assert _searches(house) == 0

        await _presses(house, "request_access", user=BEN)
        await _comes_to_say(house, "still pending", user=BEN)
        await house.slack.wait_until(lambda: any(shown.channel == KIM for shown in house.slack.shown))
        asked = next(shown for shown in house.slack.shown if shown.channel == KIM)
        assert "in the Home tab" in str(asked.blocks)
        await house.presses(asked, "approve_access", user=KIM)

        assert "Bens deal" in await _opens(house, "Bens deal", user=BEN)


@pytest.mark.parametrize(
    ("kind", "says"),
    [({"is_restricted": True}, "Guests can't"), ({"is_stranger": True}, "Only people in this workspace")],
    ids=["a guest", "a stranger"],
)
async def test_guests_and_strangers_see_no_deal(tmp_path: Path, kind: dict[str, bool], says: str) -> None:
    async with open_house(tmp_path, ADMINS=KIM) as house:
        _furnish(house)
        house.slack.users[BEN] |= kind
        said = await _opens(house, says, user=BEN)

        assert "Bens deal" not in said
        assert _searches(house) == 0


async def test_where_certain_channels_are_allowed_deals_are_shown_and_not_changed_at_home(tmp_path: Path) -> None:
    async with open_house(tmp_path, ALLOWED_CHANNELS=SALES) as house:
        _furnish(house)
        said = await _opens(house, "New website")

        assert f"To change a deal, go to <#{SALES}>." in said
        with pytest.raises(ValueError, match="no button"):
            house.slack.home_button(ANA, "set_won")


async def test_a_press_of_a_person_whose_access_ended_is_refused_directly(tmp_path: Path) -> None:
    async with open_house(tmp_path, ADMINS=KIM) as house:
        _furnish(house)
        await _opens(house, "You don't have access", user=BEN)
        await _presses(house, "request_access", user=BEN)
        await house.slack.wait_until(lambda: any(shown.channel == KIM for shown in house.slack.shown))
        asked = next(shown for shown in house.slack.shown if shown.channel == KIM)
        await house.presses(asked, "approve_access", user=KIM)
        await _opens(house, "Bens deal", user=BEN)
        decided = next(shown for shown in house.slack.shown if shown.channel == KIM)
        await house.presses(decided, "revoke_access", user=KIM)
        await house.slack.wait_until(lambda: sum(shown.channel == BEN for shown in house.slack.shown) >= 2)
        before = len(house.slack.shown)

        await _presses(house, "set_won", user=BEN)
        await house.slack.wait_until(lambda: len(house.slack.shown) > before)

        await _comes_to_say(house, "You can ask again", not_=("Bens deal",), user=BEN)
        assert house.highlevel.written == []


# --- what goes wrong -----------------------------------------------------------------------------------------------


async def test_a_person_whom_highlevel_does_not_know_is_told_so_and_can_still_search(any_house: House) -> None:
    _furnish(any_house)
    any_house.slack.users[ANA]["profile"] = {"email": "ana@home.example"}

    said = await _opens(any_house, "No HighLevel user has the email you use in Slack")

    assert "Find a deal" in said
    assert "Your last changes" in said
    assert "No open deals" not in said


async def test_highlevel_that_is_down_is_told_and_tried_again(any_house: House) -> None:
    _furnish(any_house)
    any_house.highlevel.misbehave(Fault(status=503), path=SEARCH)

    said = await _opens(any_house, "HighLevel is having problems right now.")
    assert "No open deals" not in said

    await _presses(any_house, "home_again")
    await _comes_to_say(any_house, "2 open deals", "New website")


async def test_of_two_publications_at_once_the_newest_contents_stay(house: House) -> None:
    _furnish(house)
    await _opens(house, "New website")
    shown = house.slack.home(ANA)
    answer = SlackFault("views.publish", then=lambda: setattr(shown, "hash", "published by another process"))
    house.slack.misbehave(answer)
    house.highlevel.opportunities[DEAL]["name"] = "Newer website"

    await _presses(house, "home_again")

    await _comes_to_say(house, "Newer website")


async def test_an_opening_at_one_replica_does_not_hide_what_was_pressed_at_another(
    tmp_path: Path, database_url: str
) -> None:
    async with stand_ins(tmp_path, DATABASE_URL=database_url) as house:
        _furnish(house)
        async with serving(build(house.settings, PATIENT)) as one, serving(build(house.settings, PATIENT)) as other:
            house.slack.bot_url = one
            await _opens(house, "New website")
            house.slack.bot_url = other
            await _opens(house, "New website")
            house.highlevel.misbehave(
                Fault(wait=1.0), path=SEARCH
            )  # the first opening has its answer kept; this has not
            await _presses(house, "home_again")
            house.slack.bot_url = one
            await _presses(house, "set_won", DEAL)

            await _comes_to_say(house, "1 open deal", "open → *won*")
            await house.slack.wait_until(lambda: any(_conflicts(house)[:-1]) and not _conflicts(house)[-1])
            assert "1 open deal" in await _comes_to_say(house, "open → *won*")


def _conflicts(house: House) -> list[bool]:
    """For each publication that was tried: whether another had come in between."""
    return [b"hash_conflict" in each.answer for each in house.slack.received if each.path == "/api/views.publish"]


async def test_what_was_pressed_before_the_process_ended_is_carried_out_and_shown_by_the_next(
    tmp_path: Path, database_url: str
) -> None:
    async with stand_ins(tmp_path, DATABASE_URL=database_url) as house:
        _furnish(house)
        async with serving(build(house.settings, HASTY)) as house.slack.bot_url:
            await _opens(house, "New website")
            house.highlevel.misbehave(Fault(hangs=True), path=f"/opportunities/{DEAL}", times=float("inf"))
            await _presses(house, "set_won", DEAL)
            await _comes_to_say(house, "On it… → *won*")
        house.highlevel.behave()
        async with serving(build(house.settings, PATIENT)) as house.slack.bot_url:
            await _comes_to_say(house, "1 open deal", "open → *won*", not_=("On it…",))
            assert "won New website" in (await _told_directly(house)).text

        assert [written.after for written in house.highlevel.written] == ["won"]


@pytest.mark.parametrize("status", [429, 500])
async def test_a_tab_that_slack_does_not_take_at_once_is_published_a_little_later(house: House, status: int) -> None:
    _furnish(house)
    house.slack.misbehave(SlackFault("views.publish", status=status, times=2))

    assert "New website" in await _opens(house, "New website")


async def test_the_other_tab_publishes_nothing(house: House) -> None:
    _furnish(house)
    assert await house.slack.open_home(ANA, tab="messages")
    await _opens(house, "New website")

    assert len(house.slack.published) == 2


async def test_slack_can_verify_the_address_for_events(house: House) -> None:
    assert await house.slack.verify_url()


async def test_a_large_tab_comes_back_with_the_next_opening(house: House) -> None:
    _furnish(house)
    for number in range(10):
        house.highlevel.add_opportunity(
            f"deal{number:016}", name="😀" * 300, assignedTo=OWNER, contact={"name": "😎" * 300}
        )
    await _opens(house, "12 open deals")

    assert await house.slack.open_home(ANA)
    assert len(house.slack.sent[-1].body) > 64 * 1024


async def test_whom_the_operator_lists_needs_no_e_mail(tmp_path: Path) -> None:
    async with open_house(tmp_path, OWNERS=f"{ANA}={OWNER}") as house:
        _furnish(house)
        house.slack.users[ANA]["profile"] = {}

        assert "New website" in await _opens(house, "New website")
