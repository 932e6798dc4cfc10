"""The accounts of HighLevel that are connected by OAuth, and the passes by which they come to be.

The database's clock decides about every end and every lease: replicas may disagree about theirs.
"""

import secrets
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from bot.highlevel.api.errors import Ending
from bot.highlevel.api.oauth import Kind, Tokens
from bot.highlevel.vault import Sealed, Vault
from bot.storage.database import Database
from bot.storage.engine import NOW, insert
from bot.storage.tables import connections

CONNECTION_LEASE = 15.0
"""Seconds in which one process alone gets new tokens. Longer than that process waits for HighLevel
(`TOKEN_ENDPOINT_PATIENCE`), and short enough that the next process asks while the old refresh token is still good:
HighLevel gives it 30 seconds."""


@dataclass(frozen=True, slots=True)
class Connection:
    """A row, opened. Seconds are as they were when it was read."""

    account_id: str
    kind: Kind
    company_id: str
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    """Empty for a location whose tokens its agency's are exchanged for."""
    left: float
    """Seconds until the access token ends; negative when it has."""
    age: float
    """Seconds since it was given."""
    generation: int
    refused: Ending | None
    """Why HighLevel has ended it; `None` while it is good."""


class Connections:
    """The rows. Every call raises `StoreDown`. Each instance is an owner of its own."""

    def __init__(self, database: Database, vault: Vault, lease: float = CONNECTION_LEASE) -> None:
        self._database = database
        self._vault = vault
        self._now = NOW[database.kind]
        self._lease = self._now + lease
        self._owner = secrets.token_hex(8)

    async def accounts(self) -> list[str]:
        """The ids of all that were ever connected."""
        statement = sa.select(connections.c.account_id).order_by(connections.c.account_id)
        return await self._database.do(lambda connection: list(connection.scalars(statement)))

    async def find(self, account_id: str) -> Connection | None:
        """One of them. What cannot be opened is `refused` for that (`Ending.SEALED`)."""
        statement = sa.select(
            connections,
            (connections.c.ends_at - self._now).label("left"),
            (self._now - connections.c.given_at).label("age"),
        ).where(connections.c.account_id == account_id)
        row = await self._database.do(lambda connection: connection.execute(statement).mappings().first())
        return None if row is None else self._opened(row)

    def _opened(self, row: sa.RowMapping) -> Connection:
        refused = row["refused"]
        why = None if refused is None else Ending(refused) if refused in list(Ending) else Ending.UNKNOWN
        try:
            access, refresh = (
                self._vault.open(row["access"]),
                self._vault.open(row["refresh"]) if row["refresh"] else "",
            )
        except Sealed:
            access, refresh, why = "", "", why or Ending.SEALED
        return Connection(
            account_id=row["account_id"],
            kind=Kind(row["kind"]),
            company_id=row["company_id"],
            access=access,
            refresh=refresh,
            left=row["left"],
            age=row["age"],
            generation=row["generation"],
            refused=why,
        )

    async def connect(self, tokens: Tokens) -> None:
        """Save the tokens that somebody has just brought, whatever was there before."""
        values = self._columns(tokens)
        new = values | {"account_id": tokens.account_id, "kind": tokens.kind.value, "generation": 1}
        make = (
            insert(self._database.kind, connections).values(new).on_conflict_do_nothing().returning(connections.c.kind)
        )
        anew = (
            connections.update()
            .where(connections.c.account_id == tokens.account_id)
            .values(values | {"kind": tokens.kind.value, "generation": connections.c.generation + 1})
        )

        def write(connection: sa.Connection) -> None:
            if connection.execute(make).first() is None:
                connection.execute(anew)

        await self._database.do(write)

    async def lease(self, seen: Connection) -> bool:
        """Whether it is now for us alone to get new tokens in place of these; not while another process is at it."""
        free = sa.or_(connections.c.lease_until.is_(None), connections.c.lease_until < self._now)
        return await self._change(seen, free, owner=self._owner, lease_until=self._lease)

    async def renew(self, seen: Connection, tokens: Tokens) -> bool:
        """Save the new pair; `False` when there is a newer one than the one it was got for, which then stays.

        It does not matter whether we still hold the lease: of two who asked within HighLevel's 30 seconds both got the
        same refresh token, and of two who did not the one with tokens is right.
        """
        kept = replace(tokens, refresh=tokens.refresh or seen.refresh)  # where there is no new one, the old is good
        return await self._change(seen, generation=seen.generation + 1, **self._columns(kept))

    async def refuse(self, seen: Connection, why: Ending) -> bool:
        """Note that HighLevel has ended it; `False` when there is a newer pair."""
        return await self._change(seen, refused=why.value, owner=None, lease_until=None)

    async def release(self, seen: Connection) -> None:
        """Let others try, where we did not get any."""
        await self._change(seen, connections.c.owner == self._owner, owner=None, lease_until=None)

    def _columns(self, tokens: Tokens) -> dict[str, Any]:
        return {
            "company_id": tokens.company_id,
            "access": self._vault.close(tokens.access),
            "refresh": self._vault.close(tokens.refresh) if tokens.refresh else None,
            "given_at": self._now,
            "ends_at": self._now + tokens.lives,
            "owner": None,
            "lease_until": None,
            "refused": None,
        }

    async def _change(self, seen: Connection, *more: sa.ColumnElement[bool], **values: Any) -> bool:  # noqa: ANN401 - columns
        """Only if the pair is still the one that was seen."""
        ours = (connections.c.account_id == seen.account_id, connections.c.generation == seen.generation)
        statement = connections.update().where(*ours, *more).values(values)
        return await self._database.do(lambda connection: connection.execute(statement).rowcount == 1)
