"""The settings: read once, with every problem reported at once, and secrets never shown."""

from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from bot.access.rules import Allowlist
from bot.deals.deal import STATES, Status
from bot.deals.locations import Locations
from bot.deals.policy import Confirm, LostReasonMode, Policy
from bot.operations.formats import (
    MAKE_A_KEY,
    ChannelId,
    GroupId,
    Url,
    UserId,
    comma_separated,
    confirmation,
    database_address,
    encryption_keys,
    long_token,
    matching,
    named_locations,
    scope_list,
    secret_beginning,
    signing_secrets,
    state_names,
    status_channels,
    time_span,
    whole_days,
)


class SettingsError(Exception):
    """The settings cannot be used. `problems`, by variable: what is wrong and what to do; no value is repeated."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__("\n".join(f"{name}: {problem}" for name, problem in self.problems.items()))


Verb = Literal["serve", "socket"]
"""How Slack reaches the bot: over HTTP, or over Socket Mode."""

NEEDED_BY: Mapping[str, Verb] = {"slack_signing_secret": "serve", "slack_app_token": "socket"}
"""The settings that one verb needs and the other ignores."""

BY_OAUTH = ("highlevel_client_id", "highlevel_client_secret", "public_url", "encryption_key")
"""What connecting HighLevel by OAuth needs. Without the first two, `highlevel_token` is needed."""


class Settings(BaseModel):
    """Every setting, named as its environment variable is, in lower case."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, str_strip_whitespace=True)

    slack_bot_token: Annotated[SecretStr, secret_beginning("xoxb-", "OAuth & Permissions in your Slack app")] = Field(
        description="Bot User OAuth Token of the Slack app"
    )
    slack_signing_secret: Annotated[
        SecretStr, secret_beginning("", "Basic Information in your Slack app"), BeforeValidator(signing_secrets)
    ] = Field(
        default=SecretStr(""),
        description="Signing Secret of the Slack app; proves that a request comes from Slack. While you change it: the "
        "new one, a comma, the old one",
    )
    slack_app_token: Annotated[
        SecretStr, secret_beginning("xapp-", "Basic Information > App-Level Tokens in Slack")
    ] = Field(default=SecretStr(""), description="App-level token with `connections:write`; connects by Socket Mode")
    slack_team_id: Annotated[
        str,
        matching(
            r"|T[A-Z0-9]{2,}", "should be a workspace's id such as T012AB3CD (in the address of Slack's web page)"
        ),
    ] = Field(
        default="", description="The workspace that `SLACK_BOT_TOKEN` must belong to; the checks alone look at it"
    )
    highlevel_token: Annotated[SecretStr, secret_beginning("", "Settings > Private Integrations in HighLevel")] = Field(
        default=SecretStr(""),
        description="Private integration token of the sub-account; not needed where HighLevel is connected by OAuth",
    )
    highlevel_location_id: Annotated[
        str, matching(r"[A-Za-z0-9_-]{1,64}", "should be the id after /location/ in your HighLevel address bar")
    ] = Field(description="The sub-account (location) whose deals may be changed; of several the default one")
    highlevel_locations: Annotated[
        tuple[tuple[str, str], ...], BeforeValidator(named_locations), BeforeValidator(comma_separated)
    ] = Field(
        default=(),
        description="Further sub-accounts, and what people call each, such as `abc123=Berlin,def456=Rome`; needs OAuth",
    )
    allowed_users: Annotated[frozenset[UserId], BeforeValidator(comma_separated)] = Field(
        default=frozenset(),
        description="Slack user ids who may change deals, comma separated; no one may without any, and no groups or "
        "admins",
    )
    allowed_groups: Annotated[frozenset[GroupId], BeforeValidator(comma_separated)] = Field(
        default=frozenset(),
        description="Slack user groups whose members may too, by id, comma separated; free workspaces have none",
    )
    allowed_channels: Annotated[frozenset[ChannelId], BeforeValidator(comma_separated)] = Field(
        default=frozenset(), description="Slack channel ids where they may, comma separated; empty means everywhere"
    )
    admins: Annotated[tuple[UserId, ...], BeforeValidator(comma_separated)] = Field(
        default=(),
        description="Slack user ids who may change deals, let others in and read everybody's history, comma separated",
    )
    admin_contact: Annotated[
        str, matching(r"|[UW][A-Z0-9]{2,}", "should be one Slack user id such as U012AB3CD, or nothing")
    ] = Field(
        default="",
        description="Slack user id named to people who are refused or meet a broken token; empty names the first of "
        "`ADMINS`",
    )
    statuses: Annotated[frozenset[Status], BeforeValidator(state_names), BeforeValidator(comma_separated)] = Field(
        default=frozenset(STATES), description="The statuses that may be set, comma separated"
    )
    lost_reason: Annotated[LostReasonMode, BeforeValidator(lambda mode: str(mode).lower())] = Field(
        default=LostReasonMode.ASK,
        description="Why a deal was lost: `optional`; `ask` for it afterwards, privately; or `required` beforehand",
    )
    confirm: Annotated[Confirm, BeforeValidator(confirmation), BeforeValidator(comma_separated)] = Field(
        default="3,won",
        validate_default=True,
        description="Asks first: before more deals than this are changed at once, and before one leaves one of these "
        "statuses; `never` asks no one",
    )
    announce_channels: Annotated[
        frozenset[tuple[Status, ChannelId]], BeforeValidator(status_channels), BeforeValidator(comma_separated)
    ] = Field(
        default=frozenset(),
        description="Where a change is posted besides the channel it was made in, by its status, such as "
        "`won=C012AB3CD,lost=C034EF5GH`; invite the bot there",
    )
    errors_in_channel: bool = Field(
        default=False, description="`true`: failures of people who may change deals are shown to the whole channel"
    )
    currency: Annotated[str, matching(r"|[A-Z]{3}", "should be an ISO code such as USD, or nothing")] = Field(
        default="", description="ISO code put before a deal's value; HighLevel does not say which it is"
    )
    database_url: Annotated[str, AfterValidator(database_address)] = Field(
        default="sqlite:///opp-status.db",
        description="Where every command is written down: a SQLite file, or a PostgreSQL database",
        repr=False,  # it may hold a password
    )
    undo_window: Annotated[timedelta, BeforeValidator(time_span)] = Field(
        default="24h",
        validate_default=True,
        description="How long a change can be taken back, such as `30m`, `24h` or `7d`; `0` for never",
    )
    history_days: Annotated[int, BeforeValidator(whole_days)] = Field(
        default=0, description="Days after which finished commands are deleted from the database; `0` keeps them"
    )
    highlevel_client_id: Annotated[
        str, matching(r"[A-Za-z0-9_-]{1,128}", "should be the Client ID, under Advanced Settings > Auth of your app")
    ] = Field(default="", description="Client id of your app in HighLevel's marketplace; connects by OAuth")
    highlevel_client_secret: Annotated[SecretStr, secret_beginning("", "Advanced Settings > Auth of your app")] = Field(
        default=SecretStr(""), description="Client secret of that app"
    )
    public_url: Url = Field(
        default="",
        description="The bot's own public address, such as `https://acme-deals.example.com`; `check` tries whether "
        "Slack can reach it",
    )
    encryption_key: Annotated[SecretStr, BeforeValidator(encryption_keys)] = Field(
        default=SecretStr(""),
        description="Key with which tokens are stored; several with commas: the first closes, all open",
    )
    highlevel_scopes: Annotated[tuple[str, ...], BeforeValidator(scope_list)] = Field(
        default="opportunities.readonly,opportunities.write,users.readonly",
        validate_default=True,
        description="What is asked for by OAuth, as your app lists it; an agency's app needs `oauth.write` too",
    )
    highlevel_oauth_url: Url = Field(
        default="https://marketplace.gohighlevel.com/v2/oauth/chooselocation",
        description="Where a sub-account is chosen; for white-label domains and stand-ins",
    )
    highlevel_app_url: Url = Field(
        default="https://app.gohighlevel.com", description="Where links to deals lead; set it for a white-label domain"
    )
    highlevel_api_version: Annotated[
        str, matching(r"[A-Za-z0-9.-]{1,32}", "should be a version HighLevel published, such as 2021-07-28")
    ] = Field(default="2021-07-28", description="The `Version` header that HighLevel wants")
    highlevel_api_url: Url = Field(default="https://services.leadconnectorhq.com", description="For stand-ins")
    slack_api_url: Url = Field(default="https://slack.com/api/", description="For stand-ins and GovSlack")
    port: int = Field(default=3000, ge=0, le=65535, description="The port to listen on; a PaaS sets it")
    host: str = Field(default="0.0.0.0", min_length=1, description="The address to listen on")  # noqa: S104 - a PaaS routes to it
    metrics_token: Annotated[SecretStr, AfterValidator(long_token)] = Field(
        default=SecretStr(""),
        description="Opens `/metrics` to everyone who sends it with `Authorization: Bearer`; without it there is no "
        "such page",
    )
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(lambda level: str(level).upper())
    ] = Field(default="INFO", description="`DEBUG`, `INFO`, `WARNING` or `ERROR`")
    log_format: Annotated[Literal["auto", "json", "text"], BeforeValidator(lambda form: str(form).lower())] = Field(
        default="auto", description="`json`, `text`, or `auto`: text on a terminal, otherwise JSON"
    )

    @property
    def allowlist(self) -> Allowlist:
        """Who may change deals, and from which channels."""
        return Allowlist(self.allowed_users, self.allowed_channels, self.allowed_groups, frozenset(self.admins))

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
        )

    @property
    def by_oauth(self) -> bool:
        """Whether HighLevel can be connected by OAuth. If `highlevel_token` is set too, the bot uses that."""
        return bool(self.highlevel_client_id)

    @property
    def locations(self) -> Locations:
        """The sub-accounts in which deals may be changed."""
        return Locations(self.highlevel_location_id, dict(self.highlevel_locations))

    @property
    def contact(self) -> str:
        """The Slack user id that is named to people who need help; empty if there is none."""
        return self.admin_contact or next(iter(self.admins), "")

    @field_validator("history_days")
    @classmethod
    def _remembers_what_can_be_undone(cls, days: int, info: ValidationInfo) -> int:
        if days and timedelta(days=days) < info.data.get("undo_window", timedelta()):
            raise ValueError("should be at least as long as UNDO_WINDOW, or 0: a change is taken back from its row")
        return days

    @classmethod
    def from_env(cls, environ: Mapping[str, str], verb: Verb | None = None) -> Self:
        """Read the variables that are ours; an empty one counts as not set.

        A variable that only the other verb needs is ignored, so that exactly one of `slack_signing_secret` and
        `slack_app_token` is set. Without a verb: `socket` if there is an app token and no signing secret, else `serve`.

        Raises `SettingsError` with every problem, in the order of the fields.
        """
        given = {
            name: environ[name.upper()].strip() for name in cls.model_fields if environ.get(name.upper(), "").strip()
        }
        verb = verb or ("socket" if "slack_app_token" in given and "slack_signing_secret" not in given else "serve")
        needed, unused = sorted(NEEDED_BY, key=lambda name: NEEDED_BY[name] != verb)
        given.pop(unused, None)
        oauth = [name for name in BY_OAUTH if name not in given]
        asked = not {"highlevel_client_id", "highlevel_client_secret"}.isdisjoint(given)
        missing = [*([] if needed in given else [needed]), *(oauth if asked else [])]
        if not asked and "highlevel_token" not in given:
            missing.append("highlevel_token")
        problems = {name.upper(): _not_set(name) for name in missing}
        try:
            settings = cls.model_validate(given)
        except ValidationError as error:
            problems |= _in_words(error)
        else:
            if settings.locations.others and not asked:
                problems |= {name.upper(): _not_set(name) for name in BY_OAUTH}
            if not problems:
                return settings
        raise _in_order(problems)


def without_oauth() -> SettingsError:
    """The error for connecting HighLevel by OAuth when none of what that needs is set."""
    return _in_order({name.upper(): _not_set(name) for name in BY_OAUTH})


def _in_order(problems: Mapping[str, str]) -> SettingsError:
    fields = [name.upper() for name in Settings.model_fields]
    return SettingsError(dict(sorted(problems.items(), key=lambda problem: fields.index(problem[0]))))


def database_url_of(environ: Mapping[str, str]) -> str:
    """Read `Settings.database_url` alone, for the verbs that need no other setting. Raises `SettingsError`."""
    try:
        return database_address(
            environ.get("DATABASE_URL", "").strip() or str(Settings.model_fields["database_url"].default)
        )
    except ValueError as error:
        raise SettingsError({"DATABASE_URL": str(error)}) from None


_WORDS = {
    "bool_parsing": "should be true or false",
    "int_parsing": "should be a whole number",
    "greater_than_equal": "should be a port from 0 to 65535",
    "less_than_equal": "should be a port from 0 to 65535",
    "string_too_short": "should be an address to listen on, such as 0.0.0.0",
}


def _in_words(error: ValidationError) -> dict[str, str]:
    problems: dict[str, str] = {}
    for found in error.errors(include_url=False, include_input=False):
        name = str(found["loc"][0]).upper()
        own = found.get("ctx", {}).get("error")
        word = str(own) if own else _WORDS.get(found["type"], found["msg"].replace("Input should", "should"))
        problems[name] = _not_set(name.lower()) if found["type"] == "missing" else word
    return problems


def _not_set(name: str) -> str:
    how = f"; make one with: {MAKE_A_KEY}" if name == "encryption_key" else ""
    return f"is not set: {Settings.model_fields[name].description}{how}"
