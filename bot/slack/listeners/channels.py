"""Answers `/opp-status use`: tells callers in which sub-account a channel works, and lets admins set it."""

import structlog

from bot.commands.reply import Message
from bot.deals.locations import LocationResolver
from bot.slack.intake import Intake
from bot.slack.messages.messages import Messages
from bot.slack.payload import Interaction

log = structlog.get_logger(__name__)


class ChannelLocations:
    """Finds and sets the sub-account of a channel."""

    def __init__(self, intake: Intake, location_resolver: LocationResolver, messages: Messages) -> None:
        self._intake = intake
        self._location_resolver = location_resolver
        self._messages = messages

    async def home(self, interaction: Interaction) -> str:
        """The id of this channel's sub-account; empty if there is only one. Raises `LookupFailed`."""
        return await self._intake.look_up(self._location_resolver.home(interaction.caller.channel_id))

    async def use(self, name: str, interaction: Interaction) -> Message:
        """Tell in which sub-account this channel works; or, if an admin names one, set it.

        Raises `LookupFailed` and `StoreDown`.
        """
        locations, channel_id = self._location_resolver.locations, interaction.caller.channel_id
        if not name:
            return self._messages.help.in_use(await self.home(interaction), interaction.reference)
        if not await self._intake.is_admin(interaction):
            return self._messages.people.not_an_admin(interaction.reference)
        meant = locations.meant(name)
        if meant is None:
            return self._messages.help.no_such_location(name, interaction.reference)
        bindings = self._location_resolver.bindings
        writing = (
            bindings.unbind(channel_id)
            if meant == locations.default
            else bindings.bind(channel_id, meant, interaction.caller.user_id)
        )
        await self._intake.write_in_time(writing)
        log.info("channel.bound", location=meant, **interaction.log_fields)
        return self._messages.help.uses(meant, interaction.caller, interaction.reference)
