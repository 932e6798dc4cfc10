import asyncio

import pytest

from bot.access import Caller
from bot.change import RESUMING_LOOKS, ChangeStatus, LeaseLost, Patience, StoreDown
from bot.outcome import (
    AlreadySo,
    Cause,
    Changed,
    Effect,
    Failed,
    Outcome,
    Overtaken,
    Previewed,
    Trouble,
    Unconfirmed,
)
from bot.record import Entry
from bot.status import Consent, Opportunity, Status, Wish
from tests.memory import MemoryCrm, MemoryLedger, Row, error

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


# --- by itself, or not ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("consent", [Consent.PRESUMED, Consent.WANTED, Consent.PREVIEW, Consent.GIVEN])
@pytest.mark.parametrize("before", ["open", "won"])
async def test_how_far_a_command_goes_is_what_was_agreed_to(
    crm: MemoryCrm, ledger: MemoryLedger, before: str, consent: Consent
) -> None:
    crm.becomes(before)
    change = ChangeStatus(crm, ledger, PATIENCE, frozenset({Status.WON}))
    outcome = await change(Wish("deal", Status.LOST, consent=consent), "key")

    expected: dict[Consent, type[Outcome]] = {
        Consent.PRESUMED: Unconfirmed if before == "won" else Changed,
        Consent.WANTED: Unconfirmed,
        Consent.PREVIEW: Previewed,
        Consent.GIVEN: Changed,
    }
    assert type(outcome) is expected[consent]
    assert ("set_status" in crm.calls) is isinstance(outcome, Changed)
    assert isinstance(outcome, Changed | Unconfirmed | Previewed)
    shown = outcome.after if isinstance(outcome, Changed) else outcome.opportunity
    assert shown.stage == "Proposal"


async def test_what_is_so_already_is_not_asked_about(crm: MemoryCrm, ledger: MemoryLedger) -> None:
    crm.becomes("won")
    change = ChangeStatus(crm, ledger, PATIENCE, frozenset({Status.WON}))

    assert isinstance(await change(WON, "key"), AlreadySo)


# --- lost reasons ---------------------------------------------------------------------------------------------------

LOST = Wish("deal", Status.LOST, "r1")


async def test_a_reason_is_added_to_a_deal_that_is_lost_already(change: ChangeStatus, crm: MemoryCrm) -> None:
    crm.becomes("lost")
    outcome = await change(LOST, "key")

    assert isinstance(outcome, Changed)
    assert (outcome.before.lost_reason_id, outcome.after.lost_reason_id) == (None, "r1")


async def test_a_deal_that_is_lost_for_that_reason_is_left_alone(change: ChangeStatus, crm: MemoryCrm) -> None:
    crm.deal = Opportunity("deal", "lost", lost_reason_id="r1")

    assert isinstance(await change(LOST, "key"), AlreadySo)


async def test_a_deal_that_is_lost_without_its_reason_being_shown_is_lost(change: ChangeStatus, crm: MemoryCrm) -> None:
    crm.finding = [lambda: None, lambda: crm.becomes("lost")]
    crm.setting = [error(Cause.NO_ANSWER, perhaps_done=True, answered=True)]

    assert isinstance(await change(LOST, "key"), Changed)


async def test_a_reason_that_does_not_appear_was_without_effect(change: ChangeStatus, crm: MemoryCrm) -> None:
    crm.becomes("lost")
    crm.setting = [error(Cause.SAID_NO, perhaps_done=True, answered=True)]
    outcome = await change(LOST, "key")

    assert isinstance(outcome, Failed)
    assert outcome.effect is Effect.NOTHING


async def test_a_reason_that_an_earlier_process_added_is_not_sent_again(change: ChangeStatus, crm: MemoryCrm) -> None:
    crm.deal = Opportunity("deal", "lost", lost_reason_id="r1")
    outcome = await change(LOST, "key", Opportunity("deal", "lost"))

    assert isinstance(outcome, Changed)
    assert "set_status" not in crm.calls
