"""What can be wrong with an installation, and where to mend it: a table of diagnoses. Pure.

Each has an id: that of its check, and one more word. Tools outside know the ids: a change needs a changelog entry.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from bot.deals.outcome import Cause


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that can be wrong."""

    id: str
    words: str
    """What is wrong, and what to do where, in an operator's words; `about` fills in the names in braces."""

    @property
    def check(self) -> str:
        """The id of its check: a `CheckId`."""
        return self.id.rpartition(".")[0]

    @property
    def is_open(self) -> bool:
        """Whether it only says that the check could not be made: neither well nor wrong is known."""
        return self.id.endswith((".untold", ".untried"))

    def about(self, **readings: object) -> Self:
        """The same, with these names in braces replaced. Others stay: `Health` fills in the command's, at the end."""
        told = re.sub(r"\{(\w+)\}", lambda name: str(readings.get(name[1], name[0])), self.words)
        return replace(self, words=told)


SETTINGS_UNUSABLE = Diagnosis("settings.unusable", "{problems}")

SETTING_MISSPELLED = Diagnosis(
    "settings.misspelled", "Opp Status has no setting {name}, so it does nothing. If you mean {meant}, rename it."
)

# --- Slack ---------------------------------------------------------------------------------------------------------

_APP = "api.slack.com/apps > your app"

_ADD = f"in {_APP} > OAuth & Permissions > Scopes > Bot Token Scopes, then click Reinstall to Workspace"

_REFUSED = "Slack rejected SLACK_BOT_TOKEN ({error}). "

_COPY = f"Copy the Bot User OAuth Token again from {_APP} > OAuth & Permissions"

SLACK_UNREACHABLE = Diagnosis(
    "slack.token.unreachable",
    "Can't reach Slack. Check the network, and SLACK_API_URL if you set it.",
)

SLACK_MISTYPED = Diagnosis(
    "slack.token.mistyped",
    f"{_REFUSED}{_COPY}, and make sure you get all of it.",
)

SLACK_REVOKED = Diagnosis(
    "slack.token.revoked",
    f"{_REFUSED}The token was revoked, or the app was removed. Click Install to Workspace in {_APP} > Install App, then copy "
    "the new Bot User OAuth Token.",
)

SLACK_EXPIRED = Diagnosis(
    "slack.token.expired",
    f"{_REFUSED}Your app has token rotation on, so tokens expire after 12 hours. It can't be turned off, so create a new app "
    "from manifest.yml at api.slack.com/apps > Create New App.",
)

SLACK_REFUSED = Diagnosis(
    "slack.token.refused",
    f"{_REFUSED}{_COPY}. If the app was removed from the workspace, reinstall it first.",
)

SLACK_WORDS: Mapping[str, Diagnosis] = {
    "": SLACK_UNREACHABLE,
    "invalid_auth": SLACK_MISTYPED,
    "not_authed": SLACK_MISTYPED,
    "token_revoked": SLACK_REVOKED,
    "account_inactive": SLACK_REVOKED,
    "token_expired": SLACK_EXPIRED,
}
"""What Slack's word for refusing a token means; any other word is `SLACK_REFUSED`.
https://docs.slack.dev/reference/methods/auth.test"""

TOKEN_REFUSED = frozenset(SLACK_WORDS) - {""}
"""The words with which Slack refuses the token, whatever it is asked."""

WORKSPACE_ANOTHER = Diagnosis(
    "slack.workspace.another",
    "SLACK_BOT_TOKEN is for {team}, but SLACK_TEAM_ID says {wanted}. "
    f"{_COPY} for the app installed in {{wanted}}, or fix SLACK_TEAM_ID.",
)

WORKSPACE_STRANGERS = Diagnosis(
    "slack.workspace.strangers",
    "SLACK_BOT_TOKEN is for {team}, but no one in ALLOWED_USERS or ADMINS is a member there. If that's not your workspace, "
    f"you have the wrong token. {_COPY} for the app in your workspace. If it is, copy the member IDs again: profile > three dots > "
    "Copy member ID.",
)

SCOPES_MISSING = Diagnosis(
    "slack.scopes.missing",
    f"SLACK_BOT_TOKEN is missing {{scopes}}. Add it {_ADD}.",
)

EMAILS_HIDDEN = Diagnosis(
    "slack.scopes.emails",
    "Opp Status can't see people's emails, so with OWNERS_ONLY it can't tell whose a deal is. Add the users:read and users:read.email "
    f"scopes {_ADD}, or list people in OWNERS.",
)

SCOPES_UNTOLD = Diagnosis(
    "slack.scopes.untold",
    f"Slack didn't say which scopes SLACK_BOT_TOKEN has. Check them in {_APP} > OAuth & Permissions > Scopes.",
)

COMMAND_MISSING = Diagnosis(
    "slack.command.not_installed",
    f"SLACK_BOT_TOKEN is missing the commands scope, so {{command}} isn't available. Paste manifest.yml in {_APP} > App "
    "Manifest, check that {command} is listed under Slash Commands, and click Reinstall to Workspace under OAuth & Permissions.",
)

COMMAND_UNTRIED = Diagnosis(
    "slack.command.untried",
    "Not tried yet: no {command} from Slack so far. Type {command} help in Slack, then check again. If Slack doesn't know it, see "
    f"whether it's listed in {_APP} > Slash Commands.",
)

COMMAND_MISNAMED = Diagnosis(
    "slack.command.misnamed",
    f"Slack sends {{typed}}, and Opp Status only answers {{command}}. Rename it in {_APP} > Slash Commands, or set COMMAND and restart.",
)

COMMAND_FAILING_THERE = Diagnosis(
    "slack.command.failing_there",
    "The Opp Status that runs at {url} fails this check. {url}/ready says why. Most often Slack sends it another command than "
    f"{{command}}: compare {_APP} > Slash Commands with COMMAND.",
)

SOCKET_DOWN = Diagnosis(
    "slack.socket.down",
    "Not connected to Slack right now. Retrying. If this keeps up, check that the network allows outgoing https and wss.",
)

SOCKET_REFUSED = Diagnosis(
    "slack.socket.refused",
    "Slack rejected SLACK_APP_TOKEN ({error}). Create an app-level token with connections:write in "
    f"{_APP} > Basic Information > App-Level Tokens.",
)

SOCKET_WORDS: Mapping[str, Diagnosis] = {
    "": SOCKET_DOWN,
    "ratelimited": Diagnosis(
        "slack.socket.rate_limited",
        "Slack asked Opp Status to connect less often. It'll retry in a minute or two.",
    ),
    "link_disabled": Diagnosis(
        "slack.socket.switched_off",
        f"Socket Mode is off. Turn it on in {_APP} > Socket Mode.",
    ),
    "too_many_websockets": Diagnosis(
        "slack.socket.too_many",
        "All ten of the app's connections are in use. Stop other processes that use this token.",
    ),
}
"""What Slack's word for refusing a connection means; any other word is `SOCKET_REFUSED`."""

_URLS = f"{_APP} > Slash Commands > {{command}} > Request URL, and Interactivity & Shortcuts > Request URL and Options Load URL"

_CHANNEL_ID = "channel name > About, at the bottom"

CHANNELS_CLOSED = Diagnosis(
    "slack.channels.closed",
    f"Opp Status can't post in {{channels}}. Type /invite @Opp Status there. Or copy the ID again: {_CHANNEL_ID}.",
)

CHANNELS_ARCHIVED = Diagnosis(
    "slack.channels.archived",
    f"Archived: {{channels}}. Unarchive it in Slack, or copy another ID: {_CHANNEL_ID}.",
)

CHANNELS_UNTOLD = Diagnosis(
    "slack.channels.untold",
    f"Slack didn't show {{channels}} ({{error}}). Compare the ID: {_CHANNEL_ID}. If the channel is private, type /invite @Opp Status "
    "there, then check again.",
)

HOME_OFF = Diagnosis(
    "slack.home.off",
    f"The app has no Home tab, where people see their open deals. Turn on Home Tab in {_APP} > App Home, and add app_home_opened "
    "in Event Subscriptions > Subscribe to bot events. Pasting manifest.yml in App Manifest does both.",
)

_SECRET = f"Copy the Signing Secret again from {_APP} > Basic Information > App Credentials"

SIGNATURES_UNTRIED = Diagnosis(
    "slack.signatures.untried",
    "Not tried yet: no request from Slack so far. Type {command} help in Slack, then check again. If that fails in Slack, compare "
    f"PUBLIC_URL with {_URLS}.",
)

SIGNATURES_WRONG = Diagnosis(
    "slack.signatures.wrong_secret",
    "Slack signs with another secret than SLACK_SIGNING_SECRET, so every command fails ({requests} to /slack/events refused "
    f"in a row). {_SECRET}, set it, and restart.",
)

SIGNATURES_STALE = Diagnosis(
    "slack.signatures.stale",
    "Slack's requests look more than five minutes old, so every command fails ({requests} to /slack/events refused in a row). "
    "This machine's clock is off. Turn on time sync: `timedatectl set-ntp true`, or in your host's settings.",
)

SIGNATURES_REFUSED = Diagnosis(
    "slack.signatures.refused_there",
    "The Opp Status that runs at {url} refuses what Slack sends. {url}/ready says why. Most often SLACK_SIGNING_SECRET is "
    f"another app's. {_SECRET}, set it there, and restart.",
)

URL_UNTRIED = Diagnosis(
    "slack.request_url.untried",
    "Skipped: PUBLIC_URL isn't set. Set it to the address of this installation. In Slack, the same address plus /slack/events goes in "
    f"{_URLS}.",
)

URL_UNREACHABLE = Diagnosis(
    "slack.request_url.unreachable",
    "Nothing responds at {url}. Check that Opp Status is running, that PUBLIC_URL is right, and that your host allows traffic from "
    f"outside. Slack's address is in {_URLS}.",
)

URL_UNTRUSTED = Diagnosis(
    "slack.request_url.untrusted",
    "{url} doesn't have a valid certificate, so Slack can't connect. Renew it in your host's dashboard, under domains or certificates.",
)

URL_REDIRECTED = Diagnosis(
    "slack.request_url.redirected",
    "{url} redirects, and Slack doesn't follow redirects. It may be a login page, or http instead of https. Remove the login, or use "
    f"the final address for PUBLIC_URL and in {_URLS}.",
)

URL_GUARDED = Diagnosis(
    "slack.request_url.guarded",
    "{url} asks for a login ({status}), and Slack can't sign in. Turn off protection for this address in the dashboard of your host "
    "or CDN.",
)

URL_ASLEEP = Diagnosis(
    "slack.request_url.down",
    "Your host responds at {url} ({status}), but Opp Status doesn't. It's starting, asleep, or stopped. Check the log in your host's "
    "dashboard. A plan that sleeps is too slow for Slack's three-second limit.",
)

URL_ANOTHER = Diagnosis(
    "slack.request_url.another",
    "{url} isn't Opp Status ({status}). Set PUBLIC_URL to the address of this installation, and put the same address plus "
    f"/slack/events in {_URLS}. With `socket`, there's no such address.",
)

PROXY_USED = Diagnosis(
    "network.proxy.used",
    "Opp Status uses the proxy {proxy} (from {source}) for {through}{directly}.",
)

PROXY_REFUSED = Diagnosis(
    "network.proxy.refused",
    "The proxy {proxy} (from {source}) doesn't let Opp Status through to {whom}. Check the address, name, and password in {source}, and "
    "allow {whom} in the proxy. Or list it in NO_PROXY to go without the proxy.",
)

CLOCK_OFF = Diagnosis(
    "clock.off",
    "This machine's clock is {seconds} seconds {way} {whose}. At five minutes, Slack's signatures look expired and every command "
    "fails. Turn on time sync: `timedatectl set-ntp true`, or in your host's settings.",
)

CLOCK_UNTOLD = Diagnosis("clock.untold", "Neither Slack nor HighLevel returned the time.")

# --- HighLevel -----------------------------------------------------------------------------------------------------

_INTEGRATION = "Settings > Private Integrations > your integration"

_IN_HIGHLEVEL = f"in HighLevel, in the sub-account: {_INTEGRATION}"

TOKEN_MISTYPED = Diagnosis(
    "highlevel.token.mistyped",
    "HighLevel rejected HIGHLEVEL_TOKEN, and it doesn't look like a token (pit- plus 36 characters). It's shown only once, so create "
    f"a new one {_IN_HIGHLEVEL} > Rotate.",
)

TOKEN_EXPIRED = Diagnosis(
    "highlevel.token.expired",
    "HIGHLEVEL_TOKEN expired. Use a private integration token, which doesn't expire: "
    f"{_IN_HIGHLEVEL} > Rotate, or Create new integration.",
)

TOKEN_REVOKED = Diagnosis(
    "highlevel.token.revoked",
    "HighLevel doesn't recognize HIGHLEVEL_TOKEN. It was deleted, rotated, or has a wrong character. Create a new one "
    f"{_IN_HIGHLEVEL} > Rotate.",
)

TOKEN_OF_AGENCY = Diagnosis(
    "highlevel.token.agency",
    "HIGHLEVEL_TOKEN is an agency token, and deals need a sub-account token. Switch to the sub-account (top left), then go to "
    "Settings > Private Integrations > Create new integration.",
)

TOKEN_FORBIDDEN = Diagnosis(
    "highlevel.token.forbidden",
    f"HighLevel refused HIGHLEVEL_TOKEN{{said}}. If that's about the token, create a new one {_IN_HIGHLEVEL} > Rotate.",
)

RECONNECT = Diagnosis(
    "highlevel.token.reconnect",
    "HighLevel isn't connected{why}. Run `python -m bot connect` and open the link it prints{page}.",
)

APP_UNKNOWN = Diagnosis(
    "highlevel.token.app_unknown",
    "HighLevel rejected HIGHLEVEL_CLIENT_ID or HIGHLEVEL_CLIENT_SECRET. Copy both again from marketplace.gohighlevel.com > My Apps > "
    "your app > Advanced Settings > Auth.",
)

NOT_RENEWED = Diagnosis(
    "highlevel.token.not_renewed",
    "HighLevel access expired and hasn't renewed yet. Retrying. Check again in a minute.",
)

VERSION_REFUSED = Diagnosis(
    "highlevel.token.version_refused",
    "HighLevel doesn't support the version in HIGHLEVEL_API_VERSION. Remove the setting to use the default.",
)

BLOCKED = Diagnosis(
    "highlevel.token.blocked",
    "HighLevel's network is blocking Opp Status. Remove HIGHLEVEL_API_URL if you set it, and try again later. If it keeps up, ask "
    "your host for a different outgoing address.",
)

WRONG_ADDRESS = Diagnosis(
    "highlevel.token.wrong_address",
    "HIGHLEVEL_API_URL isn't HighLevel's API. Remove the setting to use the default.",
)

UNREADABLE = Diagnosis(
    "highlevel.token.unreadable",
    "The response isn't from HighLevel's API. Remove HIGHLEVEL_API_URL if you set it, or try again later.",
)

RATE_LIMITED = Diagnosis(
    "highlevel.token.rate_limited",
    "HighLevel is getting too many requests. Try again in a minute.",
)

DAILY_LIMIT = Diagnosis(
    "highlevel.token.daily_limit",
    "Today's HighLevel request limit is used up. It resets on its own.",
)

NO_TLS = Diagnosis(
    "highlevel.token.no_tls",
    "Can't make a secure connection to HighLevel. Check HIGHLEVEL_API_URL and the host's certificates.",
)

HIGHLEVEL_UNREACHABLE = Diagnosis(
    "highlevel.token.unreachable",
    "Can't reach HighLevel, or it's having problems. Check the network and HIGHLEVEL_API_URL, or try again later.",
)

_TICK = f"Turn on {{}} {_IN_HIGHLEVEL} > Scopes. The token stays the same. With OAuth, add the scope to your app and reconnect."

READING_MISSING = Diagnosis(
    "highlevel.scope.missing",
    "HIGHLEVEL_TOKEN can't read opportunities (opportunities.readonly). "
    + _TICK.format("View Opportunities and Edit Opportunities"),
)

EDITING_MISSING = Diagnosis(
    "highlevel.edit.missing",
    "HIGHLEVEL_TOKEN can't change opportunities (opportunities.write), so every change will fail. "
    + _TICK.format("Edit Opportunities"),
)

EDITING_UNTOLD = Diagnosis(
    "highlevel.edit.untold",
    "Couldn't tell whether HIGHLEVEL_TOKEN can change opportunities. Check that Edit Opportunities is on "
    f"{_IN_HIGHLEVEL} > Scopes.",
)

USERS_MISSING = Diagnosis(
    "highlevel.users.missing",
    "HIGHLEVEL_TOKEN can't read users (users.readonly), so deal owners aren't shown. " + _TICK.format("View Users"),
)

USERS_NEEDED = Diagnosis(
    "highlevel.users.needed",
    "HIGHLEVEL_TOKEN can't read users (users.readonly), so with OWNERS_ONLY Opp Status can't tell whose a deal is. List people in "
    "OWNERS, or give it the scope. " + _TICK.format("View Users"),
)

USERS_UNTOLD = Diagnosis(
    "highlevel.users.untold",
    "Couldn't tell whether HIGHLEVEL_TOKEN can read users, which is needed to show deal owners. Check that View Users is on "
    f"{_IN_HIGHLEVEL} > Scopes.",
)

LOCATION_ANOTHER = Diagnosis(
    "highlevel.location.another",
    "HIGHLEVEL_TOKEN is for a different sub-account than HIGHLEVEL_LOCATION_ID. Switch to the right sub-account (top left) and create "
    "the token there in Settings > Private Integrations. Or fix the ID: it's after /location/ in the address bar.",
)

LOCATION_UNKNOWN = Diagnosis(
    "highlevel.location.unknown",
    "HighLevel doesn't know the sub-account in HIGHLEVEL_LOCATION_ID. Copy the ID from the address bar, after /location/. If it's "
    "right, remove HIGHLEVEL_API_URL.",
)

LOCATION_MALFORMED = Diagnosis(
    "highlevel.location.malformed",
    "HIGHLEVEL_LOCATION_ID isn't valid. Copy it from the address bar, after /location/.",
)

REASONS_FORBIDDEN = Diagnosis(
    "highlevel.lost_reasons.forbidden",
    "HIGHLEVEL_TOKEN can't read lost reasons, so deals are marked lost without one. Check that View Opportunities is on "
    f"{_IN_HIGHLEVEL} > Scopes. If it is, ask HighLevel support. Everything else works.",
)

REASONS_UNREAD = Diagnosis(
    "highlevel.lost_reasons.unread",
    "Can't read lost reasons right now, so deals are marked lost without one. Check again later.",
)

WEBHOOKS_NONE = Diagnosis(
    "highlevel.webhooks.none",
    "HighLevel hasn't reported a change yet, so deals that change in HighLevel aren't posted. Set it up as docs/operating/events.md "
    "says, then change a deal's status.",
)

WEBHOOKS_LATEST = Diagnosis("highlevel.webhooks.latest", "HighLevel last reported a change {ago} ago.")

WEBHOOKS_REFUSED = Diagnosis(
    "highlevel.webhooks.refused",
    "{many} requests about changes in HighLevel were refused or ignored since yesterday ({which}). docs/operating/events.md explains why.",
)

POLLING_NEVER = Diagnosis(
    "highlevel.polling.never", "HighLevel hasn't been checked for changes yet. Opp Status does that while it runs."
)

POLLING_LATE = Diagnosis(
    "highlevel.polling.late",
    "HighLevel hasn't answered a check for changes for {ago}, so deals that change in HighLevel aren't posted. Look in the log for "
    "poll.failed.",
)

BY_CAUSE: Mapping[Cause, Diagnosis] = {
    Cause.APP_UNKNOWN: APP_UNKNOWN,
    Cause.NOT_RENEWED: NOT_RENEWED,
    Cause.SCOPE_MISSING: READING_MISSING,
    Cause.TOKEN_ELSEWHERE: LOCATION_ANOTHER,
    Cause.NOT_FOUND: LOCATION_UNKNOWN,
    Cause.INVALID: LOCATION_MALFORMED,
    Cause.VERSION_REFUSED: VERSION_REFUSED,
    Cause.BLOCKED: BLOCKED,
    Cause.WRONG_ADDRESS: WRONG_ADDRESS,
    Cause.UNREADABLE: UNREADABLE,
    Cause.RATE_LIMITED: RATE_LIMITED,
    Cause.DAILY_LIMIT: DAILY_LIMIT,
    Cause.NO_TLS: NO_TLS,
}
"""What it means that HighLevel could not be read, where the cause alone tells. `diagnose.of_highlevel` knows the rest."""

# --- the rest ------------------------------------------------------------------------------------------------------

STORE_DOWN = Diagnosis(
    "store.writable.down",
    "Can't write to the database{said}. Check DATABASE_URL, the server, disk space, and permissions.",
)

STORE_MOVED = Diagnosis(
    "store.writable.moved",
    "The database file was deleted, moved, or replaced while Opp Status was using it. Nothing more is written. Put the same file back "
    "with `mv`. Or stop Opp Status, restore a backup without the old -wal and -shm files, and start it again.",
)

STORE_DAMAGED = Diagnosis(
    "store.writable.damaged",
    "Part of the database file is damaged{said}. Nothing more is written. Stop Opp Status, save the file and its -wal, then try "
    "`sqlite3 FILE .recover` or restore a backup. Check the disk. If it isn't Opp Status's file, fix DATABASE_URL.",
)

STORE_NEWER = Diagnosis(
    "store.schema.newer",
    "A newer version of Opp Status wrote this database, so this version won't touch it. Deploy the newer version, or use a different "
    "DATABASE_URL.",
)

STORE_NEW = Diagnosis(
    "store.schema.new",
    "The database has no tables yet. Opp Status makes them when it starts. If this should be a copy or a backup, it's empty: a "
    "copy of a SQLite file is complete only if `python -m bot backup` made it.",
)

STORE_UNRELEASED = Diagnosis(
    "store.schema.unreleased",
    "This database is from before the first release and can't be upgraded. Set DATABASE_URL to a new database. The version that wrote "
    "the old one can still list it with `python -m bot history`.",
)

STORE_CLOCK_OFF = Diagnosis(
    "store.clock.off",
    "This machine's clock is {seconds} seconds {way} the database's. Commands keep their order, but times in the log and the history "
    "differ. Turn on time sync on both machines: `timedatectl set-ntp true`.",
)

STORE_EMPTIED = Diagnosis(
    "store.durable.emptied",
    "The database's file is on a disk that {when} empties. Commands, undo, approvals, and OAuth tokens are gone then. Set DATABASE_URL to "
    "a PostgreSQL database, or to a file on a volume.",
)

ALLOWLIST_EMPTY = Diagnosis(
    "access.allowlist.empty",
    "No one can change deals: ALLOWED_USERS, ALLOWED_GROUPS, and ADMINS are all empty. Add the Slack IDs of people who should have "
    "access.",
)

GROUP_REFUSED = Diagnosis(
    "access.groups.refused",
    "Slack won't say who's in user group {group} ({error}), so the group gives no one access.",
)

GROUP_EMPTY = Diagnosis(
    "access.groups.empty",
    "User group {group} in ALLOWED_GROUPS has no members, so it gives no one access. Add people in Slack: People > User groups.",
)

GROUP_WORDS: Mapping[str, Diagnosis] = {
    "": Diagnosis(
        "access.groups.unreachable",
        "Can't reach Slack to see who's in user group {group}, so the group gives no one access. Check the network.",
    ),
    "missing_scope": Diagnosis(
        "access.groups.missing_scope",
        f"Opp Status can't read user groups, so ALLOWED_GROUPS gives no one access. Add the usergroups:read scope {_ADD}.",
    ),
    "plan_upgrade_required": Diagnosis(
        "access.groups.plan",
        "This workspace has no user groups (they're not on Slack's free plan). Clear ALLOWED_GROUPS and add people to ALLOWED_USERS.",
    ),
    "no_such_subteam": Diagnosis(
        "access.groups.unknown",
        "This workspace has no user group {group}. Copy the ID again: People > User groups > the group > Copy group ID.",
    ),
}
"""What Slack's word about a group means; any other word is `GROUP_REFUSED`.
https://docs.slack.dev/reference/methods/usergroups.users.list"""

_MEMBER_ID = "profile > three dots > Copy member ID"

PEOPLE_UNKNOWN = Diagnosis(
    "access.people.unknown",
    f"Slack doesn't know {{people}}. Copy the member ID again: {_MEMBER_ID}.",
)

PEOPLE_INELIGIBLE = Diagnosis(
    "access.people.ineligible",
    "Deactivated, an app, or from another company, so it gives no one access: {people}. Remove the ID, or copy the right one: "
    f"{_MEMBER_ID}.",
)

PEOPLE_GUESTS = Diagnosis(
    "access.people.guests",
    "A guest, with access because you named them: {people}. If you didn't mean that, remove the ID.",
)

PEOPLE_UNTOLD = Diagnosis(
    "access.people.untold",
    "Couldn't look up {people} ({error}), so a wrong ID isn't noticed. If Slack said missing_scope, add the users:read scope "
    f"{_ADD}.",
)

PEOPLE_SCOPE_MISSING = Diagnosis(
    "access.people.missing_scope",
    "Opp Status can't tell members from guests, so groups and approvals give no one access. Add the users:read scope "
    f"{_ADD}.",
)

SHARED_CHANNELS_UNTOLD = Diagnosis(
    "access.shared_channels.untold",
    "Slack didn't say whether channels are shared with other companies ({error}). Fix the other checks of Slack, then check again.",
)

SHARED_CHANNELS_SCOPE_MISSING = Diagnosis(
    "access.shared_channels.missing_scope",
    "Opp Status can't tell which channels are shared with other companies, so it won't ask before posting there. If you have any, "
    f"add the channels:read and groups:read scopes {_ADD}.",
)

DIAGNOSES: tuple[Diagnosis, ...] = (
    *(SETTINGS_UNUSABLE, SETTING_MISSPELLED),
    *dict.fromkeys(SLACK_WORDS.values()),
    *(
        SLACK_REFUSED,
        WORKSPACE_ANOTHER,
        WORKSPACE_STRANGERS,
        SCOPES_MISSING,
        EMAILS_HIDDEN,
        SCOPES_UNTOLD,
        COMMAND_MISSING,
    ),
    *(COMMAND_UNTRIED, COMMAND_MISNAMED, COMMAND_FAILING_THERE),
    *(SIGNATURES_UNTRIED, SIGNATURES_WRONG, SIGNATURES_STALE, SIGNATURES_REFUSED),
    *SOCKET_WORDS.values(),
    SOCKET_REFUSED,
    *(CHANNELS_CLOSED, CHANNELS_ARCHIVED, CHANNELS_UNTOLD, HOME_OFF),
    *(URL_UNTRIED, URL_UNREACHABLE, URL_UNTRUSTED, URL_REDIRECTED, URL_GUARDED, URL_ASLEEP),
    *(URL_ANOTHER, PROXY_USED, PROXY_REFUSED, CLOCK_OFF, CLOCK_UNTOLD),
    *(TOKEN_MISTYPED, TOKEN_EXPIRED, TOKEN_REVOKED, TOKEN_OF_AGENCY, TOKEN_FORBIDDEN, RECONNECT),
    HIGHLEVEL_UNREACHABLE,
    *BY_CAUSE.values(),
    *(EDITING_MISSING, EDITING_UNTOLD, USERS_MISSING, USERS_NEEDED, USERS_UNTOLD, REASONS_FORBIDDEN, REASONS_UNREAD),
    *(WEBHOOKS_NONE, WEBHOOKS_LATEST, WEBHOOKS_REFUSED, POLLING_NEVER, POLLING_LATE),
    *(
        STORE_DOWN,
        STORE_MOVED,
        STORE_DAMAGED,
        STORE_NEW,
        STORE_NEWER,
        STORE_UNRELEASED,
        STORE_CLOCK_OFF,
        STORE_EMPTIED,
        ALLOWLIST_EMPTY,
        GROUP_REFUSED,
        *GROUP_WORDS.values(),
        GROUP_EMPTY,
        *(PEOPLE_UNKNOWN, PEOPLE_INELIGIBLE, PEOPLE_GUESTS, PEOPLE_UNTOLD, PEOPLE_SCOPE_MISSING),
        *(SHARED_CHANNELS_UNTOLD, SHARED_CHANNELS_SCOPE_MISSING),
    ),
)
"""All of them. `make docs` lists them in docs/operating/diagnoses.md."""
