"""Opens and updates forms in Slack, and says whether that worked."""

from collections.abc import Awaitable

import aiohttp
import structlog
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.block_kit.blocks import Block
from bot.slack.workspace import LONGEST_CAUSE

log = structlog.get_logger(__name__)


class SlackViews:
    """The port `Views` over Slack's Web API."""

    def __init__(self, web: AsyncWebClient) -> None:
        self._web = web

    async def open(self, trigger_id: str, view: Block) -> bool:
        """https://docs.slack.dev/reference/methods/views.open; a `trigger_id` is good for three seconds, once."""
        return await self._tried(self._web.views_open(trigger_id=trigger_id, view=view))

    async def update(self, view_id: str, of: str, view: Block) -> bool:
        """https://docs.slack.dev/reference/methods/views.update ."""
        return await self._tried(self._web.views_update(view_id=view_id, hash=of, view=view))

    async def _tried(self, call: Awaitable[object]) -> bool:
        try:
            await call
        # slack_sdk raises AttributeError if the answer is not JSON.
        except (SlackClientError, aiohttp.ClientError, OSError, ValueError, AttributeError) as error:
            reason = getattr(getattr(error, "response", None), "data", None)
            log.warning("view.refused", error=type(error).__name__, reason=str(reason)[:LONGEST_CAUSE])
            return False
        return True
