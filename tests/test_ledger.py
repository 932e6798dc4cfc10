import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from bot.access import Caller
from bot.change import LeaseLost, StoreDown
from bot.database import Database
from bot.engine import engine
from bot.ledger import Acceptance, Claims, SqlLedger
from bot.messages import Message
from bot.outcome import AlreadySo, Cause, Changed, Effect, Failed, Outcome, Overtaken, Trouble
from bot.record import Entry
from bot.schema import commands
from bot.status import Opportunity, Status, Wish
from tests.memory import MemoryLedger, MemoryStore
from tests.rows import execute

OPEN, WON = Opportunity("deal", "open", name="New website"), Opportunity("deal", "won", name="New website")
LOST = Opportunity("deal", "lost", lost_reason_id="reason")
REPLY = Message("done", ({"type": "divider"},), public=True)
SHORT = 0.2
"""A lease for tests in which an owner dies."""


class Ledger(Acceptance, Claims, Protocol):
    """Both ports, as one object has them."""


Owners = Callable[[float], Ledger]
"""Gives owners that share one store, each with a lease of so many seconds."""


def _entry(key: str, deal: str = "deal", **fields: str) -> Entry:
    caller = Caller("U1", "T1", "C1")
    return Entry(key, f"REF-{key}", caller, "deal won", Wish(deal, Status.WON), "https://reply.example", **fields)


@pytest.fixture(params=["sqlite", "postgresql", "memory"])
async def owners(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Owners]:
    if request.param == "memory":
        store = MemoryStore()
        yield lambda lease: MemoryLedger(store, lease)
        return
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'ledger.db'}"
    else:
        url = request.getfixturevalue("cluster").new_database()
    opened: list[Database] = []

    def owner(lease: float) -> Ledger:
        opened.append(Database(url))
        return SqlLedger(opened[-1], lease)

    yield owner
    for database in opened:
        await database.close()


@pytest.fixture
def ledger(owners: Owners) -> Ledger:
    return owners(30.0)


# --- accepting ------------------------------------------------------------------------------------------------------


async def test_a_new_command_is_accepted_once(ledger: Ledger) -> None:
    assert await ledger.accept(_entry("one"), within=5) is True
    assert await ledger.accept(_entry("one"), within=5) is False
    assert await ledger.accept(_entry("two"), within=5) is True


async def test_of_many_that_come_at_once_each_is_accepted_once(ledger: Ledger) -> None:
    accepted = await asyncio.gather(*(ledger.accept(_entry(str(number % 20)), within=5) for number in range(100)))

    assert accepted.count(True) == 20


async def test_a_command_that_two_replicas_get_is_accepted_by_one(owners: Owners) -> None:
    replicas = [owners(30.0), owners(30.0)]
    accepted = await asyncio.gather(
        *(replica.accept(_entry(str(n)), within=5) for n in range(20) for replica in replicas)
    )

    assert accepted.count(True) == 20


async def test_a_change_is_taken_back_once_whoever_asks(ledger: Ledger) -> None:
    await ledger.accept(_entry("change"), within=5)

    assert await ledger.accept(_entry("undo", undoes="change"), within=5) is True
    assert await ledger.accept(_entry("undo by another", undoes="change"), within=5) is False
    await ledger.answer("undo", Changed(WON, OPEN), REPLY)
    assert await ledger.accept(_entry("undo later", undoes="change"), within=5) is False


async def test_after_an_undo_that_failed_somebody_may_try_again(ledger: Ledger) -> None:
    await ledger.accept(_entry("change"), within=5)
    await ledger.accept(_entry("undo", undoes="change"), within=5)
    await ledger.answer("undo", Failed(Trouble(Cause.NO_CONNECTION), Effect.NOTHING), REPLY)

    assert await ledger.accept(_entry("undo again", undoes="change"), within=5) is True


async def test_a_ledger_that_can_be_written_says_so(ledger: Ledger) -> None:
    await ledger.ping()


# --- one at a time --------------------------------------------------------------------------------------------------


async def test_of_two_commands_about_a_deal_one_begins_whoever_has_them(owners: Owners) -> None:
    one, other = owners(30.0), owners(30.0)
    await one.accept(_entry("first"), within=5)
    await other.accept(_entry("second"), within=5)

    assert await one.begin("first") is True
    assert await other.begin("second") is False
    await one.intend("first", OPEN)
    assert await other.begin("second") is False
    await one.answer("first", Changed(OPEN, WON), REPLY)
    assert await other.begin("second") is True


async def test_of_many_that_begin_at_the_same_time_one_does(owners: Owners) -> None:
    replicas = [owners(30.0), owners(30.0)]
    for number in range(10):
        await replicas[number % 2].accept(_entry(str(number)), within=5)
    begun = await asyncio.gather(*(replicas[number % 2].begin(str(number)) for number in range(10)))

    assert begun.count(True) == 1


async def test_what_was_typed_first_about_a_deal_is_done_first_whoever_has_it(owners: Owners) -> None:
    dead, heir = owners(SHORT), owners(30.0)
    await dead.accept(_entry("typed first"), within=5)
    await asyncio.sleep(0.01)
    await heir.accept(_entry("typed last"), within=5)
    assert await heir.begin("typed last") is False

    await asyncio.sleep(SHORT)
    assert len(await heir.adopt(10)) == 1
    assert await heir.begin("typed last") is False
    assert await heir.begin("typed first") is True
    await heir.answer("typed first", Changed(OPEN, WON), REPLY)
    assert await heir.begin("typed last") is True


async def test_commands_about_different_deals_begin_together(ledger: Ledger) -> None:
    await ledger.accept(_entry("first"), within=5)
    await ledger.accept(_entry("second", deal="another"), within=5)

    assert all(await asyncio.gather(ledger.begin("first"), ledger.begin("second")))


async def test_a_command_may_begin_again_after_its_database_was_away(ledger: Ledger) -> None:
    await ledger.accept(_entry("one"), within=5)

    assert await ledger.begin("one") is True
    assert await ledger.begin("one") is True


# --- leases ---------------------------------------------------------------------------------------------------------


async def test_what_a_living_process_has_is_not_taken_over(owners: Owners) -> None:
    one, other = owners(30.0), owners(30.0)
    await one.accept(_entry("one"), within=5)

    assert await other.adopt(10) == []
    assert await one.adopt(10) == []


async def test_what_a_dead_process_had_is_taken_over_once(owners: Owners) -> None:
    dead, one, other = owners(SHORT), owners(30.0), owners(30.0)
    for number in range(20):
        await dead.accept(_entry(str(number)), within=5)
    await asyncio.sleep(SHORT)
    both = await asyncio.gather(one.adopt(15), other.adopt(15))
    rest = await one.adopt(15)

    keys = [claim.entry.key for claims in (*both, rest) for claim in claims]
    assert sorted(keys, key=int) == [str(number) for number in range(20)]


async def test_the_oldest_are_taken_over_first_and_not_more_than_wanted(owners: Owners) -> None:
    dead, one = owners(SHORT), owners(30.0)
    for number in range(4):
        await dead.accept(_entry(str(number)), within=5)
        await asyncio.sleep(0.002)
    await asyncio.sleep(SHORT)

    assert [claim.entry.key for claim in await one.adopt(3)] == ["0", "1", "2"]


async def test_what_is_renewed_in_time_is_kept(owners: Owners) -> None:
    one, other = owners(4 * SHORT), owners(30.0)
    await one.accept(_entry("one"), within=5)
    for _ in range(6):
        await asyncio.sleep(SHORT)
        await one.renew(["one"])

    assert await other.adopt(10) == []


async def test_what_is_not_named_among_what_is_kept_is_taken_over_even_by_its_owner(owners: Owners) -> None:
    one = owners(2 * SHORT)
    await one.accept(_entry("one"), within=5)
    await one.accept(_entry("other"), within=5)
    for _ in range(3):
        await asyncio.sleep(SHORT)
        await one.renew(["one"])

    assert [claim.entry.key for claim in await one.adopt(10)] == ["other"]


async def test_what_is_held_is_kept_and_whoever_lost_it_learns_so(owners: Owners) -> None:
    one, other = owners(2 * SHORT), owners(30.0)
    await one.accept(_entry("one"), within=5)
    await asyncio.sleep(SHORT)
    await one.hold("one")
    await asyncio.sleep(SHORT)
    assert await other.adopt(10) == []

    await asyncio.sleep(SHORT)
    assert len(await other.adopt(10)) == 1
    with pytest.raises(LeaseLost):
        await one.hold("one")


async def test_a_process_that_takes_over_its_own_counts_no_attempt(owners: Owners) -> None:
    one = owners(SHORT)
    await one.accept(_entry("one"), within=5)
    await one.begin("one")
    await asyncio.sleep(SHORT)

    assert [claim.attempts for claim in await one.adopt(10)] == [0]


async def test_every_note_renews_the_lease(owners: Owners) -> None:
    one, other = owners(4 * SHORT), owners(30.0)
    await one.accept(_entry("one"), within=5)
    await asyncio.sleep(2 * SHORT)
    await one.begin("one")
    await asyncio.sleep(2 * SHORT)
    await one.intend("one", OPEN)
    await asyncio.sleep(2 * SHORT)

    assert await other.adopt(10) == []


async def test_whoever_lost_the_lease_notes_nothing_any_more(owners: Owners) -> None:
    slow, quick = owners(SHORT), owners(30.0)
    await slow.accept(_entry("one"), within=5)
    await slow.begin("one")
    await asyncio.sleep(SHORT)
    assert len(await quick.adopt(10)) == 1

    for note in (
        slow.begin("one"),
        slow.intend("one", OPEN),
        slow.answer("one", AlreadySo(WON), REPLY),
        slow.finish("one", "response_url", ""),
    ):
        with pytest.raises(LeaseLost):
            await note
    assert await slow.tell_to_wait("one") is False
    assert await slow.give_back() == 0
    await slow.renew(["one"])
    await quick.intend("one", OPEN)


async def test_what_was_never_accepted_is_not_made_up(ledger: Ledger) -> None:
    for note in (ledger.begin("nobody"), ledger.intend("nobody", OPEN), ledger.finish("nobody", "channel", "")):
        with pytest.raises(LeaseLost):
            await note

    assert await ledger.accept(_entry("nobody"), within=5) is True


async def test_what_is_given_back_is_taken_over_at_once_and_is_no_attempt(owners: Owners) -> None:
    one, other = owners(30.0), owners(30.0)
    await one.accept(_entry("one"), within=5)
    await one.begin("one")

    assert await one.give_back() == 1
    (claim,) = await other.adopt(10)
    assert (claim.entry.key, claim.attempts) == ("one", 0)
    assert await other.begin("one") is True


async def test_a_process_that_dies_over_a_deal_is_counted_and_one_that_had_not_begun_is_not(owners: Owners) -> None:
    waiting = owners(SHORT)
    await waiting.accept(_entry("at work"), within=5)
    await waiting.accept(_entry("queued", deal="another"), within=5)
    await waiting.begin("at work")
    attempts: dict[str, int] = {}
    for _ in range(3):
        await asyncio.sleep(SHORT)
        heir = owners(SHORT)
        attempts = {claim.entry.key: claim.attempts for claim in await heir.adopt(10)}

    assert attempts == {"at work": 3, "queued": 0}


async def test_an_orphan_brings_all_that_its_heir_needs(owners: Owners) -> None:
    dead, heir = owners(SHORT), owners(30.0)
    wish = Wish("deal", Status.LOST, lost_reason_id="reason", only_if="won")
    entry = Entry("one", "REF", Caller("U1", "T1", "C1"), "typed", wish, "https://reply.example", "17.1", "change")
    await dead.accept(entry, within=5)
    await asyncio.sleep(SHORT)

    (claim,) = await heir.adopt(10)
    assert claim.entry == entry
    assert (claim.attempts, claim.intended, claim.reply) == (0, None, None)
    assert SHORT <= claim.age < 30


async def test_an_orphan_that_was_about_to_write_says_what_the_deal_was(owners: Owners) -> None:
    dead, heir = owners(SHORT), owners(30.0)
    await dead.accept(_entry("one"), within=5)
    await dead.intend("one", LOST)
    await asyncio.sleep(SHORT)

    (claim,) = await heir.adopt(10)
    assert claim.intended == LOST
    assert await heir.begin("one") is True
    assert await owners(30.0).adopt(10) == []


async def test_an_orphan_whose_reply_is_ready_brings_it(owners: Owners) -> None:
    dead, heir = owners(SHORT), owners(30.0)
    await dead.accept(_entry("one"), within=5)
    await dead.intend("one", OPEN)
    await dead.answer("one", Changed(OPEN, WON), REPLY)
    await asyncio.sleep(SHORT)

    (claim,) = await heir.adopt(10)
    assert (claim.reply, claim.intended, claim.attempts) == (REPLY, None, 0)


async def test_what_is_finished_is_nobodys(owners: Owners) -> None:
    one, other = owners(SHORT), owners(30.0)
    await one.accept(_entry("one"), within=5)
    await one.answer("one", AlreadySo(WON), REPLY)
    await one.finish("one", "response_url", "")
    await asyncio.sleep(SHORT)

    assert await other.adopt(10) == []
    assert await one.give_back() == 0
    assert await one.accept(_entry("one"), within=5) is False


async def test_somebody_is_told_to_wait_once(owners: Owners) -> None:
    dead, heir = owners(SHORT), owners(30.0)
    await dead.accept(_entry("one"), within=5)

    assert await dead.tell_to_wait("one") is True
    assert await dead.tell_to_wait("one") is False
    await asyncio.sleep(SHORT)
    await heir.adopt(10)
    assert await heir.tell_to_wait("one") is False


# --- what is in the rows --------------------------------------------------------------------------------------------


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url)
    yield opened
    await opened.close()


@pytest.fixture
def sql(database: Database) -> SqlLedger:
    return SqlLedger(database)


def _rows(url: str) -> list[dict[str, Any]]:
    opened = engine(url)
    with opened.connect() as connection:
        rows = [dict(row) for row in connection.execute(sa.select(commands).order_by(commands.c.key)).mappings()]
    opened.dispose()
    return rows


async def test_an_accepted_command_says_who_where_when_and_what(sql: SqlLedger, database_url: str) -> None:
    await sql.accept(_entry("one"), within=5)

    (row,) = _rows(database_url)
    assert (row["key"], row["reference"], row["state"]) == ("one", "REF-one", "accepted")
    assert (row["user_id"], row["team_id"], row["channel_id"]) == ("U1", "T1", "C1")
    assert (row["text"], row["opportunity_id"], row["status"]) == ("deal won", "deal", "won")
    assert row["accepted_at"].endswith("+00:00")


async def test_an_intention_keeps_what_the_deal_looked_like(sql: SqlLedger, database_url: str) -> None:
    await sql.accept(_entry("one"), within=5)
    await sql.intend("one", LOST)

    (row,) = _rows(database_url)
    assert (row["state"], row["before"], row["before_lost_reason_id"]) == ("intended", "lost", "reason")


@pytest.mark.parametrize(
    ("outcome", "columns"),
    [
        (Changed(OPEN, WON, trace_id="t"), ("changed", None, "open", "won", "t", "New website")),
        (AlreadySo(WON), ("already_so", None, "won", "won", None, "New website")),
        (Overtaken(LOST), ("overtaken", None, "lost", "lost", None, None)),
        (
            Failed(Trouble(Cause.NOT_FOUND, trace_id="t"), Effect.NOTHING),
            ("not_found", "nothing", None, None, "t", None),
        ),
        (
            Failed(Trouble(Cause.NO_EFFECT), Effect.NOTHING, OPEN, OPEN),
            ("no_effect", "nothing", "open", "open", "", "New website"),
        ),
    ],
)
async def test_an_answer_keeps_what_became_of_it(
    sql: SqlLedger, database_url: str, outcome: Outcome, columns: tuple[object, ...]
) -> None:
    await sql.accept(_entry("one"), within=5)
    await sql.answer("one", outcome, REPLY)

    (row,) = _rows(database_url)
    kept = (row["outcome"], row["effect"], row["before"], row["after"], row["trace_id"], row["opportunity_name"])
    assert kept == columns
    assert row["state"] == "answered"


async def test_when_the_reply_is_delivered_its_text_and_address_are_forgotten(
    sql: SqlLedger, database_url: str
) -> None:
    await sql.accept(_entry("one"), within=5)
    await sql.answer("one", AlreadySo(WON), REPLY)
    assert _rows(database_url)[0]["response_url"] == "https://reply.example"
    await sql.finish("one", "channel", "17.2")

    (row,) = _rows(database_url)
    assert (row["state"], row["delivered"], row["message_ts"]) == ("finished", "channel", "17.2")
    assert (row["response_url"], row["reply"], row["owner"], row["lease_until"]) == (None, None, None, None)
    assert row["finished_at"] >= row["accepted_at"]


async def test_a_message_whose_button_was_pressed_stays_known_where_slack_names_no_other(
    sql: SqlLedger, database_url: str
) -> None:
    await sql.accept(_entry("one", message_ts="17.1"), within=5)
    await sql.finish("one", "response_url", "")

    assert _rows(database_url)[0]["message_ts"] == "17.1"


async def test_what_is_at_the_deal_goes_on_although_an_older_command_turns_up(
    sql: SqlLedger, database_url: str
) -> None:
    """As when the clock of the replica that accepted the other was behind."""
    await sql.accept(_entry("at the deal"), within=5)
    await sql.begin("at the deal")
    await sql.accept(_entry("older"), within=5)
    execute(database_url, "UPDATE commands SET accepted_at = '2020-01-01' WHERE key = 'older'")

    assert await sql.begin("older") is False
    assert await sql.begin("at the deal") is True


async def test_a_row_that_cannot_be_read_keeps_no_other_from_being_taken_up(sql: SqlLedger, database_url: str) -> None:
    for key in ("odd", "even"):
        await sql.accept(_entry(key, deal=key), within=5)
    execute(database_url, "UPDATE commands SET lease_until = 0")
    execute(database_url, "UPDATE commands SET status = 'unheard of' WHERE key = 'odd'")
    with capture_logs() as lines:
        claims = await sql.adopt(10)

    assert [claim.entry.key for claim in claims] == ["even"]
    assert [line["key"] for line in lines if line["event"] == "ledger.unreadable"] == ["odd"]
    assert {row["key"]: row["state"] for row in _rows(database_url)} == {"odd": "finished", "even": "accepted"}


async def test_a_reply_of_another_version_is_read_as_far_as_it_is_known(sql: SqlLedger, database_url: str) -> None:
    await sql.accept(_entry("one"), within=5)
    await sql.answer("one", AlreadySo(WON), REPLY)
    execute(
        database_url, """UPDATE commands SET lease_until = 0, reply = replace(reply, '{"text"', '{"new": 1, "text"')"""
    )

    (claim,) = await sql.adopt(10)
    assert claim.reply == REPLY


async def test_a_full_disk_is_found_out_by_trying(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'ledger.db'}")
    ledger = SqlLedger(database)
    await ledger.ping()
    pages = await database.do(lambda connection: connection.exec_driver_sql("PRAGMA page_count").scalar_one())
    await database.do(lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}"))

    with pytest.raises(StoreDown):
        await ledger.ping()
    await database.close()


async def test_what_is_accepted_is_on_the_disk(sql: SqlLedger, database_url: str) -> None:
    await sql.accept(_entry("one"), within=5)
    later = Database(database_url)

    assert await SqlLedger(later).accept(_entry("one"), within=5) is False
    await later.close()


async def test_what_is_older_than_wanted_is_forgotten_when_it_is_finished(sql: SqlLedger, database_url: str) -> None:
    for key in ("finished", "finished too", "under way"):
        await sql.accept(_entry(key), within=5)
    await sql.finish("finished", "response_url", "")
    await sql.finish("finished too", "response_url", "")

    assert await sql.forget(datetime.now(UTC) - timedelta(days=1)) == 0
    assert await sql.forget(datetime.now(UTC) + timedelta(seconds=1), most=1) == 1
    assert await sql.forget(datetime.now(UTC) + timedelta(seconds=1)) == 1
    assert [row["key"] for row in _rows(database_url)] == ["under way"]


async def test_a_text_that_the_database_cannot_take_is_no_trouble_for_those_that_come_with_it(sql: SqlLedger) -> None:
    odd, even = await asyncio.gather(
        sql.accept(_entry("\ud800"), within=5), sql.accept(_entry("one"), within=5), return_exceptions=True
    )

    assert isinstance(odd, StoreDown)
    assert even is True


@pytest.mark.parametrize("prepared", [True, False])
async def test_a_store_of_any_version_can_be_tried_out_and_is_left_as_it_was(
    database_url: str, *, prepared: bool
) -> None:
    if prepared:
        opened = engine(database_url)
        with opened.begin() as connection:
            connection.execute(sa.text("CREATE TABLE schema_version (version INTEGER NOT NULL)"))
            connection.execute(sa.text("INSERT INTO schema_version VALUES (1)"))
        opened.dispose()
    only_looking = Database(database_url, migrates=False)
    await SqlLedger(only_looking).try_out()
    tables = await only_looking.do(lambda connection: sa.inspect(connection).get_table_names())

    assert tables == (["schema_version"] if prepared else [])
    await only_looking.close()


async def test_a_store_of_a_later_version_is_not_tried_out(sql: SqlLedger, database_url: str) -> None:
    await sql.ping()
    execute(database_url, "UPDATE schema_version SET version = 99")
    only_looking = Database(database_url, migrates=False)

    with pytest.raises(StoreDown) as down:
        await SqlLedger(only_looking).try_out()
    assert down.value.newer is True
    await only_looking.close()
