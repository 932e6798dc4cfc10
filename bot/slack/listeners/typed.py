"""Listens to what is typed after `/opp-status`: decides at once what can be decided, and hands over the rest."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import assert_never

import structlog

from bot.commands.reply import Message
from bot.commands.request import (
    Change,
    Help,
    Misunderstood,
    OpenForm,
    Request,
    ShowAccess,
    ShowDeal,
    ShowHistory,
    Undo,
    UseLocation,
    WhoAmI,
)
from bot.deals.deal import Target
from bot.deals.policy import Policy
from bot.deals.wish import Consent, Wish
from bot.slack.intake import Intake
from bot.slack.listeners.approvals import ApprovalListeners
from bot.slack.listeners.cards import Cards
from bot.slack.listeners.channels import ChannelLocations
from bot.slack.listeners.form import FormListeners
from bot.slack.listeners.history import HistoryList
from bot.slack.listeners.undo import Undo as Undos
from bot.slack.messages.messages import Messages
from bot.slack.payload import Interaction

log = structlog.get_logger(__name__)

ForTheAllowed = Misunderstood | ShowHistory | ShowDeal | OpenForm | UseLocation | Undo | Change
"""What only those may ask for who may change deals."""


@dataclass(frozen=True, slots=True)
class Rooms:
    """Where requests are answered."""

    cards: Cards
    channels: ChannelLocations
    history: HistoryList
    undo: Undos
    form: FormListeners
    approvals: ApprovalListeners


class TypedCommands:
    """Answers within Slack's three seconds: with a message, or with silence when work has begun."""

    def __init__(
        self,
        parse: Callable[[str], Request],
        intake: Intake,
        rooms: Rooms,
        messages: Messages,
        policy: Policy,
    ) -> None:
        self._parse = parse
        self._intake = intake
        self._rooms = rooms
        self._messages = messages
        self._confirm_above = policy.confirm.above

    async def answer(self, interaction: Interaction) -> Message | None:
        """Answer a command. Help, `whoami` and `access` are for people who may not change deals too."""
        request = self._parse(interaction.text)
        match request:
            case Help():
                return self._messages.help.overview()
            case WhoAmI():
                return self._messages.people.whoami(interaction.caller, await self._intake.authorize(interaction))
            case ShowAccess():
                return await self._rooms.approvals.show(interaction)
            case _:
                return await self._intake.refusal(interaction) or await self._do(request, interaction)

    async def _do(self, request: ForTheAllowed, interaction: Interaction) -> Message | None:
        match request:
            case Misunderstood():
                log.info("command.misunderstood", problem=request.problem.value)
                return self._messages.help.misunderstood(request, interaction.reference)
            case ShowHistory():
                return await self._rooms.history.show(request, interaction)
            case ShowDeal():
                home = request.location_id or await self._rooms.channels.home(interaction)
                self._rooms.cards.show(replace(request, location_id=home), interaction)
                return None
            case OpenForm():
                self._rooms.form.open_later(interaction, Target("", await self._rooms.channels.home(interaction)))
                return None
            case UseLocation(name):
                return await self._rooms.channels.use(name, interaction)
            case Undo():
                return await self._rooms.undo.last_change(interaction)
            case Change(wishes):
                home = await self._rooms.channels.home(interaction)
                wishes = tuple(replace(wish, location_id=wish.location_id or home) for wish in wishes)
                await self._intake.accept(*interaction.entries([self._asking(wish, len(wishes)) for wish in wishes]))
                return None
            case _:
                assert_never(request)

    def _asking(self, wish: Wish, together: int) -> Wish:
        """So many at once are done only after the caller was asked."""
        too_many = self._confirm_above is not None and together > self._confirm_above
        return replace(wish, consent=Consent.WANTED) if too_many and wish.consent is Consent.PRESUMED else wish
