import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.identify import Identified, Identify, certainly_meant, matching
from bot.outcome import Ambiguous, Cause, Effect, Failed, ReasonWanted, Trouble
from bot.status import STATES, Consent, LostReason, Matches, Opportunity, Status, Wish
from tests.memory import MemoryCrm, error

PRICE, RIVAL, LATE = LostReason("r1", "Too expensive"), LostReason("r2", "Chose a rival"), LostReason("r3", "Too late!")
REASONS = (PRICE, RIVAL, LATE)
NAMED = Wish("", Status.WON, name="Acme")
LOST = Wish("deal", Status.LOST)


def _deals(*statuses: str, more: bool = False) -> Matches:
    return Matches(tuple(Opportunity(f"deal-{number}", status) for number, status in enumerate(statuses)), more=more)


def _crm(matches: Matches | None = None, reasons: tuple[LostReason, ...] | None = REASONS) -> MemoryCrm:
    return MemoryCrm(Opportunity("deal", "open"), matches=matches or _deals(), reasons=reasons)


async def _identify(crm: MemoryCrm, wish: Wish, *, required: bool = False) -> Identified:
    return await Identify(crm, reason_required=required)(wish)


# --- which deal -----------------------------------------------------------------------------------------------------


async def test_what_is_known_needs_no_question() -> None:
    crm = _crm()

    assert await _identify(crm, Wish("deal", Status.WON)) == Identified(Wish("deal", Status.WON))
    assert crm.calls == []


async def test_the_one_deal_of_that_name_is_meant() -> None:
    found = await _identify(_crm(_deals("open")), NAMED)

    assert found == Identified(Wish("deal-0", Status.WON, name="Acme"))


async def test_where_several_may_be_meant_all_are_given() -> None:
    matches = _deals("open", "open", more=True)

    assert (await _identify(_crm(matches), NAMED)).obstacle == Ambiguous(matches.deals, more=True)


async def test_where_there_is_none_that_is_a_failure_that_changed_nothing() -> None:
    assert (await _identify(_crm(), NAMED)).obstacle == Failed(Trouble(Cause.NO_MATCH), Effect.NOTHING)


async def test_a_search_that_fails_changed_nothing() -> None:
    crm = _crm()
    crm.searching = [error(Cause.SERVER_ERROR)]

    assert (await _identify(crm, NAMED)).obstacle == Failed(Trouble(Cause.SERVER_ERROR), Effect.NOTHING)


@pytest.mark.parametrize(
    ("found", "status", "meant"),
    [
        (["open"], "won", 0),
        (["won"], "won", 0),  # so already, and there is no other
        (["lost"], "won", None),  # not by its name alone
        (["lost"], "open", 0),
        (["open"], "open", 0),
        (["open", "won"], "won", 0),  # only one can still be won
        (["open", "won"], "open", 1),
        (["open", "open"], "won", None),
        (["won", "won"], "won", None),
        (["won", "lost"], "abandoned", None),
        (["on hold"], "open", 0),
        (["on hold"], "won", None),
        ([], "won", None),
    ],
)
def test_a_deal_is_certainly_meant_when_no_other_can_be(found: list[str], status: str, meant: int | None) -> None:
    matches = _deals(*found)

    assert certainly_meant(matches, Status(status)) == (None if meant is None else matches.deals[meant])


@given(st.lists(st.sampled_from([*STATES, "on hold"]), min_size=1), st.sampled_from(STATES))
def test_where_there_are_more_than_were_found_nothing_is_certain(found: list[str], status: Status) -> None:
    assert certainly_meant(_deals(*found, more=True), status) is None


# --- which reason ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("Too expensive", PRICE),
        ("too EXPENSIVE.", PRICE),
        ("expensive", PRICE),
        ("rival chose", RIVAL),
        ("cho", RIVAL),
        ("too late", LATE),
        ("too", None),
        ("late, too", LATE),
        ("the weather", None),
        ("", None),
        ("...", None),
    ],
)
def test_words_mean_a_reason_when_they_fit_no_other(words: str, reason: LostReason | None) -> None:
    assert matching(words, REASONS) == reason


def test_a_whole_name_means_its_reason_though_others_begin_so() -> None:
    assert matching("price", (LostReason("r1", "Price"), LostReason("r2", "Price too high"))) == LostReason(
        "r1", "Price"
    )


@given(st.text(), st.lists(st.builds(LostReason, st.text(), st.text()), max_size=5))
def test_whatever_is_typed_is_one_of_the_reasons_or_none(words: str, reasons: list[LostReason]) -> None:
    assert matching(words, reasons) in {*reasons, None}


async def test_a_reason_that_is_recognised_is_sent() -> None:
    found = await _identify(_crm(), Wish("deal", Status.LOST, reason="rival"))

    assert found == Identified(Wish("deal", Status.LOST, "r2", reason="rival"))


async def test_a_reason_that_is_not_recognised_is_asked_for() -> None:
    assert (await _identify(_crm(), Wish("deal", Status.LOST, reason="rain"))).obstacle == ReasonWanted(REASONS)


async def test_a_deal_is_lost_without_a_reason_unless_one_is_required() -> None:
    assert (await _identify(_crm(), LOST)).obstacle is None
    assert (await _identify(_crm(), LOST, required=True)).obstacle == ReasonWanted(REASONS)


async def test_a_preview_needs_no_reason() -> None:
    preview = Wish("deal", Status.LOST, consent=Consent.PREVIEW)

    assert await _identify(_crm(), preview, required=True) == Identified(preview)


@pytest.mark.parametrize("reasons", [None, ()])
async def test_where_there_are_no_reasons_to_be_read_the_deal_is_lost_without(
    reasons: tuple[LostReason, ...] | None,
) -> None:
    wish = Wish("deal", Status.LOST, reason="rain")

    assert await _identify(_crm(reasons=reasons), wish, required=True) == Identified(wish)


@pytest.mark.parametrize(
    "wish", [Wish("deal", Status.WON, reason="rain"), Wish("deal", Status.LOST, "r1", reason="rain")]
)
async def test_reasons_are_asked_for_only_when_one_is_missing(wish: Wish) -> None:
    crm = _crm()

    assert await _identify(crm, wish, required=True) == Identified(wish)
    assert crm.calls == []


async def test_the_deal_is_known_when_the_reason_is_missing() -> None:
    found = await _identify(_crm(_deals("open")), Wish("", Status.LOST, name="Acme", reason="rain"))

    assert found.wish.opportunity_id == "deal-0"
    assert found.obstacle == ReasonWanted(REASONS)
