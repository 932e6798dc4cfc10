"""Builds the bot from its settings: the only file in which the concrete classes meet."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from secrets import token_hex
from typing import TYPE_CHECKING

import stamina
from slack_sdk.signature import SignatureVerifier
from slack_sdk.web.async_client import AsyncWebClient

from bot.access.authorization import Authorizer
from bot.access.rate_limit import RateLimit
from bot.commands.accounts import Account, Accounts
from bot.commands.instrumentation import NO_METRICS
from bot.commands.lookups import Lookups
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
from bot.lifecycle import Bot, ByOAuth
from bot.operations.checks.access import AccessChecks
from bot.operations.checks.highlevel import HighLevelChecks
from bot.operations.checks.slack_requests import HttpChecks, SocketChecks
from bot.operations.checks.slack_token import SlackTokenChecks
from bot.operations.checks.store import StoreChecks
from bot.operations.diagnose import ClockReading, inspect_token
from bot.operations.health import Health
from bot.operations.probes import NetworkProbes
from bot.operations.settings import Settings
from bot.slack.directory import SlackDirectory
from bot.slack.intake import Intake
from bot.slack.listeners.approvals import ApprovalListeners
from bot.slack.listeners.form import FormListeners
from bot.slack.listeners.typed import CommandListeners, bolt_app
from bot.slack.messages.sentences import Messages
from bot.slack.replies import Replies
from bot.slack.socket_mode import SocketMode
from bot.slack.web_api import SlackViews
from bot.slack.workspace import SlackWorkspace
from bot.storage.access_requests import SqlAccessRequests
from bot.storage.backlog import BacklogReader
from bot.storage.channels import SqlBindings
from bot.storage.database import Database
from bot.storage.history import SqlHistory
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


def build(settings: Settings, tempo: Tempo | None = None, *, migrates: bool = True) -> Bot:
    """The bot for these settings. Touches no network and no file yet.

    `migrates`: whether it may bring the database up to date; not when it only looks, perhaps beside an older version.
    """
    tempo = tempo or Tempo()
    # Left to itself, stamina loads prometheus-client at the first call, and counts in the registry that all share.
    stamina.instrumentation.set_on_retry_hooks([stamina.instrumentation.StructlogOnRetryHook])
    # slack_sdk would repeat a post whose connection broke, and so might say everything twice.
    web = AsyncWebClient(
        token=settings.slack_bot_token.get_secret_value(),
        base_url=settings.slack_api_url.rstrip("/") + "/",
        timeout=SLACK_PATIENCE,
        retry_handlers=[],
    )
    database = Database(settings.database_url, tempo.database, migrates=migrates)
    by_oauth = _by_oauth(settings, database, tempo) if settings.by_oauth else None
    token = settings.highlevel_token.get_secret_value()
    locations = settings.locations

    metrics = _metrics(
        settings, tempo, lambda: {each: client.rate_limiter.budget() for each, client in clients.items()}
    )
    instrumentation = metrics or NO_METRICS

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

    ledger = SqlLedger(database, tempo.lease)
    history = SqlHistory(database)
    connect_url = pages.link(settings.public_url) if settings.by_oauth else ""
    replies = Replies(web, transport.pooled())
    workspace = SlackWorkspace(web)
    directory = SlackDirectory(web, settings.allowed_groups)
    access_requests = SqlAccessRequests(database)
    authorizer = Authorizer(
        rules=settings.allowlist, workspace=workspace, directory=directory, approvals=access_requests
    )
    messages = Messages(
        app_url=settings.highlevel_app_url,
        locations=locations,
        currency=settings.currency,
        admin_contact=settings.contact,
        admins=settings.admins,
        statuses=settings.statuses,
        channels=settings.allowed_channels,
        errors_in_channel=settings.errors_in_channel,
        undo_window=settings.undo_window,
        asks_for_reason=settings.lost_reason == "ask",
        confirms_leaving=settings.confirm.leaving,
        announce=dict(settings.announce_channels),
        connect_url=connect_url,
    )
    reason_required = settings.lost_reason == "required"

    def account(crm: Crm) -> Account:
        return Account(
            crm=crm,
            identify=Identify(crm, reason_required=reason_required),
            change=ChangeStatus(crm, ledger, tempo.command, settings.confirm.leaving),
            lookups=Lookups(crm, history, messages),
        )

    clients = {each: client_of(each) for each in locations.ids}
    client = clients[locations.default]
    crms = {each: HighLevelCrm(clients[each], each) for each in locations.ids}
    accounts = Accounts(
        {each: account(crm) for each, crm in crms.items()}, locations.default, account(UnknownLocation())
    )
    location_resolver = LocationResolver(locations, SqlBindings(database))
    worker = Worker(
        identify=accounts.identify,
        change=accounts.change,
        lost_reasons=accounts.lost_reasons,
        channels=directory,
        ledger=ledger,
        history=history,
        messages=messages,
        deliver=replies.deliver,
        post=replies.post,
        update=replies.update,
        timing=tempo.timing,
        instrumentation=instrumentation,
    )
    intake = Intake(
        authorizer=authorizer,
        rate_limit=RateLimit(),
        ledger=ledger,
        work=worker,
        messages=messages,
        answer_within=tempo.acknowledge,
        instrumentation=instrumentation,
    )
    modal = FormListeners(
        intake=intake,
        location_resolver=location_resolver,
        crm=accounts.crm,
        views=SlackViews(web),
        statuses=settings.statuses,
        reason_required=reason_required,
        answer=worker.answer,
        tell=worker.tell,
        messages=messages,
    )
    approvals = ApprovalListeners(intake=intake, access_requests=access_requests, tell=worker.tell, messages=messages)
    reception = CommandListeners(
        parse=partial(parse, location_id=locations.default, others=locations.others, statuses=settings.statuses),
        intake=intake,
        history=history,
        location_resolver=location_resolver,
        lookups=accounts.lookups,
        modal=modal,
        approvals=approvals,
        undo_window=settings.undo_window,
        confirm_above=settings.confirm.above,
        answer=worker.answer,
        tell=worker.tell,
        messages=messages,
    )
    bolt = bolt_app(reception, modal, settings.slack_bot_token.get_secret_value())
    app_token = settings.slack_app_token.get_secret_value()
    socket = SocketMode(web, app_token, bolt, tempo.socket, instrumentation) if app_token else None
    return Bot(
        settings=settings,
        bolt=bolt,
        # Over Socket Mode nothing is signed; then nothing that claims to be shall pass.
        verifiers=tuple(
            SignatureVerifier(secret)
            for secret in (settings.slack_signing_secret.get_secret_value() or token_hex()).split(",")
        ),
        health=_health(
            settings,
            workspace=workspace,
            directory=directory,
            socket=socket,
            client=client,
            crms=crms,
            ping_store=ledger.ping if migrates else ledger.try_out,
        ),
        socket=socket,
        oauth=by_oauth,
        metrics=metrics,
        _workspace=workspace,
        _directory=directory,
        _worker=worker,
        _database=database,
        _ledger=ledger,
        _replies=replies,
        _clients=tuple(clients.values()),
        _drain=tempo.drain,
    )


def _by_oauth(settings: Settings, database: Database, tempo: Tempo) -> ByOAuth:
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
    return ByOAuth(connect_pages, keeper, token_endpoint)


def _metrics(settings: Settings, tempo: Tempo, budgets: Callable[[], Mapping[str, Budget]]) -> "Metrics | None":
    token = settings.metrics_token.get_secret_value()
    if not token:
        return None
    from bot.operations.metrics import Metrics  # noqa: PLC0415 - 20 ms that a start without it need not cost

    backlog_reader = BacklogReader(settings.database_url, fresh=tempo.backlog)
    return Metrics(token, settings.locations.names, budgets, backlog_reader)


def _health(  # noqa: PLR0913 - each is one neighbour
    settings: Settings,
    *,
    workspace: SlackWorkspace,
    directory: SlackDirectory,
    socket: SocketMode | None,
    client: Client,
    crms: Mapping[str, HighLevelCrm],
    ping_store: Callable[[], Awaitable[None]],
) -> Health:
    """The checks. `client` is that of the default sub-account; `crms` are all of them, by id."""
    locations, allowlist = settings.locations, settings.allowlist
    probes = NetworkProbes(client, settings.public_url, USER_AGENT, transport.pooled)
    return Health(
        [
            SlackTokenChecks(workspace.auth_test, directory, allowlist, settings.slack_team_id),
            SocketChecks(socket.ask) if socket else HttpChecks(probes.probe_address),
            HighLevelChecks(
                default=crms[locations.default],
                others={locations.name(each): crms[each] for each in locations.ids[1:]},
                permissions=probes,
                clock=lambda: ClockReading("HighLevel", client.date, client.heard_at),
                token=inspect_token(settings.highlevel_token.get_secret_value()),
                connect_url=pages.link(settings.public_url) if settings.by_oauth else "",
            ),
            StoreChecks(ping_store),
            AccessChecks(allowlist, directory, directory.look_into),
        ]
    )


async def connect_link(settings: Settings) -> str:
    """A link with which HighLevel is connected, once. Raises `StoreDown`."""
    database = Database(settings.database_url, TERMINAL_PATIENCE, migrates=False)
    try:
        return pages.link(settings.public_url, await InstallLinks(database).issue(Purpose.INSTALL))
    finally:
        await database.close()
