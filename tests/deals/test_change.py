import asyncio
from dataclasses import replace

import pytest

from bot.access.rules import Caller
from bot.commands.record import Entry
from bot.deals.change import RESUMING_LOOKS, ChangeStatus, Patience
from bot.deals.deal import Opportunity, Status
from bot.deals.outcome import AlreadySo, Cause, Changed, Effect, Failed, Overtaken, Previewed, Trouble, Unconfirmed
from bot.deals.ports import LeaseLost, StoreDown
from bot.deals.wish import Consent, Wish
from tests.memory import MemoryCrm, MemoryLedger, Row, error

pytestmark = pytest.mark.jumping_clock

DEAL = Opportunity("deal", "open")
WON = Wish("deal", Status.WON)
PATIENCE = Patience(whole=1.0, for_looking=0.5, between_looks=0.02)


@pytest.fixture
def crm() -> MemoryCrm:
    return MemoryCrm(DEAL)


@pytest.fixture
def ledger() -> MemoryLedger:
    entry = Entry("key", "REF", Caller("U1", "T1", "C1"), "deal won", WON)
    ledger = MemoryLedger()
    ledger.store.rows["key"] = Row(entry, ledger.owner, lease_until=float("inf"))
    return ledger


@pytest.fixture
def change(crm: MemoryCrm, ledger: MemoryLedger) -> ChangeStatus:
    return ChangeStatus(crm, ledger, PATIENCE)


async def test_a_deal_is_found_changed_and_read_back(change: ChangeStatus, crm: MemoryCrm) -> None:
    outcome = await change(WON, "key")

    assert isinstance(outcome, Changed)
    assert (outcome.before.status, outcome.after.status, outcome.after.stage) == ("open", "won", "Proposal")
    assert (outcome.despite, outcome.trace_id) == (None, "trace")
    assert crm.calls == ["find", "set_status", "find"]


async def test_the_intention_is_written_down_before_the_change(
    change: ChangeStatus, crm: MemoryCrm, ledger: MemoryLedger
) -> None:
    states: list[str] = []
    crm.setting.append(lambda: states.append(ledger.store.rows["key"].state))
    await change(WON, "key")

    assert states == ["intended"]
    assert ledger.store.rows["key"].before == DEAL


async def test_a_deal_that_is_so_already_is_left_alone(
    change: ChangeStatus, crm: MemoryCrm, ledger: MemoryLedger
) -> None:
    outcome = await change(Wish("deal", Status.OPEN), "key")

    assert isinstance(outcome, AlreadySo)
    assert crm.calls == ["find"]
    assert ledger.store.rows["key"].before is None


async def test_what_cannot_be_found_is_not_changed(change: ChangeStatus, crm: MemoryCrm) -> None:
    assert await change(Wish("other", Status.WON), "key") == Failed(Trouble(Cause.NOT_FOUND), Effect.NOTHING)
    assert crm.calls == ["find"]


async def test_what_cannot_be_written_down_is_not_changed(
    change: ChangeStatus, crm: MemoryCrm, ledger: MemoryLedger
) -> None:
    ledger.store.down = True

    with pytest.raises(StoreDown):
        await change(WON, "key")
    assert crm.calls == ["find"]


async def test_what_is_somebody_elses_by_now_is_not_changed(
    change: ChangeStatus, crm: MemoryCrm, ledger: MemoryLedger
) -> None:
    ledger.store.rows["key"].owner = "another"

    with pytest.raises(LeaseLost):
        await change(WON, "key")
    assert crm.calls == ["find"]


async def test_nothing_is_asked_while_there_is_no_turn_to_be_had(change: ChangeStatus, crm: MemoryCrm) -> None:
    crm.closed = error(Cause.DAILY_LIMIT)

    assert await change(WON, "key") == Failed(Trouble(Cause.DAILY_LIMIT), Effect.NOTHING)
    assert crm.calls == []


async def test_a_lost_deal_is_lost_for_the_reason_that_is_wished(change: ChangeStatus, crm: MemoryCrm) -> None:
    outcome = await change(Wish("deal", Status.LOST, lost_reason_id="reason"), "key")

    assert isinstance(outcome, Changed)
    assert (crm.deal.status, crm.deal.lost_reason_id) == ("lost", "reason")


# --- only if nobody was faster --------------------------------------------------------------------------------------


async def test_a_deal_that_still_shows_what_it_must_is_changed(change: ChangeStatus) -> None:
    assert isinstance(await change(Wish("deal", Status.WON, only_if="open"), "key"), Changed)


async def test_a_deal_that_somebody_changed_meanwhile_is_left_alone(change: ChangeStatus, crm: MemoryCrm) -> None:
    assert await change(Wish("deal", Status.LOST, only_if="won"), "key") == Overtaken(DEAL)
    assert crm.calls == ["find"]


async def test_a_deal_that_is_as_wished_is_so_already_whatever_it_must_show(change: ChangeStatus) -> None:
    assert isinstance(await change(Wish("deal", Status.OPEN, only_if="won"), "key"), AlreadySo)


# --- after a crash --------------------------------------------------------------------------------------------------


async def test_a_change_that_was_made_before_the_crash_is_found_and_not_made_again(
    change: ChangeStatus, crm: MemoryCrm
) -> None:
    crm.becomes("won")
    outcome = await change(WON, "key", intended=DEAL)

    assert isinstance(outcome, Changed)
    assert (outcome.before, outcome.after.status, outcome.after.stage) == (DEAL, "won", "Proposal")
    assert crm.calls == ["find"]


async def test_a_change_that_was_still_on_its_way_at_the_crash_is_waited_for(
    change: ChangeStatus, crm: MemoryCrm
) -> None:
    crm.finding.extend([lambda: None, lambda: None, lambda: crm.becomes("won")])
    outcome = await change(WON, "key", intended=DEAL)

    assert isinstance(outcome, Changed)
    assert crm.calls == ["find", "find", "find"]


async def test_a_change_that_happens_just_after_it_was_looked_for_is_a_change_all_the_same(
    change: ChangeStatus, crm: MemoryCrm
) -> None:
    crm.finding.extend([lambda: None] * (1 + RESUMING_LOOKS))
    crm.finding.append(lambda: crm.becomes("won"))
    outcome = await change(WON, "key", intended=DEAL)

    assert isinstance(outcome, Changed)
    assert outcome.before == DEAL
    assert "set_status" not in crm.calls


async def test_a_ledger_that_takes_its_time_takes_none_of_the_crms() -> None:
    class Slow(MemoryLedger):
        async def intend(self, key: str, before: Opportunity) -> None:
            await asyncio.sleep(0.15)
            await super().intend(key, before)

    slow = Slow()
    slow.store.rows["key"] = Row(Entry("key", "REF", Caller("U1", "T1", "C1"), "", WON), slow.owner, float("inf"))
    untils: list[float] = []

    class Watched(MemoryCrm):
        async def set_status(
            self, opportunity_id: str, status: Status, *, lost_reason_id: str | None, until: float
        ) -> str:
            untils.append(until - asyncio.get_running_loop().time())
            return await super().set_status(opportunity_id, status, lost_reason_id=lost_reason_id, until=until)

    change = ChangeStatus(Watched(DEAL), slow, Patience(whole=0.2, for_looking=0.1, between_looks=0.01))
    assert isinstance(await change(WON, "key"), Changed)
    assert untils[0] > 0.05


async def test_a_change_that_the_crash_prevented_is_made(change: ChangeStatus, crm: MemoryCrm) -> None:
    outcome = await change(WON, "key", intended=DEAL)

    assert isinstance(outcome, Changed)
    assert crm.calls.count("set_status") == 1
    assert crm.calls.index("set_status") > RESUMING_LOOKS


async def test_a_deal_that_became_something_else_during_the_crash_is_left_alone(
    change: ChangeStatus, crm: MemoryCrm
) -> None:
    crm.becomes("abandoned")
    outcome = await change(WON, "key", intended=DEAL)

    assert outcome == Failed(Trouble(Cause.INTERRUPTED), Effect.UNKNOWN, DEAL, Opportunity("deal", "abandoned"))
    assert "set_status" not in crm.calls


async def test_after_a_crash_a_deal_that_cannot_be_seen_may_have_changed(change: ChangeStatus, crm: MemoryCrm) -> None:
    crm.finding.append(error(Cause.NO_CONNECTION))

    assert await change(WON, "key", intended=DEAL) == Failed(Trouble(Cause.NO_CONNECTION), Effect.UNKNOWN, DEAL)


# --- doubt ----------------------------------------------------------------------------------------------------------


async def test_a_change_that_was_certainly_refused_is_not_looked_at_again(change: ChangeStatus, crm: MemoryCrm) -> None:
    crm.setting.append(error(Cause.INVALID))

    assert await change(WON, "key") == Failed(Trouble(Cause.INVALID), Effect.NOTHING, DEAL)
    assert crm.calls == ["find", "set_status"]


async def test_a_change_that_went_unanswered_but_happened_is_a_change(change: ChangeStatus, crm: MemoryCrm) -> None:
    crm.setting.append(error(Cause.NO_ANSWER, perhaps_done=True, answered=False))
    crm.finding.extend([lambda: None, lambda: crm.becomes("won")])
    outcome = await change(WON, "key")

    assert isinstance(outcome, Changed)
    assert outcome.despite == Trouble(Cause.NO_ANSWER)
    assert crm.calls == ["find", "set_status", "find"]


async def test_a_change_that_went_unanswered_is_looked_for_as_long_as_there_is_time(
    change: ChangeStatus, crm: MemoryCrm
) -> None:
    crm.setting.append(error(Cause.NO_ANSWER, perhaps_done=True, answered=False))
    outcome = await change(WON, "key")

    assert outcome == Failed(Trouble(Cause.NO_ANSWER), Effect.NOTHING, DEAL, DEAL)
    assert crm.calls.count("set_status") == 1
    assert crm.calls.count("find") > 5


async def test_a_change_that_broke_is_looked_at_once_because_it_is_over(change: ChangeStatus, crm: MemoryCrm) -> None:
    crm.setting.append(error(Cause.SERVER_ERROR, perhaps_done=True))

    assert await change(WON, "key") == Failed(Trouble(Cause.SERVER_ERROR), Effect.NOTHING, DEAL, DEAL)
    assert crm.calls == ["find", "set_status", "find"]


async def test_a_change_that_was_accepted_is_looked_at_twice_before_it_counts_as_without_effect(
    change: ChangeStatus, crm: MemoryCrm
) -> None:
    crm.finding.extend([lambda: None, lambda: crm.becomes("open"), lambda: crm.becomes("open")])
    outcome = await change(WON, "key")

    assert isinstance(outcome, Failed)
    assert (outcome.trouble.cause, outcome.trouble.trace_id) == (Cause.NO_EFFECT, "trace")
    assert (outcome.effect, outcome.now) == (Effect.NOTHING, DEAL)
    assert crm.calls == ["find", "set_status", "find", "find"]


async def test_an_accepted_change_that_shows_late_is_a_change(change: ChangeStatus, crm: MemoryCrm) -> None:
    crm.finding.extend([lambda: None, lambda: crm.becomes("open"), lambda: crm.becomes("won")])

    assert isinstance(await change(WON, "key"), Changed)


async def test_an_accepted_change_that_cannot_be_read_back_is_unknown(change: ChangeStatus, crm: MemoryCrm) -> None:
    crm.finding.extend([lambda: None, error(Cause.NO_CONNECTION)])

    assert await change(WON, "key") == Failed(Trouble(Cause.NOT_CONFIRMED), Effect.UNKNOWN, DEAL)


async def test_a_doubtful_change_that_cannot_be_read_back_is_unknown_for_its_own_cause(
    change: ChangeStatus, crm: MemoryCrm
) -> None:
    crm.setting.append(error(Cause.CUT_OFF, perhaps_done=True, answered=False))
    crm.finding.extend([lambda: None, error(Cause.NO_CONNECTION)])

    assert await change(WON, "key") == Failed(Trouble(Cause.CUT_OFF), Effect.UNKNOWN, DEAL)


async def test_a_deal_that_became_something_else_altogether_is_neither_changed_nor_unchanged(
    change: ChangeStatus, crm: MemoryCrm
) -> None:
    crm.finding.extend([lambda: None, lambda: crm.becomes("abandoned")])
    outcome = await change(WON, "key")

    assert isinstance(outcome, Failed)
    assert outcome.effect is Effect.UNKNOWN
    assert (outcome.before, outcome.now) == (DEAL, Opportunity("deal", "abandoned"))


# --- consent --------------------------------------------------------------------------------------------------------

SHOWN = Opportunity("deal", "open", stage="Proposal")


@pytest.fixture
def careful(crm: MemoryCrm, ledger: MemoryLedger) -> ChangeStatus:
    """Where nobody leaves *won* unasked."""
    return ChangeStatus(crm, ledger, PATIENCE, {Status.WON})


def _lose(consent: Consent) -> Wish:
    return Wish("deal", Status.LOST, consent=consent)


@pytest.mark.parametrize(
    ("consent", "stop"),
    [
        (Consent.PREVIEW, Previewed(SHOWN)),
        (Consent.PREVIEW, Previewed(replace(SHOWN, status="won"))),
        (Consent.WANTED, Unconfirmed(SHOWN)),
        (Consent.WANTED, Unconfirmed(replace(SHOWN, status="won"))),
        (Consent.PRESUMED, Unconfirmed(replace(SHOWN, status="won"))),
    ],
)
async def test_a_command_that_may_not_go_on_shows_the_deal_and_writes_nothing(
    careful: ChangeStatus, crm: MemoryCrm, ledger: MemoryLedger, consent: Consent, stop: Previewed | Unconfirmed
) -> None:
    crm.becomes(stop.opportunity.status)

    assert await careful(_lose(consent), "key") == stop
    assert crm.calls == ["find"]
    assert ledger.store.rows["key"].state == "accepted"


@pytest.mark.parametrize(
    ("consent", "status"),
    [(Consent.PRESUMED, "open"), (Consent.PRESUMED, "abandoned"), (Consent.GIVEN, "won"), (Consent.GIVEN, "open")],
)
async def test_a_command_that_may_goes_on(careful: ChangeStatus, crm: MemoryCrm, consent: Consent, status: str) -> None:
    crm.becomes(status)

    assert isinstance(await careful(_lose(consent), "key"), Changed)
    assert crm.deal.status == "lost"


async def test_nobody_is_asked_where_no_status_is_guarded(change: ChangeStatus, crm: MemoryCrm) -> None:
    crm.becomes("won")

    assert isinstance(await change(_lose(Consent.PRESUMED), "key"), Changed)


@pytest.mark.parametrize("consent", Consent)
async def test_nobody_is_asked_about_what_is_so_already_or_was_overtaken(
    careful: ChangeStatus, crm: MemoryCrm, consent: Consent
) -> None:
    assert isinstance(await careful(Wish("deal", Status.OPEN, consent=consent), "key"), AlreadySo)
    assert await careful(replace(_lose(consent), only_if="won"), "key") == Overtaken(DEAL)
    assert crm.calls == ["find", "find"]


# --- a reason alone -------------------------------------------------------------------------------------------------

BECAUSE = Wish("deal", Status.LOST, lost_reason_id="why")
LOST = Opportunity("deal", "lost")


async def test_a_deal_that_is_lost_gets_its_reason(change: ChangeStatus, crm: MemoryCrm) -> None:
    crm.deal = LOST
    outcome = await change(BECAUSE, "key")

    assert isinstance(outcome, Changed)
    assert (outcome.before, outcome.after.status, outcome.after.lost_reason_id) == (LOST, "lost", "why")
    assert isinstance(await change(BECAUSE, "key"), AlreadySo)


async def test_a_reason_is_added_unasked_although_nobody_leaves_that_status(
    crm: MemoryCrm, ledger: MemoryLedger
) -> None:
    crm.deal = LOST

    assert isinstance(await ChangeStatus(crm, ledger, PATIENCE, {Status.LOST})(BECAUSE, "key"), Changed)


async def test_a_reason_that_highlevel_does_not_show_does_not_spoil_the_change(
    change: ChangeStatus, crm: MemoryCrm
) -> None:
    crm.hides_reasons = True
    outcome = await change(BECAUSE, "key")

    assert isinstance(outcome, Changed)
    assert (outcome.after.status, outcome.after.lost_reason_id) == ("lost", None)


async def test_a_reason_alone_that_is_not_shown_cannot_be_told_from_none(change: ChangeStatus, crm: MemoryCrm) -> None:
    crm.deal, crm.hides_reasons = LOST, True

    assert await change(BECAUSE, "key") == Failed(
        Trouble(Cause.NO_EFFECT, trace_id="trace"), Effect.NOTHING, LOST, LOST
    )


async def test_a_reason_that_was_added_before_the_crash_is_found_and_not_added_again(
    change: ChangeStatus, crm: MemoryCrm
) -> None:
    crm.deal = replace(LOST, lost_reason_id="why")
    outcome = await change(BECAUSE, "key", intended=LOST)

    assert isinstance(outcome, Changed)
    assert (outcome.before, outcome.after.lost_reason_id) == (LOST, "why")
    assert "set_status" not in crm.calls


async def test_a_reason_that_the_crash_prevented_is_added(change: ChangeStatus, crm: MemoryCrm) -> None:
    crm.deal = LOST

    assert isinstance(await change(BECAUSE, "key", intended=LOST), Changed)
    assert crm.deal.lost_reason_id == "why"


async def test_another_reason_that_somebody_gave_during_the_crash_is_left_alone(
    change: ChangeStatus, crm: MemoryCrm
) -> None:
    crm.deal = other = replace(LOST, lost_reason_id="other")

    assert await change(BECAUSE, "key", intended=LOST) == Failed(
        Trouble(Cause.INTERRUPTED), Effect.UNKNOWN, LOST, other
    )
    assert "set_status" not in crm.calls


async def test_a_change_whose_write_shows_only_after_all_looks_is_one(change: ChangeStatus, crm: MemoryCrm) -> None:
    crm.finding.extend([*[lambda: None] * (RESUMING_LOOKS + 1), lambda: crm.becomes("won")])
    outcome = await change(WON, "key", intended=DEAL)

    assert isinstance(outcome, Changed)
    assert (outcome.before, outcome.after.status) == (DEAL, "won")
    assert "set_status" not in crm.calls


async def test_who_was_about_to_write_had_been_asked(careful: ChangeStatus, crm: MemoryCrm) -> None:
    crm.becomes("won")
    outcome = await careful(_lose(Consent.GIVEN), "key", intended=Opportunity("deal", "won"))

    assert isinstance(outcome, Changed)
