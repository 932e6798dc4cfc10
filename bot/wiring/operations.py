"""Builds what operators look at: the checks and the metrics."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from bot.highlevel.api.client import Client
from bot.highlevel.api.rate_limit import Budget
from bot.http.client import HttpClient
from bot.operations.checks.access import AccessChecks
from bot.operations.checks.channels import ChannelChecks
from bot.operations.checks.disk import DiskCheck
from bot.operations.checks.events import EventChecks
from bot.operations.checks.highlevel import HighLevelChecks
from bot.operations.checks.people import PeopleChecks
from bot.operations.checks.proxy import ProxyCheck
from bot.operations.checks.slack_requests import HomeCheck, HttpChecks, SocketChecks
from bot.operations.checks.slack_token import SlackTokenChecks
from bot.operations.checks.store import StoreChecks
from bot.operations.diagnose import ClockReading, inspect_token
from bot.operations.diagnoses import Diagnosis
from bot.operations.health import Health
from bot.operations.probes import NetworkProbes
from bot.operations.settings import Settings
from bot.slack.web_api import SlackViews
from bot.storage.backlog import BacklogReader
from bot.storage.events.counts import SqlCounts
from bot.wiring.highlevel import USER_AGENT, connect_url_of
from bot.wiring.lifecycle import SlackEdge
from bot.wiring.parts import Parts
from bot.wiring.tempo import Tempo

if TYPE_CHECKING:
    from bot.operations.metrics import Metrics


def build_health(parts: Parts, edge: SlackEdge, *, migrates: bool, emptied: Diagnosis | None) -> Health:
    """Build the checks.

    `migrates`: whether the bot may write to the database's own tables. `emptied`: see `checks.disk.look`.
    """
    settings, ledger, slack = parts.settings, parts.storage.ledger, parts.slack
    locations, allowlist = settings.locations, settings.allowlist
    client, crms = parts.highlevel.clients[locations.default], parts.highlevel.crms
    open_http = partial(HttpClient, USER_AGENT, settings.proxies)
    probes = NetworkProbes(client, settings.public_url, open_http)
    neighbours = {"Slack": settings.slack_api_url, "HighLevel": settings.highlevel_api_url}
    if settings.public_url:
        neighbours["PUBLIC_URL"] = settings.public_url
    return Health(
        [
            SlackTokenChecks(
                slack.workspace.auth_test,
                slack.directory,
                allowlist,
                settings.slack_team_id,
                by_emails=settings.finds_owners_by_email,
            ),
            SocketChecks(edge.socket.ask, edge.commands)
            if edge.socket
            else HttpChecks(probes.probe_address, lambda: edge.signatures.reading, edge.commands),
            HomeCheck(partial(_has_home, parts)),
            ProxyCheck(settings.proxies, neighbours, open_http),
            HighLevelChecks(
                default=crms[locations.default],
                others={locations.name(each): crms[each] for each in locations.ids[1:]},
                permissions=probes,
                clock=lambda: ClockReading("HighLevel", client.date, client.heard_at),
                token=inspect_token(settings.highlevel_token.get_secret_value()),
                connect_url=connect_url_of(settings),
                by_emails=settings.finds_owners_by_email,
            ),
            EventChecks(
                SqlCounts(parts.storage.database).heard,
                is_expected=settings.watch_policy.is_on and settings.hears_of_changes,
                polls_every=settings.polls_every,
            ),
            StoreChecks(ledger.ping if migrates else ledger.try_out, ledger.is_new, ledger.clock_offset),
            DiskCheck(emptied),
            AccessChecks(allowlist, slack.directory, slack.directory.look_into),
            PeopleChecks(settings.people, allowlist, slack.directory, team_is_set=bool(settings.slack_team_id)),
            ChannelChecks(
                worked_in=allowlist.channels,
                posted_to={
                    "ANNOUNCE_CHANNELS": settings.policy.announce_channels.values(),
                    "DIGEST": {each.channel_id for each in settings.digest},
                },
                look_into=slack.directory.look_into,
                auth_test=slack.workspace.auth_test,
            ),
        ],
        command=settings.command,
        near_misses=settings.near_misses,
    )


async def _has_home(parts: Parts) -> bool | None:
    """See `HomeCheck`: asks about the tab of the first person whom the settings name."""
    settings = parts.settings
    named = [*filter(None, [settings.contact]), *settings.admins, *sorted(settings.allowed_users)]
    return await SlackViews(parts.slack.web).has_home(named[0], parts.messages.home.loading()) if named else None


def build_metrics(settings: Settings, tempo: Tempo, clients: Mapping[str, Client]) -> "Metrics | None":
    """Build the metrics, if the settings have a token for them. `clients` may be filled later."""
    token = settings.metrics_token.get_secret_value()
    if not token:
        return None
    from bot.operations.metrics import Metrics  # noqa: PLC0415 - 20 ms that a start without it need not cost

    backlog_reader = BacklogReader(settings.database_url, ttl=tempo.backlog)

    def budgets() -> dict[str, Budget]:
        return {each: client.rate_limiter.budget() for each, client in clients.items()}

    return Metrics(token, settings.locations.names, budgets, backlog_reader)
