"""Keeps requests for access, and what the admins decided, in the table `access`."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.access.requests import OPERATOR, AccessRequest, RequestState
from bot.access.rules import Approved
from bot.storage.database import Database
from bot.storage.engine import engine, insert, reason
from bot.storage.history import Unreadable, streaming
from bot.storage.rows import iso
from bot.storage.tables import access

_COLUMNS = [
    access.c.reference,
    access.c.user_id,
    access.c.team_id,
    access.c.channel_id,
    access.c.asked_at,
    access.c.state,
    access.c.decided_by,
    access.c.decided_at,
    access.c.revoked_by,
    access.c.revoked_at,
    access.c.command,
]
"""In the order of `AccessRequest`'s fields."""
_STANDING = sa.text("state IN ('open', 'approved')")
"""SQL's own words, not parameters: otherwise the databases do not use the partial index for it."""


class SqlAccessRequests:
    """`AccessRequests` over a database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ask(self, request: AccessRequest) -> AccessRequest:
        """See `AccessRequests`."""
        written = {
            "reference": request.reference,
            "user_id": request.user_id,
            "team_id": request.team_id,
            "channel_id": request.channel_id,
            "asked_at": iso(request.asked_at),
            "state": request.state.value,
            "command": request.command or None,
        }
        adding = insert(self._database.kind, access).values(written).on_conflict_do_nothing()
        standing = sa.select(*_COLUMNS).where(access.c.user_id == request.user_id, _STANDING)

        def add(connection: sa.Connection) -> AccessRequest:
            connection.execute(adding)
            return _access_request(connection.execute(standing).one())

        return await self._database.do(add)

    async def decide(
        self, reference: str, state: RequestState, by: str, at: datetime
    ) -> tuple[AccessRequest | None, bool]:
        """See `AccessRequests`."""
        deciding = (
            access.update()
            .where(access.c.reference == reference, access.c.state == RequestState.OPEN.value)
            .values(state=state.value, decided_by=by, decided_at=iso(at))
        )
        looking = sa.select(*_COLUMNS).where(access.c.reference == reference)

        def decide(connection: sa.Connection) -> tuple[AccessRequest | None, bool]:
            decided = connection.execute(deciding).rowcount == 1
            row = connection.execute(looking).first()
            return (_access_request(row) if row else None, decided)

        return await self._database.do(decide)

    async def revoke(self, user_id: str, by: str, at: datetime) -> AccessRequest | None:
        """See `AccessRequests`."""
        statement = _revocation(user_id, by, at)
        row = await self._database.do(lambda connection: connection.execute(statement).first())
        return _access_request(row) if row else None

    async def latest(self, user_id: str) -> AccessRequest | None:
        """See `AccessRequests`."""
        latest = access.c.asked_at.desc(), access.c.reference
        statement = sa.select(*_COLUMNS).where(access.c.user_id == user_id).order_by(*latest).limit(1)
        row = await self._database.do(lambda connection: connection.execute(statement).first())
        return _access_request(row) if row else None

    async def approved(self, user_id: str) -> Approved | None:
        """See `AccessRequests`."""
        statement = sa.select(*_COLUMNS).where(access.c.user_id == user_id, _STANDING)
        row = await self._database.do(lambda connection: connection.execute(statement).first())
        return _access_request(row).approved if row else None

    async def standing(self, most: int) -> list[AccessRequest]:
        """See `AccessRequests`."""
        open_first = sa.case((access.c.state == RequestState.OPEN.value, 0), else_=1)
        in_order = (open_first, access.c.asked_at, access.c.reference)
        statement = sa.select(*_COLUMNS).where(_STANDING).order_by(*in_order).limit(most)
        rows = await self._database.do(lambda connection: connection.execute(statement).all())
        return [_access_request(row) for row in rows]


@contextmanager
def reading(url: str, *, past: bool) -> Iterator[Iterator[AccessRequest]]:
    """The open requests and the approvals in force, oldest first; with `past` also the others.

    They are read as the caller takes them. Raises what `history.reading` does.
    """
    statement = sa.select(*_COLUMNS).order_by(access.c.asked_at, access.c.reference)
    with streaming(url, statement if past else statement.where(_STANDING)) as rows:
        yield map(_access_request, rows)


@contextmanager
def revoking(url: str, user_id: str, at: datetime) -> Iterator[Iterator[AccessRequest]]:
    """Revoke the approval of this person, as the operator. Yields it as it is then, or nothing where none was in force.

    Raises what `history.reading` does. A database of another version stays as it is.
    """
    with reading(url, past=False):  # only for what it raises
        pass
    opened = engine(url)
    try:
        with opened.begin() as connection:
            rows = connection.execute(_revocation(user_id, OPERATOR, at)).all()
    except sa.exc.DBAPIError as error:
        raise Unreadable(reason(error, url)) from error
    finally:
        opened.dispose()
    yield map(_access_request, rows)


def _revocation(user_id: str, by: str, at: datetime) -> sa.Executable:
    return (
        access.update()
        .where(access.c.user_id == user_id, access.c.state == RequestState.APPROVED.value)
        .values(state=RequestState.REVOKED.value, revoked_by=by, revoked_at=iso(at))
        .returning(*_COLUMNS)
    )


def _access_request(row: sa.Row[Any]) -> AccessRequest:
    fields = dict(zip(AccessRequest.__dataclass_fields__, row, strict=True))
    asked_at, decided_at, revoked_at = (fields.pop(name) for name in ("asked_at", "decided_at", "revoked_at"))
    return AccessRequest(
        asked_at=datetime.fromisoformat(asked_at),
        state=RequestState(fields.pop("state")),
        decided_at=decided_at and datetime.fromisoformat(decided_at),
        revoked_at=revoked_at and datetime.fromisoformat(revoked_at),
        command=fields.pop("command") or "",
        **fields,
    )
