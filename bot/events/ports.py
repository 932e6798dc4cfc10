"""The ports of events. Pure."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.commands.reply import Message
from bot.deals.deal import Opportunity
from bot.events.event import Decision, Event, Known, Reception, Settled, Source, Taken, Verdict
from bot.events.posting import Channel, Crowd, Held, Plan, Why


class Intake(Protocol):
    """Where events are written down."""

    async def receive(self, *events: Event) -> int:
        """Write down those that are not there yet; returns how many those are. Raises `StoreDown`, `StoreRefused`."""


class Counts(Protocol):
    """What was done with everything that came."""

    async def add(self, counted: Mapping[tuple[Source, Reception], int]) -> None:
        """Add to the counts of today. Raises `StoreDown` and `StoreRefused`."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What came from HighLevel lately."""

    received: float | None
    """Seconds since it last reported a change; `None` if it never did."""
    lately: Mapping[Reception, int]
    """How many requests came today and yesterday, by what was done with them; without polls."""
    polled: float | None
    """Seconds since HighLevel last answered a poll, in the sub-account where that is longest ago; `None`: never."""


Decide = Callable[[Known | None, bool, datetime], Decision]
"""Decides about a deal that was read, from what the bot knew of it before, whether a command of the bot's may have
changed it without learning so, and the time by the database's clock."""


class Inbox(Protocol):
    """The events that were written down, for those that read their deals. Every method raises `StoreDown`."""

    async def take(self, locations: Collection[str], most: int) -> Sequence[Taken]:
        """Take events about at most so many deals of these sub-accounts, the oldest first, for half a minute.

        All events about a deal come together. A process that takes longer loses them to another.
        """

    async def settle(self, taken: Taken, deal: Opportunity, decide: Decide) -> tuple[Settled, Verdict | None]:
        """Write down, in one step, what the bot now knows of the deal, and what becomes of its events.

        Returns `DONE` with the verdict, which is `None` for one that is to be posted; or why nothing was written.
        """

    async def dismiss(self, taken: Taken, verdict: Verdict) -> None:
        """Finish events whose deal is not there or cannot be read, and forget a deal that is `GONE`."""

    async def give_back(self) -> None:
        """Give up all events that this process has taken, so that another takes them at once."""

    async def set_back(self, taken: Taken, seconds: float, *, failed: bool) -> None:
        """Let any process take the events after so many seconds. `failed`: count an attempt."""


class Deals(Protocol):
    """HighLevel's deals, read after everything that a person waits for."""

    def has_room(self, location_id: str) -> bool:
        """Whether a deal of this sub-account can be read without using up what its commands may need."""

    async def read(self, location_id: str, opportunity_id: str) -> Opportunity | None:
        """The deal with its names; `None` if there is none in this sub-account. Raises `CrmError`."""

    async def changed(self, location_id: str, since: datetime | None, page: int) -> Sequence[Opportunity]:
        """A page of the deals whose status has changed since then, the oldest change first; pages count from 1.

        Without a time: the deals that changed last. Raises `CrmError`.
        """


@dataclass(frozen=True, slots=True)
class Turn:
    """That it is this process's turn to ask a sub-account for changes."""

    newest: datetime | None
    """The latest change that was told so far; `None` if it is asked for the first time."""


class Polls(Protocol):
    """How far each sub-account was asked for changes. Every method raises `StoreDown`."""

    async def begin(self, location_id: str, every: float) -> Turn | None:
        """Take the turn, unless one was taken in the last `every` seconds."""

    async def learn(self, location_id: str, found: Sequence[Opportunity], newest: datetime) -> None:
        """Remember deals that the bot does not know, and how far it asked: nothing of it is news."""

    async def advance(self, location_id: str, found: Sequence[Event], newest: datetime) -> int:
        """Write down how far it asked, and the events that are new; returns how many those are."""


class EventWords(Protocol):
    """Puts changes made in HighLevel into words."""

    def changed(self, held: Held, reference: str) -> Message:
        """One change, with what can be done about it."""

    def again(self, held: Held, reference: str, thread_ts: str) -> Message:
        """A further change of a deal that a message of the channel tells of: in its place, and in a line under it."""

    def many(self, held: Sequence[Held], why: Why, reference: str) -> Message:
        """Several changes in one message, with a list and a total."""


@dataclass(frozen=True, slots=True)
class Released:
    """A change that is on its way to Slack, or is not posted after all."""

    verdict: Verdict
    lag: float | None = None
    """Seconds since it was made in HighLevel; `None` if HighLevel did not say."""

    @property
    def is_posted(self) -> bool:
        """Whether it is on its way."""
        return self.verdict in {Verdict.ANNOUNCED, Verdict.GROUPED}


class Announcements(Protocol):
    """The changes that wait to be posted. Every method raises `StoreDown`."""

    async def release(
        self, pause: Callable[[Crowd], float], decide: Callable[[Channel], Plan], words: EventWords
    ) -> tuple[Sequence[Released], float]:
        """Do in every channel what is decided about it, in one step that no other process shares.

        `pause`: seconds until there may be something to do; as long as that is not 0, nothing is decided. Returns what
        was done, and the shortest of these times; infinity if nothing waits.

        What is to be posted becomes a row of the ledger, which is answered and not delivered: so it is posted as a
        command's reply is, by any process, and not again once that is noted.
        """


class Mutes(Protocol):
    """The channels in which an admin wants no changes made in HighLevel for a while."""

    async def mute(self, channel_id: str, seconds: float, by: str) -> None:
        """Post nothing in this channel for so many seconds; 0 to post again. Raises `StoreDown`, `StoreRefused`."""
