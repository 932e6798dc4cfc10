import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any, NoReturn

import pytest
from structlog.testing import capture_logs

from bot.access.rules import Caller
from bot.commands.record import Entry, Record
from bot.commands.reply import Address, Message
from bot.commands.request import (
    Change,
    Help,
    Misunderstood,
    Mute,
    OpenForm,
    Problem,
    ShowDeal,
    ShowHistory,
    Undo,
    UseLocation,
    WhoAmI,
)
from bot.deals.deal import LostReason, Matches, Opportunity, Status
from bot.deals.locations import Locations
from bot.deals.outcome import (
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
from bot.deals.ports import StoreDown
from bot.deals.wish import Consent, Wish
from tests.desk import DEAL, WISH, Desk
from tests.memory import MemoryBindings, MemoryLedger, MemoryMutes, error

pytestmark = pytest.mark.jumping_clock


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_a_command_is_accepted_started_and_acknowledged_without_a_message(desk: Desk) -> None:
    assert await desk.on_command() == (200, {})

    (entry,) = desk.entries
    assert (entry.key, entry.wish, entry.text) == ("1.2.3", WISH, "deal won")
    assert (entry.response_url, entry.caller) == ("http://reply.example", Caller("U1", "T1", "C1"))
    assert list(desk.ledger.store.rows) == ["1.2.3"]


async def test_a_command_that_comes_twice_is_acknowledged_and_started_once(desk: Desk) -> None:
    await desk.on_command()

    assert await desk.on_command() == (200, {})
    assert len(desk.entries) == 1


async def test_each_command_without_slacks_id_is_a_new_command(desk: Desk) -> None:
    await desk.on_command(trigger_id="")
    await desk.on_command(trigger_id="")

    assert len(desk.entries) == 2
    assert all(entry.key == entry.reference for entry in desk.entries)


async def test_a_ledger_that_is_down_is_reported_at_once(desk: Desk) -> None:
    desk.ledger.store.down = True
    status, answer = await desk.on_command()

    assert status == 200
    assert answer["response_type"] == "ephemeral"
    assert "Nothing changed." in answer["text"]
    assert desk.entries == []


async def test_a_command_that_may_have_been_accepted_is_not_reported_as_lost(desk: Desk) -> None:
    class Cut(MemoryLedger):
        async def accept(self, *_: object, **__: object) -> None:
            raise StoreDown(perhaps_written=True)

    desk.ledger = Cut()
    _, answer = await desk.on_command()

    assert "Nothing has changed yet." in answer["text"]
    assert "it'll run soon" in answer["text"]


async def test_a_hanging_ledger_is_not_waited_for_longer_than_slack_waits(desk: Desk) -> None:
    class Hung(MemoryLedger):
        async def last_change(self, user_id: str) -> Record | None:  # noqa: ARG002 - the port's
            await asyncio.Event().wait()
            return None

    desk.ledger, desk.within, desk.request = Hung(), 0.05, Undo()
    _, answer = await desk.on_command()

    assert "Can't look that up right now." in answer["text"]
    assert "Nothing changed." in answer["text"]


async def test_help_is_answered_in_the_acknowledgement(desk: Desk) -> None:
    desk.request = Help()
    status, answer = await desk.on_command(user_id="U3")

    assert status == 200
    assert answer["response_type"] == "ephemeral"
    assert answer["blocks"]
    assert desk.ledger.store.rows == {}


async def test_an_exception_becomes_an_answer_and_is_logged_once(desk: Desk) -> None:
    def broken(_text: str) -> NoReturn:
        raise RuntimeError

    desk.parse = broken
    with capture_logs() as lines:
        status, answer = await desk.on_command()

    assert status == 200
    assert "Something went wrong in Opp Status." in answer["text"]
    assert "Nothing changed." in answer["text"]
    assert [line["event"] for line in lines if line.get("exc_info")] == ["command.broken"]


async def test_nul_characters_do_not_reach_the_ledger(desk: Desk) -> None:
    await desk.on_command(text="deal\x00 won")

    assert desk.entries[0].text == "deal won"


async def test_lone_surrogates_do_not_reach_the_ledger(desk: Desk) -> None:
    await desk.on_command(trigger_id="1.\ud800")

    assert desk.entries[0].key == "1.?"


async def test_a_command_of_another_name_changes_nothing_and_is_told_so(desk: Desk) -> None:
    status, answer = await desk.on_command(command=f"/other{'r' * 40}")

    assert status == 200
    assert f"answers to `/opp-status` here, not to `/other{'r' * 26}`." in answer["text"]
    assert await desk.ledger.of_everybody(9) == []


# --- history --------------------------------------------------------------------------------------------------------


async def test_history_shows_the_callers_own_commands(desk: Desk) -> None:
    await desk.changed("mine")
    await desk.changed("theirs", user="U2")
    desk.request = ShowHistory()
    _, answer = await desk.on_command()

    assert answer["response_type"] == "ephemeral"
    assert answer["text"].count("open → won") == 1
    assert "<@U1>" not in answer["text"]


async def test_history_of_a_deal_shows_all_peoples_commands(desk: Desk) -> None:
    await desk.changed("mine")
    await desk.changed("theirs", user="U2")
    desk.request = ShowHistory("deal")
    _, answer = await desk.on_command()

    assert answer["text"].count("open → won") == 2
    assert "<@U2>" in answer["text"]


async def test_history_shows_ten_commands_at_most(desk: Desk) -> None:
    for number in range(12):
        await desk.changed(str(number))
    desk.request = ShowHistory()

    assert (await desk.on_command())[1]["text"].count("open → won") == 10


async def test_history_refuses_people_who_may_not_change_deals(desk: Desk) -> None:
    desk.request = ShowHistory("deal")

    assert "You don't have access" in (await desk.on_command(user_id="U3"))[1]["text"]


async def test_history_reports_a_ledger_that_is_down(desk: Desk) -> None:
    desk.request = ShowHistory()
    desk.ledger.store.down = True

    assert "Can't look that up right now." in (await desk.on_command())[1]["text"]


# --- undo -----------------------------------------------------------------------------------------------------------


async def test_undo_undoes_the_callers_last_change(desk: Desk) -> None:
    await desk.changed("first")
    await desk.changed("last")
    await desk.changed("another's", user="U2")
    desk.request = Undo()

    assert await desk.on_command() == (200, {})
    (entry,) = desk.entries
    assert entry.undoes == "last"
    assert entry.wish == Wish("deal", Status.OPEN, only_if="won", consent=Consent.GIVEN)


async def test_undo_does_not_skip_a_command_that_is_under_way(desk: Desk) -> None:
    await desk.changed("done")
    await desk.ledger.accept(Entry("under way", "REF", Caller("U1", "T1", "C1"), "other lost", WISH), within=5)
    desk.request = Undo()
    _, answer = await desk.on_command()

    assert "Your last command is still running." in answer["text"]
    assert desk.entries == []


async def test_undo_does_not_skip_a_command_of_unknown_effect(desk: Desk) -> None:
    await desk.changed("done")
    await desk.ledger.accept(Entry("unsure", "REF", Caller("U1", "T1", "C1"), "other lost", WISH), within=5)
    lost = Failed(Trouble(Cause.NO_ANSWER), Effect.UNKNOWN)
    await desk.ledger.answer("unsure", lost, Message("", (), public=False))
    desk.request = Undo()
    _, answer = await desk.on_command()

    assert "It isn't clear whether your last command changed the deal" in answer["text"]
    assert desk.entries == []


async def test_undo_skips_a_command_that_changed_nothing(desk: Desk) -> None:
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

    assert "nothing to undo" in answer["text"]
    assert desk.entries == []


async def test_the_button_undoes_its_change_for_anyone_who_may(desk: Desk) -> None:
    await desk.changed("change")

    assert await desk.on_undo("change") == ""
    (entry,) = desk.entries
    assert (entry.undoes, entry.caller) == ("change", Caller("U2", "T1", "C1"))
    assert (entry.response_url, entry.message_ts) == ("http://press.example", "17.1")


async def test_a_press_is_authorized_anew(desk: Desk) -> None:
    await desk.changed("change")

    assert "You don't have access" in await desk.on_undo("change", user={"id": "U3", "team_id": "T1"})
    assert "a different Slack workspace" in await desk.on_undo("change", team={"id": "T2"})
    assert desk.entries == []


async def test_a_denied_press_is_told_in_private(desk: Desk) -> None:
    await desk.changed("change")
    desk.allowed = frozenset({"U1"})
    await desk.dispatch({"type": "block_actions", "actions": [{"action_id": "undo", "block_id": "b", "value": "x"}]})

    ((message, to, reference),) = desk.told
    assert message.public is False
    assert reference in message.text
    assert to == Address("", "", "")


async def test_a_second_press_does_nothing_and_says_who_is_undoing(desk: Desk) -> None:
    await desk.changed("change")
    await desk.on_undo("change")

    assert "<@U2> is already undoing that." in await desk.on_undo("change", user={"id": "U1"})
    assert len(desk.entries) == 1


async def test_a_press_after_the_undo_says_who_undid_it(desk: Desk) -> None:
    await desk.changed("change")
    await desk.on_undo("change")
    (undo,) = desk.entries
    back = Changed(Opportunity("deal", "won"), Opportunity("deal", "open"))
    await desk.ledger.answer(undo.key, back, Message("", (), public=True))
    assert "already undid that (just now)." in await desk.on_undo("change")

    await desk.ledger.finish(undo.key, "response_url", "")
    assert "already undid that (<!date^" in await desk.on_undo("change")
    desk.request = Undo()
    assert "already undid that" in (await desk.on_command())[1]["text"]
    assert len(desk.entries) == 1


async def test_after_an_undo_that_failed_a_press_tries_again(desk: Desk) -> None:
    await desk.changed("change")
    await desk.on_undo("change")
    failed = Failed(Trouble(Cause.NO_CONNECTION), Effect.NOTHING)
    await desk.ledger.answer(desk.entries[0].key, failed, Message("", (), public=False))

    assert await desk.on_undo("change") == ""
    assert len(desk.entries) == 2


async def test_a_press_for_a_deleted_change_says_so(desk: Desk) -> None:
    assert "no longer on record" in await desk.on_undo("forgotten")


async def test_a_press_after_the_undo_window_says_so(desk: Desk) -> None:
    await desk.changed("change")
    desk.ledger.store.rows["change"].accepted -= timedelta(hours=25)

    text = await desk.on_undo("change")
    assert "for 24 hours, and that one is older" in text
    assert "Nothing changed." in text


async def test_a_press_after_undo_was_switched_off_says_so(desk: Desk) -> None:
    await desk.changed("change")
    desk.window = timedelta()

    assert "turned off here" in await desk.on_undo("change")


async def test_a_press_while_the_ledger_is_down_says_so(desk: Desk) -> None:
    desk.ledger.store.down = True

    assert "Nothing changed." in await desk.on_undo("change")


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
    assert "Nothing changed" in await desk.on_undo("nothing", **odd)
    assert desk.entries == []


# --- what is answered later, or in a form ---------------------------------------------------------------------------


async def test_whoami_answers_anyone_and_says_whether_they_may(desk: Desk) -> None:
    desk.request = WhoAmI()

    assert "`U1`" in (await desk.on_command())[1]["text"]
    assert "You don't have access" in (await desk.on_command(user_id="U3"))[1]["text"]


async def test_a_text_that_is_not_understood_is_answered_at_once(desk: Desk) -> None:
    desk.request = Misunderstood(Problem.UNKNOWN_STATUS, "wom")

    assert "`wom` isn't a status" in (await desk.on_command())[1]["text"]
    assert "You don't have access" in (await desk.on_command(user_id="U3"))[1]["text"]


async def test_a_card_is_sent_after_the_acknowledgement_to_where_the_command_was_typed(desk: Desk) -> None:
    desk.request = ShowDeal(DEAL)

    assert await desk.on_command() == (200, {})
    ((_, to, _),) = desk.questions
    assert to == Address("http://reply.example", "C1", "U1")
    (card,) = await desk.answers()
    assert card
    assert "New website" in card.text


async def test_the_empty_command_opens_the_form_with_its_origin(desk: Desk) -> None:
    desk.request = OpenForm()

    assert await desk.on_command() == (200, {})
    assert await desk.answers() == [None]
    ((trigger_id, view),) = desk.views.opened
    assert trigger_id == "1.2.3"
    assert view["private_metadata"] == '{"channel_id":"C1","response_url":"http://reply.example"}'


# --- several at once ------------------------------------------------------------------------------------------------


def _several(count: int, consent: Consent = Consent.PRESUMED) -> Change:
    return Change(tuple(Wish(f"deal-{number}", Status.WON, consent=consent) for number in range(count)))


async def test_a_batch_is_accepted_whole_and_each_command_started(desk: Desk) -> None:
    desk.request = _several(3)

    assert await desk.on_command() == (200, {})
    assert [entry.wish.consent for entry in desk.entries] == [Consent.PRESUMED] * 3
    assert [entry.key for entry in desk.entries] == ["1.2.3", "1.2.3#01", "1.2.3#02"]
    assert {entry.batch for entry in desk.entries} == {"1.2.3"}

    await desk.on_command()
    assert len(desk.entries) == 3


@pytest.mark.parametrize(
    ("count", "above", "asked", "becomes"),
    [
        (4, 3, Consent.PRESUMED, Consent.WANTED),
        (4, 3, Consent.PREVIEW, Consent.PREVIEW),
        (4, None, Consent.PRESUMED, Consent.PRESUMED),
        (1, 0, Consent.PRESUMED, Consent.WANTED),
    ],
)
async def test_a_large_batch_asks_for_confirmation_and_a_preview_stays_one(
    desk: Desk, count: int, above: int | None, asked: Consent, becomes: Consent
) -> None:
    desk.request, desk.confirm_above = _several(count, asked), above
    await desk.on_command()

    assert [entry.wish.consent for entry in desk.entries] == [becomes] * count


async def test_changes_of_a_batch_are_undone_together(desk: Desk) -> None:
    await desk.changed("change", deals=3)

    assert await desk.on_undo("change", trigger_id="press") == ""
    assert [entry.undoes for entry in desk.entries] == ["change", "change#01", "change#02"]
    assert {entry.batch for entry in desk.entries} == {"press"}
    assert "<@U2> is already undoing that." in await desk.on_undo("change", user={"id": "U1"})
    assert len(desk.entries) == 3


async def test_of_a_batch_only_the_changes_are_undone(desk: Desk) -> None:
    await desk.changed("change", deals=2)
    desk.ledger.store.rows["change"].outcome = AlreadySo(Opportunity("deal", "won"))
    desk.request = Undo()

    assert await desk.on_command() == (200, {})
    assert [entry.undoes for entry in desk.entries] == ["change#01"]


async def test_a_press_undoes_the_rest_of_a_batch_whose_undo_failed_in_part(desk: Desk) -> None:
    await desk.changed("change", deals=3)
    await desk.on_undo("change")
    failed = Failed(Trouble(Cause.NO_CONNECTION), Effect.NOTHING)
    await desk.ledger.answer(desk.entries[1].key, failed, Message("", (), public=False))
    desk.entries.clear()

    assert await desk.on_undo("change") == ""
    assert [entry.undoes for entry in desk.entries] == ["change#01"]


# --- questions ------------------------------------------------------------------------------------------------------

BY_NAME = Wish("", Status.WON, name="Acme", consent=Consent.PRESUMED)
TWO = Ambiguous((Opportunity("one", "open"), Opportunity("two", "open")), more=False)
SURE = Unconfirmed(Opportunity("deal", "won"))
LOST = Wish("deal", Status.LOST)
BECAME_LOST = Changed(Opportunity("deal", "open"), Opportunity("deal", "lost"))


async def test_a_choice_continues_the_command_with_the_chosen_deal(desk: Desk) -> None:
    await desk.asked(TWO, BY_NAME, note="at last")

    assert await desk.on_press("choose", "two asked", trigger_id="press") == ""
    (entry,) = desk.entries
    assert entry.wish == replace(BY_NAME, opportunity_id="two")
    assert (entry.key, entry.continues, entry.text, entry.note) == ("press", "asked", "as typed", "at last")
    assert (entry.message_ts, entry.caller) == ("", Caller("U2", "T1", "C1"))


async def test_an_answered_question_cannot_be_answered_again(desk: Desk) -> None:
    await desk.asked(TWO, BY_NAME)
    await desk.on_press("choose", "two asked")

    assert "already answered" in await desk.on_press("choose", "one asked")
    assert len(desk.entries) == 1


async def test_a_question_whose_answer_failed_can_be_answered_again(desk: Desk) -> None:
    await desk.asked(TWO, BY_NAME)
    await desk.on_press("choose", "two asked")
    failed = Failed(Trouble(Cause.NO_CONNECTION), Effect.NOTHING)
    await desk.ledger.answer(desk.entries[0].key, failed, Message("", (), public=False))

    assert await desk.on_press("choose", "one asked") == ""


async def test_a_choice_without_an_open_question_says_so(desk: Desk) -> None:
    await desk.changed("change")

    assert "already answered" in await desk.on_press("choose", "two change")


@pytest.mark.parametrize("outcome", [SURE, Previewed(Opportunity("deal", "won"))])
async def test_a_yes_continues_only_if_the_deal_is_still_as_shown(desk: Desk, outcome: Outcome) -> None:
    await desk.asked(outcome, LOST)

    assert await desk.on_press("confirm", "asked") == ""
    (entry,) = desk.entries
    assert entry.wish == replace(LOST, only_if="won", consent=Consent.GIVEN)
    assert entry.continues == "asked"
    assert "already answered" in await desk.on_press("confirm", "asked")
    assert len(desk.entries) == 1


async def test_a_yes_to_a_batch_continues_the_commands_that_asked(desk: Desk) -> None:
    await desk.asked(SURE, LOST, replace(LOST, opportunity_id="b"), replace(LOST, opportunity_id="c"))
    desk.ledger.store.rows["asked#01"].outcome = AlreadySo(Opportunity("b", "lost"))

    await desk.on_press("confirm", "asked", trigger_id="press")
    assert [entry.continues for entry in desk.entries] == ["asked", "asked#02"]
    assert [entry.key for entry in desk.entries] == ["press", "press#01"]


async def test_a_yes_without_an_open_question_says_so(desk: Desk) -> None:
    await desk.changed("change")

    assert "question has expired" in await desk.on_press("confirm", "change")
    assert desk.entries == []


async def test_a_reason_continues_the_command_that_asked_for_it(desk: Desk) -> None:
    await desk.asked(ReasonWanted(()), LOST)

    assert await desk.on_reason("asked") == ""
    (entry,) = desk.entries
    assert entry.wish == replace(LOST, lost_reason_id="price")
    assert entry.continues == "asked"
    assert "already answered" in await desk.on_reason("asked")


async def test_a_reason_continues_every_command_of_the_batch_that_asked(desk: Desk) -> None:
    await desk.asked(ReasonWanted(()), LOST, replace(LOST, opportunity_id="b"))
    await desk.on_reason("asked")

    assert [entry.wish.opportunity_id for entry in desk.entries] == ["deal", "b"]
    assert {entry.wish.lost_reason_id for entry in desk.entries} == {"price"}


async def test_a_reason_after_the_change_is_added_if_the_deal_is_still_lost(desk: Desk) -> None:
    await desk.asked(BECAME_LOST, LOST, replace(LOST, opportunity_id="b"), WISH)
    desk.ledger.store.rows["asked#02"].outcome = Changed(Opportunity("deal", "open"), Opportunity("deal", "won"))

    assert await desk.on_reason("asked", trigger_id="press") == ""
    assert await desk.on_reason("asked", trigger_id="press") == ""
    assert [entry.wish for entry in desk.entries] == [
        Wish(deal, Status.LOST, "price", only_if="lost", consent=Consent.GIVEN) for deal in ("deal", "b")
    ]
    assert [(entry.text, entry.continues) for entry in desk.entries] == [("as typed", None)] * 2


async def test_a_reason_for_a_deal_that_is_not_lost_says_so(desk: Desk) -> None:
    await desk.changed("change")

    assert "question has expired" in await desk.on_reason("change")


async def test_a_no_changes_nothing(desk: Desk) -> None:
    await desk.asked(SURE, LOST)

    assert await desk.on_press("dismiss", "asked") == ""
    assert desk.entries == []


async def test_a_no_removes_the_question(desk: Desk) -> None:
    await desk.on_press("dismiss", "asked")

    (pressed,) = desk.outbox.removed
    assert (pressed.response_url, pressed.message_ts) == ("http://press.example", "17.1")


# --- a deal's card --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["open", "won", "lost", "abandoned"])
@pytest.mark.parametrize("consent", ["presumed", "given"])
async def test_a_press_on_a_card_sets_the_status(desk: Desk, status: str, consent: str) -> None:
    assert await desk.on_press(f"set_{status}", f"deal {status} {consent}", trigger_id="press") == ""
    assert await desk.on_press(f"set_{status}", f"deal {status} {consent}", trigger_id="press") == ""

    (entry,) = desk.entries
    assert entry.wish == Wish("deal", Status(status), consent=Consent(consent))
    assert (entry.key, entry.text, entry.message_ts) == ("press", f"deal {status}", "")


@pytest.mark.parametrize("value", ["", "deal won", "deal all given", "deal won wanted", " won given", "a won given -"])
async def test_an_odd_press_on_a_card_sets_nothing(desk: Desk, value: str) -> None:
    assert "question has expired" in await desk.on_press("set_won", value)
    assert desk.entries == []


async def test_a_card_is_shown_to_the_person_who_asks(desk: Desk) -> None:
    assert await desk.on_press("show", DEAL) == ""

    ((_, to, _),) = desk.questions
    assert to == Address("http://press.example", "C1", "U2", "17.1")
    (card,) = await desk.answers()
    assert card
    assert (card.public, "New website" in card.text) == (False, True)


async def test_a_shared_card_names_the_person_who_shares_it(desk: Desk) -> None:
    assert await desk.on_press("share", DEAL) == ""

    (card,) = await desk.answers()
    assert card
    assert card.public
    assert "<@U2> shared a deal" in card.text


@pytest.mark.parametrize("action", ["show", "share"])
async def test_a_button_without_a_deal_shows_no_card(desk: Desk, action: str) -> None:
    desk.crm.matches = Matches((desk.crm.deal,), more=False)

    assert "question has expired" in await desk.on_press(action, "")
    assert desk.questions == []


async def test_a_failed_command_that_is_no_longer_on_record_is_not_run_once_more(desk: Desk) -> None:
    assert "no longer on record" in await desk.on_press("retry", "forgotten")
    assert desk.entries == []


async def test_a_command_that_was_not_accepted_is_answered_once_more_in_place_of_the_refusal(desk: Desk) -> None:
    desk.ledger.store.down = True
    _, refused = await desk.on_command(text="deal won")
    button = next(block for block in refused["blocks"] if block["type"] == "actions")["elements"][0]
    assert (button["action_id"], button["value"]) == ("again", "deal won")

    desk.ledger.store.down = False
    container = {"container": {"type": "message", "message_ts": "17.1", "channel_id": "C1", "is_ephemeral": True}}
    assert await desk.on_press("again", button["value"], **container) == ""
    (entry,) = desk.entries
    assert (entry.text, entry.message_ts, entry.asked_privately) == ("deal won", "", True)


@pytest.mark.parametrize("is_ephemeral", [True, False])
async def test_an_answer_that_comes_at_once_takes_the_place_of_what_only_the_person_sees(
    desk: Desk, *, is_ephemeral: bool
) -> None:
    desk.request = Misunderstood(Problem.UNKNOWN_STATUS, "wom")
    where = {"type": "message", "message_ts": "17.1", "channel_id": "C1", "is_ephemeral": is_ephemeral}
    seen: list[bool] = []
    desk.outbox.tell = lambda message, *_: seen.append(message.replaces)  # type: ignore[method-assign]
    await desk.on_press("again", "deal wom", container=where)

    assert seen == [is_ephemeral]


async def _picks(desk: Desk, value: str, **body: Any) -> str:  # noqa: ANN401 - any part of what Slack sends
    """Choose an option behind the three dots of a card."""
    return await desk.on_press("more", {"type": "overflow", "selected_option": {"value": value}}, **body)


async def test_a_choice_from_a_cards_menu_is_what_its_button_would_be(desk: Desk) -> None:
    assert await _picks(desk, f"set {DEAL} abandoned presumed") == ""
    assert await _picks(desk, f"share {DEAL}") == ""
    assert await _picks(desk, "link deal") == ""

    (entry,) = desk.entries
    assert entry.wish == Wish(DEAL, Status.ABANDONED)
    (card,) = await desk.answers()
    assert card
    assert card.public


async def test_a_search_goes_on_in_the_form_and_the_question_goes(desk: Desk) -> None:
    desk.crm.reasons = (LostReason("price", "Price"),)
    assert await desk.on_press("search_form", "lost - new web site", trigger_id="press") == ""

    assert await desk.answers() == [None]
    ((trigger_id, view),) = desk.views.opened
    deal, status, reason = view["blocks"][:3]
    assert trigger_id == "press"
    assert deal["element"]["placeholder"]["text"] == "new web site"
    assert deal["element"]["min_query_length"] == 0
    assert status["element"]["initial_option"]["value"] == "lost"
    assert reason["block_id"] == "reason"
    assert [to.message_ts for to in desk.outbox.removed] == ["17.1"]


async def test_a_person_who_only_looked_opens_a_form_without_a_status(desk: Desk) -> None:
    await desk.on_press("search_form", "- PARIS new website")
    await desk.answers()

    ((_, view),) = desk.views.opened
    assert "initial_option" not in view["blocks"][1]["element"]
    assert '"location_id":"PARIS"' in view["private_metadata"]


async def test_the_buttons_of_the_help_open_the_form_and_tell_of_access(desk: Desk) -> None:
    assert await desk.on_press("open_form", "form") == ""
    assert await desk.answers() == [None]
    assert len(desk.views.opened) == 1
    assert "You can change deals here." in await desk.on_press("whoami", "whoami")
    assert "have access" in await desk.on_press("whoami", "whoami", user={"id": "U3", "team_id": "T1"})


async def test_a_pressed_link_does_nothing(desk: Desk) -> None:
    assert await desk.on_press("link", "", user={"id": "U3", "team_id": "T1"}) == ""
    assert desk.ledger.store.rows == {}


# --- who presses ----------------------------------------------------------------------------------------------------

PRESSES = ["undo", "choose", "confirm", "reason", "set_won", "show", "share", "dismiss", "retry", "again"]
PRESSES += ["more", "search_form", "open_form"]


@pytest.mark.parametrize("action", PRESSES)
async def test_every_press_is_authorized(desk: Desk, action: str) -> None:
    await desk.asked(SURE, LOST)

    for stranger in ({"user": {"id": "U3"}}, {"team": {"id": "T2"}}):
        assert await desk.on_press(action, "asked", block_id="asked", **stranger)
    desk.channels = frozenset({"C2"})
    assert "can't change deals from this channel" in await desk.on_press(action, "asked")
    desk.channels, desk.allowed = frozenset(), frozenset()
    assert "No one can change deals" in await desk.on_press(action, "asked")
    assert (desk.entries, desk.questions) == ([], [])


@pytest.mark.parametrize("action", ["choose", "confirm", "reason"])
async def test_an_answer_to_a_deleted_question_says_so(desk: Desk, action: str) -> None:
    text = await desk.on_press(action, {"value": "two forgotten", "block_id": "forgotten"})

    assert "question has expired" in text
    assert desk.entries == []


@pytest.mark.parametrize("action", ["undo", "choose", "confirm", "reason", "set_won"])
async def test_an_answer_that_cannot_be_accepted_says_so(desk: Desk, action: str) -> None:
    desk.ledger.store.down = True

    assert "Nothing changed." in await desk.on_press(action, "deal won given")
    assert desk.entries == []


async def test_several_reads_of_a_slow_ledger_share_the_time_that_slack_waits(desk: Desk) -> None:
    class Slow(MemoryLedger):
        async def find(self, key: str) -> Record | None:
            await asyncio.sleep(0.15)
            return await super().find(key)

        async def of_batch(self, batch: str) -> list[Record]:
            await asyncio.sleep(0.15)
            return await super().of_batch(batch)

    desk.ledger, desk.within = Slow(), 0.4
    await desk.changed("change", deals=2)

    assert "Can't look that up right now." in await desk.on_undo("change")
    assert "Can't look that up right now." in await desk.on_press("confirm", "change")


async def test_a_card_that_cannot_be_read_says_why(desk: Desk) -> None:
    desk.crm.finding.append(error(Cause.NO_ANSWER))
    await desk.on_press("show", DEAL)

    (message,) = await desk.answers()
    assert message
    assert "HighLevel didn't respond in time" in message.text


# --- only for admins ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [ShowHistory(user_id="U2"), ShowHistory(everybody=True)])
async def test_only_admins_see_other_peoples_history(desk: Desk, asked: ShowHistory) -> None:
    await desk.changed("change", user="U2")
    desk.request = asked

    assert "Only admins can do that" in (await desk.on_command())[1]["text"]
    desk.admins = ("U1",)
    assert "open → won" in (await desk.on_command())[1]["text"]


async def test_a_person_sees_their_own_history_by_their_name_too(desk: Desk) -> None:
    await desk.changed("change", user="U1")
    desk.request = ShowHistory(user_id="U1")

    assert "Last change by <@U1>" in (await desk.on_command())[1]["text"]


async def test_an_admin_can_undo_any_change(desk: Desk) -> None:
    await desk.changed("change", user="U1")
    desk.allowed, desk.admins = frozenset(), ("U0KIM",)

    assert await desk.on_undo("change", user={"id": "U0KIM", "team_id": "T1"}) == ""
    assert [entry.undoes for entry in desk.entries] == ["change"]


# --- several sub-accounts -------------------------------------------------------------------------------------------


def _desk_with_paris(**more: Any) -> Desk:  # noqa: ANN401 - any part of a desk
    return Desk(locations=Locations("L", {"PARIS": "Paris"}), admins=("U1",), **more)


async def test_a_command_works_in_the_links_sub_account_or_else_the_channels() -> None:
    desk = _desk_with_paris(bindings=MemoryBindings({"C1": "PARIS"}))
    desk.request = Change((Wish("one", Status.WON), Wish("two", Status.WON, location_id="L")))
    await desk.on_command()

    assert [entry.wish.location_id for entry in desk.entries] == ["PARIS", "L"]


async def test_no_command_is_accepted_while_the_channels_sub_account_is_unknown() -> None:
    desk = _desk_with_paris(bindings=MemoryBindings(down=True))
    _, answer = await desk.on_command()

    assert "Nothing changed" in answer["text"] or "nothing was changed" in answer["text"]
    assert desk.entries == []


async def test_an_admin_sets_and_resets_a_channels_sub_account() -> None:
    desk = _desk_with_paris(request=UseLocation("paris"))
    _, told = await desk.on_command()
    assert "Paris" in told["text"]
    assert desk.bindings.bound == {"C1": "PARIS"}

    desk.request = UseLocation("L")
    await desk.on_command()
    assert desk.bindings.bound == {}


async def test_only_an_admin_sets_a_channels_sub_account() -> None:
    desk = _desk_with_paris(request=UseLocation("paris"))
    _, told = await desk.on_command(user_id="U2")

    assert "admin" in told["text"]
    assert desk.bindings.bound == {}


async def test_a_sub_account_that_could_not_be_set_is_reported() -> None:
    desk = _desk_with_paris(request=UseLocation("paris"), bindings=MemoryBindings(down=True))
    _, told = await desk.on_command()

    assert "isn't clear whether your command was saved" in told["text"] or "can't save its records" in told["text"]


async def test_a_press_on_a_card_works_in_the_cards_sub_account() -> None:
    desk = _desk_with_paris()
    await desk.on_press("set_won", "deal won given PARIS")

    assert desk.entries[0].wish == Wish("deal", Status.WON, consent=Consent.GIVEN, location_id="PARIS")


# --- mute -----------------------------------------------------------------------------------------------------------


def _announcing(**more: Any) -> Desk:  # noqa: ANN401 - any of a desk's
    return _desk_with_paris(announcing=frozenset({"C1"}), **more)


async def test_an_admin_mutes_and_unmutes_changes_made_in_highlevel() -> None:
    desk = _announcing(request=Mute(timedelta(hours=2)))
    _, told = await desk.on_command()
    assert "muted changes made in HighLevel here for 2 hours" in told["text"]
    assert desk.mutes.muted == {"C1": 7200.0}

    desk.request = Mute(timedelta())
    _, told = await desk.on_command()
    assert "unmuted changes made in HighLevel" in told["text"]
    assert desk.mutes.muted == {"C1": 0.0}


async def test_only_an_admin_mutes_them() -> None:
    desk = _announcing(request=Mute(timedelta(hours=2)))
    _, told = await desk.on_command(user_id="U2")

    assert "admin" in told["text"]
    assert desk.mutes.muted == {}


async def test_where_none_are_posted_there_is_nothing_to_mute() -> None:
    desk = _desk_with_paris(request=Mute(timedelta(hours=2)))
    _, told = await desk.on_command()

    assert "nothing to mute" in told["text"]
    assert desk.mutes.muted == {}


async def test_a_channel_that_could_not_be_muted_is_reported() -> None:
    desk = _announcing(request=Mute(timedelta(hours=2)), mutes=MemoryMutes(down=True))
    _, told = await desk.on_command()

    assert "unmute" not in told["text"]
    assert desk.mutes.muted == {}
