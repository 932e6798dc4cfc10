"""When the Home tab is published, and in which order."""

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.access.rules import Caller
from bot.commands.record import Entry
from bot.deals.deal import Matches, Opportunity, Status
from bot.deals.wish import Wish
from bot.slack.listeners.home import tab
from bot.slack.listeners.home.publishing import NotPublished
from bot.slack.listeners.home.tab import LOOKED_AT, PAUSES
from tests.desk import Desk

pytestmark = pytest.mark.jumping_clock

SEEN = {"type": "home", "hash": "seen", "private_metadata": '{"page": 0}'}


def _desk(*, deals: int = 1, **more: Any) -> Desk:  # noqa: ANN401 - any port
    desk = Desk(**more)
    desk.crm.matches = Matches(
        tuple(Opportunity(f"deal-{at}", "open", name=f"Deal {at}") for at in range(deals)), False
    )
    return desk


def _kinds(desk: Desk) -> list[str]:
    """What was published: `loading`, `deals`, `refused` or `broken`."""
    words = {"Loading": "loading", "Something went wrong": "broken", "have access": "refused", "open deal": "deals"}
    return [next(kind for said, kind in words.items() if said in str(view)) for _, view, _ in desk.views.published]


def _entry(user: str = "U1", channel: str = "") -> Entry:
    return Entry("key", "REF", Caller(user, "T1", channel), "deal won", Wish("deal-0", Status.WON))


async def test_an_empty_tab_shows_at_once_that_the_deals_are_looked_for() -> None:
    desk = _desk()
    await desk.opens_home()
    await desk.answers()

    assert _kinds(desk) == ["loading", "deals"]
    assert [of for _, _, of in desk.views.published] == ["", "hash-1"]


async def test_a_tab_that_is_seen_is_replaced_only_if_it_is_the_same_still() -> None:
    desk = _desk()
    await desk.opens_home(view=SEEN)
    await desk.answers()

    assert _kinds(desk) == ["deals"]
    assert [of for _, _, of in desk.views.published] == ["seen"]


async def test_a_tab_that_has_changed_is_found_out_anew_and_published_whatever_is_there() -> None:
    desk = _desk()
    desk.views.publishing = [NotPublished.CONFLICT]
    await desk.opens_home(view=SEEN)
    desk.crm.searching = [
        lambda: setattr(desk.crm, "matches", Matches((Opportunity("x", "open", name="Newest"),), False))
    ]
    await desk.answers()

    assert [of for _, _, of in desk.views.published] == [""]
    assert "Newest" in str(desk.views.published)


async def test_after_a_skeleton_that_was_not_published_the_deals_are_all_the_same() -> None:
    desk = _desk()
    desk.views.publishing = [NotPublished.CONFLICT]
    await desk.opens_home()
    await desk.answers()

    assert _kinds(desk) == ["deals"]


async def test_what_slack_does_not_take_is_published_again_a_few_times() -> None:
    desk = _desk()
    desk.views.publishing = [NotPublished.FAILED] * len(PAUSES)
    await desk.opens_home(view=SEEN)
    await desk.answers()
    assert _kinds(desk) == ["deals"]

    desk.views.publishing = [NotPublished.FAILED] * (len(PAUSES) + 2)
    await desk.opens_home(view=SEEN)
    await desk.answers()
    assert _kinds(desk) == ["deals"]
    assert len(desk.views.publishing) == 1


async def test_what_is_asked_for_while_it_is_published_is_published_afterwards_and_once() -> None:
    desk = _desk(deals=30)
    meanwhile: list[int] = []

    def press_twice() -> None:
        assert desk.tab is not None
        for _ in range(2):
            desk.tab.noted(_entry())
            meanwhile.append(len(desk.questions))

    desk.views.publishing = [press_twice]
    await desk.opens_home(view=SEEN)
    await desk.answers()

    assert _kinds(desk) == ["deals", "deals"]
    assert meanwhile == [1, 1]


async def test_a_page_stays_when_the_person_changes_something() -> None:
    desk = _desk(deals=30)
    view = {**SEEN, "private_metadata": '{"page": 2}'}
    await desk.on_press("home_page_on", "2", channel=None, view=view)
    await desk.answers()
    assert desk.tab is not None
    desk.tab.noted(_entry("U2", "C1"))
    await desk.answers()

    assert all("Deal 20" in str(view) for _, view, _ in desk.views.published)
    assert [of for _, _, of in desk.views.published] == ["seen", "hash-1"]


async def test_a_tab_that_was_not_opened_lately_is_published_only_for_its_own_presses() -> None:
    desk = _desk()
    await desk.opens_home(view=SEEN)
    await desk.answers()
    await asyncio.sleep(LOOKED_AT + 1)
    assert desk.tab is not None
    desk.tab.noted(_entry(channel="C1"))
    desk.tab.noted(_entry("U9", channel="C1"))
    await desk.answers()
    assert len(desk.views.published) == 1

    desk.tab.noted(_entry())
    await desk.answers()
    assert len(desk.views.published) == 2


async def test_a_command_of_no_person_publishes_nothing() -> None:
    desk = _desk()
    await desk.opens_home(view=SEEN)
    await desk.answers()
    assert desk.tab is not None
    desk.tab.noted(_entry(""))

    assert desk.questions == []


async def test_the_pages_of_the_first_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tab, "MOST_REMEMBERED", 1)
    desk = _desk()
    for user in ("U1", "U2"):
        await desk.opens_home(user=user, view=SEEN)
        await desk.answers()
    assert desk.tab is not None
    for user in ("U1", "U2"):
        desk.tab.noted(_entry(user, channel="C1"))
    await desk.answers()

    assert [user for user, _, _ in desk.views.published] == ["U1", "U2", "U2"]


async def test_a_press_at_home_is_followed_by_the_tab_and_one_elsewhere_is_not() -> None:
    desk = _desk()
    await desk.on_press("set_won", "deal-0 won presumed", view=SEEN)
    await desk.answers()
    assert _kinds(desk) == ["deals"]
    assert [entry.wish.opportunity_id for entry in desk.entries] == ["deal-0"]

    await desk.on_press("set_won", "deal-0 won presumed")
    assert desk.questions == []


async def test_highlevel_is_asked_again_no_more_often_than_commands_may_be_sent() -> None:
    desk = _desk()
    for _ in range(30):
        await desk.on_press("home_again", "0", view=SEEN)
        await desk.answers()

    assert len(desk.views.published) == desk.crm.calls.count("open_deals_of") == 20


async def test_a_fault_of_ours_is_shown_with_its_reference() -> None:
    desk = _desk()
    desk.crm.searching = [lambda: 1 / 0]  # type: ignore[list-item]
    with capture_logs() as lines:
        await desk.opens_home(view=SEEN)
        await desk.answers()

    assert _kinds(desk) == ["broken"]
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["home.broken"]


async def test_a_person_without_access_sees_no_deal_and_highlevel_is_not_asked() -> None:
    desk = _desk()
    await desk.opens_home(user="U9", view=SEEN)
    await desk.answers()

    assert _kinds(desk) == ["refused"]
    assert desk.crm.calls == []


@pytest.mark.parametrize(
    "view", [None, "home", [], {"type": "modal"}, {"type": "home", "hash": 5, "private_metadata": 5}]
)
async def test_a_tab_of_any_shape_is_replaced(view: Any) -> None:  # noqa: ANN401 - any JSON
    desk = _desk()
    await desk.opens_home(view=view)
    await desk.answers()

    assert _kinds(desk)[-1] == "deals"


async def test_an_event_without_a_person_or_of_another_tab_publishes_nothing() -> None:
    desk = _desk()
    for event in ({}, {"tab": "messages", "user": "U1"}, {"tab": "home"}, {"tab": "home", "user": "u; DROP"}):
        body = {"type": "event_callback", "team_id": "T1", "event": {"type": "app_home_opened", **event}}
        assert await desk.dispatch(body) == (200, {})
    await desk.answers()

    assert desk.views.published == []
