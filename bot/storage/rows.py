"""Turns the rows of `commands` into values, and values into columns; and gives rows to another owner."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar, assert_never

import sqlalchemy as sa

from bot.access.rules import Caller
from bot.commands.ledger import Claim
from bot.commands.record import Entry, Record, State, Unfamiliar
from bot.commands.reply import DeliveryWay, Message
from bot.deals.deal import Opportunity, Status
from bot.deals.outcome import (
    AlreadySo,
    Ambiguous,
    AskedOwner,
    Cause,
    Changed,
    Effect,
    Failed,
    Guessed,
    NotYours,
    Objection,
    Outcome,
    Overtaken,
    Previewed,
    ReasonWanted,
    Result,
    Unconfirmed,
    Withheld,
    word,
)
from bot.deals.wish import Consent, Wish
from bot.storage.engine import NOW, iso_now
from bot.storage.tables import commands

E = TypeVar("E", bound=StrEnum)

# --- out of the database --------------------------------------------------------------------------------------------

_CALLED_OTHERWISE = {"at": "accepted_at", "name": "opportunity_name"}
RECORD_COLUMNS = [commands.c[_CALLED_OTHERWISE.get(name, name)] for name in Record.__dataclass_fields__]
"""In the order of `Record`'s fields. The reply address is not among them: it is a key to the channel."""


def as_record(row: Sequence[Any]) -> Record:
    """The row of `RECORD_COLUMNS` as a record. A word that a later version wrote becomes an `Unfamiliar`."""
    columns = dict(zip(Record.__dataclass_fields__, row, strict=True))
    at, finished_at, outcome, effect = (columns.pop(name) for name in ("at", "finished_at", "outcome", "effect"))
    withheld = columns.pop("withheld")
    return Record(
        at=datetime.fromisoformat(at),
        state=_member(State, columns.pop("state")),
        outcome=None if outcome is None else _outcome(outcome),
        effect=None if effect is None else _member(Effect, effect),
        withheld=None if withheld is None else _member(Withheld, withheld),
        finished_at=finished_at and datetime.fromisoformat(finished_at),
        consent=_member(Consent, columns.pop("consent")),
        public=bool(columns.pop("public")),
        **columns,
    )


def _outcome(word: str) -> Result | Cause | Unfamiliar:
    result = _member(Result, word)
    return _member(Cause, word) if isinstance(result, Unfamiliar) else result


def _member(kind: type[E], word: str) -> E | Unfamiliar:
    try:
        return kind(word)
    except ValueError:
        return Unfamiliar(word)


def as_claim(row: sa.RowMapping) -> Claim:
    """A row with all columns and `now`, of a command that this process has just taken over.

    Raises `ValueError`, `TypeError` or `LookupError` for a status, a consent or a reply that it cannot read. A state of
    a later version counts as *accepted*.
    """
    entry = Entry(
        key=row["key"],
        reference=row["reference"],
        caller=Caller(row["user_id"], row["team_id"], row["channel_id"]),
        text=row["text"],
        wish=Wish(
            row["opportunity_id"],
            Status(row["status"]),
            row["lost_reason_id"],
            row["only_if"],
            name=row["called"] or "",
            reason=row["reason"] or "",
            consent=Consent(row["consent"]),
            location_id=row["location_id"],
        ),
        response_url=row["response_url"] or "",
        message_ts=row["message_ts"] or "",
        undoes=row["undoes"],
        continues=row["continues"],
        amends=row["amends"],
        batch=row["batch"],
        note=row["note"] or "",
        public=bool(row["public"]),
        asked_why=bool(row["asked_why"]),
        asked_privately=bool(row["asked_privately"]),
    )
    before = Opportunity(
        row["opportunity_id"],
        row["before"] or "",
        name=row["opportunity_name"],
        lost_reason_id=row["before_lost_reason_id"],
    )
    intended, answered = row["state"] == State.INTENDED, row["state"] == State.ANSWERED
    return Claim(
        entry=entry,
        age=seconds_between(row["accepted_at"], row["now"]),
        attempts=row["attempts"],
        intended=before if intended else None,
        reply=_read_message(json.loads(row["reply"])) if answered and row["reply"] else None,
        answered=answered,
        identified=intended or row["undoes"] is not None,
        delivered=DeliveryWay(row["delivered"]) if row["delivered"] else None,
        announced=(row["announced_in"] or "", row["announced_ts"] or ""),
        owner=(row["deal_owner"] or "") if row["outcome"] in {Result.CHANGED, Result.ASKED_OWNER} else "",
    )


def _read_message(written: Mapping[str, Any]) -> Message:
    """The reply as it was written, without fields that only another version knows."""
    fields = {name: value for name, value in written.items() if name in Message.__dataclass_fields__}
    others = {name: _read_message(fields[name]) for name in ("aside", "otherwise") if fields.get(name)}
    return Message(**fields | others | {"blocks": tuple(fields["blocks"])})


# --- into the database ----------------------------------------------------------------------------------------------


def as_row(entry: Entry) -> dict[str, Any]:
    """The columns that a command has from the moment it is accepted, but for those that the database sets itself."""
    return {
        "key": entry.key,
        "reference": entry.reference,
        "team_id": entry.caller.team_id,
        "channel_id": entry.caller.channel_id,
        "user_id": entry.caller.user_id,
        "text": entry.text,
        "location_id": entry.wish.location_id,
        "opportunity_id": entry.wish.opportunity_id,
        "called": entry.wish.name or None,
        "status": entry.wish.status.value,
        "lost_reason_id": entry.wish.lost_reason_id,
        "reason": entry.wish.reason or None,
        "only_if": entry.wish.only_if,
        "consent": entry.wish.consent.value,
        "undoes": entry.undoes,
        "continues": entry.continues,
        "amends": entry.amends,
        "batch": entry.batch,
        "note": entry.note or None,
        "public": int(entry.public),
        "asked_why": int(entry.asked_why),
        "asked_privately": int(entry.asked_privately),
        "response_url": entry.response_url,
        "message_ts": entry.message_ts or None,
    }


def outcome_columns(outcome: Outcome) -> dict[str, str | float | None]:
    """The columns that say what became of a command. A column that it does not know stays as it is."""
    match outcome:
        case Changed(before, after, _, trace_id, objection):
            return {
                "outcome": word(outcome).value,
                **_objected(objection),
                **seen_columns(replace(after, name=after.name or before.name)),
                "before": before.status,
                "after": after.status,
                "trace_id": trace_id,
            }
        case AlreadySo(found) | Overtaken(found) | Unconfirmed(found) | Previewed(found):
            return {"outcome": word(outcome).value, **_unchanged(found)}
        case NotYours(found, objection):
            return {"outcome": word(outcome).value, **_objected(objection), **_unchanged(found)}
        case AskedOwner(found, owner):
            return {"outcome": word(outcome).value, "deal_owner": owner, **_unchanged(found)}
        case Ambiguous() | Guessed() | ReasonWanted():
            return {"outcome": word(outcome).value}
        case Failed(trouble, effect, before, now):
            seen = seen_columns(before) | {"before": before.status} if before else {}
            return seen | {
                "outcome": word(outcome).value,
                "effect": effect.value,
                "said": trouble.said or None,
                "after": now.status if now else None,
                "trace_id": trouble.trace_id,
            }
        case _:
            assert_never(outcome)


def _objected(objection: Objection | None) -> dict[str, str | float | None]:
    return {"withheld": objection.why.value, "deal_owner": objection.owner or None} if objection else {}


def _unchanged(found: Opportunity) -> dict[str, str | float | None]:
    return {**seen_columns(found), "before": found.status, "after": found.status}


def seen_columns(deal: Opportunity) -> dict[str, str | float | None]:
    """The columns that say which deal it was, for those who read of it later."""
    return {"opportunity_name": deal.name, "value": deal.value, "company": deal.company}


def delivery_columns(delivered: str, message_ts: str, announced: tuple[str, str]) -> dict[str, str | None]:
    """The columns that say how the reply was delivered. A message id that Slack did not tell stays as it is."""
    announced_in, announced_ts = announced
    return {
        "delivered": delivered,
        "sent_ts": message_ts or None,
        "announced_in": announced_in or None,
        "announced_ts": announced_ts or None,
    }


def reply_column(reply: Message) -> str:
    """The column `reply`."""
    return json.dumps(_fields(reply), default=_fields)


def _fields(message: Message) -> dict[str, Any]:
    return {name: getattr(message, name) for name in Message.__dataclass_fields__}


def seconds_between(earlier: str, later: str) -> float:
    """Seconds between two times as columns have them."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


def iso(moment: datetime) -> str:
    """The time as a column has it: text that sorts as the times do."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


# --- taken over by another owner ------------------------------------------------------------------------------------

UNFINISHED = sa.text("state <> 'finished'")
"""SQL's own words, not a parameter: otherwise the databases do not use the partial index for it."""


def take_over(owner: str, kind: str, lease_until: sa.ColumnElement[float]) -> sa.UpdateBase:
    """Makes commands whose lease ran out the owner's."""
    orphaned = (
        sa.select(commands.c.key)
        .where(UNFINISHED, commands.c.lease_until < NOW[kind])
        .order_by(commands.c.number)
        .limit(sa.bindparam("most"))
        .with_for_update(skip_locked=True)  # on PostgreSQL several processes write at once; SQLite has one writer
    )
    died_over_it = (commands.c.owner != owner) & commands.c.state.in_([State.RUNNING.value, State.INTENDED.value])
    return (
        commands.update()
        .where(commands.c.key.in_(orphaned))
        .values(
            owner=owner,
            lease_until=lease_until,
            attempts=commands.c.attempts + sa.case((died_over_it, 1), else_=0),
        )
        .returning(commands, iso_now(kind).label("now"))
    )
