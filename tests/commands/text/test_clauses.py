"""Texts that ask for several changes: none is made while another is forgotten."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.request import Change, Misunderstood, Problem, ShowDeal
from bot.commands.text.links import OurLocations
from bot.commands.text.parse import Parser
from bot.deals.deal import STATES, Status
from bot.deals.wish import Mixed, Reading

ID, OTHER_ID = "aB3dE5fG7hJ9kL1mN2pQ", "qP2nM1lK9jH7gF5eD3bA"
WON, LOST, OPEN, ABANDONED = Status.WON, Status.LOST, Status.OPEN, Status.ABANDONED
PARSER = Parser(OurLocations("L", frozenset({"PARIS"})), frozenset(STATES))
LINK = "https://app.gohighlevel.com/v2/location/{}/opportunities/{}"


def _of(name: str, status: Status, words: str = "") -> Reading:
    return Reading((), (status,), words, (name,)) if name in {ID, OTHER_ID} else Reading((name,), (status,), words)


ACME_WON_GLOBEX_LOST = (_of("acme", WON), _of("globex", LOST))


@pytest.mark.parametrize(
    ("text", "parts", "partly"),
    [
        ("acme won globex lost", ACME_WON_GLOBEX_LOST, False),
        ("won acme lost globex", ACME_WON_GLOBEX_LOST, False),
        ("acme won, globex lost", ACME_WON_GLOBEX_LOST, True),
        ("acme won; globex lost please", ACME_WON_GLOBEX_LOST, True),
        ("acme won and globex lost", ACME_WON_GLOBEX_LOST, True),
        ("mark acme as won & the deal globex as lost", ACME_WON_GLOBEX_LOST, True),
        ("won acme, lost globex", ACME_WON_GLOBEX_LOST, True),
        ("we won acme but lost globex", ACME_WON_GLOBEX_LOST, True),
        ("acme=won, globex=lost", ACME_WON_GLOBEX_LOST, True),
        ("acme, initech won, globex lost", (_of("acme", WON), _of("initech", WON), _of("globex", LOST)), True),
        ("won acme, initech, lost globex", (_of("acme", WON), _of("initech", WON), _of("globex", LOST)), True),
        ("acme won / globex lost", ACME_WON_GLOBEX_LOST, True),
        ("acme won + globex lost", ACME_WON_GLOBEX_LOST, True),
        ("acme - won, globex - lost", ACME_WON_GLOBEX_LOST, True),
        ("won - acme, lost - globex", ACME_WON_GLOBEX_LOST, True),
        ("acme won, also globex lost", ACME_WON_GLOBEX_LOST, True),
        ("acme dead, globex reopen", (_of("acme", ABANDONED), _of("globex", OPEN)), True),
        ("acme lost, globex won", (_of("acme", LOST), _of("globex", WON)), False),
        ("acme lost too expensive, globex won", (_of("acme", LOST, "too expensive"), _of("globex", WON)), False),
        ("Paradise Lost Tours won", (_of("Paradise", LOST), _of("Tours", WON)), False),
    ],
)
def test_a_status_for_each_of_several_deals_is_seen_beside_one_deal_with_a_long_name(
    text: str, parts: tuple[Reading, ...], partly: bool
) -> None:
    request = PARSER(text)

    assert isinstance(request, Change)
    assert request.doubts.apart == Mixed(parts, partly)


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("acme won\nglobex lost", (Mixed(ACME_WON_GLOBEX_LOST, partly=True), Reading(("acme won", "globex"), (LOST,)))),
        (
            "acme won, globex lost too expensive",
            (Mixed((_of("acme", WON), _of("globex", LOST, "too expensive")), partly=True),),
        ),
        (
            "acme lost, globex won at last",
            (
                Mixed((_of("acme", LOST), _of("globex", WON, "at last")), partly=False),
                _of("acme", LOST, "globex won at last"),
            ),
        ),
        ("acme won and we lost globex", (Mixed(ACME_WON_GLOBEX_LOST, partly=True),)),
        ("acme won, lost globex", (Mixed(ACME_WON_GLOBEX_LOST, partly=True),)),
        (
            "acme won / globex lost too expensive",
            (Mixed((_of("acme", WON), _of("globex", LOST, "too expensive")), partly=True),),
        ),
        ('"acme" won, "globex" lost', (Mixed(ACME_WON_GLOBEX_LOST, partly=True),)),
        ('"acme" won globex lost', (Mixed(ACME_WON_GLOBEX_LOST, partly=False),)),
        (f"{ID} won {OTHER_ID} lost", (Mixed((_of(ID, WON), _of(OTHER_ID, LOST)), partly=True),)),
        (f"{ID} won, {OTHER_ID} lost", (Mixed((_of(ID, WON), _of(OTHER_ID, LOST)), partly=True),)),
        (f"won {ID}, lost {OTHER_ID}", (Mixed((_of(ID, WON), _of(OTHER_ID, LOST)), partly=True),)),
        (f"{ID} lost {OTHER_ID} won", (Mixed((_of(ID, LOST), _of(OTHER_ID, WON)), partly=True),)),
        (f"{ID} won globex lost", (Mixed((_of(ID, WON), _of("globex", LOST)), partly=True),)),
        (f"globex lost, {ID} won", (Mixed((_of("globex", LOST), _of(ID, WON)), partly=True),)),
        (f"{ID} won, {OTHER_ID} won", (Reading((), (WON,), ids=(ID, OTHER_ID)),)),
        (f"{ID} won, globex won", (Reading(("globex",), (WON,), ids=(ID,)),)),
    ],
)
def test_changes_of_which_one_would_be_made_alone_are_asked_about(
    text: str, readings: tuple[Reading | Mixed, ...]
) -> None:
    request = PARSER(text)

    assert isinstance(request, ShowDeal)
    assert request.readings == readings


def test_the_same_status_for_each_deal_is_one_list() -> None:
    request = PARSER("acme won, globex won")

    assert isinstance(request, Change)
    assert request.doubts.apart == Reading(("acme", "globex"), (WON,))


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        ("acme lost too expensive and they won another", "acme", "too expensive and they won another"),
        ("acme lost, budget and timing", "acme", "budget and timing"),
        ("acme lost - too expensive / slow", "acme", "- too expensive / slow"),
        ("acme lost and we lost the budget", "acme", "and we lost the budget"),
        ("acme lost, too expensive, maybe won later", "acme", "too expensive, maybe won later"),
        ('"acme" lost globex won', "acme", "globex won"),
        (f"{ID} lost, globex won", ID, "globex won"),
        (f"{ID} lost see {OTHER_ID} won", ID, f"see {OTHER_ID} won"),
        (f"{ID} lost {OTHER_ID}", ID, OTHER_ID),
    ],
)
def test_what_follows_a_loss_is_its_reason(text: str, name: str, reason: str) -> None:
    request = PARSER(text)

    assert isinstance(request, Change)
    (wish,) = request.wishes
    assert (wish.opportunity_id or wish.name, wish.status, wish.reason) == (name, LOST, reason)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "acme won",
            "acme and globex won",
            "Acme - Globex won",
            "acme - won",
            "acme won - great call",
            "Lost, Found & Won Ltd won",
            "Bright Win, Inc. won",
            "Win Win Ltd won",
        ),
        *("Open Table and Won Ton Kitchen won", "Dead and Company won", "Cold Stone and Dead Sea Spa lost"),
        *(
            "acme won and signed",
            "we lost, i won",
            "acme won, x lost",
            "acme lost they won",
            f"{ID} won great call and more",
        ),
    ],
)
def test_one_status_is_not_taken_for_two(text: str) -> None:
    request = PARSER(text)

    assert isinstance(request, Change)
    assert request.doubts.apart is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a1 won, b2 lost, c3 won, d4 lost, e5 won, f6 lost", Problem.SEVERAL_STATUSES),
        ("a1 won, b2 lost, c3 won, d4 lost, e5 won, f6 lost on price", Problem.SEVERAL_STATUSES),
        (" ".join(f"{ID[:-1]}{at} {('won', 'lost')[at % 2]}" for at in range(6)), Problem.SEVERAL_STATUSES),
        (f"{LINK.format('L', ID)} won, {LINK.format('PARIS', OTHER_ID)} lost", Problem.SEVERAL_STATUSES),
        (f"{LINK.format('L', ID)} won, {LINK.format('ELSEWHERE', OTHER_ID)} lost", Problem.OTHER_LOCATION),
    ],
)
def test_more_than_one_question_can_ask_about_is_refused(text: str, problem: Problem) -> None:
    request = PARSER(text)

    assert isinstance(request, Misunderstood)
    assert request.problem is problem


def test_a_status_that_no_caller_may_set_is_refused_for_all() -> None:
    closing = Parser(OurLocations("L", ()), frozenset({WON, LOST}))

    for text in (f"{ID} won, {OTHER_ID} abandoned", "acme won, globex abandoned they went quiet"):
        assert closing(text) == Misunderstood(Problem.STATUS_NOT_OFFERED, "abandoned")
    request = closing("acme abandoned, globex won")
    assert isinstance(request, Change)
    assert request.doubts.apart is None


@pytest.mark.parametrize("sign", ["=", ":", "->", "=&gt;", "→", "= ", "-> "])
@pytest.mark.parametrize("deal", ["acme", "acme corp", ID])
def test_a_sign_between_a_deal_and_its_status_needs_no_blanks(deal: str, sign: str) -> None:
    assert PARSER(f"{deal}{sign}won") == PARSER(f"{deal} {sign} won")
    assert isinstance(PARSER(f"{deal}{sign}won"), Change)


@pytest.mark.parametrize(
    "text", ["a=b", "x=won", "ratio 1:2", "acme=", "=won=", "re:open house", "Gain->Loss Ltd", ":tada: acme", "won:"]
)
def test_a_sign_elsewhere_belongs_to_the_name(text: str) -> None:
    request = PARSER(text)

    assert not isinstance(request, Change)
    assert not isinstance(request, ShowDeal) or request.name == text.removeprefix(":tada: ")


def test_a_link_that_ends_like_a_status_stays_a_link() -> None:
    link = f"{LINK.format('L', 'list')}?status=won"

    assert PARSER(link) == Misunderstood(Problem.LINK_WITHOUT_ID, link)


def test_a_status_and_a_sign_before_a_deal_are_asked_about() -> None:
    request = PARSER("won:acme")

    assert isinstance(request, ShowDeal)
    assert (request.name, request.readings[0]) == ("won:acme", _of("acme", WON))


NAMES = st.sampled_from(["acme", "globex corp", ID, OTHER_ID, '"initech"'])


@given(NAMES, NAMES, st.permutations([WON, LOST, OPEN, ABANDONED]), st.sampled_from([", ", " and ", "\n", "; ", " "]))
def test_no_text_with_two_statuses_makes_one_change_and_keeps_the_other_as_a_note(
    first: str, second: str, statuses: list[Status], between: str
) -> None:
    request = PARSER(f"{first} {statuses[0]}{between}{second} {statuses[1]}")

    is_reason = isinstance(request, Change) and statuses[0] is LOST and bool(request.wishes[0].reason)
    assert is_reason or not isinstance(request, Change) or not request.note
