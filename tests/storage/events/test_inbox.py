"""The inbox of events, over SQLite and PostgreSQL."""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from secrets import token_hex

import pytest
import sqlalchemy as sa

from bot.access.rules import Caller
from bot.commands.record import Entry
from bot.commands.reply import Message
from bot.deals.deal import Opportunity, Status
from bot.deals.outcome import Cause, Changed, Effect, Failed, Outcome, Trouble
from bot.deals.wish import Wish
from bot.events.event import Decision, Event, Kind, Known, Reception, Settled, Source, Taken, Verdict
from bot.events.ports import Heard
from bot.events.posting import Channel, Crowd, Held, Plan, Why
from bot.storage.database import Database
from bot.storage.events.announcing import SqlAnnouncements
from bot.storage.events.counts import SqlCounts
from bot.storage.events.inbox import SqlInbox
from bot.storage.events.polls import SqlPolls
from bot.storage.events.tables import deals, event_counts, events
from bot.storage.ledger import SqlLedger
from bot.storage.tables import commands

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
WON = Opportunity("deal-1", "won", name="New website", value=4800.0, since=NOON)


def _event(number: int = 1, *, deal: int | None = None, location: str = "location") -> Event:
    return Event(f"key-{number}", Source.WEBHOOK, Kind.CHANGED, location, f"deal-{deal or number}")


class _Decider:
    """Posts whatever it is asked about in one channel, and keeps what it was asked."""

    def __init__(self, verdict: Verdict | None = None) -> None:
        self.verdict = verdict
        self.asked: list[tuple[Known | None, bool]] = []

    def __call__(self, known: Known | None, ours: bool, now: datetime) -> Decision:
        assert abs((datetime.now(UTC) - now).total_seconds()) < 60
        self.asked.append((known, ours))
        return Decision(self.verdict, "C0WINS", known)


def _at_once(crowd: Crowd) -> float:
    assert crowd.held
    assert crowd.oldest <= crowd.newest <= crowd.now
    return 0.0


class _Words:
    def changed(self, held: Held, reference: str) -> Message:
        return Message(f"{held.deal.name} {held.before} {reference}", (), public=True)

    def again(self, held: Held, reference: str, thread_ts: str) -> Message:
        return Message(f"{held.before} {reference}", (), public=True, edits=True, thread_ts=thread_ts)

    def many(self, held: Sequence[Held], why: Why, reference: str) -> Message:
        return Message(f"{len(held)} {why.name} {reference}", (), public=True)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url, 15.0)
    yield opened
    await opened.close()


async def _rows(database: Database, table: sa.Table) -> list[sa.RowMapping]:
    return await database.do(lambda connection: list(connection.execute(sa.select(table)).mappings()))


async def test_an_event_is_written_down_once_with_what_is_needed_to_read_its_deal(database: Database) -> None:
    inbox = SqlInbox(database)
    new = [await inbox.receive(_event()), await inbox.receive(_event()), await inbox.receive(_event(), _event(2))]
    rows = await _rows(database, events)

    assert new == [1, 0, 1]
    assert [(row["key"], row["state"], row["opportunity_id"]) for row in rows] == [
        ("key-1", "received", "deal-1"),
        ("key-2", "received", "deal-2"),
    ]
    assert (rows[0]["source"], rows[0]["kind"], rows[0]["location_id"]) == ("webhook", "changed", "location")


async def test_counts_add_up(database: Database) -> None:
    counts = SqlCounts(database)
    await counts.add({(Source.WEBHOOK, Reception.RECEIVED): 2, (Source.WORKFLOW, Reception.WRONG_TOKEN): 1})
    await counts.add({(Source.WEBHOOK, Reception.RECEIVED): 3})
    rows = await _rows(database, event_counts)

    assert sorted((row["source"], row["reception"], row["many"]) for row in rows) == [
        ("webhook", "received", 5),
        ("workflow", "wrong_token", 1),
    ]
    assert all(row["latest_at"].startswith(row["day"]) for row in rows)


# --- taking ---------------------------------------------------------------------------------------------------------


async def _take(inbox: SqlInbox, most: int = 4, *locations: str) -> list[Taken]:
    return list(await inbox.take(locations or ("location",), most))


async def test_all_events_about_a_deal_are_taken_together(database: Database) -> None:
    inbox = SqlInbox(database)
    await inbox.receive(_event(1), _event(2), _event(3, deal=1), _event(4, location="another"))
    first, second = await _take(inbox)

    assert (first.opportunity_id, len(first.numbers), first.version) == ("deal-1", 2, 0)
    assert (second.opportunity_id, len(second.numbers)) == ("deal-2", 1)
    assert first.age < 60
    assert await _take(inbox) == []


async def test_two_replicas_share_the_events_and_take_none_twice(database: Database) -> None:
    one, two = SqlInbox(database), SqlInbox(database)
    await one.receive(*(_event(number) for number in range(1, 21)))
    taken = [each for some in await asyncio.gather(*(_take(each, 3) for each in (one, two) * 5)) for each in some]

    assert sorted(each.opportunity_id for each in taken) == sorted(f"deal-{number}" for number in range(1, 21))


async def test_events_of_a_process_that_died_are_taken_again(database: Database) -> None:
    dead, living = SqlInbox(database, lease=-1.0), SqlInbox(database)
    await dead.receive(_event())
    (lost,) = await _take(dead)
    (taken,) = await _take(living)

    assert taken.numbers == lost.numbers
    assert await dead.settle(lost, WON, _Decider()) == (Settled.LOST, None)
    await dead.set_back(lost, 0.0, failed=True)
    await dead.dismiss(lost, Verdict.UNREAD)
    assert await living.settle(taken, WON, _Decider()) == (Settled.DONE, None)


async def test_events_that_are_given_back_are_taken_at_once(database: Database) -> None:
    leaving, staying = SqlInbox(database), SqlInbox(database)
    await leaving.receive(_event())
    await _take(leaving)
    assert await _take(staying) == []
    await leaving.give_back()

    assert len(await _take(staying)) == 1


async def test_events_that_are_set_back_wait_and_count_their_failures(database: Database) -> None:
    inbox = SqlInbox(database)
    await inbox.receive(_event())
    (taken,) = await _take(inbox)
    await inbox.set_back(taken, 0.0, failed=False)
    (taken,) = await _take(inbox)
    assert taken.attempts == 0
    await inbox.set_back(taken, 0.0, failed=True)
    (taken,) = await _take(inbox)
    assert taken.attempts == 1
    await inbox.set_back(taken, 3600.0, failed=True)

    assert await _take(inbox) == []


# --- settling -------------------------------------------------------------------------------------------------------


async def test_a_deal_is_remembered_as_it_was_read(database: Database) -> None:
    inbox, decide = SqlInbox(database), _Decider(Verdict.UNCHANGED)
    for number, status in enumerate(("won", "lost"), 1):
        await inbox.receive(_event(number, deal=1))
        (taken,) = await _take(inbox)
        deal = Opportunity("deal-1", status, lost_reason_id="R1" if status == "lost" else None, since=NOON)
        assert await inbox.settle(taken, deal, decide) == (Settled.DONE, Verdict.UNCHANGED)
    (row,) = await _rows(database, deals)

    assert decide.asked == [(None, False), (Known("won", None, "2026-11-28T12:00:00.000+00:00"), False)]
    assert (row["status"], row["lost_reason_id"], row["location_id"]) == ("lost", "R1", "location")
    assert {event["verdict"] for event in await _rows(database, events)} == {"unchanged"}


async def test_of_several_events_about_a_deal_one_is_told(database: Database) -> None:
    inbox = SqlInbox(database)
    await inbox.receive(_event(1), _event(2, deal=1), _event(3, deal=1))
    (taken,) = await _take(inbox)
    await inbox.settle(taken, WON, _Decider())
    found = [(row["state"], row["verdict"]) for row in await _rows(database, events)]

    assert sorted(found, key=str) == [("finished", "repeated"), ("finished", "repeated"), ("held", None)]


async def test_what_was_learned_after_the_read_began_is_not_overwritten(database: Database) -> None:
    inbox, reopened = SqlInbox(database), Opportunity("deal-1", "open")
    await inbox.receive(_event())
    (taken,) = await _take(inbox)
    await _command(SqlLedger(database), Changed(WON, reopened), Status.OPEN)

    assert await inbox.settle(taken, WON, _Decider()) == (Settled.MOVED, None)
    await inbox.set_back(taken, 0.0, failed=False)
    (again,) = await _take(inbox)
    decide = _Decider()
    assert await inbox.settle(again, WON, decide) == (Settled.DONE, None)
    assert decide.asked == [(Known("open", None, None), False)]


async def test_two_replicas_that_see_a_deal_for_the_first_time_do_not_both_tell_it(database: Database) -> None:
    one, two, decide = SqlInbox(database), SqlInbox(database), _Decider()
    await one.receive(_event(1))
    (first,) = await _take(one)
    await two.receive(_event(2, deal=1))
    (second,) = await _take(two)
    settled = await asyncio.gather(one.settle(first, WON, decide), two.settle(second, WON, decide))

    assert sorted(each.value for each, _ in settled) == ["done", "moved"]


async def test_a_deal_that_is_gone_is_forgotten(database: Database) -> None:
    inbox = SqlInbox(database)
    for number in (1, 2):
        await inbox.receive(_event(number, deal=1))
        (taken,) = await _take(inbox)
        if number == 1:
            await inbox.settle(taken, WON, _Decider(Verdict.LEARNED))
        else:
            await inbox.dismiss(taken, Verdict.GONE)

    assert await _rows(database, deals) == []


# --- commands -------------------------------------------------------------------------------------------------------


async def _command(ledger: SqlLedger, outcome: Outcome | None, status: Status = Status.WON) -> str:
    """A command that has this outcome; `None`: it is about to change its deal."""
    key = token_hex(4)
    await ledger.accept(Entry(key, "REF", Caller("U1", "T1", "C1"), "", Wish("deal-1", status)), within=15.0)
    await ledger.begin(key)
    await ledger.intend(key, Opportunity("deal-1", "open"))
    if outcome:
        await ledger.answer(key, outcome, None)
    return key


async def test_while_a_command_is_at_the_deal_its_events_wait(database: Database) -> None:
    inbox, ledger, decide = SqlInbox(database), SqlLedger(database), _Decider()
    await inbox.receive(_event())
    (taken,) = await _take(inbox)
    key = await _command(ledger, None)
    assert await inbox.settle(taken, WON, decide) == (Settled.BUSY, None)
    await ledger.answer(key, Changed(Opportunity("deal-1", "open"), WON), None)
    assert await inbox.settle(taken, WON, decide) == (Settled.MOVED, None)
    await inbox.set_back(taken, 0.0, failed=False)
    (again,) = await _take(inbox)
    await inbox.settle(again, WON, decide)

    assert [known and known.status for known, _ in decide.asked] == ["won"]


async def test_a_command_that_changed_its_deal_teaches_what_it_is_now(database: Database) -> None:
    await _command(SqlLedger(database), Changed(Opportunity("deal-1", "open"), WON))
    (row,) = await _rows(database, deals)

    assert (row["status"], row["since"], row["version"]) == ("won", "2026-11-28T12:00:00.000+00:00", 1)


async def test_a_command_that_does_not_know_whether_it_changed_its_deal_may_have_done_it_once(
    database: Database,
) -> None:
    inbox, decide = SqlInbox(database), _Decider(Verdict.OURS)
    for number, status in enumerate(("open", "won", "open", "won")):
        if number == 1:
            await _command(SqlLedger(database), Failed(Trouble(Cause.CUT_OFF), Effect.UNKNOWN))
        await inbox.receive(_event(number, deal=1))
        (taken,) = await _take(inbox)
        await inbox.settle(taken, Opportunity("deal-1", status), decide)
        await asyncio.sleep(0.01)  # the database's clock has milliseconds

    assert [ours for _, ours in decide.asked] == [False, True, False, False]


async def test_a_change_that_follows_a_doubtful_command_may_be_its_own(database: Database) -> None:
    inbox, decide = SqlInbox(database), _Decider(Verdict.OURS)
    await _command(SqlLedger(database), Failed(Trouble(Cause.CUT_OFF), Effect.UNKNOWN))
    await inbox.receive(_event())
    (taken,) = await _take(inbox)
    await inbox.settle(taken, WON, decide)

    assert decide.asked == [(None, True)]


async def test_a_command_that_changed_nothing_is_not_what_changed_the_deal(database: Database) -> None:
    inbox, decide = SqlInbox(database), _Decider()
    await _command(SqlLedger(database), Failed(Trouble(Cause.RATE_LIMITED), Effect.NOTHING))
    await inbox.receive(_event())
    (taken,) = await _take(inbox)
    await inbox.settle(taken, WON, decide)

    assert decide.asked == [(None, False)]


# --- posting --------------------------------------------------------------------------------------------------------


async def _hold(database: Database, *numbers: int, before: str | None = "open") -> None:
    inbox, polls = SqlInbox(database), SqlPolls(database)
    await polls.begin("location", 60.0)
    for number in numbers:
        if before:
            await polls.learn("location", [Opportunity(f"deal-{number}", before, lost_reason_id="R1")], NOON)
        await inbox.receive(_event(number))
        (taken,) = await _take(inbox)
        await inbox.settle(taken, Opportunity(f"deal-{number}", "won", name=f"Deal {number}", since=NOON), _Decider())


async def test_a_change_that_is_posted_becomes_an_answered_row_of_the_ledger(database: Database) -> None:
    await _hold(database, 1)
    announcements = SqlAnnouncements(database)
    (released,), _ = await announcements.release(_at_once, lambda channel: Plan(alone=tuple(channel.held)), _Words())
    (row,) = await _rows(database, commands)
    (event,) = await _rows(database, events)

    assert (released.verdict, released.is_posted) == (Verdict.ANNOUNCED, True)
    assert released.lag is not None
    assert (row["key"], row["state"], row["user_id"], row["channel_id"]) == ("key-1", "answered", "", "C0WINS")
    assert (row["before"], row["before_lost_reason_id"], row["after"]) == ("open", "R1", "won")
    assert f"Deal 1 open {row['reference']}" in row["reply"]
    assert (event["state"], event["verdict"], event["deal"]) == ("finished", "announced", None)
    assert await announcements.release(_at_once, Plan, _Words()) == ([], math.inf)  # type: ignore[arg-type]
    assert len(await SqlLedger(database).adopt(5)) == 1


async def test_several_that_are_posted_together_are_a_batch_with_one_message(database: Database) -> None:
    await _hold(database, 1, 2, 3)
    await SqlAnnouncements(database).release(
        _at_once, lambda channel: Plan(together=tuple(channel.held), why=Why.OVERNIGHT), _Words()
    )
    rows = await _rows(database, commands)

    assert [row["batch"] for row in rows] == ["key-1"] * 3
    assert ["3 OVERNIGHT" in (row["reply"] or "") for row in rows] == [True, False, False]


async def test_what_is_dropped_is_finished_and_what_waits_stays(database: Database) -> None:
    await _hold(database, 1, 2)
    announcements = SqlAnnouncements(database)
    released, _ = await announcements.release(
        _at_once, lambda channel: Plan(dropped=((channel.held[0], Verdict.SUPERSEDED),)), _Words()
    )

    assert [(each.verdict, each.is_posted) for each in released] == [(Verdict.SUPERSEDED, False)]
    assert await announcements.release(lambda _: 5.0, Plan, _Words()) == ([], 5.0)  # type: ignore[arg-type]
    assert await _rows(database, commands) == []


async def test_who_decides_sees_the_channel_as_it_is(database: Database) -> None:
    await _hold(database, 1)
    announcements, seen = SqlAnnouncements(database), list[Channel]()

    def look(channel: Channel) -> Plan:
        seen.append(channel)
        return Plan()

    await announcements.release(_at_once, lambda channel: Plan(alone=tuple(channel.held)), _Words())
    await _hold(database, 2)
    await SqlInbox(database).receive(_event(3), _event(4, deal=3))
    await announcements.mute("C0WINS", 3600.0, "U0KIM")
    await announcements.release(_at_once, look, _Words())
    (channel,) = seen

    assert [each.deal for each in channel.held] == [
        Opportunity("deal-2", "won", name="Deal 2", since=NOON),
    ]
    assert (channel.posted, channel.unread, channel.statuses) == (1, 1, {"deal-2": "won"})
    assert abs(channel.muted_until - channel.now - 3600) < 60
    await announcements.mute("C0WINS", 0.0, "U0KIM")
    await announcements.release(_at_once, look, _Words())
    assert seen[-1].muted_until <= seen[-1].now


async def test_two_replicas_post_a_change_once(database: Database) -> None:
    await _hold(database, *range(1, 6))
    replicas = [SqlAnnouncements(database) for _ in range(2)]
    await asyncio.gather(
        *(each.release(_at_once, lambda channel: Plan(alone=tuple(channel.held)), _Words()) for each in replicas * 3)
    )

    assert len(await _rows(database, commands)) == 5


async def test_a_deals_next_change_is_told_under_the_message_of_its_last_one(database: Database) -> None:
    announcements, ledger = SqlAnnouncements(database), SqlLedger(database)
    for number, status in enumerate(("won", "lost", "won")):
        inbox = SqlInbox(database)
        await inbox.receive(_event(number, deal=1))
        (taken,) = await _take(inbox)
        await inbox.settle(taken, Opportunity("deal-1", status, name="Deal", since=NOON), _Decider())
        await announcements.release(_at_once, lambda channel: Plan(alone=tuple(channel.held)), _Words())
        (claim,) = await ledger.adopt(5)
        await ledger.finish(claim.entry.key, "channel", "17.5")
    rows = await _rows(database, commands)

    assert [row["amends"] for row in rows] == [None, "key-0", "key-1"]


# --- polling --------------------------------------------------------------------------------------------------------


async def test_one_process_has_the_turn_until_the_interval_is_over(database: Database) -> None:
    one, two = SqlPolls(database), SqlPolls(database)
    turn = await one.begin("location", 60.0)

    assert turn is not None
    assert turn.newest is None
    assert await two.begin("location", 60.0) is None
    assert await two.begin("another", -1.0) is not None
    await two.advance("another", [], NOON)
    assert (await one.begin("another", 60.0) or turn).newest == NOON


async def test_a_poll_learns_what_is_not_known_and_nothing_else(database: Database) -> None:
    inbox, polls = SqlInbox(database), SqlPolls(database)
    await inbox.receive(_event())
    (taken,) = await _take(inbox)
    await inbox.settle(taken, WON, _Decider(Verdict.LEARNED))
    await polls.begin("location", 60.0)
    await polls.learn("location", [Opportunity("deal-1", "open"), Opportunity("deal-2", "lost")], NOON)

    assert {row["opportunity_id"]: row["status"] for row in await _rows(database, deals)} == {
        "deal-1": "won",
        "deal-2": "lost",
    }


async def test_a_poll_does_not_learn_what_was_reported_and_is_not_read_yet(database: Database) -> None:
    inbox, polls, decide = SqlInbox(database), SqlPolls(database), _Decider()
    await inbox.receive(_event())
    await polls.begin("location", 60.0)
    await polls.learn("location", [WON, Opportunity("deal-2", "open")], NOON)
    (taken,) = await _take(inbox)
    await inbox.settle(taken, WON, decide)

    assert decide.asked == [(None, False)]


async def test_a_poll_tells_a_change_once_and_not_what_is_known(database: Database) -> None:
    inbox, polls = SqlInbox(database), SqlPolls(database)
    await polls.begin("location", 60.0)
    await polls.learn("location", [WON, Opportunity("deal-2", "open", since=NOON)], NOON)

    def polled(deal: str, status: str) -> Event:
        key = f"poll:location:{deal}:{NOON.isoformat()}:{status}"
        return Event(key, Source.POLL, Kind.CHANGED, "location", deal)

    found = [polled("deal-1", "won"), polled("deal-2", "lost"), polled("deal-3", "won")]

    assert [await polls.advance("location", found, NOON) for _ in range(2)] == [2, 0]
    assert sorted(each.opportunity_id for each in await _take(inbox)) == ["deal-2", "deal-3"]


# --- housekeeping ---------------------------------------------------------------------------------------------------


async def test_old_events_and_deals_are_forgotten_and_unfinished_events_are_not(database: Database) -> None:
    inbox = SqlInbox(database)
    await inbox.receive(_event(1), _event(2))
    taken = (await _take(inbox))[0]
    await inbox.settle(taken, WON, _Decider(Verdict.LEARNED))

    assert (await inbox.forget(60.0), await inbox.forget_deals(60.0)) == (0, 0)
    assert (await inbox.forget(-60.0), await inbox.forget_deals(-60.0)) == (1, 1)
    assert [row["opportunity_id"] for row in await _rows(database, events)] == ["deal-2"]


async def test_what_came_lately_is_told_without_polls(database: Database) -> None:
    counts, polls = SqlCounts(database), SqlPolls(database)
    assert await counts.heard() == Heard(received=None, lately={}, polled=None)
    await counts.add(
        {
            (Source.WEBHOOK, Reception.RECEIVED): 2,
            (Source.WORKFLOW, Reception.UNREADABLE): 1,
            (Source.WEBHOOK, Reception.UNREADABLE): 2,
            (Source.POLL, Reception.RECEIVED): 9,
        }
    )
    await polls.begin("location", 60.0)
    await polls.learn("location", [], NOON)
    heard = await counts.heard()

    assert heard.lately == {Reception.RECEIVED: 2, Reception.UNREADABLE: 3}
    assert heard.received is not None
    assert heard.polled is not None
    assert 0 <= heard.received < 60
    assert 0 <= heard.polled < 60
