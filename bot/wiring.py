"""Builds the bot from its settings: the only file in which the concrete classes meet."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from secrets import token_hex
from typing import TYPE_CHECKING

import stamina
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from bot.access.authorization import Authorizer
from bot.access.rate_limit import RateLimit
from bot.commands.accounts import Account, Accounts
from bot.commands.instrumentation import NO_METRICS, Instrumentation
from bot.commands.ledger import Memory
from bot.commands.lookups import Lookups
from bot.commands.outbox import Outbox
from bot.commands.tasks import Tasks
from bot.commands.text.parse import parse
from bot.commands.worker import Worker
from bot.deals.change import ChangeStatus
from bot.deals.identify import Identify
from bot.deals.locations import LocationResolver
from bot.deals.ports import Crm
from bot.highlevel import pages
from bot.highlevel.api import oauth, transport
from bot.highlevel.api.auth import OAuth, PrivateIntegration
from bot.highlevel.api.client import Client
from bot.highlevel.api.rate_limit import Budget
from bot.highlevel.api.token_endpoint import TokenEndpoint
from bot.highlevel.connections import Connections
from bot.highlevel.crm import HighLevelCrm
from bot.highlevel.install_links import InstallLinks, Purpose
from bot.highlevel.pages import ConnectPages
from bot.highlevel.tokens import TokenRefresh
from bot.highlevel.unknown_location import UnknownLocation
from bot.highlevel.vault import Vault
from bot.lifecycle import Bot, HighLevel, OAuthParts, SlackClients, SlackEdge, Storage
from bot.operations.checks.access import AccessChecks
from bot.operations.checks.highlevel import HighLevelChecks
from bot.operations.checks.slack_requests import HttpChecks, SocketChecks
from bot.operations.checks.slack_token import SlackTokenChecks
from bot.operations.checks.store import StoreChecks
from bot.operations.diagnose import ClockReading, inspect_token
from bot.operations.health import Health
from bot.operations.probes import NetworkProbes
from bot.operations.settings import Settings
from bot.slack.bolt import bolt_app
from bot.slack.directory import SlackDirectory
from bot.slack.intake import Intake
from bot.slack.listeners.approvals import ApprovalListeners
from bot.slack.listeners.boundary import Boundary
from bot.slack.listeners.buttons import Buttons
from bot.slack.listeners.cards import Cards
from bot.slack.listeners.channels import ChannelLocations
from bot.slack.listeners.form import FormListeners
from bot.slack.listeners.history import HistoryList
from bot.slack.listeners.typed import Rooms, TypedCommands
from bot.slack.listeners.undo import Undo
from bot.slack.messages.messages import Messages
from bot.slack.messages.pieces import Installation
from bot.slack.replies import Replies
from bot.slack.socket_mode import SocketMode
from bot.slack.web_api import SlackViews
from bot.slack.workspace import SlackWorkspace
from bot.storage.access_requests import SqlAccessRequests
from bot.storage.backlog import BacklogReader
from bot.storage.channels import SqlBindings
from bot.storage.database import Database
from bot.storage.history import SqlHistory
from bot.storage.leases import Leases
from bot.storage.ledger import SqlLedger
from bot.tempo import Tempo

if TYPE_CHECKING:
    from bot.operations.metrics import Metrics

VERSION = "0.1.0"
USER_AGENT = f"opp-status/{VERSION}"

SLACK_PATIENCE = 10
"""Seconds for a call of Slack's Web API."""
TERMINAL_PATIENCE = 10.0
"""Seconds for the database where somebody at a terminal waits, and not Slack."""


@dataclass(frozen=True, slots=True)
class _Parts:
    """What is built so far, and used by what comes after."""

    settings: Settings
    tempo: Tempo
    instrumentation: Instrumentation
    storage: Storage
    highlevel: HighLevel
    slack: SlackClients
    messages: Messages
    outbox: Outbox


def build(settings: Settings, tempo: Tempo | None = None, *, migrates: bool = True) -> Bot:
    """Build the bot for these settings. Touches no network and no file yet.

    `migrates`: whether it may bring the database up to date; not when it only looks, perhaps beside an older version.
    """
    tempo = tempo or Tempo()
    # Left to itself, stamina loads prometheus-client at the first call, and counts in the registry that all share.
    stamina.instrumentation.set_on_retry_hooks([stamina.instrumentation.StructlogOnRetryHook])
    storage = _storage(settings, tempo, migrates=migrates)
    clients: dict[str, Client] = {}
    metrics = _metrics(settings, tempo, clients)
    instrumentation = metrics or NO_METRICS
    highlevel = _highlevel(settings, tempo, storage, instrumentation)
    clients |= highlevel.clients
    slack, messages, tasks = _slack(settings), _messages(settings), Tasks()
    outbox = Outbox(slack.replies, messages, tasks, tempo.persistence)
    parts = _Parts(settings, tempo, instrumentation, storage, highlevel, slack, messages, outbox)
    worker = _worker(parts, tasks)
    edge = _edge(parts, worker)
    health = _health(parts, edge, migrates=migrates)
    return Bot(settings, storage, highlevel, slack, edge, worker, health, metrics)


def _storage(settings: Settings, tempo: Tempo, *, migrates: bool) -> Storage:
    database = Database(settings.database_url, tempo.database, migrates=migrates)
    ledger = SqlLedger(database, tempo.lease)
    return Storage(
        database=database,
        ledger=ledger,
        leases=Leases(ledger, tempo.lease),
        history=SqlHistory(database),
        channels=SqlBindings(database),
        access_requests=SqlAccessRequests(database),
    )


def _highlevel(settings: Settings, tempo: Tempo, storage: Storage, instrumentation: Instrumentation) -> HighLevel:
    locations = settings.locations
    by_oauth = _by_oauth(settings, storage.database, tempo) if settings.by_oauth else None
    token = settings.highlevel_token.get_secret_value()

    def client_of(location_id: str) -> Client:
        # What an operator has set by hand is what they mean to be used.
        by_hand = location_id == locations.default and token
        return Client(
            base_url=settings.highlevel_api_url,
            auth=PrivateIntegration(token)
            if by_hand or not by_oauth
            else OAuth(by_oauth.token_refresh.of(location_id)),
            version=settings.highlevel_api_version,
            user_agent=USER_AGENT,
            transport=transport.pooled(),
            attempts=tempo.highlevel,
            called=partial(instrumentation.called, location_id),
        )

    def account(crm: Crm) -> Account:
        return Account(
            crm=crm,
            identify=Identify(crm, reason_required=settings.policy.requires_reason),
            change=ChangeStatus(crm, storage.leases, tempo.command, settings.policy.confirm.leaving),
            lookups=Lookups(crm, storage.history),
        )

    clients = {each: client_of(each) for each in locations.ids}
    crms = {each: HighLevelCrm(client, each) for each, client in clients.items()}
    ours = {each: account(crm) for each, crm in crms.items()}
    return HighLevel(clients, crms, Accounts(ours, locations.default, account(UnknownLocation())), by_oauth)


def _slack(settings: Settings) -> SlackClients:
    # slack_sdk would repeat a post whose connection broke, and so might say everything twice.
    web = AsyncWebClient(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_api_url.rstrip("/") + "/",
        timeout=SLACK_PATIENCE,
        retry_handlers=[],
    )
    return SlackClients(
        web=web,
        workspace=SlackWorkspace(web),
        directory=SlackDirectory(web, settings.allowed_groups),
        replies=Replies(web, transport.pooled()),
    )


def _messages(settings: Settings) -> Messages:
    installation = Installation(
        app_url=settings.highlevel_app_url,
        locations=settings.locations,
        currency=settings.currency,
        admin_contact=settings.contact,
        admins=settings.admins,
        channels=settings.allowed_channels,
        connect_url=_connect_url(settings),
    )
    return Messages.of(installation, settings.policy)


def _worker(parts: _Parts, tasks: Tasks) -> Worker:
    return Worker(
        accounts=parts.highlevel.accounts,
        channels=parts.slack.directory,
        memory=Memory(parts.storage.leases, parts.storage.history),
        words=parts.messages,
        outbox=parts.outbox,
        tasks=tasks,
        timing=parts.tempo.worker,
        instrumentation=parts.instrumentation,
    )


def _edge(parts: _Parts, worker: Worker) -> SlackEdge:
    """What listens to Slack: Bolt with our listeners, and the socket if there is one."""
    settings, storage, slack = parts.settings, parts.storage, parts.slack
    messages, outbox, policy = parts.messages, parts.outbox, parts.settings.policy
    accounts, locations = parts.highlevel.accounts, parts.settings.locations
    intake = Intake(
        authorizer=Authorizer(
            rules=settings.allowlist,
            workspace=slack.workspace,
            directory=slack.directory,
            approvals=storage.access_requests,
        ),
        rate_limit=RateLimit(),
        ledger=storage.leases,
        work=worker,
        messages=messages,
        answer_within=parts.tempo.acknowledge,
        instrumentation=parts.instrumentation,
    )
    location_resolver = LocationResolver(locations, storage.channels)
    rooms = Rooms(
        cards=Cards(accounts.lookups, outbox, messages),
        channels=ChannelLocations(intake, location_resolver, messages),
        history=HistoryList(intake, storage.history, messages),
        undo=Undo(intake, storage.history, policy, messages),
        form=FormListeners(
            intake=intake,
            location_resolver=location_resolver,
            crm=accounts.crm,
            views=SlackViews(slack.web),
            policy=policy,
            outbox=outbox,
            messages=messages,
        ),
        approvals=ApprovalListeners(
            intake=intake, access_requests=storage.access_requests, outbox=outbox, messages=messages
        ),
    )
    understand = partial(parse, location_id=locations.default, others=locations.others, statuses=policy.statuses)
    token = settings.slack_bot_token.get_secret_value()
    bolt = bolt_app(
        Boundary(outbox, messages, parts.instrumentation),
        TypedCommands(understand, intake, rooms, messages, policy),
        Buttons(
            intake=intake,
            history=storage.history,
            cards=rooms.cards,
            undo=rooms.undo,
            approvals=rooms.approvals,
            messages=messages,
        ),
        rooms.form,
        token,
    )
    app_token = settings.slack_app_token.get_secret_value()
    socket = SocketMode(slack.web, app_token, bolt, parts.tempo.socket, parts.instrumentation) if app_token else None
    # Over Socket Mode nothing is signed; then nothing that claims to be may pass.
    secrets = (settings.slack_signing_secret.get_secret_value() or token_hex()).split(",")
    return SlackEdge(bolt, tuple(map(SignatureVerifier, secrets)), socket)


def _health(parts: _Parts, edge: SlackEdge, *, migrates: bool) -> Health:
    settings, ledger, slack = parts.settings, parts.storage.ledger, parts.slack
    locations, allowlist = settings.locations, settings.allowlist
    client, crms = parts.highlevel.clients[locations.default], parts.highlevel.crms
    probes = NetworkProbes(client, settings.public_url, USER_AGENT, transport.pooled)
    return Health(
        [
            SlackTokenChecks(slack.workspace.auth_test, slack.directory, allowlist, settings.slack_team_id),
            SocketChecks(edge.socket.ask) if edge.socket else HttpChecks(probes.probe_address),
            HighLevelChecks(
                default=crms[locations.default],
                others={locations.name(each): crms[each] for each in locations.ids[1:]},
                permissions=probes,
                clock=lambda: ClockReading("HighLevel", client.date, client.heard_at),
                token=inspect_token(settings.highlevel_token.get_secret_value()),
                connect_url=_connect_url(settings),
            ),
            StoreChecks(ledger.ping if migrates else ledger.try_out),
            AccessChecks(allowlist, slack.directory, slack.directory.look_into),
        ]
    )


def _connect_url(settings: Settings) -> str:
    return pages.connect_url(settings.public_url) if settings.by_oauth else ""


def _by_oauth(settings: Settings, database: Database, tempo: Tempo) -> OAuthParts:
    app = oauth.App(
        client_id=settings.highlevel_client_id,
        client_secret=settings.highlevel_client_secret.get_secret_value(),
        redirect_uri=pages.callback_of(settings.public_url),
        chooser=settings.highlevel_oauth_url,
        scopes=settings.highlevel_scopes,
    )
    token_endpoint = TokenEndpoint(
        app,
        base_url=settings.highlevel_api_url,
        version=settings.highlevel_api_version,
        user_agent=USER_AGENT,
        transport=transport.pooled(),
    )
    vault = Vault(settings.encryption_key.get_secret_value().split(","))
    connections = Connections(database, vault, tempo.connection_lease)
    keeper = TokenRefresh(connections, token_endpoint, tempo.token_refresh)
    connect_pages = ConnectPages(
        app,
        locations=set(settings.locations.ids),
        install_links=InstallLinks(database),
        connections=connections,
        token_endpoint=token_endpoint,
        token_refresh=keeper,
    )
    return OAuthParts(connect_pages, keeper, token_endpoint)


def _metrics(settings: Settings, tempo: Tempo, clients: Mapping[str, Client]) -> "Metrics | None":
    """`clients` is filled later, before the first look at the metrics."""
    token = settings.metrics_token.get_secret_value()
    if not token:
        return None
    from bot.operations.metrics import Metrics  # noqa: PLC0415 - 20 ms that a start without it need not cost

    backlog_reader = BacklogReader(settings.database_url, ttl=tempo.backlog)

    def budgets() -> dict[str, Budget]:
        return {each: client.rate_limiter.budget() for each, client in clients.items()}

    return Metrics(token, settings.locations.names, budgets, backlog_reader)


async def connect_link(settings: Settings) -> str:
    """A link with which HighLevel is connected, once. Raises `StoreDown`."""
    database = Database(settings.database_url, TERMINAL_PATIENCE, migrates=False)
    try:
        return pages.connect_url(settings.public_url, await InstallLinks(database).issue(Purpose.INSTALL))
    finally:
        await database.close()
