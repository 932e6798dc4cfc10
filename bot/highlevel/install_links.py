"""One-time secrets for connecting HighLevel by OAuth: in the operator's link, and in OAuth's `state`."""

import secrets
from enum import StrEnum
from hashlib import sha256

import sqlalchemy as sa

from bot.storage.database import Database
from bot.storage.engine import NOW
from bot.storage.tables import install_links

REMEMBERED = 86_400.0
"""Seconds for which an expired secret is still told from one that never was."""


class Purpose(StrEnum):
    """What a secret is for. It is worth nothing for another purpose."""

    INSTALL = "install"
    """Opens the page on which a person begins to connect."""
    STATE = "state"
    """Comes back from HighLevel with that person."""


VALID = {Purpose.INSTALL: 1800.0, Purpose.STATE: 1800.0}
"""Seconds. A person who connects may have to log in to HighLevel first, with a second factor."""


class Verdict(StrEnum):
    """What a secret is worth."""

    GOOD = "good"
    SPENT = "spent"
    """It was used before."""
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    """It never was one, or expired more than a day ago."""


class InstallLinks:
    """The secrets, as hashes in the database. Every call raises `StoreDown`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._now = NOW[database.kind]

    async def issue(self, purpose: Purpose) -> str:
        """Make a new secret, and forget those that expired long ago."""
        secret = secrets.token_urlsafe(32)
        row = {"digest": _digest(secret), "purpose": purpose.value, "ends_at": self._now + VALID[purpose], "spent": 0}
        old = install_links.delete().where(install_links.c.ends_at < self._now - REMEMBERED)

        def write(connection: sa.Connection) -> None:
            connection.execute(old)
            connection.execute(install_links.insert().values(row))

        await self._database.do(write)
        return secret

    async def spend(self, secret: str, purpose: Purpose) -> Verdict:
        """Use the secret up: of all requests that bring it, one gets `GOOD`."""
        good = (install_links.c.spent == 0, install_links.c.ends_at > self._now)
        statement = install_links.update().where(*_of_link(secret, purpose), *good).values(spent=1)

        def use(connection: sa.Connection) -> Verdict:
            return Verdict.GOOD if connection.execute(statement).rowcount else self._look(connection, secret, purpose)

        return await self._database.do(use)

    async def look(self, secret: str, purpose: Purpose) -> Verdict:
        """What the secret is worth, without using it up."""
        return await self._database.do(lambda connection: self._look(connection, secret, purpose))

    def _look(self, connection: sa.Connection, secret: str, purpose: Purpose) -> Verdict:
        statement = sa.select(install_links.c.spent, install_links.c.ends_at > self._now).where(
            *_of_link(secret, purpose)
        )
        found = connection.execute(statement).first()
        if found is None:
            return Verdict.UNKNOWN
        spent, valid = found
        if spent:
            return Verdict.SPENT
        return Verdict.GOOD if valid else Verdict.EXPIRED


def _of_link(secret: str, purpose: Purpose) -> tuple[sa.ColumnElement[bool], ...]:
    return install_links.c.digest == _digest(secret), install_links.c.purpose == purpose.value


def _digest(secret: str) -> str:
    return sha256(secret.encode("utf-8", "replace")).hexdigest()
