"""What an operator sets: read once, every problem reported at once, secrets never shown."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from bot.deals.deal import STATES, Status
from bot.deals.locations import Locations
from bot.operations.times import period

LONGEST_NAME = 40
"""Characters of a sub-account's name: it stands in every message."""


class SettingsError(Exception):
    """The settings cannot be used. `problems`: variable -> what is wrong and what to do, without any value in it."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = dict(problems)
        super().__init__("\n".join(f"{name}: {problem}" for name, problem in self.problems.items()))


def _matching(pattern: str, problem: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(problem)
        return value

    return AfterValidator(check)


def _list(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _secret(prefix: str, where: str) -> AfterValidator:
    """A secret is pasted, often with a line break or as the wrong one of several; tell without showing it."""

    def check(secret: SecretStr) -> SecretStr:
        value = secret.get_secret_value()
        if not value or not value.isascii() or not value.isprintable() or " " in value:
            raise ValueError(f"is empty, or has a space or a line break inside; copy it again from {where}")
        if not value.startswith(prefix):
            raise ValueError(f"should begin with {prefix}; copy it from {where}")
        return secret

    return AfterValidator(check)


def _signing_secrets(value: object) -> object:
    """One, or two while it is changed. They have no form that could be known, so only their number is looked at."""
    given = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    secrets = [part.strip() for part in given.split(",")]
    if len(secrets) > len({*secrets} - {""}) or len(secrets) > MOST_SIGNING_SECRETS:
        raise ValueError(
            "should be one signing secret, or two different ones with a comma between them, the new one first;"
            " copy them from Basic Information in your Slack app"
        )
    return ",".join(secrets)


_THIS_MACHINE = r"localhost|127(\.[0-9]+){3}|\[::1\]"


def _url(value: str) -> str:
    problem = "should be an address that begins with https:// (or http:// on this machine)"
    try:
        url = TypeAdapter(HttpUrl).validate_python(value)
    except ValidationError as error:
        raise ValueError(problem) from error
    if url.scheme == "http" and not re.fullmatch(_THIS_MACHINE, url.host or ""):
        raise ValueError(problem)  # tokens and passes would be there for everybody on the way to read
    if url.username or url.password or url.query or url.fragment or re.search(r"[\s<>|]", value):
        raise ValueError(f"{problem}, and nothing behind the path")
    return value.rstrip("/")


def _period(value: object) -> object:
    found = timedelta() if value == "0" else period(str(value))
    if found is None:
        raise ValueError("should be a whole number of minutes, hours or days, such as 30m, 24h or 7d; or 0")
    return found


def _days(value: object) -> object:
    if not re.fullmatch(r"[0-9]{1,5}", str(value)):
        raise ValueError("should be a whole number of days, or 0")
    return value


def _states(value: object) -> object:
    """Status names; `ValueError` names the ones there are."""
    known = {status.value: status for status in Status}
    asked = [part.lower() for part in value] if isinstance(value, list) else []
    if not asked or not set(asked) <= known.keys():
        raise ValueError(f"should be a comma-separated choice of {', '.join(STATES)}")
    return frozenset(known[name] for name in asked)


@dataclass(frozen=True, slots=True)
class Confirm:
    """When somebody is asked before deals are changed."""

    above: int | None = None
    """Before more than so many are changed at once; `None` for never."""
    leaving: frozenset[Status] = frozenset()
    """Before a deal leaves one of these."""


def _confirm(value: object) -> object:
    parts = [part.lower() for part in value] if isinstance(value, list) else []
    if parts == ["never"]:
        return Confirm()
    numbers = [part for part in parts if re.fullmatch(r"[0-9]{1,2}", part)]
    statuses = [part for part in parts if part in STATES]
    if not parts or len(numbers) > 1 or len(numbers) + len(statuses) < len(parts):
        raise ValueError("should be a number of deals, statuses, or both, such as 3,won; or never")
    return Confirm(int(numbers[0]) if numbers else None, frozenset(map(Status, statuses)))


def _announcements(value: object) -> object:
    """Status and channel, several times."""
    pairs = [part.partition("=") for part in value] if isinstance(value, list) else []
    found = {status.strip().lower(): channel.strip() for status, _, channel in pairs}
    if len(found) < len(pairs) or not set(found) <= set(STATES) or not all(map(_is_channel, found.values())):
        raise ValueError("should be statuses with channel ids, each status once, such as won=C012AB3CD,lost=C034EF5GH")
    return frozenset((Status(status), channel) for status, channel in found.items())


def _locations(value: object) -> object:
    """Ids and names, several times."""
    pairs = [part.partition("=") for part in value] if isinstance(value, list) else []
    found = {location_id.strip(): " ".join(name.split()) for location_id, _, name in pairs}
    named = {name.casefold() for name in found.values()}
    fit = all(re.fullmatch(r"[A-Za-z0-9_-]{1,64}", each) and 0 < len(found[each]) <= LONGEST_NAME for each in found)
    if not fit or len(found) < len(pairs) or len(named) < len(found):
        raise ValueError(
            "should be ids of sub-accounts with a name for each, no two alike, such as abc123=Berlin,def456=Paris"
        )
    return tuple(found.items())


def _is_channel(value: str) -> bool:
    return re.fullmatch(r"[CG][A-Z0-9]{2,}", value) is not None


def _database(value: str) -> str:
    """A URL that has one meaning: in a password, `@`, `/` and the like are written as %40, %2F."""
    if not re.fullmatch(_SQLITE, value) and not re.fullmatch(_POSTGRESQL, value):
        raise ValueError(
            "should be sqlite:/// and a path, or postgresql:// with a user, a host and a database"
            " (in its password, @ is written as %40 and / as %2F)"
        )
    return value


_SQLITE = r"sqlite:///[^?]+"
_POSTGRESQL = r"postgres(ql)?://(?=[^/])([^\s/@]*@)?(\[[0-9a-fA-F:.]+\]|[^\s/@:\[\]]*)(:[0-9]+)?/[^\s@?]+(\?\S*)?"


def _keys(value: object) -> object:
    """Keys of `vault`, of which the first is used; known by their form, so that nothing need be loaded for it."""
    keys = _list(value.get_secret_value() if isinstance(value, SecretStr) else value)
    if not isinstance(keys, list) or not keys or not all(re.fullmatch(KEY, str(key)) for key in keys):
        raise ValueError(f"should be one key, or several with commas between them; make one with: {MAKE_A_KEY}")
    return ",".join(keys)


def _scopes(value: object) -> object:
    scopes = str(value).replace(",", " ").split()
    if not scopes or not all(re.fullmatch(r"[A-Za-z0-9_./-]+", scope) for scope in scopes):
        raise ValueError("should be scopes such as opportunities.write, with commas or spaces between them")
    return scopes


def _metrics_token(secret: SecretStr) -> SecretStr:
    """It is the only thing between the internet and the metrics, and an operator may make it up."""
    if not re.fullmatch(rf"[!-~]{{{SHORTEST_TOKEN},}}", secret.get_secret_value()):
        raise ValueError(
            f"should have {SHORTEST_TOKEN} characters or more, and no space; make one with: {MAKE_A_TOKEN}"
        )
    return secret


MOST_SIGNING_SECRETS = 2
"""The new one and the old one, while it is changed."""
KEY = r"[A-Za-z0-9_-]{43}="
SHORTEST_TOKEN = 20
MAKE_A_TOKEN = "python -c 'import secrets; print(secrets.token_urlsafe())'"  # noqa: S105 - how to make one
MAKE_A_KEY = "python -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())'"

Url = Annotated[str, AfterValidator(_url)]
UserId = Annotated[
    str,
    _matching(r"[UW][A-Z0-9]{2,}", "should be Slack user ids such as U012AB3CD (profile, three dots, Copy member ID)"),
]
GroupId = Annotated[
    str,
    _matching(
        r"S[A-Z0-9]{2,}", "should be Slack user group ids such as S012AB3CD (People, User groups, Copy group ID)"
    ),
]
ChannelId = Annotated[
    str,
    _matching(
        r"[CGD][A-Z0-9]{2,}", "should be Slack channel ids such as C012AB3CD (channel name, About, at the bottom)"
    ),
]


Verb = Literal["serve", "socket"]
"""How the bot is run: Slack comes over HTTP, or over Socket Mode."""
NEEDED_BY: Mapping[str, Verb] = {"slack_signing_secret": "serve", "slack_app_token": "socket"}
"""The settings that one verb needs and the other has no use for."""
BY_OAUTH = ("highlevel_client_id", "highlevel_client_secret", "public_url", "encryption_key")
"""What connecting HighLevel by OAuth needs. `highlevel_token` is needed where neither of the first two is set."""


class Settings(BaseModel):
    """Every setting, named as its environment variable is, in lower case."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True, str_strip_whitespace=True)

    slack_bot_token: Annotated[SecretStr, _secret("xoxb-", "OAuth & Permissions in your Slack app")] = Field(
        description="Bot User OAuth Token of the Slack app"
    )
    slack_signing_secret: Annotated[
        SecretStr, _secret("", "Basic Information in your Slack app"), BeforeValidator(_signing_secrets)
    ] = Field(
        default=SecretStr(""),
        description="Signing Secret of the Slack app; proves that a request comes from Slack. While you change it: the "
        "new one, a comma, the old one",
    )
    slack_app_token: Annotated[SecretStr, _secret("xapp-", "Basic Information > App-Level Tokens in Slack")] = Field(
        default=SecretStr(""), description="App-level token with `connections:write`; connects by Socket Mode"
    )
    slack_team_id: Annotated[
        str,
        _matching(
            r"|T[A-Z0-9]{2,}", "should be a workspace's id such as T012AB3CD (in the address of Slack's web page)"
        ),
    ] = Field(
        default="", description="The workspace that `SLACK_BOT_TOKEN` must belong to; the checks alone look at it"
    )
    highlevel_token: Annotated[SecretStr, _secret("", "Settings > Private Integrations in HighLevel")] = Field(
        default=SecretStr(""),
        description="Private integration token of the sub-account; not needed where HighLevel is connected by OAuth",
    )
    highlevel_location_id: Annotated[
        str, _matching(r"[A-Za-z0-9_-]{1,64}", "should be the id after /location/ in your HighLevel address bar")
    ] = Field(description="The sub-account (location) whose deals may be changed; of several the default one")
    highlevel_locations: Annotated[tuple[tuple[str, str], ...], BeforeValidator(_locations), BeforeValidator(_list)] = (
        Field(
            default=(),
            description="Further sub-accounts, and what people call each, such as `abc123=Berlin,def456=Rome`; "
            "needs OAuth",
        )
    )
    allowed_users: Annotated[frozenset[UserId], BeforeValidator(_list)] = Field(
        default=frozenset(),
        description="Slack user ids who may change deals, comma separated; nobody may without any, and no groups or "
        "admins",
    )
    allowed_groups: Annotated[frozenset[GroupId], BeforeValidator(_list)] = Field(
        default=frozenset(),
        description="Slack user groups whose members may too, by id, comma separated; free workspaces have none",
    )
    allowed_channels: Annotated[frozenset[ChannelId], BeforeValidator(_list)] = Field(
        default=frozenset(), description="Slack channel ids where they may, comma separated; empty means everywhere"
    )
    admins: Annotated[tuple[UserId, ...], BeforeValidator(_list)] = Field(
        default=(),
        description="Slack user ids who may change deals, let others in and read everybody's history, comma separated",
    )
    admin_contact: Annotated[
        str, _matching(r"|[UW][A-Z0-9]{2,}", "should be one Slack user id such as U012AB3CD, or nothing")
    ] = Field(
        default="",
        description="Slack user id named to people who are refused or meet a broken token; empty names the first of "
        "`ADMINS`",
    )
    statuses: Annotated[frozenset[Status], BeforeValidator(_states), BeforeValidator(_list)] = Field(
        default=frozenset(STATES), description="The statuses that may be set, comma separated"
    )
    lost_reason: Annotated[
        Literal["optional", "ask", "required"], BeforeValidator(lambda policy: str(policy).lower())
    ] = Field(
        default="ask",
        description="Why a deal was lost: `optional`; `ask` for it afterwards, privately; or `required` beforehand",
    )
    confirm: Annotated[Confirm, BeforeValidator(_confirm), BeforeValidator(_list)] = Field(
        default="3,won",
        validate_default=True,
        description="Asks first: before more deals than this are changed at once, and before one leaves one of these "
        "statuses; `never` asks nobody",
    )
    announce_channels: Annotated[
        frozenset[tuple[Status, ChannelId]], BeforeValidator(_announcements), BeforeValidator(_list)
    ] = Field(
        default=frozenset(),
        description="Where a change is posted besides the channel it was made in, by its status, such as "
        "`won=C012AB3CD,lost=C034EF5GH`; invite the bot there",
    )
    errors_in_channel: bool = Field(
        default=False, description="`true`: failures of people who may change deals are shown to the whole channel"
    )
    currency: Annotated[str, _matching(r"|[A-Z]{3}", "should be an ISO code such as USD, or nothing")] = Field(
        default="", description="ISO code put before a deal's value; HighLevel does not say which it is"
    )
    database_url: Annotated[str, AfterValidator(_database)] = Field(
        default="sqlite:///opp-status.db",
        description="Where every command is written down: a SQLite file, or a PostgreSQL database",
        repr=False,  # it may hold a password
    )
    undo_window: Annotated[timedelta, BeforeValidator(_period)] = Field(
        default="24h",
        validate_default=True,
        description="How long a change can be taken back, such as `30m`, `24h` or `7d`; `0` for never",
    )
    history_days: Annotated[int, BeforeValidator(_days)] = Field(
        default=0, description="Days after which finished commands are deleted from the database; `0` keeps them"
    )
    highlevel_client_id: Annotated[
        str, _matching(r"[A-Za-z0-9_-]{1,128}", "should be the Client ID, under Advanced Settings > Auth of your app")
    ] = Field(default="", description="Client id of your app in HighLevel's marketplace; connects by OAuth")
    highlevel_client_secret: Annotated[SecretStr, _secret("", "Advanced Settings > Auth of your app")] = Field(
        default=SecretStr(""), description="Client secret of that app"
    )
    public_url: Url = Field(
        default="",
        description="The bot's own public address, such as `https://acme-deals.example.com`; `check` tries whether "
        "Slack can reach it",
    )
    encryption_key: Annotated[SecretStr, BeforeValidator(_keys)] = Field(
        default=SecretStr(""),
        description="Key with which tokens are stored; several with commas: the first closes, all open",
    )
    highlevel_scopes: Annotated[tuple[str, ...], BeforeValidator(_scopes)] = Field(
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
        str, _matching(r"[A-Za-z0-9.-]{1,32}", "should be a version HighLevel published, such as 2021-07-28")
    ] = Field(default="2021-07-28", description="The `Version` header that HighLevel wants")
    highlevel_api_url: Url = Field(default="https://services.leadconnectorhq.com", description="For stand-ins")
    slack_api_url: Url = Field(default="https://slack.com/api/", description="For stand-ins and GovSlack")
    port: int = Field(default=3000, ge=0, le=65535, description="The port to listen on; a PaaS sets it")
    host: str = Field(default="0.0.0.0", min_length=1, description="The address to listen on")  # noqa: S104 - a PaaS routes to it
    metrics_token: Annotated[SecretStr, AfterValidator(_metrics_token)] = Field(
        default=SecretStr(""),
        description="Opens `/metrics` to whoever sends it with `Authorization: Bearer`; without it there is no such "
        "page",
    )
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], BeforeValidator(lambda level: str(level).upper())
    ] = Field(default="INFO", description="`DEBUG`, `INFO`, `WARNING` or `ERROR`")
    log_format: Annotated[Literal["auto", "json", "text"], BeforeValidator(lambda form: str(form).lower())] = Field(
        default="auto", description="`json`, `text`, or `auto`: text on a terminal, otherwise JSON"
    )

    @property
    def by_oauth(self) -> bool:
        """Whether HighLevel can be connected by OAuth. `highlevel_token`, if it is set as well, is what is used."""
        return bool(self.highlevel_client_id)

    @property
    def locations(self) -> Locations:
        """The sub-accounts in which deals may be changed."""
        return Locations(self.highlevel_location_id, dict(self.highlevel_locations))

    @property
    def contact(self) -> str:
        """Whoever is named to people who need somebody; empty for nobody."""
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

        What only the other verb needs is not even looked at, so that just one of `slack_signing_secret` and
        `slack_app_token` is set. Without a verb: `socket` if there is an app token and no signing secret, or `serve`.

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
    """What is missing where HighLevel is to be connected by OAuth, and none of it is set."""
    return _in_order({name.upper(): _not_set(name) for name in BY_OAUTH})


def _in_order(problems: Mapping[str, str]) -> SettingsError:
    fields = [name.upper() for name in Settings.model_fields]
    return SettingsError(dict(sorted(problems.items(), key=lambda problem: fields.index(problem[0]))))


def database_url_of(environ: Mapping[str, str]) -> str:
    """`Settings.database_url` alone, for what needs no other setting. Raises `SettingsError` with its one problem."""
    try:
        return _database(environ.get("DATABASE_URL", "").strip() or str(Settings.model_fields["database_url"].default))
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
