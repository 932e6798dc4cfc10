"""Opens and updates forms in Slack, publishes Home tabs, and says whether that worked."""

from collections.abc import Awaitable

import aiohttp
import structlog
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.block_kit.blocks import Block
from bot.slack.listeners.home.publishing import NotPublished, Published
from bot.slack.workspace import LONGEST_CAUSE, SlackTrouble, answered, cause_of

NO_HASH = "0.none"
"""The hash of no tab: Slack's begin with a time."""

log = structlog.get_logger(__name__)


class SlackViews:
    """The ports `Views` and `HomeViews` over Slack's Web API."""

    def __init__(self, web: AsyncWebClient) -> None:
        self._web = web

    async def open(self, trigger_id: str, view: Block) -> bool:
        """https://docs.slack.dev/reference/methods/views.open; a `trigger_id` is good for three seconds, once."""
        return await self._tried(self._web.views_open(trigger_id=trigger_id, view=view))

    async def update(self, view_id: str, of: str, view: Block) -> bool:
        """https://docs.slack.dev/reference/methods/views.update ."""
        return await self._tried(self._web.views_update(view_id=view_id, hash=of, view=view))

    async def publish(self, user_id: str, view: Block, of: str) -> Published | NotPublished:
        """https://docs.slack.dev/reference/methods/views.publish ."""
        try:
            answer = await answered(self._web.views_publish(user_id=user_id, view=view, hash=of or None))
        except SlackTrouble as trouble:
            if trouble.error == "hash_conflict":
                return NotPublished.CONFLICT
            log.warning("home.not_published", user=user_id, error=trouble.error or cause_of(trouble))
            return NotPublished.FAILED
        shown = answer.get("view")
        return Published(str(shown.get("hash", "")) if isinstance(shown, dict) else "")

    async def has_home(self, user_id: str, view: Block) -> bool | None:
        """Whether the app has a Home tab; `None` if Slack does not say.

        Slack is asked to replace a person's tab by this one if it has a hash that none has, and so replaces none.
        https://docs.slack.dev/reference/methods/views.publish
        """
        try:
            await answered(self._web.views_publish(user_id=user_id, view=view, hash=NO_HASH))
        except SlackTrouble as trouble:
            return {"not_enabled": False, "hash_conflict": True}.get(trouble.error)
        return True

    async def _tried(self, call: Awaitable[object]) -> bool:
        try:
            await call
        # slack_sdk raises AttributeError if the answer is not JSON.
        except (SlackClientError, aiohttp.ClientError, OSError, ValueError, AttributeError) as error:
            reason = getattr(getattr(error, "response", None), "data", None)
            log.warning("view.refused", error=type(error).__name__, reason=str(reason)[:LONGEST_CAUSE])
            return False
        return True
