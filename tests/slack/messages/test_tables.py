from bot.access.rules import Reason
from bot.commands.request import Problem
from bot.deals.outcome import Cause
from bot.slack.messages.tables import DENIALS, FAILURES, USAGE


def test_there_are_sentences_for_everything_that_can_go_wrong() -> None:
    assert set(FAILURES) == set(Cause)
    assert set(DENIALS) == set(Reason)
    assert set(USAGE) == set(Problem)


def test_no_two_things_that_go_wrong_sound_alike() -> None:
    sentences = [*(each.what for each in (*FAILURES.values(), *DENIALS.values())), *USAGE.values()]

    assert len(set(sentences)) == len(sentences)
