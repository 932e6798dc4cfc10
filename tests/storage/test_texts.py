import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.access.requests import AccessRequest, RequestState
from bot.access.rules import Caller
from bot.commands.ledger import Accepted
from bot.commands.record import Entry, Record
from bot.commands.reply import Message
from bot.deals.deal import Opportunity, Status
from bot.deals.outcome import AlreadySo, Cause, Changed, Effect, Failed, Outcome, Trouble
from bot.deals.wish import Wish
from bot.storage.access_requests import SqlAccessRequests
from bot.storage.channels import SqlBindings
from bot.storage.database import Database
from bot.storage.engine import storable
from bot.storage.history import SqlHistory
from bot.storage.ledger import SqlLedger
from tests.house import PATIENT

TEXT = st.text(st.characters(), max_size=8) | st.sampled_from(
    ["\x00", "\ud800", "a\x00\udfff", "\ud83d\ude00", "é\x00"]
)
"""Any text at all: NUL and half characters, too."""
OPPORTUNITY = st.builds(Opportunity, id=TEXT, status=TEXT, name=TEXT, lost_reason_id=TEXT)
OUTCOME = (
    st.builds(Changed, OPPORTUNITY, OPPORTUNITY, trace_id=TEXT)
    | st.builds(AlreadySo, OPPORTUNITY)
    | st.builds(
        Failed,
        st.builds(Trouble, st.just(Cause.NOT_FOUND), reasons=st.tuples(TEXT), code=TEXT, trace_id=TEXT),
        st.sampled_from(Effect),
        OPPORTUNITY,
        OPPORTUNITY,
    )
)
REPLY = st.builds(
    Message,
    text=TEXT,
    blocks=st.tuples(st.fixed_dictionaries({"text": TEXT})),
    public=st.booleans(),
    also_in=TEXT,
    aside=st.none() | st.builds(Message, text=TEXT, blocks=st.just(()), public=st.just(False)),
)
WISH = st.builds(Wish, TEXT, st.just(Status.LOST), TEXT, TEXT, name=TEXT, reason=TEXT, location_id=TEXT)
ENTRY = st.builds(
    Entry,
    key=TEXT,
    reference=TEXT,
    caller=st.builds(Caller, TEXT, TEXT, TEXT),
    text=TEXT,
    wish=WISH,
    response_url=TEXT,
    message_ts=TEXT,
    undoes=TEXT,
    continues=TEXT,
    batch=TEXT,
    note=TEXT,
)
AT = datetime(2026, 11, 25, tzinfo=UTC)
_numbers = count()


class Stored:
    """A database with a loop of its own, for as many examples as Hypothesis makes."""

    def __init__(self, url: str) -> None:
        self.runner = asyncio.Runner()
        self.database = self.runner.run(self._open(url))
        self.ledger = SqlLedger(self.database, lease=-60.0)  # whatever it accepts can be taken over at once
        self.history = SqlHistory(self.database)

    async def _open(self, url: str) -> Database:
        return Database(url, PATIENT.database)

    def close(self) -> None:
        self.runner.run(self.database.close())
        self.runner.close()


@pytest.fixture
def stored(database_url: str) -> Iterator[Stored]:
    opened = Stored(database_url)
    yield opened
    opened.close()


def _read(text: str | None) -> str | None:
    """The text as it is read; a column of which nothing is known is as good as an empty one."""
    return storable(text) if text else None


def _through_json(reply: Message) -> Message:
    text, blocks, also_in = json.loads(json.dumps([reply.text, reply.blocks, reply.also_in]))
    aside = _through_json(reply.aside) if reply.aside else None
    return replace(reply, text=text, blocks=tuple(blocks), also_in=also_in, aside=aside)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(entry=ENTRY, before=OPPORTUNITY, outcome=OUTCOME, reply=REPLY, ts=TEXT)
def test_any_text_in_any_field_can_be_written_and_read_back(
    stored: Stored, entry: Entry, before: Opportunity, outcome: Outcome, reply: Message, ts: str
) -> None:
    number = next(_numbers)
    unique = replace(
        entry,
        key=f"{number} {entry.key}",
        undoes=f"{number} {entry.undoes}",
        continues=f"{number} {entry.continues}",
        wish=replace(entry.wish, opportunity_id=f"{number} {entry.wish.opportunity_id}"),
    )
    stored.runner.run(_write_and_read(stored, unique, before, outcome, reply, ts))


async def _write_and_read(
    stored: Stored, entry: Entry, before: Opportunity, outcome: Outcome, reply: Message, ts: str
) -> None:
    ledger, history = stored.ledger, stored.history
    assert await ledger.accept(entry, within=15) is Accepted.WAITING
    (claim,) = await ledger.adopt(1)
    caller, wish = entry.caller, entry.wish
    assert claim.entry.caller == Caller(*map(storable, (caller.user_id, caller.team_id, caller.channel_id)))
    for name in ("key", "reference", "text", "response_url", "message_ts", "undoes", "continues", "batch", "note"):
        assert getattr(claim.entry, name) == storable(getattr(entry, name)), name
    for name in ("opportunity_id", "lost_reason_id", "only_if", "name", "reason", "location_id"):
        assert getattr(claim.entry.wish, name) == storable(getattr(wish, name)), name

    await ledger.identify(entry.key, wish)
    assert await ledger.begin(entry.key)
    await ledger.intend(entry.key, before)
    (claim,) = await ledger.adopt(1)
    assert claim.intended == Opportunity(
        storable(wish.opportunity_id),
        storable(before.status),
        name=storable(before.name or ""),
        lost_reason_id=storable(before.lost_reason_id or ""),
    )

    await ledger.answer(entry.key, outcome, reply)
    (claim,) = await ledger.adopt(1)
    assert claim.reply == _through_json(reply)
    await ledger.finish(entry.key, ts, ts, (ts, ts))
    _holds(await history.find(entry.key), outcome, ts)


def _holds(record: Record | None, outcome: Outcome, ts: str) -> None:
    assert record is not None
    assert (record.delivered, record.announced_in, record.announced_ts) == (storable(ts), _read(ts), _read(ts))
    assert not ts or record.message_ts == storable(ts)
    trace_id = ""
    match outcome:
        case Changed(before, after, _, trace_id):
            name = after.name or before.name
        case AlreadySo(before):
            name, after = before.name, before
        case Failed(trouble, _, Opportunity() as before, Opportunity() as after):
            name, trace_id = before.name, trouble.trace_id
        case _:
            raise AssertionError(outcome)
    assert (_read(record.name), _read(record.trace_id)) == (_read(name), _read(trace_id))
    assert (record.before, record.after) == (storable(before.status), storable(after.status))


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(user=TEXT, channel=TEXT, by=TEXT)
def test_any_text_of_a_person_or_a_channel_can_be_written_and_read_back(
    stored: Stored, user: str, channel: str, by: str
) -> None:
    number = next(_numbers)
    stored.runner.run(_ask_and_bind(stored.database, f"{number} {user}", f"{number} {channel}", by))


async def _ask_and_bind(database: Database, user: str, channel: str, by: str) -> None:
    requests, bindings = SqlAccessRequests(database), SqlBindings(database)
    request = AccessRequest(user, user, by, channel, AT)
    assert (await requests.ask(request)).user_id == storable(user)
    decided, now = await requests.decide(user, RequestState.APPROVED, by, AT)
    assert now
    assert decided
    assert decided.decided_by == storable(by)
    assert await requests.approved(user)
    await bindings.bind(channel, by, user)
    assert await bindings.of(channel) == storable(by)


@pytest.mark.parametrize(
    ("text", "stored_as"),
    [("", ""), ("a", "a"), ("é😀", "é😀"), ("a\x00b", "a?b"), ("\ud83d", "?"), ("é\x00\udc00", "é??")],
)
def test_what_no_database_takes_becomes_a_question_mark(text: str, stored_as: str) -> None:
    assert storable(text) == stored_as
