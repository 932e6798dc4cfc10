"""Who may change a deal, and from where. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Caller:
    """The person who sends a command, by the ids that Slack signed: people can change their names, not their ids."""

    user_id: str
    team_id: str
    """The workspace in which they act; the organization's id where the bot is installed in all its workspaces."""
    channel_id: str
    home: str | None = None
    """Their own workspace or organization, where it is another than `team_id`; empty where Slack does not say whether
    it is. With either, Slack has to be asked who they are. `None`: it is the same."""


class Reason(StrEnum):
    """Why a caller may not change deals; `messages` has a sentence for each."""

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
    """A refusal. Nothing was sent to HighLevel."""

    reason: Reason


class Way(StrEnum):
    """Why a caller may change deals; `messages` has a sentence for each."""

    ADMIN = "admin"
    LIST = "list"
    GROUP = "group"
    APPROVAL = "approval"


@dataclass(frozen=True, slots=True)
class Approved:
    """An admin's approval of a person."""

    by: str
    """The admin's user id."""
    at: datetime


@dataclass(frozen=True, slots=True)
class Allowed:
    """Permission to change deals, and why."""

    way: Way
    group: str = ""
    """The id of the user group, if membership is why; else empty."""
    approved: Approved | None = None
    """The approval, if that is why."""
    only_in: frozenset[str] = frozenset()
    """The ids of the sub-accounts for which the settings name this person or group alone; empty for all."""


@dataclass(frozen=True, slots=True)
class Person:
    """A person as Slack describes them.

    https://docs.slack.dev/reference/objects/user-object
    """

    teams: frozenset[str]
    """Ids of the workspaces they belong to, and of their organization."""
    is_stranger: bool = False
    """From another company, and seen only through a shared channel."""
    is_guest: bool = False
    is_bot: bool = False
    is_gone: bool = False
    email: str = field(default="", repr=False)
    """Empty where Slack does not show it: that needs the scope `users:read.email`."""
    name: str = field(default="", compare=False)
    """What people in Slack see; empty if Slack did not say."""
    timezone: str = ""
    """The name of their time zone, such as `Europe/Berlin`; empty if Slack did not say."""
    utc_offset: int = 0
    """Seconds by which their clocks are ahead of UTC just now."""

    def denied(self, our_team: str) -> Denied | None:
        """Why neither a group nor an approval lets this person in; `None` for a full member of our workspace."""
        if self.is_gone:
            return Denied(Reason.GONE)
        if self.is_foreign(our_team):
            return Denied(Reason.STRANGER)
        if self.is_bot:
            return Denied(Reason.BOT)
        return Denied(Reason.GUEST) if self.is_guest else None

    def is_foreign(self, our_team: str, home: str | None = None) -> bool:
        """Whether they are of another company. `home` is what Slack gave as their own workspace: see `Caller`."""
        return self.is_stranger or our_team not in self.teams or bool(home and home not in self.teams)


@dataclass(frozen=True, slots=True)
class Standing:
    """What Slack and the admins say about a person whom no setting names."""

    group: str = ""
    """The id of an allowed group that they are in; empty for none."""
    groups_known: bool = True
    """`False` if Slack did not tell the members of every allowed group."""
    approved: Approved | None = None
    approvals_known: bool = True
    """`False` if the approvals could not be read."""
    person: Person | None = None
    """`None` if Slack did not say who they are, or was not asked."""

    def decide(self, our_team: str) -> Allowed | Denied:
        """Decide; anything unknown counts as a denial."""
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
    """Who may change deals, and where, as the operator has set it.

    If it names neither users nor groups nor admins, everyone is denied. If it names no channels, any channel will do.
    """

    users: frozenset[str]
    channels: frozenset[str]
    groups: frozenset[str] = frozenset()
    admins: frozenset[str] = frozenset()
    """They may change deals too, and approve other people. Without admins no earlier approval counts."""
    only_in: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The sub-accounts, by their ids, in which a user or a group may change deals; those who are missing may in all."""

    @property
    def is_empty(self) -> bool:
        """Whether it denies everyone."""
        return not (self.users or self.groups or self.admins)

    def reaches(self, user_id: str, location_id: str) -> bool:
        """Whether the settings name this person for this sub-account."""
        return user_id in self.admins or (user_id in self.users and self.covers(user_id, location_id))

    def covers(self, who: str, location_id: str) -> bool:
        """Whether this user or group, which is allowed, may change deals in this sub-account."""
        return who not in self.only_in or location_id in self.only_in[who]

    def is_admin(self, caller: Caller, our_team: str | None) -> bool:
        """Whether this caller is an admin, in any channel. No caller is while `our_team` is unknown (`None`)."""
        return our_team is not None and caller.team_id == our_team and caller.user_id in self.admins

    def decide(self, caller: Caller, our_team: str | None, standing: Standing | None = None) -> Allowed | Denied | None:
        """Decide whether this caller may change deals, from their channel; `None`: decide again, with a `standing`.

        `our_team` is the id of the workspace that the bot's token belongs to; while it is `None`, every caller is
        denied. A caller whom the settings name needs no `standing`.
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
        if isinstance(decision, Allowed):
            who = caller.user_id if decision.way is Way.LIST else decision.group
            return replace(decision, only_in=self.only_in.get(who, frozenset()))
        return decision

    def _named(self, user_id: str) -> Allowed | None:
        if user_id in self.admins:
            return Allowed(Way.ADMIN)
        return Allowed(Way.LIST) if user_id in self.users else None
