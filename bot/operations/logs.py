"""One line per thing that happened, with the reference id of the command it belongs to, and never a secret."""

import logging
import re
import sys
from contextlib import suppress
from functools import cache, partial
from typing import TYPE_CHECKING, Literal, TextIO

import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

QUIETEST = {
    # Bolt and its SDK log whole request bodies: `RequestVerification` an attacker's, the others a caller's. What Bolt
    # logs as an error is a request of an unknown shape: `web` rejects it, with a line that leaves the request out.
    "slack_bolt": logging.CRITICAL,
    "slack_sdk": logging.ERROR,
    "aiohttp": logging.ERROR,
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "asyncio": logging.WARNING,
    "sqlalchemy": logging.WARNING,
    "stamina": logging.WARNING,
    "uvicorn": logging.WARNING,
}
"""The level below which a library's lines are dropped, whatever LOG_LEVEL is. Bolt resets the levels of its loggers, so
the handler has to decide."""

_NAMED = "(?i:client[_-]?secret|password)"

_SECRET = re.compile(
    r"(?=[xp:bB?&ecCP%])"  # the first letters: most of a line is skipped at a fifth of the cost
    r"(?:(xox[a-z]-|xapp-|pit-)[A-Za-z0-9-]+"
    r"|((?<=\w)://[^\s:/@\"']*:)[^\s/@\"']+(?=@)"
    r"|((?i:bearer) )[^\s\"'\\]+"
    r"|((?<=https)(?i:(?::|%3A)(?:/|%2F){2}hooks\.slack(?:-gov)?\.com(?:/|%2F)))[^\s\"'\\&]+"
    # As a form, a connection string and libpq have it; in single quotes, as libpq and Python; and in JSON.
    rf"|(?=[cCpP][lLaA][iIsS])(?:({_NAMED} *[=:] *)(?:[^\s\"'&\\]|\\++[ ])++"
    rf"|({_NAMED}(?:\\*')? *[=:] *(?<!\\)')(?:(?:[^'\\]++|\\++.)*+(?=')|[^'\"\\]+)"
    rf"|({_NAMED}(?:\\+')? *[=:] *\\+')[^'\"\\]+"
    rf"|({_NAMED}\\*\" *: *\\*\")[^\"\\]+)"
    r"|([?&](?:ticket|pass|code|state)=)[^\s\"'&\\]+"
    r"|(eyJ)[A-Za-z0-9_.-]{20,})"
)


def hide_secrets(text: str) -> str:
    """Replace what looks like a token, a reply URL or an install link's pass; its kind stays visible."""
    return _SECRET.sub(lambda found: next(filter(None, found.groups())) + "…", text)


def _redact(_logger: "WrappedLogger", _method: str, line: "EventDict") -> str:
    """Hide secrets in the finished line: the text of a library's exception may have one."""
    return hide_secrets(str(line))


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    return record.levelno >= QUIETEST.get(record.name.partition(".")[0], logging.NOTSET)


class _Lines(structlog.WriteLogger):
    """Writes our finished lines. `logging` would cost as much again as making them."""

    def __init__(self, stream: TextIO, name: str = "") -> None:
        super().__init__(stream)
        self.name = name

    def msg(self, message: str) -> None:
        """Write one line. A closed stream is no reason to fail: `logging` ignores it too."""
        with suppress(OSError, ValueError):
            super().msg(message)

    log = debug = info = warn = warning = fatal = failure = err = error = critical = exception = msg


def set_up(level: str, form: Literal["auto", "json", "text"], stream: TextIO = sys.stderr) -> None:
    """Send all logging, ours and the libraries', to `stream`. `form`: `auto` is text on a terminal, otherwise JSON."""
    text = form == "text" or (form == "auto" and stream.isatty())
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback)
        if text
        else structlog.processors.JSONRenderer(default=str)
    )
    shared: list[Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        processors=[*shared, renderer, _redact],
        logger_factory=cache(partial(_Lines, stream)),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared[:1], structlog.stdlib.ExtraAdder(), *shared[1:]],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer, _redact],
        )
    )
    handler.addFilter(_is_worth_a_line)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
