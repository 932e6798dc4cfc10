"""The settings: read once, with every problem reported at once, and secrets never shown."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from bot.access.ownership import OwnerRule, OwnersOnly, Unassigned
from bot.access.rules import Allowlist
from bot.commands.request import COMMAND
from bot.deals.deal import STATES, Status
from bot.deals.locations import Locations
from bot.deals.policy import Confirm, LostReasonMode, Policy
from bot.events.watch import QuietHours, Watch, read_pipelines
from bot.highlevel.notices.signing import HIGHLEVELS_KEY, read_keys
from bot.http.proxies import Proxies
from bot.operations.environment import clean, comma_separated, misspelled, near_misses, problem_of, wrong_entry
from bot.operations.formats.addresses import Url, database_address, listening_address
from bot.operations.formats.credentials import (
    MAKE_A_KEY,
    SIGNING_SECRET_PLACE,
    encryption_keys,
    long_token,
    scope_list,
    secret_beginning,
    signing_secrets,
)
from bot.operations.formats.people import (
    ChannelId,
    PlacedGroupId,
    PlacedUserId,
    UserId,
    added_words,
    confirmation,
    digests,
    named_locations,
    owner_modes,
    owner_pairs,
    placed,
    state_names,
    status_channels,
)
from bot.operations.formats.values import CURRENCIES, matching, numeral, time_span, whole_days
from bot.schedule.digest.periods import TWICE, Digest, posted_once_a_day


class SettingsError(Exception):
    """The settings cannot be used. `problems`, by variable: what is wrong and what to do; no value is repeated."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__("\n".join(f"{name}: {problem}" for name, problem in self.problems.items()))


Verb = Literal["serve", "socket"]
"""How Slack reaches the bot: over HTTP, or over Socket Mode."""

NEEDED_BY: Mapping[str, Verb] = {"slack_signing_secret": "serve", "slack_app_token": "socket"}
"""The settings that one verb needs and the other ignores."""

AMOUNT = numeral(r"[0-9]{1,12}(\.[0-9]{1,2})?", "should be an amount in digits, such as 5000")

DEFAULT_POLL = 60
"""Seconds between two polls, where nothing else tells the bot of changes that are to be posted."""

BY_OAUTH = ("highlevel_client_id", "highlevel_client_secret", "public_url", "encryption_key")
"""What connecting HighLevel by OAuth needs. Without the first two, `highlevel_token` is needed."""

FREE_TEXT = frozenset(
    {"highlevel_locations", "allowed_users", "allowed_groups", "owners_only", "watch_pipelines", "digest"}
)
"""The settings with names that people give."""


PROXIES = ("https_proxy", "all_proxy", "http_proxy")
"""The settings that may name the proxy: the first that is set does. All requests are https, or stay on this machine."""

IN_ANY_CASE = frozenset({*PROXIES, "no_proxy"})
"""Settings that many programs share: their variables are lower case too, and then win, as for curl and Python."""

PLACES: Mapping[str, str] = {
    "slack_bot_token": "OAuth & Permissions in your Slack app",
    "slack_signing_secret": SIGNING_SECRET_PLACE,
    "slack_app_token": "Basic Information > App-Level Tokens in your Slack app",
    "highlevel_token": "Settings > Private Integrations in HighLevel",
    "highlevel_location_id": "your HighLevel address bar, after /location/",
    "highlevel_client_id": "your app's Advanced Settings > Auth",
    "highlevel_client_secret": "your app's Advanced Settings > Auth",
}
"""Where to copy the settings that can't be made up."""


class Settings(BaseModel):
    """Every setting, named as its environment variable is, in lower case."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, str_strip_whitespace=True)

    slack_bot_token: Annotated[SecretStr, secret_beginning("xoxb-", PLACES["slack_bot_token"])] = Field(
        description="Your Slack app's Bot User OAuth Token"
    )
    slack_signing_secret: Annotated[SecretStr, BeforeValidator(signing_secrets)] = Field(
        default=SecretStr(""),
        description="Your Slack app's Signing Secret. It proves requests come from Slack. While rotating it: new,old",
    )
    slack_app_token: Annotated[SecretStr, secret_beginning("xapp-", PLACES["slack_app_token"])] = Field(
        default=SecretStr(""), description="App-level token with `connections:write`, for Socket Mode"
    )
    command: Annotated[str, matching(r"/[a-z0-9_-]{1,31}", "should be a slash command such as /opp-status")] = Field(
        default=COMMAND,
        description="The slash command. Change it here and in manifest.yml for a second installation in one "
        "workspace, such as `/opp-staging`",
    )
    slack_team_id: Annotated[
        str,
        matching(
            r"|T[A-Z0-9]{2,}", "should be a workspace ID such as T012AB3CD (from the address of Slack in a browser)"
        ),
    ] = Field(
        default="", description="The workspace `SLACK_BOT_TOKEN` should belong to. Used only by `check` and `/readyz`"
    )
    highlevel_token: Annotated[SecretStr, secret_beginning("", PLACES["highlevel_token"])] = Field(
        default=SecretStr(""),
        description="The sub-account's private integration token. Not needed with OAuth",
    )
    highlevel_location_id: Annotated[
        str,
        # A token in the wrong place would be shown to people, in links.
        matching(r"(?!pit-)[A-Za-z0-9_-]{1,64}", "should be the ID after /location/ in your HighLevel address bar"),
    ] = Field(description="The sub-account (location) to work in. If you have several, the default one")
    highlevel_locations: Annotated[
        tuple[tuple[str, str], ...], BeforeValidator(named_locations), BeforeValidator(comma_separated)
    ] = Field(
        default=(),
        description="More sub-accounts and their names, such as `abc123=Berlin,def456=Rome`. Needs OAuth",
    )
    allowed_users: Annotated[frozenset[PlacedUserId], BeforeValidator(placed), BeforeValidator(comma_separated)] = (
        Field(
            default=frozenset(),
            description="Slack member IDs with access, separated by commas. Behind a sub-account's name only there: "
            "`U012AB3CD,Berlin:U034EF5GH,U056IJ7KL`. If this, `ALLOWED_GROUPS`, and `ADMINS` are "
            "all empty, no one has access",
        )
    )
    allowed_groups: Annotated[frozenset[PlacedGroupId], BeforeValidator(placed), BeforeValidator(comma_separated)] = (
        Field(
            default=frozenset(),
            description="Slack user group IDs whose members have access, as in `ALLOWED_USERS`. Not available on "
            "Slack's free plan",
        )
    )
    allowed_channels: Annotated[frozenset[ChannelId], BeforeValidator(comma_separated)] = Field(
        default=frozenset(), description="Slack channel IDs where it works, separated by commas. Empty means everywhere"
    )
    admins: Annotated[tuple[UserId, ...], BeforeValidator(comma_separated)] = Field(
        default=(),
        description="Slack member IDs who can change deals, approve access, and see everyone's history, separated by "
        "commas",
    )
    admin_contact: Annotated[
        str, matching(r"|[UW][A-Z0-9]{2,}", "should be one Slack member ID such as U012AB3CD, or empty")
    ] = Field(
        default="",
        description="Slack member ID to show when someone needs help. Defaults to the first of `ADMINS`",
    )
    owners: Annotated[tuple[tuple[str, str], ...], BeforeValidator(owner_pairs), BeforeValidator(comma_separated)] = (
        Field(
            default=(),
            description="Slack member IDs and the HighLevel user each of them is, such as "
            "`U012AB3CD=a1B2c3D4e5F6g7H8i9J0`. Everyone else is found by email",
        )
    )
    owners_only: Annotated[
        tuple[tuple[str, OwnersOnly], ...], BeforeValidator(owner_modes), BeforeValidator(comma_separated)
    ] = Field(
        default="off",
        validate_default=True,
        description="`on`: only a deal's HighLevel owner and `ADMINS` can change it. `warn`: others can too, and the "
        "owner gets a DM. For one sub-account: `on,Berlin:warn`",
    )
    unassigned: Annotated[Unassigned, BeforeValidator(lambda who: str(who).lower())] = Field(
        default=Unassigned.ANYONE,
        description="Who can change deals without an owner, if `OWNERS_ONLY` is on: `anyone` or `admins`",
    )
    statuses: Annotated[frozenset[Status], BeforeValidator(state_names), BeforeValidator(comma_separated)] = Field(
        default=frozenset(STATES), description="Statuses people can set, separated by commas"
    )
    status_words: Annotated[
        frozenset[tuple[Status, str]], BeforeValidator(added_words), BeforeValidator(comma_separated)
    ] = Field(
        default=frozenset(),
        description="More words for a status at the end of a command, such as `won=gewonnen,lost=verloren`",
    )
    lost_reason: Annotated[LostReasonMode, BeforeValidator(lambda mode: str(mode).lower())] = Field(
        default=LostReasonMode.ASK,
        description="Lost reasons: `optional`, `ask` (privately, afterwards), or `required` (before the deal is lost)",
    )
    confirm: Annotated[Confirm, BeforeValidator(confirmation), BeforeValidator(comma_separated)] = Field(
        default="3,won",
        validate_default=True,
        description="When to ask first: when more than this many deals change at once, or when a deal leaves one of "
        "these statuses. `never` turns it off",
    )
    announce_channels: Annotated[
        frozenset[tuple[Status, ChannelId]], BeforeValidator(status_channels), BeforeValidator(comma_separated)
    ] = Field(
        default=frozenset(),
        description="Other channels to post to, by status, such as `won=C012AB3CD,lost=C034EF5GH`. Invite Opp Status "
        "to them",
    )
    watch: Annotated[frozenset[Status], BeforeValidator(state_names), BeforeValidator(comma_separated)] = Field(
        default="won,lost",
        validate_default=True,
        description="Statuses to post to `ANNOUNCE_CHANNELS` when a deal gets them in HighLevel, separated by commas",
    )
    watch_min_value: Annotated[float, AMOUNT] = Field(
        default=0, description="Changes in HighLevel are posted only for deals worth at least this. 0 for all"
    )
    watch_pipelines: Annotated[
        frozenset[str],
        BeforeValidator(read_pipelines),
        BeforeValidator(comma_separated),
    ] = Field(
        default=frozenset(),
        description="Changes in HighLevel are posted only for these pipelines, by name or ID, separated by commas. "
        "Empty for all",
    )
    quiet_hours: Annotated[QuietHours | None, BeforeValidator(QuietHours.read)] = Field(
        default=None,
        description="When to hold back changes in HighLevel and post one summary afterward, such as "
        "`22:00-07:00 Europe/Berlin`",
    )
    celebrate: Annotated[float | None, AMOUNT] = Field(
        default=None,
        description="Deals won in HighLevel and worth at least this get an extra line. Empty for none",
    )
    poll_seconds: Annotated[
        int | None,
        numeral(r"0|1[5-9]|[2-9][0-9]|[1-9][0-9]{2,4}", "should be a number of seconds, at least 15. Or 0 for never"),
    ] = Field(
        default=None,
        description="Seconds between checks for changes in HighLevel, at least 15. 0 for never. Empty means 60, if "
        "changes are posted and nothing else reports them",
    )
    stuck_days: Annotated[int, BeforeValidator(whole_days)] = Field(
        default=21,
        description="Days without a new stage or status after which an open deal counts as stuck. `0`: never",
    )
    digest: Annotated[tuple[Digest, ...], BeforeValidator(digests), BeforeValidator(comma_separated)] = Field(
        default=(),
        description="When to post a weekly digest, and to which channel, such as `mon 09:00 Europe/Berlin C012AB3CD`. "
        "It covers all sub-accounts, or the one named after the channel. Several are separated by commas",
    )
    errors_in_channel: bool = Field(
        default=False,
        description="`true`: errors show to the whole channel, not just to the person who ran the command",
    )
    currency: Annotated[str, matching(f"|{CURRENCIES}", "should be an ISO code such as USD, or empty")] = Field(
        default="", description="Currency of deal values, such as USD. HighLevel doesn't provide it"
    )
    docs_url: Url = Field(
        default="",
        description="Where you publish this project's `docs` folder, such as "
        "`https://github.com/acme/opp-status/blob/main/docs`. Help and refusals link to it",
    )
    database_url: Annotated[str, AfterValidator(database_address)] = Field(
        default="sqlite:///opp-status.db",
        description="Where commands are recorded: a SQLite file or a PostgreSQL database",
        repr=False,  # it may hold a password
    )
    undo_window: Annotated[timedelta, BeforeValidator(time_span)] = Field(
        default="24h",
        validate_default=True,
        description="How long people can undo a change, such as `30m`, `24h`, or `7d`. `0` turns undo off",
    )
    history_days: Annotated[int, BeforeValidator(whole_days)] = Field(
        default=0, description="Delete finished commands after this many days. `0` keeps them"
    )
    trail_days: Annotated[int, BeforeValidator(whole_days)] = Field(
        default=30,
        description="Days to keep who sent a command that was refused, misunderstood, or only looked, without its text."
        " `0` keeps none",
    )
    highlevel_client_id: Annotated[
        str, matching(r"[A-Za-z0-9_-]{1,128}", "should be the client ID from your app's Advanced Settings > Auth")
    ] = Field(default="", description="Your HighLevel marketplace app's client ID, for OAuth")
    highlevel_client_secret: Annotated[SecretStr, secret_beginning("", PLACES["highlevel_client_secret"])] = Field(
        default=SecretStr(""), description="Your HighLevel marketplace app's client secret, for OAuth"
    )
    public_url: Annotated[
        Url,
        matching(
            r".*(?<!/slack/events)", "should be the address alone. /slack/events goes behind it in Slack's settings"
        ),
    ] = Field(
        default="",
        description="The public address of this installation, such as `https://acme-deals.example.com`. `check` uses "
        "it to test whether Slack can reach it",
    )
    encryption_key: Annotated[SecretStr, BeforeValidator(encryption_keys)] = Field(
        default=SecretStr(""),
        description="Key for encrypting stored tokens. With several, separated by commas, the first encrypts and all "
        "decrypt",
    )
    highlevel_scopes: Annotated[tuple[str, ...], BeforeValidator(scope_list)] = Field(
        default="opportunities.readonly,opportunities.write,users.readonly",
        validate_default=True,
        description="OAuth scopes to request. Must match your app. Agency apps also need `oauth.write`",
    )
    highlevel_webhook_keys: Annotated[tuple[str, ...], BeforeValidator(read_keys), BeforeValidator(comma_separated)] = (
        Field(
            default=HIGHLEVELS_KEY,
            validate_default=True,
            description="HighLevel's public keys for webhooks, separated by commas. While it rotates its key: both",
        )
    )
    highlevel_workflow_token: Annotated[SecretStr, AfterValidator(long_token)] = Field(
        default=SecretStr(""),
        description="Token your HighLevel workflows send to `/highlevel/workflow`, as `Authorization: Bearer`",
    )
    highlevel_oauth_url: Url = Field(
        default="https://marketplace.gohighlevel.com/v2/oauth/chooselocation",
        description="HighLevel's sub-account picker. Change it for white-label domains and testing",
    )
    highlevel_app_url: Url = Field(
        default="https://app.gohighlevel.com", description="Where deal links go. Change it for a white-label domain"
    )
    highlevel_api_version: Annotated[
        str, matching(r"[A-Za-z0-9.-]{1,32}", "should be a version HighLevel has published, such as 2021-07-28")
    ] = Field(default="2021-07-28", description="The `Version` header to send to HighLevel")
    highlevel_api_url: Url = Field(default="https://services.leadconnectorhq.com", description="For testing")
    slack_api_url: Url = Field(default="https://slack.com/api/", description="For testing and GovSlack")
    port: int = Field(default=3000, ge=0, le=65535, description="Port to listen on. Most hosts set this")
    host: Annotated[str, AfterValidator(listening_address)] = Field(
        default="0.0.0.0",  # noqa: S104 - a PaaS routes to it
        description="Address to listen on",
    )
    https_proxy: SecretStr = Field(  # it may hold a password
        default=SecretStr(""),
        description="Proxy for everything Opp Status sends out, such as `http://proxy.example:3128`. Never for this "
        "machine",
    )
    all_proxy: SecretStr = Field(default=SecretStr(""), description="The proxy, if `HTTPS_PROXY` isn't set")
    http_proxy: SecretStr = Field(
        default=SecretStr(""), description="The proxy, if neither `HTTPS_PROXY` nor `ALL_PROXY` is set"
    )
    no_proxy: Annotated[
        str,
        matching(r"(?!.*://)[!-~\s]*", "should be host names such as slack.com, separated by commas, with no https://"),
    ] = Field(
        default="",
        description="Hosts to reach without the proxy, separated by commas, such as `slack.com`. `*` turns it off",
    )
    metrics_token: Annotated[SecretStr, AfterValidator(long_token)] = Field(
        default=SecretStr(""),
        description="Protects `/metrics`: send it as `Authorization: Bearer`. If empty, `/metrics` is off",
    )
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(lambda level: str(level).upper())
    ] = Field(default="INFO", description="`DEBUG`, `INFO`, `WARNING`, or `ERROR`")
    log_format: Annotated[Literal["auto", "json", "text"], BeforeValidator(lambda form: str(form).lower())] = Field(
        default="auto", description="`json`, `text`, or `auto` (text in a terminal, JSON elsewhere)"
    )

    _near_misses: dict[str, str] = PrivateAttr(default_factory=dict)

    @property
    def near_misses(self) -> dict[str, str]:
        """Variables that are nearly a setting's name, and do nothing: by their name, the setting that is meant."""
        return self._near_misses

    @property
    def allowlist(self) -> Allowlist:
        """Who may change deals, and from which channels."""
        places: dict[str, set[str]] = {}
        for entry in self.allowed_users | self.allowed_groups:
            place, _, identifier = entry.rpartition(":")
            places.setdefault(identifier, set()).add(place)
        only_in = {each: frozenset(map(self._place, found)) for each, found in places.items() if "" not in found}
        users, groups = map(_without_places, (self.allowed_users, self.allowed_groups))
        return Allowlist(users, self.allowed_channels, groups, frozenset(self.admins), only_in)

    def _place(self, named: str) -> str:
        """The id of a sub-account that a setting names; `from_env` has made sure that there is one."""
        return self.locations.meant(named) or ""

    @property
    def people(self) -> dict[str, frozenset[str]]:
        """The Slack user ids in each variable that names people."""
        contact = frozenset(filter(None, [self.admin_contact]))
        return {
            "ALLOWED_USERS": _without_places(self.allowed_users),
            "ADMINS": frozenset(self.admins),
            "ADMIN_CONTACT": contact,
            "OWNERS": frozenset(slack for slack, _ in self.owners),
        }

    @cached_property
    def owner_rule(self) -> OwnerRule:
        """Whether only owners change their deals, and where. `from_env` has made sure that it knows each place."""
        by_location = {self._place(place): mode for place, mode in self.owners_only if place}
        everywhere = next((mode for place, mode in self.owners_only if not place), OwnersOnly.OFF)
        return OwnerRule(everywhere, by_location, self.unassigned, frozenset(self.admins))

    @property
    def finds_owners_by_email(self) -> bool:
        """Whether only e-mails say whose a deal is, and that is asked."""
        return self.owner_rule.is_on and not self.owners

    @cached_property
    def policy(self) -> Policy:
        """What is decided here about commands."""
        return Policy(
            statuses=self.statuses,
            undo_window=self.undo_window,
            lost_reason=self.lost_reason,
            confirm=self.confirm,
            announce_channels=dict(self.announce_channels),
            errors_in_channel=self.errors_in_channel,
            stuck_days=self.stuck_days,
        )

    @cached_property
    def watch_policy(self) -> Watch:
        """Which changes made in HighLevel are posted."""
        return Watch(
            channels=dict(self.announce_channels),
            statuses=self.watch,
            min_value=self.watch_min_value,
            pipelines=self.watch_pipelines,
            quiet_hours=self.quiet_hours,
            celebrate=self.celebrate,
        )

    @property
    def polls_every(self) -> int:
        """Seconds between two polls of HighLevel; 0 for never."""
        if self.poll_seconds is not None:
            return self.poll_seconds
        return DEFAULT_POLL if self.watch_policy.is_on and not self.hears_of_changes else 0

    @property
    def hears_of_changes(self) -> bool:
        """Whether HighLevel can report changes to an address of the bot's."""
        return self.by_oauth or bool(self.highlevel_workflow_token.get_secret_value())

    @cached_property
    def proxies(self) -> Proxies:
        """Which servers are reached through a proxy."""
        given = [(name, getattr(self, name).get_secret_value()) for name in PROXIES]
        name, address = next(((name, address) for name, address in given if address), ("", ""))
        return Proxies.read(address, name.upper(), self.no_proxy) if address else Proxies()

    @property
    def by_oauth(self) -> bool:
        """Whether HighLevel can be connected by OAuth. If `highlevel_token` is set too, the bot uses that."""
        return bool(self.highlevel_client_id)

    @property
    def app_id(self) -> str:
        """The id of the app in HighLevel's marketplace, which begins its client id; empty without one."""
        return self.highlevel_client_id.partition("-")[0]

    @cached_property
    def locations(self) -> Locations:
        """The sub-accounts in which deals may be changed."""
        return Locations(self.highlevel_location_id, dict(self.highlevel_locations))

    @property
    def contact(self) -> str:
        """The Slack user id that is named to people who need help; empty if there is none."""
        return self.admin_contact or next(iter(self.admins), "")

    @field_validator(*PROXIES)
    @classmethod
    def _is_a_proxy(cls, address: SecretStr, info: ValidationInfo) -> SecretStr:
        """Only the one that is used has to be one: ALL_PROXY often names a SOCKS proxy beside HTTPS_PROXY."""
        earlier = PROXIES[: PROXIES.index(str(info.field_name))]
        if not any(info.data.get(name) for name in earlier):
            Proxies.read(address.get_secret_value())
        return address

    @field_validator("digest")
    @classmethod
    def _knows_its_sub_accounts(cls, digests: tuple[Digest, ...], info: ValidationInfo) -> tuple[Digest, ...]:
        ours = Locations(info.data.get("highlevel_location_id", ""), dict(info.data.get("highlevel_locations", ())))
        meant = [each.location_id and ours.meant(each.location_id) for each in digests]
        if None in meant:
            raise ValueError("names a sub-account that isn't in HIGHLEVEL_LOCATIONS")
        found = tuple(replace(each, location_id=where or "") for each, where in zip(digests, meant, strict=True))
        if not posted_once_a_day(found):
            raise ValueError(TWICE)
        return found

    @field_validator("history_days")
    @classmethod
    def _remembers_what_can_be_undone(cls, days: int, info: ValidationInfo) -> int:
        if days and timedelta(days=days) < info.data.get("undo_window", timedelta()):
            raise ValueError("should be 0, or at least as long as UNDO_WINDOW (undo needs the record)")
        return days

    @classmethod
    def from_env(cls, environ: Mapping[str, str], verb: Verb | None = None) -> Self:
        """Read the variables that are ours, without the quotes around them; an empty one counts as not set.

        A variable that only the other verb needs is ignored, so that exactly one of `slack_signing_secret` and
        `slack_app_token` is set. Without a verb: `socket` if there is an app token and no signing secret, else `serve`.

        Raises `SettingsError` with every problem, in the order of the fields.
        """
        values = {name: _value(environ, name) for name in cls.model_fields}
        given = {name: value for name, value in values.items() if value}
        garbled = misspelled(environ, [name.upper() for name in cls.model_fields])
        given |= {name.lower(): "" for name in garbled}
        verb = verb or ("socket" if "slack_app_token" in given and "slack_signing_secret" not in given else "serve")
        needed, unused = sorted(NEEDED_BY, key=lambda name: NEEDED_BY[name] != verb)
        given.pop(unused, None)
        for name, value in given.items():
            if problem := problem_of(value, is_free_text=name in FREE_TEXT):
                garbled.setdefault(name.upper(), problem)
        oauth = [name for name in BY_OAUTH if name not in given]
        asked = not {"highlevel_client_id", "highlevel_client_secret"}.isdisjoint(given)
        missing = [*([] if needed in given else [needed]), *(oauth if asked else [])]
        if not asked and "highlevel_token" not in given:
            missing.append("highlevel_token")
        problems = {name.upper(): _not_set(name) for name in missing}
        near = near_misses(environ, [name.upper() for name in cls.model_fields])
        try:
            settings = cls.model_validate(given)
        except ValidationError as error:
            problems |= _in_words(error)
        else:
            if settings.locations.others and not asked:
                problems["HIGHLEVEL_LOCATIONS"] = _NEEDS_OAUTH
            problems |= _unknown_places(settings)
            if not problems and not garbled:
                settings.near_misses.update(near)
                return settings
        raise _in_order(
            problems
            | {meant: _called(name, problems[meant]) for name, meant in near.items() if meant in problems}
            | garbled
        )


def _called(name: str, problem: str) -> str:
    return problem.replace("isn't set.", f"isn't set, but {name} is. Rename that one.", 1)


def _without_places(entries: frozenset[str]) -> frozenset[str]:
    return frozenset(entry.rpartition(":")[2] for entry in entries)


def _unknown_places(settings: Settings) -> dict[str, str]:
    """The settings that name a sub-account which is not among ours."""
    named = {"OWNERS_ONLY": [place for place, _ in settings.owners_only if place]}
    for name in ("allowed_users", "allowed_groups"):
        placed = sorted(entry for entry in getattr(settings, name) if ":" in entry)
        named[name.upper()] = [entry.rpartition(":")[0] for entry in placed]
    known = ", ".join(settings.locations.name(each) for each in settings.locations.ids)
    return {
        name: f"names the sub-account “{place}”, and there is only {known}. Use its name in HIGHLEVEL_LOCATIONS"
        for name, places in named.items()
        for place in places
        if settings.locations.meant(place) is None
    }


def _value(environ: Mapping[str, str], name: str) -> str:
    shared = clean(environ.get(name, "")) if name in IN_ANY_CASE else ""
    return shared or clean(environ.get(name.upper(), ""))


def without_oauth() -> SettingsError:
    """The error for connecting HighLevel by OAuth when none of what that needs is set."""
    return _in_order({name.upper(): _not_set(name) for name in BY_OAUTH})


def _in_order(problems: Mapping[str, str]) -> SettingsError:
    fields = [name.upper() for name in Settings.model_fields]
    return SettingsError(dict(sorted(problems.items(), key=lambda problem: fields.index(problem[0]))))


def database_url_of(environ: Mapping[str, str]) -> str:
    """Read `Settings.database_url` alone, for the verbs that need no other setting. Raises `SettingsError`."""
    value = clean(environ.get("DATABASE_URL", ""))
    problem = problem_of(value)
    if not problem:
        try:
            return database_address(value or str(Settings.model_fields["database_url"].default))
        except ValueError as error:
            problem = str(error)
    raise SettingsError({"DATABASE_URL": problem})


_WORDS = {
    "bool_parsing": "should be true or false",
    "int_parsing": "should be a whole number",
    "greater_than_equal": "should be a port from 0 to 65535",
    "less_than_equal": "should be a port from 0 to 65535",
}


def _in_words(error: ValidationError) -> dict[str, str]:
    """By variable: its first problem. Of a list, the first entry that is wrong."""
    problems: dict[str, str] = {}
    for found in error.errors(include_url=False):
        name, *where = found["loc"]
        own = found.get("ctx", {}).get("error")
        word = str(own) if own else _WORDS.get(found["type"], found["msg"].replace("Input should", "should"))
        if where:
            word = wrong_entry(word, int(where[0]), str(found["input"]))
        problems.setdefault(str(name).upper(), _not_set(str(name)) if found["type"] == "missing" else word)
    return problems


_OTHERS = ", ".join(name.upper() for name in BY_OAUTH[:-1])
_NEEDS_OAUTH = f"needs OAuth. Set {_OTHERS}, and {BY_OAUTH[-1].upper()} too, or remove it"


def _not_set(name: str) -> str:
    how = f". Copy it from {PLACES[name]}" if name in PLACES else ""
    if name == "encryption_key":
        how = f". Make one with: {MAKE_A_KEY}"
    return f"isn't set. {Settings.model_fields[name].description}{how}"
