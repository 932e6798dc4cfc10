"""The ports in memory. `tests/commands/test_ledger.py` tests this ledger together with the real one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from bot.access.authorization import DirectoryError
from bot.access.people import CrmUser, Unknown
from bot.access.requests import AccessRequest, RequestState
from bot.access.rules import Approved, Caller, Person
from bot.commands.instrumentation import Instrumentation
from bot.commands.ledger import Accepted, Claim
from bot.commands.outbox import Outbox
from bot.commands.record import Entry, Record, State
from bot.commands.reply import Address, Delivery, DeliveryWay, Message, NotYet, StillOurs
from bot.commands.tasks import Tasks
from bot.deals.deal import STATES, LostReason, Matches, Opportunity, Status
from bot.deals.locations import Locations
from bot.deals.outcome import (
    AlreadySo,
    AskedOwner,
    Cause,
    Changed,
    Effect,
    Failed,
    NotYours,
    Objection,
    Outcome,
    Overtaken,
    Previewed,
    Result,
    Trouble,
    Unconfirmed,
    Withheld,
    owner_to_tell,
    word,
)
from bot.deals.policy import Confirm, LostReasonMode, Policy
from bot.deals.ports import CrmError, LeaseLost, StoreDown, StoreRefused
from bot.deals.wish import Wish
from bot.schedule.digest.figures import Figures, Sent
from bot.schedule.digest.periods import Week
from bot.schedule.due import Planned
from bot.schedule.ports import Standing
from bot.slack.messages.messages import Messages
from bot.slack.messages.pieces import Installation

V = TypeVar("V")


def policy(**decisions: Any) -> Policy:  # noqa: ANN401 - any of a policy's
    """The policy of an operator who decides nothing but this."""
    unset: dict[str, Any] = {
        "statuses": frozenset(STATES),
        "undo_window": timedelta(hours=24),
        "lost_reason": LostReasonMode.ASK,
        "confirm": Confirm(above=3, leaving=frozenset({Status.WON})),
        "announce_channels": {},
        "errors_in_channel": False,
    }
    return Policy(**unset | decisions)


def messages(**settings: Any) -> Messages:  # noqa: ANN401 - of any setting
    """The messages of an installation in which only these settings are set."""
    plain: dict[str, Any] = {
        "app_url": "https://app.example",
        "locations": Locations("L"),
        "currency": "",
        "admin_contact": "",
        "admins": (),
        "channels": frozenset(),
    }
    decisions = {each.name: settings.pop(each.name) for each in fields(Policy) if each.name in settings}
    return Messages.of(Installation(**plain | settings), policy(**decisions))


CHANGE = Record(
    key="key",
    reference="REF",
    at=datetime(2026, 11, 25, 11, tzinfo=UTC),
    team_id="T1",
    user_id="U1",
    channel_id="C1",
    text="deal won",
    opportunity_id="deal",
    name="New website",
    status="won",
    lost_reason_id=None,
    undoes=None,
    state=State.FINISHED,
    before="open",
    before_lost_reason_id=None,
    after="won",
    outcome=Result.CHANGED,
    effect=None,
    attempts=0,
    delivered="response_url",
    message_ts=None,
    trace_id=None,
    finished_at=datetime(2026, 11, 25, 11, 0, 1, tzinfo=UTC),
)
"""A change as the ledger remembers it. Tests replace the fields that matter to them."""


def entry(key: str, deal: str = "deal", **fields: Any) -> Entry:  # noqa: ANN401 - any of an entry's
    """A command of U1, who wants the deal to be won."""
    caller = Caller("U1", "T1", "C1")
    return Entry(key, f"REF-{key}", caller, "deal won", Wish(deal, Status.WON), "https://reply.example", **fields)


def error(cause: Cause, *, perhaps_done: bool = False, answered: bool = True) -> CrmError:
    return CrmError(Trouble(cause), perhaps_done=perhaps_done, answered=answered)


async def ours() -> None:
    """The answer of a process that still has what it is about to send."""


def _now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class MemoryCrm:
    """A CRM with one deal.

    Each call takes the next item of `finding`, `setting` or `searching` first: it raises an error, or calls a function.
    """

    deal: Opportunity
    matches: Matches = field(default_factory=lambda: Matches((), more=False))
    """What every search finds."""
    reasons: tuple[LostReason, ...] | None = ()
    finding: list[CrmError | Callable[[], None]] = field(default_factory=list)
    setting: list[CrmError | Callable[[], None]] = field(default_factory=list)
    searching: list[CrmError | Callable[[], None]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    prefetched: list[Opportunity] = field(default_factory=list)
    """The deals whose names were prefetched."""
    hides_reasons: bool = False
    """Whether the CRM accepts a lost reason without showing it."""
    closed: CrmError | None = None
    """What `reserve` raises; `None` for nothing."""

    @asynccontextmanager
    async def reserve(self, *, until: float) -> AsyncIterator[None]:
        assert until > 0
        if self.closed:
            raise self.closed
        yield

    async def find(self, opportunity_id: str, *, until: float) -> Opportunity:
        self.calls.append("find")
        _next(self.finding)
        if opportunity_id != self.deal.id or until <= 0:
            raise error(Cause.NOT_FOUND)
        return self.deal

    async def search(self, name: str, *, until: float) -> Matches:
        assert name
        assert until > 0
        self.calls.append("search")
        _next(self.searching)
        return self.matches

    async def open_deals_of(self, owner_id: str, *, until: float) -> Matches:
        assert owner_id
        assert until > 0
        self.calls.append("open_deals_of")
        _next(self.searching)
        return self.matches

    async def lost_reasons(self, *, until: float) -> tuple[LostReason, ...] | None:
        assert until > 0
        self.calls.append("lost_reasons")
        return self.reasons

    async def set_status(
        self,
        opportunity_id: str,
        status: Status,
        *,
        lost_reason_id: str | None,
        until: float,
        still_ours: Callable[[], Awaitable[None]],
    ) -> str:
        assert opportunity_id == self.deal.id
        assert until > 0
        self.calls.append("set_status")
        _next(self.setting)
        await still_ours()
        shown = self.deal.lost_reason_id if self.hides_reasons else lost_reason_id
        self.deal = replace(self.deal, status=status, lost_reason_id=shown)
        return "trace"

    def prefetch_names(self, opportunity: Opportunity) -> None:
        self.prefetched.append(opportunity)

    async def describe(self, opportunity: Opportunity, *, until: float) -> Opportunity:
        assert until > 0
        return replace(opportunity, stage="Proposal")

    def becomes(self, status: str) -> None:
        self.deal = replace(self.deal, status=status)


def _next(planned: list[CrmError | Callable[[], None]]) -> None:
    if not planned:
        return
    step = planned.pop(0)
    if isinstance(step, CrmError):
        raise step
    step()


_numbers = count()


@dataclass
class Row:
    """A command as the ledger has it."""

    entry: Entry
    owner: str | None
    lease_until: float
    number: int = field(default_factory=lambda: next(_numbers))
    accepted: datetime = field(default_factory=lambda: datetime.now(UTC))
    state: State = State.ACCEPTED
    attempts: int = 0
    before: Opportunity | None = None
    outcome: Outcome | None = None
    reply: Message | None = None
    told: bool = False
    delivered: str | None = None
    message_ts: str = ""
    announced: tuple[str, str] = ("", "")

    @property
    def counts(self) -> bool:
        """Whether `last_change` counts it: it changed the deal, or may have, or still may."""
        unsure = isinstance(self.outcome, Failed) and self.outcome.effect is Effect.UNKNOWN
        only_a_reason = isinstance(self.outcome, Changed) and self.outcome.before.status == self.outcome.after.status
        return (self.stands and not only_a_reason) or unsure

    @property
    def stands(self) -> bool:
        """Whether it is under way, or changed the deal."""
        return self.outcome is None or isinstance(self.outcome, Changed)


@dataclass
class MemoryStore:
    """The rows, which several owners share. While it is `down`, every method of the ledger raises `StoreDown`."""

    rows: dict[str, Row] = field(default_factory=dict)
    down: bool = False
    refusing: list[str] = field(default_factory=list)
    """Methods whose next call raises `StoreRefused`."""

    def refuse(self, method: str) -> None:
        if method in self.refusing:
            self.refusing.remove(method)
            raise StoreRefused

    def age(self, seconds: float) -> None:
        """So many seconds go by for every lease."""
        for row in self.rows.values():
            row.lease_until -= seconds


_owners = count()


@dataclass
class MemoryLedger:
    """`IntakeLedger`, `WorkerLedger` and `History` in a dictionary."""

    store: MemoryStore = field(default_factory=MemoryStore)
    lease: float = 30.0
    owner: str = field(default_factory=lambda: f"owner-{next(_owners)}")

    async def accept(self, *entries: Entry, within: float, begin: bool = False) -> Accepted | None:
        assert within > 0
        rows = self._rows()
        standing = [row.entry for row in rows.values() if row.stands]
        for entry in entries:
            undone = entry.undoes and any(other.undoes == entry.undoes for other in standing)
            asked = [row.entry for row in rows.values() if isinstance(row.outcome, AskedOwner)]
            answered = entry.continues and any(other.continues == entry.continues for other in (*standing, *asked))
            if entry.key in rows or undone or answered:
                return None
        for entry in entries:
            rows[entry.key] = Row(entry, self.owner, _now() + self.lease, message_ts=entry.message_ts)
        if begin and len(entries) == 1 and entries[0].wish.opportunity_id and not self._others(rows[entries[0].key]):
            rows[entries[0].key].state = State.RUNNING
            return Accepted.BEGUN
        return Accepted.WAITING

    async def ping(self) -> None:
        self._rows()

    async def identify(self, key: str, wish: Wish) -> None:
        row = self._ours(key)
        self.store.refuse("identify")
        row.entry = replace(row.entry, wish=wish)

    async def begin(self, key: str) -> bool:
        row = self._ours(key)
        self.store.refuse("begin")
        others = self._others(row)
        before = [other for other in others if other.number < row.number]
        if any(other.state in AT_THE_DEAL for other in others) or (before and row.state == State.ACCEPTED):
            return False
        row.state = row.state if row.state == State.INTENDED else State.RUNNING
        return True

    async def still_ours(self, key: str) -> None:
        row = self.store.rows.get(key)
        if not self.store.down or row is None or row.lease_until <= _now():  # until then it need not ask
            self._ours(key)

    async def intend(self, key: str, before: Opportunity) -> None:
        row = self._ours(key)
        row.state, row.before = State.INTENDED, before

    async def tell_to_wait(self, key: str) -> bool:
        row = self._rows().get(key)
        if row is None or row.owner != self.owner or row.told:
            return False
        row.told, row.lease_until = True, _now() + self.lease
        return True

    async def answer(self, key: str, outcome: Outcome, reply: Message | None, amends: str | None = None) -> None:
        row = self._ours(key)
        self.store.refuse("answer")
        row.state, row.outcome, row.reply = State.ANSWERED, outcome, reply
        row.entry = replace(row.entry, amends=amends or row.entry.amends)

    async def reply(self, key: str, reply: Message) -> None:
        self._ours(key).reply = reply

    async def deliver(self, key: str, delivered: str, message_ts: str, announced: tuple[str, str] = ("", "")) -> None:
        row = self._ours(key)
        row.announced, row.delivered = announced, delivered
        row.message_ts = message_ts or row.message_ts

    async def set_back(self, key: str, seconds: float, delivered: str | None) -> None:
        row = self._ours(key)
        row.owner, row.lease_until, row.attempts = None, _now() + seconds, row.attempts + 1
        row.delivered = delivered or row.delivered

    async def finish(self, key: str, delivered: str, message_ts: str, announced: tuple[str, str] = ("", "")) -> None:
        await self.deliver(key, delivered, message_ts, announced)
        row = self._ours(key)
        row.state, row.owner, row.reply = State.FINISHED, None, None
        row.entry = replace(row.entry, response_url="")

    async def renew(self, keys: Collection[str]) -> Collection[str]:
        renewed = [row for row in self._unfinished() if row.owner == self.owner and row.entry.key in keys]
        for row in renewed:
            row.lease_until = _now() + self.lease
        return [row.entry.key for row in renewed]

    async def adopt(self, most: int) -> list[Claim]:
        found = [row for row in self._unfinished() if row.lease_until < _now()][:most]
        for row in found:
            row.attempts += row.owner not in {None, self.owner} and row.state in AT_THE_DEAL
            row.owner, row.lease_until = self.owner, _now() + self.lease
        return [
            Claim(
                entry=replace(row.entry, message_ts=row.message_ts),
                age=(datetime.now(UTC) - row.accepted).total_seconds(),
                attempts=row.attempts,
                intended=row.before if row.state == State.INTENDED else None,
                reply=row.reply,
                answered=row.state == State.ANSWERED,
                identified=row.state == State.INTENDED or row.entry.undoes is not None,
                delivered=DeliveryWay(row.delivered) if row.delivered else None,
                announced=row.announced,
                owner=owner_to_tell(row.outcome) if row.outcome else "",
            )
            for row in found
        ]

    async def give_back(self) -> int:
        ours = [row for row in self._unfinished() if row.owner == self.owner]
        for row in ours:
            row.owner, row.lease_until = None, 0.0
        return len(ours)

    async def find(self, key: str) -> Record | None:
        row = self._rows().get(key)
        return _record(row) if row else None

    async def last_change(self, user_id: str) -> Record | None:
        made = [row for row in self._of(user_id) if row.counts and not row.entry.undoes]
        return _record(made[0]) if made else None

    async def undo_of(self, key: str) -> Record | None:
        return next((_record(row) for row in self._rows().values() if row.entry.undoes == key and row.stands), None)

    async def told_before(self, key: str) -> bool:
        rows = self._rows()
        this = rows.get(key)
        deals = {row.entry.wish.opportunity_id for row in rows.values() if key in {row.entry.key, row.entry.batch}}
        earlier = [row for row in self._unfinished() if row.entry.wish.opportunity_id in deals]
        return this is None or all(row.number >= this.number for row in earlier)

    async def of_batch(self, batch: str) -> list[Record]:
        together = [row for row in self._rows().values() if row.entry.batch == batch]
        return [_record(row) for row in sorted(together, key=lambda row: row.entry.key)]

    async def of_user(self, user_id: str, most: int) -> list[Record]:
        return [_record(row) for row in self._of(user_id)][:most]

    async def of_everybody(self, most: int) -> list[Record]:
        return [_record(row) for row in reversed(self._rows().values())][:most]

    async def of_opportunity(self, opportunity_id: str, most: int) -> list[Record]:
        about = [row for row in self._rows().values() if row.entry.wish.opportunity_id == opportunity_id]
        return [_record(row) for row in reversed(about)][:most]

    def _rows(self) -> dict[str, Row]:
        if self.store.down:
            raise StoreDown
        return self.store.rows

    def _others(self, row: Row) -> list[Row]:
        """The other commands about the same deal that have no outcome yet."""
        return [
            other
            for other in self._rows().values()
            if other is not row
            and other.entry.wish.opportunity_id == row.entry.wish.opportunity_id
            and other.state not in {State.ANSWERED, State.FINISHED}
        ]

    def _unfinished(self) -> list[Row]:
        return [row for row in self._rows().values() if row.state != State.FINISHED]

    def _of(self, user_id: str) -> list[Row]:
        return [row for row in reversed(self._rows().values()) if row.entry.caller.user_id == user_id]

    def _ours(self, key: str) -> Row:
        row = self._rows().get(key)
        if row is None or row.owner != self.owner:
            raise LeaseLost
        row.lease_until = _now() + self.lease
        return row


AT_THE_DEAL = {State.RUNNING, State.INTENDED}


NONE = Opportunity("", "")
"""Instead of a deal that is not known."""


def _found(row: Row) -> tuple[Opportunity | None, Opportunity | None]:
    """The deal before and after a command; `None` if it is not known."""
    match row.outcome:
        case Changed(before, after):
            return before, after
        case AlreadySo(found) | Overtaken(found) | Unconfirmed(found) | Previewed(found):
            return found, found
        case NotYours(found) | AskedOwner(found):
            return found, found
        case Failed(before=before, now=now):
            return before or row.before, now
    return row.before, None


def _withheld(outcome: Outcome | None) -> Withheld | None:
    match outcome:
        case Changed(objection=Objection(why)) | NotYours(objection=Objection(why)):
            return why
    return None


def _deal_owner(outcome: Outcome | None) -> str | None:
    match outcome:
        case Changed(objection=Objection(owner=owner)) | NotYours(objection=Objection(owner=owner)):
            return owner or None
        case AskedOwner(owner=owner):
            return owner
    return None


def _record(row: Row) -> Record:
    outcome = row.outcome
    before, after = _found(row)
    return Record(
        key=row.entry.key,
        reference=row.entry.reference,
        at=row.accepted,
        team_id=row.entry.caller.team_id,
        user_id=row.entry.caller.user_id,
        channel_id=row.entry.caller.channel_id,
        text=row.entry.text,
        opportunity_id=row.entry.wish.opportunity_id,
        name=before.name if before else None,
        status=row.entry.wish.status.value,
        lost_reason_id=row.entry.wish.lost_reason_id,
        undoes=row.entry.undoes,
        state=row.state,
        before=before.status if before else None,
        before_lost_reason_id=row.before.lost_reason_id if row.before else None,
        after=after.status if after else None,
        outcome=word(outcome) if outcome else None,
        effect=outcome.effect if isinstance(outcome, Failed) else None,
        attempts=row.attempts,
        delivered=row.delivered,
        message_ts=row.message_ts or None,
        trace_id=None,
        finished_at=datetime.now(UTC) if row.state == State.FINISHED else None,
        called=row.entry.wish.name or None,
        reason=row.entry.wish.reason or None,
        consent=row.entry.wish.consent,
        continues=row.entry.continues,
        batch=row.entry.batch,
        note=row.entry.note or None,
        public=row.entry.public,
        announced_in=row.announced[0] or None,
        announced_ts=row.announced[1] or None,
        amends=row.entry.amends,
        only_if=row.entry.wish.only_if,
        value=(after or before or NONE).value,
        company=(after or before or NONE).company,
        said=(outcome.trouble.said or None) if isinstance(outcome, Failed) else None,
        withheld=_withheld(outcome),
        deal_owner=_deal_owner(outcome),
    )


@dataclass
class MemoryWork:
    """`bot.slack.intake.Work` that only keeps what is submitted; `room`: what `has_room` returns."""

    room: bool = True
    entries: list[Entry] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    """The keys of the commands that began as they were accepted."""

    def has_room(self, entry: Entry) -> bool:  # noqa: ARG002 - the port's
        return self.room

    def submit(self, entry: Entry, *, begun: bool) -> None:
        self.entries.append(entry)
        self.begun += [entry.key] if begun else []


class MemoryOutbox(Outbox):
    """An outbox that keeps messages instead of sending them."""

    def __init__(self) -> None:
        super().__init__(_NoMail(), messages(), Tasks())
        self.told: list[tuple[Message, Address, str]] = []
        self.questions: list[tuple[Awaitable[Message | None], Address, str]] = []
        self.removed: list[Address] = []

    def remove(self, pressed: Address, reference: str) -> None:  # noqa: ARG002 - the outbox's
        self.removed.append(pressed)

    def tell(self, message: Message, to: Address, reference: str) -> None:
        self.told.append((message, to, reference))

    async def send(self, message: Message, to: Address, still_ours: StillOurs) -> None:  # noqa: ARG002 - the outbox's
        self.told.append((message, to, ""))

    def answer(self, question: Awaitable[Message | None], to: Address, reference: str) -> None:
        self.questions.append((question, to, reference))


@dataclass
class MemoryPeople:
    """Tells who is whom: everyone is this user of the CRM, or unknown."""

    user: str | Unknown = "user-1"
    elsewhere: dict[str, Unknown] = field(default_factory=dict)
    """Sub-accounts in which that is unknown."""

    async def crm_user(self, user_id: str, location_id: str) -> str | Unknown:
        assert user_id
        assert isinstance(location_id, str)
        return self.elsewhere.get(location_id, self.user)


class _NoMail:
    """`bot.commands.reply.Mail` that is never used."""

    def expect(self) -> None:
        """See `Mail`."""

    async def deliver(self, message: Message, to: Address, still_ours: StillOurs) -> Delivery | NotYet:
        raise NotImplementedError

    async def post(self, message: Message, channel_id: str, still_ours: StillOurs) -> Delivery | NotYet:
        raise NotImplementedError

    async def update(
        self, message: Message, channel_id: str, message_ts: str, still_ours: StillOurs
    ) -> Delivery | NotYet:
        raise NotImplementedError

    async def delete(self, to: Address, still_ours: StillOurs) -> None:
        raise NotImplementedError


@dataclass
class MemoryAccessRequests:
    """`bot.access.requests.AccessRequests` in a list. While it is `down`, every method raises `StoreDown`."""

    rows: list[AccessRequest] = field(default_factory=list)
    down: bool = False

    async def ask(self, request: AccessRequest) -> AccessRequest:
        standing = [row for row in self._rows() if row.user_id == request.user_id and _stands(row)]
        if not standing:
            self.rows.append(request)
        return standing[0] if standing else request

    async def decide(
        self, reference: str, state: RequestState, by: str, at: datetime
    ) -> tuple[AccessRequest | None, bool]:
        row = next((row for row in self._rows() if row.reference == reference), None)
        if row is None or row.state is not RequestState.OPEN:
            return row, False
        return self._put(row, replace(row, state=state, decided_by=by, decided_at=at)), True

    async def revoke(self, user_id: str, by: str, at: datetime) -> AccessRequest | None:
        row = next((row for row in self._rows() if row.user_id == user_id and row.approved), None)
        return self._put(row, replace(row, state=RequestState.REVOKED, revoked_by=by, revoked_at=at)) if row else None

    async def latest(self, user_id: str) -> AccessRequest | None:
        asked = [row for row in self._rows() if row.user_id == user_id]
        return max(asked, key=lambda row: row.asked_at, default=None)

    async def approved(self, user_id: str) -> Approved | None:
        return next((row.approved for row in self._rows() if row.user_id == user_id and row.approved), None)

    async def standing(self, most: int) -> list[AccessRequest]:
        return sorted(
            filter(_stands, self._rows()), key=lambda row: (row.state is not RequestState.OPEN, row.asked_at)
        )[:most]

    def _rows(self) -> list[AccessRequest]:
        if self.down:
            raise StoreDown
        return self.rows

    def _put(self, row: AccessRequest, now: AccessRequest) -> AccessRequest:
        self.rows[self.rows.index(row)] = now
        return now


def _stands(row: AccessRequest) -> bool:
    return row.state in {RequestState.OPEN, RequestState.APPROVED}


@dataclass
class MemoryWorkspace:
    """`bot.access.authorization.Workspace` whose id Slack tells later."""

    team_id: str | None = "T1"
    told: str | None = None
    """The id that Slack tells after `wait` seconds; `None` for none."""
    wait: float = 0.0

    async def asked(self) -> None:
        await asyncio.sleep(self.wait)
        self.team_id = self.told


@dataclass
class MemoryDirectory:
    """`bot.access.authorization.Directory` and `bot.access.people.Contacts` in dictionaries.

    After `wait` seconds Slack tells what is in them; for anything else it answers with `error`.
    """

    groups: dict[str, frozenset[str]] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    emails: dict[str, str | None] = field(default_factory=dict)
    wait: float = 0.0
    error: str = "not_found"
    asked: list[str] = field(default_factory=list)

    async def members(self, group_id: str) -> frozenset[str]:
        return await self._read(self.groups, group_id)

    async def person(self, user_id: str) -> Person:
        return await self._read(self.people, user_id)

    async def found_by_email(self, email: str) -> str | None:
        return await self._read(self.emails, email)

    async def _read(self, known: dict[str, V], key: str) -> V:
        self.asked.append(key)
        await asyncio.sleep(self.wait)
        if key not in known:
            raise DirectoryError(self.error)
        return known[key]


@dataclass
class MemoryRights:
    """`bot.deals.ports.Rights` that objects to everything, or to nothing."""

    found: Objection | None = None
    slack_id: str = "U0BEN"
    asked: list[str] = field(default_factory=list)
    """Whom it was asked about."""

    async def objection(self, user_id: str, deal: Opportunity) -> Objection | None:  # noqa: ARG002 - as the port wants it
        self.asked.append(user_id)
        return self.found

    async def owner(self, deal: Opportunity) -> str:  # noqa: ARG002 - likewise
        return self.slack_id


@dataclass
class MemoryUsers:
    """`bot.access.people.CrmUsers` in a list. With a `cause` it fails."""

    users: list[CrmUser] = field(default_factory=list)
    cause: Cause | None = None
    asked: list[str] = field(default_factory=list)

    async def user(self, user_id: str, *, until: float) -> CrmUser | None:
        return next((user for user in await self.listed(until=until) if user.id == user_id), None)

    async def listed(self, *, until: float) -> list[CrmUser]:  # noqa: ARG002 - as the port wants it
        self.asked.append("users")
        if self.cause:
            raise error(self.cause)
        return self.users


@dataclass
class MemoryBindings:
    """`bot.deals.locations.Bindings` in a dictionary. While it is `down`, methods raise `StoreDown`."""

    bound: dict[str, str] = field(default_factory=dict)
    down: bool = False

    async def of(self, channel_id: str) -> str | None:
        if self.down:
            raise StoreDown
        return self.bound.get(channel_id)

    async def bind(self, channel_id: str, location_id: str, by: str) -> None:  # noqa: ARG002 - as the port wants it
        if self.down:
            raise StoreDown
        self.bound[channel_id] = location_id

    async def unbind(self, channel_id: str) -> None:
        self.bound.pop(channel_id, None)


@dataclass
class MemoryMutes:
    """`bot.events.ports.Mutes` in a dictionary. While it is `down`, methods raise `StoreDown`."""

    muted: dict[str, float] = field(default_factory=dict)
    down: bool = False

    async def mute(self, channel_id: str, seconds: float, by: str) -> None:
        assert by
        if self.down:
            raise StoreDown
        self.muted[channel_id] = seconds


class MemoryReminders:
    """`bot.schedule.ports.Reminders` in memory. `down`: what each method raises."""

    def __init__(self) -> None:
        self.waiting: dict[str, Planned] = {}
        self.seen: dict[str, Planned] = {}
        self.down: StoreDown | None = None

    async def remind(self, planned: Planned) -> Standing:
        self._answer()
        if planned.key in self.seen:
            return Standing(self.seen[planned.key])
        same = [each for each in self.waiting.values() if _whose(each) == _whose(planned)]
        for each in same:
            del self.waiting[each.key]
        self.waiting[planned.key] = self.seen[planned.key] = planned
        return Standing(planned, same[0].due if same else None)

    async def of_person(self, user_id: str, most: int) -> Sequence[Planned]:
        self._answer()
        theirs = [each for each in self.waiting.values() if each.caller.user_id == user_id]
        return sorted(theirs, key=lambda each: each.due)[:most]

    async def cancel(self, key: str, user_id: str) -> Planned | None:
        self._answer()
        found = self.waiting.get(key)
        return self.waiting.pop(key) if found and found.caller.user_id == user_id else None

    def _answer(self) -> None:
        if self.down:
            raise self.down


def _whose(planned: Planned) -> tuple[str, str]:
    return planned.caller.user_id, planned.deal.opportunity_id


class MemoryInstrumentation(Instrumentation):
    """Keeps what is reported."""

    def __init__(self) -> None:
        self.outcomes: list[str] = []
        self.kinds: list[tuple[str, float]] = []
        self.ways: list[tuple[str, float]] = []
        self.standstills: list[float] = []

    def commanded(self, outcome: str) -> None:
        self.outcomes.append(outcome)

    def acknowledged(self, kind: str, seconds: float) -> None:
        self.kinds.append((kind, seconds))

    def replied(self, way: str, seconds: float) -> None:
        self.ways.append((way, seconds))

    def stood_still(self, seconds: float) -> None:
        self.standstills.append(seconds)


@dataclass
class MemoryDigests:
    """`Digests` in memory."""

    planned: dict[str, Planned] = field(default_factory=dict)
    posted: list[Sent] = field(default_factory=list)
    """The latest first."""
    down: bool = False

    async def plan(self, planned: Sequence[Planned]) -> None:
        if self.down:
            raise StoreDown
        self.planned |= {each.key: each for each in planned}

    async def sent(self, by: datetime) -> Sequence[Sent]:
        if self.down:
            raise StoreDown
        return [each for each in self.posted if each.week.until <= by]


@dataclass
class MemoryFigures:
    """`FigureReader` in memory: the figures by sub-account, or why there are none."""

    found: dict[str, Figures | CrmError] = field(default_factory=dict)
    asked: list[tuple[str, Week, datetime | None]] = field(default_factory=list)
    slow: dict[str, float] = field(default_factory=dict)
    """Seconds that a sub-account takes."""
    finished: list[str] = field(default_factory=list)

    async def read(self, location_id: str, week: Week, stuck_before: datetime | None) -> Figures:
        self.asked.append((location_id, week, stuck_before))
        await asyncio.sleep(self.slow.get(location_id, 0.0))
        self.finished.append(location_id)
        found = self.found.get(location_id, Figures())
        if isinstance(found, CrmError):
            raise found
        return found
