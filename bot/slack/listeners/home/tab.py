"""Listens to people at their Home tab, and publishes it: when they open it, and when what it shows has changed."""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

from bot.access.rate_limit import RateLimit
from bot.access.rules import Denied, Reason
from bot.commands.outbox import Outbox
from bot.commands.record import Entry
from bot.commands.reply import Message
from bot.deals.clock import loop_time
from bot.slack.block_kit.blocks import Block
from bot.slack.intake import Intake
from bot.slack.listeners.boundary import Answer
from bot.slack.listeners.home.finding import HomeFinder
from bot.slack.listeners.home.publishing import HomeViews, NotPublished, Published
from bot.slack.messages.home.contents import Reader, Refused, page_in, read_page
from bot.slack.messages.messages import Messages
from bot.slack.payload import Interaction, home_view

log = structlog.get_logger(__name__)

OPENED = "app_home_opened"
"""The event. https://docs.slack.dev/reference/events/app_home_opened"""
PAUSES = (1.0, 2.0)
"""Seconds before each further try to publish what Slack did not take."""
LOOKED_AT = 600.0
"""Seconds since a tab was last published in which it is published again when the person changes a deal elsewhere."""
MOST_REMEMBERED = 1000
"""People whose page is remembered."""


@dataclass(frozen=True, slots=True)
class _Visit:
    """A person whose tab is to be published."""

    interaction: Interaction
    page: int = 0
    of: str = ""
    """The hash of the tab as they see it; empty if that is not known."""
    is_empty: bool = False
    """Whether they see nothing yet."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a person sees, as far as this process published it."""

    page: int
    hash: str
    at: float


class HomeTab:
    """All that happens at the Home tab. A person's is published once at a time, and what they see last is newest."""

    def __init__(
        self, *, intake: Intake, finder: HomeFinder, views: HomeViews, outbox: Outbox, messages: Messages
    ) -> None:
        self._intake = intake
        self._finder = finder
        self._views = views
        self._outbox = outbox
        self._messages = messages
        self._refreshes = RateLimit()
        self._wanted: dict[str, _Visit] = {}
        self._busy: set[str] = set()
        self._shown: dict[str, _Shown] = {}
        """By the person's id; the one that was published longest ago is the first."""

    # --- what people do ---------------------------------------------------------------------------------------------

    async def on_opened(self, interaction: Interaction) -> None:
        """Publish the tab for a person who opens it; an empty one shows at once that their deals are being looked for.

        What they saw last time stays until then, because Slack shows it already.
        """
        if interaction.text == "home" and interaction.caller.user_id:
            view = home_view(interaction.body.get("event"))
            self._show(_Visit(interaction, of=str(view.get("hash", "")), is_empty=not view))

    async def on_page(self, interaction: Interaction) -> None:
        """Turn to another page."""
        self._show(_visit(interaction, read_page(interaction.text)))

    async def on_again(self, interaction: Interaction) -> None:
        """Ask HighLevel again; not more often than people may send commands, as each press costs a call."""
        if self._refreshes.denies(interaction.caller.user_id, loop_time()):
            return
        self._finder.forget(interaction.caller.user_id)
        self._show(_visit(interaction, read_page(interaction.text)))

    def following(self, answer: Answer) -> Answer:
        """Wrap a listener to a button: when the button is in the Home tab, the tab is published again afterwards."""

        async def answered(interaction: Interaction) -> Message | None:
            message = await answer(interaction)
            if view := home_view(interaction.body):
                self._show(_visit(interaction, page_in(view)))
            return message

        return answered

    def noted(self, entry: Entry) -> None:
        """Publish the tab again after one of the person's commands: if they gave it here, or opened the tab lately."""
        user_id = entry.caller.user_id
        self._finder.forget(user_id)
        shown = self._shown.get(user_id)
        is_open = shown is not None and loop_time() - shown.at <= LOOKED_AT
        if is_open or entry.is_from_home:
            caller = replace(entry.caller, channel_id="")
            seen = Interaction(entry.reference, entry.reference, caller, text="", response_url="")
            self._show(_Visit(seen, shown.page, shown.hash) if shown else _Visit(seen))

    # --- publishing -------------------------------------------------------------------------------------------------

    def _show(self, visit: _Visit) -> None:
        """Publish in the background; of what is asked for meanwhile, the latest afterwards."""
        user_id = visit.interaction.caller.user_id
        self._wanted[user_id] = visit
        if user_id not in self._busy:
            self._busy.add(user_id)
            self._outbox.answer(self._publish_all(user_id), visit.interaction.address, visit.interaction.reference)

    async def _publish_all(self, user_id: str) -> None:
        try:
            while visit := self._wanted.pop(user_id, None):
                await self._publish(visit)
        finally:
            self._busy.discard(user_id)

    async def _publish(self, visit: _Visit) -> None:
        of = visit.of
        if visit.is_empty:
            loading = await self._put(visit, self._messages.home.loading(), of)
            of = loading.hash if isinstance(loading, Published) else ""
        if await self._put(visit, await self._view(visit), of) is NotPublished.CONFLICT:
            # Another process has published something since: it may be newer than what was found here. So look again.
            await self._put(visit, await self._view(visit), "")

    async def _put(self, visit: _Visit, view: Block, of: str) -> Published | NotPublished:
        """Publish a view; again after a while if Slack does not take it, so that no tab goes on saying "Loading"."""
        user_id = visit.interaction.caller.user_id
        published = await self._views.publish(user_id, view, of)
        for pause in PAUSES:
            if published is not NotPublished.FAILED:
                break
            await asyncio.sleep(pause)
            published = await self._views.publish(user_id, view, of)
        if isinstance(published, Published):
            self._shown.pop(user_id, None)
            self._shown[user_id] = _Shown(page_in(view), published.hash, loop_time())
            if len(self._shown) > MOST_REMEMBERED:
                del self._shown[next(iter(self._shown))]
        return published

    async def _view(self, visit: _Visit) -> Block:
        """What the person may see now. Never raises."""
        interaction = visit.interaction
        caller = interaction.caller
        reader = Reader(caller.user_id, interaction.reference, datetime.now(UTC))
        try:
            decision = await self._intake.authorize(interaction)
            if isinstance(decision, Denied) and decision.reason is not Reason.WRONG_CHANNEL:
                return self._messages.home.refused(await self._refused(decision, interaction), caller, reader)
            found = await self._finder.find(caller.user_id, visit.page, can_mark=not isinstance(decision, Denied))
            return self._messages.home.tab(found, reader)
        except Exception:
            log.exception("home.broken")
            return self._messages.home.broken(reader, visit.page)

    async def _refused(self, denied: Denied, interaction: Interaction) -> Refused:
        """Why the person sees no deals: that they are a guest comes before that no admin has let them in."""
        request = await self._intake.request_of(interaction, denied)
        if denied.reason is Reason.NOT_ALLOWED and not request:
            return Refused(await self._intake.ineligible(interaction) or denied)
        return Refused(denied, request)


def _visit(interaction: Interaction, page: int) -> _Visit:
    """The visit of a person who pressed a button of the tab."""
    return _Visit(interaction, page, str(home_view(interaction.body).get("hash", "")))
