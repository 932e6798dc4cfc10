"""Sets reminders of deals, lists and cancels them, and takes the buttons of one that came due."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date
from typing import assert_never

import structlog

from bot.commands.lookups import Card, Choices, Lookups, NoCard
from bot.commands.outbox import Outbox
from bot.commands.reply import Message
from bot.commands.request import Remind, ShowDeal
from bot.commands.text.days import Day, Unclear, date_of, read_day
from bot.deals.deal import Opportunity, Status, Target
from bot.deals.outcome import Cause
from bot.deals.ports import StoreDown
from bot.schedule.due import Kind, Planned
from bot.schedule.personal_time import PersonalTime, morning
from bot.schedule.ports import Reminders
from bot.slack.actions import AGAIN, RemindOf
from bot.slack.intake import Intake
from bot.slack.listeners.boundary import Answer
from bot.slack.listeners.cards import Cards
from bot.slack.messages.messages import Messages
from bot.slack.messages.pieces import again_button
from bot.slack.messages.reminders.reminders import LISTED, deal_of
from bot.slack.payload import Interaction

log = structlog.get_logger(__name__)


class ReminderListeners:
    """Answers privately, after the acknowledgement. What is repeated by Slack sets no second reminder."""

    def __init__(
        self,
        *,
        intake: Intake,
        lookups: Callable[[str], Lookups],
        cards: Cards,
        reminders: Reminders,
        times: PersonalTime,
        outbox: Outbox,
        messages: Messages,
    ) -> None:
        self._intake = intake
        self._lookups = lookups
        self._cards = cards
        self._reminders = reminders
        self._times = times
        self._outbox = outbox
        self._messages = messages

    # --- typed ------------------------------------------------------------------------------------------------------

    def remind(self, asked: Remind, home: str, interaction: Interaction) -> None:
        """Set a reminder of the deal that was typed; or ask which deal, or for which day. `home`: the sub-account."""
        deal = replace(asked.deal, location_id=asked.deal.location_id or home)
        if deal.name == deal.whole and deal.name:  # `remind` alone
            usage = self._messages.reminders.usage(interaction.reference)
            self._cards.show(ShowDeal(name=deal.name, location_id=deal.location_id), interaction, usage)
            return

        async def answered() -> Message:
            return replace(await self._typed(deal, asked.day, interaction), replaces=interaction.is_ephemeral)

        self._answer(answered(), interaction)

    async def list(self, interaction: Interaction) -> Message:
        """List the person's reminders. Raises `LookupFailed`."""
        looking = self._reminders.of_person(interaction.caller.user_id, LISTED)
        return self._messages.reminders.listing(await self._intake.look_up(looking), interaction.reference)

    async def _typed(self, asked: ShowDeal, day: Day | None, interaction: Interaction) -> Message:
        lookups = self._lookups(asked.location_id)
        found: tuple[Opportunity, ...] | Card | Choices | NoCard
        if asked.opportunity_id:
            shown = await lookups.find(asked.opportunity_id)
            found = (shown.deal,) if isinstance(shown, Card) else shown
        else:
            found = await lookups.named(asked)
        if isinstance(found, NoCard):
            return self._no_deal(found, interaction)
        if not isinstance(found, tuple):
            return self._cards.message(found, interaction)
        open_deals = [deal for deal in found if deal.status == Status.OPEN]
        if not open_deals:
            return self._messages.reminders.closed(found[0], interaction.reference)
        if len(open_deals) == 1:
            return await self._set(open_deals[0], day, interaction)
        on = date_of(day, self._times.today(await self._times.zone(interaction.caller.user_id)))
        chosen = on if isinstance(on, date) else None
        return self._messages.reminders.which_deal(asked.name, open_deals, chosen, interaction.reference)

    def _no_deal(self, found: NoCard, interaction: Interaction) -> Message:
        hint = self._messages.reminders.example if found.failed.trouble.cause is Cause.NO_MATCH else ""
        again = again_button(AGAIN, interaction.text)
        told = self._messages.failures.failed(found.failed, found.wish, interaction.reference, hint, again)
        return replace(told, public=False)

    # --- pressed ----------------------------------------------------------------------------------------------------

    async def on_remind(self, interaction: Interaction) -> Message | None:
        """Set the reminder that the button names, or ask for which day."""
        return self._pressed(RemindOf.from_value(interaction.text), interaction)

    async def on_day(self, interaction: Interaction) -> Message | None:
        """Set a reminder for the day that was picked."""
        of = RemindOf.from_value(interaction.block_id)
        return self._pressed(of and replace(of, day=interaction.text), interaction)

    async def on_cancel(self, interaction: Interaction) -> Message:
        """Cancel a reminder, in place of the message that offered it: a list shows what is left.

        Raises `StoreDown`.
        """
        user_id, reference = interaction.caller.user_id, interaction.reference
        canceled = await self._intake.write_in_time(self._reminders.cancel(interaction.text, user_id))
        if canceled is None:
            return self._messages.reminders.gone(reference)
        log.info("reminder.canceled", **interaction.log_fields)
        return self._messages.reminders.canceled(canceled, reference, replaces=interaction.is_ephemeral)

    def on_close(self, close: Answer) -> Answer:
        """Let `close` change the deal's status, as if it were pressed where the reminder was asked for."""

        async def answer(interaction: Interaction) -> Message | None:
            channel_id, _, value = interaction.text.partition(" ")
            there = replace(
                interaction,
                text=value,
                caller=replace(interaction.caller, channel_id=channel_id),
                response_url="",  # the button's own leads to the direct message
                message_ts="",
                is_ephemeral=False,
            )
            refused = await close(there)
            return refused or self._messages.reminders.told_in(channel_id, interaction.reference)

        return answer

    def _pressed(self, of: RemindOf | None, interaction: Interaction) -> Message | None:
        if of is None:
            return self._messages.questions.cannot_go_on(None, interaction.reference)
        replaces = interaction.is_ephemeral and bool(of.day)
        self._answer(self._set(deal_of(of), read_day(of.day), interaction, replaces=replaces), interaction)
        return None

    # --- both -------------------------------------------------------------------------------------------------------

    async def _set(
        self, deal: Opportunity, day: Day | None, interaction: Interaction, *, replaces: bool = False
    ) -> Message:
        """Set a reminder, or ask for which day. Raises `StoreDown`."""
        caller, reference = interaction.caller, interaction.reference
        zone = await self._times.zone(caller.user_id)
        on = date_of(day, self._times.today(zone))
        match on:
            case Unclear():
                return self._messages.reminders.which_day(deal, on, reference, replaces=replaces)
            case date():
                target = Target(deal.id, deal.location_id or "")
                planned = Planned(interaction.key, Kind.REMINDER, morning(on, zone), caller, target, deal.name or "")
                standing = await self._reminders.remind(planned)
                log.info("reminder.set", opportunity=deal.id, **interaction.log_fields)
                return self._messages.reminders.set(standing, reference, replaces=replaces)
            case _:
                assert_never(on)

    def _answer(self, answer: Awaitable[Message], interaction: Interaction) -> None:
        async def answered() -> Message:
            try:
                return await answer
            except StoreDown as error:
                if error.perhaps_written:
                    return self._messages.reminders.unsure(interaction.reference)
                return self._messages.failures.not_accepted(Cause.STORE_DOWN, interaction.reference)

        self._outbox.answer(answered(), interaction.address, interaction.reference)
