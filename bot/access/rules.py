"""Who may change a deal, and from where. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who typed the command, by the ids Slack signed: names can be changed, ids cannot."""

    user_id: str
    team_id: str
    channel_id: str


class Reason(StrEnum):
    """Why somebody may not; `messages` has a sentence for each."""

    WORKSPACE_UNKNOWN = "workspace_unknown"
    WRONG_WORKSPACE = "wrong_workspace"
    NOBODY_ALLOWED = "nobody_allowed"
    NOT_ALLOWED = "not_allowed"
    WRONG_CHANNEL = "wrong_channel"
    TOO_FAST = "too_fast"
    GROUPS_UNKNOWN = "groups_unknown"
    APPROVALS_UNKNOWN = "approvals_unknown"
    PERSON_UNKNOWN = "person_unknown"
    STRANGER = "stranger"
    GUEST = "guest"
    BOT = "bot"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Denied:
    """A refusal. Nothing was sent anywhere."""

    reason: Reason


class Way(StrEnum):
    """Why somebody may; `messages` has a sentence for each."""

    ADMIN = "admin"
    LIST = "list"
    GROUP = "group"
    APPROVAL = "approval"


@dataclass(frozen=True, slots=True)
class Approved:
    """An admin's word that somebody may: whose, and since when."""

    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Allowed:
    """Leave to change deals, and why."""

    way: Way
    group: str = ""
    """The user group, if it is why."""
    approved: Approved | None = None
    """The approval, if it is why."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody as Slack knows them.

    https://docs.slack.dev/reference/objects/user-object
    """

    teams: frozenset[str]
    """The workspaces they belong to."""
    is_stranger: bool = False
    """Of another company, known through a shared channel."""
    is_guest: bool = False
    is_bot: bool = False
    is_gone: bool = False

    def denied(self, our_team: str) -> Denied | None:
        """Why it is nobody who may be let in by a group or an approval; `None` for a member of our workspace."""
        if self.is_gone:
            return Denied(Reason.GONE)
        if self.is_stranger or our_team not in self.teams:
            return Denied(Reason.STRANGER)
        if self.is_bot:
            return Denied(Reason.BOT)
        return Denied(Reason.GUEST) if self.is_guest else None


@dataclass(frozen=True, slots=True)
class Standing:
    """What was found out about somebody whom no setting names."""

    group: str = ""
    """One of the groups that may, with them in it; empty for none."""
    groups_known: bool = True
    """`False`: of one group at least nobody could tell whether they are in it."""
    approved: Approved | None = None
    approvals_known: bool = True
    """`False`: nobody could tell whether an admin let them in."""
    person: Person | None = None
    """`None`: Slack did not say who they are."""

    def decide(self, our_team: str) -> Allowed | Denied:
        """Whether that is enough. What is not known is taken for no."""
        if not self.group and self.approved is None:
            if not self.groups_known:
                return Denied(Reason.GROUPS_UNKNOWN)
            return Denied(Reason.NOT_ALLOWED if self.approvals_known else Reason.APPROVALS_UNKNOWN)
        if self.person is None:
            return Denied(Reason.PERSON_UNKNOWN)
        if denied := self.person.denied(our_team):
            return denied
        if self.group:
            return Allowed(Way.GROUP, group=self.group)
        return Allowed(Way.APPROVAL, approved=self.approved)


@dataclass(frozen=True, slots=True)
class Allowlist:
    """Who may, as an operator has set it. It fails closed: nobody named means nobody. No channels means any channel."""

    users: frozenset[str]
    channels: frozenset[str]
    groups: frozenset[str] = frozenset()
    admins: frozenset[str] = frozenset()
    """They may as well, and let others in. Without any, what admins have approved before does not count."""

    @property
    def is_empty(self) -> bool:
        """Whether it lets nobody in."""
        return not (self.users or self.groups or self.admins)

    def is_admin(self, caller: Caller, our_team: str | None) -> bool:
        """Whether this caller is one of the admins, wherever they are."""
        return our_team is not None and caller.team_id == our_team and caller.user_id in self.admins

    def decide(self, caller: Caller, our_team: str | None, standing: Standing | None = None) -> Allowed | Denied | None:
        """Whether this caller may change deals, from where they are.

        `our_team` is the workspace the bot's token belongs to; `None` while Slack has not told us, and then nobody may.
        Without a `standing` the answer is `None` where one is needed: whoever is named needs none.
        """
        if our_team is None:
            return Denied(Reason.WORKSPACE_UNKNOWN)
        if caller.team_id != our_team:
            return Denied(Reason.WRONG_WORKSPACE)
        if self.is_empty:
            return Denied(Reason.NOBODY_ALLOWED)
        decision = self._named(caller.user_id) or (standing.decide(our_team) if standing else None)
        if decision is None and not (self.groups or self.admins):
            return Denied(Reason.NOT_ALLOWED)
        if isinstance(decision, Allowed) and self.channels and caller.channel_id not in self.channels:
            return Denied(Reason.WRONG_CHANNEL)
        return decision

    def _named(self, user_id: str) -> Allowed | None:
        if user_id in self.admins:
            return Allowed(Way.ADMIN)
        return Allowed(Way.LIST) if user_id in self.users else None
