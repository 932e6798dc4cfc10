"""What can be wrong with an installation, and where to mend it: a table of diagnoses. Pure.

Each has an id: that of its check, and one more word. Tools outside know the ids: a change needs a changelog entry.
"""

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
        """The same, with the names in braces replaced."""
        return replace(self, words=self.words.format(**readings))


SETTINGS_UNUSABLE = Diagnosis("settings.unusable", "{problems}")

# --- Slack ---------------------------------------------------------------------------------------------------------

_APP = "api.slack.com/apps > your app"

_ADD = f"at {_APP} > OAuth & Permissions > Scopes > Bot Token Scopes, and press Reinstall to Workspace there"

_REFUSED = "Slack does not accept SLACK_BOT_TOKEN (it says: {error}). "

_COPY = f"Copy the Bot User OAuth Token again, from {_APP} > OAuth & Permissions"

SLACK_UNREACHABLE = Diagnosis(
    "slack.token.unreachable", "Slack cannot be reached. Look at the network, and at SLACK_API_URL if you set it."
)

SLACK_MISTYPED = Diagnosis("slack.token.mistyped", f"{_REFUSED}{_COPY}, whole.")

SLACK_REVOKED = Diagnosis(
    "slack.token.revoked",
    f"{_REFUSED}It was revoked, or the app was removed from the workspace. Press Install to Workspace at {_APP} > Install "
    "App, and copy the new Bot User OAuth Token.",
)

SLACK_EXPIRED = Diagnosis(
    "slack.token.expired",
    f"{_REFUSED}Token rotation is on in your app, and ends each token after 12 hours. It cannot be switched off again: "
    "create the app anew from manifest.yml, at api.slack.com/apps > Create New App.",
)

SLACK_REFUSED = Diagnosis(
    "slack.token.refused", f"{_REFUSED}{_COPY}; if the app was removed from the workspace, install it again first."
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

WORKSPACE_ANOTHER = Diagnosis(
    "slack.workspace.another",
    "SLACK_BOT_TOKEN belongs to the workspace {team}, and SLACK_TEAM_ID names {wanted}. "
    f"{_COPY}, of the app that is installed in {{wanted}}; or correct SLACK_TEAM_ID.",
)

WORKSPACE_STRANGERS = Diagnosis(
    "slack.workspace.strangers",
    "SLACK_BOT_TOKEN belongs to the workspace {team}, and no one whom ALLOWED_USERS or ADMINS names is a member of it. If it "
    f"is not your workspace, the token is the wrong one. {_COPY}, of the app that is installed in yours. Otherwise copy the "
    "people's ids again: profile, three dots, Copy member ID.",
)

SCOPES_MISSING = Diagnosis("slack.scopes.missing", f"SLACK_BOT_TOKEN lacks {{scopes}}. Add that {_ADD}.")

SCOPES_UNTOLD = Diagnosis(
    "slack.scopes.untold",
    f"Slack's answer does not say which scopes SLACK_BOT_TOKEN has. They are listed at {_APP} > OAuth & Permissions > Scopes.",
)

COMMAND_MISSING = Diagnosis(
    "slack.command.not_installed",
    "SLACK_BOT_TOKEN lacks the scope commands, so this app has no /opp-status in the workspace. Paste manifest.yml at "
    f"{_APP} > App Manifest, look whether /opp-status is listed under Slash Commands, and press Reinstall to Workspace "
    "under OAuth & Permissions.",
)

COMMAND_UNTOLD = Diagnosis(
    "slack.command.untold",
    "Whether the app has its command cannot be told without knowing the token's scopes. Look whether /opp-status is listed at "
    f"{_APP} > Slash Commands.",
)

SOCKET_DOWN = Diagnosis(
    "slack.socket.down",
    "There is no connection to Slack at the moment; it is tried again all the time. If that goes on, look at the network: "
    "outgoing https and wss must be possible.",
)

SOCKET_REFUSED = Diagnosis(
    "slack.socket.refused",
    "Slack does not accept SLACK_APP_TOKEN (it says: {error}). Create an app-level token with connections:write at "
    f"{_APP} > Basic Information > App-Level Tokens.",
)

SOCKET_WORDS: Mapping[str, Diagnosis] = {
    "": SOCKET_DOWN,
    "ratelimited": Diagnosis(
        "slack.socket.rate_limited",
        "Slack wants us to connect less often. It is tried again by and by: wait a minute or two.",
    ),
    "link_disabled": Diagnosis(
        "slack.socket.switched_off",
        f"Socket Mode is switched off in your Slack app: switch it on under Socket Mode, at {_APP} > Socket Mode.",
    ),
    "too_many_websockets": Diagnosis(
        "slack.socket.too_many",
        "Slack allows an app ten connections, and all are in use: stop other processes with this token.",
    ),
}
"""What Slack's word for refusing a connection means; any other word is `SOCKET_REFUSED`."""

_URLS = f"{_APP} > Slash Commands > /opp-status > Request URL, and Interactivity & Shortcuts > Request URL and Options Load URL"

URL_UNTRIED = Diagnosis(
    "slack.request_url.untried",
    "Whether Slack can reach the bot was not tried: set PUBLIC_URL to the bot's own address. Slack has that address, with "
    f"/slack/events behind it, at {_URLS}.",
)

URL_UNREACHABLE = Diagnosis(
    "slack.request_url.unreachable",
    "Nothing answers at {url}. Look whether the bot is running there, whether PUBLIC_URL is right, and whether your host "
    f"lets it be reached from outside. Slack's own address is at {_URLS}.",
)

URL_UNTRUSTED = Diagnosis(
    "slack.request_url.untrusted",
    "No secure connection to {url}, and Slack will get none either: its certificate is not valid, or it has none. Renew it in "
    "your host's dashboard, under domains or certificates.",
)

URL_REDIRECTED = Diagnosis(
    "slack.request_url.redirected",
    "{url} sends everyone who asks to another address, and Slack does not follow: a login page before the bot, or http in place "
    f"of https. Let it through without a login, or set PUBLIC_URL to where it leads, and that at {_URLS}.",
)

URL_GUARDED = Diagnosis(
    "slack.request_url.guarded",
    "Something before the bot asks for a login at {url} (it answers {status}), and Slack has none. Switch the protection off for "
    "this address, in the dashboard of your host or CDN.",
)

URL_ASLEEP = Diagnosis(
    "slack.request_url.down",
    "The host answers at {url}, but the bot behind it does not (it answers {status}): it is starting, asleep or has ended. Look at "
    "the log in your host's dashboard; a plan that sleeps wakes too late for Slack's three seconds.",
)

URL_ANOTHER = Diagnosis(
    "slack.request_url.another",
    "What answers at {url} is not this bot (it answers {status}). Set PUBLIC_URL to the bot's own address, and the same, with "
    f"/slack/events behind it, at {_URLS}. A bot that runs as `socket` has no such address.",
)

CLOCK_OFF = Diagnosis(
    "clock.off",
    "This machine's clock is {seconds} seconds {way} {whose}. From five minutes on every command is refused, because its "
    "signature looks too old. Switch on time synchronisation: `timedatectl set-ntp true`, or in your host's settings.",
)

CLOCK_UNTOLD = Diagnosis("clock.untold", "Neither Slack nor HighLevel said what time it is.")

# --- HighLevel -----------------------------------------------------------------------------------------------------

_INTEGRATION = "Settings > Private Integrations > your integration"

_IN_HIGHLEVEL = f"in HighLevel, in the sub-account: {_INTEGRATION}"

TOKEN_MISTYPED = Diagnosis(
    "highlevel.token.mistyped",
    "HighLevel does not accept HIGHLEVEL_TOKEN, and it does not look like one: pit- and 36 characters more. Copy it again, whole; as "
    f"it is shown only once, make another {_IN_HIGHLEVEL} > Rotate.",
)

TOKEN_EXPIRED = Diagnosis(
    "highlevel.token.expired",
    "HIGHLEVEL_TOKEN has expired: it is an access token, which lasts a day, or HighLevel says so. Set a private integration "
    f"token, which does not expire by itself: {_IN_HIGHLEVEL} > Rotate, or Create new integration.",
)

TOKEN_REVOKED = Diagnosis(
    "highlevel.token.revoked",
    "HighLevel does not know HIGHLEVEL_TOKEN, though it has the form of one: it was deleted, or replaced by Rotate (the old one ends "
    f"at once, or after 7 days), or a character in it is wrong. Make another {_IN_HIGHLEVEL} > Rotate.",
)

TOKEN_OF_AGENCY = Diagnosis(
    "highlevel.token.agency",
    "HIGHLEVEL_TOKEN belongs to the agency, and deals can be changed only with a token of their sub-account. Switch to the "
    "sub-account first (top left), then: Settings > Private Integrations > Create new integration.",
)

TOKEN_FORBIDDEN = Diagnosis(
    "highlevel.token.forbidden",
    "HighLevel refuses HIGHLEVEL_TOKEN without a reason we know{said}. If that is about the token, make another "
    f"{_IN_HIGHLEVEL} > Rotate.",
)

RECONNECT = Diagnosis(
    "highlevel.token.reconnect",
    "HighLevel is not connected, or not any more: reconnect. Run `python -m bot connect` and open the link that it "
    "prints{page}.",
)

APP_UNKNOWN = Diagnosis(
    "highlevel.token.app_unknown",
    "HighLevel does not accept HIGHLEVEL_CLIENT_ID or HIGHLEVEL_CLIENT_SECRET. Copy both from marketplace.gohighlevel.com > My Apps > "
    "your app > Advanced Settings > Auth.",
)

NOT_RENEWED = Diagnosis(
    "highlevel.token.not_renewed",
    "The access to HighLevel is over, and could not be renewed yet. It is tried again all the time: look again in a minute.",
)

VERSION_REFUSED = Diagnosis(
    "highlevel.token.version_refused",
    "HighLevel does not accept the version in HIGHLEVEL_API_VERSION. Remove the setting to use the default.",
)

BLOCKED = Diagnosis(
    "highlevel.token.blocked",
    "The network in front of HighLevel turns us away. Remove HIGHLEVEL_API_URL if you set it, and try again later; if it goes "
    "on, ask your host for another outgoing address.",
)

WRONG_ADDRESS = Diagnosis(
    "highlevel.token.wrong_address",
    "HIGHLEVEL_API_URL is not HighLevel's API. Remove the setting to use the default.",
)

UNREADABLE = Diagnosis(
    "highlevel.token.unreadable",
    "HighLevel's answer makes no sense: it is not its API that answers. Remove HIGHLEVEL_API_URL if you set it, or try again later.",
)

RATE_LIMITED = Diagnosis(
    "highlevel.token.rate_limited", "HighLevel takes no more requests for the moment. Try again in a minute."
)

DAILY_LIMIT = Diagnosis(
    "highlevel.token.daily_limit", "HighLevel takes no more requests today: the daily allowance is used up."
)

NO_TLS = Diagnosis(
    "highlevel.token.no_tls",
    "No secure connection to HighLevel. Look at HIGHLEVEL_API_URL and the host's certificates.",
)

HIGHLEVEL_UNREACHABLE = Diagnosis(
    "highlevel.token.unreachable",
    "HighLevel cannot be reached, or has a problem of its own. Look at the network and HIGHLEVEL_API_URL, or try again later.",
)

_TICK = f"Tick {{}} {_IN_HIGHLEVEL} > Scopes; the token stays the same. Connected by OAuth, give your app the scope and connect anew."

READING_MISSING = Diagnosis(
    "highlevel.scope.missing",
    "HIGHLEVEL_TOKEN may not read opportunities (opportunities.readonly). "
    + _TICK.format("View Opportunities and Edit Opportunities"),
)

EDITING_MISSING = Diagnosis(
    "highlevel.edit.missing",
    "HIGHLEVEL_TOKEN may not change opportunities (opportunities.write): every change will be refused. "
    + _TICK.format("Edit Opportunities"),
)

EDITING_UNTOLD = Diagnosis(
    "highlevel.edit.untold",
    "HighLevel did not let us find out whether HIGHLEVEL_TOKEN may change opportunities. Look whether Edit Opportunities is "
    f"ticked {_IN_HIGHLEVEL} > Scopes.",
)

USERS_MISSING = Diagnosis(
    "highlevel.users.missing",
    "HIGHLEVEL_TOKEN may not read users (users.readonly): a deal's owner is not named. " + _TICK.format("View Users"),
)

USERS_UNTOLD = Diagnosis(
    "highlevel.users.untold",
    "HighLevel did not let us find out whether HIGHLEVEL_TOKEN may read users, to name a deal's owner. Look whether View "
    f"Users is ticked {_IN_HIGHLEVEL} > Scopes.",
)

LOCATION_ANOTHER = Diagnosis(
    "highlevel.location.another",
    "HIGHLEVEL_TOKEN belongs to another location than HIGHLEVEL_LOCATION_ID. Switch to the right sub-account (top left) and "
    "create the token there: Settings > Private Integrations; or correct the id, which stands after /location/ in the address bar.",
)

LOCATION_UNKNOWN = Diagnosis(
    "highlevel.location.unknown",
    "HighLevel knows no location HIGHLEVEL_LOCATION_ID. Copy it from the address bar, after /location/. If it is right, "
    "HIGHLEVEL_API_URL is not HighLevel's: remove it.",
)

LOCATION_MALFORMED = Diagnosis(
    "highlevel.location.malformed",
    "HighLevel does not like HIGHLEVEL_LOCATION_ID. Copy it from the address bar, after /location/.",
)

REASONS_FORBIDDEN = Diagnosis(
    "highlevel.lost_reasons.forbidden",
    "HighLevel does not let HIGHLEVEL_TOKEN read lost reasons: deals are lost without one. Look whether View Opportunities is "
    f"ticked {_IN_HIGHLEVEL} > Scopes; if it is, ask HighLevel's support. Everything else works.",
)

REASONS_UNREAD = Diagnosis(
    "highlevel.lost_reasons.unread",
    "HighLevel's lost reasons cannot be read at the moment: until they can be, deals are lost without one. Look again later.",
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
    "The database cannot be written. Look at DATABASE_URL, at whether the server is up, the disk's space and permissions.",
)

STORE_MOVED = Diagnosis(
    "store.writable.moved",
    "The database's file was deleted, moved or replaced while the bot used it, and the bot writes nothing more. Put the same "
    "file back, by `mv`; or stop the bot, put a backup in its place together with none of the old -wal and -shm files, and start it.",
)

STORE_DAMAGED = Diagnosis(
    "store.writable.damaged",
    "Pages of the database's file are damaged, and the bot writes nothing more. Stop it, save the file with its -wal, and try "
    "`sqlite3 FILE .recover`, or put a backup in its place. Look at the disk.",
)

STORE_NEWER = Diagnosis(
    "store.schema.newer",
    "The database was written by a later version of this bot, and this one does not touch what it does not know. Deploy the "
    "later version again, or set DATABASE_URL to another database.",
)

STORE_UNRELEASED = Diagnosis(
    "store.schema.unreleased",
    "The database is from before the first release, and this version cannot bring it up to date. Set DATABASE_URL to a new "
    "database. The version that wrote the old one can still list its history, by python -m bot history.",
)

STORE_CLOCK_OFF = Diagnosis(
    "store.clock.off",
    "This machine's clock is {seconds} seconds {way} the database's. Commands keep their order all the same, by the database; "
    "but the log's times differ from the history's. Switch on time synchronisation on both: `timedatectl set-ntp true`.",
)

ALLOWLIST_EMPTY = Diagnosis(
    "access.allowlist.empty",
    "ALLOWED_USERS is empty, and so are ALLOWED_GROUPS and ADMINS: no one may change anything. Set it to the Slack ids of those who may.",
)

GROUP_REFUSED = Diagnosis(
    "access.groups.refused",
    "Slack does not tell who is in the user group {group} (it says: {error}), so no one gets in by it.",
)

GROUP_WORDS: Mapping[str, Diagnosis] = {
    "": Diagnosis(
        "access.groups.unreachable",
        "Slack cannot be asked who is in the user group {group}, so no one gets in by it. Look at the network.",
    ),
    "missing_scope": Diagnosis(
        "access.groups.missing_scope",
        f"Slack does not let the bot read user groups, so no one gets in by ALLOWED_GROUPS. Add the scope usergroups:read {_ADD}.",
    ),
    "plan_upgrade_required": Diagnosis(
        "access.groups.plan",
        "This workspace has no user groups: Slack's free plan has none. Empty ALLOWED_GROUPS, and name people in ALLOWED_USERS.",
    ),
    "no_such_subteam": Diagnosis(
        "access.groups.unknown",
        "There is no user group {group} in this workspace. Copy the id again: People, User groups, the group, Copy group ID.",
    ),
}
"""What Slack's word about a group means; any other word is `GROUP_REFUSED`.
https://docs.slack.dev/reference/methods/usergroups.users.list"""

PEOPLE_UNTOLD = Diagnosis(
    "access.people.missing_scope",
    "Slack does not let the bot tell members from guests, so no one gets in by a group or by an admin's approval. Add the "
    f"scope users:read {_ADD}.",
)

SHARED_CHANNELS_UNTOLD = Diagnosis(
    "access.shared_channels.missing_scope",
    "The bot cannot tell which channels are shared with another company, and does not ask before it posts there. If you "
    f"have any, add the scopes channels:read and groups:read {_ADD}.",
)

DIAGNOSES: tuple[Diagnosis, ...] = (
    SETTINGS_UNUSABLE,
    *dict.fromkeys(SLACK_WORDS.values()),
    *(SLACK_REFUSED, WORKSPACE_ANOTHER, WORKSPACE_STRANGERS, SCOPES_MISSING, SCOPES_UNTOLD, COMMAND_MISSING),
    COMMAND_UNTOLD,
    *SOCKET_WORDS.values(),
    *(SOCKET_REFUSED, URL_UNTRIED, URL_UNREACHABLE, URL_UNTRUSTED, URL_REDIRECTED, URL_GUARDED, URL_ASLEEP),
    *(URL_ANOTHER, CLOCK_OFF, CLOCK_UNTOLD),
    *(TOKEN_MISTYPED, TOKEN_EXPIRED, TOKEN_REVOKED, TOKEN_OF_AGENCY, TOKEN_FORBIDDEN, RECONNECT),
    HIGHLEVEL_UNREACHABLE,
    *BY_CAUSE.values(),
    *(EDITING_MISSING, EDITING_UNTOLD, USERS_MISSING, USERS_UNTOLD, REASONS_FORBIDDEN, REASONS_UNREAD),
    *(
        STORE_DOWN,
        STORE_MOVED,
        STORE_DAMAGED,
        STORE_NEWER,
        STORE_UNRELEASED,
        STORE_CLOCK_OFF,
        ALLOWLIST_EMPTY,
        GROUP_REFUSED,
        *GROUP_WORDS.values(),
        PEOPLE_UNTOLD,
        SHARED_CHANNELS_UNTOLD,
    ),
)
"""All of them. `make docs` lists them in docs/operating/diagnoses.md."""
