"""Listens to the typed command: answers at once what it can, and passes the rest on to the worker."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import assert_never

import structlog

from bot.commands.instrumentation import LOOKED, MISUNDERSTOOD
from bot.commands.reply import Message
from bot.commands.request import (
    Change,
    Help,
    Misunderstood,
    Mute,
    OpenForm,
    Remind,
    Request,
    ShowAccess,
    ShowDeal,
    ShowDigest,
    ShowHistory,
    ShowReminders,
    Undo,
    UndoDeal,
    UseLocation,
    WhoAmI,
)
from bot.commands.text.parse import read_name
from bot.deals.policy import Policy
from bot.deals.wish import Consent, Wish
from bot.slack.intake import Intake
from bot.slack.listeners.approvals import ApprovalListeners
from bot.slack.listeners.cards import Cards
from bot.slack.listeners.channels import ChannelLocations
from bot.slack.listeners.digests.shown import ShownDigests
from bot.slack.listeners.form import FormListeners
from bot.slack.listeners.history import HistoryList
from bot.slack.listeners.named import NamedDeals
from bot.slack.listeners.owners.asking import OwnerRequests
from bot.slack.listeners.reasons import AddedReasons
from bot.slack.listeners.reminders.reminders import ReminderListeners
from bot.slack.listeners.undo import Undo as Undos
from bot.slack.messages.messages import Messages
from bot.slack.payload import Interaction
from bot.slack.signatures import CommandReading

log = structlog.get_logger(__name__)

LONGEST_NAME = 32
"""Characters of a slash command's name, as Slack has it."""

KINDS: Mapping[type[Request], str] = {
    Help: "help",
    WhoAmI: "whoami",
    ShowAccess: "access",
    ShowHistory: "history",
    ShowDeal: "deal",
    ShowDigest: "digest",
    OpenForm: "form",
    UseLocation: "use",
    Remind: "remind",
    ShowReminders: "reminders",
}
"""What the log calls the commands that only look."""

Restricted = (
    Misunderstood
    | ShowHistory
    | ShowReminders
    | ShowDeal
    | ShowDigest
    | OpenForm
    | UseLocation
    | Mute
    | Remind
    | Undo
    | UndoDeal
    | Change
)
"""Requests that only people who may change deals can make."""


@dataclass(frozen=True, slots=True)
class Handlers:
    """What answers the requests, each its own."""

    cards: Cards
    channels: ChannelLocations
    history: HistoryList
    undo: Undos
    form: FormListeners
    approvals: ApprovalListeners
    named: NamedDeals
    reasons: AddedReasons
    reminders: ReminderListeners
    digests: ShownDigests
    owners: OwnerRequests


class TypedCommands:
    """Answers a typed command with a message; or with `None`, when a message follows later."""

    def __init__(
        self,
        parse: Callable[[str], Request],
        intake: Intake,
        handlers: Handlers,
        messages: Messages,
        policy: Policy,
    ) -> None:
        self._parse = parse
        self._intake = intake
        self._handlers = handlers
        self._messages = messages
        self._confirm_above = policy.confirm.above
        self.reading = CommandReading()

    async def answer(self, interaction: Interaction) -> Message | None:
        """Answer a command. Raises `LookupFailed` and `StoreDown`.

        Anyone may ask for help and `whoami`, and an admin for `access` in any channel.
        """
        self.reading = CommandReading(heard=True)
        request = self._parse(interaction.text)
        match request:
            case Help():
                answer: Message | None = self._messages.help.overview()
            case WhoAmI():
                answer = await self._handlers.approvals.whoami(interaction)
            case ShowAccess():
                answer = await self._handlers.approvals.show(interaction)
            case _:
                if refused := await self._intake.refusal(interaction):
                    return refused
                answer = await self._do(request, interaction)
        self._note(request, interaction)
        return answer

    def _note(self, request: Request, interaction: Interaction) -> None:
        """Log, count and keep what is no entry of the ledger; what changes something is noted where that is done."""
        match request:
            case Misunderstood(problem=problem):
                self._intake.note(MISUNDERSTOOD, interaction, problem.value)
            case (
                UseLocation("")
                | Help()
                | WhoAmI()
                | ShowAccess()
                | ShowHistory()
                | ShowDeal()
                | ShowDigest()
                | OpenForm()
                | Remind()
                | ShowReminders()
            ):
                self._intake.note(LOOKED, interaction, KINDS[type(request)])

    async def answer_misnamed(self, interaction: Interaction) -> Message:
        """Answer a command whose name is not the one in the settings: it was changed there, or in the Slack app."""
        typed = str(interaction.body.get("command"))[:LONGEST_NAME]
        self.reading = replace(self.reading, other=typed)
        log.warning("command.misnamed", typed=typed, advice="Make COMMAND and the app's Slash Command the same.")
        return self._messages.help.misnamed(typed, interaction.reference)

    async def _do(self, request: Restricted, interaction: Interaction) -> Message | None:
        match request:
            case Misunderstood():
                return self._messages.help.misunderstood(request, interaction.reference)
            case ShowHistory():
                return await self._history(request, interaction)
            case ShowDeal() | ShowDigest() | OpenForm():
                named = request.location_id if isinstance(request, ShowDeal) else ""
                self._show(request, named or await self._handlers.channels.home(interaction), interaction)
                return None
            case UseLocation() | Mute():
                return await self._for_channel(request, interaction)
            case Remind() | ShowReminders():
                return await self._reminders(request, interaction)
            case Undo():
                return await self._handlers.undo.last_change(interaction)
            case UndoDeal():
                self._handlers.named.undo(request, await self._handlers.channels.home(interaction), interaction)
                return None
            case Change(wishes, note):
                home = await self._handlers.channels.home(interaction)
                wishes = tuple(replace(wish, location_id=wish.location_id or home) for wish in wishes)
                wishes = tuple(self._ask_if_many(wish, len(wishes)) for wish in wishes)
                await self._intake.accept(*interaction.entries(wishes, note=note))
                return None
            case _:
                assert_never(request)

    async def _history(self, request: ShowHistory, interaction: Interaction) -> Message | None:
        if request.deal is None:
            return await self._handlers.history.show(request, interaction)
        home = await self._handlers.channels.home(interaction)
        self._handlers.named.history(request.deal, home, interaction)
        return None

    async def _reminders(self, request: Remind | ShowReminders, interaction: Interaction) -> Message | None:
        match request:
            case Remind():
                home = await self._handlers.channels.home(interaction)
                self._handlers.reminders.remind(request, home, interaction)
                return None
            case ShowReminders():
                return await self._handlers.reminders.list(interaction)
            case _:
                assert_never(request)

    def _show(self, request: ShowDeal | ShowDigest | OpenForm, home: str, interaction: Interaction) -> None:
        """Show what is looked up, or filled in, after the acknowledgement. `home`: its sub-account."""
        match request:
            case ShowDeal():
                self._handlers.cards.show(replace(request, location_id=home), interaction)
            case ShowDigest():
                self._handlers.digests.show(home, interaction)
            case OpenForm():
                self._handlers.form.open_for_any_later(interaction, home)
            case _:
                assert_never(request)

    async def _for_channel(self, request: UseLocation | Mute, interaction: Interaction) -> Message | None:
        told = await self._handlers.channels.answer(request, interaction)
        if told is None and isinstance(request, UseLocation):
            await self._show_called_use(request.name, interaction)
        return told

    async def _show_called_use(self, name: str, interaction: Interaction) -> None:
        """Show the deal whose name begins with `use`; or, if there is none, which sub-accounts there are."""
        asked = ShowDeal(name=read_name(interaction.text), location_id=await self._handlers.channels.home(interaction))
        none = self._messages.help.no_such_location(name, interaction.reference)
        self._handlers.cards.show(asked, interaction, none)

    def _ask_if_many(self, wish: Wish, count: int) -> Wish:
        """Ask the caller to confirm the wish, if it is one of more than the operator allows without asking."""
        too_many = self._confirm_above is not None and count > self._confirm_above
        return replace(wish, consent=Consent.WANTED) if too_many and wish.consent is Consent.PRESUMED else wish
