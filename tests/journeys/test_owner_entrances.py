"""Every way to ask for a change ends at the same question: whose deal is it? A new way without a case fails a test.

In each case the deal is Ana's while she gets as far as the last step. Then it becomes Ben's, and she takes that step.
"""

import asyncio
import re
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import pytest
import sqlalchemy as sa

from bot.commands import request
from bot.schedule.calendar import Calendar
from bot.simulator.highlevel.server import Fault
from bot.simulator.slack.workspace import Shown
from bot.slack import actions
from bot.slack.messages import form
from bot.storage.engine import engine_for_reading
from bot.storage.schedule.tables import schedule
from tests.desk import Desk
from tests.house import ANA, BEN, DEAL, KIM, PATIENT, SALES, House, open_house

LIKE_IT = "bB3dE5fG7hJ9kL1mN2pQ"
EVE = "U0EVE"
DOWN = Fault(status=503, body={"message": "Service Unavailable"})
EMAILS = {ANA: "ana@acme.example", BEN: "ben@acme.example", KIM: "kim@acme.example", EVE: "eve@acme.example"}
CALENDAR = Calendar()
"""Tells the bot which day it is."""
Step = Callable[[House], Awaitable[object]]
Way = Callable[[House], Awaitable[Step]]


def _users(house: House) -> None:
    for user, email in EMAILS.items():
        house.slack.users[user] = {"id": user, "team_id": house.slack.team_id, "profile": {"email": email}}
        house.highlevel.users[f"hl{user}"] = {"id": f"hl{user}", "name": user, "email": email}


def _becomes(house: House, owner: str) -> None:
    for deal in house.highlevel.opportunities.values():
        deal["assignedTo"] = f"hl{owner}"


async def _to(house: House, user: str, words: str) -> Shown:
    def found() -> list[Shown]:
        return [each for each in house.slack.shown if each.channel == user and words in each.text]

    await house.slack.wait_until(lambda: bool(found()))
    return found()[-1]


def _types(text: str) -> Way:
    async def ready(_house: House) -> Step:
        return lambda house: house.slack.command(text, user=ANA, channel=SALES)

    return ready


def _presses(text: str, action_id: str, value: str | None = None) -> Way:
    """Type a text, and then answer the message that comes by this button or menu."""

    async def ready(house: House) -> Step:
        shown = await house.says(text)
        return lambda house: _press(house, shown, action_id, value)

    return ready


async def _press(house: House, shown: Shown, action_id: str, value: str | None) -> None:
    if value and action_id in {actions.MORE, actions.REASON}:
        await house.answers(shown, action_id, value)
    else:
        await house.presses(shown, action_id)


async def _undoes_by_text(house: House) -> Step:
    await house.says(f"{DEAL} won")
    return lambda house: house.slack.command("undo", user=ANA, channel=SALES)


async def _undoes_by_button(house: House) -> Step:
    won = await house.says(f"{DEAL} won")
    return lambda house: house.presses(won, actions.UNDO)


async def _undoes_a_named_deal(house: House) -> Step:
    await house.says(f"{DEAL} won")
    offered = await house.says("undo new website")
    return lambda house: house.presses(offered, actions.UNDO)


async def _gives_a_reason_afterwards(house: House) -> Step:
    house.highlevel.lost_reasons = [{"id": "r1", "name": "Price"}]
    await house.slack.command(f"{DEAL} lost", user=ANA, channel=SALES)
    await house.slack.wait_for(2)
    question = next(each for each in house.slack.shown if each.only_to == ANA)
    return lambda house: house.presses(question, f"{actions.REASON}_0")


async def _gives_the_reason_that_is_required(house: House) -> Step:
    house.highlevel.lost_reasons = [{"id": "r1", "name": "Price"}]
    question = await house.says(f"{DEAL} lost")
    return lambda house: house.presses(question, f"{actions.REASON}_0")


async def _chooses(house: House) -> Step:
    house.highlevel.add_opportunity(LIKE_IT, name="New website", assignedTo=f"hl{ANA}")
    question = await house.says("new website won")
    return lambda house: house.presses(question, actions.CHOOSE)


async def _confirms(house: House) -> Step:
    house.highlevel.set_by_hand(DEAL, status="won")
    question = await house.says(f"{DEAL} abandoned")
    return lambda house: house.presses(question, actions.CONFIRM)


async def _tries_again(house: House) -> Step:
    house.highlevel.misbehave(DOWN, times=99)
    failure = await house.says(f"{DEAL} won")
    house.highlevel.behave()
    return lambda house: house.presses(failure, actions.RETRY)


async def _undoes_anyway(house: House) -> Step:
    await house.says(f"{DEAL} won")
    house.highlevel.set_by_hand(DEAL, status="lost")
    stopped = await house.says("undo")
    return lambda house: house.presses(stopped, actions.ANYWAY)


async def _runs_what_was_not_accepted(house: House) -> Step:
    locked = sqlite3.connect(house.settings.database_url.removeprefix("sqlite:///"), isolation_level=None)
    locked.execute("BEGIN EXCLUSIVE")
    refused = await house.says(f"{DEAL} won")
    locked.close()
    return lambda house: house.presses(refused, actions.AGAIN)


async def _runs_what_was_refused(house: House) -> Step:
    refused = await house.says(f"{DEAL} won", user=EVE)
    await house.presses(refused, actions.REQUEST, user=EVE)
    await house.presses(await _to(house, KIM, "wants access"), actions.APPROVE, user=KIM)
    offer = await _to(house, EVE, "approved your request")
    return lambda house: house.presses(offer, actions.RUN, user=EVE)


async def _does_as_asked(house: House) -> Step:
    _becomes(house, EVE)
    refused = await house.says(f"{DEAL} won")
    await house.answers(refused, actions.ASK_OWNER)
    question = await _to(house, EVE, "asks you to")
    return lambda house: house.presses(question, actions.AS_ASKED, user=EVE)


async def _closes_a_deal_that_is_reminded_of(house: House) -> Step:
    await house.says("remind new website friday")
    engine = engine_for_reading(house.settings.database_url)
    with engine.connect() as connection:
        due = connection.execute(sa.select(sa.func.max(schedule.c.due))).scalar_one()
    engine.dispose()
    CALENDAR.ahead = due + 60 - datetime.now(UTC).timestamp()
    reminder = await _to(house, ANA, "Reminder: ")
    return lambda house: house.presses(reminder, f"{actions.CLOSE}_won")


async def _submits_the_form(house: House) -> Step:
    posted = await house.slack.post(
        f"<https://app.gohighlevel.com/v2/location/LOCATIONxxxxxxxxxxxx/opportunities/{DEAL}|this>",
        user=BEN,
        channel=SALES,
    )
    await house.slack.shortcut(posted, form.SHORTCUT, user=ANA)
    view = await house.slack.wait_for_modal(ANA)
    before = view.hash
    await house.slack.enter(view, "status", "won")
    await house.slack.wait_until(lambda: view.hash != before)
    return lambda house: house.slack.submit(view)


@dataclass(frozen=True)
class Case:
    way: Way
    settings: dict[str, str] = field(default_factory=dict)
    by: str = ANA
    also: frozenset[str] = frozenset({"warn", "admin"})
    """Whether the way can be gone with a warning, and by an admin too."""
    patience: float = PATIENT.database


CASES: dict[tuple[str, str], Case] = {
    ("text", "Change"): Case(_types(f"{DEAL} won")),
    ("text", "Change of several"): Case(_types(f"{DEAL} {LIKE_IT} won")),
    ("text", "Change by name"): Case(_types("new website won")),
    ("text", "Undo"): Case(_undoes_by_text),
    ("text", "UndoDeal"): Case(_undoes_a_named_deal),
    ("text", "ShowDeal"): Case(_presses("won new website because they signed", f"{actions.MARK}_won_0")),
    ("action", actions.UNDO): Case(_undoes_by_button),
    ("action", actions.CHOOSE): Case(_chooses),
    ("action", actions.CONFIRM): Case(_confirms),
    ("action", actions.REASON): Case(_gives_the_reason_that_is_required, {"LOST_REASON": "required"}),
    ("action", f"{actions.REASON}, afterwards"): Case(_gives_a_reason_afterwards),
    ("action", actions.SET): Case(_presses(DEAL, f"{actions.SET}_won")),
    ("action", actions.MARK): Case(_presses("won new website because they signed", f"{actions.MARK}_won_0")),
    ("action", actions.MORE): Case(_presses(DEAL, actions.MORE, f"set {DEAL} abandoned presumed")),
    ("action", actions.CLOSE): Case(_closes_a_deal_that_is_reminded_of),
    ("action", actions.RETRY): Case(_tries_again),
    ("action", actions.ANYWAY): Case(_undoes_anyway),
    ("action", actions.AGAIN): Case(_runs_what_was_not_accepted, patience=1.0),
    ("action", actions.RUN): Case(_runs_what_was_refused, {"ADMINS": KIM}, by=EVE, also=frozenset({"warn"})),
    ("action", actions.AS_ASKED): Case(
        _does_as_asked, {"ALLOWED_USERS": f"{ANA},{BEN},{EVE}"}, by=EVE, also=frozenset({"admin"})
    ),
    ("view_submission", form.FORM): Case(_submits_the_form),
}
LOOKS = {
    *(("text", name) for name in ("OpenForm", "Help", "WhoAmI", "ShowAccess", "UseLocation", "Mute", "ShowHistory")),
    *(("text", name) for name in ("Misunderstood", "Remind", "ShowReminders", "ShowDigest")),
    *(("action", each) for each in (actions.REMIND, actions.PICK_DAY, actions.CALL_OFF)),
    *(("action", each) for each in (actions.MORE, actions.SEARCH, actions.OPEN_FORM, actions.WHOAMI, actions.SHOW)),
    *(("action", each) for each in (actions.SHARE, actions.DISMISS, actions.ADD_REASON, actions.LINK)),
    *(("action", each) for each in (actions.ASK_OWNER, actions.NOT_NOW, actions.REQUEST, actions.APPROVE)),
    *(("action", each) for each in (actions.DECLINE, actions.REVOKE, actions.HOME_PAGE, actions.HOME_AGAIN)),
    ("event", "app_home_opened"),
    ("command", "/opp-status"),  # its texts are above
    ("command", ".*"),
    ("shortcut", form.SHORTCUT),
    ("options", form.DEAL),
    ("action", form.STATUS),
}
"""What asks for no change of a deal: it shows something, or opens what asks."""


def _constraints(function: Any) -> Iterator[str]:  # noqa: ANN401 - what Bolt keeps, a function in a function
    """What Bolt was told to listen to, from within its matchers."""
    for cell in function.__closure__ or ():
        match cell.cell_contents:
            case str(text):
                yield text
            case re.Pattern(pattern=text):
                yield text
            case {"type": str(text)}:
                yield text
            case inner if hasattr(inner, "__code__"):
                yield from _constraints(inner)


def _entrances() -> set[tuple[str, str]]:
    """Every listener of the bot's, and every kind of text, as the code has them."""
    kinds = {("text", each.__name__) for each in get_args(request.Request)}
    for listener in Desk().bolt()._async_listeners:
        for matcher in listener.matchers:
            function: Any = getattr(matcher, "func")  # noqa: B009 - Bolt's type does not have it
            kind = function.__closure__[0].cell_contents.__qualname__.partition(".")[0]
            kinds |= {(kind, re.sub(r"\\A|\\Z|\(_\\w\+\)\?", "", each)) for each in _constraints(function)}
    return kinds


def test_every_entrance_has_a_case() -> None:
    covered = {(kind, name.partition(",")[0].partition(" ")[0]) for kind, name in CASES} | LOOKS

    assert _entrances() <= covered
    assert len(_entrances()) > 30


async def _arrive(
    folder: Path, case: Case, happens: Callable[[House], object] = lambda _: None, **settings: str
) -> tuple[House, list[dict[str, Any]]]:
    """Go the way up to its last step, let the deal become Ben's, and take it; returns the rows then.

    `happens`: what else happens before that step.
    """
    usual = {"ALLOWED_USERS": f"{ANA},{BEN}", "OWNERS_ONLY": "on"} | case.settings
    async with open_house(
        folder, replace(PATIENT, database=case.patience, calendar=CALENDAR), **(usual | settings)
    ) as house:
        _users(house)
        _becomes(house, ANA)
        await house.says("history")  # the tables are there
        house.slack.shown.clear()
        step = await case.way(house)
        before = await house.rows()
        _becomes(house, BEN)
        happens(house)
        await step(house)
        async with asyncio.timeout(60):
            while len(rows := await house.rows()) == len(before):
                await asyncio.sleep(0.02)
        return house, rows[len(before) :]


@pytest.mark.parametrize("name", CASES, ids=" ".join)
async def test_every_entrance_asks_whose_the_deal_is(name: tuple[str, str], tmp_path: Path) -> None:
    case = CASES[name]
    _, rows = await _arrive(tmp_path, case)

    refused = [row for row in rows if row["opportunity_id"] == DEAL]
    assert [(row["outcome"], row["withheld"], row["user_id"]) for row in refused] == [("not_yours", "owned", case.by)]


def _hides_its_users(house: House) -> None:
    house.highlevel.misbehave(DOWN, path="/users/", times=99)


@pytest.mark.parametrize("name", CASES, ids=" ".join)
async def test_at_every_entrance_what_highlevel_does_not_tell_is_a_denial(
    name: tuple[str, str], tmp_path: Path
) -> None:
    _, rows = await _arrive(tmp_path, CASES[name], _hides_its_users)

    refused = [row for row in rows if row["opportunity_id"] == DEAL]
    assert [(row["outcome"], row["withheld"]) for row in refused] == [("not_yours", "crm_down")]


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "warn" in case.also], ids=" ".join)
async def test_with_a_warning_every_entrance_changes_the_deal_and_tells_its_owner(
    name: tuple[str, str], tmp_path: Path
) -> None:
    house, rows = await _arrive(tmp_path, CASES[name], OWNERS_ONLY="warn")

    changed = [row for row in rows if row["opportunity_id"] == DEAL]
    assert [(row["outcome"], row["deal_owner"]) for row in changed] == [("changed", BEN)]
    assert [each.channel for each in house.slack.shown if "your deal" in each.text] == [BEN]


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if "admin" in case.also], ids=" ".join)
async def test_an_admin_passes_every_entrance(name: tuple[str, str], tmp_path: Path) -> None:
    _, rows = await _arrive(tmp_path, CASES[name], ADMINS=CASES[name].by)

    assert [row["outcome"] for row in rows if row["opportunity_id"] == DEAL] == ["changed"]
