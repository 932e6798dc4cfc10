"""Listens to people who ask for access, and to admins who decide about it. Every press is authorized anew."""

from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from bot.access.rate_limit import RateLimit
from bot.access.requests import REMIND_AFTER, AccessRequest, AccessRequests, RequestState
from bot.access.rules import Allowed, Denied, Reason
from bot.commands.outbox import Outbox
from bot.commands.reply import Address, Message
from bot.commands.request import Request
from bot.deals.clock import loop_time
from bot.deals.ports import StoreDown
from bot.slack.actions import NO_COMMAND
from bot.slack.intake import Intake
from bot.slack.messages.messages import Messages
from bot.slack.messages.people import ROWS_OF_ACCESS
from bot.slack.payload import Interaction

log = structlog.get_logger(__name__)


class ApprovalListeners:
    """Sends requests for access to the admins, and takes their decisions."""

    def __init__(
        self,
        *,
        intake: Intake,
        access_requests: AccessRequests,
        outbox: Outbox,
        messages: Messages,
        parse: Callable[[str], Request],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._intake = intake
        self._access_requests = access_requests
        self._outbox = outbox
        self._messages = messages
        self._parse = parse
        self._clock = clock
        self._reminders = RateLimit(limit=1, period=REMIND_AFTER.total_seconds())

    async def whoami(self, interaction: Interaction) -> Message:
        """Tell the caller whether they may change deals, why, and what became of their request for access."""
        decision = await self._intake.authorize(interaction)
        request = await self._intake.request_of(interaction, decision)
        return self._messages.people.whoami(interaction.caller, decision, request, self._clock())

    async def show(self, interaction: Interaction) -> Message:
        """List the open requests and the approvals, for an admin. Raises `LookupFailed`."""
        if not await self._intake.is_admin(interaction):
            return self._messages.people.not_an_admin(interaction.reference)
        standing = await self._intake.look_up(self._access_requests.standing(ROWS_OF_ACCESS + 1))
        return self._messages.people.access(standing)

    async def on_request(self, interaction: Interaction) -> Message | None:
        """Take a person's request for access, and tell the admins. Raises `LookupFailed`."""
        decision = await self._intake.authorize(interaction)
        if isinstance(decision, Allowed):
            return self._messages.people.let_in_already(interaction.reference)
        if denied := await self._ineligible(decision, interaction):
            return self._messages.people.denied(
                denied.reason, interaction.caller, interaction.reference, now=self._clock()
            )
        latest = await self._intake.look_up(self._access_requests.latest(interaction.caller.user_id))
        now = self._clock()
        if latest and latest.rests(now):
            return self._messages.people.request_rests(latest)
        wanted = AccessRequest(
            interaction.reference,
            interaction.caller.user_id,
            interaction.caller.team_id,
            interaction.caller.channel_id,
            now,
            command="" if interaction.text == NO_COMMAND else interaction.text,
        )
        try:
            request = await self._intake.write_in_time(self._access_requests.ask(wanted))
        except StoreDown:
            return self._messages.people.not_decided(interaction.reference)
        if request.approved:  # since `authorize`
            return self._messages.people.let_in_already(interaction.reference)
        is_new = request.reference == wanted.reference
        lately = not is_new and not request.may_remind(now)
        if lately or self._reminders.denies(request.user_id, loop_time()):
            return self._messages.people.request_waits(request)
        log.info("access.requested", request=request.reference, new=is_new)
        for admin in sorted(self._intake.authorizer.rules.admins):
            self._outbox.tell(self._messages.people.asks_for_access(request), _direct(admin), interaction.reference)
        return self._messages.people.request_sent(request, replaces=interaction.is_ephemeral)

    async def on_approval(self, interaction: Interaction) -> Message | None:
        """Approve a request, for an admin."""
        return await self._decide(interaction, RequestState.APPROVED)

    async def on_decline(self, interaction: Interaction) -> Message | None:
        """Decline a request, for an admin."""
        return await self._decide(interaction, RequestState.DECLINED)

    async def on_revocation(self, interaction: Interaction) -> Message | None:
        """Revoke an approval, for an admin."""
        if not await self._intake.is_admin(interaction):
            return self._messages.people.not_an_admin(interaction.reference)
        try:
            revoked = await self._intake.write_in_time(
                self._access_requests.revoke(interaction.text, interaction.caller.user_id, self._clock())
            )
        except StoreDown:
            return self._messages.people.not_decided(interaction.reference)
        if revoked is None:
            return self._messages.people.unknown_request(interaction.reference)
        return self._tell(revoked, interaction, now=True)

    async def _ineligible(self, denied: Denied, interaction: Interaction) -> Denied | None:
        """Why an admin's approval would not help; `None` if it would."""
        if denied.reason is not Reason.NOT_ALLOWED or not self._intake.authorizer.rules.admins:
            return denied
        return await self._intake.ineligible(interaction)

    async def _decide(self, interaction: Interaction, state: RequestState) -> Message:
        if not await self._intake.is_admin(interaction):
            return self._messages.people.not_an_admin(interaction.reference)
        by, at = interaction.caller.user_id, self._clock()
        try:
            request, now = await self._intake.write_in_time(
                self._access_requests.decide(interaction.text, state, by, at)
            )
        except StoreDown:
            return self._messages.people.not_decided(interaction.reference)
        if request is None:
            return self._messages.people.unknown_request(interaction.reference)
        return self._tell(request, interaction, now=now)

    def _tell(self, request: AccessRequest, interaction: Interaction, *, now: bool) -> Message:
        """Tell the person of a decision, and the admin; `now`: this admin decided, and not another one earlier."""
        if now:
            log.info(
                "access.decided", request=request.reference, state=request.state.value, by=interaction.caller.user_id
            )
            offered = self._parse(request.command) if request.command else None
            told = self._messages.people.decision(request, offered)
            self._outbox.tell(told, _direct(request.user_id), interaction.reference)
        # A button of the ephemeral list leaves the list as it is. A request is a direct message, and is replaced.
        return self._messages.people.decided(
            request, interaction.caller, now=now, replaces=not interaction.is_ephemeral
        )


def _direct(user_id: str) -> Address:
    return Address("", "", user_id)
