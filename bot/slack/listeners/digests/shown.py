"""Shows the digest of the last seven days to the person who asks for it."""

import structlog

from bot.cache import Cache
from bot.commands.outbox import Outbox
from bot.commands.reply import Message
from bot.deals.clock import loop_time
from bot.deals.ports import CrmError, StoreDown
from bot.schedule.digest.report import Report
from bot.schedule.digest.reports import Reports
from bot.slack.messages.messages import Messages
from bot.slack.payload import Interaction

log = structlog.get_logger(__name__)

REPORT_TTL = 60.0
"""Seconds for which a report is shown to all who ask: it may be sixty calls."""
ERROR_TTL = 5.0
PATIENCE = 240.0
"""Seconds that a person waits at most. Their reply address is good for longer."""


class ShownDigests:
    """Makes reports after the acknowledgement. `default`: the id of the default sub-account."""

    def __init__(self, reports: Reports, default: str, outbox: Outbox, messages: Messages) -> None:
        self._reports = reports
        self._default = default
        self._outbox = outbox
        self._messages = messages
        self._kept = Cache(self._read, ttl=REPORT_TTL, error_ttl=ERROR_TTL)

    def show(self, location_id: str, interaction: Interaction) -> None:
        """Show the person the digest of this sub-account; empty for the default one."""
        showing = self._message(location_id or self._default, interaction.reference)
        self._outbox.answer(showing, interaction.address, interaction.reference)

    async def _message(self, location_id: str, reference: str) -> Message:
        try:
            report = await self._kept.get(location_id, until=loop_time() + PATIENCE)
        except (CrmError, StoreDown, TimeoutError) as error:
            log.warning("digest.not_shown", error=type(error).__name__)
            return self._messages.digests.unread(reference)
        return self._messages.digests.shown(report, reference)

    async def _read(self, location_id: str) -> Report:
        return await self._reports.lately([location_id])
