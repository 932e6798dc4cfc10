from base64 import b64encode
from collections.abc import Mapping
from datetime import time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import pq
from pydantic import SecretStr, ValidationError

from bot.access.ownership import OwnersOnly, Unassigned
from bot.deals.deal import STATES, Status
from bot.deals.policy import Confirm, LostReasonMode, Policy
from bot.events.watch import QuietHours
from bot.highlevel.notices.signing import HIGHLEVELS_KEY
from bot.operations.formats.credentials import MAKE_A_KEY
from bot.operations.settings import NEEDED_BY, Settings, SettingsError, Verb, database_url_of, without_oauth
from bot.schedule.digest.periods import Digest

SIGNING_SECRET, NEW_SECRET = "thisisnotasigningsecretofslacks0", "thisisanewsigningsecretofslacks1"
SECRETS = {
    "SLACK_BOT_TOKEN": "xoxb-not-a-token",
    "SLACK_SIGNING_SECRET": SIGNING_SECRET,
    "HIGHLEVEL_TOKEN": "pit-not-a-token",
}
REQUIRED = {**SECRETS, "HIGHLEVEL_LOCATION_ID": "ve9EPM428h8vShlRW1KT"}


def _verb(environ: dict[str, str]) -> Verb | None:
    """The verb that looks at what is set."""
    return "socket" if environ.get("SLACK_APP_TOKEN", "").strip() else None


OTHER_KEY = HIGHLEVELS_KEY.replace("Ai2H", "Aj3I")
"""Another public key, while HighLevel changes its own."""
KEY = f"{'k' * 42}A="
OAUTH = {
    "HIGHLEVEL_CLIENT_ID": "0123456789abcdef01234567-abcd1234",
    "HIGHLEVEL_CLIENT_SECRET": "not-a-client-secret",
    "PUBLIC_URL": "https://deals.example",
    "ENCRYPTION_KEY": KEY,
}
"""What is set together or not at all."""


def _with_its_like(*names: str) -> dict[str, str]:
    """What is required, and what is required where one of these is set."""
    return REQUIRED | (OAUTH if {"HIGHLEVEL_CLIENT_ID", "HIGHLEVEL_CLIENT_SECRET"} & {*names} else {})


def _set(**variables: str) -> Settings:
    return Settings.from_env(_with_its_like(*variables) | variables, _verb(variables))


def _problems(environ: dict[str, str], verb: Verb | None = None) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(environ, verb or _verb(environ))
    return caught.value.problems


# --- values that are well ------------------------------------------------------------------------------------------


def test_four_variables_are_enough_and_then_no_one_may_change_deals() -> None:
    settings = _set()

    assert settings.slack_bot_token.get_secret_value() == "xoxb-not-a-token"
    assert settings.slack_signing_secret.get_secret_value() == SIGNING_SECRET
    assert settings.highlevel_token.get_secret_value() == "pit-not-a-token"
    assert settings.highlevel_location_id == "ve9EPM428h8vShlRW1KT"
    assert settings.allowed_users == frozenset()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("slack_api_url", "https://slack.com/api/"),
        ("highlevel_api_url", "https://services.leadconnectorhq.com"),
        ("highlevel_api_version", "2021-07-28"),
        ("highlevel_app_url", "https://app.gohighlevel.com"),
        ("highlevel_oauth_url", "https://marketplace.gohighlevel.com/v2/oauth/chooselocation"),
        ("highlevel_scopes", ("opportunities.readonly", "opportunities.write", "users.readonly")),
        ("by_oauth", False),
        ("allowed_users", frozenset()),
        ("allowed_channels", frozenset()),
        ("allowed_groups", frozenset()),
        ("admins", ()),
        ("admin_contact", ""),
        ("statuses", frozenset(STATES)),
        ("lost_reason", "ask"),
        ("confirm", Confirm(above=3, leaving=frozenset({Status.WON}))),
        ("announce_channels", frozenset()),
        ("status_words", frozenset()),
        ("errors_in_channel", False),
        ("currency", ""),
        ("database_url", "sqlite:///opp-status.db"),
        ("port", 3000),
        ("host", "0.0.0.0"),  # noqa: S104 - the documented default
        ("log_level", "INFO"),
        ("log_format", "auto"),
    ],
)
def test_an_unset_variable_has_the_documented_default(name: str, value: object) -> None:
    assert getattr(_set(), name) == value


def test_what_is_decided_about_commands_is_one_policy_made_once() -> None:
    decided = _set(
        STATUSES="won,open",
        UNDO_WINDOW="30m",
        LOST_REASON="Required",
        CONFIRM="5",
        ANNOUNCE_CHANNELS="won=C012AB3CD",
        ERRORS_IN_CHANNEL="true",
        STUCK_DAYS="30",
    )

    assert decided.policy == Policy(
        statuses=frozenset({Status.OPEN, Status.WON}),
        undo_window=timedelta(minutes=30),
        lost_reason=LostReasonMode.REQUIRED,
        confirm=Confirm(above=5),
        announce_channels={Status.WON: "C012AB3CD"},
        errors_in_channel=True,
        stuck_days=30,
    )
    assert decided.policy is decided.policy


GOOD: list[tuple[str, str, Any]] = [
    ("COMMAND", "/opp-staging_2", "/opp-staging_2"),
    ("SLACK_TEAM_ID", "T012AB3CD", "T012AB3CD"),
    ("PUBLIC_URL", "https://acme-deals.example.com/", "https://acme-deals.example.com"),
    ("SLACK_APP_TOKEN", "xapp-1-A0-not-a-token", SecretStr("xapp-1-A0-not-a-token")),
    ("SLACK_SIGNING_SECRET", f" {NEW_SECRET} ,\n {SIGNING_SECRET}", SecretStr(f"{NEW_SECRET},{SIGNING_SECRET}")),
    ("SLACK_API_URL", "http://127.0.0.1:8080/api/", "http://127.0.0.1:8080/api"),
    ("HIGHLEVEL_API_URL", "http://[::1]:8080", "http://[::1]:8080"),
    ("PUBLIC_URL", "http://localhost:3000", "http://localhost:3000"),
    ("DOCS_URL", "https://docs.example/opp-status/", "https://docs.example/opp-status"),
    ("SLACK_API_URL", "https://slack-gov.com/api", "https://slack-gov.com/api"),
    ("HIGHLEVEL_API_URL", "https://stand-in.example//", "https://stand-in.example"),
    ("HIGHLEVEL_APP_URL", "https://crm.some-agency.example", "https://crm.some-agency.example"),
    ("HIGHLEVEL_LOCATION_ID", "abc_DEF-123", "abc_DEF-123"),
    ("HIGHLEVEL_API_VERSION", "v3", "v3"),
    ("HIGHLEVEL_CLIENT_ID", "0123456789abcdef01234567-abcd1234", "0123456789abcdef01234567-abcd1234"),
    ("HIGHLEVEL_CLIENT_SECRET", "not-a-secret", SecretStr("not-a-secret")),
    ("PUBLIC_URL", "https://deals.example/", "https://deals.example"),
    ("PUBLIC_URL", "https://example.com/deals", "https://example.com/deals"),
    ("ENCRYPTION_KEY", KEY, SecretStr(KEY)),
    ("ENCRYPTION_KEY", f"{KEY} ,\n{KEY},", SecretStr(f"{KEY},{KEY}")),
    ("HIGHLEVEL_SCOPES", "opportunities.write oauth.write", ("opportunities.write", "oauth.write")),
    ("HIGHLEVEL_SCOPES", "opportunities.write, oauth.write", ("opportunities.write", "oauth.write")),
    ("HIGHLEVEL_WEBHOOK_KEYS", HIGHLEVELS_KEY, (HIGHLEVELS_KEY,)),
    ("HIGHLEVEL_WEBHOOK_KEYS", f"{OTHER_KEY}, {HIGHLEVELS_KEY}", (OTHER_KEY, HIGHLEVELS_KEY)),
    ("HIGHLEVEL_WORKFLOW_TOKEN", "w" * 20, SecretStr("w" * 20)),
    (
        "HIGHLEVEL_OAUTH_URL",
        "https://app.example/v2/oauth/chooselocation",
        "https://app.example/v2/oauth/chooselocation",
    ),
    ("ALLOWED_USERS", "U012AB3CD", frozenset({"U012AB3CD"})),
    ("ALLOWED_USERS", " U012AB3CD , W012AB3CD,,U012AB3CD, ", frozenset({"U012AB3CD", "W012AB3CD"})),
    ("ALLOWED_USERS", "U012AB3CD,\n  W012AB3CD", frozenset({"U012AB3CD", "W012AB3CD"})),
    ("ALLOWED_USERS", ",", frozenset()),
    ("ALLOWED_GROUPS", "S012AB3CD, S034EF5GH", frozenset({"S012AB3CD", "S034EF5GH"})),
    (
        "ALLOWED_USERS",
        "U012AB3CD, ve9EPM428h8vShlRW1KT: U034EF5GH, W056IJ7KL",
        frozenset({"U012AB3CD", "ve9EPM428h8vShlRW1KT:U034EF5GH", "ve9EPM428h8vShlRW1KT:W056IJ7KL"}),
    ),
    ("ALLOWED_GROUPS", "ve9EPM428h8vShlRW1KT:S012AB3CD", frozenset({"ve9EPM428h8vShlRW1KT:S012AB3CD"})),
    ("ADMINS", "W012AB3CD, U012AB3CD", ("W012AB3CD", "U012AB3CD")),
    ("ALLOWED_CHANNELS", "C012AB3CD,G012AB3CD,D012AB3CD", frozenset({"C012AB3CD", "G012AB3CD", "D012AB3CD"})),
    ("ADMIN_CONTACT", "W012AB3CD", "W012AB3CD"),
    ("STATUSES", "won", frozenset({Status.WON})),
    ("STATUSES", "Open, LOST", frozenset({Status.OPEN, Status.LOST})),
    ("STATUSES", "open,won,lost,abandoned,all", frozenset(Status)),
    ("LOST_REASON", "Required", "required"),
    ("LOST_REASON", "optional", "optional"),
    ("CONFIRM", "never", Confirm()),
    ("CONFIRM", "Never", Confirm()),
    ("CONFIRM", "0", Confirm(above=0)),
    ("CONFIRM", "10", Confirm(above=10)),
    ("CONFIRM", "Won, lost", Confirm(leaving=frozenset({Status.WON, Status.LOST}))),
    ("CONFIRM", "won,5,won,", Confirm(above=5, leaving=frozenset({Status.WON}))),
    ("HIGHLEVEL_LOCATIONS", "ve9EPM428h8vShlRW1KT= North  Sea ", (("ve9EPM428h8vShlRW1KT", "North Sea"),)),
    ("ANNOUNCE_CHANNELS", "won=C012AB3CD", frozenset({(Status.WON, "C012AB3CD")})),
    (
        "ANNOUNCE_CHANNELS",
        "Won = C012AB3CD ,\n lost=G012AB3CD,",
        frozenset({(Status.WON, "C012AB3CD"), (Status.LOST, "G012AB3CD")}),
    ),
    ("ANNOUNCE_CHANNELS", ",", frozenset()),
    ("WATCH", "lost, open", frozenset({Status.LOST, Status.OPEN})),
    ("WATCH_MIN_VALUE", "1250.50", 1250.5),
    ("WATCH_PIPELINES", "New Business, pIpElInE1", frozenset({"new business", "pipeline1"})),
    ("OWNERS", "U0ANA=hlAna, U0BEN = hlBen ", (("U0ANA", "hlAna"), ("U0BEN", "hlBen"))),
    ("OWNERS_ONLY", "Warn", (("", OwnersOnly.WARN),)),
    ("OWNERS_ONLY", "on, ve9EPM428h8vShlRW1KT : off", (("", OwnersOnly.ON), ("ve9EPM428h8vShlRW1KT", OwnersOnly.OFF))),
    ("UNASSIGNED", "Admins", Unassigned.ADMINS),
    ("QUIET_HOURS", "22:00-07:00 Europe/Berlin", QuietHours(time(22), time(7), ZoneInfo("Europe/Berlin"))),
    ("QUIET_HOURS", "12:30 - 13:15 UTC", QuietHours(time(12, 30), time(13, 15), ZoneInfo("UTC"))),
    ("DIGEST", "mon 09:00 Europe/Berlin C0DEALS", (Digest(0, time(9), ZoneInfo("Europe/Berlin"), "C0DEALS"),)),
    (
        "DIGEST",
        "Friday 16:30 America/New_York C0DEALS ve9EPM428h8vShlRW1KT, sun 7:00 UTC G0ROME",
        (
            Digest(4, time(16, 30), ZoneInfo("America/New_York"), "C0DEALS", "ve9EPM428h8vShlRW1KT"),
            Digest(6, time(7), ZoneInfo("UTC"), "G0ROME"),
        ),
    ),
    ("CELEBRATE", "10000", 10_000.0),
    ("POLL_SECONDS", "0", 0),
    ("POLL_SECONDS", "15", 15),
    ("POLL_SECONDS", "600", 600),
    (
        "STATUS_WORDS",
        "won=Gewonnen, lost = ganz  verloren",
        frozenset({(Status.WON, "gewonnen"), (Status.LOST, "ganz verloren")}),
    ),
    ("ERRORS_IN_CHANNEL", "true", True),
    ("ERRORS_IN_CHANNEL", "TRUE", True),
    ("ERRORS_IN_CHANNEL", "1", True),
    ("ERRORS_IN_CHANNEL", "no", False),
    ("CURRENCY", "EUR", "EUR"),
    ("DATABASE_URL", "sqlite:////var/lib/opp status/ledger.db", "sqlite:////var/lib/opp status/ledger.db"),
    ("DATABASE_URL", "postgres://u:p@h:5432/d?sslmode=require", "postgres://u:p@h:5432/d?sslmode=require"),
    ("DATABASE_URL", "postgresql://u@h/d", "postgresql://u@h/d"),
    ("UNDO_WINDOW", "30m", timedelta(minutes=30)),
    ("UNDO_WINDOW", "24H", timedelta(hours=24)),
    ("UNDO_WINDOW", "7d", timedelta(days=7)),
    ("UNDO_WINDOW", "0", timedelta()),
    ("HISTORY_DAYS", "0", 0),
    ("HISTORY_DAYS", "365", 365),
    ("TRAIL_DAYS", "0", 0),
    ("STUCK_DAYS", "0", 0),
    ("STUCK_DAYS", "14", 14),
    ("TRAIL_DAYS", "90", 90),
    ("PORT", "0", 0),
    ("PORT", "65535", 65535),
    ("HOST", "::1", "::1"),
    ("HOST", "localhost", "localhost"),
    ("HOST", "fly-local-6pn.internal", "fly-local-6pn.internal"),
    ("HTTPS_PROXY", "http://proxy.example:3128", SecretStr("http://proxy.example:3128")),
    ("HTTPS_PROXY", "proxy.example:3128", SecretStr("proxy.example:3128")),
    ("ALL_PROXY", "https://bot:p%40ss@proxy.example", SecretStr("https://bot:p%40ss@proxy.example")),
    ("HTTP_PROXY", "http://[::1]:3128/", SecretStr("http://[::1]:3128/")),
    ("NO_PROXY", ".slack.com, 10.0.0.0/8,*", ".slack.com, 10.0.0.0/8,*"),
    ("METRICS_TOKEN", "not-a-token-of-anybody", SecretStr("not-a-token-of-anybody")),
    ("LOG_LEVEL", "debug", "DEBUG"),
    ("LOG_LEVEL", "Warning", "WARNING"),
    ("LOG_FORMAT", "JSON", "json"),
    ("LOG_FORMAT", "text", "text"),
]


@pytest.mark.parametrize(("name", "given", "understood"), GOOD)
@pytest.mark.parametrize("pasted", ["{}", "  {}\n", "\t{}\r\n"])
def test_a_variable_is_read_without_the_space_pasted_around_it(
    name: str, given: str, understood: object, pasted: str
) -> None:
    assert getattr(_set(**{name: pasted.format(given)}), name.lower()) == understood


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_may_end_with_a_line_break(name: str) -> None:
    settings = _set(**{name: f" {SECRETS[name]}\r\n"})

    assert getattr(settings, name.lower()).get_secret_value() == SECRETS[name]


@pytest.mark.parametrize("name", sorted(name.upper() for name in Settings.model_fields))
@pytest.mark.parametrize("empty", ["", " ", "\n"])
def test_an_empty_variable_counts_as_not_set(name: str, empty: str) -> None:
    if name in REQUIRED:
        assert _problems(REQUIRED | {name: empty})[name].startswith("isn't set")
    else:
        assert Settings.from_env(REQUIRED | {name: empty}) == _set()


def test_other_variables_are_ignored() -> None:
    others = _set(PATH="/bin", SLACK_CLIENT_ID="1.2", slack_bot_token="xoxp-other", STATUS="x")

    assert others.model_dump() == _set().model_dump()


# --- the proxy -----------------------------------------------------------------------------------------------------

PROXY, ANOTHER = "http://proxy.example:3128", "http://another.example:8080"


@pytest.mark.parametrize(
    ("given", "url", "source"),
    [
        ({}, "", ""),
        ({"HTTPS_PROXY": PROXY, "ALL_PROXY": ANOTHER, "HTTP_PROXY": ANOTHER}, PROXY, "HTTPS_PROXY"),
        ({"ALL_PROXY": PROXY, "HTTP_PROXY": ANOTHER}, PROXY, "ALL_PROXY"),
        ({"HTTP_PROXY": PROXY}, PROXY, "HTTP_PROXY"),
        ({"https_proxy": PROXY}, PROXY, "HTTPS_PROXY"),
        ({"https_proxy": PROXY, "HTTPS_PROXY": ANOTHER}, PROXY, "HTTPS_PROXY"),
        ({"https_proxy": " ", "HTTPS_PROXY": PROXY}, PROXY, "HTTPS_PROXY"),
        ({"HTTPS_PROXY": PROXY, "all_proxy": "socks5://127.0.0.1:7891"}, PROXY, "HTTPS_PROXY"),
    ],
)
def test_there_is_one_proxy_whatever_variable_names_it(given: Mapping[str, str], url: str, source: str) -> None:
    proxies = _set(**given).proxies

    assert (proxies.url, proxies.source) == (url, source)


def test_a_proxys_password_is_never_shown() -> None:
    settings = _set(HTTPS_PROXY="http://bot:hunter2@proxy.example:3128", NO_PROXY="slack.com")

    assert settings.proxies.authorization == f"Basic {b64encode(b'bot:hunter2').decode()}"
    assert not settings.proxies.lead_to("https://slack.com/api/")
    for shown in (repr(settings), repr(settings.proxies), settings.proxies.url):
        assert "hunter2" not in shown
        assert b64encode(b"bot:hunter2").decode() not in shown


# --- values that are not -------------------------------------------------------------------------------------------

BAD = [
    ("SLACK_BOT_TOKEN", "xoxp-not-a-token", "should start with xoxb-"),
    ("SLACK_BOT_TOKEN", "xapp-not-a-token", "OAuth & Permissions in your Slack app"),
    ("SLACK_BOT_TOKEN", "xoxb-not a-token", "contains a space or line break"),
    ("SLACK_SIGNING_SECRET", "not a secret", "Copy it again from Basic Information"),
    (
        "SLACK_SIGNING_SECRET",
        "not-ä-secret",
        "Copy it again from Basic Information",
    ),
    ("SLACK_SIGNING_SECRET", f"{NEW_SECRET},", "two separated by a comma with the new one first"),
    ("SLACK_SIGNING_SECRET", f",{SIGNING_SECRET}", "two separated by a comma with the new one first"),
    ("SLACK_SIGNING_SECRET", f"{NEW_SECRET},{SIGNING_SECRET},{'c' * 32}", "should be one signing secret, or two"),
    ("SLACK_SIGNING_SECRET", f"{NEW_SECRET}, {NEW_SECRET}", "two separated by a comma"),
    ("SLACK_SIGNING_SECRET", f"{NEW_SECRET}, not a secret", "Copy it again from Basic Information"),
    *(
        ("SLACK_SIGNING_SECRET", wrong, "should be 32 letters and digits, and no token or address")
        for wrong in (
            "xoxb-not-a-token",
            "xapp-not-a-token",
            "https://api.slack.com",
            SIGNING_SECRET[1:],
            f"{'0' * 31}_",
        )
    ),
    ("SLACK_APP_TOKEN", "xoxb-not-a-token", "should start with xapp-"),
    (
        "SLACK_APP_TOKEN",
        "xapp-not-ä-token",
        "contains U+00E4 (latin small letter a with diaeresis). Copy it again from",
    ),
    ("SLACK_APP_TOKEN", "xapp-not a-token", "Copy it again from Basic Information > App-Level Tokens"),
    ("COMMAND", "opp-status", "should be a slash command such as /opp-status"),
    ("COMMAND", "/Opp Status", "should be a slash command such as /opp-status"),
    ("SLACK_TEAM_ID", "acme", "should be a workspace ID such as T012AB3CD"),
    ("SLACK_API_URL", "slack.com/api", "should start with https://"),
    ("SLACK_API_URL", "http://slack.com/api", "(or http:// on this machine)"),
    ("HIGHLEVEL_API_URL", "http://127.0.0.1.evil.example", "(or http:// on this machine)"),
    ("HIGHLEVEL_OAUTH_URL", "http://localhost.evil.example/", "(or http:// on this machine)"),
    ("PUBLIC_URL", "http://deals.example", "(or http:// on this machine)"),
    ("SLACK_API_URL", "ftp://slack.com/api", "should start with https://"),
    ("HIGHLEVEL_TOKEN", "pit-not\n-a-token", "Private Integrations in HighLevel"),
    ("HIGHLEVEL_LOCATION_ID", "https://app.gohighlevel.com/v2/location/x", "the ID after /location/"),
    ("HIGHLEVEL_LOCATION_ID", "a" * 65, "the ID after /location/"),
    ("HIGHLEVEL_API_URL", "https://user:pw@services.leadconnectorhq.com", "should start with https://"),
    ("HIGHLEVEL_API_URL", "https://services.leadconnectorhq.com/?a=b", "with nothing after the path"),
    ("HIGHLEVEL_API_URL", "https://", "should start with https://"),
    ("HIGHLEVEL_API_VERSION", "2021 07 28", "such as 2021-07-28"),
    ("HIGHLEVEL_API_VERSION", "2021-07-28\r\nX-Other: y", "such as 2021-07-28"),
    ("HIGHLEVEL_APP_URL", "https://app.gohighlevel.com/#/v2", "should start with https://"),
    ("HIGHLEVEL_CLIENT_ID", "an id", "should be the client ID"),
    ("HIGHLEVEL_CLIENT_SECRET", "not a secret", "Copy it again from your app's Advanced Settings"),
    ("PUBLIC_URL", "deals.example", "should start with https://"),
    ("DOCS_URL", "docs.example", "should start with https://"),
    ("PUBLIC_URL", "https://deals.example/?a=b", "with nothing after the path"),
    ("ENCRYPTION_KEY", "short", "Make one with: python -c"),
    ("ENCRYPTION_KEY", ",", "should be one key, or several"),
    ("ENCRYPTION_KEY", f"{KEY},short", "should be one key, or several"),
    ("HIGHLEVEL_WEBHOOK_KEYS", "MCow", "should be HighLevel's public key"),
    ("HIGHLEVEL_WEBHOOK_KEYS", f"{HIGHLEVELS_KEY},!", "should be HighLevel's public key"),
    ("HIGHLEVEL_WEBHOOK_KEYS", ",", "should be HighLevel's public key"),
    ("HIGHLEVEL_WORKFLOW_TOKEN", "short", "should be at least 20 characters"),
    ("HIGHLEVEL_SCOPES", ",", "should be scopes such as opportunities.write"),
    ("HIGHLEVEL_SCOPES", "a&b", "should be scopes such as opportunities.write"),
    ("HIGHLEVEL_OAUTH_URL", "marketplace.example", "should start with https://"),
    ("ALLOWED_USERS", "ana", "should be Slack member IDs such as U012AB3CD"),
    ("ALLOWED_USERS", "U012AB3CD,@ana", "should be Slack member IDs such as U012AB3CD"),
    ("ALLOWED_USERS", "u012ab3cd", "should be Slack member IDs such as U012AB3CD"),
    ("ALLOWED_USERS", "U012AB3CD W012AB3CD", "should be Slack member IDs such as U012AB3CD"),
    ("ALLOWED_USERS", ":U012AB3CD", "should be Slack member IDs such as U012AB3CD"),
    ("ALLOWED_USERS", "U012AB3CD,Rome:U034EF5GH", "names the sub-account “Rome”, and there is only"),
    ("ALLOWED_USERS", "*", "should be Slack member IDs such as U012AB3CD"),
    ("ALLOWED_GROUPS", "@sales", "should be Slack user group IDs such as S012AB3CD"),
    ("ALLOWED_GROUPS", "U012AB3CD", "should be Slack user group IDs such as S012AB3CD"),
    ("ALLOWED_GROUPS", "Rome:S012AB3CD", "names the sub-account “Rome”"),
    ("ADMINS", "kim", "should be Slack member IDs such as U012AB3CD"),
    ("ALLOWED_CHANNELS", "#sales", "should be Slack channel IDs such as C012AB3CD"),
    ("ALLOWED_CHANNELS", "U012AB3CD", "should be Slack channel IDs such as C012AB3CD"),
    ("ADMIN_CONTACT", "ana@example.com", "should be one Slack member ID such as U012AB3CD"),
    ("ADMIN_CONTACT", "U012AB3CD,U012AB3CE", "should be one Slack member ID such as U012AB3CD"),
    ("STATUSES", "won,closed", "should be one or more of open, won, lost, abandoned, separated by commas"),
    ("STATUSES", ",", "should be one or more of open, won, lost, abandoned, separated by commas"),
    ("LOST_REASON", "sometimes", "'optional', 'ask' or 'required'"),
    ("CONFIRM", "always", "should be a number of deals, statuses, or both, such as 3,won. Or never"),
    ("CONFIRM", "never,won", "Or never"),
    ("CONFIRM", "3,4", "a number of deals"),
    ("CONFIRM", "100", "a number of deals"),
    ("CONFIRM", "-1", "a number of deals"),
    ("CONFIRM", "all", "statuses"),
    ("CONFIRM", ",", "statuses"),
    ("HIGHLEVEL_LOCATIONS", "PARIS", "should be sub-account IDs with a unique name for each"),
    ("HIGHLEVEL_LOCATIONS", "a/b=Paris", "should be sub-account IDs with a unique name for each"),
    ("HIGHLEVEL_LOCATIONS", "PARIS=Paris,ROME=paris", "a unique name"),
    ("HIGHLEVEL_LOCATIONS", "PARIS=Paris,PARIS=Rome", "a unique name"),
    ("HIGHLEVEL_LOCATIONS", f"PARIS={'x' * 41}", "should be sub-account IDs"),
    ("STATUS_WORDS", "gewonnen", "such as won=gewonnen,lost=verloren"),
    ("STATUS_WORDS", "won=", "should be statuses with a word for each"),
    ("STATUS_WORDS", "all=alles", "should be statuses with a word for each"),
    ("STATUS_WORDS", "won=ja,lost=ja", "Use each word once"),
    ("STATUS_WORDS", "won=three whole words", "a word for each"),
    ("ANNOUNCE_CHANNELS", "won", "such as won=C012AB3CD,lost=C034EF5GH"),
    ("ANNOUNCE_CHANNELS", "C012AB3CD", "should be statuses with channel IDs"),
    ("ANNOUNCE_CHANNELS", "won=#wins", "should be statuses with channel IDs"),
    ("ANNOUNCE_CHANNELS", "won=D012AB3CD", "should be statuses with channel IDs"),
    ("ANNOUNCE_CHANNELS", "all=C012AB3CD", "should be statuses with channel IDs"),
    ("ANNOUNCE_CHANNELS", "won=C012AB3CD,Won=C012AB3CE", "each status once"),
    ("WATCH", "closed", "should be one or more of"),
    ("WATCH_MIN_VALUE", "a lot", "should be an amount in digits"),
    ("WATCH_MIN_VALUE", "-5", "should be an amount in digits"),
    ("WATCH_PIPELINES", "x" * 101, "should be names or IDs of pipelines"),
    ("OWNERS", "U0ANA", "should be Slack member IDs with a HighLevel user ID for each"),
    ("OWNERS_ONLY", "true", "should be off, warn, or on"),
    ("OWNERS_ONLY", "on,off", "should be off, warn, or on"),
    ("OWNERS_ONLY", "on,:warn", "“:warn” isn't one"),
    ("OWNERS_ONLY", "on,Berlin:warn", "names the sub-account “Berlin”, and there is only"),
    ("UNASSIGNED", "nobody", "'anyone' or 'admins'"),
    ("QUIET_HOURS", "22:00-07:00", "should be two different times and a time zone"),
    ("QUIET_HOURS", "25:00-07:00 UTC", "should be two different times and a time zone"),
    ("QUIET_HOURS", "07:00-07:00 UTC", "should be two different times and a time zone"),
    ("QUIET_HOURS", "22:00-07:00 Europe/Atlantis", "doesn't know that time zone"),
    ("QUIET_HOURS", "22:00-07:00 Europe", "doesn't know that time zone"),
    ("DIGEST", "mon 09:00 C0DEALS", "should be a day, a time, a time zone, and a channel ID"),
    ("DIGEST", "09:00 Europe/Berlin C0DEALS", "such as mon 09:00 Europe/Berlin C012AB3CD"),
    ("DIGEST", "mon 09:00 Europe/Atlantis C0DEALS", "doesn't know that time zone"),
    ("DIGEST", "mon 09:00 UTC C0DEALS, tue 25:00 UTC C0DEALS", "A sub-account can follow (entry 2)"),
    ("DIGEST", "mon 09:00 UTC C0DEALS Atlantis", "names a sub-account that isn't in HIGHLEVEL_LOCATIONS"),
    ("DIGEST", "mon 09:00 UTC C0DEALS, mon 10:00 UTC C0DEALS", "two digests of the same deals, in one channel"),
    ("CELEBRATE", "big", "should be an amount in digits"),
    ("POLL_SECONDS", "5", "should be a number of seconds, at least 15"),
    ("POLL_SECONDS", "often", "should be a number of seconds, at least 15"),
    ("ERRORS_IN_CHANNEL", "sometimes", "should be true or false"),
    ("CURRENCY", "usd", "should be an ISO code such as USD"),
    ("CURRENCY", "$", "should be an ISO code such as USD"),
    ("DATABASE_URL", "postgresql://ana:p@ss@db.example/ledger", "write @ as %40"),
    ("DATABASE_URL", "postgresql://ana:pa/ss@db.example/ledger", "/ as %2F"),
    ("DATABASE_URL", "postgresql://ana:12/ss@db.example/ledger", "/ as %2F"),
    ("DATABASE_URL", "postgresql://db.example:port/ledger", "should be sqlite:/// plus a path"),
    ("DATABASE_URL", "postgresql:///ledger", "should be sqlite:/// plus a path"),
    ("DATABASE_URL", "mysql://localhost/x", "should be sqlite:/// plus a path"),
    ("DATABASE_URL", "sqlite:///", "should be sqlite:/// plus a path"),
    ("DATABASE_URL", "postgresql://u:p@h", "should be sqlite:/// plus a path, or postgresql:// with"),
    ("HTTPS_PROXY", "socks5://proxy.example:1080", "should be a proxy's address, such as http://proxy.example:3128"),
    ("HTTPS_PROXY", "http://proxy.example:port", "should be a proxy's address"),
    ("HTTPS_PROXY", "http://[proxy.example", "should be a proxy's address"),
    ("HTTPS_PROXY", "http://proxy.example/path", "should be a proxy's address"),
    ("HTTPS_PROXY", "http://bot:pa/ss@proxy.example:3128", "should be a proxy's address"),
    ("HTTPS_PROXY", "http://proxy example:3128", "should be a proxy's address"),
    ("HTTPS_PROXY", "http://", "should be a proxy's address"),
    ("ALL_PROXY", "socks5h://127.0.0.1:7891", "(http or https, not SOCKS)"),
    ("HTTP_PROXY", "ftp://proxy.example", "(http or https, not SOCKS)"),
    ("NO_PROXY", "https://slack.com", "should be host names such as slack.com"),
    ("UNDO_WINDOW", "soon", "such as 30m, 24h, or 7d"),
    ("UNDO_WINDOW", "24", "such as 30m, 24h, or 7d"),
    ("UNDO_WINDOW", "-1h", "such as 30m, 24h, or 7d"),
    ("HISTORY_DAYS", "-1", "should be a number of days"),
    ("HISTORY_DAYS", "ever", "should be a number of days"),
    ("TRAIL_DAYS", "30d", "should be a number of days"),
    ("STUCK_DAYS", "three weeks", "should be a number of days"),
    ("DATABASE_URL", "sqlite:///ledger.db?mode=ro", "should be sqlite:/// plus a path"),
    ("DATABASE_URL", "postgresql://db.example/ledger?ssl_mode=require", "“ssl_mode”, which PostgreSQL doesn't know."),
    ("DATABASE_URL", "postgresql://db.example/ledger?ssl_mode=require", "Write sslmode if you mean that"),
    ("DATABASE_URL", "postgresql://ana:a?b@db.example/ledger?sslmode=require&pgbouncer=true", "“pgbouncer”"),
    ("DATABASE_URL", "postgresql://db.example/ledger?=x", "Remove it"),
    ("HOST", "0.0.0.0:3000", "should be an address to listen on, such as 0.0.0.0, without a port"),
    ("HOST", "http://localhost", "should be an address to listen on"),
    ("HOST", "x86_64-conda-linux-gnu", "should be an address to listen on"),
    ("HOST", "300.1.2.3", "should be an address to listen on"),
    ("HOST", f"{'a.' * 130}example", "should be an address to listen on"),
    ("PORT", "http", "should be a whole number"),
    ("PORT", "30.5", "should be a whole number"),
    ("PORT", "-1", "should be a port from 0 to 65535"),
    ("PORT", "65536", "should be a port from 0 to 65535"),
    ("METRICS_TOKEN", "not-a-token", "should be at least 20 characters"),
    ("METRICS_TOKEN", "not-a-token", "Make one with: python -c"),
    ("METRICS_TOKEN", "not a token of anybody", "no space"),
    ("METRICS_TOKEN", "not-ä-token-of-anybody", "should be at least 20 characters"),
    ("LOG_LEVEL", "LOUD", "'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
    ("LOG_FORMAT", "xml", "'auto', 'json' or 'text'"),
]


@pytest.mark.parametrize(("name", "value", "words"), BAD)
def test_an_unusable_value_is_reported_with_what_to_do(name: str, value: str, words: str) -> None:
    problems = _problems(_with_its_like(name) | {name: value})

    assert set(problems) == {name}
    assert words in problems[name]


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_variable_is_reported_with_its_description(name: str) -> None:
    problems = _problems({other: value for other, value in REQUIRED.items() if other != name})

    assert list(problems) == [name]
    assert problems[name].startswith(f"isn't set. {Settings.model_fields[name.lower()].description}. Copy it from ")


def test_every_problem_is_reported_at_once_in_the_order_of_the_documentation() -> None:
    first_bad = OAUTH | {name: value for name, value, _ in reversed(BAD)}
    in_order = [name.upper() for name in Settings.model_fields if name.upper() in first_bad]

    assert list(_problems(first_bad, "serve")) == [name for name in in_order if name != "SLACK_APP_TOKEN"]
    assert list(_problems(first_bad, "socket")) == [name for name in in_order if name != "SLACK_SIGNING_SECRET"]
    assert list(_problems({})) == list(_problems({}, "serve")) == list(REQUIRED)
    assert list(_problems({"PORT": "http"}, "socket")) == [
        "SLACK_BOT_TOKEN",
        "SLACK_APP_TOKEN",
        "HIGHLEVEL_TOKEN",
        "HIGHLEVEL_LOCATION_ID",
        "PORT",
    ]


# --- serve or socket -----------------------------------------------------------------------------------------------

APP_TOKEN = {"SLACK_APP_TOKEN": "xapp-not-a-token"}


@pytest.mark.parametrize(
    ("signing_secret", "app_token", "looked_at"),
    [
        (SIGNING_SECRET, "", "slack_signing_secret"),
        (SIGNING_SECRET, "xapp-not-a-token", "slack_signing_secret"),
        ("", "xapp-not-a-token", "slack_app_token"),
        (" ", "xapp-not-a-token", "slack_app_token"),
    ],
)
def test_without_a_verb_the_variables_that_are_set_decide(signing_secret: str, app_token: str, looked_at: str) -> None:
    environ = REQUIRED | {"SLACK_SIGNING_SECRET": signing_secret, "SLACK_APP_TOKEN": app_token}
    settings = Settings.from_env(environ)

    assert [name for name in NEEDED_BY if getattr(settings, name)] == [looked_at]


@pytest.mark.parametrize(("name", "verb"), NEEDED_BY.items())
def test_a_verb_ignores_the_variable_that_only_the_other_needs(name: str, verb: Verb) -> None:
    (other,) = NEEDED_BY.keys() - {name}
    settings = Settings.from_env(REQUIRED | APP_TOKEN | {other.upper(): "not for ä log"}, verb)

    assert getattr(settings, name)
    assert not getattr(settings, other)


@pytest.mark.parametrize(("name", "verb"), NEEDED_BY.items())
def test_a_variable_that_the_verb_needs_is_reported_with_its_description(name: str, verb: Verb) -> None:
    problems = _problems(REQUIRED | APP_TOKEN | {name.upper(): ""}, verb)

    assert list(problems) == [name.upper()]
    assert problems[name.upper()].startswith(f"isn't set. {Settings.model_fields[name].description}. Copy it from ")


def test_the_text_of_the_error_has_every_problem() -> None:
    error = SettingsError({"PORT": "should be a whole number", "CURRENCY": "should be an ISO code"})

    assert str(error) == "PORT: should be a whole number\nCURRENCY: should be an ISO code"


def test_there_is_a_good_and_a_bad_example_of_every_variable() -> None:
    every = {name.upper() for name in Settings.model_fields}

    assert {name for name, _, _ in GOOD} | set(REQUIRED) == every
    assert {name for name, _, _ in BAD} == every


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_variable_is_described(name: str) -> None:
    assert Settings.model_fields[name].description


@given(st.dictionaries(st.sampled_from([name.upper() for name in Settings.model_fields]), st.text()))
def test_any_values_are_read_or_each_problem_is_reported(environ: dict[str, str]) -> None:
    problems: dict[str, str] = {}
    try:
        Settings.from_env(REQUIRED | environ)
    except SettingsError as error:
        problems = error.problems

    asked = {"HIGHLEVEL_CLIENT_ID", "HIGHLEVEL_CLIENT_SECRET"} & environ.keys()
    assert problems.keys() <= environ.keys() | (OAUTH.keys() if asked else set())
    assert all(problems.values())


# --- by OAuth -------------------------------------------------------------------------------------------------------


def test_with_oauth_no_token_is_needed() -> None:
    environ = {name: value for name, value in REQUIRED.items() if name != "HIGHLEVEL_TOKEN"}
    settings = Settings.from_env(environ | OAUTH)

    assert settings.by_oauth
    assert not settings.highlevel_token.get_secret_value()


@pytest.mark.parametrize("asked", ["HIGHLEVEL_CLIENT_ID", "HIGHLEVEL_CLIENT_SECRET"])
def test_a_begun_oauth_setup_reports_what_else_it_needs_and_no_token(asked: str) -> None:
    environ = {name: value for name, value in REQUIRED.items() if name != "HIGHLEVEL_TOKEN"}
    problems = _problems(environ | {asked: OAUTH[asked]})

    assert list(problems) == [name for name in OAUTH if name != asked]
    assert all(problem.startswith("isn't set. ") for problem in problems.values())
    assert problems["ENCRYPTION_KEY"].endswith(MAKE_A_KEY)


@pytest.mark.parametrize("alone", ["PUBLIC_URL", "ENCRYPTION_KEY"])
def test_an_address_or_a_key_alone_does_not_begin_oauth(alone: str) -> None:
    assert not _set(**{alone: OAUTH[alone]}).by_oauth


def test_the_error_without_oauth_names_all_that_it_needs() -> None:
    assert list(without_oauth().problems) == list(OAUTH)


# --- the database alone ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:////var/lib/opp status/ledger.db",
        "postgres://ana:p%40ss%2F@db.example/ledger",
        "postgresql://ana:a:b?c@db.example:5432/ledger?sslmode=require&sslrootcert=/etc/ca.pem",
        "postgresql://[::1]:5432/ledger",
        "postgresql://ana@/ledger?host=/var/run/postgresql",
    ],
)
def test_the_database_url_is_read_without_any_other_setting(url: str) -> None:
    assert database_url_of({"DATABASE_URL": f" {url}\n", "PORT": "http"}) == url
    assert _set(DATABASE_URL=url).database_url == url


@pytest.mark.parametrize("environ", [{}, {"DATABASE_URL": " "}])
def test_the_database_url_alone_has_the_same_default(environ: dict[str, str]) -> None:
    assert database_url_of(environ) == _set().database_url


@pytest.mark.parametrize("url", [value for name, value, _ in BAD if name == "DATABASE_URL"])
def test_an_unusable_database_url_alone_is_reported_in_the_same_words_without_its_value(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        database_url_of({"DATABASE_URL": url})

    assert caught.value.problems == _problems(REQUIRED | {"DATABASE_URL": url})
    assert "ss@" not in str(caught.value)


# --- secrets -------------------------------------------------------------------------------------------------------


def test_no_way_to_show_settings_shows_a_secret() -> None:
    secrets = [*SECRETS.values(), *APP_TOKEN.values(), OAUTH["HIGHLEVEL_CLIENT_SECRET"], KEY]
    for settings in (_set(), _set(**APP_TOKEN), _set(**OAUTH)):
        shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()}"

        assert not any(secret in shown for secret in secrets)


@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [
        ("ALLOWED_USERS", "U012AB3CD, ana,W012AB3CD, ben", "“ana” isn't one"),
        ("ALLOWED_USERS", "U012AB3CD W012AB3C", "Entry 1 isn't one"),
        ("ALLOWED_GROUPS", "S012AB3CD,@sales", "“@sales” isn't one"),
        ("ALLOWED_CHANNELS", "#wins", "“#wins” isn't one"),
        ("ADMINS", '"U012AB3CD","kim"', "“kim” isn't one"),
        ("STATUSES", "won,closed", "“closed” isn't one"),
        ("CONFIRM", "3,soon", "“soon” isn't one"),
        ("ANNOUNCE_CHANNELS", "won=C012AB3CD,lost=#no", "“lost=#no” isn't one"),
        ("HIGHLEVEL_LOCATIONS", "PARIS=Paris,ROME", "“ROME” isn't one"),
        ("HIGHLEVEL_SCOPES", "a.readonly b&c", "“b&c” isn't one"),
    ],
)
def test_a_list_names_its_first_entry_that_is_wrong(name: str, value: str, wrong: str) -> None:
    assert _problems(_with_its_like(name) | {name: value})[name].endswith(wrong)


@pytest.mark.parametrize("secret", ["xoxb-1-2", "0123456789abcdef" * 2, "pit-1"])
def test_a_secret_in_the_wrong_place_is_not_shown(secret: str) -> None:
    problem = _problems(REQUIRED | {"ALLOWED_USERS": f"U012AB3CD,{secret}"})["ALLOWED_USERS"]

    assert problem.endswith("Entry 2 isn't one")
    assert secret not in problem


@pytest.mark.parametrize("quoted", ['"{}"', "'{}'", " '{}' "])
@pytest.mark.parametrize("name", sorted(name.upper() for name in Settings.model_fields))
def test_quotes_around_any_variable_are_no_part_of_it(name: str, quoted: str) -> None:
    given = REQUIRED.get(name) or next(value for known, value, _ in GOOD if known == name)

    assert _set(**{name: quoted.format(given)}) == _set(**{name: given})
    if name == "DATABASE_URL":
        assert database_url_of({name: quoted.format(given)}) == given


@pytest.mark.parametrize("name", sorted(name.upper() for name in Settings.model_fields))
def test_an_invisible_character_is_named_with_its_variable_and_nothing_else_is(name: str) -> None:
    given = REQUIRED.get(name) or next(value for known, value, _ in GOOD if known == name)
    problems = _problems(
        _with_its_like(name) | {name: f"\u200b{given}"}, "socket" if name == "SLACK_APP_TOKEN" else None
    )

    assert problems == {name: "contains U+200B (zero width space), which is invisible. Type the value again"}


def test_a_variable_with_a_byte_order_mark_in_its_name_is_not_reported_as_missing() -> None:
    environ = {("\ufeff" if name == "SLACK_BOT_TOKEN" else "") + name: value for name, value in REQUIRED.items()}

    assert _problems(environ) == {
        "SLACK_BOT_TOKEN": "has U+FEFF (byte order mark) in its name. Type the line again",
    }


def test_the_database_url_alone_is_as_strict_about_characters() -> None:
    with pytest.raises(SettingsError) as caught:
        database_url_of({"DATABASE_URL": "“sqlite:///x.db”"})

    assert caught.value.problems["DATABASE_URL"].startswith("has U+201C")


def test_every_parameter_that_postgresqls_client_knows_is_accepted() -> None:
    for known in pq.Conninfo.get_defaults():
        url = f"postgresql://db.example/ledger?{known.keyword.decode()}=x"
        assert database_url_of({"DATABASE_URL": url}) == url


# A pipeline may have any name.
@pytest.mark.parametrize("name", sorted({name for name, _, _ in BAD} - {"WATCH_PIPELINES"}))
def test_no_problem_repeats_a_value_that_may_be_a_secret(name: str) -> None:
    with pytest.raises(SettingsError) as caught:
        _set(**{name: "this is not for ä log"})
    error = caught.value

    assert list(error.problems) == [name]
    for told in (error, error.__cause__, error.__context__):
        assert "not for ä log" not in f"{told} {told!r}"
        assert not any(secret in f"{told} {told!r}" for secret in SECRETS.values())


def test_other_values_are_shown() -> None:
    shown = repr(_set(CONFIRM="7,lost", ANNOUNCE_CHANNELS="won=C012AB3CD", LOST_REASON="required"))

    assert all(word in shown for word in ("above=7", "C012AB3CD", "'required'"))


# --- frozen --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", Settings.model_fields)
def test_no_setting_can_be_changed_afterwards(name: str) -> None:
    settings = _set()

    with pytest.raises(ValidationError, match="frozen"):
        setattr(settings, name, getattr(settings, name))


def test_settings_are_compared_by_value() -> None:
    assert _set(PORT="80") == _set(PORT=" 80 ") != _set(PORT="81")
    assert _set(ALLOWED_USERS="U012AB3CD,W012AB3CD") == _set(ALLOWED_USERS="W012AB3CD,U012AB3CD")
    assert hash(_set()) == hash(_set())


def test_several_sub_accounts_need_oauth_and_the_default_one_alone_does_not() -> None:
    with pytest.raises(SettingsError) as refused:
        _set(HIGHLEVEL_LOCATIONS="PARIS=Paris")

    needed = "HIGHLEVEL_CLIENT_ID, HIGHLEVEL_CLIENT_SECRET, PUBLIC_URL, and ENCRYPTION_KEY"
    assert refused.value.problems == {"HIGHLEVEL_LOCATIONS": f"needs OAuth. Set {needed} too, or remove it"}
    location_id = _set().highlevel_location_id
    assert _set(HIGHLEVEL_LOCATIONS=f"{location_id}=Berlin").locations.name("") == "Berlin"


def test_the_contact_is_the_one_that_is_set_or_the_first_admin() -> None:
    assert _set(ADMIN_CONTACT="U0KIM", ADMINS="U0ANA").contact == "U0KIM"
    assert _set(ADMINS="U0LEO,U0ANA").contact == "U0LEO"
    assert _set().contact == ""


def test_a_history_shorter_than_the_undo_window_is_refused() -> None:
    with pytest.raises(SettingsError) as refused:
        _set(HISTORY_DAYS="1", UNDO_WINDOW="7d")

    assert refused.value.problems.keys() == {"HISTORY_DAYS"}
    assert "at least as long as UNDO_WINDOW" in refused.value.problems["HISTORY_DAYS"]
    assert _set(HISTORY_DAYS="7", UNDO_WINDOW="7d").history_days == 7
    assert _set(HISTORY_DAYS="1", UNDO_WINDOW="0").history_days == 1


def test_an_unreadable_undo_window_is_the_only_problem_reported() -> None:
    with pytest.raises(SettingsError) as refused:
        _set(HISTORY_DAYS="1", UNDO_WINDOW="soon")

    assert refused.value.problems.keys() == {"UNDO_WINDOW"}


def test_the_password_of_a_database_is_not_shown() -> None:
    shown = repr(_set(DATABASE_URL="postgresql://user:the-password@host/name"))

    assert "the-password" not in shown


# --- polling --------------------------------------------------------------------------------------------------------


def test_highlevel_is_polled_only_if_changes_are_posted_and_nothing_else_reports_them() -> None:
    posted = {"ANNOUNCE_CHANNELS": "won=C012AB3CD"}

    assert _set().polls_every == 0
    assert _set(**posted).polls_every == 60
    assert _set(ANNOUNCE_CHANNELS="open=C012AB3CD").polls_every == 0
    assert _set(**posted, HIGHLEVEL_WORKFLOW_TOKEN="w" * 20).polls_every == 0
    assert _set(**posted, **OAUTH).polls_every == 0
    assert _set(**posted, POLL_SECONDS="0").polls_every == 0
    assert _set(**posted, **OAUTH, POLL_SECONDS="300").polls_every == 300


def test_a_name_before_ids_counts_up_to_the_next_one_and_an_id_without_one_holds_everywhere() -> None:
    settings = _set(
        **OAUTH,
        HIGHLEVEL_LOCATIONS="PARIS=Paris,ROME=Rome",
        ALLOWED_USERS="U0ALL,paris:U0PAR,U0BOTH,Rome:U0BOTH,U0ALL",
        ALLOWED_GROUPS="rome:S0ROM",
    )
    allowlist = settings.allowlist

    assert (allowlist.users, allowlist.groups) == (frozenset({"U0ALL", "U0PAR", "U0BOTH"}), frozenset({"S0ROM"}))
    assert allowlist.only_in == {
        "U0PAR": frozenset({"PARIS"}),
        "U0BOTH": frozenset({"PARIS", "ROME"}),
        "S0ROM": frozenset({"ROME"}),
    }
    assert settings.people["ALLOWED_USERS"] == allowlist.users
