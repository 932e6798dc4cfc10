"""Checks whether Slack's requests reach the bot, over HTTP or over Socket Mode, and whether the app has a Home tab."""

from collections.abc import Awaitable, Callable
from typing import Any

from bot.operations import diagnose, diagnoses
from bot.operations.checks.findings import OVER_HTTP, OVER_SOCKET, TRIED, CheckId, Findings, merged
from bot.operations.diagnose import AddressReading
from bot.operations.diagnoses import Diagnosis
from bot.slack.signatures import CommandReading, SignatureReading
from bot.slack.workspace import SlackTrouble


class HttpChecks:
    """Where requests come over HTTP: asks the bot's own address, as Slack would, and how Slack's requests were signed.

    `probe_address` returns `None` where the address is not known. Only Slack can prove the signing secret: as long as
    no request of Slack's has come, neither to this process nor to the one at that address, nothing is said about it.
    Nor about the slash command: its name is in the Slack app, where Opp Status can't look.
    """

    def __init__(
        self,
        probe_address: Callable[[], Awaitable[AddressReading | None]],
        read_signatures: Callable[[], SignatureReading],
        read_commands: Callable[[], CommandReading],
    ) -> None:
        self._probe_address = probe_address
        self._read_signatures = read_signatures
        self._read_commands = read_commands

    async def run(self, *, everything: bool) -> Findings:
        """See `Check`."""
        if not everything:
            signatures = _told(diagnose.of_signatures(self._read_signatures()))
            return merged([Findings(OVER_HTTP - TRIED), signatures, _told(diagnose.of_command(self._read_commands()))])
        reading = await self._probe_address()
        signatures = _told(diagnose.of_signatures(self._read_signatures(), reading))
        address = _told(diagnose.of_address(reading) if reading else diagnoses.URL_UNTRIED)
        command = _told(diagnose.of_command(self._read_commands(), reading))
        return merged([Findings(OVER_HTTP), signatures, address, command])


def _told(diagnosis: Diagnosis | None) -> Findings:
    if diagnosis is None:
        return Findings()
    return Findings(notes=(diagnosis,)) if diagnosis.is_open else Findings(failing=(diagnosis,))


class SocketChecks:
    """Where they come over Socket Mode: `ask_socket` raises `SlackTrouble` if there is no connection."""

    def __init__(self, ask_socket: Callable[[], Awaitable[Any]], read_commands: Callable[[], CommandReading]) -> None:
        self._ask_socket = ask_socket
        self._read_commands = read_commands

    async def run(self, *, everything: bool) -> Findings:  # noqa: ARG002 - it has nothing more to try
        """See `Check`."""
        try:
            await self._ask_socket()
        except SlackTrouble as trouble:
            down = diagnoses.SOCKET_WORDS.get(trouble.error, diagnoses.SOCKET_REFUSED).about(error=trouble.error)
            return Findings(OVER_SOCKET, failing=(down,))
        return merged([Findings(OVER_SOCKET), _told(diagnose.of_command(self._read_commands()))])


class HomeCheck:
    """Whether the app has a Home tab; whether it hears that people open it, Slack tells no one.

    `has_home` returns `None` where Slack does not say, or there is no person to ask about: then nothing is said.
    """

    def __init__(self, has_home: Callable[[], Awaitable[bool | None]]) -> None:
        self._has_home = has_home

    async def run(self, *, everything: bool) -> Findings:
        """See `Check`."""
        found = await self._has_home() if everything else None
        if found is None:
            return Findings()
        return Findings(frozenset({CheckId.HOME}), notes=() if found else (diagnoses.HOME_OFF,))
