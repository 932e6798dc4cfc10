"""The rows of HighLevel's accounts that are connected by OAuth: their tokens, encrypted, and who may refresh them.

The database's clock decides when tokens and leases end, since the clocks of two replicas may differ.
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
    """A row, decrypted. Durations are from when it was read."""

    account_id: str
    kind: Kind
    company_id: str
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    """Empty for a location that gets its tokens in exchange for its agency's."""
    left: float
    """Seconds until the access token expires; negative if it has expired."""
    age: float
    """Seconds since HighLevel gave the access token."""
    generation: int
    """Counts the pairs of tokens that this row has had: a change applies only to the pair that it was made for."""
    refused: Ending | None
    """Why the tokens are no good any more; `None` while they are good."""


@dataclass(frozen=True, slots=True)
class Age:
    """A row, as far as it tells without being decrypted whether its tokens have changed, or are due for a refresh."""

    account_id: str
    generation: int
    good: bool
    """Whether the tokens are not refused."""
    left: float


class Connections:
    """The rows. Every call raises `StoreDown`. Each instance holds its own leases."""

    def __init__(self, database: Database, vault: Vault, lease: float = CONNECTION_LEASE) -> None:
        self._database = database
        self._vault = vault
        self._now = NOW[database.kind]
        self._lease = self._now + lease
        self._owner = secrets.token_hex(8)

    async def ages(self) -> list[Age]:
        """How old the tokens are of each account that was ever connected, in the order of their ids."""
        left = (connections.c.ends_at - self._now).label("left")
        columns = (connections.c.account_id, connections.c.generation, connections.c.refused.is_(None), left)
        statement = sa.select(*columns).order_by(connections.c.account_id)
        rows = await self._database.do(lambda connection: connection.execute(statement).all())
        return [Age(*row) for row in rows]

    async def find(self, account_id: str) -> Connection | None:
        """This account's row; `None` if it was never connected. `refused` is `SEALED` if no key decrypts its tokens."""
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
                self._vault.decrypt(row["access"]),
                self._vault.decrypt(row["refresh"]) if row["refresh"] else "",
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
        """Save the tokens that a person has just fetched by connecting the account, whatever the row had before."""
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
        """Take the lease to refresh these tokens; `False` while another process has it, or if they were replaced."""
        free = sa.or_(connections.c.lease_until.is_(None), connections.c.lease_until < self._now)
        return await self._change(seen, free, owner=self._owner, lease_until=self._lease)

    async def renew(self, seen: Connection, tokens: Tokens) -> bool:
        """Save the pair that replaces `seen`; `False` if `seen` was replaced already, and then nothing changes.

        This need not hold the lease any more: two processes that asked within HighLevel's 30 seconds got the same
        refresh token, and of two that did not, the one that got tokens at all has the good ones.
        """
        kept = replace(tokens, refresh=tokens.refresh or seen.refresh)  # no new refresh token: the old one stays good
        return await self._change(seen, generation=seen.generation + 1, **self._columns(kept))

    async def refuse(self, seen: Connection, why: Ending) -> bool:
        """Note that HighLevel has ended the connection; `False` if these tokens were replaced already."""
        return await self._change(seen, refused=why.value, owner=None, lease_until=None)

    async def release(self, seen: Connection) -> None:
        """Give the lease back after HighLevel gave no tokens, so that another process may try."""
        await self._change(seen, connections.c.owner == self._owner, owner=None, lease_until=None)

    def _columns(self, tokens: Tokens) -> dict[str, Any]:
        return {
            "company_id": tokens.company_id,
            "access": self._vault.encrypt(tokens.access),
            "refresh": self._vault.encrypt(tokens.refresh) if tokens.refresh else None,
            "given_at": self._now,
            "ends_at": self._now + tokens.lives,
            "owner": None,
            "lease_until": None,
            "refused": None,
        }

    async def _change(self, seen: Connection, *more: sa.ColumnElement[bool], **values: Any) -> bool:  # noqa: ANN401 - columns
        """Change the row if it still has the pair that was seen; whether it had."""
        ours = (connections.c.account_id == seen.account_id, connections.c.generation == seen.generation)
        statement = connections.update().where(*ours, *more).values(values)
        return await self._database.do(lambda connection: connection.execute(statement).rowcount == 1)
