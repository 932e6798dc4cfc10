import calendar
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.request import Misunderstood, Problem, Remind, ShowDeal
from bot.commands.text import days
from bot.commands.text.days import FURTHEST, After, Day, OnDate, OnWeekday, Unclear, date_of, read_day
from bot.commands.text.links import OurLocations
from bot.commands.text.parse import Parser
from bot.commands.text.typography import words_of
from bot.deals.deal import STATES

ID = "aB3dE5fG7hJ9kL1mN2pQ"
LINK = f"https://app.gohighlevel.com/v2/location/PARIS/opportunities/{ID}"
SATURDAY = date(2026, 11, 28)
TODAYS = st.dates(date(2024, 1, 1), date(2040, 12, 31))
WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
PARSE = Parser(OurLocations("LOC", {"PARIS"}), STATES)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("tomorrow", date(2026, 11, 29)),
        ("Tomorrow", date(2026, 11, 29)),
        ("tmrw", date(2026, 11, 29)),
        ("in 3 days", date(2026, 12, 1)),
        ("3 days", date(2026, 12, 1)),
        ("3d", date(2026, 12, 1)),
        ("in a week", date(2026, 12, 5)),
        ("next week", date(2026, 12, 5)),
        ("in two weeks", date(2026, 12, 12)),
        ("2w", date(2026, 12, 12)),
        ("in a month", date(2026, 12, 28)),
        ("next month", date(2026, 12, 28)),
        ("in 3 months", date(2027, 2, 28)),
        ("friday", date(2026, 12, 4)),
        ("on fri", date(2026, 12, 4)),
        ("by thurs", date(2026, 12, 3)),
        ("saturday", date(2026, 12, 5)),
        ("this monday", date(2026, 11, 30)),
        ("next monday", date(2026, 11, 30)),
        ("next sunday", date(2026, 12, 6)),
        ("2026-12-24", date(2026, 12, 24)),
        ("dec 24", date(2026, 12, 24)),
        ("Dec. 24th", date(2026, 12, 24)),
        ("24 december", date(2026, 12, 24)),
        ("the 1st of june", date(2027, 6, 1)),
        ("january 5, 2027", date(2027, 1, 5)),
        ("24.12.", date(2026, 12, 24)),
        ("24.12.2026", date(2026, 12, 24)),
        ("12/24", date(2026, 12, 24)),
        ("24/12/2026", date(2026, 12, 24)),
        ("5/5", date(2027, 5, 5)),
        ("today", Unclear.TOO_EARLY),
        ("2026-11-28", Unclear.TOO_EARLY),
        ("2020-01-01", Unclear.TOO_EARLY),
        ("feb 29", Unclear.TOO_FAR),
        ("yesterday", Unclear.TOO_EARLY),
        ("in a year", date(2027, 11, 28)),
        ("1y", date(2027, 11, 28)),
        ("in 3 years", Unclear.TOO_FAR),
        ("a week from now", date(2026, 12, 5)),
        ("3 days from today", date(2026, 12, 1)),
        ("monday morning", date(2026, 11, 30)),
        ("tomorrow in the morning", date(2026, 11, 29)),
        ("friday 9am", date(2026, 12, 4)),
        ("dec 24 at 9:00 AM", date(2026, 12, 24)),
        ("friday 9", Unclear.NO_DAY),
        ("in 900 days", Unclear.TOO_FAR),
        ("in 12 months", date(2027, 11, 28)),
        ("in 13 months", Unclear.TOO_FAR),
        ("2031-01-01", Unclear.TOO_FAR),
        ("3/4", Unclear.NO_DAY),
        ("13/13", Unclear.NO_DAY),
        ("feb 30", Unclear.NO_DAY),
        ("2027-02-29", Unclear.NO_DAY),
        ("someday", Unclear.NO_DAY),
        ("friday 3pm", Unclear.NO_DAY),
        ("in 0 days", Unclear.NO_DAY),
        ("", Unclear.NO_DAY),
    ],
)
def test_a_day_is_read_as_people_type_it(text: str, day: date | Unclear) -> None:
    assert date_of(read_day(text), SATURDAY) == day


def test_the_next_of_a_weekday_is_that_of_the_next_week() -> None:
    monday = date(2026, 11, 30)

    assert date_of(read_day("friday"), monday) == date(2026, 12, 4)
    assert date_of(read_day("next friday"), monday) == date(2026, 12, 11)
    assert date_of(read_day("monday"), monday) == date(2026, 12, 7)


@given(TODAYS, st.integers(1, FURTHEST))
def test_so_many_days_are_so_many_days(today: date, many: int) -> None:
    for text in (f"in {many} days", f"{many}d", f"{many} days"):
        assert date_of(read_day(text), today) == today + timedelta(days=many)


@given(TODAYS, st.sampled_from(WEEKDAYS), st.booleans())
def test_a_weekday_is_that_day_of_the_coming_two_weeks(today: date, name: str, whole: bool) -> None:
    for text in (name, f"next {name}"):
        found = date_of(read_day(text if whole else text.replace(name, name[:3])), today)
        assert isinstance(found, date)
        assert found.weekday() == WEEKDAYS.index(name)
        assert 1 <= (found - today).days <= (7 if text == name else 13)


@given(TODAYS, st.integers(1, FURTHEST))
def test_every_date_of_the_coming_year_can_be_written_in_each_form(today: date, many: int) -> None:
    day = today + timedelta(days=many)
    month = calendar.month_name[day.month]
    with_year = (day.isoformat(), f"{month} {day.day}, {day.year}", f"{day.day}.{day.month}.{day.year}")
    for text in with_year:
        assert date_of(read_day(text), today) == day
    for text in (f"{month[:3]} {day.day}", f"{day.day} {month}", f"{day.day}.{day.month}."):
        found = date_of(read_day(text), today)
        assert found == day or (many > 364 and isinstance(found, date))  # without a year, it is the first to come


@given(TODAYS, st.integers(1, 12))
def test_a_month_later_is_the_same_day_or_the_last_of_the_month(today: date, many: int) -> None:
    found = date_of(read_day(f"in {many} months"), today)
    assert isinstance(found, date)
    assert found.day == min(today.day, calendar.monthrange(found.year, found.month)[1])
    assert (found.year - today.year) * 12 + found.month - today.month == many


DAYS = st.sampled_from(
    ["friday", "tomorrow", "in 3 days", "next monday", "2026-12-24", "dec 24", "in two weeks", "24.12."]
)
NAMES = st.sampled_from(
    ["Acme", "Acme Corp", "New website 2", "In the Loop", "May flowers", "Studio 54", "Friday Plans"]
)


@given(
    NAMES, DAYS, st.sampled_from(["remind", "Remind me about", "remind me of"]), st.sampled_from([" ", " on ", ", "])
)
def test_a_name_and_a_day_are_told_apart(name: str, day: str, before: str, between: str) -> None:
    for text in (f"{before} {name}{between}{day}", f"remind me {day} about {name}"):
        found = PARSE(text)
        assert isinstance(found, Remind)
        assert (found.deal.name, found.day) == (name, read_day(day))
        assert found.deal.whole.casefold().startswith("remind")


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("remind", Remind(ShowDeal(name="remind", whole="remind"))),
        ("remind me", Remind(ShowDeal(name="me", whole="remind me"))),
        ("remind friday", Remind(ShowDeal(name="friday", whole="remind friday"))),
        ('remind "acme friday"', Remind(ShowDeal(name="acme friday", whole="remind acme friday"))),
        (f"remind {ID} friday", Remind(ShowDeal(ID), OnWeekday(4))),
        (f"remind {LINK} in 2 weeks", Remind(ShowDeal(ID, location_id="PARIS"), After(14))),
        (
            "remind us in 3 days about acme",
            Remind(ShowDeal(name="acme", whole="remind us in 3 days about acme"), After(3)),
        ),
        (f"remind {ID}", Remind(ShowDeal(ID))),
        (
            "remind acme corp 3/4",
            Remind(ShowDeal(name="acme corp 3/4", whole="remind acme corp 3/4", shorter=("acme corp", "acme"))),
        ),
        (
            "remind me friday acme",
            Remind(ShowDeal(name="friday acme", whole="remind me friday acme", shorter=("acme", "friday"))),
        ),
        (
            "remind me to follow up with acme corp on friday",
            Remind(ShowDeal(name="acme corp", whole="remind me to follow up with acme corp on friday"), OnWeekday(4)),
        ),
        ("remind me to call acme 2w", Remind(ShowDeal(name="acme", whole="remind me to call acme 2w"), After(14))),
        ("remind me to call 2w", Remind(ShowDeal(name="call", whole="remind me to call 2w"), After(14))),
        ("reminder acme friday", Remind(ShowDeal(name="acme", whole="reminder acme friday"), OnWeekday(4))),
        ("remind x friday", Misunderstood(Problem.NAME_TOO_SHORT, "x")),
        (f"remind {LINK.replace('PARIS', 'ROME')} friday", Misunderstood(Problem.OTHER_LOCATION, "ROME")),
    ],
)
def test_remind_has_a_deal_and_a_day(text: str, request_: Remind | Misunderstood) -> None:
    assert PARSE(text) == request_


def test_a_question_mark_makes_it_a_look() -> None:
    assert isinstance(PARSE("remind acme friday?"), ShowDeal)


@given(st.text(max_size=40), TODAYS)
def test_any_text_is_a_day_to_come_or_none(text: str, today: date) -> None:
    found = date_of(read_day(text), today)
    assert isinstance(found, Unclear) or 0 < (found - today).days <= FURTHEST
    words = list(words_of(text))
    for read in (days.read_at_end(words), days.read_at_beginning(words)):
        assert read is None or 0 <= read[0] <= len(words)


@given(
    st.one_of(
        st.builds(After, st.integers(0, 999), st.integers(0, 999)),
        st.builds(OnWeekday, st.integers(0, 6), st.booleans()),
        st.builds(OnDate, st.integers(1, 12), st.integers(1, 29), st.none() | st.integers(2000, 2999)),
    ),
    TODAYS,
)
def test_every_day_has_a_date_to_come_or_a_reason_why_not(day: Day, today: date) -> None:
    found = date_of(day, today)
    assert isinstance(found, Unclear) or 0 < (found - today).days <= FURTHEST
