from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.commands.followups import undo_of
from bot.commands.record import UndoRefusal, Unfamiliar
from bot.deals.deal import Status
from bot.deals.outcome import Cause, Effect, Result
from bot.deals.wish import Consent, Wish
from tests.memory import CHANGE, entry

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DAY = timedelta(hours=24)


def test_an_undo_asks_for_the_status_before_if_the_deal_still_has_the_one_that_was_set() -> None:
    assert undo_of(CHANGE, DAY, NOW) == Wish("deal", Status.OPEN, only_if="won", consent=Consent.GIVEN)


def test_an_undo_restores_the_lost_reason() -> None:
    lost = replace(CHANGE, before="lost", before_lost_reason_id="reason")

    assert undo_of(lost, DAY, NOW) == Wish(
        "deal", Status.LOST, lost_reason_id="reason", only_if="won", consent=Consent.GIVEN
    )


def test_an_undo_sends_no_lost_reason_for_a_deal_that_was_open() -> None:
    assert undo_of(replace(CHANGE, before_lost_reason_id="old"), DAY, NOW) == Wish(
        "deal", Status.OPEN, only_if="won", consent=Consent.GIVEN
    )


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"outcome": Result.ALREADY_SO}, UndoRefusal.NO_CHANGE),
        ({"outcome": Cause.NO_ANSWER}, UndoRefusal.NO_CHANGE),
        ({"outcome": None}, UndoRefusal.NOT_DONE),
        ({"outcome": Cause.NO_ANSWER, "effect": Effect.UNKNOWN}, UndoRefusal.UNSURE),
        ({"outcome": Unfamiliar("snoozed")}, UndoRefusal.UNSURE),
        ({"effect": Unfamiliar("in_part")}, UndoRefusal.UNSURE),
        ({"before": "won"}, UndoRefusal.NO_CHANGE),
        ({"undoes": "another"}, UndoRefusal.NO_CHANGE),
        ({"at": NOW - timedelta(hours=24, seconds=1)}, UndoRefusal.TOO_OLD),
        ({"before": "on hold"}, UndoRefusal.NO_STATUS),
        ({"before": "all"}, UndoRefusal.NO_STATUS),
        ({"before": None}, UndoRefusal.NO_STATUS),
    ],
)
def test_a_command_that_cannot_be_undone_says_why(fields: dict[str, Any], refusal: UndoRefusal) -> None:
    assert undo_of(replace(CHANGE, **fields), DAY, NOW) is refusal


def test_nothing_can_be_undone_where_undo_is_switched_off() -> None:
    assert undo_of(CHANGE, timedelta(), NOW) is UndoRefusal.SWITCHED_OFF


def test_an_added_lost_reason_is_no_change_of_the_status() -> None:
    assert CHANGE.changed is True
    assert replace(CHANGE, before="lost", after="lost").changed is False
    assert replace(CHANGE, outcome=Result.ALREADY_SO).changed is False


# --- going on -------------------------------------------------------------------------------------------------------

QUESTION = replace(
    CHANGE,
    opportunity_id="",
    status="lost",
    before=None,
    after=None,
    outcome=Result.AMBIGUOUS,
    name=None,
    called="website",
    reason="price",
    consent=Consent.PRESUMED,
)


@pytest.mark.parametrize(
    ("outcome", "is_open"),
    [
        (Result.AMBIGUOUS, True),
        (Result.REASON_WANTED, True),
        (Result.UNCONFIRMED, True),
        (Result.PREVIEWED, True),
        (Result.CHANGED, False),
        (Cause.NO_MATCH, False),
        (Unfamiliar("snoozed"), False),
        (None, False),
    ],
)
def test_a_command_that_needs_an_answer_is_an_open_question(
    outcome: Result | Cause | Unfamiliar | None, *, is_open: bool
) -> None:
    assert replace(CHANGE, outcome=outcome).open_question is is_open


@pytest.mark.parametrize("consent", Consent)
def test_a_command_goes_on_as_it_was_with_the_deal_that_the_caller_chose(consent: Consent) -> None:
    question = replace(QUESTION, consent=consent)

    assert question.continued("chosen") == Wish("chosen", Status.LOST, name="website", reason="price", consent=consent)


def test_a_command_whose_consent_a_later_version_wrote_asks_before_it_changes_anything() -> None:
    question = replace(QUESTION, consent=Unfamiliar("delegated"))

    assert question.continued("chosen").consent is Consent.WANTED


def test_a_command_goes_on_about_the_deal_it_had_found_with_the_reason_that_the_caller_chose() -> None:
    question = replace(QUESTION, outcome=Result.REASON_WANTED, opportunity_id="found", called=None, reason=None)

    assert question.continued(lost_reason_id="why") == Wish("found", Status.LOST, lost_reason_id="why")
    assert replace(question, lost_reason_id="old").continued("other").lost_reason_id == "old"


def test_a_reason_that_is_asked_for_leaves_it_that_the_deal_must_be_as_it_was_seen() -> None:
    question = replace(QUESTION, outcome=Result.REASON_WANTED, consent=Consent.CHOSEN, only_if="won")

    wish = question.continued(lost_reason_id="why")
    assert (wish.consent, wish.only_if) == (Consent.CHOSEN, "won")


def test_a_change_gives_its_wish_again_so_that_a_reason_can_be_added() -> None:
    lost = replace(CHANGE, status="lost", after="lost")
    wish = Wish("deal", Status.LOST, "why", name="New website", consent=Consent.GIVEN)

    assert lost.continued(lost_reason_id="why") == wish


@pytest.mark.parametrize("outcome", [Result.UNCONFIRMED, Result.PREVIEWED])
def test_a_caller_who_was_shown_a_deal_agrees_to_what_they_saw_and_is_not_asked_again(outcome: Result) -> None:
    question = replace(QUESTION, outcome=outcome, opportunity_id="found", before="won", lost_reason_id="why")

    assert question.continued() == Wish("found", Status.LOST, "why", "won", "website", "price", Consent.GIVEN)


# --- whether the caller must be asked about sharing -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("consent", "needed", "as_an_answer"),
    [
        (Consent.PRESUMED, True, True),
        (Consent.WANTED, True, True),
        (Consent.CHOSEN, True, True),
        (Consent.GIVEN, True, False),
        (Consent.PREVIEW, False, False),
        (Consent.SHARED, False, False),
    ],
)
def test_a_command_needs_consent_to_sharing_until_its_caller_gave_it(
    consent: Consent, *, needed: bool, as_an_answer: bool
) -> None:
    asked = replace(entry("a"), wish=replace(entry("a").wish, consent=consent))

    assert asked.needs_sharing_consent is needed
    assert replace(asked, continues="question").needs_sharing_consent is as_an_answer


def test_a_private_command_and_one_that_belongs_to_an_earlier_change_need_no_consent_to_sharing() -> None:
    asked = entry("a")

    assert not replace(asked, public=False).needs_sharing_consent
    assert not replace(asked, undoes="change").needs_sharing_consent
    assert not replace(asked, wish=replace(asked.wish, only_if="lost")).needs_sharing_consent


def test_a_command_given_in_the_home_tab_which_no_channel_sees_needs_no_consent_to_sharing() -> None:
    at_home = replace(entry("a"), caller=replace(entry("a").caller, channel_id=""))

    assert (at_home.is_from_home, at_home.needs_sharing_consent) == (True, False)
    assert not entry("a").is_from_home
    assert not replace(at_home, caller=replace(at_home.caller, user_id="")).is_from_home


def test_a_deal_that_was_chosen_as_it_was_shown_needs_consent_to_sharing_all_the_same() -> None:
    chosen = replace(entry("a").wish, consent=Consent.CHOSEN, only_if="lost")

    assert replace(entry("a", continues="question"), wish=chosen).needs_sharing_consent
