from dataclasses import FrozenInstanceError

import pytest

from bot.outcome import AlreadySo, Cause, Changed, Effect, Failed, Outcome, Trouble
from bot.status import Opportunity

DEAL = Opportunity("deal", "open")
OUTCOMES: tuple[Outcome, ...] = (
    Changed(DEAL, DEAL),
    AlreadySo(DEAL),
    Failed(Trouble(Cause.NOT_FOUND), Effect.NOTHING),
)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_an_outcome_cannot_be_altered_after_the_fact(outcome: Outcome) -> None:
    field = next(iter(outcome.__dataclass_fields__))

    with pytest.raises(FrozenInstanceError):
        setattr(outcome, field, None)


def test_what_is_not_known_of_a_failure_is_not_made_up() -> None:
    failed = Failed(Trouble(Cause.NOT_FOUND), Effect.NOTHING)

    assert (failed.before, failed.now) == (None, None)
    assert failed.trouble == Trouble(Cause.NOT_FOUND, retry_after=None, reasons=(), code="", trace_id="")
