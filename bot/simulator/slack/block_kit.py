"""Tells why Slack would refuse a message or a modal: a limit is broken, or a block is not one of Slack's. Pure.

It knows the blocks and fields that this bot uses and refuses all others, even those that Slack has: an `input` block in
a message, a menu's `option_groups`. It is stricter than Slack where an element has no `action_id`: Slack makes one up.
Guessed: Slack refuses an empty `value` and an unknown field everywhere; two options of a menu with the same `value`,
which must be unique; a text field whose lengths contradict each other; and a chart whose series lack a category. Of the
charts it knows the one with bars.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

TEXT_LIMIT, UPDATE_LIMIT, BLOCKS_LIMIT = 40_000, 4_000, 50
SECTION_LIMIT, CONTEXT_ELEMENTS, ACTIONS_ELEMENTS = 3000, 10, 25
BUTTON_TEXT, BUTTON_VALUE, BUTTON_URL, ID_LIMIT = 75, 2000, 3000, 255
CONFIRM_TITLE, CONFIRM_TEXT, CONFIRM_BUTTON = 100, 300, 30
FIELDS, FIELD_TEXT, HEADER_TEXT, LABEL_TEXT = 10, 2000, 150, 2000
OPTION_TEXT, OPTION_VALUE, OPTION_URL, PLACEHOLDER = 75, 150, 3000, 150
OPTIONS, BOXES, OVERFLOW, GROUPS = 100, 10, 5, 100
ENTRY_LIMIT = 3000
VIEW_BLOCKS, VIEW_TEXT, METADATA = 100, 24, 3000
CHARTS, CHART_TITLE, CHART_LABEL, SERIES, CATEGORIES = 2, 50, 20, 6, 20

STATEFUL = frozenset({"static_select", "external_select", "plain_text_input", "checkboxes", "radio_buttons"})
"""The elements that hold a value."""

Element = Mapping[str, Any]
Check = Callable[[Any], bool]


def refusal_of(body: Mapping[str, Any], text_limit: int = TEXT_LIMIT) -> str | None:
    """Why Slack would refuse this message; `None` if it would show it.

    https://docs.slack.dev/reference/block-kit/blocks
    """
    blocks = body.get("blocks", [])
    if not body.get("text") and not blocks:
        return "no_text"
    if len(body.get("text", "")) > text_limit:
        return "msg_too_long"
    if len(blocks) > BLOCKS_LIMIT or not all(map(_is_block, blocks)) or not _differ(blocks, "block_id"):
        return "invalid_blocks"
    return "invalid_blocks" if len(charts_of(body)) > CHARTS else None


def charts_of(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The charts of a message."""
    return [block for block in body.get("blocks", []) if block["type"] == "data_visualization"]


def refusal_of_view(view: object) -> str | None:
    """Why Slack would refuse this modal, in words like Slack's; `None` if it would show it.

    https://docs.slack.dev/reference/views/modal-views
    """
    if (wrong := _wrong_fields(view, _MODAL_NEEDS, _MODAL)) or not isinstance(view, Mapping):
        return wrong
    if "submit" not in view and any(block["type"] == "input" for block in view["blocks"]):
        return _wrong("`submit` is required where there is an `input` block")
    return None


def refusal_of_home(view: object) -> str | None:
    """Why Slack would refuse this Home tab, in words like Slack's; `None` if it would show it.

    https://docs.slack.dev/reference/views/home-tab-views
    """
    return _wrong_fields(view, _HOME_NEEDS, _HOME)


def _wrong_fields(view: object, needs: Mapping[str, Check], knows: Mapping[str, Check]) -> str | None:
    if not isinstance(view, Mapping):
        return _wrong("must be an object")
    for name in sorted(needs.keys() - view.keys()):
        return _wrong(f"missing required field: {name}")
    for name, value in view.items():
        if name not in knows:
            return _wrong(f"unknown field: {name}")
        if not knows[name](value):
            return _wrong("failed to match all allowed schemas", f"/{name}")
    blocks = view["blocks"]
    for number, block in enumerate(blocks):
        if not _is_block_of_a_view(block):
            return _wrong("failed to match all allowed schemas", f"/blocks/{number}")
    return None if _differ(blocks, "block_id") else _wrong("a `block_id` is there twice", "/blocks")


def refusal_of_options(answer: object) -> str | None:
    """Why Slack would refuse this answer to type-ahead; `None` if it would offer the options.

    https://docs.slack.dev/reference/interaction-payloads/block_suggestion-payload
    """
    return None if _OFFERS(answer) else "neither `options` nor `option_groups` that Slack can show"


def options_in(given: Mapping[str, Any]) -> list[Element]:
    """The options of a menu or of an answer to type-ahead, also those in groups."""
    return [*given.get("options", ()), *(each for group in given.get("option_groups", ()) for each in group["options"])]


def elements_of(block: Mapping[str, Any]) -> list[Element]:
    """The elements of a block that a person can use."""
    elements = [*(block.get("elements", ()) if block["type"] == "actions" else ())]
    return [each for each in (*elements, block.get("accessory"), block.get("element")) if each]


def buttons_of(block: Mapping[str, Any]) -> list[Element]:
    """The buttons of a block."""
    return [element for element in elements_of(block) if element["type"] == "button"]


def menus_of(block: Mapping[str, Any]) -> list[Element]:
    """The menus of a block whose options the message contains."""
    return [element for element in elements_of(block) if element["type"] in {"static_select", "overflow"}]


def fields_of(block: Mapping[str, Any]) -> list[Element]:
    """The elements of a block that hold a value."""
    return [element for element in elements_of(block) if element["type"] in STATEFUL]


def _wrong(what: str, where: str = "") -> str:
    return f"[ERROR] {what} [json-pointer:/view{where}]"


def _object(required: Mapping[str, Check], **optional: Check) -> Check:
    """An object with all the required fields and no unknown ones, each of which passes its check."""
    checks = {**required, **optional}

    def check(given: Any) -> bool:  # noqa: ANN401 - anything that JSON can say
        if not isinstance(given, Mapping) or not required.keys() <= given.keys() <= checks.keys():
            return False
        return all(checks[name](value) for name, value in given.items())

    return check


def _one_of(*values: str) -> Check:
    return lambda given: given in values


def _string(limit: int, least: int = 1) -> Check:
    return lambda given: isinstance(given, str) and least <= len(given) <= limit


def _whole(least: int, most: float) -> Check:
    return lambda given: type(given) is int and least <= given <= most


def _is_bool(given: Any) -> bool:  # noqa: ANN401
    return isinstance(given, bool)


def _is_number(given: Any) -> bool:  # noqa: ANN401
    return isinstance(given, int | float) and not isinstance(given, bool) and math.isfinite(given)


def _plain(limit: int) -> Check:
    return _object({"type": _one_of("plain_text"), "text": _string(limit)}, emoji=_is_bool)


def _mrkdwn(limit: int) -> Check:
    return _object({"type": _one_of("mrkdwn"), "text": _string(limit)}, verbatim=_is_bool)


def _either(one: Check, other: Check) -> Check:
    return lambda given: one(given) or other(given)


def _both(one: Check, other: Check) -> Check:
    return lambda given: one(given) and other(given)


def _list(limit: int, check: Check, least: int = 1) -> Check:
    return lambda given: isinstance(given, list) and least <= len(given) <= limit and all(map(check, given))


def _kind(checks: Mapping[str, Check]) -> Check:
    """An object that passes the check for its `type`."""

    def check(given: Any) -> bool:  # noqa: ANN401
        known = checks.get(str(given.get("type"))) if isinstance(given, Mapping) else None
        return known is not None and known(given)

    return check


def _differ(objects: list[Mapping[str, Any]], name: str) -> bool:
    values = [each[name] for each in objects if name in each]
    return len(set(values)) == len(values)


_STYLE = _one_of("primary", "danger")
# https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object
_CONFIRM = _object(
    {
        "title": _plain(CONFIRM_TITLE),
        "text": _either(_plain(CONFIRM_TEXT), _mrkdwn(CONFIRM_TEXT)),
        "confirm": _plain(CONFIRM_BUTTON),
        "deny": _plain(CONFIRM_BUTTON),
    },
    style=_STYLE,
)
# https://docs.slack.dev/reference/block-kit/block-elements/button-element
_BUTTON = _object(
    {"type": _one_of("button"), "text": _plain(BUTTON_TEXT), "action_id": _string(ID_LIMIT)},
    value=_string(BUTTON_VALUE),
    url=_string(BUTTON_URL),
    style=_STYLE,
    confirm=_CONFIRM,
    accessibility_label=_string(BUTTON_TEXT),
)


def _option(text: Callable[[int], Check], **more: Check) -> Check:
    """https://docs.slack.dev/reference/block-kit/composition-objects/option-object ."""
    return _object({"text": text(OPTION_TEXT), "value": _string(OPTION_VALUE)}, description=text(OPTION_TEXT), **more)


def _options(limit: int, option: Check, least: int = 1) -> Check:
    return _both(_list(limit, option, least), lambda given: _differ(given, "value"))


def _plain_or_mrkdwn(limit: int) -> Check:
    return _either(_plain(limit), _mrkdwn(limit))


def _begins_among_its_options(element: Element) -> bool:
    initial = [
        *element.get("initial_options", ()),
        *([element["initial_option"]] if "initial_option" in element else ()),
    ]
    return all(option in element["options"] for option in initial)


def _lengths_agree(element: Element) -> bool:
    most = element.get("max_length", ENTRY_LIMIT)
    return bool(element.get("min_length", 0) <= most and len(element.get("initial_value", "")) <= most)


def _series_have_every_category(chart: Mapping[str, Any]) -> bool:
    categories = chart["axis_config"]["categories"]
    labels = [[point["label"] for point in series["data"]] for series in chart["series"]]
    return len(set(categories)) == len(categories) and all(each == categories for each in labels)


def _menu(kind: str, limit: int, option: Check, **more: Check) -> Check:
    """An element that contains its options."""
    return _both(
        _object(
            {"type": _one_of(kind), "action_id": _string(ID_LIMIT), "options": _options(limit, option)},
            confirm=_CONFIRM,
            **more,
        ),
        _begins_among_its_options,
    )


_ID = _string(ID_LIMIT)
_OPTION, _BOX = _option(_plain), _option(_plain_or_mrkdwn)
# https://docs.slack.dev/reference/block-kit/block-elements/select-menu-element
_STATIC_SELECT = _menu("static_select", OPTIONS, _OPTION, initial_option=_OPTION, placeholder=_plain(PLACEHOLDER))
_EXTERNAL_SELECT = _object(
    {"type": _one_of("external_select"), "action_id": _ID},
    initial_option=_OPTION,
    placeholder=_plain(PLACEHOLDER),
    min_query_length=_whole(0, math.inf),
    confirm=_CONFIRM,
)
_ELEMENTS: Mapping[str, Check] = {
    "button": _BUTTON,
    "static_select": _STATIC_SELECT,
    "external_select": _EXTERNAL_SELECT,
    # https://docs.slack.dev/reference/block-kit/block-elements/overflow-menu-element
    "overflow": _menu("overflow", OVERFLOW, _option(_plain, url=_string(OPTION_URL))),
    # https://docs.slack.dev/reference/block-kit/block-elements/date-picker-element
    "datepicker": _object({"type": _one_of("datepicker"), "action_id": _ID}, placeholder=_plain(PLACEHOLDER)),
}
_FIELDS: Mapping[str, Check] = {
    "static_select": _STATIC_SELECT,
    "external_select": _EXTERNAL_SELECT,
    # https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element
    "plain_text_input": _both(
        _object(
            {"type": _one_of("plain_text_input"), "action_id": _ID},
            multiline=_is_bool,
            min_length=_whole(0, ENTRY_LIMIT),
            max_length=_whole(1, ENTRY_LIMIT),
            placeholder=_plain(PLACEHOLDER),
            initial_value=_string(ENTRY_LIMIT, 0),
        ),
        _lengths_agree,
    ),
    # https://docs.slack.dev/reference/block-kit/block-elements/checkboxes-element
    "checkboxes": _menu("checkboxes", BOXES, _BOX, initial_options=_list(BOXES, _BOX)),
    # https://docs.slack.dev/reference/block-kit/block-elements/radio-button-group-element
    "radio_buttons": _menu("radio_buttons", BOXES, _BOX, initial_option=_BOX),
}
_ELEMENT, _FIELD = _kind(_ELEMENTS), _kind(_FIELDS)
_BLOCKS: Mapping[str, Check] = {
    "section": _both(
        _object(
            {"type": _one_of("section")},
            text=_mrkdwn(SECTION_LIMIT),
            fields=_list(FIELDS, _plain_or_mrkdwn(FIELD_TEXT)),
            accessory=_ELEMENT,
            block_id=_ID,
        ),
        lambda block: "text" in block or "fields" in block,
    ),
    "context": _object(
        {"type": _one_of("context"), "elements": _list(CONTEXT_ELEMENTS, _mrkdwn(SECTION_LIMIT))}, block_id=_ID
    ),
    "actions": _object({"type": _one_of("actions"), "elements": _list(ACTIONS_ELEMENTS, _ELEMENT)}, block_id=_ID),
    "divider": _object({"type": _one_of("divider")}, block_id=_ID),
    "header": _object({"type": _one_of("header"), "text": _plain(HEADER_TEXT)}, block_id=_ID),
}
_LABELS = _list(CATEGORIES, _string(CHART_LABEL))
_SERIES = _object(
    {
        "name": _string(CHART_LABEL),
        "data": _list(CATEGORIES, _object({"label": _string(CHART_LABEL), "value": _is_number})),
    }
)
# https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block
_CHART = _object(
    {
        "type": _one_of("data_visualization"),
        "title": _string(CHART_TITLE),
        "chart": _both(
            _object(
                {
                    "type": _one_of("bar"),
                    "series": _list(SERIES, _SERIES),
                    "axis_config": _object({"categories": _LABELS}),
                }
            ),
            _series_have_every_category,
        ),
    },
    block_id=_ID,
)
# https://docs.slack.dev/reference/block-kit/blocks/input-block
_INPUT = _object(
    {"type": _one_of("input"), "label": _plain(LABEL_TEXT), "element": _FIELD},
    hint=_plain(LABEL_TEXT),
    optional=_is_bool,
    dispatch_action=_is_bool,
    block_id=_ID,
)


_OF_A_MESSAGE = {**_BLOCKS, "data_visualization": _CHART}
BLOCK_KINDS, VIEW_BLOCK_KINDS = frozenset(_OF_A_MESSAGE), frozenset({*_BLOCKS, "input"})
"""The kinds of blocks that a message and a modal may have."""
ELEMENT_KINDS, FIELD_KINDS = frozenset(_ELEMENTS), frozenset(_FIELDS)
"""The elements of an `actions` block or a section's accessory, and those of an `input` block."""


def _ids_differ(block: Mapping[str, Any]) -> bool:
    return _differ(elements_of(block), "action_id")


_is_block = _both(_kind(_OF_A_MESSAGE), _ids_differ)
_is_block_of_a_view = _both(_kind({**_BLOCKS, "input": _INPUT}), _ids_differ)
_BLOCKS_OF_A_VIEW = _list(VIEW_BLOCKS, lambda _: True)
_MODAL_NEEDS: Mapping[str, Check] = {
    "type": _one_of("modal"),
    "title": _plain(VIEW_TEXT),
    "blocks": _BLOCKS_OF_A_VIEW,
}
_HOME_NEEDS: Mapping[str, Check] = {"type": _one_of("home"), "blocks": _BLOCKS_OF_A_VIEW}
_CARRIED: Mapping[str, Check] = {
    "private_metadata": _string(METADATA, 0),
    "callback_id": _string(ID_LIMIT, 0),
    "external_id": _string(ID_LIMIT, 0),
}
_MODAL: Mapping[str, Check] = {
    **_MODAL_NEEDS,
    **_CARRIED,
    "submit": _plain(VIEW_TEXT),
    "close": _plain(VIEW_TEXT),
    "clear_on_close": _is_bool,
}
_HOME: Mapping[str, Check] = {**_HOME_NEEDS, **_CARRIED}
_OFFERS = _either(
    _object({"options": _options(OPTIONS, _OPTION, 0)}),
    # https://docs.slack.dev/reference/block-kit/composition-objects/option-group-object
    _both(
        _object(
            {
                "option_groups": _list(
                    GROUPS, _object({"label": _plain(OPTION_TEXT), "options": _options(OPTIONS, _OPTION)}), 0
                )
            }
        ),
        lambda answer: _differ(options_in(answer), "value"),
    ),
)
