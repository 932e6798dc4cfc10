"""The bot's Bolt app over ports in memory."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

from slack_bolt.async_app import AsyncApp, AsyncBoltRequest

from bot.access.authorization import Authorizer
from bot.access.rate_limit import RateLimit
from bot.access.rules import Allowlist, Caller
from bot.commands.lookups import Lookups
from bot.commands.record import Entry
from bot.commands.reply import Address, Message
from bot.commands.request import COMMAND, Change, Request
from bot.deals.deal import STATES, Opportunity, Status
from bot.deals.locations import LocationResolver, Locations
from bot.deals.outcome import Changed, Outcome
from bot.deals.policy import Confirm, LostReasonMode, Policy
from bot.deals.wish import Wish
from bot.schedule.calendar import Calendar
from bot.schedule.digest.reports import Reports
from bot.schedule.personal_time import PersonalTime
from bot.slack.block_kit.blocks import Block
from bot.slack.bolt import bolt_app
from bot.slack.intake import Intake
from bot.slack.listeners.approvals import ApprovalListeners
from bot.slack.listeners.boundary import Boundary
from bot.slack.listeners.buttons import Buttons
from bot.slack.listeners.cards import Cards
from bot.slack.listeners.channels import ChannelLocations
from bot.slack.listeners.digests.shown import ShownDigests
from bot.slack.listeners.form import FormListeners
from bot.slack.listeners.granted import GrantedCommands
from bot.slack.listeners.history import HistoryList
from bot.slack.listeners.home.finding import HomeFinder
from bot.slack.listeners.home.publishing import NotPublished, Published
from bot.slack.listeners.home.tab import HomeTab
from bot.slack.listeners.named import NamedDeals
from bot.slack.listeners.owners.asking import OwnerRequests
from bot.slack.listeners.reasons import AddedReasons
from bot.slack.listeners.reminders.reminders import ReminderListeners
from bot.slack.listeners.suggested.deals import SuggestedDeals
from bot.slack.listeners.typed import Handlers, TypedCommands
from bot.slack.listeners.undo import Undo
from bot.slack.messages.messages import Messages
from tests.memory import (
    MemoryAccessRequests,
    MemoryBindings,
    MemoryCrm,
    MemoryDigests,
    MemoryDirectory,
    MemoryFigures,
    MemoryInstrumentation,
    MemoryLedger,
    MemoryMutes,
    MemoryOutbox,
    MemoryPeople,
    MemoryReminders,
    MemoryWork,
    MemoryWorkspace,
    messages,
    policy,
)

DEAL = "AbCdEfGhIjKlMnOpQr12"
"""A deal's id, as HighLevel makes them."""
WISH = Wish("deal", Status.WON)

_numbers = count()


@dataclass
class MemoryViews:
    """Keeps the modals that the bot opens and updates; `works` is whether Slack shows them."""

    works: bool = True
    opened: list[tuple[str, Block]] = field(default_factory=list)
    updated: list[tuple[str, str, Block]] = field(default_factory=list)
    published: list[tuple[str, Block, str]] = field(default_factory=list)
    """The Home tabs, each with the person and the hash that it was to replace."""
    publishing: list[NotPublished | Callable[[], None]] = field(default_factory=list)
    """What each next publication meets: why it fails, or what happens before it."""

    async def open(self, trigger_id: str, view: Block) -> bool:
        self.opened.append((trigger_id, view))
        return self.works

    async def update(self, view_id: str, of: str, view: Block) -> bool:
        self.updated.append((view_id, of, view))
        return self.works

    async def publish(self, user_id: str, view: Block, of: str) -> Published | NotPublished:
        planned = self.publishing.pop(0) if self.publishing else None
        if isinstance(planned, NotPublished):
            return planned
        if planned:
            planned()
        self.published.append((user_id, view, of))
        return Published(f"hash-{len(self.published)}")


@dataclass
class Desk:
    """The listeners over ports in memory, and what they accept and answer."""

    request: Request = field(default_factory=lambda: Change((WISH,)))
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    crm: MemoryCrm = field(default_factory=lambda: MemoryCrm(Opportunity(DEAL, "open", name="New website")))
    views: MemoryViews = field(default_factory=MemoryViews)
    work: MemoryWork = field(default_factory=MemoryWork)
    outbox: MemoryOutbox = field(default_factory=MemoryOutbox)
    instrumentation: MemoryInstrumentation = field(default_factory=MemoryInstrumentation)
    parse: Callable[[str], Request] | None = None
    window: timedelta = timedelta(hours=24)
    allowed: frozenset[str] = frozenset({"U1", "U2"})
    channels: frozenset[str] = frozenset()
    admins: tuple[str, ...] = ()
    access_requests: MemoryAccessRequests = field(default_factory=MemoryAccessRequests)
    directory: MemoryDirectory = field(default_factory=MemoryDirectory)
    rate_limit: RateLimit = field(default_factory=RateLimit)
    within: float = 2.6
    workspace: MemoryWorkspace = field(default_factory=MemoryWorkspace)
    confirm_above: int | None = 3
    statuses: frozenset[Status] = frozenset(STATES)
    reason_required: bool = False
    locations: Locations = field(default_factory=lambda: Locations("L"))
    bindings: MemoryBindings = field(default_factory=MemoryBindings)
    mutes: MemoryMutes = field(default_factory=MemoryMutes)
    announcing: frozenset[str] = frozenset()
    own_users: dict[str, str] = field(default_factory=dict)
    """Which user of the CRM a person is; any other takes long to find out."""
    reminders: MemoryReminders = field(default_factory=MemoryReminders)
    calendar: Calendar = field(default_factory=Calendar)
    people: MemoryPeople = field(default_factory=MemoryPeople)
    figures: MemoryFigures = field(default_factory=MemoryFigures)
    tab: HomeTab | None = None

    @property
    def told(self) -> list[tuple[Message, Address, str]]:
        """The messages sent besides the acknowledgement."""
        return self.outbox.told

    @property
    def questions(self) -> list[tuple[Awaitable[Message | None], Address, str]]:
        """The questions that are answered after the acknowledgement."""
        return self.outbox.questions

    @property
    def entries(self) -> list[Entry]:
        """The commands that were accepted."""
        return self.work.entries

    async def on_command(self, **body: str) -> tuple[int, dict[str, Any]]:
        """Send a command of U1, in T1 and C1; returns the status and the body that Slack gets."""
        return await self.dispatch(
            {
                "command": "/opp-status",
                "text": "deal won",
                "user_id": "U1",
                "team_id": "T1",
                "channel_id": "C1",
                "trigger_id": "1.2.3",
                "response_url": "http://reply.example",
            }
            | body
        )

    async def on_press(self, action_id: str, action: dict[str, Any] | str, **body: Any) -> str:  # noqa: ANN401
        """Press a button as U2; returns what they read at once, empty if it is nothing."""
        pressed = {"value": action} if isinstance(action, str) else action
        status, answer = await self.dispatch(
            {
                "type": "block_actions",
                "user": {"id": "U2", "team_id": "T1"},
                "team": {"id": "T1"},
                "channel": {"id": "C1"},
                "container": {"type": "message", "message_ts": "17.1", "channel_id": "C1"},
                "trigger_id": f"press.{next(_numbers)}",
                "response_url": "http://press.example",
                "actions": [{"type": "button", "block_id": "b", "action_id": action_id} | pressed],
            }
            | body
        )
        assert (status, answer) == (200, {})
        return self.told.pop()[0].text if self.told else ""

    async def on_undo(self, change: str, **body: Any) -> str:  # noqa: ANN401 - any part of what Slack sends
        return await self.on_press("undo", change, **body)

    async def on_reason(self, key: str, reason: str = "price", **body: Any) -> str:  # noqa: ANN401
        """Choose a lost reason in a menu; returns as `on_press` does."""
        chosen = {"type": "static_select", "block_id": key, "selected_option": {"value": reason}}
        return await self.on_press("reason", chosen, **body)

    async def answers(self) -> list[Message | None]:
        """Wait for the answers to the questions that were handed over."""
        found = [await question for question, _, _ in self.questions]
        self.questions.clear()
        return found

    async def accepted(self, *wishes: Wish, user: str = "U1", key: str = "asked", **fields: Any) -> list[str]:  # noqa: ANN401
        """Accept these wishes as one command; returns the keys."""
        keys = [f"{key}#{number:02}" if number else key for number in range(len(wishes))]
        batch = key if len(wishes) > 1 else None
        caller = Caller(user, "T1", "C1")
        await self.ledger.accept(
            *(
                Entry(each, "REF", caller, "as typed", wish, batch=batch, **fields)
                for each, wish in zip(keys, wishes, strict=True)
            ),
            within=5,
        )
        return keys

    async def asked(self, outcome: Outcome, *wishes: Wish, key: str = "asked", **fields: Any) -> None:  # noqa: ANN401
        """Accept these wishes as one command, and give all of them this outcome."""
        for each in await self.accepted(*wishes, key=key, **fields):
            await self.ledger.answer(each, outcome, Message("", (), public=False))

    async def changed(self, key: str = "change", before: str = "open", user: str = "U1", deals: int = 1) -> None:
        """Accept and finish a change of one or more deals to won."""
        names = ["deal", *(f"deal-{number}" for number in range(1, deals))]
        wishes = [Wish(name, Status.WON) for name in names]
        for each, name in zip(await self.accepted(*wishes, user=user, key=key), names, strict=True):
            outcome = Changed(Opportunity(name, before, name="New website"), Opportunity(name, "won"))
            await self.ledger.intend(each, outcome.before)
            await self.ledger.answer(each, outcome, Message("", (), public=True))
            await self.ledger.finish(each, "response_url", "")

    async def dispatch(self, contents: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Send what Slack would; returns the status and the body that Slack gets."""
        response = await self.bolt().async_dispatch(AsyncBoltRequest(body=contents, mode="socket_mode"))
        return response.status, json.loads(response.body) if response.body else {}

    def _understand(self, text: str) -> Request:
        return self.parse(text) if self.parse else self.request

    async def own_user(self, user_id: str, location_id: str) -> str:
        """Which user of the CRM a person is."""
        assert location_id is not None
        if user_id not in self.own_users:
            await asyncio.sleep(60)
        return self.own_users.get(user_id, "")

    def bolt(self) -> AsyncApp:
        """Build the bot's Bolt app over these ports."""
        decided = policy(
            statuses=self.statuses,
            undo_window=self.window,
            lost_reason=LostReasonMode.REQUIRED if self.reason_required else LostReasonMode.ASK,
            confirm=Confirm(self.confirm_above, frozenset({Status.WON})),
        )
        words = messages(admin_contact="U0KIM", admins=self.admins, undo_window=self.window, locations=self.locations)

        intake = Intake(
            authorizer=Authorizer(
                rules=Allowlist(self.allowed, self.channels, admins=frozenset(self.admins)),
                workspace=self.workspace,
                directory=self.directory,
                approvals=self.access_requests,
            ),
            rate_limit=self.rate_limit,
            ledger=self.ledger,
            work=self.work,
            messages=words,
            answer_within=self.within,
        )
        location_resolver = LocationResolver(self.locations, self.bindings)
        forms = FormListeners(
            intake=intake,
            location_resolver=location_resolver,
            crm=lambda _location_id: self.crm,
            deals=SuggestedDeals(lambda _location_id: self.crm, self.own_user, self.ledger, self.locations),
            views=self.views,
            policy=decided,
            outbox=self.outbox,
            messages=words,
        )
        lookups = Lookups(self.crm, self.ledger)
        cards = Cards(lambda _location_id: lookups, self.own_user, self.outbox, words)
        handlers = Handlers(
            cards=cards,
            named=NamedDeals(lambda _location_id: lookups, cards, self.outbox, words),
            channels=ChannelLocations(intake, location_resolver, words, self.mutes, self.announcing),
            history=HistoryList(intake, self.ledger, words),
            undo=Undo(intake, self.ledger, decided, words),
            form=forms,
            approvals=ApprovalListeners(
                intake=intake,
                access_requests=self.access_requests,
                outbox=self.outbox,
                messages=words,
                parse=self._understand,
            ),
            reminders=ReminderListeners(
                intake=intake,
                lookups=lambda _location_id: lookups,
                cards=cards,
                reminders=self.reminders,
                times=PersonalTime(self.directory, self.calendar),
                outbox=self.outbox,
                messages=words,
            ),
            reasons=AddedReasons(intake, self.ledger, lambda _location_id: self.crm, self.outbox, words),
            digests=ShownDigests(Reports(self.figures, MemoryDigests(), Calendar(), 21), "L", self.outbox, words),
            owners=OwnerRequests(intake, self.ledger, self.outbox, words),
        )
        typed = TypedCommands(self._understand, intake, handlers, words, decided)
        return bolt_app(
            Boundary(self.outbox, words, self.instrumentation),
            typed,
            Buttons(
                intake=intake,
                history=self.ledger,
                handlers=handlers,
                granted=GrantedCommands(intake, self.access_requests, typed.answer, words),
                outbox=self.outbox,
                messages=words,
            ),
            forms,
            self.home(intake, words, decided),
            token="xoxb-not-a-token",
            command=COMMAND,
        )

    def home(self, intake: Intake, words: Messages, decided: Policy) -> HomeTab:
        """The Home tab, which remembers what it published from one request to the next."""
        if self.tab is None:
            finder = HomeFinder(
                people=self.people,
                crm=lambda _location_id: self.crm,
                history=self.ledger,
                locations=self.locations,
                policy=decided,
            )
            self.tab = HomeTab(intake=intake, finder=finder, views=self.views, outbox=self.outbox, messages=words)
        return self.tab

    async def opens_home(self, tab: str = "home", user: str = "U1", view: dict[str, Any] | None = None) -> None:
        """Open the app as a person; `view` is what they see. What is published is in `views.published`."""
        event = {"type": "app_home_opened", "user": user, "tab": tab, **({"view": view} if view else {})}
        body = {"type": "event_callback", "team_id": "T1", "event_id": f"Ev{next(_numbers)}", "event": event}
        assert await self.dispatch(body) == (200, {})
