from dataclasses import FrozenInstanceError
from typing import get_args

import pytest

from bot.deals.deal import LostReason, Matches, Opportunity, Status
from bot.deals.outcome import (
    WORDS,
    AlreadySo,
    Ambiguous,
    AskedOwner,
    Cause,
    Changed,
    Effect,
    Failed,
    Guessed,
    NotYours,
    Objection,
    Outcome,
    Overtaken,
    Previewed,
    ReasonWanted,
    Result,
    Trouble,
    Unconfirmed,
    Withheld,
    word,
)
from bot.deals.wish import Reading

DEAL = Opportunity("deal", "open")
OUTCOMES: tuple[Outcome, ...] = (
    Changed(DEAL, DEAL),
    AlreadySo(DEAL),
    Overtaken(DEAL),
    Ambiguous((DEAL,), more=False),
    Guessed(Reading(("Acme",), (Status.WON,)), (Matches((DEAL,), more=False),)),
    ReasonWanted((LostReason("r1", "Too expensive"),)),
    Unconfirmed(DEAL),
    Previewed(DEAL),
    NotYours(DEAL, Objection(Withheld.OWNED, stops=True)),
    AskedOwner(DEAL, "U0BEN"),
    Failed(Trouble(Cause.NOT_FOUND), Effect.NOTHING),
)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_an_outcome_cannot_be_altered_after_the_fact(outcome: Outcome) -> None:
    field = next(iter(outcome.__dataclass_fields__))

    with pytest.raises(FrozenInstanceError):
        setattr(outcome, field, None)


def test_every_kind_of_outcome_is_tried() -> None:
    assert {type(outcome) for outcome in OUTCOMES} == set(get_args(Outcome))


def test_what_is_not_known_of_a_failure_is_not_made_up() -> None:
    failed = Failed(Trouble(Cause.NOT_FOUND), Effect.NOTHING)

    assert (failed.before, failed.now) == (None, None)
    assert failed.trouble == Trouble(Cause.NOT_FOUND, retry_after=None, reasons=(), code="", trace_id="")


def test_every_outcome_has_a_word_and_every_failure_that_of_its_cause() -> None:
    failures = [Failed(Trouble(cause), Effect.NOTHING) for cause in Cause]
    others = [outcome for outcome in OUTCOMES if not isinstance(outcome, Failed | Guessed)]
    words = [word(outcome) for outcome in (*others, *failures)]

    assert {word(outcome) for outcome in OUTCOMES if isinstance(outcome, Guessed)} == {Result.AMBIGUOUS}
    assert sorted(words) == sorted(WORDS)
    assert len({*words}) == len(words) == len(Result) + len(Cause)
