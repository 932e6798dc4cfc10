"""Listens to the form: a person opens it, types a name, chooses a status, submits it."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol

import structlog

from bot.commands.outbox import Outbox
from bot.commands.reply import Message
from bot.commands.text.links import first_link
from bot.commands.text.parse import read_name
from bot.deals.clock import loop_time
from bot.deals.deal import LostReason, Opportunity, Status, Target
from bot.deals.locations import LocationResolver
from bot.deals.outcome import Cause
from bot.deals.policy import Policy
from bot.deals.ports import Crm, CrmError, StoreDown
from bot.deals.wish import Wish
from bot.slack.actions import read_target_value
from bot.slack.block_kit.blocks import Block
from bot.slack.block_kit.inputs import sendable
from bot.slack.intake import Intake
from bot.slack.listeners.boundary import Acknowledgement
from bot.slack.listeners.suggested.deals import SUGGEST_WITHIN, SuggestedDeals
from bot.slack.messages import form
from bot.slack.messages.messages import Messages
from bot.slack.payload import Interaction, read_action

log = structlog.get_logger(__name__)

NAME_WITHIN = 1.0
"""Seconds to find a deal's name before the form opens. A `trigger_id` expires after 3.
https://docs.slack.dev/reference/methods/views.open"""


class Views(Protocol):
    """Slack's modals. No method raises."""

    async def open(self, trigger_id: str, view: Block) -> bool:
        """Open a modal for the person whose interaction gave this `trigger_id`. Returns whether Slack did."""

    async def update(self, view_id: str, of: str, view: Block) -> bool:
        """Replace a modal, unless it has changed since it had the hash `of`. Returns whether Slack did."""


class FormListeners:
    """The form that changes a deal. `crm` gives the CRM of a sub-account."""

    def __init__(
        self,
        *,
        intake: Intake,
        location_resolver: LocationResolver,
        crm: Callable[[str], Crm],
        deals: SuggestedDeals,
        views: Views,
        policy: Policy,
        outbox: Outbox,
        messages: Messages,
    ) -> None:
        self._intake = intake
        self._location_resolver = location_resolver
        self._crm = crm
        self._deals = deals
        self._views = views
        self._statuses = policy.offered
        self._reason_required = policy.requires_reason
        self._outbox = outbox
        self._messages = messages
        self._currency = messages.failures.installation.currency

    async def open(
        self, interaction: Interaction, linked: Target, query: str = "", status: Status | None = None
    ) -> Message | None:
        """Open the form of a sub-account, filled in with the deal and the status if there are any.

        `linked`: the sub-account, and the deal; an empty id for no deal. `query`: a search that goes on in the form.
        Returns a message if Slack did not open the form; `None` if it did.
        """
        deal = await self._filled_in(linked) if linked.opportunity_id else None
        return await self._open(interaction, linked, deal, query=query, status=status)

    async def _open(
        self,
        interaction: Interaction,
        linked: Target,
        deal: form.Deal | None,
        *,
        query: str = "",
        status: Status | None = None,
        is_last: bool = False,
    ) -> Message | None:
        empty = form.Form(
            origin=form.Origin(
                interaction.caller.channel_id, interaction.response_url, linked.location_id, query[: form.QUERY_LIMIT]
            ),
            statuses=self._statuses,
            deal=deal,
            is_last=is_last,
            status=status,
            reasons=await self._reasons(linked.location_id, NAME_WITHIN) if status is Status.LOST else None,
            reason_required=self._reason_required,
        )
        if await self._views.open(interaction.trigger_id, form.view(empty)):
            return None
        return self._messages.failures.cannot_open_form(interaction.reference)

    def open_later(
        self, interaction: Interaction, linked: Target, query: str = "", status: Status | None = None
    ) -> None:
        """Open the form after the acknowledgement; see `open`."""
        opening = self.open(interaction, linked, query, status)
        self._outbox.answer(opening, interaction.address, interaction.reference)

    def open_for_any_later(self, interaction: Interaction, home: str) -> None:
        """Open the form after the acknowledgement, for a person who named no deal, with the deal that they had last.

        They still choose the status, so that nothing is changed by a press of Enter.
        """
        opening = self._open_with_last(interaction, home)
        self._outbox.answer(opening, interaction.address, interaction.reference)

    async def _open_with_last(self, interaction: Interaction, home: str) -> Message | None:
        last = await self._deals.last(interaction.caller.user_id, home)
        deal = form.deal_for(last, self._currency) if last else None
        return await self._open(interaction, Target("", home), deal, is_last=deal is not None)

    async def open_on_message(self, interaction: Interaction) -> Message | None:
        """Answer the shortcut on a message: the form opens with the first deal that the message links to.

        Without a link, the words of a short message are searched for in the form.
        https://docs.slack.dev/reference/interaction-payloads/shortcuts-interaction-payload
        """
        if refusal := await self._intake.refusal(interaction):
            return refusal
        opening = self._open_with_link(interaction)
        self._outbox.answer(opening, interaction.address, interaction.reference)
        return None

    async def _open_with_link(self, interaction: Interaction) -> Message | None:
        locations = self._location_resolver.locations
        linked = first_link(
            _texts(interaction.body.get("message")), location_id=locations.default, others=locations.others
        ) or Target("")
        if not linked.location_id:
            try:
                async with asyncio.timeout(NAME_WITHIN):
                    linked = replace(
                        linked, location_id=await self._location_resolver.home(interaction.caller.channel_id)
                    )
            except (StoreDown, TimeoutError):
                linked = replace(linked, location_id=locations.default)
        query = "" if linked.opportunity_id else _search_in(interaction.body.get("message"))
        return await self.open(interaction, linked, query)

    async def suggest(self, interaction: Interaction) -> Acknowledgement:
        """Offer deals to a person who types into the form's first field.

        https://docs.slack.dev/reference/interaction-payloads/block_suggestion-payload
        """
        text = interaction.body.get("value")
        if not await self._intake.is_allowed(interaction) or not isinstance(text, str):
            return {"options": []}
        origin = form.entered(_view(interaction.body)).origin
        try:
            found = await self._deals.matches(
                sendable(text) or origin.query, origin.location_id, interaction.caller.user_id
            )
        except (CrmError, TimeoutError) as error:
            absent = isinstance(error, CrmError) and error.trouble.cause is Cause.NOT_FOUND
            return {"options": [] if absent else [form.UNAVAILABLE.block()]}
        return form.suggestions(found, self._currency)

    async def show_reasons(self, interaction: Interaction) -> Message | None:
        """Answer the choice of a status: if it is lost, the form asks for a lost reason too.

        https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
        """
        if await self._intake.is_allowed(interaction):
            updating = self._update(_view(interaction.body))
            self._outbox.answer(updating, interaction.address, interaction.reference)
        return None

    async def submit(self, interaction: Interaction) -> Acknowledgement:
        """Accept a command from the form. A value that cannot be used is shown as an error, and the form stays open.

        Raises `StoreDown`.
        https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload#view_submission
        """
        log.info("form.received", **interaction.log_fields)
        if refusal := await self._intake.refusal(interaction):
            self._outbox.tell(refusal, interaction.address, interaction.reference)
            return {"response_action": "clear"}
        entered = form.entered(_view(interaction.body))
        wrong = form.complaints(entered, statuses=self._statuses, reason_required=self._reason_required)
        if wrong or entered.status is None:
            return {"response_action": "errors", "errors": wrong}
        deal = self._target(entered.deal_id, entered.origin)
        wish = Wish(deal.opportunity_id, entered.status, entered.lost_reason_id, location_id=deal.location_id)
        interaction = replace(interaction, text=f"{deal.opportunity_id} {entered.status}")
        (entry,) = interaction.entries([wish], note=entered.note, public=entered.public)
        await self._intake.accept(replace(entry, asked_why=entered.asked_for_reason))
        return {}

    def _target(self, deal_id: str, origin: form.Origin) -> Target:
        """The deal that the person chose. A deal found by its link may be in another sub-account than the form's."""
        deal = read_target_value(deal_id)
        return replace(deal, location_id=deal.location_id or origin.location_id)

    async def _filled_in(self, linked: Target) -> form.Deal:
        """The deal as the form shows it; by its id, if HighLevel does not tell its name in time."""
        until = loop_time() + NAME_WITHIN
        try:
            async with asyncio.timeout(NAME_WITHIN):
                deal = await self._crm(linked.location_id).find(linked.opportunity_id, until=until)
        except (CrmError, TimeoutError):
            deal = Opportunity(linked.opportunity_id, "")
        return form.deal_for(deal, self._currency)

    async def _reasons(self, location_id: str, seconds: float) -> tuple[LostReason, ...] | None:
        return await self._crm(location_id).lost_reasons(until=loop_time() + seconds)

    async def _update(self, shown: Mapping[str, Any]) -> None:
        """Show the form again with the fields that belong to its status; it keeps what the person entered."""
        entered = form.entered(shown)
        where = self._target(entered.deal_id, entered.origin).location_id
        lost = entered.status is Status.LOST
        now = form.filled(
            shown,
            statuses=self._statuses,
            reasons=await self._reasons(where, SUGGEST_WITHIN) if lost else None,
            reason_required=self._reason_required,
        )
        await self._views.update(str(shown.get("id", "")), str(shown.get("hash", "")), form.view(now))


def read_from_form(body: Mapping[str, Any], reference: str) -> Interaction:
    """Read the use of the form. Slack does not say where it was opened; the form's metadata does."""
    interaction = read_action(body, reference)
    origin = form.entered(_view(body)).origin
    caller = replace(interaction.caller, channel_id=origin.channel_id)
    return replace(interaction, caller=caller, response_url=origin.response_url)


def _view(body: Mapping[str, Any]) -> dict[str, Any]:
    view = body.get("view")
    return view if isinstance(view, dict) else {}


def _search_in(message: object) -> str:
    """What to search for in a message without a link to a deal; empty if it is longer than a name, or has a link."""
    text = message.get("text") if isinstance(message, dict) else None
    can_be_name = isinstance(text, str) and len(text) <= form.QUERY_LIMIT and "://" not in text
    return read_name(str(text)) if can_be_name else ""


def _texts(part: object) -> Iterator[str]:
    """Every text anywhere in a message: its own, and those in its blocks and attachments."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        for inner in part.values():
            yield from _texts(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _texts(inner)
