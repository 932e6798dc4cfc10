from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.access.rules import Caller
from bot.commands.followups import (
    CannotUndo,
    Continuation,
    NoQuestion,
    Undoing,
    ask_owner,
    carry_out_anyway,
    change_as_asked,
    choose,
    confirm,
    corrected,
    give_reason,
    may_correct,
    retry,
    undo,
)
from bot.commands.record import Origin, Record, UndoRefusal
from bot.deals.deal import Opportunity, Status
from bot.deals.outcome import AlreadySo, Cause, Changed, Effect, Outcome, Result
from bot.deals.wish import Consent, Wish
from tests.memory import CHANGE, entry

ORIGIN = Origin("1.2.3", "REF", Caller("U2", "T1", "C1"), "pressed", "https://press.example", "17.1")
DAY = timedelta(hours=24)
QUESTION = replace(
    CHANGE, key="asked", outcome=Result.UNCONFIRMED, status="won", before="open", after="open", note="why"
)


def _undo(*changes: Record, window: timedelta = DAY) -> Undoing | CannotUndo:
    return undo(changes, window, CHANGE.at + timedelta(hours=1))


def test_an_undo_names_the_change_and_restores_the_earlier_status() -> None:
    undoing = _undo(replace(CHANGE, key="a"), replace(CHANGE, key="b"))

    assert isinstance(undoing, Undoing)
    entries = undoing.entries(ORIGIN)
    assert [entry.undoes for entry in entries] == ["a", "b"]
    assert {entry.wish.status.value for entry in entries} == {CHANGE.before}
    assert {entry.wish.only_if for entry in entries} == {CHANGE.after}


def test_a_private_result_stays_until_it_is_undone() -> None:
    undoing = _undo(CHANGE)

    assert isinstance(undoing, Undoing)
    assert [entry.asked_privately for entry in undoing.entries(replace(ORIGIN, is_ephemeral=True))] == [False]


@pytest.mark.parametrize("is_ephemeral", [False, True])
def test_an_answer_knows_whether_others_see_the_question(is_ephemeral: bool) -> None:
    answered = confirm(replace(ORIGIN, is_ephemeral=is_ephemeral), [QUESTION])

    assert isinstance(answered, Continuation)
    assert [entry.asked_privately for entry in answered.entries] == [is_ephemeral]


def test_of_a_batch_only_what_can_be_undone_is_undone() -> None:
    failed = replace(CHANGE, key="b", outcome=Cause.NOT_FOUND, effect=Effect.NOTHING, before=None, after=None)
    undoing = _undo(replace(CHANGE, key="a", batch="a"), replace(failed, batch="a"))

    assert isinstance(undoing, Undoing)
    (entry,) = undoing.entries(ORIGIN)
    assert (entry.undoes, entry.batch) == ("a", ORIGIN.key)


@pytest.mark.parametrize("late", [0, 1])
def test_while_one_of_several_is_under_way_none_is_undone(late: int) -> None:
    changes = [replace(CHANGE, key=key, batch="a") for key in ("a", "b")]
    changes[late] = replace(changes[late], outcome=None, after=None)

    assert _undo(*changes) == CannotUndo(UndoRefusal.NOT_DONE, changes[late])
    assert _undo(*changes, window=timedelta(0)) == CannotUndo(UndoRefusal.SWITCHED_OFF, changes[0])


def test_if_nothing_can_be_undone_the_first_change_says_why() -> None:
    assert _undo(CHANGE, window=timedelta(0)) == CannotUndo(UndoRefusal.SWITCHED_OFF, CHANGE)


def test_changes_that_other_commands_undo_are_left_to_them() -> None:
    first, second = replace(CHANGE, key="a"), replace(CHANGE, key="b")
    undoing = _undo(first, second)
    assert isinstance(undoing, Undoing)
    running, done = replace(CHANGE, outcome=None), replace(CHANGE, outcome=Result.CHANGED)

    left = undoing.without([running, None])
    assert isinstance(left, Undoing)
    assert [change for change, _ in left.changes] == [second]
    assert undoing.without([running, running]) == CannotUndo(UndoRefusal.UNDER_WAY, first, running)
    assert undoing.without([done, running]) == CannotUndo(UndoRefusal.DONE, first, done)
    assert undoing.refused([None, None]) == CannotUndo(UndoRefusal.UNDER_WAY, first, None)


def test_a_yes_continues_with_the_text_and_note_of_the_question() -> None:
    found = confirm(ORIGIN, [QUESTION, replace(QUESTION, key="other", note=None, public=False)])

    assert isinstance(found, Continuation)
    first, second = found.entries
    assert (first.continues, first.text, first.note, first.public) == ("asked", QUESTION.text, "why", QUESTION.public)
    assert (second.continues, second.note, second.public) == ("other", "", False)
    assert (first.key, second.key, second.batch, first.message_ts) == ("1.2.3", "1.2.3#01", "1.2.3", "")
    assert (first.wish.only_if, first.wish.consent, found.question) == ("open", Consent.GIVEN, QUESTION)


@pytest.mark.parametrize("consent", [Consent.PRESUMED, Consent.WANTED])
def test_a_deal_that_was_chosen_as_it_was_shown_is_changed_without_another_question(consent: Consent) -> None:
    question = replace(QUESTION, outcome=Result.AMBIGUOUS, opportunity_id="", consent=consent)
    found = choose(ORIGIN, question, "chosen", "lost")

    assert isinstance(found, Continuation)
    (wish,) = [entry.wish for entry in found.entries]
    assert (wish.opportunity_id, wish.consent, wish.only_if) == ("chosen", Consent.CHOSEN, "lost")


@pytest.mark.parametrize(("consent", "seen"), [(Consent.PREVIEW, "lost"), (Consent.PRESUMED, "")])
def test_a_preview_stays_one_and_a_choice_among_open_deals_agrees_to_nothing_more(consent: Consent, seen: str) -> None:
    question = replace(QUESTION, outcome=Result.AMBIGUOUS, opportunity_id="", consent=consent)
    found = choose(ORIGIN, question, "chosen", seen)

    assert isinstance(found, Continuation)
    (wish,) = [entry.wish for entry in found.entries]
    assert (wish.consent, wish.only_if) == (consent, None)


def test_a_yes_without_a_question_is_no_answer() -> None:
    assert confirm(ORIGIN, [CHANGE]) == NoQuestion()


def test_a_choice_continues_with_the_chosen_deal() -> None:
    question = replace(QUESTION, outcome=Result.AMBIGUOUS, opportunity_id="", called="Acme", consent=Consent.PRESUMED)
    found = choose(ORIGIN, question, "deal-2")

    assert isinstance(found, Continuation)
    assert [entry.wish.opportunity_id for entry in found.entries] == ["deal-2"]
    assert choose(ORIGIN, None, "deal-2") == NoQuestion()
    assert choose(ORIGIN, CHANGE, "deal-2") == NoQuestion(CHANGE)


def test_a_reason_continues_the_commands_that_asked_for_one() -> None:
    question = replace(QUESTION, outcome=Result.REASON_WANTED, status="lost", consent=Consent.PRESUMED)
    found = give_reason(ORIGIN, [question, CHANGE], "price")

    assert isinstance(found, Continuation)
    assert [(entry.continues, entry.wish.lost_reason_id) for entry in found.entries] == [("asked", "price")]


def test_a_reason_is_added_to_a_deal_that_is_lost_already() -> None:
    lost = replace(CHANGE, status="lost", before="open", after="lost")
    found = give_reason(ORIGIN, [lost], "price")

    assert isinstance(found, Continuation)
    (entry,) = found.entries
    assert (entry.continues, entry.wish.status, entry.wish.only_if) == (None, Status.LOST, "lost")
    assert (entry.wish.lost_reason_id, entry.text, found.question) == ("price", lost.text, None)
    assert give_reason(ORIGIN, [CHANGE], "price") == NoQuestion()


FAILED = replace(
    CHANGE,
    key="failed",
    outcome=Cause.SERVER_ERROR,
    effect=Effect.NOTHING,
    after=None,
    name=None,
    note="why",
    called="acme",
    reason="dear",
    only_if="open",
    consent=Consent.PRESUMED,
)


def test_a_failed_command_runs_once_more_as_it_was_asked_for() -> None:
    again = retry(ORIGIN, [FAILED])

    assert isinstance(again, Continuation)
    (entry,) = again.entries
    assert (entry.key, entry.continues, entry.text, entry.note) == (ORIGIN.key, "failed", FAILED.text, "why")
    assert (entry.wish.opportunity_id, entry.wish.name, entry.wish.status) == (CHANGE.opportunity_id, "acme", "won")
    assert (entry.wish.only_if, entry.wish.reason, entry.wish.consent) == ("open", "dear", Consent.PRESUMED)


def test_of_several_only_those_run_once_more_that_failed_and_changed_nothing() -> None:
    unsure = replace(FAILED, key="unsure", effect=Effect.UNKNOWN)
    again = retry(ORIGIN, [CHANGE, unsure, FAILED, replace(FAILED, key="other")])

    assert isinstance(again, Continuation)
    assert [entry.continues for entry in again.entries] == ["failed", "other"]
    assert retry(ORIGIN, [CHANGE, unsure]) == NoQuestion(CHANGE)
    assert retry(ORIGIN, []) == NoQuestion()


@pytest.mark.parametrize(
    ("continues", "only_if", "consent"),
    [(None, None, Consent.PRESUMED), ("asked", None, Consent.GIVEN), (None, "lost", Consent.GIVEN)],
)
def test_a_consent_given_on_a_card_is_for_the_deal_as_it_was_then(
    continues: str | None, only_if: str | None, consent: Consent
) -> None:
    again = retry(ORIGIN, [replace(FAILED, consent=Consent.GIVEN, continues=continues, only_if=only_if)])

    assert isinstance(again, Continuation)
    assert [entry.wish.consent for entry in again.entries] == [consent]


# --- what amends an earlier change -----------------------------------------------------------------------------------

LATER = replace(CHANGE, key="later", at=CHANGE.at + timedelta(minutes=5), outcome=None, before=None, after=None)
LOSES = replace(entry("later"), wish=Wish("deal", Status.LOST))
WON, LOST = (Opportunity("deal", status) for status in ("won", "lost"))
TEN_MINUTES = timedelta(minutes=10)


def _corrected(*commands: Record, before: str = "won") -> Record | None:
    return corrected("later", before, commands, TEN_MINUTES)


@pytest.mark.parametrize("batch", [None, "a"])
def test_a_reason_for_a_loss_amends_the_loss_and_is_as_public(batch: str | None) -> None:
    lost = replace(CHANGE, status="lost", after="lost", public=False, batch=batch)
    found = give_reason(ORIGIN, [lost], "price")

    assert isinstance(found, Continuation)
    (only,) = found.entries
    assert (only.amends, only.continues, only.public, only.message_ts) == (CHANGE.key, None, False, "")
    assert only.batch == (ORIGIN.key if batch else None)


def test_an_undo_is_as_public_as_what_it_undoes() -> None:
    undoing = _undo(replace(CHANGE, public=False))

    assert isinstance(undoing, Undoing)
    assert [each.public for each in undoing.entries(ORIGIN)] == [False]


def test_a_change_corrects_the_callers_last_one_of_the_deal() -> None:
    question = replace(CHANGE, key="question", outcome=Result.UNCONFIRMED, after="won", before="won")

    assert _corrected(LATER, question, CHANGE) == CHANGE
    assert _corrected(replace(LATER, at=CHANGE.at + TEN_MINUTES), CHANGE) == CHANGE


@pytest.mark.parametrize(
    ("fields", "before"),
    [
        ({"user_id": "U2"}, "won"),
        ({"channel_id": "C2"}, "won"),
        ({"public": False}, "won"),
        ({"batch": "a"}, "won"),
        ({"undoes": "another"}, "won"),
        ({"at": CHANGE.at - timedelta(minutes=5, seconds=1)}, "won"),
        ({"outcome": Result.ALREADY_SO}, "won"),
        ({}, "lost"),
    ],
)
def test_any_other_change_corrects_nothing(fields: dict[str, Any], before: str) -> None:
    assert _corrected(LATER, replace(CHANGE, **fields), before=before) is None


def test_a_change_that_is_not_known_any_more_corrects_nothing() -> None:
    assert _corrected(CHANGE) is None
    assert _corrected(LATER) is None


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({"undoes": "change"}, Changed(WON, LOST)),
        ({"amends": "change"}, Changed(WON, LOST)),
        ({"batch": "later"}, Changed(WON, LOST)),
        ({"public": False}, Changed(WON, LOST)),
        ({}, AlreadySo(LOST)),
        ({}, Changed(LOST, LOST)),
    ],
)
def test_only_a_public_change_of_one_deal_is_worth_a_look(fields: dict[str, Any], outcome: Outcome) -> None:
    assert may_correct(LOSES, Changed(WON, LOST))
    assert not may_correct(replace(LOSES, **fields), outcome)


STOPPED = replace(
    CHANGE,
    key="undo",
    undoes="key",
    outcome=Result.OVERTAKEN,
    status="lost",
    before="open",
    after="open",
    lost_reason_id="price",
    consent=Consent.GIVEN,
    only_if="won",
    user_id="U2",
)


def test_an_undo_that_stopped_is_carried_out_anyway_and_amends_what_it_was_to_undo() -> None:
    found = carry_out_anyway(ORIGIN, STOPPED)

    assert isinstance(found, Continuation)
    (only,) = found.entries
    assert (only.amends, only.undoes, only.continues, only.message_ts) == ("key", None, "undo", "")
    assert (only.wish.opportunity_id, only.wish.status, only.wish.lost_reason_id) == ("deal", "lost", "price")
    assert (only.wish.only_if, only.wish.consent, only.needs_sharing_consent) == (None, Consent.GIVEN, False)


@pytest.mark.parametrize(
    "undo", [None, CHANGE, replace(STOPPED, outcome=Result.CHANGED), replace(STOPPED, undoes=None)]
)
def test_only_an_undo_that_stopped_is_carried_out_anyway(undo: Record | None) -> None:
    assert carry_out_anyway(ORIGIN, undo) == NoQuestion(undo)


# --- asking the owner ----------------------------------------------------------------------------------------------

WITHHELD = replace(
    CHANGE, outcome=Result.NOT_YOURS, user_id="U2", after="open", deal_owner="U0BEN", consent=Consent.PRESUMED
)
ASKED = replace(WITHHELD, key="asks", outcome=Result.ASKED_OWNER, note="They signed.")


def test_the_owners_of_what_was_withheld_are_asked() -> None:
    others = [replace(WITHHELD, key=key) for key in ("a", "b")]
    asking = ask_owner(ORIGIN, [CHANGE, *others, replace(WITHHELD, deal_owner=None)])

    assert isinstance(asking, Continuation)
    assert [entry.continues for entry in asking.entries] == ["a", "b"]
    assert {entry.wish.consent for entry in asking.entries} == {Consent.ASK_OWNER}


@pytest.mark.parametrize(
    "refused", [[], [CHANGE], [replace(WITHHELD, deal_owner=None)], [replace(WITHHELD, user_id="U3")]]
)
def test_without_an_owner_or_for_another_person_no_one_is_asked(refused: list[Record]) -> None:
    assert ask_owner(ORIGIN, refused) == NoQuestion(refused[0] if refused else None)


def test_the_owners_yes_is_their_own_change_of_the_deal_as_they_saw_it() -> None:
    origin = replace(ORIGIN, caller=Caller("U0BEN", "T1", "C1"))
    answered = change_as_asked(origin, ASKED)

    assert isinstance(answered, Continuation)
    (entry,) = answered.entries
    assert (entry.caller.user_id, entry.continues, entry.note) == ("U0BEN", "asks", "They signed.")
    assert (entry.wish.status, entry.wish.only_if, entry.wish.consent) == (Status.WON, "open", Consent.CHOSEN)
    assert entry.needs_sharing_consent


@pytest.mark.parametrize("asked", [None, WITHHELD, replace(ASKED, deal_owner="U0EVE")])
def test_no_one_else_says_yes_and_only_to_a_question(asked: Record | None) -> None:
    assert change_as_asked(replace(ORIGIN, caller=Caller("U0BEN", "T1", "C1")), asked) == NoQuestion(asked)
