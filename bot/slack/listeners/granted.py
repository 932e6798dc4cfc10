"""Runs a command that was refused, for the person whom an admin has approved since."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot.access.requests import AccessRequests
from bot.commands.reply import Message
from bot.slack.intake import Intake
from bot.slack.messages.messages import Messages
from bot.slack.payload import Interaction


class GrantedCommands:
    """Takes the press of the button that an approval brings. `run` answers a typed command, and checks it anew."""

    def __init__(
        self,
        intake: Intake,
        access_requests: AccessRequests,
        run: Callable[[Interaction], Awaitable[Message | None]],
        messages: Messages,
    ) -> None:
        self._intake = intake
        self._access_requests = access_requests
        self._run = run
        self._messages = messages

    async def on_run(self, interaction: Interaction) -> Message | None:
        """Run the command in the channel in which it was typed, once. Raises `LookupFailed` and `StoreDown`."""
        request = await self._intake.look_up(self._access_requests.latest(interaction.caller.user_id))
        if request is None or request.reference != interaction.text or not request.command:
            return self._messages.questions.cannot_go_on(None, interaction.reference)
        typed = replace(
            interaction,
            key=f"{request.reference} granted",  # however often it is pressed, it is one command
            text=request.command,
            caller=replace(interaction.caller, channel_id=request.channel_id),
            response_url="",  # the button's own leads to the direct message
            message_ts="",
            is_ephemeral=False,
        )
        return await self._run(typed) or self._messages.people.runs(request)
