import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.operations.environment import clean, misspelled, near_misses, problem_of, variables_in
from bot.operations.settings import Settings

# --- a file --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"ADMINS=U0KIM\nPORT=1\n",
        codecs.BOM_UTF8 + b"ADMINS=U0KIM\r\nPORT=1\r\n",
        "ADMINS=U0KIM\r\nPORT=1\r\n".encode("utf-16"),
        codecs.BOM_UTF16_BE + "ADMINS=U0KIM\nPORT=1\n".encode("utf-16-be"),
        b"# caf\xe9, as an old editor saved it\nADMINS='U0KIM'\nexport PORT=\"1\"\n",
    ],
    ids=["UTF-8", "with a byte order mark", "UTF-16", "big-endian", "a comment in another encoding"],
)
def test_a_file_of_any_usual_encoding_is_read(content: bytes) -> None:
    assert variables_in(content) == {"ADMINS": "U0KIM", "PORT": "1"}


def test_bytes_of_another_encoding_in_a_value_are_named() -> None:
    value = variables_in("HIGHLEVEL_LOCATIONS=abc=Zürich".encode("latin-1"))["HIGHLEVEL_LOCATIONS"]

    assert problem_of(value, is_free_text=True) == "contains bytes that aren't UTF-8. Save .env as UTF-8"


@given(st.binary(max_size=60))
def test_any_file_is_read(content: bytes) -> None:
    assert all(isinstance(value, str) for value in variables_in(content).values())


# --- a value -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("quoted", ['"{}"', "'{}'", ' "{}"\n', "' {} '", "{}"])
def test_one_pair_of_straight_quotes_is_no_part_of_the_value(quoted: str) -> None:
    assert clean(quoted.format("pit-1")) == "pit-1"


@pytest.mark.parametrize("value", ['"U1","U2"', "\"U1'", '"', 'a"b', "it's"])
def test_other_quotes_stay(value: str) -> None:
    assert clean(value) == value


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("\ufeffxoxb-1", "contains U+FEFF (byte order mark), which is invisible."),
        ("xoxb-\u200b1", "contains U+200B (zero width space), which is invisible."),
        ("xoxb\u00a01", "contains U+00A0 (no-break space), which is invisible."),
        ("a\x00b", "contains U+0000 (null), which is invisible."),
        ("a\x07b", "contains U+0007 (control character), which is invisible."),
        ("“xoxb-1”", "has U+201C (left double quotation mark) around it."),
        ("xoxb-1”", "has U+201D (right double quotation mark) around it."),
        ("«won»", "has U+00AB (left-pointing double angle quotation mark) around it."),
        ('"xoxb-1', "has U+0022 (quotation mark) at one end only."),
        ("xoxb-1'", "has U+0027 (apostrophe) at one end only."),
    ],
)
def test_a_character_that_does_not_belong_there_is_named(value: str, words: str) -> None:
    assert (problem_of(value) or "").startswith(words)


@pytest.mark.parametrize("value", ["xoxb-1", "", "a,\n\tb", "abc=Café 👩‍💻,def=Joe’s", "postgresql://ana:p%40@h/x"])
def test_what_people_write_on_purpose_is_no_problem(value: str) -> None:
    assert problem_of(value, is_free_text=True) is None


def test_a_joiner_is_a_problem_where_no_name_is_expected() -> None:
    assert "U+200D" in (problem_of("xoxb-\u200d1") or "")


@given(st.text(max_size=20))
def test_a_value_without_problems_has_only_what_people_see_or_lay_a_list_out_with(value: str) -> None:
    if problem_of(value) is None:
        assert all(character.isprintable() or character in "\t\r\n" for character in value)


# --- a name --------------------------------------------------------------------------------------------------------


def test_a_name_with_an_invisible_character_is_named() -> None:
    found = misspelled(
        {"\ufeffPORT": "1", "ADMINS\u200b": "U1", "HOST": "::", "\ufeffOTHER": "x"}, ["PORT", "ADMINS", "HOST"]
    )

    assert found == {
        "PORT": "has U+FEFF (byte order mark) in its name. Type the line again",
        "ADMINS": "has U+200B (zero width space) in its name. Type the line again",
    }


# --- names that are nearly ours ------------------------------------------------------------------------------------

NAMES = [name.upper() for name in Settings.model_fields]

ORDINARY = {
    "a shell": """
        _ BASH_ENV COLUMNS COMMAND_MODE EDITOR GPG_KEY HISTFILE HOME HOSTNAME HOSTTYPE IFS LANG LANGUAGE
        LC_ALL LINES LOGNAME LS_COLORS MAIL OLDPWD PATH PS1 PWD SHELL SHLVL SSH_AUTH_SOCK TERM TERM_PROGRAM
        TMPDIR TZ USER USERNAME XDG_RUNTIME_DIR
    """,
    "Python": """
        PIP_NO_CACHE_DIR PYTHONDONTWRITEBYTECODE PYTHONHASHSEED PYTHONPATH PYTHONUNBUFFERED PYTHON_SHA256
        PYTHON_VERSION UV_CACHE_DIR VIRTUAL_ENV
    """,
    "other programs": """
        ALLOWED_HOSTS ALLOWED_ORIGINS AWS_REGION CI DEBUG FTP_PROXY GITHUB_TOKEN LOGS MAX_REQUESTS NODE_ENV
        POSTGRES_DB POSTGRES_HOST POSTGRES_PASSWORD POSTGRES_USER PGDATABASE PGHOST PGPASSWORD PGPORT PGUSER
        REDIS_URL SECRET_KEY SENTRY_DSN SLACK_APP_ID SLACK_CLIENT_ID SLACK_CLIENT_SECRET
        SLACK_VERIFICATION_TOKEN SLACK_WEBHOOK_URL SMTP_HOST SOCKS_PROXY WEB_CONCURRENCY ftp_proxy
        http_proxy https_proxy all_proxy no_proxy
    """,
    "Heroku": """
        DATABASE_URL DYNO DYNO_RAM HEROKU_APP_DEFAULT_DOMAIN_NAME HEROKU_APP_ID HEROKU_APP_NAME
        HEROKU_BUILD_COMMIT HEROKU_POSTGRESQL_AMBER_URL HEROKU_RELEASE_CREATED_AT HEROKU_RELEASE_VERSION
        HEROKU_SLUG_COMMIT PORT
    """,
    "Render": """
        IS_PULL_REQUEST PORT RENDER RENDER_CPU_COUNT RENDER_DISCOVERY_SERVICE RENDER_EXTERNAL_HOSTNAME
        RENDER_EXTERNAL_URL RENDER_GIT_BRANCH RENDER_GIT_COMMIT RENDER_GIT_REPO_SLUG RENDER_INSTANCE_ID
        RENDER_SERVICE_ID RENDER_SERVICE_NAME RENDER_SERVICE_TYPE RENDER_WEB_CONCURRENCY
    """,
    "Railway": """
        DATABASE_PRIVATE_URL DATABASE_PUBLIC_URL RAILWAY_DEPLOYMENT_ID RAILWAY_ENVIRONMENT
        RAILWAY_ENVIRONMENT_ID RAILWAY_GIT_AUTHOR RAILWAY_GIT_BRANCH RAILWAY_GIT_COMMIT_SHA
        RAILWAY_PRIVATE_DOMAIN RAILWAY_PROJECT_ID RAILWAY_PUBLIC_DOMAIN RAILWAY_REPLICA_ID
        RAILWAY_SERVICE_NAME RAILWAY_STATIC_URL RAILWAY_TCP_PROXY_PORT RAILWAY_VOLUME_MOUNT_PATH
    """,
    "Fly.io": """
        FLY_ALLOC_ID FLY_APP_NAME FLY_IMAGE_REF FLY_MACHINE_ID FLY_MACHINE_VERSION FLY_PRIVATE_IP
        FLY_PROCESS_GROUP FLY_PUBLIC_IP FLY_REGION FLY_VM_MEMORY_MB PRIMARY_REGION
    """,
    "Cloud Run": """
        CLOUD_RUN_EXECUTION CLOUD_RUN_JOB CLOUD_RUN_TASK_INDEX GOOGLE_CLOUD_PROJECT K_CONFIGURATION
        K_REVISION K_SERVICE PORT
    """,
}
"""What hosts, systems and other programs set, by whose it is."""


@pytest.mark.parametrize("whose", ORDINARY)
def test_ordinary_variables_are_not_nearly_ours(whose: str) -> None:
    assert near_misses(dict.fromkeys(ORDINARY[whose].split(), "x"), NAMES) == {}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("HIGHLEVEL_LOCATON_ID", "HIGHLEVEL_LOCATION_ID"),
        ("HIGH_LEVEL_TOKEN", "HIGHLEVEL_TOKEN"),
        ("GHL_TOKEN", "HIGHLEVEL_TOKEN"),
        ("GHL_API_KEY", "HIGHLEVEL_TOKEN"),
        ("GOHIGHLEVEL_LOCATION_ID", "HIGHLEVEL_LOCATION_ID"),
        ("HIGHLEVEL_TOKENS", "HIGHLEVEL_TOKEN"),
        ("HIGLEVEL_CLIENT_SECRET", "HIGHLEVEL_CLIENT_SECRET"),
        ("SLACK_TOKEN", "SLACK_BOT_TOKEN"),
        ("SLACK_API_TOKEN", "SLACK_BOT_TOKEN"),
        ("SLACK_SIGNIN_SECRET", "SLACK_SIGNING_SECRET"),
        ("SLACK_SIGNING_SECRETS", "SLACK_SIGNING_SECRET"),
        ("SLACK_TEAM", "SLACK_TEAM_ID"),
        ("SLAK_APP_TOKEN", "SLACK_APP_TOKEN"),
        ("slack_bot_token", "SLACK_BOT_TOKEN"),
        ("Database_Url", "DATABASE_URL"),
        ("DATABSE_URL", "DATABASE_URL"),
        ("ALOWED_USERS", "ALLOWED_USERS"),
        ("ALLOWED_USER", "ALLOWED_USERS"),
        ("ALLOWED_CHANNEL", "ALLOWED_CHANNELS"),
        ("ALLOW_GROUPS", "ALLOWED_GROUPS"),
        ("ADMIN", "ADMINS"),
        ("ADMIN_CONTACTS", "ADMIN_CONTACT"),
        ("ANNOUNCE_CHANNEL", "ANNOUNCE_CHANNELS"),
        ("ANOUNCE_CHANNELS", "ANNOUNCE_CHANNELS"),
        ("STATUS_WORD", "STATUS_WORDS"),
        ("LOST_REASONS", "LOST_REASON"),
        ("UNDO_WINDOWS", "UNDO_WINDOW"),
        ("HISTORY_DAY", "HISTORY_DAYS"),
        ("QUIET_HOUR", "QUIET_HOURS"),
        ("WATCH_PIPELINE", "WATCH_PIPELINES"),
        ("ENCRYPTION_KEYS", "ENCRYPTION_KEY"),
        ("PUBLICURL", "PUBLIC_URL"),
        ("METRIC_TOKEN", "METRICS_TOKEN"),
        ("LOGLEVEL", "LOG_LEVEL"),
        ("LOG_LEVL", "LOG_LEVEL"),
        ("CURENCY", "CURRENCY"),
    ],
)
def test_a_name_that_is_nearly_a_settings_names_the_setting(name: str, meant: str) -> None:
    assert near_misses({name: "x"}, NAMES) == {name: meant}


def test_of_two_settings_the_one_that_is_not_set_is_meant() -> None:
    near = {"HIGHLEVEL_LOCATION": "x", "HIGHLEVEL_LOCATIONS": "a=B"}

    assert near_misses(near, NAMES) == {"HIGHLEVEL_LOCATION": "HIGHLEVEL_LOCATION_ID"}


def test_a_setting_itself_and_an_empty_variable_are_no_near_misses() -> None:
    assert near_misses(dict.fromkeys(NAMES, "x"), NAMES) == {}
    assert near_misses({"ALOWED_USERS": "", "A" * 1_000: "x"}, NAMES) == {}


@given(st.sampled_from([name for name in NAMES if len(name) > 9]), st.integers(0, 40), st.sampled_from("AZ_9"))
def test_a_letter_more_or_less_in_a_long_name_is_noticed(name: str, at: int, letter: str) -> None:
    at %= len(name)
    for near in (name[:at] + name[at + 1 :], name[:at] + letter + name[at:]):
        assert near in NAMES or near in near_misses({near: "x"}, NAMES)
