from typing import Any

import pytest

from bot.simulator.slack.block_kit import (
    buttons_of,
    elements_of,
    fields_of,
    menus_of,
    options_in,
    refusal_of,
    refusal_of_options,
    refusal_of_view,
)

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
def test_slack_refuses_messages_that_are_empty_too_long_or_malformed(body: dict[str, Any], refusal: str | None) -> None:
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
def test_slack_refuses_malformed_rows(blocks: list[Any]) -> None:
    assert refusal_of({"text": "hello", "blocks": blocks}) == "invalid_blocks"


def test_two_rows_may_have_buttons_of_the_same_name() -> None:
    assert refusal_of({"text": "hello", "blocks": [_row(_button()), _row(_button())]}) is None


def test_buttons_are_in_a_row_or_beside_a_paragraph() -> None:
    assert buttons_of(_row(_button(), _button(action_id="b"))) == [_button(), _button(action_id="b")]
    assert buttons_of({**SECTION, "accessory": _button()}) == [_button()]
    assert buttons_of(SECTION) == buttons_of(CONTEXT) == []


# --- blocks that are only shown ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "block",
    [
        {"type": "divider"},
        {"type": "divider", "block_id": "b"},
        {"type": "header", "text": _plain(150)},
        {"type": "header", "text": _plain(1), "block_id": "b"},
        {"type": "section", "fields": [MRKDWN]},
        {**SECTION, "fields": [_plain(2000), *[MRKDWN] * 9]},
    ],
)
def test_slack_shows_lines_headers_and_fields(block: dict[str, Any]) -> None:
    assert refusal_of({"text": "hello", "blocks": [block]}) is None
    assert refusal_of_view(_modal(block)) is None


_POINTS = [{"label": "a", "value": 1}, {"label": "b", "value": 2.5}]


def _chart(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    chart = {"type": "bar", "series": [{"name": "Won", "data": _POINTS}], "axis_config": {"categories": ["a", "b"]}}
    block = {"type": "data_visualization", "title": "t" * 50, "chart": chart | changes.pop("chart", {})}
    return block | changes


def test_slack_shows_two_charts_in_a_message_and_none_in_a_modal() -> None:
    chart = _chart()

    assert refusal_of({"text": "hello", "blocks": [chart, chart]}) is None
    assert refusal_of({"text": "hello", "blocks": [chart] * 3}) == "invalid_blocks"
    assert _of_the_first_block(chart)


@pytest.mark.parametrize(
    "block",
    [
        _chart(title="t" * 51),
        _chart(text="t"),
        _chart(chart={"type": "line"}),
        _chart(chart={"series": []}),
        _chart(chart={"series": [{"name": "Won", "data": [{"label": "a", "value": 1}]}]}),
        _chart(
            chart={"series": [{"name": "n" * 21, "data": [{"label": "a", "value": 1}, {"label": "b", "value": 2}]}]}
        ),
        _chart(chart={"series": [{"name": "n", "data": [{"label": "a", "value": True}, {"label": "b", "value": 2}]}]}),
        _chart(chart={"axis_config": {"categories": ["a", "a"]}}),
        _chart(chart={"axis_config": {"categories": ["a", "b" * 21]}}),
    ],
)
def test_slack_refuses_a_chart_that_breaks_a_limit_or_has_an_unknown_field(block: dict[str, Any]) -> None:
    assert refusal_of({"text": "hello", "blocks": [block]}) == "invalid_blocks"


@pytest.mark.parametrize(
    "block",
    [
        {"type": "divider", "text": _plain(1)},
        {"type": "header"},
        {"type": "header", "text": _plain(151)},
        {"type": "header", "text": MRKDWN},
        {"type": "section", "accessory": _button()},
        {"type": "section", "fields": []},
        {**SECTION, "fields": [MRKDWN] * 11},
        {**SECTION, "fields": [_plain(2001)]},
        {**SECTION, "fields": [{**MRKDWN, "text": "x" * 2001}]},
        {**SECTION, "fields": MRKDWN},
    ],
)
def test_slack_refuses_malformed_lines_headers_and_fields(block: dict[str, Any]) -> None:
    assert refusal_of({"text": "hello", "blocks": [block]}) == "invalid_blocks"
    assert _of_the_first_block(block)


# --- menus ---------------------------------------------------------------------------------------------------------


def _option(value: str = "v", **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"text": _plain(75), "value": value, **changes}


def _options(count: int) -> list[dict[str, Any]]:
    return [_option(str(number)) for number in range(count)]


def _element(kind: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
    return {"type": kind, "action_id": "a", **fields}


def _input(element: object, **fields: object) -> dict[str, Any]:
    return {"type": "input", "label": _plain(2000), "element": element, **fields}


def _modal(*blocks: object, **changes: object) -> dict[str, Any]:
    return {"type": "modal", "title": _plain(24), "submit": _plain(24), "blocks": list(blocks), **changes}


def _of_the_first_block(block: object) -> bool:
    """Whether a modal is refused because of this block."""
    return refusal_of_view(_modal(block)) == (
        "[ERROR] failed to match all allowed schemas [json-pointer:/view/blocks/0]"
    )


FULL = _option("x" * 150, description=_plain(75))


@pytest.mark.parametrize(
    "menu",
    [
        _element("static_select", options=_options(100)),
        _element("static_select", options=[FULL], initial_option=FULL, placeholder=_plain(150), confirm=_confirm()),
        _element("external_select"),
        _element("external_select", initial_option=FULL, placeholder=_plain(150), confirm=_confirm()),
        _element("external_select", min_query_length=0),
        _element("overflow", options=_options(5), confirm=_confirm()),
        _element("overflow", options=[_option(url="x" * 3000)]),
        _element("datepicker"),
        _element("datepicker", placeholder=_plain(150)),
    ],
)
def test_slack_shows_menus_in_a_row_or_beside_a_paragraph(menu: dict[str, Any]) -> None:
    for block in (_row(menu), {**SECTION, "accessory": menu}):
        assert refusal_of({"text": "hello", "blocks": [block]}) is None
        assert refusal_of_view(_modal(block)) is None


BAD_OPTIONS = [
    [],
    "an option",
    ["an option"],
    [_option(), _option()],
    [_option("")],
    [_option("x" * 151)],
    [_option(text=_plain(76))],
    [_option(text=_plain(0))],
    [_option(description=_plain(76))],
    [_option(description="no text")],
    [_option(color="red")],
    [{"text": _plain(1)}],
    [{"value": "v"}],
]


@pytest.mark.parametrize(
    "menu",
    [
        *(_element("static_select", options=options) for options in BAD_OPTIONS),
        *(_element("overflow", options=options) for options in BAD_OPTIONS),
        _element("static_select", options=_options(101)),
        _element("static_select"),
        {"type": "static_select", "options": _options(1)},
        _element("static_select", options=[_option(text=MRKDWN)]),
        _element("static_select", options=[_option(url="x")]),
        _element("static_select", options=_options(1), option_groups=[]),
        _element("static_select", options=_options(1), initial_option=FULL),
        _element("static_select", options=_options(1), initial_option={}),
        _element("static_select", options=_options(1), placeholder=_plain(151)),
        _element("static_select", options=_options(1), placeholder=MRKDWN),
        _element("static_select", options=_options(1), confirm=_confirm(title=_plain(101))),
        _element("external_select", options=_options(1)),
        {"type": "external_select"},
        _element("external_select", min_query_length=-1),
        _element("external_select", min_query_length=True),
        _element("external_select", min_query_length="1"),
        _element("external_select", initial_option=_option("")),
        _element("external_select", placeholder=_plain(151)),
        _element("external_select", confirm={}),
        _element("overflow", options=_options(6)),
        _element("overflow", options=[_option(url="x" * 3001)]),
        _element("overflow", options=_options(1), placeholder=_plain(1)),
        _element("datepicker", placeholder=_plain(151)),
        _element("radio_buttons", options=_options(1)),
        _element("plain_text_input"),
    ],
)
def test_slack_refuses_a_menu_that_breaks_a_limit_or_has_an_unknown_field(menu: dict[str, Any]) -> None:
    for block in (_row(menu), {**SECTION, "accessory": menu}):
        assert refusal_of({"text": "hello", "blocks": [block]}) == "invalid_blocks"
        assert _of_the_first_block(block)


# --- modals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "element",
    [
        _element("static_select", options=_options(100)),
        _element("external_select", min_query_length=2),
        _element("plain_text_input"),
        _element("plain_text_input", multiline=True, min_length=0, max_length=3000, placeholder=_plain(150)),
        _element("plain_text_input", min_length=3000, initial_value="x" * 3000),
        _element("plain_text_input", max_length=1, initial_value=""),
        _element("checkboxes", options=_options(10), initial_options=_options(10), confirm=_confirm()),
        _element("checkboxes", options=[_option(text=MRKDWN, description=MRKDWN)]),
        _element("radio_buttons", options=_options(10), initial_option=_options(1)[0], confirm=_confirm()),
        _element("radio_buttons", options=[FULL]),
    ],
)
def test_a_modal_may_have_inputs_and_a_message_may_not(element: dict[str, Any]) -> None:
    assert refusal_of_view(_modal(_input(element))) is None
    hinted = _input(element, hint=_plain(2000), optional=True, dispatch_action=True, block_id="b" * 255)
    assert refusal_of_view(_modal(hinted)) is None
    assert refusal_of({"text": "hello", "blocks": [_input(element)]}) == "invalid_blocks"


TEXT = _element("plain_text_input")


@pytest.mark.parametrize(
    "block",
    [
        _input(_button()),
        _input(_element("overflow", options=_options(1))),
        _input("a field"),
        _input({"type": "plain_text_input"}),
        _input(_element("plain_text_input", min_length=-1)),
        _input(_element("plain_text_input", min_length=3001)),
        _input(_element("plain_text_input", max_length=0)),
        _input(_element("plain_text_input", max_length=3001)),
        _input(_element("plain_text_input", min_length=3, max_length=2)),
        _input(_element("plain_text_input", max_length=2, initial_value="xxx")),
        _input(_element("plain_text_input", initial_value="x" * 3001)),
        _input(_element("plain_text_input", placeholder=_plain(151))),
        _input(_element("plain_text_input", multiline="yes")),
        _input(_element("plain_text_input", confirm=_confirm())),
        _input(_element("checkboxes", options=_options(11))),
        _input(_element("checkboxes", options=_options(1), initial_options=[])),
        _input(_element("checkboxes", options=_options(1), initial_options=_options(2))),
        _input(_element("checkboxes", options=_options(1), initial_option=_options(1)[0])),
        _input(_element("radio_buttons", options=_options(11))),
        _input(_element("radio_buttons", options=_options(1), initial_option=FULL)),
        _input(_element("radio_buttons", options=_options(1), placeholder=_plain(1))),
        *(_input(_element("checkboxes", options=options)) for options in BAD_OPTIONS),
        *(_input(_element("radio_buttons", options=options)) for options in BAD_OPTIONS),
        _input(TEXT, label=_plain(2001)),
        _input(TEXT, label=MRKDWN),
        _input(TEXT, hint=_plain(2001)),
        _input(TEXT, hint=MRKDWN),
        _input(TEXT, optional="yes"),
        _input(TEXT, dispatch_action="yes"),
        _input(TEXT, block_id="b" * 256),
        _input(TEXT, title="x"),
        {"type": "input", "element": TEXT},
        {"type": "input", "label": _plain(1)},
        _row(_button(), _button()),
        {"type": "carousel"},
        "a block",
    ],
)
def test_slack_refuses_malformed_inputs(block: object) -> None:
    assert _of_the_first_block(block)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"close": _plain(24), "private_metadata": "x" * 3000, "callback_id": "x" * 255, "external_id": "x" * 255},
        {"private_metadata": "", "callback_id": "", "external_id": "", "clear_on_close": True},
        {"blocks": [SECTION] * 100},
    ],
)
def test_slack_shows_a_modal(changes: dict[str, Any]) -> None:
    assert refusal_of_view(_modal(SECTION, **changes)) is None


def test_a_modal_without_inputs_needs_no_button_to_submit_it() -> None:
    bare = {name: value for name, value in _modal(SECTION).items() if name != "submit"}
    assert refusal_of_view(bare) is None
    assert refusal_of_view({**bare, "blocks": [_input(TEXT)]}) == (
        "[ERROR] `submit` is required where there is an `input` block [json-pointer:/view]"
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", "home"),
        ("title", _plain(25)),
        ("title", _plain(0)),
        ("title", MRKDWN),
        ("submit", _plain(25)),
        ("submit", None),
        ("close", _plain(25)),
        ("private_metadata", "x" * 3001),
        ("private_metadata", {}),
        ("callback_id", "x" * 256),
        ("external_id", "x" * 256),
        ("clear_on_close", "no"),
        ("blocks", []),
        ("blocks", [SECTION] * 101),
        ("blocks", SECTION),
    ],
)
def test_slack_refuses_a_modal_that_breaks_a_limit_and_says_where(field: str, value: object) -> None:
    assert refusal_of_view(_modal(SECTION, **{field: value})) == (
        f"[ERROR] failed to match all allowed schemas [json-pointer:/view/{field}]"
    )


def test_slack_refuses_what_is_no_modal() -> None:
    assert refusal_of_view("a modal") == "[ERROR] must be an object [json-pointer:/view]"
    assert refusal_of_view({"type": "modal"}) == "[ERROR] missing required field: blocks [json-pointer:/view]"
    assert refusal_of_view(_modal(SECTION, notify_on_close=True)) == (
        "[ERROR] unknown field: notify_on_close [json-pointer:/view]"
    )
    same = {**SECTION, "block_id": "b"}
    assert refusal_of_view(_modal(same, same)) == "[ERROR] a `block_id` is there twice [json-pointer:/view/blocks]"


# --- answers to type-ahead -----------------------------------------------------------------------------------------


def _group(*options: object, label: int = 75) -> dict[str, Any]:
    return {"label": _plain(label), "options": list(options)}


@pytest.mark.parametrize(
    ("answer", "count"),
    [
        ({"options": []}, 0),
        ({"options": _options(100)}, 100),
        ({"options": [FULL]}, 1),
        ({"option_groups": []}, 0),
        ({"option_groups": [_group(*_options(2)), _group(FULL)]}, 3),
        ({"option_groups": [_group(_option(str(number))) for number in range(100)]}, 100),
    ],
)
def test_slack_offers_options_or_groups_of_them(answer: dict[str, Any], count: int) -> None:
    assert refusal_of_options(answer) is None
    assert len(options_in(answer)) == count


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        "no answer",
        {},
        {"options": _options(1), "option_groups": []},
        {"options": _options(1), "text": "x"},
        {"options": _options(101)},
        *({"options": options} for options in BAD_OPTIONS if options),
        *({"option_groups": [{"label": _plain(1), "options": options}]} for options in BAD_OPTIONS),
        {"option_groups": [_group(_option(str(number))) for number in range(101)]},
        {"option_groups": [_group(*_options(101))]},
        {"option_groups": [_group(FULL, label=76)]},
        {"option_groups": [_group(FULL), _group(FULL)]},
        {"option_groups": [{"options": [FULL]}]},
    ],
)
def test_slack_offers_no_options_that_break_a_limit_or_are_malformed(answer: object) -> None:
    assert refusal_of_options(answer)


# --- what is in a block --------------------------------------------------------------------------------------------


def test_elements_are_found_by_their_use() -> None:
    select, external = _element("static_select", options=_options(1)), _element("external_select")
    overflow = _element("overflow", options=_options(1))
    row = _row(_button(), select, external, overflow)
    assert elements_of(row) == [_button(), select, external, overflow]
    assert (buttons_of(row), menus_of(row), fields_of(row)) == ([_button()], [select, overflow], [select, external])
    assert fields_of(_input(TEXT)) == elements_of(_input(TEXT)) == [TEXT]
    assert elements_of(CONTEXT) == elements_of({"type": "divider"}) == []
