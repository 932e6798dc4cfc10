"""Tells the log how the bot starts: which bot this is, and whether Slack and HighLevel took its tokens."""

import asyncio

import structlog

from bot import __version__
from bot.deals.clock import loop_time
from bot.operations.checks.findings import CheckId
from bot.slack.socket_mode import SocketMode
from bot.slack.workspace import SlackTrouble
from bot.storage.engine import place_of
from bot.wiring.lifecycle import Bot

CONNECTING = 10.0
log = structlog.get_logger(__name__)


async def tell_start(bot: Bot, port: int, connecting: float = CONNECTING) -> None:
    """Write a line at once, one per check that fails, and one when all are made. `port`: where it listens.

    `connecting`: seconds for the first connection over Socket Mode. Until then it is not missing, but on its way.
    """
    settings, allowlist = bot.settings, bot.settings.allowlist
    log.info(
        "bot.started",
        version=__version__,
        mode="socket" if bot.edge.socket else "serve",
        host=settings.host,
        port=port,
        command=settings.command,
        database=place_of(settings.database_url),
        sub_accounts=len(settings.locations.ids),
        highlevel="token" if settings.highlevel_token.get_secret_value() else "oauth",
        users=len(allowlist.users),
        groups=len(allowlist.groups),
        admins=len(allowlist.admins),
        channels=len(allowlist.channels) or "all",
    )
    if bot.edge.socket:
        await _connected(bot.edge.socket, connecting)
    report = await bot.health.report()
    for check, why in report.why.items():
        if check in report.failing:
            log.warning("check.fails", check=check, why=why, words=report.failing[check])
    log.info(
        "bot.checked",
        version=__version__,
        slack=CheckId.SLACK_TOKEN in report.ok,
        highlevel=CheckId.HIGHLEVEL_TOKEN in report.ok,
        database=CheckId.STORE in report.ok,
        failing=[check for check in report.failing if check in report.why],
    )


async def _connected(socket: SocketMode, within: float) -> None:
    """Wait for the first connection, or for Slack's word against it."""
    until = loop_time() + within
    while loop_time() < until:
        try:
            await socket.ask()
        except SlackTrouble as trouble:
            if trouble.error:
                return
            await asyncio.sleep(0.05)
        else:
            return
