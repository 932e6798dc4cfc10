"""What people read in a digest, and what they can press in it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.reply import Message
from bot.deals.deal import Opportunity, Status
from bot.deals.wish import Consent
from bot.schedule.digest.figures import Figures, Sent, Tally, Totals
from bot.schedule.digest.periods import Week
from bot.schedule.digest.report import Report
from bot.simulator.slack.block_kit import charts_of, refusal_of
from bot.slack.actions import Mark
from bot.slack.mail.replies import as_response
from bot.slack.messages.digest.digest import DigestMessages
from tests.memory import policy
from tests.reading import ANY_TEXT, OPEN, REF, buttons, our_messages

NOW = datetime(2026, 11, 30, 8, tzinfo=UTC)
WEEK = Week(NOW - timedelta(days=7), NOW)
OLD = replace(OPEN, since=NOW - timedelta(days=30), stage_since=NOW - timedelta(days=30))


def _words(**settings: Any) -> DigestMessages:  # noqa: ANN401 - of any setting
    return DigestMessages(our_messages(currency="USD").digests.installation, policy(**settings))


def _report(figures: Figures, before: Figures | None = None) -> Report:
    earlier = Sent(Week(WEEK.since - timedelta(days=7), WEEK.since), {"LOC": before}) if before else None
    return Report(WEEK, NOW, {"LOC": figures}, earlier)


def _said(message: Message) -> list[str]:
    return [block["text"]["text"] for block in message.blocks if block["type"] == "section"]


def _bars(message: Message) -> Mapping[str, list[tuple[str, float]]]:
    (chart,) = charts_of(as_response(message))
    return {each["name"]: [(p["label"], p["value"]) for p in each["data"]] for each in chart["chart"]["series"]}


def test_the_totals_come_first_with_what_they_were() -> None:
    totals = Totals(Tally(12, 48_000.0), Tally(1, 0.5), Tally(1_230, 1_200_000.0))
    before = Totals(Tally(10, 40_000.0), Tally(), Tally(1_225, 1e6))
    told = _words().posted(_report(Figures(totals), Figures(before)))

    assert _said(told)[0].splitlines() == [
        "🎉 *12 won, $48,000* (was 10, $40,000)",
        "*1 lost, $0.50* (was 0)",
        "*1,230 open, $1,200,000* (was 1,225, $1,000,000)",
    ]
    assert told.text.startswith("12 won, $48,000 (was 10, $40,000)\n1 lost")
    assert told.public


def test_without_an_earlier_digest_nothing_is_compared() -> None:
    told = _words().posted(_report(Figures(Totals(Tally(1, 5.0)))))

    assert _said(told)[0].splitlines() == ["🎉 *1 won, $5*", "*0 lost*", "*0 open*"]
    assert "compared" not in told.text


def test_a_week_without_a_win_has_no_cheer_and_no_chart() -> None:
    told = _words().posted(_report(Figures(Totals(open=Tally(3)))))

    assert _said(told)[0].startswith("*0 won*")
    assert charts_of(as_response(told)) == []


def test_a_sum_that_is_not_whole_says_so() -> None:
    told = _words().posted(_report(Figures(Totals(open=Tally(38_000, 9e6, at_least=True)), knows_all_open=False)))

    assert "*38,000 open, at least $9,000,000*" in _said(told)[0]
    assert "At least: only the most valuable deals are added up. · Open deals are too many to split up." in told.text


def test_pipelines_and_owners_have_a_line_each_the_most_won_first_and_those_without_a_name_last() -> None:
    won, lost = Totals(Tally(2, 900.0)), Totals(lost=Tally(3, 50.0), open=Tally(1))
    figures = Figures(Totals(), {"Renewals": lost, "New *business*": won}, {"": won + won, "Kim": lost, "Max": won})
    told = _said(_words().posted(_report(figures)))

    assert told[1].splitlines() == [
        "*By pipeline*",
        "*New ∗business∗* · 2 won, $900",
        "*Renewals* · 3 lost, $50 · 1 open",
    ]
    assert [line.partition(" · ")[0] for line in told[2].splitlines()] == [
        *("*By owner*", "*Max*", "*Kim*", "*Others*"),
    ]


def test_a_pipeline_and_an_owner_are_told_with_what_they_won_before() -> None:
    won, none = Totals(Tally(2, 900.0)), Totals(open=Tally(4))
    groups = {"Renewals": none, "New business": won, "Fresh": won}
    before = Figures(pipelines={"Renewals": won, "New business": Totals(Tally(1_234))}, owners={"New business": none})
    told = _said(_words().posted(_report(Figures(Totals(), groups, groups), before)))

    assert told[1].splitlines()[1:] == [
        "*New business* · 2 won, $900 (was 1,234)",
        "*Fresh* · 2 won, $900",
        "*Renewals* · 0 won (was 2) · 4 open",
    ]
    assert told[2].splitlines()[1:] == [
        "*New business* · 2 won, $900 (was 0)",
        "*Fresh* · 2 won, $900",
        "*Renewals* · 4 open",
    ]


def test_one_pipeline_alone_is_not_told_and_the_chart_is_by_owner() -> None:
    won = Totals(Tally(2, 900.0), Tally(1, 10.0))
    figures = Figures(won, {"New business": won}, {"Max": won, "": Totals(Tally(1, 7.0))})
    told = _words().posted(_report(figures))

    assert "By pipeline" not in told.text
    assert _bars(told) == {"Won": [("Max", 900), ("Others", 7)], "Lost": [("Max", 10), ("Others", 0)]}


def test_more_groups_than_fit_are_counted() -> None:
    groups = {f"P{number}": Totals(Tally(1, 100.0 - number)) for number in range(9)}
    told = _words().posted(_report(Figures(Totals(Tally(9, 9.0)), groups)))

    assert "_and 3 more_" in "\n".join(_said(told))
    assert len(_bars(told)["Won"]) == 6


def test_deals_that_are_worth_nothing_have_bars_by_their_number() -> None:
    groups = {"P": Totals(Tally(3)), "Q": Totals(Tally(1), Tally(2))}
    told = _words().posted(_report(Figures(Totals(Tally(4), Tally(2)), groups)))

    assert _bars(told) == {"Won": [("P", 3), ("Q", 1)], "Lost": [("P", 0), ("Q", 2)]}


def test_a_stuck_deal_can_be_closed_and_the_digest_stays() -> None:
    told = _words().posted(_report(Figures(stuck=(OLD,), all_stuck=1)))
    *marks, remind = buttons(told)
    values = [Mark.from_value(each["value"]) for each in marks]

    assert _said(told)[1] == "*1 open deal hasn't moved for 21 days or more.*"
    assert [each["text"]["text"] for each in marks] == ["Mark won", "Mark lost", "Mark abandoned"]
    assert remind["text"]["text"] == "Remind me in a week"
    assert values == [
        Mark((OLD.id,), status, Consent.PRESUMED, stays=True) for status in (Status.WON, Status.LOST, Status.ABANDONED)
    ]


def test_statuses_that_people_may_not_set_have_no_button() -> None:
    told = _words(statuses=frozenset({Status.OPEN})).posted(_report(Figures(stuck=(OLD,), all_stuck=1)))

    assert [each["text"]["text"] for each in buttons(told)] == ["Remind me in a week"]


def test_more_stuck_deals_than_are_shown_are_counted() -> None:
    told = _words().posted(_report(Figures(stuck=(OLD,) * 5, all_stuck=1_234)))

    assert "*1,234 open deals haven't moved for 21 days or more.* The 5 that are stuck longest:" in _said(told)


def test_deals_lost_without_a_reason_are_named_and_the_rest_counted() -> None:
    lost = replace(OPEN, status="lost", name=None)
    told = _said(_words().posted(_report(Figures(unreasoned=(lost,), all_unreasoned=12))))

    assert told[1] == "*Lost without a reason: 12*"
    assert told[2].splitlines()[1] == "_and 11 more_"
    assert lost.id in told[2]


def test_a_person_who_asks_reads_the_same_with_a_reference() -> None:
    report = _report(Figures(Totals(Tally(1, 5.0)), stuck=(OLD,), all_stuck=1))
    shown, posted = _words().shown(report, REF), _words().posted(report)

    assert not shown.public
    assert shown.blocks[:-1] == posted.blocks
    assert shown.blocks[-1]["elements"][0]["text"] == f"Ref {REF}"


tallies = st.builds(Tally, st.integers(0, 10**6), st.floats(0, 1e12), st.booleans())
groups = st.dictionaries(ANY_TEXT, st.builds(Totals, tallies, tallies, tallies), max_size=9)
deals = st.builds(
    Opportunity,
    id=st.text(max_size=100),
    status=st.sampled_from(["open", "lost"]),
    name=st.none() | ANY_TEXT,
    value=st.none() | st.floats(-1e12, 1e12),
    company=st.none() | ANY_TEXT,
    stage=st.none() | ANY_TEXT,
    location_id=st.none() | st.just("PARIS"),
)


@given(
    figures=st.builds(
        Figures,
        st.builds(Totals, tallies, tallies, tallies),
        groups,
        groups,
        st.booleans(),
        st.lists(deals, max_size=5).map(tuple),
        st.integers(0, 10**6),
        st.lists(deals, max_size=5).map(tuple),
        st.integers(0, 10**6),
    )
)
def test_slack_takes_any_digest(figures: Figures) -> None:
    assert refusal_of(as_response(_words().posted(_report(figures, figures)))) is None


@pytest.mark.parametrize("length", [500, 5_000])
def test_a_digest_of_very_long_names_is_within_slacks_limits(length: int) -> None:
    long = replace(OLD, name="N" * length, company="C" * length, stage="S" * length)
    names = {f"{number}{'P' * length}": Totals(Tally(1, 5.0)) for number in range(20)}
    figures = Figures(Totals(), names, names, stuck=(long,) * 5, all_stuck=5, unreasoned=(long,) * 5, all_unreasoned=9)

    assert refusal_of(as_response(_words().posted(_report(figures)))) is None
