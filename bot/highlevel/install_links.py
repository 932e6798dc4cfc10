"""One-time links with which HighLevel is connected by OAuth."""

import secrets
from enum import StrEnum
from hashlib import sha256

import sqlalchemy as sa

from bot.storage.database import Database
from bot.storage.engine import NOW
from bot.storage.tables import install_links

REMEMBERED = 86_400.0
"""Seconds after its end for which a pass is known to have been one."""


class Purpose(StrEnum):
    """What a pass is for, and no other."""

    INSTALL = "install"
    STATE = "state"


VALID = {Purpose.INSTALL: 1800.0, Purpose.STATE: 1800.0}
"""Seconds. Whoever connects may have to log in to HighLevel first, and to find the second factor."""


class Verdict(StrEnum):
    """What a pass that is shown is worth."""

    GOOD = "good"
    SPENT = "spent"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class InstallLinks:
    """Secrets that open something once. Every call raises `StoreDown`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._now = NOW[database.kind]

    async def issue(self, purpose: Purpose) -> str:
        """A new one. Those that ended long ago are forgotten."""
        secret = secrets.token_urlsafe(32)
        row = {"digest": _digest(secret), "purpose": purpose.value, "ends_at": self._now + VALID[purpose], "spent": 0}
        old = install_links.delete().where(install_links.c.ends_at < self._now - REMEMBERED)

        def write(connection: sa.Connection) -> None:
            connection.execute(old)
            connection.execute(install_links.insert().values(row))

        await self._database.do(write)
        return secret

    async def spend(self, secret: str, purpose: Purpose) -> Verdict:
        """Use it up; it is `GOOD` for one of all who show it."""
        good = (install_links.c.spent == 0, install_links.c.ends_at > self._now)
        statement = install_links.update().where(*_of_link(secret, purpose), *good).values(spent=1)

        def use(connection: sa.Connection) -> Verdict:
            return Verdict.GOOD if connection.execute(statement).rowcount else self._look(connection, secret, purpose)

        return await self._database.do(use)

    async def look(self, secret: str, purpose: Purpose) -> Verdict:
        """What it would be worth, without using it up."""
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
