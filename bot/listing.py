"""Writes the audit trail: a table for a terminal, CSV for a spreadsheet, JSON for a program. Pure."""

import csv
import json
import unicodedata
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from enum import StrEnum
from typing import TextIO, assert_never

from bot.record import Record


class Form(StrEnum):
    """How it is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


NOTHING = "no commands"
"""What the table says when it has no row."""

_FIELDS = tuple(Record.__dataclass_fields__)


def write(records: Iterable[Record], form: Form, out: TextIO) -> None:
    """Write them in their order, each as soon as it is there.

    - *table*: lines of at most `WIDTH` cells of a terminal. What is too long ends with an ellipsis, and no character
      reaches the terminal that would steer it.
    - *csv*: every field, with a header, as in RFC 4180. A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`,
      a tab or a line break for a formula, and these texts are typed by anybody: such a cell gets an apostrophe in
      front. So does one that begins with an apostrophe: whoever takes one away always has the text as it was.
      https://owasp.org/www-community/attacks/CSV_Injection
    - *json*: an array of objects with every field, one on each line; `null` is what was not known, or not reached.
    """
    match form:
        case Form.TABLE:
            _write_table(records, out)
        case Form.CSV:
            _write_csv(records, out)
        case Form.JSON:
            _write_json(records, out)
        case _:
            assert_never(form)


# --- table ----------------------------------------------------------------------------------------------------------


def _time(record: Record) -> str:
    return record.at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "seconds")


def _result(record: Record) -> str:
    match record.outcome:
        case None:
            return f"{record.status}: {_UNDER_WAY}"
        case "changed" if not record.changed:
            return f"{record.status}: reason added"
        case "changed":
            taken_back = " (undo)" if record.undoes else ""
            return f"{record.before} → {record.after}{taken_back}"
        case _:
            return f"{record.status}: {record.outcome.replace('_', ' ')}"


def _delivery(record: Record) -> str:
    return (record.delivered or "").replace("_", " ") if record.state == "finished" else _UNDER_WAY


_UNDER_WAY = "under way"
_GAP = "  "
_COLUMNS: tuple[tuple[str, int, Callable[[Record], str]], ...] = (
    ("when (UTC)", 19, _time),
    ("who", 11, lambda record: record.user_id),
    ("deal", 29, lambda record: record.name or record.called or record.opportunity_id),
    ("what became of it", 27, _result),
    ("delivered", 14, _delivery),
    ("reference", 9, lambda record: record.reference),
)
WIDTH = sum(width for _, width, _ in _COLUMNS) + len(_GAP) * (len(_COLUMNS) - 1)
"""Cells of the longest line of the table."""


def _write_table(records: Iterable[Record], out: TextIO) -> None:
    header = _line((title, width) for title, width, _ in _COLUMNS)
    for record in records:
        out.write(header)
        out.write(_line((read(record), width) for _, width, read in _COLUMNS))
        header = ""
    if header:
        out.write(f"{NOTHING}\n")


def _line(cells: Iterable[tuple[str, int]]) -> str:
    return _GAP.join(_fitted(printable(text), width) for text, width in cells).rstrip() + "\n"


def printable(text: str) -> str:
    """The text without what a terminal obeys instead of showing it: escapes, line breaks, changes of direction."""
    if text.isprintable():
        return text
    return "".join(
        shown if shown.isprintable() else " " if shown.isspace() else "\N{REPLACEMENT CHARACTER}" for shown in text
    )


def _fitted(text: str, width: int) -> str:
    cells = len(text) if text.isascii() else sum(map(_cells, text))
    # Accents take no cell of their own: without a bound of theirs, a name could bury its neighbours under them.
    if cells <= width and len(text) <= 2 * width:
        return text + " " * (width - cells)
    kept, room = "", width - 1
    for character in text[: 2 * width - 1]:
        if _cells(character) > room:
            break
        kept += character
        room -= _cells(character)
    return f"{kept}…{' ' * room}"


def _cells(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


# --- csv and json ---------------------------------------------------------------------------------------------------

_TAKEN_FOR_A_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001 - a Japanese spreadsheet takes these too


def _write_csv(records: Iterable[Record], out: TextIO) -> None:
    rows = csv.writer(out)
    rows.writerow(_FIELDS)
    rows.writerows([_cell(value) for value in _values(record)] for record in records)


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith((*_TAKEN_FOR_A_FORMULA, "'")) else text


def _write_json(records: Iterable[Record], out: TextIO) -> None:
    before = "[\n"
    for record in records:
        # In ASCII: then it is right in every encoding, and harmless on a terminal.
        out.write(before + json.dumps(dict(zip(_FIELDS, _values(record), strict=True))))
        before = ",\n"
    out.write("\n]\n" if before == ",\n" else "[]\n")


def _values(record: Record) -> list[object]:
    values = (getattr(record, name) for name in _FIELDS)
    return [value.isoformat() if isinstance(value, datetime) else value for value in values]
