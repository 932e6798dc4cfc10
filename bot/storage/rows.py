"""Turns rows of the table `commands` into values."""

from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

import sqlalchemy as sa

from bot.commands.record import Record, State, Unfamiliar
from bot.deals.outcome import Cause, Effect, Result
from bot.deals.wish import Consent
from bot.storage.tables import commands

E = TypeVar("E", bound=StrEnum)

RECORD_COLUMNS = [
    commands.c.key,
    commands.c.reference,
    commands.c.accepted_at,
    commands.c.team_id,
    commands.c.user_id,
    commands.c.channel_id,
    commands.c.text,
    commands.c.opportunity_id,
    commands.c.opportunity_name,
    commands.c.status,
    commands.c.lost_reason_id,
    commands.c.undoes,
    commands.c.state,
    commands.c.before,
    commands.c.before_lost_reason_id,
    commands.c.after,
    commands.c.outcome,
    commands.c.effect,
    commands.c.attempts,
    commands.c.delivered,
    commands.c.message_ts,
    commands.c.trace_id,
    commands.c.finished_at,
    commands.c.called,
    commands.c.reason,
    commands.c.consent,
    commands.c.continues,
    commands.c.batch,
    commands.c.note,
    commands.c.public,
    commands.c.announced_in,
    commands.c.announced_ts,
    commands.c.location_id,
]
"""In the order of `Record`'s fields. The reply address is not among them: it is a key to the channel."""


def as_record(row: sa.Row[Any]) -> Record:
    """The row of `RECORD_COLUMNS` as a record. A word that a later version wrote becomes an `Unfamiliar`."""
    columns = dict(zip(Record.__dataclass_fields__, row, strict=True))
    at, finished_at, outcome, effect = (columns.pop(name) for name in ("at", "finished_at", "outcome", "effect"))
    return Record(
        at=datetime.fromisoformat(at),
        state=_member(State, columns.pop("state")),
        outcome=None if outcome is None else _outcome(outcome),
        effect=None if effect is None else _member(Effect, effect),
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
