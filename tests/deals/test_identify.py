from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.deals.deal import LostReason, Matches, Opportunity, Status
from bot.deals.identify import Identified, Identify, anyone, certainly_meant, matching_reason
from bot.deals.outcome import Ambiguous, Cause, Effect, Failed, Guessed, ReasonWanted, Trouble
from bot.deals.wish import Consent, Doubts, Mixed, Reading, Wish
from tests.memory import MemoryCrm, error

OPEN, WON = Opportunity("open-deal", "open"), Opportunity("won-deal", "won")
LOST, ABANDONED = Opportunity("lost-deal", "lost"), Opportunity("abandoned-deal", "abandoned")
ANOTHER = Opportunity("another", "open")
PRICE, TIMING, RIVAL = LostReason("p", "Price too high"), LostReason("t", "Bad timing"), LostReason("r", "Price: rival")
REASONS = (PRICE, TIMING, RIVAL)
BY_NAME = Wish("", Status.WON, name="website")
LOSE = Wish("deal", Status.LOST)


@pytest.fixture
def crm() -> MemoryCrm:
    return MemoryCrm(OPEN)


@pytest.fixture
def identify(crm: MemoryCrm) -> Identify:
    return Identify(crm, reason_required=False)


@pytest.fixture
def strict(crm: MemoryCrm) -> Identify:
    """Requires a lost reason."""
    return Identify(crm, reason_required=True)


def _wish(**fields: object) -> Wish:
    return Wish(**{"opportunity_id": "deal", "status": Status.LOST} | fields)  # type: ignore[arg-type]


# --- which deal -----------------------------------------------------------------------------------------------------


async def test_a_complete_wish_needs_no_call(crm: MemoryCrm, identify: Identify) -> None:
    for wish in (Wish("deal", Status.WON), LOSE, _wish(status=Status.WON, reason="price")):
        assert await identify(wish) == Identified(wish)
    assert crm.calls == []


async def test_a_name_means_the_only_deal_that_it_finds(crm: MemoryCrm, identify: Identify) -> None:
    crm.matches = Matches((OPEN,), more=False)

    assert await identify(BY_NAME) == Identified(Wish("open-deal", Status.WON, name="website"))
    assert crm.calls == ["search"]


async def test_a_search_that_fails_is_an_obstacle_with_its_trouble(crm: MemoryCrm, identify: Identify) -> None:
    crm.searching.append(error(Cause.RATE_LIMITED))

    assert await identify(BY_NAME) == Identified(BY_NAME, Failed(Trouble(Cause.RATE_LIMITED), Effect.NOTHING))


async def test_a_name_that_finds_no_deal_is_an_obstacle(identify: Identify) -> None:
    assert await identify(BY_NAME) == Identified(BY_NAME, Failed(Trouble(Cause.NO_MATCH), Effect.NOTHING))


@pytest.mark.parametrize("more", [True, False])
async def test_a_name_that_finds_several_deals_is_ambiguous(crm: MemoryCrm, identify: Identify, *, more: bool) -> None:
    crm.matches = Matches((OPEN, ANOTHER), more=more)

    described = tuple(replace(deal, stage="Proposal") for deal in (OPEN, ANOTHER))
    assert await identify(BY_NAME) == Identified(BY_NAME, Ambiguous(described, more))


async def _ana() -> str:
    return "hlAna"


async def test_of_several_deals_those_of_the_person_who_asks_come_first(crm: MemoryCrm, identify: Identify) -> None:
    theirs, own = replace(OPEN, owner_id="hlMax"), replace(ANOTHER, owner_id="hlAna")
    crm.matches = Matches((theirs, own, replace(theirs, id="third")), more=False)
    for asking, order in ((_ana, [own.id, theirs.id, "third"]), (anyone, [theirs.id, own.id, "third"])):
        found = await identify(BY_NAME, asking=asking)

        assert isinstance(found.obstacle, Ambiguous)
        assert [deal.id for deal in found.obstacle.matches] == order


async def test_of_the_deals_that_a_text_may_mean_those_of_the_person_who_asks_come_first(crm: MemoryCrm) -> None:
    theirs, own = replace(OPEN, name="Acme", owner_id="hlMax"), replace(ANOTHER, name="Acme", owner_id="hlAna")
    crm.matches = Matches((theirs, own), more=False)
    found = await _reader(crm)(LONG, asking=_ana)

    first = Matches((own, theirs), more=False)
    assert found == Identified(LONG, Guessed(TWO, (first, first)))


async def test_of_many_deals_those_that_a_question_shows_are_described(crm: MemoryCrm, identify: Identify) -> None:
    crm.matches = Matches((OPEN,) * 7, more=False)
    found = await identify(BY_NAME)

    assert isinstance(found.obstacle, Ambiguous)
    assert [bool(deal.stage) for deal in found.obstacle.matches] == [True] * 5 + [False] * 2


TWO = Mixed((Reading(("acme",), (Status.WON,)), Reading(("globex",), (Status.LOST,))), partly=False)
LONG = Wish("", Status.LOST, name="acme won globex")
READ_AS_TWO = Doubts(Reading((LONG.name,), (Status.LOST,)), "acme won globex lost", apart=TWO)


def _reader(crm: MemoryCrm) -> Identify:
    return Identify(crm, reason_required=False, read=lambda _: READ_AS_TWO)


async def test_a_deal_that_is_called_like_a_name_with_a_status_in_it_is_meant(crm: MemoryCrm) -> None:
    crm.matches = Matches((replace(OPEN, name="Acme Won Globex Ltd"),), more=False)

    assert await _reader(crm)(LONG) == Identified(replace(LONG, opportunity_id="open-deal"))
    assert crm.calls == ["search"]


async def test_a_deal_that_has_only_some_words_of_such_a_name_is_not_changed(crm: MemoryCrm) -> None:
    crm.matches = some = Matches((replace(OPEN, name="Acme"),), more=False)
    assert await _reader(crm)(LONG) == Identified(LONG, Guessed(TWO, (some, some)))

    # `globex` finds nothing: then only the deal that was found is asked about
    crm.searching = [lambda: None, lambda: None, lambda: setattr(crm, "matches", Matches((), more=False))]
    assert await _reader(crm)(LONG) == Identified(LONG, Guessed(READ_AS_TWO.reading or Reading((), ()), (some,)))


@pytest.mark.parametrize(("partly", "asked"), [(True, True), (False, False)])
async def test_several_changes_of_which_one_deal_is_missing_are_asked_about_only_if_signs_stand_between_them(
    crm: MemoryCrm, *, partly: bool, asked: bool
) -> None:
    some, none = Matches((OPEN,), more=False), Matches((), more=False)
    crm.matches = none
    mixed = replace(TWO, partly=partly)
    crm.searching = [
        lambda: None,
        lambda: setattr(crm, "matches", some),
        lambda: setattr(crm, "matches", none),
    ]
    found = await Identify(crm, reason_required=False, read=lambda _: replace(READ_AS_TWO, apart=mixed))(LONG)

    nothing = Failed(Trouble(Cause.NO_MATCH), Effect.NOTHING)
    assert found.obstacle == (Guessed(mixed, (some, none)) if asked else nothing)


async def test_the_deal_is_found_before_its_lost_reason_and_kept_if_that_is_missing(
    crm: MemoryCrm, strict: Identify
) -> None:
    crm.matches, crm.reasons = Matches((OPEN,), more=False), REASONS
    found = await strict(Wish("", Status.LOST, name="website", reason="price too"))
    assert found == Identified(Wish("open-deal", Status.LOST, "p", name="website", reason="price too"))

    wanting = await strict(Wish("", Status.LOST, name="website"))
    assert wanting == Identified(Wish("open-deal", Status.LOST, name="website"), ReasonWanted(REASONS))


@pytest.mark.parametrize(
    ("deals", "status", "meant"),
    [
        ((OPEN,), Status.WON, OPEN),
        ((OPEN,), Status.LOST, OPEN),
        ((OPEN, WON, LOST), Status.WON, OPEN),
        ((OPEN, ANOTHER), Status.WON, None),
        ((WON,), Status.WON, WON),  # it has the status already
        ((WON,), Status.LOST, None),  # not certain enough to overwrite another end
        ((WON, LOST), Status.LOST, None),
        ((WON,), Status.OPEN, WON),
        ((OPEN,), Status.OPEN, OPEN),
        ((OPEN, ABANDONED), Status.OPEN, ABANDONED),
        ((OPEN, ANOTHER), Status.OPEN, None),
        ((WON, LOST), Status.OPEN, None),
        ((Opportunity("odd", "archived"),), Status.WON, None),
        ((), Status.WON, None),
    ],
)
def test_a_deal_is_certainly_meant_if_no_other_can_be(
    deals: tuple[Opportunity, ...], status: Status, meant: Opportunity | None
) -> None:
    assert certainly_meant(Matches(deals, more=False), status) == meant
    assert certainly_meant(Matches(deals, more=True), status) is None


# --- which reason ---------------------------------------------------------------------------------------------------


async def test_the_lost_reason_that_the_callers_words_mean_is_found(crm: MemoryCrm, identify: Identify) -> None:
    crm.reasons = REASONS

    assert await identify(_wish(reason="timing")) == Identified(_wish(reason="timing", lost_reason_id="t"))
    assert crm.calls == ["lost_reasons"]


async def test_words_that_mean_no_lost_reason_or_several_are_an_obstacle_only_where_one_is_required(
    crm: MemoryCrm, identify: Identify, strict: Identify
) -> None:
    crm.reasons = REASONS
    for words in ("weather", "price"):
        assert await identify(_wish(reason=words)) == Identified(_wish(reason=words))
        assert await strict(_wish(reason=words)) == Identified(_wish(reason=words), ReasonWanted(REASONS))


async def test_a_required_lost_reason_that_is_missing_is_an_obstacle(crm: MemoryCrm, strict: Identify) -> None:
    crm.reasons = REASONS

    assert await strict(LOSE) == Identified(LOSE, ReasonWanted(REASONS))
    assert await strict(_wish(lost_reason_id="p")) == Identified(_wish(lost_reason_id="p"))
    assert await strict(_wish(status=Status.WON)) == Identified(_wish(status=Status.WON))


async def test_a_preview_needs_no_lost_reason(crm: MemoryCrm, strict: Identify) -> None:
    crm.reasons = REASONS
    preview, with_reason = _wish(consent=Consent.PREVIEW), _wish(consent=Consent.PREVIEW, reason="weather")

    assert await strict(preview) == Identified(preview)
    assert await strict(with_reason) == Identified(with_reason)


@pytest.mark.parametrize("reasons", [None, ()])
@pytest.mark.parametrize("words", ["price", ""])
async def test_without_readable_lost_reasons_a_deal_is_lost_without_one(
    crm: MemoryCrm, strict: Identify, reasons: tuple[LostReason, ...] | None, words: str
) -> None:
    crm.reasons = reasons

    assert await strict(_wish(reason=words)) == Identified(_wish(reason=words))


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("Price too high", PRICE),
        ("  PRICE - too high! ", PRICE),
        ("price too", PRICE),
        ("price rival", RIVAL),
        ("high", PRICE),
        ("high price", PRICE),
        ("bad", TIMING),
        ("tim", None),  # neither its beginning nor a word of it
        ("price", None),
        ("price timing", None),
        ("because the timing was bad", TIMING),
        ("it was bad timing for them, so they stopped", TIMING),
        ("to a rival", RIVAL),
        ("timming", TIMING),
        ("bad timeing", TIMING),
        ("it was", None),
        (" ".join(f"word{number}" for number in range(60)), None),
        ("", None),
        ("…!", None),
    ],
)
def test_a_lost_reason_is_meant_by_its_name_its_beginning_or_its_words(words: str, meant: LostReason | None) -> None:
    assert matching_reason(words, REASONS) == meant


def test_a_whole_name_is_meant_even_if_another_begins_with_it() -> None:
    short = LostReason("s", "Price")

    assert matching_reason("price", (*REASONS, short)) == short


def test_a_name_that_two_reasons_have_means_neither() -> None:
    assert matching_reason("price", (LostReason("1", "Price"), LostReason("2", "price!"))) is None


NAMES = st.lists(st.text(st.characters(categories=("L", "N", "Z", "P")), min_size=1), min_size=1, max_size=5)


def _plain(name: str) -> Iterator[str]:
    return (char for char in name.casefold() if char.isalnum())


@given(NAMES, st.data())
def test_every_lost_reason_is_found_by_its_name_unless_another_has_the_same(
    names: list[str], data: st.DataObject
) -> None:
    reasons = [LostReason(str(number), name) for number, name in enumerate(names)]
    reason = data.draw(st.sampled_from(reasons))
    found = matching_reason(reason.name, reasons)
    alike = [other for other in reasons if list(_plain(other.name)) == list(_plain(reason.name))]

    if [*_plain(reason.name)] and len(alike) == 1:
        assert found == reason
    assert found is None or [*_plain(reason.name)]


@given(st.text(), NAMES)
def test_any_words_mean_one_of_the_lost_reasons_or_none(words: str, names: list[str]) -> None:
    reasons = [LostReason(str(number), name) for number, name in enumerate(names)]

    assert matching_reason(words, reasons) in {None, *reasons}
