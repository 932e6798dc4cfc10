"""Makes a chart, as `blocks` makes the other blocks: it keeps Slack's limits whatever the texts are. Pure.

An older Slack may answer `invalid_blocks` to it. So a message with a chart has its numbers in words too, and is sent
again without the chart (`bot/slack/mail/replies.py`).
https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block
"""

from collections.abc import Mapping, Sequence

from bot.slack.block_kit.blocks import Block
from bot.slack.block_kit.mrkdwn import NOTHING, shortened

CHART = "data_visualization"
TITLE_LIMIT, LABEL_LIMIT = 50, 20
MOST_SERIES, MOST_CATEGORIES = 6, 20
"""Slack's page says 6 series, and a client of it 12."""


def bar_chart(title: str, categories: Sequence[str], series: Mapping[str, Sequence[float]]) -> Block:
    """Make a chart with bars: for each series a bar in each category, whose value is a number.

    A category's name is cut, and numbered if it then is another's. Raises `ValueError` if there is no series or no
    category, if there are too many, or if a series has not one value for each category.
    """
    if not (0 < len(series) <= MOST_SERIES and 0 < len(categories) <= MOST_CATEGORIES):
        raise ValueError("a chart has 1 to 6 series and 1 to 20 categories")
    labels = _labels(categories)
    return {
        "type": CHART,
        "title": _text(title, TITLE_LIMIT),
        "chart": {
            "type": "bar",
            "series": [
                {
                    "name": _text(name, LABEL_LIMIT),
                    "data": [
                        {"label": label, "value": _number(value)} for label, value in zip(labels, values, strict=True)
                    ],
                }
                for name, values in series.items()
            ],
            "axis_config": {"categories": labels},
        },
    }


def without_charts(blocks: Sequence[Mapping[str, object]]) -> list[Mapping[str, object]]:
    """The same blocks without charts."""
    return [block for block in blocks if block["type"] != CHART]


def _labels(categories: Sequence[str]) -> list[str]:
    labels: list[str] = []
    for category in categories:
        label, number = _text(category, LABEL_LIMIT), 2
        while label in labels:
            ending = f" {number}"
            label, number = f"{_text(category, LABEL_LIMIT - len(ending))}{ending}", number + 1
        labels.append(label)
    return labels


def _text(text: str, limit: int) -> str:
    return shortened(text, limit) or NOTHING


def _number(value: float) -> float:
    """Without a fraction where there is none: JSON has no other way to tell a whole number."""
    return int(value) if value == int(value) else round(value, 2)
