"""What new operators get wrong in a setting: `check` names it, what is wrong with it, and what to do or where to click.

Nothing else is checked then, so nothing is called ok.
"""

import json

import pytest

from bot.__main__ import main
from bot.operations.settings import Settings

pytestmark = pytest.mark.jumping_clock

WELL = {
    "SLACK_BOT_TOKEN": "xoxb-not-a-token",
    "SLACK_SIGNING_SECRET": "thisisnotasigningsecretofslacks0",
    "HIGHLEVEL_TOKEN": "pit-not-a-token",
    "HIGHLEVEL_LOCATION_ID": "LOCATIONxxxxxxxxxxxx",
    "ALLOWED_USERS": "U0ANA",
}
"""Settings without a fault."""

BY_OAUTH = {
    "HIGHLEVEL_TOKEN": "",
    "HIGHLEVEL_CLIENT_ID": "0123456789abcdef01234567-abcd1234",
    "HIGHLEVEL_CLIENT_SECRET": "not-a-client-secret",
    "PUBLIC_URL": "https://deals.example",
    "ENCRYPTION_KEY": f"{'k' * 42}A=",
}
"""The same, for OAuth."""

BOT_TOKEN_PLACE = "OAuth & Permissions in your Slack app"
SECRET_PLACE = "Basic Information > App Credentials > Signing Secret in your Slack app"
MEMBER_ID = "profile > three dots > Copy member ID"
PRIVATE_TOKEN = "pit-00000000-0000-4000-8000-000000000000"

FAULTS = [
    # Slack
    ("SLACK_BOT_TOKEN", "", "isn't set.", BOT_TOKEN_PLACE),
    ("SLACK_BOT_TOKEN", "   ", "isn't set.", BOT_TOKEN_PLACE),
    ("SLACK_BOT_TOKEN", "xapp-1-not-a-token", "should start with xoxb-", BOT_TOKEN_PLACE),
    ("SLACK_BOT_TOKEN", "xoxp-not-a-token", "should start with xoxb-", BOT_TOKEN_PLACE),
    ("SLACK_BOT_TOKEN", "Bearer xoxb-not-a-token", "contains a space or line break", BOT_TOKEN_PLACE),
    ("SLACK_BOT_TOKEN", "xoxb-one\nxoxb-two", "contains a space or line break", BOT_TOKEN_PLACE),
    ("SLACK_BOT_TOKEN", "“xoxb-not-a-token”", "U+201C (left double quotation mark)", "Use no quotes, or straight ones"),
    ("SLACK_BOT_TOKEN", "'xoxb-not-a-token", "U+0027 (apostrophe) at one end only", "one at each end"),
    ("SLACK_BOT_TOKEN", "\ufeffxoxb-not-a-token", "U+FEFF (byte order mark)", "Type the value again"),
    ("SLACK_SIGNING_SECRET", "", "isn't set.", SECRET_PLACE),
    ("SLACK_SIGNING_SECRET", "xoxb-not-a-token", "no token or address", SECRET_PLACE),
    ("SLACK_SIGNING_SECRET", "https://deals.example", "no token or address", SECRET_PLACE),
    ("SLACK_SIGNING_SECRET", "theVerificationTokenOfIt", "should be 32 letters and digits", SECRET_PLACE),
    ("SLACK_TEAM_ID", "acme", "should be a workspace ID such as T012AB3CD", "the address of Slack in a browser"),
    # HighLevel
    ("HIGHLEVEL_TOKEN", "", "isn't set.", "Settings > Private Integrations in HighLevel"),
    ("HIGHLEVEL_TOKEN", "Bearer pit-not-a-token", "contains a space", "Settings > Private Integrations in HighLevel"),
    ("HIGHLEVEL_LOCATION_ID", "", "isn't set.", "your HighLevel address bar, after /location/"),
    ("HIGHLEVEL_LOCATION_ID", "https://app.gohighlevel.com/v2/location/abc", "should be the ID", "address bar"),
    ("HIGHLEVEL_LOCATION_ID", PRIVATE_TOKEN, "should be the ID", "after /location/ in your HighLevel address bar"),
    ("HIGHLEVEL_LOCATIONS", "PARIS", "a unique name for each", "“PARIS” isn't one"),
    ("HIGHLEVEL_LOCATIONS", "PARIS=Paris", "needs OAuth", "Set HIGHLEVEL_CLIENT_ID, HIGHLEVEL_CLIENT_SECRET"),
    ("HIGHLEVEL_API_VERSION", "the latest", "should be a version HighLevel has published", "such as 2021-07-28"),
    ("HIGHLEVEL_APP_URL", "app.acme.example", "should start with https://", "https://"),
    ("HIGHLEVEL_WEBHOOK_KEYS", "not-a-key", "should be HighLevel's public key", "X-GHL-Signature"),
    ("HIGHLEVEL_WORKFLOW_TOKEN", "short", "at least 20 characters", "Make one with: python"),
    # HighLevel by OAuth
    ("HIGHLEVEL_CLIENT_ID", "two words", "should be the client ID", "Advanced Settings > Auth"),
    ("HIGHLEVEL_SCOPES", "edit deals!", "should be scopes such as opportunities.write", "“deals!” isn't one"),
    # who may, and where
    ("ALLOWED_USERS", "@ana", "should be Slack member IDs such as U012AB3CD", MEMBER_ID),
    ("ALLOWED_USERS", "U0ANA,ben@acme.example", "“ben@acme.example” isn't one", MEMBER_ID),
    ("ALLOWED_USERS", "U0ANA;U0BEN", "“U0ANA;U0BEN” isn't one", MEMBER_ID),
    ("ALLOWED_GROUPS", "@sales", "should be Slack user group IDs", "People > User groups > Copy group ID"),
    ("ALLOWED_CHANNELS", "#sales", "should be Slack channel IDs", "channel name > About, at the bottom"),
    ("ADMINS", "Kim", "should be Slack member IDs such as U012AB3CD", MEMBER_ID),
    ("ADMIN_CONTACT", "U0KIM,U0ANA", "should be one Slack member ID", "such as U012AB3CD, or empty"),
    # what it does
    ("ANNOUNCE_CHANNELS", "C0WINS", "should be statuses with channel IDs", "“C0WINS” isn't one"),
    ("ANNOUNCE_CHANNELS", "won=#wins", "should be statuses with channel IDs", "such as won=C012AB3CD"),
    ("STATUSES", "closed", "should be one or more of open, won, lost, abandoned", "“closed” isn't one"),
    ("CONFIRM", "always", "should be a number of deals, statuses, or both", "such as 3,won"),
    ("LOST_REASON", "always", "should be", "'optional', 'ask' or 'required'"),
    ("OWNERS", "U0ANA=hlAna,U0BEN", "a HighLevel user ID for each", "“U0BEN” isn't one"),
    ("OWNERS", "U0ANA=hlAna,U0ANA=hlEve", "Use each person once", "such as U012AB3CD=a1B2c3D4"),
    ("OWNERS_ONLY", "yes", "should be off, warn, or on", "such as on,Berlin:warn"),
    ("OWNERS_ONLY", "on,London:warn", "names the sub-account “London”", "Use its name in HIGHLEVEL_LOCATIONS"),
    ("UNASSIGNED", "all", "'anyone' or 'admins'", "'anyone' or 'admins'"),
    ("QUIET_HOURS", "22-7", "should be two different times and a time zone", "22:00-07:00 Europe/Berlin"),
    ("QUIET_HOURS", "22:00-07:00 Berlin", "doesn't know that time zone", "22:00-07:00 Europe/Berlin"),
    ("DIGEST", "monday 9am Berlin #deals", "should be a day, a time, a time zone", "mon 09:00 Europe/Berlin C012AB3CD"),
    ("DIGEST", "mon 09:00 Berlin C012AB3CD", "doesn't know that time zone", "Europe/Berlin"),
    ("DIGEST", "mon 09:00 UTC C012AB3CD Rom", "isn't in HIGHLEVEL_LOCATIONS", "names a sub-account"),
    ("CURRENCY", "$", "should be an ISO code", "such as USD"),
    ("CURRENCY", "usd", "should be an ISO code", "such as USD"),
    ("CURRENCY", "DLR", "should be an ISO code", "such as USD"),
    ("UNDO_WINDOW", "24", "should be a number of minutes, hours, or days", "such as 30m, 24h, or 7d"),
    ("POLL_SECONDS", "5", "should be a number of seconds", "at least 15"),
    # where it runs
    ("PUBLIC_URL", "http://deals.example", "should start with https://", "https://"),
    ("PUBLIC_URL", "https://deals.example/slack/events", "should be the address alone", "goes behind it in Slack's"),
    ("PORT", "http", "should be a whole number", "a whole number"),
    ("PORT", "70000", "should be a port from 0 to 65535", "0 to 65535"),
    ("HOST", "localhost:3000", "should be an address to listen on", "without a port"),
    ("HTTPS_PROXY", "socks5://proxy.example:1080", "should be a proxy's address", "not SOCKS"),
    ("NO_PROXY", "https://slack.com", "should be host names such as slack.com", "with no https://"),
    ("LOG_LEVEL", "verbose", "should be", "'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
    ("METRICS_TOKEN", "short", "at least 20 characters", "Make one with: python"),
    # the database
    (
        "DATABASE_URL",
        "mysql://bot@db.example/bot",
        "should be sqlite:/// plus a path, or postgresql://",
        "a user, host",
    ),
    ("DATABASE_URL", "ledger.db", "should be sqlite:/// plus a path", "sqlite:///"),
    ("DATABASE_URL", "sqlite://ledger.db", "should be sqlite:/// plus a path", "sqlite:///"),
    ("DATABASE_URL", "postgresql://bot:p@ss@db.example/bot", "in the password", "write @ as %40"),
    ("DATABASE_URL", "postgresql://bot@db.example/bot?ssl=true", "the parameter “ssl”", "Write sslmode=require"),
    ("DATABASE_URL", "postgresql://bot@db.example/bot?pgbouncer=true", "the parameter “pgbouncer”", "Remove it"),
]
"""The setting, its value, and what `check` says: the cause, and what to do or where to click."""

FAULTS_OF_OAUTH = [
    ("HIGHLEVEL_CLIENT_ID", "", "isn't set.", "Advanced Settings > Auth"),
    ("HIGHLEVEL_CLIENT_SECRET", "", "isn't set.", "Advanced Settings > Auth"),
    ("PUBLIC_URL", "", "isn't set.", "such as `https://"),
    ("PUBLIC_URL", "http://deals.example", "should start with https://", "https://"),
    ("ENCRYPTION_KEY", "", "isn't set.", "Make one with: python"),
    ("ENCRYPTION_KEY", "k" * 32, "should be one key", "Make one with: python"),
]
"""The same, where HighLevel is connected by OAuth."""


def _told(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> str:
    """What `check` says of settings that cannot be used; it says the same as text and as JSON, and nothing besides."""
    assert main(["check"], environ) == 2
    (line,) = capsys.readouterr().out.splitlines()
    assert main(["check", "--json"], environ) == 2
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] == []
    assert list(report["failing"]) == ["settings"]
    told: str = report["failing"]["settings"]
    assert line == f"FAIL  settings: {told} [settings.unusable]"
    return told


@pytest.mark.parametrize(("name", "value", "cause", "remedy"), FAULTS)
def test_check_names_the_setting_what_is_wrong_with_it_and_what_to_do(
    name: str, value: str, cause: str, remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = _told(WELL | {name: value}, capsys)

    assert told.startswith(f"{name} ")
    assert cause in told
    assert remedy in told
    assert "not-a-token" not in told
    assert PRIVATE_TOKEN not in told


@pytest.mark.parametrize(("name", "value", "cause", "remedy"), FAULTS_OF_OAUTH)
def test_check_names_the_part_of_oauth_that_is_wrong(
    name: str, value: str, cause: str, remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = _told(WELL | BY_OAUTH | {name: value}, capsys)

    assert told.startswith(f"{name} ")
    assert cause in told
    assert remedy in told


def test_check_names_a_token_of_another_kind_for_socket_mode(capsys: pytest.CaptureFixture[str]) -> None:
    told = _told(WELL | {"SLACK_SIGNING_SECRET": "", "SLACK_APP_TOKEN": "xoxb-not-a-token"}, capsys)

    assert told.startswith("SLACK_APP_TOKEN should start with xapp-")
    assert "Basic Information > App-Level Tokens in your Slack app" in told


def test_check_names_an_invisible_character_in_a_name(capsys: pytest.CaptureFixture[str]) -> None:
    without = {name: value for name, value in WELL.items() if name != "SLACK_BOT_TOKEN"}
    told = _told(without | {"\ufeffSLACK_BOT_TOKEN": "xoxb-not-a-token"}, capsys)

    assert told == "SLACK_BOT_TOKEN has U+FEFF (byte order mark) in its name. Type the line again."


def test_a_setting_that_is_missing_because_its_name_is_mistyped_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    without = {name: value for name, value in WELL.items() if name != "HIGHLEVEL_LOCATION_ID"}
    told = _told(without | {"HIGHLEVEL_LOCATON_ID": "abc"}, capsys)

    assert told.startswith("HIGHLEVEL_LOCATION_ID isn't set, but HIGHLEVEL_LOCATON_ID is. Rename that one.")


def test_settings_that_can_be_used_name_the_variables_that_are_nearly_theirs() -> None:
    assert Settings.from_env(WELL).near_misses == {}
    assert Settings.from_env(WELL | {"ALOWED_USERS": "U0ANA"}).near_misses == {"ALOWED_USERS": "ALLOWED_USERS"}


def test_check_names_all_that_is_missing_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    told = _told({}, capsys)

    for name in ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "HIGHLEVEL_TOKEN", "HIGHLEVEL_LOCATION_ID"):
        assert f"{name} isn't set." in told


def test_settings_as_docker_and_chats_leave_them_are_read_as_meant() -> None:
    quoted = {name: f' "{value}"\n' for name, value in WELL.items()}

    assert Settings.from_env(quoted) == Settings.from_env(WELL)


@pytest.mark.parametrize("value", ["4", "0", "many", ""])
def test_the_number_of_workers_does_nothing(value: str) -> None:
    assert Settings.from_env(WELL | {"WEB_CONCURRENCY": value}) == Settings.from_env(WELL)
