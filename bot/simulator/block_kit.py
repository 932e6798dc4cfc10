"""What the stand-in for Slack refuses to show: messages that are empty, too long, or not made of Slack's blocks. Pure.

It knows the blocks and the fields that this bot uses, and refuses all others. Stricter than Slack, which makes up an
`action_id` where a button has none. Guessed: that Slack refuses an empty `value`, and an unknown field, everywhere.
"""

from collections.abc import Callable, Mapping
from typing import Any

TEXT_LIMIT, UPDATE_LIMIT, BLOCKS_LIMIT = 40_000, 4_000, 50
SECTION_LIMIT, CONTEXT_ELEMENTS, ACTIONS_ELEMENTS = 3000, 10, 25
BUTTON_TEXT, BUTTON_VALUE, BUTTON_URL, ID_LIMIT = 75, 2000, 3000, 255
CONFIRM_TITLE, CONFIRM_TEXT, CONFIRM_BUTTON = 100, 300, 30

Check = Callable[[Any], bool]


def refusal_of(body: Mapping[str, Any], text_limit: int = TEXT_LIMIT) -> str | None:
    """Why Slack would refuse a message, `None` when it would not.

    https://docs.slack.dev/reference/block-kit/blocks
    """
    blocks = body.get("blocks", [])
    if not body.get("text") and not blocks:
        return "no_text"
    if len(body.get("text", "")) > text_limit:
        return "msg_too_long"
    if len(blocks) > BLOCKS_LIMIT or not all(map(_is_block, blocks)) or not _differ(blocks, "block_id"):
        return "invalid_blocks"
    return None


def buttons_of(block: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The elements of a block that can be pressed."""
    elements = [*(block.get("elements", ()) if block["type"] == "actions" else ()), block.get("accessory")]
    return [element for element in elements if element]


def _object(required: Mapping[str, Check], **optional: Check) -> Check:
    """An object with every field that it must have, none that it cannot have, and each as it should be."""
    checks = {**required, **optional}

    def check(given: Any) -> bool:  # noqa: ANN401 - anything that JSON can say
        if not isinstance(given, Mapping) or not required.keys() <= given.keys() <= checks.keys():
            return False
        return all(checks[name](value) for name, value in given.items())

    return check


def _one_of(*values: str) -> Check:
    return lambda given: given in values


def _string(limit: int) -> Check:
    return lambda given: isinstance(given, str) and 0 < len(given) <= limit


def _is_bool(given: Any) -> bool:  # noqa: ANN401
    return isinstance(given, bool)


def _plain(limit: int) -> Check:
    return _object({"type": _one_of("plain_text"), "text": _string(limit)}, emoji=_is_bool)


def _mrkdwn(limit: int) -> Check:
    return _object({"type": _one_of("mrkdwn"), "text": _string(limit)}, verbatim=_is_bool)


def _either(one: Check, other: Check) -> Check:
    return lambda given: one(given) or other(given)


def _list(limit: int, check: Check) -> Check:
    return lambda given: isinstance(given, list) and 0 < len(given) <= limit and all(map(check, given))


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
_BLOCKS: Mapping[str, Check] = {
    "section": _object(
        {"type": _one_of("section"), "text": _mrkdwn(SECTION_LIMIT)}, block_id=_string(ID_LIMIT), accessory=_BUTTON
    ),
    "context": _object(
        {"type": _one_of("context"), "elements": _list(CONTEXT_ELEMENTS, _mrkdwn(SECTION_LIMIT))},
        block_id=_string(ID_LIMIT),
    ),
    "actions": _object(
        {"type": _one_of("actions"), "elements": _list(ACTIONS_ELEMENTS, _BUTTON)}, block_id=_string(ID_LIMIT)
    ),
}


def _is_block(block: Any) -> bool:  # noqa: ANN401
    check = _BLOCKS.get(str(block.get("type"))) if isinstance(block, Mapping) else None
    return check is not None and check(block) and _differ(buttons_of(block), "action_id")
