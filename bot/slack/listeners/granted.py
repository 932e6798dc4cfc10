"""Runs typed commands at a press: one that was refused and is allowed since, or one that could not be answered."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot.access.requests import AccessRequests
from bot.commands.reply import Message
from bot.slack.intake import Intake
from bot.slack.messages.messages import Messages
from bot.slack.payload import Interaction


class GrantedCommands:
    """Takes the buttons that stand for a typed command. `run` answers one, and checks it anew."""

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

    async def on_again(self, interaction: Interaction) -> Message | None:
        """Answer a command once more, in place of the message that said why it was not answered.

        Raises `LookupFailed` and `StoreDown`.
        """
        answer = await self._run(replace(interaction, message_ts=""))
        return answer and replace(answer, replaces=interaction.is_ephemeral)

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
