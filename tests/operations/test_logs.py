import io
import json
import logging
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Literal

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from bot.operations import logs

Form = Literal["auto", "json", "text"]
SECRETS = {
    "xoxb-not-a-token": "xoxb-…",
    "xapp-not-a-token": "xapp-…",
    "xoxp-not-a-token": "xoxp-…",
    "pit-not-a-token": "pit-…",
    "Bearer not.a_token/+=": "Bearer …",
    "https://hooks.slack.com/commands/T0OURS/1/not-an-address": "https://hooks.slack.com/…",
    "https://hooks.slack-gov.com/actions/T0OURS/1/not-an-address": "https://hooks.slack-gov.com/…",
    "wss://wss-primary.slack.com/link/?ticket=not-a-ticket": "wss://wss-primary.slack.com/link/?ticket=…",
    "GET /oauth/highlevel/install?pass=not-a-pass HTTP/1.1": "GET /oauth/highlevel/install?pass=… HTTP/1.1",
    "/oauth/highlevel/callback?code=not-a-code&state=not-a-state": "/oauth/highlevel/callback?code=…&state=…",
    "postgresql://user:not-a-password@host/name": "postgresql://user:…@host/name",
    "postgresql://host/name?user=u&password=not-a-password&x=1": "postgresql://host/name?user=u&password=…&x=1",
    "host=h password=not-a-password dbname=d": "host=h password=… dbname=d",
    "PGPASSWORD=not-a-password": "PGPASSWORD=…",
    "client_id=1&client_secret=not-a-secret&code_type=2": "client_id=1&client_secret=…&code_type=2",
    "clientSecret: not-a-secret": "clientSecret: …",
    "response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT0OURS%2F1%2Fnot-an-address&x=1": (
        "response_url=https%3A%2F%2Fhooks.slack.com%2F…&x=1"
    ),
    "https%3a%2f%2fhooks.slack-gov.com%2factions%2FT0OURS": "https%3a%2f%2fhooks.slack-gov.com%2f…",
    "eyJub3QiOiJhIHRva2VuIn0.not-a-signature": "eyJ…",
}


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _set_up(level: str = "INFO", form: Form = "json", *, terminal: bool = False) -> io.StringIO:
    stream = _Terminal() if terminal else io.StringIO()
    logs.set_up(level, form, stream)
    return stream


def _read(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


# --- secrets -------------------------------------------------------------------------------------------------------


def _raise(secret: str) -> None:
    try:
        int(secret)
    except ValueError:
        structlog.get_logger("bot.test").exception("went.wrong")


def _raise_in_a_library(secret: str) -> None:
    try:
        int(secret)
    except ValueError:
        logging.getLogger("library").exception("went wrong")


PLACES: dict[str, Callable[[str], object]] = {
    "the event": lambda secret: structlog.get_logger().info(f"sent {secret} twice"),
    "a value": lambda secret: structlog.get_logger().info("sent", token=secret),
    "a value deep inside": lambda secret: structlog.get_logger().info("sent", headers=[{"token": f"a {secret}"}]),
    "a key": lambda secret: structlog.get_logger().info("sent", headers={secret: 1}),
    "an object": lambda secret: structlog.get_logger().info("sent", error=ValueError(secret)),
    "a value beside quotes": lambda secret: structlog.get_logger().info("sent", body=f'{{"token": "{secret}"}}'),
    "bytes": lambda secret: structlog.get_logger().info("sent", body=secret.encode()),
    "an exception": _raise,
    "what is bound": lambda secret: structlog.get_logger().bind(token=secret).info("sent"),
    "a library's line": lambda secret: logging.getLogger("library").warning("sent %s twice", secret),
    "a library's extra": lambda secret: logging.getLogger("library").warning("sent", extra={"token": secret}),
    "a library's exception": _raise_in_a_library,
}


@pytest.mark.parametrize(("secret", "shown"), SECRETS.items())
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("form", "terminal"), [("json", False), ("text", False), ("text", True)])
def test_a_secret_is_hidden_anywhere_in_a_line(
    secret: str, shown: str, place: str, form: Form, *, terminal: bool
) -> None:
    stream = _set_up(form=form, terminal=terminal)

    PLACES[place](secret)

    told = stream.getvalue() if form == "text" else json.dumps(_read(stream), ensure_ascii=False)
    assert secret not in stream.getvalue()
    assert shown in told


@given(st.sampled_from(sorted(SECRETS)), st.text(), st.sampled_from([" ", '"', "'", "\n", ",", ")", "="]))
def test_the_text_around_a_secret_stays(secret: str, text: str, between: str) -> None:
    hidden = logs.hide_secrets(f"{text}{between}{secret} {text}")

    assert secret not in hidden
    assert hidden == f"{logs.hide_secrets(text)}{between}{SECRETS[secret]} {logs.hide_secrets(text)}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"client_secret": "not a secret", "a": 1}', '{"client_secret": "…", "a": 1}'),
        ("password='it\\'s not one' host=h", "password='…' host=h"),
        ("password=not\\ one host=h", "password=… host=h"),
        ("host=h password = 'not one' dbname=d", "host=h password = '…' dbname=d"),
        ("{'client_secret': 'not-one', 'a': 'b'}", "{'client_secret': '…', 'a': 'b'}"),
        ("{\\'client_secret\\': \\'not-one\\', \\'a\\': 1}", "{\\'client_secret\\': \\'…\\', \\'a\\': 1}"),
        ("password='not one, cut", "password='…"),
        ("sslpassword=not-one", "sslpassword=…"),
    ],
)
def test_a_named_secret_is_hidden_whatever_its_quotes_and_a_line_of_json_stays_json(text: str, shown: str) -> None:
    stream = _set_up()
    structlog.get_logger().info("sent", body=text)

    assert logs.hide_secrets(text) == shown
    assert _read(stream)[0]["body"] == shown


@given(st.text(), st.sampled_from(["password=", "password='", 'client_secret": "', "client_secret': '", "password: "]))
def test_whatever_stands_behind_a_secrets_name_the_line_stays_json(text: str, name: str) -> None:
    stream = _set_up()
    structlog.get_logger().info("sent", body=f"{name}{text}", more="x")

    assert _read(stream)[0].keys() >= {"event", "body"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "password authentication failed",
        "the password is wrong",
        "aB3dE5fG7hJ9kL1mN2pQ is won",
        "https://slack.com/api/auth.test",
        "xox",
        "Bearer",
        "eyJ",
        "a pit",
    ],
)
def test_other_text_is_not_hidden(text: str) -> None:
    assert logs.hide_secrets(text) == text


# --- what a line has -----------------------------------------------------------------------------------------------


def test_a_line_has_event_logger_time_and_level() -> None:
    stream = _set_up()

    structlog.get_logger("bot.test").warning("reply.refused", status=404)
    [line] = _read(stream)

    assert line.items() >= {"event": "reply.refused", "status": 404, "level": "warning", "logger": "bot.test"}.items()
    assert datetime.fromisoformat(line["timestamp"]).utcoffset() == timedelta(0)


def test_a_librarys_line_has_the_same_form_and_its_extra_values() -> None:
    stream = _set_up()

    logging.getLogger("library").warning("%s of %s", 1, 2, extra={"attempt": 3})
    [line] = _read(stream)

    assert line.items() >= {"event": "1 of 2", "attempt": 3, "level": "warning", "logger": "library"}.items()
    assert datetime.fromisoformat(line["timestamp"]).utcoffset() == timedelta(0)


@pytest.mark.parametrize("log", [_raise, _raise_in_a_library])
def test_an_exception_is_logged_with_its_traceback_in_one_line(log: Callable[[str], None]) -> None:
    stream = _set_up()

    log("three")
    [line] = _read(stream)

    assert line["exception"].startswith("Traceback")
    assert line["exception"].endswith("ValueError: invalid literal for int() with base 10: 'three'")


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_bound_reference_is_on_every_line_of_ours_and_of_libraries(form: Form) -> None:
    stream = _set_up(form=form)

    with structlog.contextvars.bound_contextvars(reference="7K2QX9"):
        structlog.get_logger("bot.test").info("command.received")
        logging.getLogger("library").warning("slow")
    structlog.get_logger("bot.test").info("elsewhere")

    told = ["7K2QX9" in line for line in stream.getvalue().splitlines()]
    assert told == [True, True, False]


def test_a_value_that_json_does_not_have_is_logged_as_text() -> None:
    stream = _set_up()

    structlog.get_logger().info("odd", value={1, 2}, half="\ud83d")

    [line] = _read(stream)
    assert line["value"] == "{1, 2}"


def test_a_text_with_line_breaks_stays_one_line_of_json() -> None:
    stream = _set_up()

    structlog.get_logger().info("one\ntwo", value="three\nfour")
    logging.getLogger("library").warning("five\nsix")

    assert [line["event"] for line in _read(stream)] == ["one\ntwo", "five\nsix"]


class _Broken(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


@pytest.mark.parametrize("form", ["json", "text"])
def test_logging_to_a_closed_stream_raises_nothing(form: Form) -> None:
    logs.set_up("INFO", form, _Broken())
    structlog.get_logger("bot.test").error("unread")

    stream = _set_up(form=form)
    stream.close()
    structlog.get_logger("bot.test").error("unread")


# --- which lines ---------------------------------------------------------------------------------------------------

LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR"]


@pytest.mark.parametrize("level", LEVELS)
def test_lines_below_the_level_are_dropped(level: str) -> None:
    stream = _set_up(level)

    for name in LEVELS:
        getattr(structlog.get_logger("bot.test"), name.lower())("ours")
        logging.getLogger("library").log(getattr(logging, name), "theirs")

    told = [(line["event"], line["level"].upper()) for line in _read(stream)]
    assert told == [(whose, name) for name in LEVELS[LEVELS.index(level) :] for whose in ("ours", "theirs")]


@pytest.mark.parametrize(
    ("name", "level"),
    [
        ("slack_bolt.AsyncApp", logging.INFO),
        ("slack_bolt.middleware.request_verification", logging.INFO),
        ("slack_bolt.AsyncApp", logging.ERROR),
        ("slack_sdk.web.async_client", logging.WARNING),
        ("httpx", logging.INFO),
        ("httpcore.connection", logging.DEBUG),
        ("aiohttp.access", logging.INFO),
        ("asyncio", logging.DEBUG),
        ("sqlalchemy.engine.Engine", logging.INFO),
        ("stamina", logging.INFO),
        ("uvicorn.access", logging.INFO),
        ("uvicorn.error", logging.INFO),
    ],
)
def test_chatty_libraries_are_silenced_at_any_level(name: str, level: int) -> None:
    stream = _set_up("DEBUG")

    logging.getLogger(name).log(level, "a whole request body")

    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    "name", ["httpx", "uvicorn.error", "sqlalchemy.pool", "asyncio", "aiohttp.server", "slack_sdk.web"]
)
def test_errors_of_chatty_libraries_are_logged(name: str) -> None:
    stream = _set_up()

    logging.getLogger(name).error("went wrong")

    assert [line["logger"] for line in _read(stream)] == [name]


def test_setting_up_twice_does_not_log_twice() -> None:
    first, second = _set_up(), _set_up()

    structlog.get_logger().info("once")

    assert first.getvalue() == ""
    assert len(_read(second)) == 1


# --- in which form -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "terminal", "is_json"),
    [
        ("auto", False, True),
        ("auto", True, False),
        ("json", True, True),
        ("json", False, True),
        ("text", True, False),
        ("text", False, False),
    ],
)
def test_auto_is_text_on_a_terminal_and_json_elsewhere(form: Form, *, terminal: bool, is_json: bool) -> None:
    stream = _set_up(form=form, terminal=terminal)

    structlog.get_logger().info("started", port=3000)

    assert stream.getvalue().startswith("{") == is_json
    assert "started" in stream.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_colours_are_for_terminals(*, terminal: bool) -> None:
    stream = _set_up(form="text", terminal=terminal)

    structlog.get_logger().info("started", port=3000)

    assert ("\x1b[" in stream.getvalue()) == terminal
    assert re.search(r"port=3000", re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue()))
