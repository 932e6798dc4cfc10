"""What else a text may mean than what it asks for first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.request import MOST_AT_ONCE, Change, Misunderstood, Problem, ShowDeal
from bot.commands.text.links import OurLocations
from bot.commands.text.parse import Parser
from bot.commands.text.vocabulary import ASKED_ABOUT, SYNONYMS, Vocabulary
from bot.deals.deal import STATES, Status
from bot.deals.wish import NO_DOUBTS, Reading

ID = "aB3dE5fG7hJ9kL1mN2pQ"
WON, LOST, OPEN, ABANDONED = Status.WON, Status.LOST, Status.OPEN, Status.ABANDONED
PARSER = Parser(OurLocations("L", ()), frozenset(STATES), Vocabulary({"gewonnen": WON, "leider weg": LOST}))


def _reading(name: str, *statuses: Status, words: str = "") -> Reading:
    return Reading((name,), statuses, words)


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("won acme", [_reading("acme", WON)]),
        ("we just won acme", [_reading("acme", WON)]),
        ("reopen the deal acme", [_reading("acme", OPEN)]),
        ("acme wno", [_reading("acme", WON)]),
        ("acme as wno", [_reading("acme", WON)]),
        ("acme aba", [_reading("acme", ABANDONED)]),
        ("acme closed", [_reading("acme", WON, LOST)]),
        ("acme all", []),
        ("acme corp", []),
        ("x wno", []),
        ("open x", []),
        ("open acme", []),
        ("acme cold call", [_reading("acme", ABANDONED, words="call")]),
        ("x cold call", []),
        (
            "lost acme corp too expensive",
            [
                _reading("acme corp too expensive", LOST),
                _reading("acme corp too", LOST, words="expensive"),
                _reading("acme corp", LOST, words="too expensive"),
                _reading("acme", LOST, words="corp too expensive"),
            ],
        ),
        (
            "won acme, globex",
            [Reading(("acme", "globex"), (WON,)), _reading("acme, globex", WON), _reading("acme", WON, words="globex")],
        ),
        ("acme\nglobex\nwon", [Reading(("acme", "globex"), (WON,))]),
        ('"acme" "globex" won', [Reading(("acme", "globex"), (WON,))]),
    ],
)
def test_a_text_that_may_only_name_a_deal_has_readings_to_ask_about(text: str, readings: list[Reading]) -> None:
    request = PARSER(text)

    assert isinstance(request, ShowDeal)
    assert list(request.readings) == readings
    assert PARSER.doubts(text) == NO_DOUBTS


@pytest.mark.parametrize(
    ("text", "whole", "otherwise"),
    [
        ("acme won", "acme won", []),
        ("Paradise Lost Tours", "Paradise Lost", []),
        ("mark acme won", "mark acme won", [_reading("acme", WON)]),
        ("acme-corp won", "acme-corp won", [_reading("acme corp", WON)]),
        ("acme and globex won", "acme and globex won", [Reading(("acme", "globex"), (WON,))]),
        ("acme, inc. won", "acme, inc. won", []),
        ("acme lost they won", "acme lost they won", [_reading("acme", LOST, words="they won")]),
        ("won acme gewonnen", "won acme gewonnen", [_reading("acme", WON, words="gewonnen")]),
        ("acme gewonnen", "acme gewonnen", []),
        ("acme leider weg, zu teuer", "acme leider weg,", []),
        ('"acme" won', "", []),
    ],
)
def test_a_change_by_name_may_mean_something_else(text: str, whole: str, otherwise: list[Reading]) -> None:
    request = PARSER(text)
    doubts = PARSER.doubts(text)

    assert isinstance(request, Change)
    others = [each for each in doubts.otherwise if each.names != ("acme gewonnen",)]
    assert (doubts.whole, others) == (whole, otherwise)


@pytest.mark.parametrize(
    ("word", "statuses"),
    [("wno", (WON,)), ("closed", (WON, LOST)), ("hmpf", (WON, LOST, ABANDONED)), ("x", (WON, LOST, ABANDONED))],
)
def test_an_unknown_word_beside_an_id_is_asked_about(word: str, statuses: tuple[Status, ...]) -> None:
    assert PARSER(f"{ID} {word}") == ShowDeal(ID, ID, readings=(Reading((), statuses, ids=(ID,)),))


def test_where_no_status_is_offered_nothing_is_asked() -> None:
    nothing = Parser(OurLocations("L", ()), frozenset({OPEN}))

    assert nothing(f"{ID} gone") == ShowDeal(ID, ID)
    assert nothing("lost acme") == ShowDeal(name="lost acme", shorter=("lost",))
    assert nothing("acme closed") == ShowDeal(name="acme closed", shorter=("acme",))


def test_more_names_than_can_be_changed_at_once_are_refused() -> None:
    names = ", ".join(f"deal {number}" for number in range(MOST_AT_ONCE + 1))

    assert PARSER(f"{names} won") == Misunderstood(Problem.TOO_MANY, str(MOST_AT_ONCE + 1))


@pytest.mark.parametrize(
    ("text", "shorter"),
    [
        ("show acme corp", ("acme corp",)),
        ("what's the status of acme corp", ("acme corp",)),
        ("acme qqq", ("acme",)),
        ("acme-corp", ("acme corp",)),
        ("acme", ()),
        ("preview acme", ("acme",)),
        ("show", ()),
    ],
)
def test_a_name_is_also_searched_for_without_words_that_are_no_part_of_it(text: str, shorter: tuple[str, ...]) -> None:
    assert PARSER(text) == ShowDeal(name=text, shorter=shorter)


WORDS = st.sampled_from(
    [
        *STATES,
        *(word for words in SYNONYMS.values() for word in words),
        *ASKED_ABOUT,
        "ope",
        "aba",
        "los",
        "acme",
        "the",
    ]
)


@given(st.lists(WORDS, min_size=1, max_size=5).map(" ".join))
def test_what_begins_with_a_status_is_a_change_only_if_a_status_with_a_name_before_it_follows(text: str) -> None:
    request = PARSER(text)

    if isinstance(request, Change):
        assert request.wishes[0].name.casefold() in text.casefold()
        assert (
            not text.endswith((" ope", " aba", " los", " closed", " done")) or request.note or request.wishes[0].reason
        )


@pytest.mark.parametrize("status", STATES)
def test_each_synonym_means_its_status_at_the_end(status: Status) -> None:
    for word in (status.value, *SYNONYMS.get(status, ())):
        request = PARSER(f"acme {word}")
        assert isinstance(request, Change)
        assert (request.wishes[0].name, request.wishes[0].status) == ("acme", status)
