"""A chart keeps Slack's limits whatever the texts are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.simulator.slack.block_kit import refusal_of
from bot.slack.block_kit import blocks
from bot.slack.block_kit.charts import bar_chart, without_charts

NAMES = st.text(max_size=60)
NUMBERS = st.floats(-1e15, 1e15)


def test_a_chart_has_a_bar_of_each_series_in_each_category() -> None:
    made = bar_chart("Won and lost", ["New business", "Renewals"], {"Won": [4800.0, 12.5], "Lost": [0.0, 3.0]})

    assert made == {
        "type": "data_visualization",
        "title": "Won and lost",
        "chart": {
            "type": "bar",
            "series": [
                {
                    "name": "Won",
                    "data": [{"label": "New business", "value": 4800}, {"label": "Renewals", "value": 12.5}],
                },
                {"name": "Lost", "data": [{"label": "New business", "value": 0}, {"label": "Renewals", "value": 3}]},
            ],
            "axis_config": {"categories": ["New business", "Renewals"]},
        },
    }


def test_names_that_are_cut_to_the_same_are_numbered() -> None:
    made = bar_chart(
        "t", ["A pipeline with a long name", "A pipeline with a longer name", "A pipeline with a lo…"], {"s": [1, 2, 3]}
    )
    labels = made["chart"]["axis_config"]["categories"]

    assert labels == ["A pipeline with a l…", "A pipeline with a… 2", "A pipeline with a… 3"]


@given(
    title=NAMES,
    rows=st.lists(st.tuples(NAMES, NUMBERS, NUMBERS), min_size=1, max_size=20),
    names=st.lists(NAMES, min_size=2, max_size=2, unique=True),
)
def test_slack_takes_any_chart(title: str, rows: list[tuple[str, float, float]], names: list[str]) -> None:
    series = {name: [row[at] for row in rows] for at, name in enumerate(names, 1)}
    made = bar_chart(title, [row[0] for row in rows], series)  # type: ignore[arg-type]

    assert refusal_of({"text": "words", "blocks": [made]}) is None


@pytest.mark.parametrize(
    ("categories", "series"),
    [
        ([], {"s": []}),
        (["a"], {}),
        (["a"], {"s": [1, 2]}),
        (["a"] * 21, {"s": [1] * 21}),
        (["a"], {f"s{number}": [1] for number in range(7)}),
    ],
)
def test_a_chart_that_slack_would_refuse_is_not_made(categories: list[str], series: dict[str, list[float]]) -> None:
    with pytest.raises(ValueError, match=r"chart|zip"):
        bar_chart("t", categories, series)


def test_what_is_left_without_charts_is_as_it_was() -> None:
    words = blocks.section("words")

    assert without_charts([bar_chart("t", ["a"], {"s": [1]}), words]) == [words]
