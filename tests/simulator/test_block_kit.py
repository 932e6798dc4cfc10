from typing import Any

import pytest

from bot.simulator.block_kit import buttons_of, refusal_of

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}
CONTEXT = {"type": "context", "elements": [{"type": "mrkdwn", "text": "small"}]}
MRKDWN = {"type": "mrkdwn", "text": "hello"}


def _section(length: int) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": "x" * length}}


def _context(*lengths: int) -> dict[str, Any]:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": "x" * length} for length in lengths]}


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"text": "hello"}, None),
        ({"blocks": [SECTION]}, None),
        ({"text": "hello", "blocks": [SECTION, CONTEXT]}, None),
        ({"text": "x" * 40_000}, None),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({}, "no_text"),
        ({"text": "", "blocks": []}, "no_text"),
        ({"text": "hello", "blocks": [_section(3000)]}, None),
        ({"text": "hello", "blocks": [_section(3001)]}, "invalid_blocks"),
        ({"text": "hello", "blocks": [_section(0)]}, "invalid_blocks"),
        ({"text": "hello", "blocks": [_context(*[1] * 10)]}, None),
        ({"text": "hello", "blocks": [_context(*[1] * 11)]}, "invalid_blocks"),
        ({"text": "hello", "blocks": [_context()]}, "invalid_blocks"),
        ({"text": "hello", "blocks": [_context(1, 3001)]}, "invalid_blocks"),
        ({"text": "hello", "blocks": [_context(1, 0)]}, "invalid_blocks"),
        ({"text": "hello", "blocks": [SECTION] * 50}, None),
        ({"text": "hello", "blocks": [SECTION] * 51}, "invalid_blocks"),
        ({"text": "hello", "blocks": [{"type": "carousel"}]}, "invalid_blocks"),
        ({"text": "hello", "blocks": [{"type": "section"}]}, "invalid_blocks"),
    ],
)
def test_slack_refuses_what_is_empty_too_long_or_no_block(body: dict[str, Any], refusal: str | None) -> None:
    assert refusal_of(body) == refusal


def test_an_update_takes_less_text_than_a_new_message() -> None:
    assert refusal_of({"text": "x" * 4000}, 4000) is None
    assert refusal_of({"text": "x" * 4001}, 4000) == "msg_too_long"


# --- buttons -------------------------------------------------------------------------------------------------------


def _plain(length: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": "x" * length}


def _confirm(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - also what is wrong
    return {"title": _plain(100), "text": _plain(300), "confirm": _plain(30), "deny": _plain(30), **changes}


def _button(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"type": "button", "text": _plain(75), "action_id": "a", **changes}


def _row(*elements: object, **fields: object) -> dict[str, Any]:
    return {"type": "actions", "elements": list(elements), **fields}


@pytest.mark.parametrize(
    "block",
    [
        _row(_button()),
        _row(_button(text={**_plain(1), "emoji": False}), block_id="b" * 255),
        _row(_button(action_id="x" * 255, value="x" * 2000, url="x" * 3000, accessibility_label="x" * 75)),
        _row(_button(style="primary", confirm=_confirm()), _button(action_id="b", style="danger")),
        _row(_button(confirm=_confirm(text={"type": "mrkdwn", "text": "x" * 300, "verbatim": True}, style="danger"))),
        _row(*(_button(action_id=str(number)) for number in range(25))),
        {**SECTION, "accessory": _button(), "block_id": "b"},
        {**CONTEXT, "block_id": "b"},
    ],
)
def test_slack_shows_buttons_in_a_row_or_beside_a_paragraph(block: dict[str, Any]) -> None:
    assert refusal_of({"text": "hello", "blocks": [block]}) is None


@pytest.mark.parametrize(
    "element",
    [
        "a button",
        {"type": "static_select", "action_id": "a"},
        {"type": "button", "text": _plain(1)},
        {"type": "button", "action_id": "a"},
        _button(text=_plain(76)),
        _button(text=_plain(0)),
        _button(text=MRKDWN),
        _button(text="hello"),
        _button(text={**_plain(1), "emoji": "no"}),
        _button(text={**_plain(1), "verbatim": True}),
        _button(action_id="x" * 256),
        _button(action_id=""),
        _button(action_id=1),
        _button(value="x" * 2001),
        _button(value=""),
        _button(url="x" * 3001),
        _button(style="default"),
        _button(accessibility_label="x" * 76),
        _button(color="red"),
        _button(confirm={}),
        _button(confirm=None),
        _button(confirm=_confirm(title=_plain(101))),
        _button(confirm=_confirm(title=MRKDWN)),
        _button(confirm=_confirm(text=_plain(301))),
        _button(confirm=_confirm(text={**MRKDWN, "text": "x" * 301})),
        _button(confirm=_confirm(confirm=_plain(31))),
        _button(confirm=_confirm(deny=_plain(31))),
        _button(confirm=_confirm(style="default")),
        _button(confirm=_confirm(cancel=_plain(1))),
        _button(confirm={name: text for name, text in _confirm().items() if name != "deny"}),
    ],
)
def test_slack_refuses_a_button_that_breaks_a_limit_or_has_an_unknown_field(element: object) -> None:
    assert refusal_of({"text": "hello", "blocks": [_row(element)]}) == "invalid_blocks"
    assert refusal_of({"text": "hello", "blocks": [{**SECTION, "accessory": element}]}) == "invalid_blocks"


@pytest.mark.parametrize(
    "blocks",
    [
        [_row()],
        [_row(*(_button(action_id=str(number)) for number in range(26)))],
        [_row(_button(), _button())],
        [_row(_button(), block_id="b" * 256)],
        [_row(_button(), title="x")],
        [{"type": "actions", "elements": _button()}],
        [{**SECTION, "title": "x"}],
        [{**CONTEXT, "title": "x"}],
        [_row(_button(), block_id="b"), {**SECTION, "block_id": "b"}],
        [{"type": []}],
        ["a block"],
    ],
)
def test_slack_refuses_rows_that_are_none(blocks: list[Any]) -> None:
    assert refusal_of({"text": "hello", "blocks": blocks}) == "invalid_blocks"


def test_two_rows_may_have_buttons_of_the_same_name() -> None:
    assert refusal_of({"text": "hello", "blocks": [_row(_button()), _row(_button())]}) is None


def test_what_can_be_pressed_is_in_a_row_or_beside_a_paragraph() -> None:
    assert buttons_of(_row(_button(), _button(action_id="b"))) == [_button(), _button(action_id="b")]
    assert buttons_of({**SECTION, "accessory": _button()}) == [_button()]
    assert buttons_of(SECTION) == buttons_of(CONTEXT) == []
