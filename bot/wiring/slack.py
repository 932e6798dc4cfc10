"""Builds Slack's side: what calls Slack, and what Slack calls."""

from secrets import token_hex

from slack_sdk.signature import SignatureVerifier

from bot.access.authorization import Authorizer
from bot.access.rate_limit import RateLimit
from bot.commands.instrumentation import NO_TRAIL
from bot.commands.worker import Worker
from bot.deals.locations import LocationResolver
from bot.http.client import HttpClient
from bot.http.pool import KEEP_ALIVE_FOR_WRITES
from bot.operations.settings import Settings
from bot.schedule.digest.reports import Reports
from bot.schedule.personal_time import PersonalTime
from bot.slack.bolt import bolt_app
from bot.slack.directory import SlackDirectory
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
from bot.slack.listeners.home.tab import HomeTab
from bot.slack.listeners.named import NamedDeals
from bot.slack.listeners.owners.asking import OwnerRequests
from bot.slack.listeners.reasons import AddedReasons
from bot.slack.listeners.reminders.reminders import ReminderListeners
from bot.slack.listeners.suggested.deals import SuggestedDeals
from bot.slack.listeners.typed import Handlers, TypedCommands
from bot.slack.listeners.undo import Undo
from bot.slack.mail.replies import Replies
from bot.slack.session import Session, web_client
from bot.slack.signatures import Signatures
from bot.slack.socket_mode import SocketMode
from bot.slack.web_api import SlackViews
from bot.slack.workspace import SlackWorkspace
from bot.storage.events.announcing import SqlAnnouncements
from bot.storage.schedule.reminders import SqlReminders
from bot.wiring.highlevel import USER_AGENT
from bot.wiring.lifecycle import SlackClients, SlackEdge
from bot.wiring.parts import Parts
from bot.wiring.text import build_parser


def build_slack_clients(settings: Settings) -> SlackClients:
    """Build what calls Slack."""
    session = Session(settings.proxies)
    web = web_client(settings.slack_bot_token.get_secret_value(), settings.slack_api_url, session, USER_AGENT)
    return SlackClients(
        session=session,
        web=web,
        workspace=SlackWorkspace(web),
        directory=SlackDirectory(web, settings.allowlist.groups),
        replies=Replies(web, HttpClient(USER_AGENT, settings.proxies, keep_alive=KEEP_ALIVE_FOR_WRITES)),
    )


def build_authorizer(parts: Parts) -> Authorizer:
    """Build what decides who may change deals."""
    return Authorizer(
        rules=parts.settings.allowlist,
        workspace=parts.slack.workspace,
        directory=parts.slack.directory,
        approvals=parts.storage.access_requests,
    )


def build_slack_edge(parts: Parts, worker: Worker, reports: Reports) -> SlackEdge:
    """Build what receives Slack's requests: Bolt with its listeners, and the socket in Socket Mode."""
    settings, storage, slack = parts.settings, parts.storage, parts.slack
    messages, outbox, policy = parts.messages, parts.outbox, parts.settings.policy
    accounts = parts.highlevel.accounts
    intake = Intake(
        authorizer=build_authorizer(parts),
        rate_limit=RateLimit(),
        ledger=storage.leases,
        work=worker,
        messages=messages,
        answer_within=parts.tempo.acknowledge,
        instrumentation=parts.instrumentation,
        trail=storage.trail if settings.trail_days else NO_TRAIL,
    )
    location_resolver = LocationResolver(settings.locations, storage.channels)
    parser = build_parser(settings)
    cards = Cards(accounts.lookups, parts.people.own_user, outbox, messages)
    handlers = Handlers(
        cards=cards,
        named=NamedDeals(accounts.lookups, cards, outbox, messages),
        channels=ChannelLocations(
            intake,
            location_resolver,
            messages,
            SqlAnnouncements(storage.database),
            frozenset(policy.announce_channels.values()),
        ),
        history=HistoryList(intake, storage.history, messages),
        undo=Undo(intake, storage.history, policy, messages),
        form=FormListeners(
            intake=intake,
            location_resolver=location_resolver,
            crm=accounts.crm,
            deals=SuggestedDeals(accounts.crm, parts.people.own_user, storage.history, settings.locations),
            views=SlackViews(slack.web),
            policy=policy,
            outbox=outbox,
            messages=messages,
        ),
        approvals=ApprovalListeners(
            intake=intake,
            access_requests=storage.access_requests,
            outbox=outbox,
            messages=messages,
            parse=parser,
        ),
        reminders=ReminderListeners(
            intake=intake,
            lookups=accounts.lookups,
            cards=cards,
            reminders=SqlReminders(storage.database),
            times=PersonalTime(slack.directory, parts.tempo.calendar),
            outbox=outbox,
            messages=messages,
        ),
        reasons=AddedReasons(intake, storage.history, accounts.crm, outbox, messages),
        digests=ShownDigests(reports, settings.locations.default, outbox, messages),
        owners=OwnerRequests(intake, storage.history, outbox, messages),
    )
    typed = TypedCommands(parser, intake, handlers, messages, policy)
    home = HomeTab(
        intake=intake,
        finder=HomeFinder(
            people=parts.people,
            crm=accounts.crm,
            history=storage.history,
            locations=settings.locations,
            policy=policy,
        ),
        views=SlackViews(slack.web),
        outbox=outbox,
        messages=messages,
    )
    worker.on_noted.append(home.noted)
    token = settings.slack_bot_token.get_secret_value()
    bolt = bolt_app(
        Boundary(outbox, messages, parts.instrumentation),
        typed,
        Buttons(
            intake=intake,
            history=storage.history,
            handlers=handlers,
            granted=GrantedCommands(intake, storage.access_requests, typed.answer, messages),
            outbox=outbox,
            messages=messages,
        ),
        handlers.form,
        home,
        token=token,
        command=settings.command,
    )
    app_token = settings.slack_app_token.get_secret_value()
    socket = (
        SocketMode(slack.web, app_token, bolt, parts.tempo.socket, parts.instrumentation, settings.proxies)
        if app_token
        else None
    )
    # Socket Mode has no signatures and may have no secret. A random one refuses every request that claims to be signed.
    secrets = (settings.slack_signing_secret.get_secret_value() or token_hex()).split(",")
    signatures = Signatures(parts.instrumentation)
    return SlackEdge(bolt, tuple(map(SignatureVerifier, secrets)), signatures, lambda: typed.reading, socket)
