from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from bot.commands.ledger import Accepted
from bot.commands.reply import Message
from bot.deals.deal import LostReason, Opportunity, Status
from bot.deals.outcome import (
    AlreadySo,
    Ambiguous,
    Cause,
    Changed,
    Effect,
    Failed,
    Outcome,
    Overtaken,
    Previewed,
    ReasonWanted,
    Trouble,
    Unconfirmed,
)
from bot.deals.ports import OtherSchema, StoreDown
from bot.deals.wish import Consent, Wish
from bot.storage.database import Database
from bot.storage.engine import engine
from bot.storage.ledger import SqlLedger
from bot.storage.tables import commands
from tests.house import PATIENT
from tests.memory import entry
from tests.rows import execute

OPEN, WON = Opportunity("deal", "open", name="New website"), Opportunity("deal", "won", name="New website")
LOST = Opportunity("deal", "lost", lost_reason_id="reason")
REPLY = Message("done", ({"type": "divider"},), public=True)
SHORT = 0.2
"""Seconds of a lease, for tests in which an owner dies."""


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url, PATIENT.database)
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
    await sql.accept(entry("one"), within=5)

    (row,) = _rows(database_url)
    assert (row["key"], row["reference"], row["state"]) == ("one", "REF-one", "accepted")
    assert (row["user_id"], row["team_id"], row["channel_id"]) == ("U1", "T1", "C1")
    assert (row["text"], row["opportunity_id"], row["status"]) == ("deal won", "deal", "won")
    assert row["accepted_at"].endswith("+00:00")


async def test_an_accepted_command_says_what_is_still_open_and_who_sees_the_result(
    sql: SqlLedger, database_url: str
) -> None:
    wish = Wish("", Status.LOST, name="website", reason="price", consent=Consent.PREVIEW)
    fields: dict[str, Any] = {
        "continues": "q",
        "batch": "one",
        "note": "at last",
        "public": False,
        "asked_why": True,
        "asked_privately": True,
    }
    await sql.accept(replace(entry("one", **fields), wish=wish), entry("two"), within=5)

    one, two = _rows(database_url)
    assert (one["opportunity_id"], one["called"], one["reason"], one["consent"]) == ("", "website", "price", "preview")
    assert {name: one[name] for name in fields} == fields | {"public": 0, "asked_why": 1, "asked_privately": 1}
    assert (two["called"], two["reason"], two["consent"]) == (None, None, "presumed")
    assert (two["continues"], two["batch"], two["note"]) == (None, None, None)
    assert (two["public"], two["asked_why"], two["asked_privately"]) == (1, 0, 0)


async def test_the_deal_that_was_found_is_written_beside_the_name_that_was_typed(
    sql: SqlLedger, database_url: str
) -> None:
    wish = Wish("", Status.LOST, name="website", reason="price")
    await sql.accept(replace(entry("one"), wish=wish), within=5)
    await sql.identify("one", replace(wish, opportunity_id="found", lost_reason_id="why"))

    (row,) = _rows(database_url)
    assert (row["opportunity_id"], row["lost_reason_id"]) == ("found", "why")
    assert (row["called"], row["reason"], row["state"]) == ("website", "price", "accepted")


async def test_the_other_channel_where_a_result_was_posted_is_kept(sql: SqlLedger, database_url: str) -> None:
    await sql.accept(entry("one"), entry("two"), within=5)
    await sql.finish("one", "channel", "17.2", ("C2", "18.1"))
    await sql.finish("two", "channel", "17.3")

    assert [(row["announced_in"], row["announced_ts"]) for row in _rows(database_url)] == [("C2", "18.1"), (None, None)]


async def test_an_intention_keeps_what_the_deal_looked_like(sql: SqlLedger, database_url: str) -> None:
    await sql.accept(entry("one"), within=5)
    await sql.intend("one", LOST)

    (row,) = _rows(database_url)
    assert (row["state"], row["before"], row["before_lost_reason_id"]) == ("intended", "lost", "reason")


@pytest.mark.parametrize(
    ("outcome", "columns"),
    [
        (Changed(OPEN, WON, trace_id="t"), ("changed", None, "open", "won", "t", "New website")),
        (AlreadySo(WON), ("already_so", None, "won", "won", None, "New website")),
        (Overtaken(LOST), ("overtaken", None, "lost", "lost", None, None)),
        (Unconfirmed(WON), ("unconfirmed", None, "won", "won", None, "New website")),
        (Previewed(OPEN), ("previewed", None, "open", "open", None, "New website")),
        (Ambiguous((OPEN, WON), more=True), ("ambiguous", None, None, None, None, None)),
        (ReasonWanted((LostReason("r", "Price"),)), ("reason_wanted", None, None, None, None, None)),
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
async def test_an_answer_keeps_the_outcome(
    sql: SqlLedger, database_url: str, outcome: Outcome, columns: tuple[object, ...]
) -> None:
    await sql.accept(entry("one"), within=5)
    await sql.answer("one", outcome, REPLY)

    (row,) = _rows(database_url)
    kept = (row["outcome"], row["effect"], row["before"], row["after"], row["trace_id"], row["opportunity_name"])
    assert kept == columns
    assert row["state"] == "answered"


async def test_when_the_reply_is_delivered_its_text_and_address_are_forgotten(
    sql: SqlLedger, database_url: str
) -> None:
    await sql.accept(entry("one"), within=5)
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
    await sql.accept(entry("one", message_ts="17.1"), within=5)
    await sql.finish("one", "response_url", "")

    assert _rows(database_url)[0]["message_ts"] == "17.1"


async def test_a_command_at_the_deal_goes_on_although_an_older_one_turns_up(sql: SqlLedger, database_url: str) -> None:
    """It can turn up where another replica's commit was under way, and took longer."""
    await sql.accept(entry("at the deal"), within=5)
    await sql.begin("at the deal")
    await sql.accept(entry("older"), within=5)
    execute(database_url, "UPDATE commands SET number = 0 WHERE key = 'older'")

    assert await sql.begin("older") is False
    assert await sql.begin("at the deal") is True


async def test_a_row_that_cannot_be_read_does_not_keep_others_from_being_taken_over(
    sql: SqlLedger, database_url: str
) -> None:
    for key in ("odd", "even"):
        await sql.accept(entry(key, deal=key), within=5)
    execute(database_url, "UPDATE commands SET lease_until = 0")
    execute(database_url, "UPDATE commands SET status = 'unheard of' WHERE key = 'odd'")
    with capture_logs() as lines:
        adopted = await sql.adopt(10)

    assert [claim.entry.key for claim in adopted] == ["even"]
    assert [line["key"] for line in lines if line["event"] == "ledger.unreadable"] == ["odd"]
    assert {row["key"]: row["state"] for row in _rows(database_url)} == {"odd": "finished", "even": "accepted"}


async def test_a_command_in_a_state_of_a_later_version_is_taken_over_from_its_beginning(
    sql: SqlLedger, database_url: str
) -> None:
    await sql.accept(entry("one"), within=5)
    execute(database_url, "UPDATE commands SET lease_until = 0, state = 'asleep'")

    (claim,) = await sql.adopt(10)
    assert (claim.entry.key, claim.intended, claim.answered, claim.identified) == ("one", None, False, False)


async def test_a_reply_of_another_version_is_read_as_far_as_it_is_known(sql: SqlLedger, database_url: str) -> None:
    await sql.accept(entry("one"), within=5)
    await sql.answer("one", AlreadySo(WON), REPLY)
    execute(
        database_url, """UPDATE commands SET lease_until = 0, reply = replace(reply, '{"text"', '{"new": 1, "text"')"""
    )

    (claim,) = await sql.adopt(10)
    assert claim.reply == REPLY


async def test_a_full_disk_is_found_out_by_trying(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'ledger.db'}", PATIENT.database)
    ledger = SqlLedger(database)
    await ledger.ping()
    pages = await database.do(lambda connection: connection.exec_driver_sql("PRAGMA page_count").scalar_one())
    await database.do(lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}"))

    with pytest.raises(StoreDown):
        await ledger.ping()
    await database.close()


async def test_an_accepted_command_is_on_the_disk(sql: SqlLedger, database_url: str) -> None:
    await sql.accept(entry("one"), within=5)
    later = Database(database_url, PATIENT.database)

    assert not await SqlLedger(later).accept(entry("one"), within=5)
    await later.close()


async def test_old_commands_are_forgotten_if_they_are_finished(sql: SqlLedger, database_url: str) -> None:
    for key in ("finished", "finished too", "under way"):
        await sql.accept(entry(key), within=5)
    await sql.finish("finished", "response_url", "")
    await sql.finish("finished too", "response_url", "")

    assert await sql.forget(86_400.0) == 0
    assert await sql.forget(-60.0, most=1) == 1
    assert await sql.forget(-60.0) == 1
    assert [row["key"] for row in _rows(database_url)] == ["under way"]


async def test_a_key_that_no_database_takes_is_the_same_command_when_it_comes_again(sql: SqlLedger) -> None:
    assert await sql.accept(entry("1.\ud800\x00"), within=5) is Accepted.WAITING
    assert await sql.accept(entry("1.\ud800\x00"), within=5) is None
    assert await sql.begin("1.\ud800\x00") is True


@pytest.mark.parametrize("prepared", [True, False])
async def test_a_store_of_any_version_can_be_tried_out_and_is_left_as_it_was(
    database_url: str, *, prepared: bool
) -> None:
    if prepared:
        opened = engine(database_url)
        with opened.begin() as connection:
            connection.execute(sa.text("CREATE TABLE opp_status_schema (version INTEGER NOT NULL)"))
            connection.execute(sa.text("INSERT INTO opp_status_schema VALUES (1)"))
        opened.dispose()
    only_looking = Database(database_url, PATIENT.database, migrates=False)
    await SqlLedger(only_looking).try_out()
    tables = await only_looking.do(lambda connection: sa.inspect(connection).get_table_names())

    assert tables == (["opp_status_schema"] if prepared else [])
    await only_looking.close()


async def test_a_store_of_a_later_version_is_not_tried_out(sql: SqlLedger, database_url: str) -> None:
    await sql.ping()
    execute(database_url, "UPDATE opp_status_schema SET version = 99")
    only_looking = Database(database_url, PATIENT.database, migrates=False)

    with pytest.raises(StoreDown) as down:
        await SqlLedger(only_looking).try_out()
    assert down.value.schema is OtherSchema.NEWER
    await only_looking.close()
