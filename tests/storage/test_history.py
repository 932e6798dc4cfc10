import tracemalloc
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
import sqlalchemy as sa

from bot.access.rules import Caller
from bot.commands.ledger import History
from bot.commands.record import Entry, Record, State, Unfamiliar
from bot.commands.reply import Message
from bot.deals.deal import Opportunity, Status
from bot.deals.outcome import (
    AlreadySo,
    Ambiguous,
    Cause,
    Changed,
    Effect,
    Failed,
    Previewed,
    ReasonWanted,
    Result,
    Trouble,
    Unconfirmed,
    Withheld,
)
from bot.deals.ports import StoreDown
from bot.deals.wish import Consent, Wish
from bot.storage.database import Database
from bot.storage.engine import engine_for_reading, reason
from bot.storage.history import ROWS_AT_ONCE, Filter, SqlHistory, Unreadable, reading
from bot.storage.ledger import SqlLedger
from bot.storage.migrations import NewerSchemaError, OlderSchemaError
from tests.house import PATIENT
from tests.memory import MemoryLedger
from tests.postgresql import Cluster
from tests.rows import execute, fill, load_unreleased

OPEN, WON = Opportunity("deal", "open", name="New website"), Opportunity("deal", "won", name="New website")
REPLY = Message("done", (), public=True)
FAILED = Failed(Trouble(Cause.NO_CONNECTION), Effect.NOTHING)
MOMENT = datetime(1003, 1, 1, tzinfo=UTC)
"""When the fourth hundred of the rows of `fill` was accepted."""


def _entry(key: str, user: str = "U1", deal: str = "deal", undoes: str | None = None) -> Entry:
    wish = Wish(deal, Status.WON, "reason")
    return Entry(key, f"REF-{key}", Caller(user, "T1", "C1"), "deal won", wish, "https://reply.example", undoes=undoes)


def _keys(records: list[Record]) -> list[str]:
    return [record.key for record in records]


# --- for a caller in Slack: `History` -------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite", "postgresql", "memory"])
async def both(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Any, History]]:
    """A ledger, and the history that reads it."""
    if request.param == "memory":
        memory = MemoryLedger()
        yield memory, memory
        return
    cluster: Cluster | None = request.getfixturevalue("cluster") if request.param == "postgresql" else None
    database = Database(cluster.new_database() if cluster else f"sqlite:///{tmp_path / 'ledger.db'}", PATIENT.database)
    yield SqlLedger(database), SqlHistory(database)
    await database.close()


async def test_a_command_is_found_by_its_key_however_far_it_got(both: tuple[Any, History]) -> None:
    ledger, history = both
    assert await history.find("one") is None

    await ledger.accept(_entry("one"), within=5)
    begun = await history.find("one")
    assert begun is not None
    assert (begun.state, begun.name, begun.before, begun.after, begun.outcome) == ("accepted", None, None, None, None)
    assert (begun.delivered, begun.finished_at) == (None, None)

    await ledger.begin("one")
    await ledger.intend("one", OPEN)
    await ledger.answer("one", Changed(OPEN, WON), REPLY)
    await ledger.finish("one", "channel", "12.34")
    done = await history.find("one")
    assert done is not None
    assert (done.reference, done.user_id, done.channel_id, done.text) == ("REF-one", "U1", "C1", "deal won")
    assert (done.opportunity_id, done.name, done.status, done.undoes) == ("deal", "New website", "won", None)
    assert (done.state, done.before, done.after, done.outcome) == ("finished", "open", "won", "changed")
    assert (done.attempts, done.delivered, done.message_ts) == (0, "channel", "12.34")
    assert timedelta() <= datetime.now(UTC) - done.at < timedelta(minutes=1)
    assert done.finished_at is not None
    assert done.finished_at.utcoffset() == timedelta()


async def test_the_last_change_is_the_persons_own_and_neither_an_undo_nor_a_failure(both: tuple[Any, History]) -> None:
    ledger, history = both
    assert await history.last_change("U1") is None

    for key, user, undoes, outcome in (
        ("first", "U1", None, Changed(OPEN, WON)),
        ("second", "U1", None, Changed(OPEN, WON)),
        ("failed", "U1", None, FAILED),
        ("undo", "U1", "first", Changed(WON, OPEN)),
        ("of another", "U2", None, Changed(OPEN, WON)),
    ):
        await ledger.accept(_entry(key, user, undoes=undoes), within=5)
        await ledger.answer(key, outcome, REPLY)
    last = await history.last_change("U1")

    assert last is not None
    assert last.key == "second"


async def test_the_last_change_is_one_of_the_status_and_not_of_the_reason_alone(both: tuple[Any, History]) -> None:
    ledger, history = both
    lost = Opportunity("deal", "lost")
    for key, outcome in (("change", Changed(OPEN, lost)), ("reason", Changed(lost, lost))):
        await ledger.accept(_entry(key), within=5)
        await ledger.answer(key, outcome, REPLY)
    assert getattr(await history.last_change("U1"), "key", None) == "change"

    await ledger.accept(_entry("unsure"), within=5)
    await ledger.answer("unsure", Failed(Trouble(Cause.NO_ANSWER), Effect.UNKNOWN), REPLY)
    assert getattr(await history.last_change("U1"), "key", None) == "unsure"


async def test_a_failure_keeps_highlevels_own_words_as_far_as_they_are_storable(both: tuple[Any, History]) -> None:
    ledger, history = both
    for key, said in (("one", ("not this", "nor that")), ("long", ("x" * 5000,)), ("silent", ())):
        await ledger.accept(_entry(key), within=5)
        await ledger.answer(key, Failed(Trouble(Cause.INVALID, reasons=said), Effect.NOTHING), REPLY)

    kept = [getattr(await history.find(key), "said", "") for key in ("one", "long", "silent")]
    assert kept == ["not this; nor that", "x" * 500, None]


async def test_a_question_is_no_change(both: tuple[Any, History]) -> None:
    ledger, history = both
    for number, outcome in enumerate(
        (Ambiguous((OPEN,), more=False), ReasonWanted(()), Unconfirmed(OPEN), Previewed(OPEN))
    ):
        await ledger.accept(_entry(str(number)), within=5)
        await ledger.answer(str(number), outcome, REPLY)

    assert await history.last_change("U1") is None
    assert all(record.open_question for record in await history.of_user("U1", 10))


async def test_commands_that_were_asked_for_at_once_are_found_in_their_order(both: tuple[Any, History]) -> None:
    ledger, history = both
    together = [replace(_entry(key, deal=key), batch="b.1") for key in ("b.1", "b.2", "b.3")]
    await ledger.accept(*reversed(together), within=5)
    await ledger.accept(_entry("alone"), within=5)

    found = await history.of_batch("b.1")
    assert _keys(found) == ["b.1", "b.2", "b.3"]
    assert {record.batch for record in found} == {"b.1"}
    assert await history.of_batch("alone") == []


async def test_a_record_has_what_was_asked_for_and_where_the_result_was_posted(both: tuple[Any, History]) -> None:
    ledger, history = both
    wish = Wish("", Status.LOST, name="website", reason="price", consent=Consent.WANTED)
    command = replace(_entry("one"), wish=wish, continues="question", amends="change", note="at last", public=False)
    await ledger.accept(command, within=5)
    await ledger.identify("one", replace(wish, opportunity_id="found", lost_reason_id="why"))
    await ledger.finish("one", "channel", "12.34", ("C2", "56.78"))

    found = await history.find("one")
    assert found is not None
    assert (found.called, found.reason, found.consent) == ("website", "price", "wanted")
    assert (found.opportunity_id, found.lost_reason_id) == ("found", "why")
    assert (found.continues, found.batch, found.note, found.public) == ("question", None, "at last", False)
    assert found.amends == "change"
    assert (found.announced_in, found.announced_ts) == ("C2", "56.78")


async def test_a_command_is_told_in_its_turn_when_earlier_ones_about_its_deal_are_finished(
    both: tuple[Any, History],
) -> None:
    ledger, history = both
    for key, deal in (("first", "deal"), ("other", "another"), ("second", "deal"), ("third", "deal")):
        await ledger.accept(_entry(key, deal=deal), within=5)
    told = {key: await history.told_before(key) for key in ("first", "other", "second", "third", "unknown")}
    assert told == {"first": True, "other": True, "second": False, "third": False, "unknown": True}

    await ledger.answer("first", AlreadySo(Opportunity("deal", "won")), None)
    assert not await history.told_before("second")
    await ledger.finish("first", "channel", "17.1")
    assert (await history.told_before("second"), await history.told_before("third")) == (True, False)


async def test_a_batch_is_told_when_earlier_commands_about_all_its_deals_are_finished(
    both: tuple[Any, History],
) -> None:
    ledger, history = both
    await ledger.accept(_entry("earlier", deal="b"), within=5)
    batch = [replace(_entry(key, deal=deal), batch="one") for key, deal in (("one", "a"), ("one#01", "b"))]
    await ledger.accept(*batch, within=5)
    await ledger.accept(_entry("later", deal="a"), within=5)
    assert not await history.told_before("one")

    await ledger.finish("earlier", "channel", "17.1")
    assert await history.told_before("one")


async def test_what_a_command_turned_out_to_correct_is_noted_with_its_outcome(both: tuple[Any, History]) -> None:
    ledger, history = both
    await ledger.accept(_entry("one"), within=5)
    await ledger.accept(replace(_entry("two"), amends="change"), within=5)
    outcome = AlreadySo(Opportunity("deal", "won"))
    await ledger.answer("one", outcome, None, "corrected")
    await ledger.answer("two", outcome, None)

    found = [await history.find(key) for key in ("one", "two")]
    assert [each and each.amends for each in found] == ["corrected", "change"]


async def test_an_undo_is_found_while_it_is_under_way_and_when_it_is_done_but_not_when_it_failed(
    both: tuple[Any, History],
) -> None:
    ledger, history = both
    await ledger.accept(_entry("change"), within=5)
    assert await history.undo_of("change") is None

    await ledger.accept(_entry("failed", undoes="change"), within=5)
    assert getattr(await history.undo_of("change"), "key", None) == "failed"
    await ledger.answer("failed", FAILED, REPLY)
    assert await history.undo_of("change") is None

    await ledger.accept(_entry("done", undoes="change"), within=5)
    await ledger.answer("done", Changed(WON, OPEN), REPLY)
    assert getattr(await history.undo_of("change"), "key", None) == "done"


async def test_the_latest_commands_of_a_person_and_about_a_deal_come_first_and_not_more_than_wanted(
    both: tuple[Any, History],
) -> None:
    ledger, history = both
    for number, (user, deal) in enumerate([("U1", "a"), ("U2", "a"), ("U1", "b"), ("U1", "a")]):
        await ledger.accept(_entry(str(number), user, deal), within=5)

    assert _keys(await history.of_user("U1", 10)) == ["3", "2", "0"]
    assert _keys(await history.of_user("U1", 2)) == ["3", "2"]
    assert _keys(await history.of_everybody(10)) == ["3", "2", "1", "0"]
    assert _keys(await history.of_everybody(1)) == ["3"]
    assert _keys(await history.of_opportunity("a", 10)) == ["3", "1", "0"]
    assert _keys(await history.of_opportunity("a", 1)) == ["3"]
    assert await history.of_user("U3", 10) == []


async def test_a_history_that_cannot_be_read_raises_store_down(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'absent' / 'ledger.db'}", PATIENT.database)
    with pytest.raises(StoreDown):
        await SqlHistory(database).find("one")
    await database.close()


# --- for an auditor: all rows ---------------------------------------------------------------------------------------


@pytest.fixture
def filled(database_url: str) -> str:
    fill(database_url, 1000)
    return database_url


def _read(url: str, wanted: Filter) -> list[str]:
    with reading(url, wanted) as records:
        return _keys(list(records))


def test_every_row_is_read_once_and_oldest_first(filled: str) -> None:
    execute(filled, "UPDATE commands SET number = 0 WHERE key = '1000999'")

    assert _read(filled, Filter()) == ["1000999", *(str(1_000_000 + number) for number in range(999))]


OPTIONAL = (
    *("undoes", "lost_reason_id", "before_lost_reason_id", "message_ts", "trace_id", "called", "reason"),
    *("continues", "amends", "batch", "note", "announced_in", "announced_ts", "only_if", "said", "deal_owner"),
)


def test_a_row_is_read_with_all_its_columns(database_url: str) -> None:
    fill(database_url, 1)
    texts = ", ".join(f"{name} = '{name}'" for name in OPTIONAL)
    others = "attempts = 2, public = 0, consent = 'wanted', effect = 'unknown', value = 4800, company = 'Acme'"
    others += ", withheld = 'owned'"
    execute(database_url, f"UPDATE commands SET {others}, {texts}")  # noqa: S608 - our own words
    with reading(database_url, Filter()) as records:
        (record,) = records

    assert record == Record(
        key="1000000",
        reference="H4WSYDSE",
        at=datetime(1000, 1, 1, tzinfo=UTC),
        team_id="T1",
        user_id="U0ANA",
        channel_id="C0SALES",
        text="deal won",
        opportunity_id="deal",
        name="New website",
        status="won",
        lost_reason_id="lost_reason_id",
        undoes="undoes",
        state=State.FINISHED,
        before="open",
        before_lost_reason_id="before_lost_reason_id",
        after="won",
        outcome=Result.CHANGED,
        effect=Effect.UNKNOWN,
        attempts=2,
        delivered="response_url",
        message_ts="message_ts",
        trace_id="trace_id",
        finished_at=datetime(2026, 11, 24, 10, tzinfo=UTC),
        called="called",
        reason="reason",
        consent=Consent.WANTED,
        continues="continues",
        batch="batch",
        note="note",
        public=False,
        announced_in="announced_in",
        announced_ts="announced_ts",
        amends="amends",
        only_if="only_if",
        value=4800.0,
        company="Acme",
        said="said",
        withheld=Withheld.OWNED,
        deal_owner="deal_owner",
    )
    assert all(getattr(record, field.name) is not None for field in fields(Record))


LATER_WORDS = "outcome = 'snoozed', state = 'asleep', effect = 'in_part', consent = 'delegated'"


async def test_words_that_a_later_version_wrote_are_read_as_they_are(database_url: str) -> None:
    fill(database_url, 2)
    execute(database_url, f"UPDATE commands SET {LATER_WORDS} WHERE key = '1000001'")  # noqa: S608 - our own words
    with reading(database_url, Filter()) as records:
        known, later = records
    database = Database(database_url, PATIENT.database)
    found = await SqlHistory(database).find("1000001")
    await database.close()

    assert (known.outcome, known.state, known.effect) == (Result.CHANGED, State.FINISHED, None)
    assert (later.outcome, later.state) == (Unfamiliar("snoozed"), Unfamiliar("asleep"))
    assert (later.effect, later.consent) == (Unfamiliar("in_part"), Unfamiliar("delegated"))
    assert found == later
    assert not later.changed


ANOTHER = "aB3dE5fG7hJ9kL1mN2pQ"


@pytest.mark.parametrize(
    ("wanted", "first", "last", "number"),
    [
        (Filter(since=MOMENT), 300, 999, 700),
        (Filter(until=MOMENT), 0, 299, 300),
        (Filter(since=MOMENT - timedelta(seconds=1), until=MOMENT + timedelta(seconds=1)), 300, 399, 100),
        (Filter(user_id="U0BEN"), 7, 8, 2),
        (Filter(deal=ANOTHER), 8, 9, 2),
        (Filter(user_id="U0BEN", deal=ANOTHER), 8, 8, 1),
        (Filter(deal=f"https://app.gohighlevel.com/v2/location/L/opportunities/{ANOTHER}?tab=x"), 8, 9, 2),
        (Filter(deal="100% globex"), 5, 5, 1),
        (Filter(deal="lobex"), 5, 6, 2),
    ],
)
def test_only_the_rows_that_are_wanted_are_read(
    filled: str, wanted: Filter, first: int, last: int, number: int
) -> None:
    execute(filled, "UPDATE commands SET user_id = 'U0BEN' WHERE key IN ('1000007', '1000008')")
    execute(filled, "UPDATE commands SET opportunity_id = :id WHERE key IN ('1000008', '1000009')", id=ANOTHER)
    execute(filled, "UPDATE commands SET opportunity_name = 'Globex, 100% Globex' WHERE key = '1000005'")
    execute(filled, "UPDATE commands SET opportunity_name = NULL, called = 'Globex' WHERE key = '1000006'")
    keys = _read(filled, wanted)

    assert (keys[0], keys[-1], len(keys)) == (str(1_000_000 + first), str(1_000_000 + last), number)


def test_a_filter_that_fits_no_row_gives_none(filled: str) -> None:
    assert _read(filled, Filter(user_id="U0BEN")) == []


async def test_a_reader_does_not_keep_the_bot_from_writing_and_reads_the_rows_of_its_beginning(filled: str) -> None:
    database = Database(filled, PATIENT.database)
    with reading(filled, Filter()) as records:
        next(records)
        assert await SqlLedger(database).accept(_entry("new"), within=5)
        rest = _keys(list(records))
    await database.close()

    assert len(rest) == 999
    assert "new" in _read(filled, Filter())


def test_a_reader_cannot_write(filled: str) -> None:
    opened = engine_for_reading(filled)
    with pytest.raises(sa.exc.DBAPIError, match=r"read-?only"), opened.begin() as connection:
        connection.execute(sa.text("DELETE FROM commands"))
    opened.dispose()


def test_a_reader_that_stops_half_way_leaves_nothing_open(filled: str) -> None:
    with reading(filled, Filter()) as records:
        next(records)

    execute(filled, "DROP TABLE commands")  # waits until no reader is left


def test_a_postgresql_server_sends_some_rows_at_a_time(cluster: Cluster) -> None:
    url = cluster.new_database()
    fill(url, 10 * ROWS_AT_ONCE)
    with _cursors() as cursors, reading(url, Filter()) as records:
        next(records)
        assert isinstance(cursors[-1], psycopg.ServerCursor)


def test_ten_thousand_rows_of_a_file_are_read_in_the_memory_of_a_few_hundred(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    fill(url, 10_000)
    assert len(_read(url, Filter(until=MOMENT))) == 300  # so that caches are filled
    tracemalloc.start()
    with reading(url, Filter()) as records:
        deque(records, maxlen=0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 3_000_000


def test_ctrl_c_while_rows_are_fetched_leaves_no_trace(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    fill(url, 2 * ROWS_AT_ONCE)
    with _interrupted_at("1000700"), pytest.raises(KeyboardInterrupt):
        _read(url, Filter())

    assert caplog.messages == []
    assert len(_read(url, Filter())) == 2 * ROWS_AT_ONCE


@contextmanager
def _interrupted_at(key: str) -> Iterator[None]:
    """Press Ctrl-C when SQLite reads this text."""

    def text(value: bytes) -> str:
        if value.decode() == key:
            raise KeyboardInterrupt
        return value.decode()

    def prepare(connection: Any, _entry: object) -> None:  # noqa: ANN401 - a driver's own
        connection.text_factory = text

    sa.event.listen(sa.Pool, "connect", prepare)
    yield
    sa.event.remove(sa.Pool, "connect", prepare)


@contextmanager
def _cursors() -> Iterator[list[object]]:
    """The cursors that execute statements, until the block is left."""
    seen: list[object] = []

    def look(_connection: object, cursor: object, *_: object) -> None:
        seen.append(cursor)

    sa.event.listen(sa.Engine, "before_cursor_execute", look)
    yield seen
    sa.event.remove(sa.Engine, "before_cursor_execute", look)


# --- what cannot be read --------------------------------------------------------------------------------------------


def test_a_file_that_is_not_there_is_reported_and_not_made(tmp_path: Path) -> None:
    with pytest.raises(Unreadable, match=r"there is no file /.*/absent\.db"):
        _read(f"sqlite:///{tmp_path / 'absent.db'}", Filter())

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["100% ours?.db", "#1 & more.db", "über.db"])
def test_a_file_may_have_any_name_that_the_settings_take(tmp_path: Path, name: str) -> None:
    url = f"sqlite:///{tmp_path / name.replace('?', '')}"
    fill(url, 3)

    assert len(_read(url, Filter())) == 3


def test_a_relative_path_starts_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    fill("sqlite:///ledger.db", 3)

    assert len(_read("sqlite:///ledger.db", Filter())) == 3


def test_a_file_that_is_no_database_is_reported(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text("not a database, but long enough to be looked at" * 20)

    with pytest.raises(Unreadable, match="file is not a database"):
        _read(f"sqlite:///{tmp_path / 'ledger.db'}", Filter())


def test_a_server_that_is_not_there_is_reported_without_the_password() -> None:
    with pytest.raises(Unreadable, match=r"127\.0\.0\.1.*refused") as caught:
        _read("postgresql://tests:sec%40ret@127.0.0.1:1/absent", Filter())

    assert "sec" not in str(caught.value)


def test_a_server_that_goes_away_half_way_is_reported(cluster: Cluster, caplog: pytest.LogCaptureFixture) -> None:
    url = cluster.new_database()
    fill(url, 10 * ROWS_AT_ONCE)
    with pytest.raises(Unreadable, match="terminating connection"):
        _read_on_after(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()")
    assert caplog.messages == []


def _read_on_after(url: str, statement: LiteralString) -> None:
    with reading(url, Filter()) as records:
        next(records)
        with psycopg.connect(url) as other:
            other.execute(f"{statement} AND pid <> pg_backend_pid()")
        deque(records, maxlen=0)


def test_a_database_of_a_later_version_is_not_read(database_url: str) -> None:
    execute(database_url, "UPDATE opp_status_schema SET version = version + 1")

    with pytest.raises(NewerSchemaError):
        _read(database_url, Filter())


def test_a_database_of_an_earlier_version_is_not_read_and_not_migrated(database_url: str) -> None:
    execute(database_url, "UPDATE opp_status_schema SET version = version - 1")

    with pytest.raises(OlderSchemaError):
        _read(database_url, Filter())


def test_a_database_from_before_the_first_release_is_reported_with_what_to_do(database_url: str) -> None:
    load_unreleased(database_url)

    with pytest.raises(Unreadable, match=r"from before the first release.*set DATABASE_URL to a new database"):
        _read(database_url, Filter())


def test_an_empty_database_stays_empty(tmp_path: Path, cluster: Cluster) -> None:
    (tmp_path / "ledger.db").touch()
    for url in (f"sqlite:///{tmp_path / 'ledger.db'}", cluster.new_database()):
        with pytest.raises(OlderSchemaError):
            _read(url, Filter())
        opened = engine_for_reading(url)
        assert sa.inspect(opened).get_table_names() == []
        opened.dispose()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ana:s3cr%40t@db.example/ledger",
        "postgres://ana@db.example/ledger?password=s3cr%40t",
        "postgresql://ana@db.example/ledger?sslpassword=s3cr%40t&sslmode=require",
    ],
)
def test_no_password_is_in_the_reason_even_if_the_database_repeats_it(url: str) -> None:
    error = sa.exc.DBAPIError("", None, Exception('FATAL: not "s3cr@t"\n\tfor ana'))

    assert reason(error, url) == 'FATAL: not "***" for ana'
