"""Lists and copies what is in the database for the command line, and says what to do where that fails."""

import os
import shlex
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from datetime import datetime
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO, TypeVar

from bot.operations import audit
from bot.operations.audit import Format, printable
from bot.storage import access_requests, history, migrations
from bot.storage.engine import file_of
from bot.storage.files import NotCopiedError, copy_to
from bot.storage.history import Filter
from bot.storage.trail.reading import reading_all

T = TypeVar("T")

NEWER = "A newer version of Opp Status wrote this database. Deploy the newer version."
PG_DUMP = (
    "DATABASE_URL is a PostgreSQL database, and PostgreSQL has a tool for this:\n"
    '  pg_dump --format=custom --file={target} "$DATABASE_URL"'
)
OLDER = "This database is from an older version, or is empty. Start Opp Status once."


def list_history(
    url: str, wanted: Filter, output_format: Format, out: TextIO, *, everything: bool = False
) -> str | None:
    """Write the commands of the database at `url`; `everything`: also those that were not accepted.

    Returns why that failed and what to do, in words, or `None`. Raises `BrokenPipeError` when nothing reads `out` any
    more; after that, and after `KeyboardInterrupt`, nothing else gets there.
    """
    if everything:
        return _list(reading_all(url, wanted), audit.write_all, output_format, out)
    return _list(history.reading(url, wanted), audit.write, output_format, out)


def list_access(url: str, output_format: Format, out: TextIO, *, past: bool) -> str | None:
    """Write the requests for access, likewise; `past`: also those that were declined or revoked."""
    return _list(access_requests.reading(url, past=past), audit.write_access, output_format, out)


def revoke(url: str, user_id: str, at: datetime, output_format: Format, out: TextIO) -> str | None:
    """Revoke this member's approval, if there is one, and write it likewise."""
    return _list(access_requests.revoking(url, user_id, at), audit.write_access, output_format, out)


def back_up(url: str, target: Path) -> str | None:
    """Copy the database into a new file, also while the bot runs. Returns why not and what to do, or `None`."""
    if file_of(url) is None:
        return PG_DUMP.format(target=shlex.quote(str(target)))
    try:
        copy_to(url, target)
    except NotCopiedError as error:
        return printable(str(error))
    return None


def _list(
    reading: AbstractContextManager[Iterable[T]],
    write: Callable[[Iterable[T], Format, TextIO], None],
    output_format: Format,
    out: TextIO,
) -> str | None:
    if isinstance(out, TextIOWrapper):
        if output_format is Format.CSV:  # RFC 4180 wants the same line ends on every system
            out.reconfigure(encoding="utf-8", newline="")
        else:
            out.reconfigure(errors="replace")
    try:
        with reading as rows:
            write(rows, output_format, out)
            out.flush()
    except migrations.NewerSchemaError:
        return NEWER
    except migrations.OlderSchemaError:
        return OLDER
    except history.Unreadable as error:
        return f"Can't read the database in DATABASE_URL: {printable(str(error))}"
    except (BrokenPipeError, KeyboardInterrupt):
        _discard(out)
        raise
    except OSError as error:
        _discard(out)
        return f"Can't write the list: {error.strerror}."
    return None


def _discard(out: TextIO) -> None:
    """Send what is still buffered nowhere: Python flushes it once more at its end, and would complain or wait."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())
