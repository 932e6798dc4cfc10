"""Deals belong to people: who else may change them, whom they can ask, and what the owner reads."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.simulator.highlevel.server import Fault
from bot.simulator.slack.server import EMAILS, GRANTED
from bot.simulator.slack.server import Fault as SlackFault
from bot.simulator.slack.workspace import Shown, button
from bot.slack.actions import AS_ASKED, ASK_OWNER, CONFIRM, NOT_NOW, UNDO
from tests.house import ANA, BEN, BOT_TOKEN, DEAL, KIM, SALES, House, open_house

ANOTHER = "bB3dE5fG7hJ9kL1mN2pQ"
ON = {"OWNERS_ONLY": "on", "ALLOWED_USERS": f"{ANA},{BEN}", "ADMINS": KIM}
WARN = ON | {"OWNERS_ONLY": "warn"}
EMAIL = {ANA: "ana@acme.example", BEN: "Ben@Acme.example", KIM: "kim@acme.example"}
OWNERS = {"USERana": "ana@acme.example", "USERben": "ben@acme.example"}


def _furnished(house: House) -> House:
    """Ben owns our deal, and people have the same e-mails in Slack and HighLevel."""
    for user, email in EMAIL.items():
        house.slack.users[user]["profile"] = {"email": email}
    for owner, email in OWNERS.items():
        house.highlevel.users[owner] = {"id": owner, "name": owner.removeprefix("USER").title(), "email": email}
    house.highlevel.opportunities[DEAL] |= {"assignedTo": "USERben", "monetaryValue": 4800}
    return house


@asynccontextmanager
async def _owned(folder: Path, *, over: str = "http", **settings: str) -> AsyncIterator[House]:
    async with open_house(folder, over=over, **(ON | settings)) as house:
        yield _furnished(house)


@pytest.fixture
async def house(each_way: Mapping[str, str], tmp_path: Path) -> AsyncIterator[House]:
    async with _owned(tmp_path, **each_way) as opened:
        yield opened


async def _to(house: House, user: str, words: str) -> Shown:
    """The direct message to this person with these words in it."""

    def found() -> list[Shown]:
        return [each for each in house.slack.shown if each.channel == user and words in each.text]

    await house.slack.wait_until(lambda: bool(found()))
    return found()[-1]


async def test_a_deal_that_is_another_persons_is_left_and_its_owner_named(house: House) -> None:
    told = await house.says("New website won")

    assert told.only_to == ANA
    assert f"New website is <@{BEN}>'s deal." in told.text
    assert "Nothing changed. Only the owner and admins can change it." in told.text
    assert house.deal == "open"
    assert house.highlevel.writes() == []
    assert [row["outcome"] for row in await house.rows()] == ["not_yours"]
    assert "OWNERS" not in str(told)


async def test_its_owner_and_an_admin_change_it(house: House) -> None:
    assert (await house.says(f"{DEAL} won", user=BEN)).only_to is None
    assert "You undid that" in (await house.says("undo", user=BEN)).text
    assert (await house.says(f"{DEAL} won", user=KIM)).only_to is None
    assert house.deal == "won"


async def test_the_owner_is_asked_once_and_one_tap_does_it_where_it_was_wanted(house: House) -> None:
    refused = await house.says("New website won")
    asked = await house.answers(refused, ASK_OWNER)
    assert f"Asked <@{BEN}> to mark New website won." in asked.text

    question = await _to(house, BEN, "asks you to")
    assert f"<@{ANA}> asks you to mark New website won · $4,800" in question.text.replace("4,800", "$4,800", 1)
    again = await house.says("undo")  # nothing of Ana's to undo
    assert again.only_to == ANA

    await house.presses(question, AS_ASKED, user=BEN)
    told = await _to(house, ANA, "as you asked")
    assert f"<@{BEN}> marked New website won, as you asked." in told.text
    public = next(each for each in house.slack.shown if each.only_to is None and each.channel == SALES)
    assert f"<@{BEN}> won New website" in public.text
    assert house.deal == "won"
    now = next(each for each in house.slack.shown if each.ts == question.ts)
    assert "On it: mark New website won" in now.text
    assert [row["outcome"] for row in await house.rows()] == ["not_yours", "asked_owner", "changed"]


async def test_the_owner_says_not_now_and_the_person_who_asked_is_told(house: House) -> None:
    await house.answers(await house.says("New website won"), ASK_OWNER)
    question = await _to(house, BEN, "asks you to")

    await house.presses(question, NOT_NOW, user=BEN)

    told = await _to(house, ANA, "not now")
    assert f"<@{BEN}> said not now. New website is still open." in told.text
    await house.slack.wait_for_change(question.ts)
    assert house.deal == "open"


async def test_the_same_command_asks_the_owner_once(house: House) -> None:
    refused = await house.says("New website won")
    asks = button(refused, ASK_OWNER)

    await asyncio.gather(*(house.slack.press(refused, asks, user=ANA) for _ in range(2)))

    await house.slack.wait_until(lambda: any("already answered" in each.text for each in house.slack.shown))
    await _to(house, BEN, "asks you to")
    await house.rows()
    assert sum("asks you to" in each.text for each in house.slack.shown) == 1


async def test_a_question_that_is_old_changes_nothing(house: House) -> None:
    await house.answers(await house.says("New website won"), ASK_OWNER)
    question = await _to(house, BEN, "asks you to")
    house.highlevel.set_by_hand(DEAL, status="lost")

    await house.presses(question, AS_ASKED, user=BEN)

    told = await _to(house, BEN, "changed again since then")
    assert "It's lost now" in told.text
    await _to(house, ANA, f"<@{BEN}> said yes, but New website didn't change.")
    assert house.deal == "lost"


async def test_the_person_who_asked_hears_that_it_was_so_already(house: House) -> None:
    await house.answers(await house.says("New website lost too expensive"), ASK_OWNER)
    question = await _to(house, BEN, "asks you to")
    house.highlevel.set_by_hand(DEAL, status="lost")

    await house.presses(question, AS_ASKED, user=BEN)

    told = await _to(house, ANA, "said yes, but New website was already lost.")
    assert "Nothing changed." in told.text


async def test_the_person_who_asked_hears_that_slack_delivers_the_owner_nothing(house: House) -> None:
    refused = await house.says("New website won")
    gone = {"ok": False, "error": "channel_not_found"}
    house.slack.misbehave(SlackFault("chat.postMessage", status=200, body=gone, times=1))
    await house.presses(refused, ASK_OWNER)

    def told() -> list[Shown]:
        return [each for each in house.slack.shown if "Couldn't send" in each.text]

    await house.slack.wait_until(lambda: bool(told()))
    assert f"Couldn't send <@{BEN}> your question about New website." in told()[0].text
    assert f"Nothing changed. Ask them yourself, or ask <@{KIM}>." in told()[0].text
    assert all(each.channel != BEN for each in house.slack.shown)
    assert house.deal == "open"


async def test_with_warn_the_change_is_made_and_the_owner_told_privately(tmp_path: Path) -> None:
    async with _owned(tmp_path, **WARN) as house:
        told = await house.says("New website won")
        assert told.only_to is None
        warned = await _to(house, BEN, "your deal")
        assert f"<@{ANA}> marked your deal New website won" in warned.text
        assert "Was open" in warned.text
        assert house.deal == "won"
        await house.says(f"{DEAL} lost", user=BEN)  # the owner is not told of their own
        await house.rows()
        assert sum(each.channel == BEN for each in house.slack.shown) == 1


async def test_with_warn_an_owner_who_cannot_be_found_is_told_nothing(tmp_path: Path) -> None:
    async with _owned(tmp_path, **WARN) as house:
        house.slack.tokens[BOT_TOKEN] = GRANTED - {EMAILS}
        told = await house.says("New website won")
        await house.rows()
        assert (told.only_to, house.deal) == (None, "won")
        assert [each.channel for each in house.slack.shown] == [SALES]


@pytest.mark.parametrize(
    ("unassigned", "outcome", "words"),
    [
        ("anyone", "changed", "won New website"),
        ("admins", "not_yours", "has no owner yet, so only admins can change it"),
    ],
)
async def test_a_deal_without_an_owner(tmp_path: Path, unassigned: str, outcome: str, words: str) -> None:
    async with _owned(tmp_path, UNASSIGNED=unassigned) as house:
        for owner in (None, "USERgone"):
            house.highlevel.opportunities[DEAL] |= {"assignedTo": owner, "status": "open"}
            assert words in (await house.says(f"{DEAL} won")).text
        assert [row["outcome"] for row in await house.rows()] == [outcome] * 2


async def test_without_the_rule_no_owner_is_asked_for_before_a_change(tmp_path: Path) -> None:
    async with _owned(tmp_path, OWNERS_ONLY="off") as house:
        await house.says(f"{DEAL} won")
        paths = [each.path for each in house.highlevel.received]
        assert paths.index(f"/opportunities/{DEAL}/status") < paths.index("/users/USERben")
        assert "users.lookupByEmail" not in house.slack.calls


async def test_people_in_the_list_of_owners_need_no_email(tmp_path: Path) -> None:
    async with _owned(tmp_path, OWNERS=f"{ANA}=USERben") as house:
        house.slack.tokens[BOT_TOKEN] = GRANTED - {EMAILS}
        assert (await house.says(f"{DEAL} won")).only_to is None
        refused = await house.says(f"{DEAL} lost", user=BEN)
        assert f"New website is <@{ANA}>'s deal." in refused.text


async def test_each_of_several_is_asked_about_and_its_owner_can_be_asked(tmp_path: Path) -> None:
    async with _owned(tmp_path) as house:
        house.highlevel.add_opportunity(ANOTHER, name="Printer service", assignedTo="USERana")
        told = await house.says(f"{DEAL} {ANOTHER} won")
        assert "won 1 of 2 deals" in told.text
        assert f"New website: not changed, it's <@{BEN}>'s deal" in told.text
        await house.presses(told, ASK_OWNER)
        question = await _to(house, BEN, "asks you to")
        await house.presses(question, AS_ASKED, user=BEN)
        await _to(house, ANA, "as you asked")
        assert house.deal == "won"


async def test_the_owners_of_several_deals_are_asked_about_each(tmp_path: Path) -> None:
    async with _owned(tmp_path) as house:
        house.highlevel.add_opportunity(ANOTHER, name="Printer service", assignedTo="USERben")
        refused = await house.says(f"{DEAL} {ANOTHER} won")
        assert "None of the 2 deals changed." in refused.text
        asked = await house.answers(refused, ASK_OWNER)
        assert "Asked the owners of 2 deals." in asked.text
        await house.rows()
        questions = [each for each in house.slack.shown if each.channel == BEN]
        assert len(questions) == 2
        for question in questions:
            await house.presses(question, AS_ASKED, user=BEN)
        await house.slack.wait_until(lambda: sum("as you asked" in each.text for each in house.slack.shown) == 2)
        assert {deal["status"] for deal in house.highlevel.opportunities.values()} == {"won"}


async def test_a_preview_and_a_question_say_what_the_change_would(tmp_path: Path) -> None:
    async with _owned(tmp_path, CONFIRM="open") as house:
        assert f"<@{BEN}>'s deal" in (await house.says(f"preview {DEAL} won")).text
        assert f"<@{BEN}>'s deal" in (await house.says(f"{DEAL} won")).text
        asked = await house.says(f"{DEAL} won", user=BEN)
        assert "Nothing changed" in asked.text
        assert (await house.answers(asked, CONFIRM, user=BEN)).only_to is None


async def test_what_cannot_be_found_out_is_a_denial_with_its_reason(tmp_path: Path) -> None:
    async with _owned(tmp_path) as house:
        house.highlevel.misbehave(Fault(status=503, body="down"), path="/users/", times=9)
        assert "HighLevel didn't say who owns it" in (await house.says(f"{DEAL} won")).text
        assert house.deal == "open"


async def test_an_email_that_slack_hides_is_a_denial_and_says_so(tmp_path: Path) -> None:
    async with _owned(tmp_path) as house:
        house.slack.tokens[BOT_TOKEN] = GRANTED - {EMAILS}
        told = await house.says(f"{DEAL} won")
        assert "Slack doesn't show your email" in told.text
        assert "For admins: add the Slack scope `users:read.email`" in told.text


async def test_while_slack_does_not_answer_no_deal_is_anyones(tmp_path: Path) -> None:
    async with _owned(tmp_path) as house:
        house.slack.misbehave(SlackFault("users.info", status=503, times=9))
        assert "Slack didn't respond" in (await house.says(f"{DEAL} won")).text
        assert house.deal == "open"


async def test_one_sub_account_may_have_a_rule_of_its_own(tmp_path: Path) -> None:
    async with _owned(tmp_path, OWNERS_ONLY="on,LOCATIONxxxxxxxxxxxx:off") as house:
        assert (await house.says(f"{DEAL} won")).only_to is None


async def test_undo_asks_whose_the_deal_is(tmp_path: Path) -> None:
    async with _owned(tmp_path) as house:
        done = await house.says(f"{DEAL} won", user=BEN)
        before = len(house.slack.shown)
        await house.presses(done, UNDO)
        await house.slack.wait_for(before + 1)
        assert f"<@{BEN}>'s deal" in house.slack.shown[-1].text
        assert house.deal == "won"
