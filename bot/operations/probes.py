"""What only `check` tries: what HighLevel's token may do, and whether the bot answers at its own address."""

import json
from collections.abc import Callable
from contextlib import aclosing
from http import HTTPStatus
from typing import Any

from bot.deals.clock import loop_time
from bot.deals.deal import Status
from bot.highlevel.api.client import Client
from bot.highlevel.api.errors import HighLevelError, Invalid, NotFound, ScopeMissing
from bot.http.exchange import Answer, Http, Request, RequestFailed, Why
from bot.operations.checks.findings import CheckId
from bot.operations.diagnose import EVENTS, AddressReading, Grant, NoAnswer

NO_RECORD = "0" * 20
"""As long as an id of HighLevel's, and no record has it: a request about it changes nothing."""

ALIVE, READY = "/health", "/ready"
ADDRESS_PATIENCE = 10.0
"""Seconds for the bot's own address to answer. Slack waits three; a host that has to wake the bot takes longer."""


class NetworkProbes:
    """Tries what is refused, over the network.

    `client`: asks HighLevel. `public_url`: the bot's own address, asked without a signature; empty if it is not known.
    """

    def __init__(
        self,
        client: Client,
        public_url: str,
        open_http: Callable[[], Http],
        patience: float = ADDRESS_PATIENCE,
    ) -> None:
        self._client = client
        self._public_url = public_url
        self._open_http = open_http
        self._patience = patience

    async def may_edit(self, *, until: float) -> Grant:
        """Whether the token may change opportunities.

        Sets the status of a deal that cannot exist: HighLevel looks at the scope before it looks for the deal.
        """
        try:
            await self._client.put_status(NO_RECORD, Status.OPEN.value, until=until)
        except HighLevelError as error:
            return _permits(error)
        return Grant.YES

    async def may_read_users(self, *, until: float) -> Grant:
        """Whether the token may read users: asks for one who cannot exist."""
        try:
            await self._client.user(NO_RECORD, until=until)
        except HighLevelError as error:
            return _permits(error)
        return Grant.YES

    async def probe_address(self) -> AddressReading | None:
        """What an unsigned command gets at the bot's own address; `None` when the address is not known."""
        if not self._public_url:
            return None
        url = f"{self._public_url}{EVENTS}"
        async with aclosing(self._open_http()) as http:
            try:
                command = await self._ask(http, "POST", url)
                alive = await self._ask(http, "GET", f"{self._public_url}{ALIVE}")
            except RequestFailed as error:
                untrusted = error.why is Why.TLS_FAILED
                return AddressReading(url, NoAnswer.UNTRUSTED if untrusted else NoAnswer.UNREACHABLE)
            if alive.status != HTTPStatus.OK or alive.content.partition(b" ")[0] != b"alive":
                return AddressReading(url, command.status)
            report = await self._report(http)
            signatures, heard = _told_of(CheckId.SIGNATURES, report), _told_of(CheckId.SLACK_COMMAND, report)
            return AddressReading(url, command.status, is_ours=True, signatures=signatures, command=heard)

    async def _report(self, http: Http) -> dict[str, Any]:
        """What the bot at its address says of its checks; empty if it does not say."""
        try:
            report = json.loads((await self._ask(http, "GET", f"{self._public_url}{READY}")).content)
        except (RequestFailed, ValueError):
            return {}
        return report if isinstance(report, dict) else {}

    async def _ask(self, http: Http, method: str, url: str) -> Answer:
        return await http.send(Request(method, url, until=loop_time() + self._patience, connect=self._patience))


def _told_of(check: CheckId, report: dict[str, Any]) -> bool | None:
    """Whether this check is well, by the report of `/ready`; `None` if it is neither well nor failing there."""
    if check in (report.get("ok") or ()):
        return True
    return False if check in (report.get("failing") or ()) else None


def _permits(refusal: HighLevelError) -> Grant:
    """Whether the token may do what was refused: it may if HighLevel only found no such record."""
    if isinstance(refusal, NotFound | Invalid):
        return Grant.YES
    return Grant.NO if isinstance(refusal, ScopeMissing) else Grant.UNKNOWN
