"""The parts that are built first, and used to build the rest."""

from dataclasses import dataclass

from bot.access.people import People
from bot.commands.instrumentation import Instrumentation
from bot.commands.outbox import Outbox
from bot.operations.settings import Settings
from bot.slack.messages.messages import Messages
from bot.wiring.lifecycle import HighLevel, SlackClients, Storage
from bot.wiring.tempo import Tempo


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that are built first, and used to build the rest."""

    settings: Settings
    tempo: Tempo
    instrumentation: Instrumentation
    storage: Storage
    highlevel: HighLevel
    slack: SlackClients
    messages: Messages
    outbox: Outbox
    people: People
