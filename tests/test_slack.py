import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any, NoReturn

import pytest
from structlog.testing import capture_logs

from bot.access import Caller
from bot.change import StoreDown
from bot.command import Change, Help, Misunderstood, OpenForm, Problem, ShowDeal, ShowHistory, Undo, WhoAmI
from bot.messages import Message
from bot.outcome import (
    AlreadySo,
    Ambiguous,
    Cause,
    Changed,
    Effect,
    Failed,
    Outcome,
    Previewed,
    ReasonWanted,
    Trouble,
    Unconfirmed,
)
from bot.record import Entry, Record
from bot.replies import Address
from bot.status import Consent, Matches, Opportunity, Status, Wish
from tests.desk import DEAL, WISH, Desk
from tests.memory import MemoryLedger, error

@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_a_wish_is_written_down_handed_over_and_acknowledged_in_silence(desk: Desk) -> None:
    assert await desk.on_command() == (200, {})

    (entry,) = desk.entries
    assert (entry.key, entry.wish, entry.text) == ("1.2.3", WISH, "deal won")
    assert (entry.response_url, entry.caller) == ("http://reply.example", Caller("U1", "T1", "C1"))
    assert list(desk.ledger.store.rows) == ["1.2.3"]


async def test_a_command_that_is_there_already_is_acknowledged_and_not_begun_again(desk: Desk) -> None:
    await desk.on_command()

    assert await desk.on_command() == (200, {})
    assert len(desk.entries) == 1


async def test_a_command_without_the_senders_id_is_a_command_of_its_own(desk: Desk) -> None:
    await desk.on_command(trigger_id="")
    await desk.on_command(trigger_id="")

    assert len(desk.entries) == 2
    assert all(entry.key == entry.reference for entry in desk.entries)


async def test_a_ledger_that_is_down_is_told_at_once(desk: Desk) -> None:
    desk.ledger.store.down = True
    status, answer = await desk.on_command()

    assert status == 200
    assert answer["response_type"] == "ephemeral"
    assert "Nothing was changed." in answer["text"]
    assert desk.entries == []


async def test_a_ledger_that_may_have_taken_it_down_is_not_said_to_have_lost_it(desk: Desk) -> None:
    class Cut(MemoryLedger):
        async def accept(self, *entries: Entry, within: float) -> bool:  # noqa: ARG002 - the port's
            raise StoreDown(perhaps_written=True)

    desk.ledger = Cut()
    _, answer = await desk.on_command()

    assert "Nothing has been changed so far." in answer["text"]
    assert "it is carried out soon" in answer["text"]


async def test_a_question_to_a_ledger_that_hangs_is_not_waited_for_longer_than_slack_does(desk: Desk) -> None:
    class Hung(MemoryLedger):
        async def last_change(self, user_id: str) -> Record | None:  # noqa: ARG002 - the port's
            await asyncio.Event().wait()
            return None

    desk.ledger, desk.within, desk.request = Hung(), 0.05, Undo()
    _, answer = await desk.on_command()

    assert "I cannot look that up at the moment" in answer["text"]
    assert "Nothing was changed." in answer["text"]


async def test_a_question_is_answered_in_the_acknowledgement(desk: Desk) -> None:
    desk.request = Help()
    status, answer = await desk.on_command(user_id="U3")

    assert status == 200
    assert answer["response_type"] == "ephemeral"
    assert answer["blocks"]
    assert desk.ledger.store.rows == {}


async def test_whatever_is_raised_becomes_an_answer_with_the_reference_of_the_log(desk: Desk) -> None:
    def broken(_text: str) -> NoReturn:
        raise RuntimeError

    desk.parse = broken
    with capture_logs() as lines:
        status, answer = await desk.on_command()

    assert status == 200
    assert "Something went wrong inside the bot." in answer["text"]
    assert "Nothing was changed." in answer["text"]
    assert [line["event"] for line in lines if line.get("exc_info")] == ["command.broken"]


async def test_nul_characters_do_not_reach_the_ledger(desk: Desk) -> None:
    await desk.on_command(text="deal\x00 won")

    assert desk.entries[0].text == "deal won"


async def test_half_a_character_does_not_reach_the_ledger(desk: Desk) -> None:
    await desk.on_command(trigger_id="1.\ud800")

    assert desk.entries[0].key == "1.?"


async def test_another_command_is_not_ours(desk: Desk) -> None:
    assert (await desk.on_command(command="/other"))[0] == 404


# --- history --------------------------------------------------------------------------------------------------------


async def test_history_shows_the_callers_own_commands(desk: Desk) -> None:
    await desk.changed("mine")
    await desk.changed("theirs", user="U2")
    desk.request = ShowHistory()
    _, answer = await desk.on_command()

    assert answer["response_type"] == "ephemeral"
    assert answer["text"].count("open → *won*") == 1
    assert "<@U1>" in answer["text"]


async def test_history_of_a_deal_shows_everybodys(desk: Desk) -> None:
    await desk.changed("mine")
    await desk.changed("theirs", user="U2")
    desk.request = ShowHistory("deal")
    _, answer = await desk.on_command()

    assert answer["text"].count("open → *won*") == 2
    assert "<@U2>" in answer["text"]


async def test_history_is_ten_commands_at_most(desk: Desk) -> None:
    for number in range(12):
        await desk.changed(str(number))
    desk.request = ShowHistory()

    assert (await desk.on_command())[1]["text"].count("open → *won*") == 10


async def test_history_is_for_those_who_may(desk: Desk) -> None:
    desk.request = ShowHistory("deal")

    assert "not on the list" in (await desk.on_command(user_id="U3"))[1]["text"]


async def test_history_of_a_ledger_that_is_down_is_told(desk: Desk) -> None:
    desk.request = ShowHistory()
    desk.ledger.store.down = True

    assert "I cannot look that up at the moment" in (await desk.on_command())[1]["text"]


# --- undo -----------------------------------------------------------------------------------------------------------


async def test_undo_takes_back_the_callers_last_change(desk: Desk) -> None:
    await desk.changed("first")
    await desk.changed("last")
    await desk.changed("another's", user="U2")
    desk.request = Undo()

    assert await desk.on_command() == (200, {})
    (entry,) = desk.entries
    assert entry.undoes == "last"
    assert entry.wish == Wish("deal", Status.OPEN, only_if="won")


async def test_undo_does_not_step_past_a_command_that_is_still_under_way(desk: Desk) -> None:
    await desk.changed("done")
    await desk.ledger.accept(Entry("under way", "REF", Caller("U1", "T1", "C1"), "other lost", WISH), within=5)
    desk.request = Undo()
    _, answer = await desk.on_command()

    assert "Your last command is still under way" in answer["text"]
    assert desk.entries == []


async def test_undo_does_not_step_past_a_command_of_unknown_fate(desk: Desk) -> None:
    await desk.changed("done")
    await desk.ledger.accept(Entry("unsure", "REF", Caller("U1", "T1", "C1"), "other lost", WISH), within=5)
    lost = Failed(Trouble(Cause.NO_ANSWER), Effect.UNKNOWN)
    await desk.ledger.answer("unsure", lost, Message("", (), public=False))
    desk.request = Undo()
    _, answer = await desk.on_command()

    assert "Nobody could tell whether your last command changed the deal" in answer["text"]
    assert desk.entries == []


async def test_undo_steps_past_a_command_that_changed_nothing(desk: Desk) -> None:
    await desk.changed("done")
    await desk.ledger.accept(Entry("failed", "REF", Caller("U1", "T1", "C1"), "other lost", WISH), within=5)
    failed = Failed(Trouble(Cause.NOT_FOUND), Effect.NOTHING)
    await desk.ledger.answer("failed", failed, Message("", (), public=False))
    desk.request = Undo()

    assert await desk.on_command() == (200, {})
    assert desk.entries[0].undoes == "done"


async def test_undo_without_a_change_says_so(desk: Desk) -> None:
    desk.request = Undo()
    _, answer = await desk.on_command()

    assert "nothing to take back" in answer["text"]
    assert desk.entries == []


async def test_the_button_takes_back_the_change_that_it_stands_under_whoever_presses(desk: Desk) -> None:
    await desk.changed("change")

    assert await desk.on_undo("change") == ""
    (entry,) = desk.entries
    assert (entry.undoes, entry.caller) == ("change", Caller("U2", "T1", "C1"))
    assert (entry.response_url, entry.message_ts) == ("http://press.example", "17.1")


async def test_a_press_asks_again_whether_the_presser_may(desk: Desk) -> None:
    await desk.changed("change")

    assert "not on the list" in await desk.on_undo("change", user={"id": "U3", "team_id": "T1"})
    assert "another Slack workspace" in await desk.on_undo("change", team={"id": "T2"})
    assert desk.entries == []


async def test_a_denial_of_a_press_goes_to_the_presser_alone(desk: Desk) -> None:
    await desk.changed("change")
    desk.allowed = frozenset({"U1"})
    await desk.dispatch({"type": "block_actions", "actions": [{"action_id": "undo", "block_id": "b", "value": "x"}]})

    ((message, to, reference),) = desk.told
    assert message.public is False
    assert reference in message.text
    assert to == Address("", "", "")


async def test_a_second_press_does_nothing_and_says_who_is_at_it(desk: Desk) -> None:
    await desk.changed("change")
    await desk.on_undo("change")

    assert "<@U2> is taking that back at this moment" in await desk.on_undo("change", user={"id": "U1"})
    assert len(desk.entries) == 1


async def test_a_press_after_it_was_taken_back_says_who_did(desk: Desk) -> None:
    await desk.changed("change")
    await desk.on_undo("change")
    (undo,) = desk.entries
    back = Changed(Opportunity("deal", "won"), Opportunity("deal", "open"))
    await desk.ledger.answer(undo.key, back, Message("", (), public=True))
    assert "<@U2> has taken that back already, a moment ago." in await desk.on_undo("change")

    await desk.ledger.finish(undo.key, "response_url", "")
    assert "<@U2> has taken that back already, <!date^" in await desk.on_undo("change")
    desk.request = Undo()
    assert "has taken that back already" in (await desk.on_command())[1]["text"]
    assert len(desk.entries) == 1


async def test_after_an_undo_that_failed_a_press_tries_again(desk: Desk) -> None:
    await desk.changed("change")
    await desk.on_undo("change")
    failed = Failed(Trouble(Cause.NO_CONNECTION), Effect.NOTHING)
    await desk.ledger.answer(desk.entries[0].key, failed, Message("", (), public=False))

    assert await desk.on_undo("change") == ""
    assert len(desk.entries) == 2


async def test_a_press_whose_change_is_not_known_any_more_says_so(desk: Desk) -> None:
    assert "do not know that change any more" in await desk.on_undo("forgotten")


async def test_a_press_when_the_window_has_passed_says_so(desk: Desk) -> None:
    await desk.changed("change")
    desk.ledger.store.rows["change"].accepted -= timedelta(hours=25)

    text = await desk.on_undo("change")
    assert "older than 24 hours" in text
    assert "Nothing was changed." in text


async def test_a_press_where_undo_was_switched_off_meanwhile_says_so(desk: Desk) -> None:
    await desk.changed("change")
    desk.window = timedelta()

    assert "switched off" in await desk.on_undo("change")


async def test_a_press_when_the_ledger_is_down_is_told(desk: Desk) -> None:
    desk.ledger.store.down = True

    assert "Nothing was changed." in await desk.on_undo("change")


@pytest.mark.parametrize(
    "odd",
    [
        {"actions": [{"action_id": "undo", "block_id": "b"}]},
        {"user": "U2"},
        {"container": None, "channel": None},
        {"team": None, "user": {"id": "U2", "team_id": "T1"}, "trigger_id": None},
    ],
)
async def test_a_press_of_an_odd_shape_is_answered_and_changes_nothing(desk: Desk, odd: dict[str, Any]) -> None:
    assert "Nothing was changed." in await desk.on_undo("nothing", **odd)
    assert desk.entries == []
