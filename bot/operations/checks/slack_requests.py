"""Checks whether Slack's requests reach the bot: over HTTP, or over Socket Mode."""

from collections.abc import Awaitable, Callable
from typing import Any

from bot.operations import diagnose, diagnoses
from bot.operations.checks.findings import OVER_HTTP, OVER_SOCKET, TRIED, Findings
from bot.operations.diagnose import AddressReading
from bot.slack.workspace import SlackTrouble


class HttpChecks:
    """Where requests come over HTTP: asks the bot's own address, as Slack would.

    `probe_address` returns `None` where the address is not known. The signing secret is always well: without it there
    is no bot that could be asked.
    """

    def __init__(self, probe_address: Callable[[], Awaitable[AddressReading | None]]) -> None:
        self._probe_address = probe_address

    async def run(self, *, everything: bool) -> Findings:
        """See `Check`."""
        if not everything:
            return Findings(OVER_HTTP - TRIED)
        reading = await self._probe_address()
        if reading is None:
            return Findings(OVER_HTTP, notes=(diagnoses.URL_UNTRIED,))
        diagnosis = diagnose.of_address(reading)
        return Findings(OVER_HTTP, failing=(diagnosis,) if diagnosis else ())


class SocketChecks:
    """Where they come over Socket Mode: `ask_socket` raises `SlackTrouble` if there is no connection."""

    def __init__(self, ask_socket: Callable[[], Awaitable[Any]]) -> None:
        self._ask_socket = ask_socket

    async def run(self, *, everything: bool) -> Findings:  # noqa: ARG002 - it has nothing more to try
        """See `Check`."""
        try:
            await self._ask_socket()
        except SlackTrouble as trouble:
            down = diagnoses.SOCKET_WORDS.get(trouble.error, diagnoses.SOCKET_REFUSED).about(error=trouble.error)
            return Findings(OVER_SOCKET, failing=(down,))
        return Findings(OVER_SOCKET)
