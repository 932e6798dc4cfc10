"""Reads the users of one sub-account: the owners of its deals. The port `CrmUsers` over HighLevel."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import TypeVar

from bot.access.people import CrmUser
from bot.deals.outcome import Cause, Trouble
from bot.deals.ports import CrmError
from bot.highlevel.api import errors
from bot.highlevel.api.client import Client
from bot.highlevel.api.users import UserRecord
from bot.highlevel.causes import trouble
from bot.highlevel.names import known, named

V = TypeVar("V")

LIST_PATIENCE = 8.0
"""Seconds to list all users."""
RIGHTS_STALE = 3600.0
"""Seconds for which an e-mail is used after it should have been read again, while HighLevel is down: it says who may
change a deal, so it is not kept as long as a name."""
MOST_OF_DEALS = 25
"""Owners of deals who are read one by one, where HighLevel lists no users."""
NO_LIST = (errors.NotFound, errors.NoSuchRoute, errors.Invalid, errors.VersionRefused)
"""What a HighLevel answers that has no such list."""


class HighLevelUsers:
    """The users of one location, by their ids and all together."""

    def __init__(self, client: Client, location_id: str) -> None:
        self._client = client
        self._location_id = location_id
        self._users = named(self._read)
        self._for_rights = named(self._read_for_rights, stale_while_revalidate=0.0, stale_if_error=RIGHTS_STALE)
        self._listed = named(
            self._read_all, patience=LIST_PATIENCE, stale_while_revalidate=0.0, stale_if_error=RIGHTS_STALE
        )

    async def name(self, user_id: str | None, until: float) -> str | None:
        """A user's name; `None` without an id, or if HighLevel does not give one in time."""
        if user_id is None:
            return None
        user: UserRecord | None = await known(self._users, user_id, until)
        return user.name if user else None

    def prefetch(self, user_id: str) -> None:
        """Begin to read a user whose name is needed soon."""
        self._users.prefetch(user_id)

    async def user(self, user_id: str, *, until: float) -> CrmUser | None:
        """See `CrmUsers`."""
        try:
            return _user(await self._for_rights.get(user_id, until=until))
        except errors.NotFound:
            return None
        except (errors.HighLevelError, TimeoutError) as error:
            raise _crm_error(error) from error

    async def listed(self, *, until: float) -> Sequence[CrmUser]:
        """See `CrmUsers`."""
        try:
            return await self._listed.get(self._location_id, until=until)
        except (errors.HighLevelError, TimeoutError) as error:
            raise _crm_error(error) from error

    async def _read(self, user_id: str, until: float) -> UserRecord:
        return await self._client.user(user_id, until=until)

    async def _read_for_rights(self, user_id: str, until: float) -> UserRecord:
        record = await self._read(user_id, until)
        self._users.put(user_id, record)  # so that the owner's name, which the reply shows, is no further call
        return record

    async def _read_all(self, location_id: str, until: float) -> tuple[CrmUser, ...]:
        """HighLevel's list; where it has none, the owners of the deals that changed last."""
        records = await _without(NO_LIST, self._client.users(location_id, until=until))
        found = records or await self._of_deals(location_id, until)
        return tuple(_user(record) for record in found if not record.deleted)

    async def _of_deals(self, location_id: str, until: float) -> list[UserRecord]:
        latest = await self._client.changed(location_id, None, 1, until=until)
        owners = list(dict.fromkeys(deal.assigned_to for deal in latest.records if deal.assigned_to))
        asked = (_without((errors.NotFound,), self._users.get(each)) for each in owners[:MOST_OF_DEALS])
        return [record for record in await asyncio.gather(*asked) if record is not None]


async def _without(refusals: tuple[type[errors.HighLevelError], ...], asked: Awaitable[V]) -> V | None:
    """What was asked for; `None` where HighLevel refuses it for one of these reasons."""
    try:
        return await asked
    except refusals:
        return None


def _user(record: UserRecord) -> CrmUser:
    return CrmUser(record.id, record.name, record.email, is_gone=record.deleted)


def _crm_error(error: errors.HighLevelError | TimeoutError) -> CrmError:
    found = trouble(error) if isinstance(error, errors.HighLevelError) else Trouble(Cause.OUT_OF_TIME)
    return CrmError(found, perhaps_done=False, answered=False)
