from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from bot.simulator.demo.reading import readable
from bot.simulator.demo.stage import PEOPLE, SALES
from bot.simulator.slack.workspace import Shown

NOW = datetime(2026, 3, 2, 0, 30, tzinfo=ZoneInfo("America/New_York"))
NOON = datetime(2026, 3, 1, 12, 5, tzinfo=ZoneInfo("America/New_York"))


def _read(text: str) -> str:
    return readable(Shown(SALES, None, text, (), "slack"), NOW)


def test_names_and_links_are_as_slack_shows_them() -> None:
    assert _read(f"<@{PEOPLE['ana']}> <@U0X> <#{SALES}> <https://x|a &amp; b>") == "@Ana @U0X #sales a & b"


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        (NOW, "today at 12:30 AM"),
        (NOON, "yesterday at 12:05 PM"),
        (NOW.replace(day=3, hour=9), "tomorrow at 9:30 AM"),
        (NOON.replace(year=2025), "Mar 1, 2025 at 12:05 PM"),
    ],
)
def test_a_time_is_said_as_people_say_it_where_they_are(moment: datetime, said: str) -> None:
    written = f"<!date^{int(moment.timestamp())}^{{date_short_pretty}} at {{time}}|2026-03-01 17:05 UTC>"

    assert _read(f"at {written}.") == f"at {said}."


def test_a_time_in_a_form_that_the_bot_does_not_use_stays_as_it_is_written_for_old_apps() -> None:
    assert _read("<!date^1^{date}|then>") == "then"
