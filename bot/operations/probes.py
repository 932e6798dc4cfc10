"""What only `check` tries: what HighLevel's token may, and whether Slack's way to the bot leads to it."""

from collections.abc import Callable
from http import HTTPStatus

import httpx

from bot.deals.deal import Status
from bot.highlevel.api.client import Client, exchange
from bot.highlevel.api.errors import HighLevelError, Invalid, NotFound, ScopeMissing, TlsFailed
from bot.operations.diagnose import AddressReading, Grant, NoAnswer

NOBODY = "0" * 20
"""Of the length of HighLevel's ids, and no record's: what is asked about it can change nothing."""

EVENTS, ALIVE = "/slack/events", "/healthz"
PATIENCE = 10.0
"""Seconds for the bot's own address to answer. A host that has to wake it needs longer, and Slack waits for three."""


class NetworkProbes:
    """Asks HighLevel with `client`, and what is at `public_url` without proving anything; empty for nothing."""

    def __init__(
        self,
        client: Client,
        public_url: str,
        user_agent: str,
        pool: Callable[[], httpx.AsyncBaseTransport],
        patience: float = PATIENCE,
    ) -> None:
        self._client = client
        self._public_url = public_url
        self._user_agent = user_agent
        self._pool = pool
        self._patience = patience

    async def may_edit(self, *, until: float) -> Grant:
        """Whether the token may change opportunities.

        The status of a deal that cannot exist is set. HighLevel looks at the scope before it looks for the deal.
        """
        try:
            await self._client.put_status(NOBODY, Status.OPEN.value, until=until)
        except HighLevelError as error:
            return _permits(error)
        return Grant.YES

    async def may_read_users(self, *, until: float) -> Grant:
        """Whether the token may read users, likewise."""
        try:
            await self._client.user_name(NOBODY, until=until)
        except HighLevelError as error:
            return _permits(error)
        return Grant.YES

    async def probe_address(self) -> AddressReading | None:
        """What a command that nobody has signed gets at the bot's own address; `None` when no address is known."""
        if not self._public_url:
            return None
        url = f"{self._public_url}{EVENTS}"
        headers = {"User-Agent": self._user_agent}
        unsigned = httpx.Request("POST", url, headers=headers)
        beside = httpx.Request("GET", f"{self._public_url}{ALIVE}", headers=headers)
        async with self._pool() as transport:
            try:
                command = await exchange(transport, unsigned, self._patience)
                alive = await exchange(transport, beside, self._patience)
            except TlsFailed:
                return AddressReading(url, NoAnswer.UNTRUSTED)
            except HighLevelError:  # so are called all the ways in which an answer fails to come, whoever was asked
                return AddressReading(url, NoAnswer.UNREACHABLE)
        return AddressReading(url, command.status, is_ours=alive.status == HTTPStatus.OK and alive.content == b"alive")


def _permits(refusal: HighLevelError) -> Grant:
    """Whether what was refused is permitted: then it was refused because there is no such record."""
    if isinstance(refusal, NotFound | Invalid):
        return Grant.YES
    return Grant.NO if isinstance(refusal, ScopeMissing) else Grant.UNKNOWN
