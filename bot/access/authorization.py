"""Decides whether a caller may change deals: by the settings, and else by asking Slack and the admins' approvals."""

import asyncio
from contextlib import suppress
from typing import Protocol

from bot.access.requests import AccessRequest
from bot.access.rules import Allowed, Allowlist, Approved, Caller, Denied, Person, Reason, Standing
from bot.deals.clock import loop_time
from bot.deals.ports import StoreDown


class Workspace(Protocol):
    """The Slack workspace that the bot's token belongs to."""

    @property
    def team_id(self) -> str | None:
        """Its id; `None` while Slack has not told it."""

    async def asked(self) -> None:
        """Wait until Slack was asked for the first time, and has answered or failed to."""


class DirectoryError(Exception):
    """The directory gave no answer. `error` is Slack's own word, such as `missing_scope`; empty: it was not reached."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


class Directory(Protocol):
    """What Slack knows about people and user groups. An answer may be five minutes old, and no older."""

    async def members(self, group_id: str) -> frozenset[str]:
        """The ids of the people in a user group. Raises `DirectoryError`, also when there is no such group."""

    async def person(self, user_id: str) -> Person:
        """What Slack knows about a person. Raises `DirectoryError`, also when there is no such person."""


class Approvals(Protocol):
    """What the admins have decided."""

    async def approved(self, user_id: str) -> Approved | None:
        """The approval of this person that is in force; `None` when there is none. Raises `StoreDown`."""

    async def latest(self, user_id: str) -> AccessRequest | None:
        """This person's last request for access; `None` where they never asked. Raises `StoreDown`."""


class Authorizer:
    """Decides whether callers may change deals. What it cannot find out in time is a denial, for that reason."""

    def __init__(
        self,
        *,
        rules: Allowlist,
        workspace: Workspace,
        directory: Directory,
        approvals: Approvals,
    ) -> None:
        self.rules = rules
        self._workspace = workspace
        self._directory = directory
        self._approvals = approvals

    async def is_admin(self, caller: Caller, *, within: float) -> bool:
        """Whether this caller is an admin now. Takes at most `within` seconds."""
        is_named = self.rules.is_admin(caller, self._workspace.team_id)
        return is_named and await self._foreign(caller, loop_time() + within) is None

    async def authorize(self, caller: Caller, *, within: float) -> Allowed | Denied:
        """Decide whether this caller may change deals now, from this channel. Takes at most `within` seconds."""
        until = loop_time() + within
        our_team = await self._our_team(until)
        decision = self.rules.decide(caller, our_team)
        if decision is None:
            standing = await self._standing(caller.user_id, until)
            decision = self.rules.decide(caller, our_team, standing)
        if isinstance(decision, Allowed) and (foreign := await self._foreign(caller, until)):
            return foreign
        return decision or Denied(Reason.NOT_ALLOWED)

    async def ineligible(self, caller: Caller, *, within: float) -> Denied | None:
        """Why an admin cannot approve this caller; `None` if an admin can, as for any member of our workspace."""
        until = loop_time() + within
        decision = self.rules.decide(caller, await self._our_team(until))
        if isinstance(decision, Denied):
            return decision
        person = await self._person(caller.user_id, until)
        if person is None:
            return Denied(Reason.PERSON_UNKNOWN)
        return person.denied(caller.team_id) or await self._foreign(caller, until)

    async def request_of(self, caller: Caller, *, within: float) -> AccessRequest | None:
        """This caller's last request for access; `None` where they never asked, or that cannot be found out in time."""
        with suppress(StoreDown, TimeoutError):
            async with asyncio.timeout(within):
                return await self._approvals.latest(caller.user_id)
        return None

    async def _foreign(self, caller: Caller, until: float) -> Denied | None:
        """Why this caller is not of our company, as far as it is in doubt; `None` if they are.

        In a channel that is shared with another company its people act in our workspace; and in an organization with
        several workspaces so do our own people whose home is another. What Slack sends is the same for both.
        """
        if caller.home is None:
            return None
        person = await self._person(caller.user_id, until)
        if person is None:
            return Denied(Reason.PERSON_UNKNOWN)
        return Denied(Reason.STRANGER) if person.is_foreign(caller.team_id, caller.home) else None

    async def _our_team(self, until: float) -> str | None:
        """Our workspace's id; `None` if Slack has not told it. Just after the start this waits for Slack's answer."""
        if self._workspace.team_id is None:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await self._workspace.asked()
        return self._workspace.team_id

    async def _standing(self, user_id: str, until: float) -> Standing:
        (group, groups_known), (approved, approvals_known) = await asyncio.gather(
            self._group(user_id, until), self._approved(user_id, until)
        )
        return Standing(
            group=group,
            groups_known=groups_known,
            approved=approved,
            approvals_known=approvals_known,
            person=await self._person(user_id, until) if group or approved else None,
        )

    async def _group(self, user_id: str, until: float) -> tuple[str, bool]:
        """A group that has this member, empty for none; and whether Slack told the members of every group."""
        groups = sorted(self.rules.groups)
        found = await asyncio.gather(*(self._is_member(user_id, group, until) for group in groups))
        return next((group for group, is_in in zip(groups, found, strict=True) if is_in), ""), None not in found

    async def _is_member(self, user_id: str, group: str, until: float) -> bool | None:
        try:
            async with asyncio.timeout_at(until):
                return user_id in await self._directory.members(group)
        except (DirectoryError, TimeoutError):
            return None

    async def _approved(self, user_id: str, until: float) -> tuple[Approved | None, bool]:
        if not self.rules.admins:
            return None, True
        try:
            async with asyncio.timeout_at(until):
                return await self._approvals.approved(user_id), True
        except (StoreDown, TimeoutError):
            return None, False

    async def _person(self, user_id: str, until: float) -> Person | None:
        try:
            async with asyncio.timeout_at(until):
                return await self._directory.person(user_id)
        except (DirectoryError, TimeoutError):
            return None
