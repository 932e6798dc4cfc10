"""One line per thing that happened, with the reference id of the command it belongs to, and never a secret."""

import logging
import re
import sys
from typing import TYPE_CHECKING, Literal, TextIO

import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor, WrappedLogger

LOUD = {
    # Bolt and its SDK print whole request bodies at INFO and DEBUG: `RequestVerification` an attacker's, the others a
    # rep's. uvicorn's access log has nothing that ours has not.
    "slack_bolt": logging.ERROR,
    "slack_sdk": logging.ERROR,
    "aiohttp": logging.ERROR,
    "httpx": logging.WARNING,
    "httpcore": logging.WARNING,
    "asyncio": logging.WARNING,
    "sqlalchemy": logging.WARNING,
    "uvicorn.error": logging.WARNING,
    "uvicorn.access": logging.WARNING,
    "stamina": logging.WARNING,
}

_SECRET = re.compile(
    r"(xox[a-z]-|xapp-|pit-)[A-Za-z0-9-]+"
    r"|(Bearer )[^\s\"'\\]+"
    r"|(https://hooks\.slack(?:-gov)?\.com/)[^\s\"'\\]+"
    r"|(eyJ)[A-Za-z0-9_.-]{20,}"
)


def hide_secrets(text: str) -> str:
    """The text without anything that looks like a token or a reply address; its kind stays visible."""
    return _SECRET.sub(lambda found: next(filter(None, found.groups())) + "…", text)


def _redact(_logger: "WrappedLogger", _method: str, line: "EventDict") -> str:
    """The last guard, over the finished line, should a secret ever get so far: an exception's text is not ours."""
    return hide_secrets(str(line))


def set_up(level: str, form: Literal["auto", "json", "text"], stream: TextIO = sys.stderr) -> None:
    """Send all logging, ours and the libraries', to `stream`."""
    text = form == "text" or (form == "auto" and stream.isatty())
    renderer: Processor = (
        structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback)
        if text
        else structlog.processors.JSONRenderer(default=str)
    )
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_logger_name,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, structlog.stdlib.ExtraAdder(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer, _redact],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name, quietest in LOUD.items():
        logging.getLogger(name).setLevel(max(quietest, logging.getLevelName(level)))
