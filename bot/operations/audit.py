"""Writes commands and requests for access: as a table for a terminal, CSV for a spreadsheet, or JSON. Pure."""

import csv
import json
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Generic, TextIO, TypeVar, assert_never

from bot.access.requests import AccessRequest, RequestState
from bot.commands.record import Noted, Record, State, Unfamiliar
from bot.deals.outcome import Cause, Result

T = TypeVar("T")


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


NO_COMMANDS = "no commands"
NO_REQUESTS = "no one"
"""What a table says that has no row."""


@dataclass(frozen=True, slots=True)
class _Layout(Generic[T]):
    """What is written of each row."""

    fields: tuple[str, ...]
    """In CSV and JSON: names of attributes."""
    columns: tuple[tuple[str, int, Callable[[T], str]], ...]
    """In the table: title, width in cells, text of a row."""
    if_empty: str
    """What the table says without a row."""
    below: Callable[[T], str] = lambda _: ""
    """Text for a line of its own below the row in the table; empty for none."""


def write(records: Iterable[Record], output_format: Format, out: TextIO) -> None:
    """Write commands in their order, each before the next is read.

    - *table*: lines of at most `WIDTH` terminal cells. Longer text is cut with an ellipsis, and characters that would
      control the terminal are replaced. HighLevel's own words of a refusal are a line below the command.
    - *csv*: every field, with a header, as in RFC 4180. Callers type these texts, and a spreadsheet runs a cell that
      begins with `=`, `+`, `-`, `@`, a tab or a line break as a formula: such a cell gets an apostrophe in front. So
      does one that begins with an apostrophe, so that removing one apostrophe always gives the text back.
      https://owasp.org/www-community/attacks/CSV_Injection
    - *json*: an array of objects with every field, one on each line; `null` for a field that is not known or not
      reached.
    """
    _write(records, output_format, out, _COMMANDS)


def write_all(rows: Iterable[Record | Noted], output_format: Format, out: TextIO) -> None:
    """Write commands with those that were not accepted, in the same way.

    In CSV and JSON the latter have the fields of a command that are known of them; a last field says why.
    """
    _write(rows, output_format, out, _EVERYTHING)


def write_access(requests: Iterable[AccessRequest], output_format: Format, out: TextIO) -> None:
    """Write requests for access, and what became of them, in the same way."""
    _write(requests, output_format, out, _REQUESTS)


def _write(rows: Iterable[T], output_format: Format, out: TextIO, layout: _Layout[T]) -> None:
    match output_format:
        case Format.TABLE:
            _write_table(rows, out, layout)
        case Format.CSV:
            _write_csv(rows, out, layout.fields)
        case Format.JSON:
            _write_json(rows, out, layout.fields)
        case _:
            assert_never(output_format)


# --- table ----------------------------------------------------------------------------------------------------------


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "seconds")


def _result(record: Record) -> str:
    match record.outcome:
        case None:
            return f"{record.status}: {_IN_PROGRESS}"
        case Result.CHANGED if not record.changed:
            return f"{record.status}: reason added"
        case Result.CHANGED:
            undo = " (undo)" if record.undoes else ""
            return f"{record.before} → {record.after}{undo}"
        case Result() | Cause():
            return f"{record.status}: {record.outcome.replace('_', ' ')}"
        case Unfamiliar(word):
            return f"{record.status}: {word.replace('_', ' ')}"
        case _:
            assert_never(record.outcome)


def _delivery(record: Record) -> str:
    match record.state:
        case State.FINISHED:
            return (record.delivered or "").replace("_", " ")
        case State.ACCEPTED | State.RUNNING | State.INTENDED | State.ANSWERED:
            return _IN_PROGRESS
        case Unfamiliar(word):
            return (record.delivered or word).replace("_", " ")
        case _:
            assert_never(record.state)


IN_HIGHLEVEL = "HighLevel"
"""Who made a change that was made in HighLevel itself, as far as is known."""
_IN_PROGRESS = "in progress"
_GAP = "  "
_INDENT = 19
"""Cells of the first column: what is below a row begins under its second."""
_COMMANDS: _Layout[Record] = _Layout(
    fields=tuple(Record.__dataclass_fields__),
    columns=(
        ("when (UTC)", 19, lambda record: _time(record.at)),
        ("who", 11, lambda record: record.user_id or IN_HIGHLEVEL),
        ("deal", 29, lambda record: record.name or record.called or record.opportunity_id),
        ("result", 27, _result),
        ("delivered", 14, _delivery),
        ("reference", 9, lambda record: record.reference),
    ),
    if_empty=NO_COMMANDS,
    below=lambda record: f"HighLevel: {record.said}" if record.said else "",
)
_NOTED: Mapping[str, Callable[[Noted], str]] = {
    "when (UTC)": lambda noted: _time(noted.at),
    "who": lambda noted: noted.user_id,
    "deal": lambda noted: f"({noted.detail.replace('_', ' ')})",
    "result": lambda noted: noted.outcome,
    "delivered": lambda _: "",
    "reference": lambda noted: noted.reference,
}
"""What the columns of that table have of a command that was not accepted: in place of a deal, why."""


def _either(of_command: Callable[[Record], str], of_noted: Callable[[Noted], str]) -> Callable[[Record | Noted], str]:
    return lambda row: of_noted(row) if isinstance(row, Noted) else of_command(row)


_EVERYTHING: _Layout[Record | Noted] = _Layout(
    fields=(*_COMMANDS.fields, "detail"),
    columns=tuple((title, width, _either(read, _NOTED[title])) for title, width, read in _COMMANDS.columns),
    if_empty=NO_COMMANDS,
    below=_either(_COMMANDS.below, lambda _: ""),
)
WIDTH = sum(width for _, width, _ in _COMMANDS.columns) + len(_GAP) * (len(_COMMANDS.columns) - 1)
"""Cells of a line of that table."""


def _last_decision(request: AccessRequest) -> tuple[str, datetime | None]:
    """Who decided last about a request, and when; empty and `None` while it is open."""
    if request.state is RequestState.REVOKED:
        return request.revoked_by or "", request.revoked_at
    return request.decided_by or "", request.decided_at


def _since(request: AccessRequest) -> str:
    _, at = _last_decision(request)
    return _time(at) if at else ""


_REQUESTS: _Layout[AccessRequest] = _Layout(
    fields=tuple(AccessRequest.__dataclass_fields__),
    columns=(
        ("requested (UTC)", 19, lambda request: _time(request.asked_at)),
        ("who", 11, lambda request: request.user_id),
        ("where", 11, lambda request: request.channel_id),
        ("status", 8, lambda request: request.state.value),
        ("by", 11, lambda request: _last_decision(request)[0]),
        ("since (UTC)", 19, _since),
        ("reference", 9, lambda request: request.reference),
    ),
    if_empty=NO_REQUESTS,
)


def _write_table(rows: Iterable[T], out: TextIO, layout: _Layout[T]) -> None:
    header = _line((title, width) for title, width, _ in layout.columns)
    for row in rows:
        out.write(header)
        out.write(_line((read(row), width) for _, width, read in layout.columns))
        if below := layout.below(row):
            out.write(_line([("", _INDENT), (below, WIDTH - _INDENT - len(_GAP))]))
        header = ""
    if header:
        out.write(f"{layout.if_empty}\n")


def _line(cells: Iterable[tuple[str, int]]) -> str:
    return _GAP.join(_fitted(printable(text), width) for text, width in cells).rstrip() + "\n"


def printable(text: str) -> str:
    """The text without escapes, line breaks and changes of direction, which a terminal obeys instead of showing."""
    if text.isprintable():
        return text
    return "".join(
        shown if shown.isprintable() else " " if shown.isspace() else "\N{REPLACEMENT CHARACTER}" for shown in text
    )


def _fitted(text: str, width: int) -> str:
    cells = len(text) if text.isascii() else sum(map(_cells, text))
    # Combining accents take no cell: without this bound, a name with thousands of them would cover its neighbours.
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

_BEGINS_A_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001 - a Japanese spreadsheet takes these too


def _write_csv(rows: Iterable[object], out: TextIO, fields: tuple[str, ...]) -> None:
    lines = csv.writer(out)
    lines.writerow(fields)
    lines.writerows([_cell(value) for value in _values(row, fields)] for row in rows)


def _cell(value: object) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith((*_BEGINS_A_FORMULA, "'")) else text


def _write_json(rows: Iterable[object], out: TextIO, fields: tuple[str, ...]) -> None:
    before = "[\n"
    for row in rows:
        # In ASCII, which is valid in every encoding and harmless on a terminal.
        out.write(before + json.dumps(dict(zip(fields, _values(row, fields), strict=True))))
        before = ",\n"
    out.write("\n]\n" if before == ",\n" else "[]\n")


def _values(row: object, fields: tuple[str, ...]) -> list[object]:
    return [_plain(getattr(row, name, None)) for name in fields]  # a `Noted` has some of them


def _plain(value: object) -> object:
    match value:
        case datetime():
            return value.isoformat()
        case Unfamiliar(word):
            return word
        case _:
            return value
