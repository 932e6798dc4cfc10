import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from bot.access.rules import Caller
from bot.commands.record import Entry
from bot.deals.change import RESUMING_LOOKS, ChangeStatus, Patience
from bot.deals.deal import Opportunity, Status
from bot.deals.outcome import (
    AlreadySo,
    AskedOwner,
    Cause,
    Changed,
    Effect,
    Failed,
    NotYours,
    Objection,
    Overtaken,
    Previewed,
    Trouble,
    Unconfirmed,
    Withheld,
)
from bot.deals.ports import LeaseLost, StoreDown
from bot.deals.wish import Consent, Wish
from tests.memory import MemoryCrm, MemoryLedger, MemoryRights, Row, error

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


async def test_the_intent_is_noted_before_the_write(change: ChangeStatus, crm: MemoryCrm, ledger: MemoryLedger) -> None:
    states: list[str] = []
    crm.setting.append(lambda: states.append(ledger.store.rows["key"].state))
    await change(WON, "key")

    assert states == ["intended"]
    assert ledger.store.rows["key"].before == DEAL


async def test_a_deal_that_has_the_status_already_is_not_written(
    change: ChangeStatus, crm: MemoryCrm, ledger: MemoryLedger
) -> None:
    outcome = await change(Wish("deal", Status.OPEN), "key")

    assert isinstance(outcome, AlreadySo)
    assert crm.calls == ["find"]
    assert ledger.store.rows["key"].before is None


async def test_a_deal_that_cannot_be_found_is_not_written(change: ChangeStatus, crm: MemoryCrm) -> None:
    assert await change(Wish("other", Status.WON), "key") == Failed(Trouble(Cause.NOT_FOUND), Effect.NOTHING)
    assert crm.calls == ["find"]


async def test_without_a_noted_intent_the_deal_is_not_written(
    change: ChangeStatus, crm: MemoryCrm, ledger: MemoryLedger
) -> None:
    ledger.store.down = True

    with pytest.raises(StoreDown):
        await change(WON, "key")
    assert crm.calls == ["find"]


async def test_a_command_that_another_worker_took_over_is_not_carried_out(
    change: ChangeStatus, crm: MemoryCrm, ledger: MemoryLedger
) -> None:
    ledger.store.rows["key"].owner = "another"

    with pytest.raises(LeaseLost):
        await change(WON, "key")
    assert crm.calls == ["find"]


async def test_a_command_that_another_worker_took_over_after_the_intent_was_noted_is_not_written(
    change: ChangeStatus, crm: MemoryCrm, ledger: MemoryLedger
) -> None:
    def take_over() -> None:
        ledger.store.rows["key"].owner = "another"

    crm.setting.append(take_over)
    with pytest.raises(LeaseLost):
        await change(WON, "key")
    assert crm.deal == DEAL


async def test_no_call_is_made_without_room_in_the_rate_limit(change: ChangeStatus, crm: MemoryCrm) -> None:
    crm.closed = error(Cause.DAILY_LIMIT)

    assert await change(WON, "key") == Failed(Trouble(Cause.DAILY_LIMIT), Effect.NOTHING)
    assert crm.calls == []


async def test_a_lost_deal_gets_the_lost_reason_of_the_wish(change: ChangeStatus, crm: MemoryCrm) -> None:
    outcome = await change(Wish("deal", Status.LOST, lost_reason_id="reason"), "key")

    assert isinstance(outcome, Changed)
    assert (crm.deal.status, crm.deal.lost_reason_id) == ("lost", "reason")


# --- only with a certain status --------------------------------------------------------------------------------------


async def test_a_deal_that_still_has_the_required_status_is_changed(change: ChangeStatus) -> None:
    assert isinstance(await change(Wish("deal", Status.WON, only_if="open"), "key"), Changed)


async def test_a_deal_that_another_person_changed_meanwhile_is_not_written(
    change: ChangeStatus, crm: MemoryCrm
) -> None:
    assert await change(Wish("deal", Status.LOST, only_if="won"), "key") == Overtaken(DEAL)
    assert crm.calls == ["find"]


async def test_a_deal_that_is_as_wished_needs_no_write_whatever_status_was_required(change: ChangeStatus) -> None:
    assert isinstance(await change(Wish("deal", Status.OPEN, only_if="won"), "key"), AlreadySo)


# --- after a crash --------------------------------------------------------------------------------------------------


async def test_after_a_crash_a_write_that_happened_is_found_and_not_repeated(
    change: ChangeStatus, crm: MemoryCrm
) -> None:
    crm.becomes("won")
    outcome = await change(WON, "key", intended=DEAL)

    assert isinstance(outcome, Changed)
    assert (outcome.before, outcome.after.status, outcome.after.stage) == (DEAL, "won", "Proposal")
    assert crm.calls == ["find"]


async def test_after_a_crash_a_write_that_is_under_way_is_waited_for(change: ChangeStatus, crm: MemoryCrm) -> None:
    crm.finding.extend([lambda: None, lambda: None, lambda: crm.becomes("won")])
    outcome = await change(WON, "key", intended=DEAL)

    assert isinstance(outcome, Changed)
    assert crm.calls == ["find", "find", "find"]


async def test_after_a_crash_a_write_that_shows_after_the_last_look_still_counts(
    change: ChangeStatus, crm: MemoryCrm
) -> None:
    crm.finding.extend([lambda: None] * (1 + RESUMING_LOOKS))
    crm.finding.append(lambda: crm.becomes("won"))
    outcome = await change(WON, "key", intended=DEAL)

    assert isinstance(outcome, Changed)
    assert outcome.before == DEAL
    assert "set_status" not in crm.calls


async def test_time_that_the_ledger_takes_is_not_taken_from_the_crm() -> None:
    class Slow(MemoryLedger):
        async def intend(self, key: str, before: Opportunity) -> None:
            await asyncio.sleep(0.15)
            await super().intend(key, before)

    slow = Slow()
    slow.store.rows["key"] = Row(Entry("key", "REF", Caller("U1", "T1", "C1"), "", WON), slow.owner, float("inf"))
    untils: list[float] = []

    class Watched(MemoryCrm):
        async def set_status(
            self,
            opportunity_id: str,
            status: Status,
            *,
            lost_reason_id: str | None,
            until: float,
            still_ours: Callable[[], Awaitable[None]],
        ) -> str:
            untils.append(until - asyncio.get_running_loop().time())
            return await super().set_status(
                opportunity_id, status, lost_reason_id=lost_reason_id, until=until, still_ours=still_ours
            )

    change = ChangeStatus(Watched(DEAL), slow, Patience(whole=0.2, for_looking=0.1, between_looks=0.01))
    assert isinstance(await change(WON, "key"), Changed)
    assert untils[0] > 0.05


async def test_after_a_crash_a_write_that_did_not_happen_is_made(change: ChangeStatus, crm: MemoryCrm) -> None:
    outcome = await change(WON, "key", intended=DEAL)

    assert isinstance(outcome, Changed)
    assert crm.calls.count("set_status") == 1
    assert crm.calls.index("set_status") > RESUMING_LOOKS


async def test_after_a_crash_a_deal_with_a_third_status_is_not_written(change: ChangeStatus, crm: MemoryCrm) -> None:
    crm.becomes("abandoned")
    outcome = await change(WON, "key", intended=DEAL)

    assert outcome == Failed(Trouble(Cause.INTERRUPTED), Effect.UNKNOWN, DEAL, Opportunity("deal", "abandoned"))
    assert "set_status" not in crm.calls


async def test_after_a_crash_a_deal_that_cannot_be_read_may_have_changed(change: ChangeStatus, crm: MemoryCrm) -> None:
    crm.finding.append(error(Cause.NO_CONNECTION))

    assert await change(WON, "key", intended=DEAL) == Failed(Trouble(Cause.NO_CONNECTION), Effect.UNKNOWN, DEAL)


# --- doubt ----------------------------------------------------------------------------------------------------------


async def test_a_write_that_was_refused_is_not_read_back(change: ChangeStatus, crm: MemoryCrm) -> None:
    crm.setting.append(error(Cause.INVALID))

    assert await change(WON, "key") == Failed(Trouble(Cause.INVALID), Effect.NOTHING, DEAL)
    assert crm.calls == ["find", "set_status"]


async def test_a_write_without_an_answer_that_happened_is_a_change(change: ChangeStatus, crm: MemoryCrm) -> None:
    crm.setting.append(error(Cause.NO_ANSWER, perhaps_done=True, answered=False))
    crm.finding.extend([lambda: None, lambda: crm.becomes("won")])
    outcome = await change(WON, "key")

    assert isinstance(outcome, Changed)
    assert outcome.despite == Trouble(Cause.NO_ANSWER)
    assert crm.calls == ["find", "set_status", "find"]


async def test_a_write_without_an_answer_is_looked_for_as_long_as_there_is_time(
    change: ChangeStatus, crm: MemoryCrm
) -> None:
    crm.setting.append(error(Cause.NO_ANSWER, perhaps_done=True, answered=False))
    outcome = await change(WON, "key")

    assert outcome == Failed(Trouble(Cause.NO_ANSWER), Effect.NOTHING, DEAL, DEAL)
    assert crm.calls.count("set_status") == 1
    assert crm.calls.count("find") > 5


async def test_a_write_that_failed_in_highlevel_is_looked_for_once(change: ChangeStatus, crm: MemoryCrm) -> None:
    crm.setting.append(error(Cause.SERVER_ERROR, perhaps_done=True))

    assert await change(WON, "key") == Failed(Trouble(Cause.SERVER_ERROR), Effect.NOTHING, DEAL, DEAL)
    assert crm.calls == ["find", "set_status", "find"]


async def test_an_accepted_write_is_looked_for_twice_before_it_counts_as_without_effect(
    change: ChangeStatus, crm: MemoryCrm
) -> None:
    crm.finding.extend([lambda: None, lambda: crm.becomes("open"), lambda: crm.becomes("open")])
    outcome = await change(WON, "key")

    assert isinstance(outcome, Failed)
    assert (outcome.trouble.cause, outcome.trouble.trace_id) == (Cause.NO_EFFECT, "trace")
    assert (outcome.effect, outcome.now) == (Effect.NOTHING, DEAL)
    assert crm.calls == ["find", "set_status", "find", "find"]


async def test_an_accepted_write_that_shows_late_is_a_change(change: ChangeStatus, crm: MemoryCrm) -> None:
    crm.finding.extend([lambda: None, lambda: crm.becomes("open"), lambda: crm.becomes("won")])

    assert isinstance(await change(WON, "key"), Changed)


async def test_an_accepted_write_that_cannot_be_read_back_has_an_unknown_effect(
    change: ChangeStatus, crm: MemoryCrm
) -> None:
    crm.finding.extend([lambda: None, error(Cause.NO_CONNECTION)])

    assert await change(WON, "key") == Failed(Trouble(Cause.NOT_CONFIRMED), Effect.UNKNOWN, DEAL)


async def test_a_doubtful_write_that_cannot_be_read_back_keeps_its_own_cause(
    change: ChangeStatus, crm: MemoryCrm
) -> None:
    crm.setting.append(error(Cause.CUT_OFF, perhaps_done=True, answered=False))
    crm.finding.extend([lambda: None, error(Cause.NO_CONNECTION)])

    assert await change(WON, "key") == Failed(Trouble(Cause.CUT_OFF), Effect.UNKNOWN, DEAL)


async def test_a_deal_that_reads_back_with_a_third_status_has_an_unknown_effect(
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
    """Asks for a confirmation before a deal leaves *won*."""
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
async def test_a_command_that_needs_a_confirmation_shows_the_deal_and_writes_nothing(
    careful: ChangeStatus, crm: MemoryCrm, ledger: MemoryLedger, consent: Consent, stop: Previewed | Unconfirmed
) -> None:
    crm.becomes(stop.opportunity.status)

    assert await careful(_lose(consent), "key") == stop
    assert crm.calls == ["find"]
    assert ledger.store.rows["key"].state == "accepted"


@pytest.mark.parametrize(
    ("consent", "status"),
    [
        (Consent.PRESUMED, "open"),
        (Consent.PRESUMED, "abandoned"),
        (Consent.CHOSEN, "won"),
        (Consent.GIVEN, "won"),
        (Consent.GIVEN, "open"),
    ],
)
async def test_a_command_that_needs_no_confirmation_goes_on(
    careful: ChangeStatus, crm: MemoryCrm, consent: Consent, status: str
) -> None:
    crm.becomes(status)

    assert isinstance(await careful(_lose(consent), "key"), Changed)
    assert crm.deal.status == "lost"


async def test_without_guarded_statuses_no_confirmation_is_asked_for(change: ChangeStatus, crm: MemoryCrm) -> None:
    crm.becomes("won")

    assert isinstance(await change(_lose(Consent.PRESUMED), "key"), Changed)


@pytest.mark.parametrize("consent", Consent)
async def test_no_confirmation_is_asked_for_if_there_is_nothing_to_write(
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


async def test_adding_a_lost_reason_leaves_no_status_and_needs_no_confirmation(
    crm: MemoryCrm, ledger: MemoryLedger
) -> None:
    crm.deal = LOST

    assert isinstance(await ChangeStatus(crm, ledger, PATIENCE, {Status.LOST})(BECAUSE, "key"), Changed)


async def test_a_new_status_is_enough_and_the_reason_that_was_sent_counts_where_none_is_shown(
    change: ChangeStatus, crm: MemoryCrm
) -> None:
    crm.hides_reasons = True
    outcome = await change(BECAUSE, "key")

    assert isinstance(outcome, Changed)
    assert (outcome.after.status, outcome.after.lost_reason_id) == ("lost", "why")


async def test_after_a_crash_the_reason_that_was_sent_with_the_loss_counts_where_none_is_shown(
    change: ChangeStatus, crm: MemoryCrm
) -> None:
    crm.deal = LOST
    outcome = await change(BECAUSE, "key", intended=DEAL)

    assert isinstance(outcome, Changed)
    assert outcome.after.lost_reason_id == "why"


async def test_a_reason_that_is_told_only_later_is_no_change_of_the_deal(change: ChangeStatus, crm: MemoryCrm) -> None:
    crm.deal = replace(LOST, lost_reason_id="why")
    outcome = await change(WON, "key", intended=LOST)

    assert isinstance(outcome, Changed)
    assert crm.calls.count("set_status") == 1


async def test_a_lost_reason_alone_that_does_not_show_counts_as_without_effect(
    change: ChangeStatus, crm: MemoryCrm
) -> None:
    crm.deal, crm.hides_reasons = LOST, True

    assert await change(BECAUSE, "key") == Failed(
        Trouble(Cause.NO_EFFECT, trace_id="trace"), Effect.NOTHING, LOST, LOST
    )


async def test_after_a_crash_a_lost_reason_that_was_added_is_not_added_again(
    change: ChangeStatus, crm: MemoryCrm
) -> None:
    crm.deal = replace(LOST, lost_reason_id="why")
    outcome = await change(BECAUSE, "key", intended=LOST)

    assert isinstance(outcome, Changed)
    assert (outcome.before, outcome.after.lost_reason_id) == (LOST, "why")
    assert "set_status" not in crm.calls


async def test_after_a_crash_a_lost_reason_that_was_not_added_is_added(change: ChangeStatus, crm: MemoryCrm) -> None:
    crm.deal = LOST

    assert isinstance(await change(BECAUSE, "key", intended=LOST), Changed)
    assert crm.deal.lost_reason_id == "why"


async def test_after_a_crash_another_lost_reason_is_not_overwritten(change: ChangeStatus, crm: MemoryCrm) -> None:
    crm.deal = other = replace(LOST, lost_reason_id="other")

    assert await change(BECAUSE, "key", intended=LOST) == Failed(
        Trouble(Cause.INTERRUPTED), Effect.UNKNOWN, LOST, other
    )
    assert "set_status" not in crm.calls


async def test_a_resumed_write_that_shows_only_after_all_looks_is_a_change(
    change: ChangeStatus, crm: MemoryCrm
) -> None:
    crm.finding.extend([*[lambda: None] * (RESUMING_LOOKS + 1), lambda: crm.becomes("won")])
    outcome = await change(WON, "key", intended=DEAL)

    assert isinstance(outcome, Changed)
    assert (outcome.before, outcome.after.status) == (DEAL, "won")
    assert "set_status" not in crm.calls


async def test_a_resumed_write_needs_no_further_confirmation(careful: ChangeStatus, crm: MemoryCrm) -> None:
    crm.becomes("won")
    outcome = await careful(_lose(Consent.GIVEN), "key", intended=Opportunity("deal", "won"))

    assert isinstance(outcome, Changed)


# --- whose deal it is ----------------------------------------------------------------------------------------------

STOPS, WARNS = (Objection(Withheld.OWNED, stops=stops) for stops in (True, False))


@pytest.mark.parametrize("consent", [each for each in Consent if each is not Consent.ASK_OWNER])
async def test_a_deal_that_is_another_persons_is_not_written_and_not_asked_about(
    crm: MemoryCrm, ledger: MemoryLedger, consent: Consent
) -> None:
    rights = MemoryRights(STOPS)
    change = ChangeStatus(crm, ledger, PATIENCE, rights=rights)
    outcome = await change(replace(WON, consent=consent), "key", by="U1")

    assert isinstance(outcome, NotYours)
    assert outcome.objection == replace(STOPS, owner="U0BEN")
    assert (rights.asked, crm.calls) == (["U1"], ["find"])
    assert ledger.store.rows["key"].before is None


async def test_what_would_change_nothing_is_said_before_whose_the_deal_is(crm: MemoryCrm, ledger: MemoryLedger) -> None:
    change = ChangeStatus(crm, ledger, PATIENCE, rights=MemoryRights(STOPS))
    assert await change(Wish("deal", Status.OPEN), "key") == AlreadySo(DEAL)
    assert await change(replace(WON, only_if="lost"), "key") == Overtaken(DEAL)


async def test_a_warning_lets_the_change_happen_and_names_the_owner(crm: MemoryCrm, ledger: MemoryLedger) -> None:
    outcome = await ChangeStatus(crm, ledger, PATIENCE, rights=MemoryRights(WARNS))(WON, "key", by="U1")

    assert isinstance(outcome, Changed)
    assert outcome.objection == replace(WARNS, owner="U0BEN")


async def test_a_change_that_a_process_died_over_is_told_the_owner_too(crm: MemoryCrm, ledger: MemoryLedger) -> None:
    crm.deal = replace(DEAL, status="won")
    outcome = await ChangeStatus(crm, ledger, PATIENCE, rights=MemoryRights(WARNS))(WON, "key", DEAL, by="U1")

    assert isinstance(outcome, Changed)
    assert outcome.objection == replace(WARNS, owner="U0BEN")


@pytest.mark.parametrize("found", [None, STOPS])
async def test_a_change_without_a_warning_tells_no_owner(
    crm: MemoryCrm, ledger: MemoryLedger, found: Objection | None
) -> None:
    crm.deal = replace(DEAL, status="won")  # an earlier process made the change, when there was no objection
    outcome = await ChangeStatus(crm, ledger, PATIENCE, rights=MemoryRights(found))(WON, "key", DEAL)

    assert isinstance(outcome, Changed)
    assert outcome.objection is None


@pytest.mark.parametrize(
    ("found", "owner", "outcome"), [(STOPS, "U0BEN", AskedOwner), (STOPS, "", NotYours), (None, "U0BEN", Unconfirmed)]
)
async def test_an_owner_is_asked_who_can_be_found_and_is_needed(
    crm: MemoryCrm, ledger: MemoryLedger, found: Objection | None, owner: str, outcome: type
) -> None:
    change = ChangeStatus(crm, ledger, PATIENCE, rights=MemoryRights(found, owner))

    assert isinstance(await change(replace(WON, consent=Consent.ASK_OWNER), "key"), outcome)
    assert crm.calls == ["find"]
