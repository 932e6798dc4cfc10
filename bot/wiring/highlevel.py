"""Builds HighLevel's side: a client and the use cases for each sub-account, and the connection by OAuth."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TextIO

from bot import __version__
from bot.commands.accounts import Account, Accounts
from bot.commands.instrumentation import Instrumentation, note_call
from bot.commands.lookups import Lookups
from bot.commands.text.links import read_target
from bot.deals.change import ChangeStatus
from bot.deals.identify import Identify
from bot.deals.ports import Crm
from bot.highlevel import pages
from bot.highlevel.api import oauth
from bot.highlevel.api.auth import Auth, OAuth, PrivateIntegration
from bot.highlevel.api.client import Client
from bot.highlevel.api.token_endpoint import TokenEndpoint
from bot.highlevel.connections import Connections
from bot.highlevel.crm import HighLevelCrm
from bot.highlevel.install_links import InstallLinks, Purpose
from bot.highlevel.pages import ConnectPages
from bot.highlevel.probe.dialogue import converse
from bot.highlevel.probe.trial import Listening, Probe
from bot.highlevel.tokens import TokenRefresh
from bot.highlevel.unknown_location import UnknownLocation
from bot.highlevel.vault import Vault
from bot.http.client import POOL_SIZE, HttpClient
from bot.operations.settings import Settings
from bot.slack.directory import SlackDirectory
from bot.storage.database import Database
from bot.wiring.lifecycle import HighLevel, OAuthParts, Storage
from bot.wiring.people import build_people, build_rights
from bot.wiring.tempo import Tempo
from bot.wiring.text import build_parser

USER_AGENT = f"opp-status/{__version__}"

NO_DEAL = "That isn't the ID of a deal, or a link to a deal of your sub-accounts. Nothing changed."
SHARED_POOL_SIZE = 128
"""Connections to HighLevel for several sub-accounts; each has 8 commands at once at most."""
TERMINAL_PATIENCE = 10.0
"""Seconds for the database while an operator waits at a terminal. Slack's three seconds do not count there."""


def build_highlevel(
    settings: Settings, tempo: Tempo, storage: Storage, instrumentation: Instrumentation, directory: SlackDirectory
) -> HighLevel:
    """Build a client, the CRM port and the use cases for each sub-account; and who is whom there and in Slack."""
    locations = settings.locations
    by_oauth = _by_oauth(settings, storage.database, tempo) if settings.by_oauth else None

    read = build_parser(settings).doubts
    # One pool for all: they are at the same host, and a command in a quiet sub-account finds a connection.
    http = HttpClient(USER_AGENT, settings.proxies, SHARED_POOL_SIZE if locations.others else POOL_SIZE)

    def client_of(location_id: str) -> Client:
        return Client(
            base_url=settings.highlevel_api_url,
            auth=_auth(settings, location_id, by_oauth),
            version=settings.highlevel_api_version,
            http=http,
            attempts=tempo.highlevel,
            called=partial(_called, instrumentation, location_id),
        )

    def account(crm: Crm) -> Account:
        return Account(
            crm=crm,
            identify=Identify(crm, reason_required=settings.policy.requires_reason, read=read),
            change=ChangeStatus(crm, storage.leases, tempo.command, settings.policy.confirm.leaving, rights),
            lookups=Lookups(crm, storage.history),
        )

    clients = {each: client_of(each) for each in locations.ids}
    crms = {each: HighLevelCrm(client, each) for each, client in clients.items()}
    people = build_people(settings, crms, directory)
    rights = build_rights(settings, people, directory, storage.access_requests)
    ours = {each: account(crm) for each, crm in crms.items()}
    accounts = Accounts(ours, locations.default, account(UnknownLocation()), people.own_user)
    return HighLevel(clients, crms, accounts, people, by_oauth)


async def probe(
    settings: Settings, deal: str, ask: Callable[[str], str], out: TextIO, *, yes: bool, as_json: bool
) -> bool:
    """Probe HighLevel with this deal, an ID or a link; see `dialogue.converse`."""
    target = read_target(deal, location_id=settings.locations.default, others=settings.locations.others)
    if target is None:
        print(NO_DEAL, file=out)
        return False
    async with _probing(settings, target.location_id or settings.locations.default) as opened:
        return await converse(opened, target.opportunity_id, ask, out, yes=yes, as_json=as_json)


@asynccontextmanager
async def _probing(settings: Settings, location_id: str) -> AsyncIterator[Probe]:
    """Open a probe for one sub-account, and close its connections after the block."""
    tempo = Tempo()
    database = Database(settings.database_url, TERMINAL_PATIENCE, migrates=False)
    by_oauth = _by_oauth(settings, database, tempo) if settings.by_oauth else None
    listening = Listening(HttpClient(USER_AGENT, settings.proxies))
    client = Client(
        base_url=settings.highlevel_api_url,
        auth=_auth(settings, location_id, by_oauth),
        version=settings.highlevel_api_version,
        http=listening,
        attempts=tempo.highlevel,
    )
    async with AsyncExitStack() as closing:
        closing.push_async_callback(database.close)
        if by_oauth:
            closing.push_async_callback(by_oauth.token_endpoint.close)
            closing.push_async_callback(by_oauth.token_refresh.close)
        yield Probe(await closing.enter_async_context(client), listening, location_id)


def _auth(settings: Settings, location_id: str, by_oauth: OAuthParts | None) -> Auth:
    # A token in the settings wins over OAuth: the operator has set it on purpose.
    token = settings.highlevel_token.get_secret_value()
    by_hand = location_id == settings.locations.default and token
    return PrivateIntegration(token) if by_hand or not by_oauth else OAuth(by_oauth.token_refresh.of(location_id))


def _called(instrumentation: Instrumentation, location_id: str, method: str, status: int, seconds: float) -> None:
    note_call(method, status, seconds)
    instrumentation.called(location_id, method, status)


def connect_url_of(settings: Settings) -> str:
    """The page on which HighLevel is connected by OAuth; empty where it is not."""
    return pages.connect_url(settings.public_url) if settings.by_oauth else ""


async def connect_link(settings: Settings) -> str:
    """Make a link with which a person connects HighLevel once. Raises `StoreDown`."""
    database = Database(settings.database_url, TERMINAL_PATIENCE, migrates=False)
    try:
        return pages.connect_url(settings.public_url, await InstallLinks(database).issue(Purpose.INSTALL))
    finally:
        await database.close()


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
        http=HttpClient(USER_AGENT, settings.proxies),
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
