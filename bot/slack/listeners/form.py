"""Bolt's listeners for the form: opened, typed into, changed, handed in."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any, Protocol

import structlog
from slack_bolt.async_app import AsyncAck

from bot.commands.policy import Policy
from bot.commands.reply import Address, Message
from bot.commands.text.links import first_link, read_target
from bot.commands.text.parse import read_name
from bot.deals.deal import Matches, Opportunity, Status, Target
from bot.deals.locations import LocationResolver
from bot.deals.outcome import Cause
from bot.deals.ports import Crm, CrmError, StoreDown
from bot.deals.wish import Wish
from bot.slack.actions import read_target_value, target_value
from bot.slack.block_kit.blocks import Block
from bot.slack.block_kit.inputs import sendable
from bot.slack.intake import Intake
from bot.slack.messages import form
from bot.slack.messages.sentences import Messages
from bot.slack.payload import Interaction, read_action

log = structlog.get_logger(__name__)

SUGGEST_WITHIN = 2.4
"""Seconds for a look into HighLevel while somebody types: Slack waits for 3."""
NAME_WITHIN = 1.0
"""Seconds for a deal's name before the form is opened: what opens it is good for 3."""


class Views(Protocol):
    """Where forms are shown."""

    async def open(self, trigger_id: str, view: Block) -> bool:
        """Show a form to whoever did what gave this `trigger_id`; whether that worked. Never raises."""

    async def update(self, view_id: str, of: str, view: Block) -> bool:
        """Show another form in its place, if it is still the one that had this hash; whether it was. Never raises."""


class FormListeners:
    """The form for changing a deal, for those who would rather choose than type."""

    def __init__(  # noqa: PLR0913 - each is one neighbour or setting
        self,
        *,
        intake: Intake,
        location_resolver: LocationResolver,
        crm: Callable[[str], Crm],
        views: Views,
        policy: Policy,
        answer: Callable[[Awaitable[Message | None], Address, str], None],
        tell: Callable[[Message, Address, str], None],
        messages: Messages,
    ) -> None:
        self._intake = intake
        self._location_resolver = location_resolver
        self._crm = crm
        self._views = views
        self._statuses = policy.offered
        self._reason_required = policy.requires_reason
        self._answer_later = answer
        self._tell = tell
        self._messages = messages

    async def open(self, interaction: Interaction, linked: Target) -> Message | None:
        """Show the form of a sub-account, with a deal filled in if one is given; gives what is said if that failed."""
        deal = await self._named(linked) if linked.opportunity_id else None
        empty = form.Form(
            origin=form.Origin(interaction.caller.channel_id, interaction.response_url, linked.location_id),
            statuses=self._statuses,
            deal=deal,
            reason_required=self._reason_required,
        )
        if await self._views.open(interaction.trigger_id, form.view(empty)):
            return None
        return self._messages.cannot_open_form(interaction.reference)

    async def on_shortcut(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Listen to the shortcut on a message: the form opens with the first deal that the message links to.

        https://docs.slack.dev/reference/interaction-payloads/shortcuts-interaction-payload
        """
        interaction = read_action(body)
        with structlog.contextvars.bound_contextvars(reference=interaction.reference):
            log.info("shortcut.used", **interaction.log)
            if refusal := await self._intake.refusal(interaction):
                self._tell(refusal, _address(interaction), interaction.reference)
            else:
                self._answer_later(
                    self._open_with_link(interaction, body.get("message")), _address(interaction), interaction.reference
                )
            await ack()

    async def _open_with_link(self, interaction: Interaction, message: object) -> Message | None:
        locations = self._location_resolver.locations
        linked = first_link(_texts(message), location_id=locations.default, others=locations.others) or Target("")
        if not linked.location_id:
            try:
                async with asyncio.timeout(NAME_WITHIN):
                    linked = replace(
                        linked, location_id=await self._location_resolver.home(interaction.caller.channel_id)
                    )
            except (StoreDown, TimeoutError):
                linked = replace(linked, location_id=locations.default)
        return await self.open(interaction, linked)

    async def on_typing(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Listen to somebody who types a deal's name: which deals are offered. Answered within three seconds.

        https://docs.slack.dev/reference/interaction-payloads/block_suggestion-payload
        """
        interaction = self._from_form(read_action(body), body)
        text = body.get("value")
        if not await self._intake.may(interaction) or not isinstance(text, str):
            await ack(options=[])
            return
        try:
            async with asyncio.timeout(SUGGEST_WITHIN):
                found = await self._matches(sendable(text), form.entered(_view(body)).origin.location_id)
        except (CrmError, TimeoutError) as error:
            absent = isinstance(error, CrmError) and error.trouble.cause is Cause.NOT_FOUND
            await ack(options=[] if absent else [form.UNAVAILABLE.block()])
        else:
            await ack(**form.suggestions(found))

    async def on_status(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Listen to the choice of a status: the form asks for a lost reason when it is lost.

        https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
        """
        interaction = self._from_form(read_action(body), body)
        if await self._intake.may(interaction):
            self._answer_later(self._reshow(_view(body)), _address(interaction), interaction.reference)
        await ack()

    async def on_submission(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Listen to the form that is handed in: what cannot be used is said at its field, and the form stays.

        https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload#view_submission
        """
        interaction = self._from_form(read_action(body), body)
        with structlog.contextvars.bound_contextvars(reference=interaction.reference):
            log.info("form.received", **interaction.log)
            if refusal := await self._intake.refusal(interaction):
                self._tell(refusal, _address(interaction), interaction.reference)
                await ack(response_action="clear")
                return
            errors = await self._accept(interaction, form.entered(_view(body)))
            await (ack(response_action="errors", errors=errors) if errors else ack())

    async def _accept(self, interaction: Interaction, entered: form.Entered) -> dict[str, str]:
        """Write it down; gives what is wrong, by field."""
        wrong = form.complaints(entered, statuses=self._statuses, reason_required=self._reason_required)
        if wrong or entered.status is None:
            return wrong
        deal = self._target(entered.deal_id, entered.origin)
        wish = Wish(deal.opportunity_id, entered.status, entered.lost_reason_id, location_id=deal.location_id)
        interaction = replace(interaction, text=f"{deal.opportunity_id} {entered.status}")
        try:
            await self._intake.accept(*interaction.entries([wish], note=entered.note, public=entered.public))
        except StoreDown as down:
            log.warning("command.not_written_down", perhaps=down.perhaps_written)
            return {form.DEAL: form.WORDS.perhaps_written if down.perhaps_written else form.WORDS.not_written}
        except Exception:
            log.exception("command.broken")
            return {form.DEAL: form.WORDS.broken}
        return {}

    def _target(self, deal_id: str, origin: form.Origin) -> Target:
        """The deal that was chosen: of another sub-account than the form's, if it was linked to and so carries it."""
        deal = read_target_value(deal_id)
        return replace(deal, location_id=deal.location_id or origin.location_id)

    async def _matches(self, text: str, home: str) -> Matches:
        """The deals that are meant, their ids as an option carries them."""
        until = asyncio.get_running_loop().time() + SUGGEST_WITHIN
        locations = self._location_resolver.locations
        target = read_target(text, location_id=locations.default, others=locations.others)
        if target:
            found = await self._crm(target.location_id or home).find(target.opportunity_id, until=until)
            away = target.location_id if target.location_id != home else ""
            return Matches((replace(found, id=target_value(Target(found.id, away))),), more=False)
        name = read_name(text)
        return await self._crm(home).search(name, until=until) if name else Matches((), more=False)

    async def _named(self, linked: Target) -> form.Deal:
        """The deal as the form shows it: by its id, if its name is not to be had at once."""
        until = asyncio.get_running_loop().time() + NAME_WITHIN
        try:
            async with asyncio.timeout(NAME_WITHIN):
                deal = await self._crm(linked.location_id).find(linked.opportunity_id, until=until)
        except (CrmError, TimeoutError):
            deal = Opportunity(linked.opportunity_id, "")
        return form.deal_for(deal)

    async def _reshow(self, shown: dict[str, Any]) -> None:
        until = asyncio.get_running_loop().time() + SUGGEST_WITHIN
        entered = form.entered(shown)
        where = self._target(entered.deal_id, entered.origin).location_id
        lost = entered.status is Status.LOST
        now = form.filled(
            shown,
            statuses=self._statuses,
            reasons=await self._crm(where).lost_reasons(until=until) if lost else None,
            reason_required=self._reason_required,
        )
        await self._views.update(str(shown.get("id", "")), str(shown.get("hash", "")), form.view(now))

    def _from_form(self, interaction: Interaction, body: dict[str, Any]) -> Interaction:
        """With the place where the form was opened: what comes from a form does not tell."""
        origin = form.entered(_view(body)).origin
        caller = replace(interaction.caller, channel_id=origin.channel_id)
        return replace(interaction, caller=caller, response_url=origin.response_url)


def _view(body: dict[str, Any]) -> dict[str, Any]:
    view = body.get("view")
    return view if isinstance(view, dict) else {}


def _texts(part: object) -> Iterator[str]:
    """Every text in a message, wherever it is: its own, its blocks', its attachments'."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        for inner in part.values():
            yield from _texts(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _texts(inner)


def _address(interaction: Interaction) -> Address:
    return Address(interaction.response_url, interaction.caller.channel_id, interaction.caller.user_id)
