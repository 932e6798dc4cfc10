"""Answers what concerns a channel: in which sub-account it works, and whether it is told of changes in HighLevel."""

from collections.abc import Collection
from datetime import timedelta
from typing import assert_never

import structlog

from bot.commands.reply import Message
from bot.commands.request import Mute, UseLocation
from bot.deals.locations import LocationResolver
from bot.events.ports import Mutes
from bot.slack.intake import Intake
from bot.slack.messages.messages import Messages
from bot.slack.payload import Interaction

log = structlog.get_logger(__name__)


class ChannelLocations:
    """Finds and sets the sub-account of a channel, and mutes it. `announcing`: where such changes are posted."""

    def __init__(
        self,
        intake: Intake,
        location_resolver: LocationResolver,
        messages: Messages,
        mutes: Mutes,
        announcing: Collection[str],
    ) -> None:
        self._intake = intake
        self._location_resolver = location_resolver
        self._messages = messages
        self._mutes = mutes
        self._announcing = announcing

    async def answer(self, request: UseLocation | Mute, interaction: Interaction) -> Message | None:
        """Do what is asked for the channel; `None` if the name is no sub-account's.

        Raises `LookupFailed` and `StoreDown`.
        """
        match request:
            case UseLocation(name):
                return await self._use(name, interaction)
            case Mute(span):
                return await self._mute(span, interaction)
            case _:
                assert_never(request)

    async def _mute(self, span: timedelta, interaction: Interaction) -> Message:
        """Post no changes made in HighLevel here for so long; with no time, post them again. Raises `StoreDown`."""
        caller, reference = interaction.caller, interaction.reference
        if not await self._intake.is_admin(interaction):
            return self._messages.people.not_an_admin(reference)
        if caller.channel_id not in self._announcing:
            return self._messages.help.nothing_to_mute(reference)
        muting = self._mutes.mute(caller.channel_id, span.total_seconds(), caller.user_id)
        await self._intake.write_in_time(muting)
        log.info("channel.muted", seconds=span.total_seconds(), **interaction.log_fields)
        return self._messages.help.muted(span, caller, reference)

    async def home(self, interaction: Interaction) -> str:
        """The id of this channel's sub-account; empty if there is only one. Raises `LookupFailed`."""
        return await self._intake.look_up(self._location_resolver.home(interaction.caller.channel_id))

    async def _use(self, name: str, interaction: Interaction) -> Message | None:
        """Tell in which sub-account this channel works; or, if an admin names one, set it; `None` if there is none.

        Raises `LookupFailed` and `StoreDown`.
        """
        locations, channel_id = self._location_resolver.locations, interaction.caller.channel_id
        if not name:
            return self._messages.help.in_use(await self.home(interaction), interaction.reference)
        meant = locations.meant(name)
        if meant is None:
            return None
        if not await self._intake.is_admin(interaction):
            return self._messages.people.not_an_admin(interaction.reference)
        bindings = self._location_resolver.bindings
        writing = (
            bindings.unbind(channel_id)
            if meant == locations.default
            else bindings.bind(channel_id, meant, interaction.caller.user_id)
        )
        await self._intake.write_in_time(writing)
        log.info("channel.bound", location=meant, **interaction.log_fields)
        return self._messages.help.uses(meant, interaction.caller, interaction.reference)
