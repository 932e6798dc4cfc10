"""Pieces of Slack messages that cannot exceed Slack's limits, break its escaping or mention anybody. Pure.

https://docs.slack.dev/messaging/formatting-message-text and https://docs.slack.dev/reference/block-kit/blocks
"""

from dataclasses import dataclass
from typing import Any, Literal

from bot.slack.block_kit.mrkdwn import NOTHING, escaped, fit

Block = dict[str, Any]

SECTION_LIMIT = 3000

CONTEXT_LIMIT = 3000

TEXT_LIMIT = 4000
"""Of a message's top-level text: Slack cuts at 40,000 and advises against more than this."""

BUTTON_LIMIT = 75

VALUE_LIMIT = 2000

URL_LIMIT = 3000

ACTION_ID_LIMIT = BLOCK_ID_LIMIT = 255

ACTIONS_LIMIT = 25
"""Of the elements in one `actions` block."""

CONFIRM_TITLE_LIMIT, CONFIRM_TEXT_LIMIT, CONFIRM_BUTTON_LIMIT = 100, 300, 30


def section(mrkdwn: str, accessory: Block | None = None, block_id: str = "") -> Block:
    """A paragraph, and beside it perhaps a button or a menu.

    https://docs.slack.dev/reference/block-kit/blocks/section-block
    """
    made: Block = {"type": "section", "text": _text(mrkdwn, SECTION_LIMIT)}
    if accessory:
        made["accessory"] = accessory
    return _named(made, block_id)


def context(mrkdwn: str) -> Block:
    """Small print: https://docs.slack.dev/reference/block-kit/blocks/context-block ."""
    return {"type": "context", "elements": [_text(mrkdwn, CONTEXT_LIMIT)]}


def _text(mrkdwn: str, limit: int) -> dict[str, Any]:
    """`verbatim`: else Slack would make mentions and links of its own of a plain `@channel`, `#general` or address.

    https://docs.slack.dev/reference/block-kit/composition-objects/text-object
    """
    return {"type": "mrkdwn", "text": fit(mrkdwn, limit), "verbatim": True}


@dataclass(frozen=True, slots=True)
class Confirm:
    """What a person is asked before a button does anything; all but `text`, which is mrkdwn, is text from anywhere.

    https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object
    """

    title: str
    text: str
    confirm: str
    """On the button that goes ahead."""
    deny: str
    """On the button that does not."""


def button(
    text: str,
    action_id: str,
    value: str,
    confirm: Confirm | None = None,
    style: Literal["primary", "danger"] | None = None,
) -> Block:
    """An element for `actions`, or beside a `section`; `text` is text from anywhere.

    `action_id` and `value` come back when it is pressed. They are ours: empty or too long, they are a `ValueError`.
    https://docs.slack.dev/reference/block-kit/block-elements/button-element
    """
    made = _button(text, action_id) | {"value": ours("a button's value", value, VALUE_LIMIT)}
    if style:
        made["style"] = style
    if confirm:
        made["confirm"] = {
            "title": label(confirm.title, CONFIRM_TITLE_LIMIT),
            "text": _text(confirm.text or NOTHING, CONFIRM_TEXT_LIMIT),
            "confirm": label(confirm.confirm, CONFIRM_BUTTON_LIMIT),
            "deny": label(confirm.deny, CONFIRM_BUTTON_LIMIT),
        }
    return made


def link_button(text: str, action_id: str, url: str) -> Block:
    """A button that opens a page of ours. Slack tells us of the press all the same, and wants it acknowledged.

    https://docs.slack.dev/reference/block-kit/block-elements/button-element
    """
    return _button(text, action_id) | {"url": ours("a button's url", url, URL_LIMIT)}


def _button(text: str, action_id: str) -> Block:
    named = ours("a button's action_id", action_id, ACTION_ID_LIMIT)
    return {"type": "button", "text": label(text, BUTTON_LIMIT), "action_id": named}


def actions(*elements: Block, block_id: str = "") -> Block:
    """A row of buttons. None, too many, or two with the same `action_id` are a `ValueError`.

    https://docs.slack.dev/reference/block-kit/blocks/actions-block
    """
    if not 0 < len(elements) <= ACTIONS_LIMIT:
        raise ValueError(f"a row has 1 to {ACTIONS_LIMIT} buttons, not {len(elements)}")
    if len({element["action_id"] for element in elements}) < len(elements):
        raise ValueError("two buttons of a row have the same action_id")
    return _named({"type": "actions", "elements": list(elements)}, block_id)


def _named(block: Block, block_id: str) -> Block:
    return block | {"block_id": ours("a block's id", block_id, BLOCK_ID_LIMIT)} if block_id else block


def label(text: str, limit: int) -> dict[str, Any]:
    """Text from anywhere where Slack takes no mrkdwn, and no empty text: on a button, above a field, in a menu.

    Without `emoji`, `:joy:` is shown as it was written.
    https://docs.slack.dev/reference/block-kit/composition-objects/text-object
    """
    return {"type": "plain_text", "text": escaped(text, limit) or NOTHING, "emoji": False}


def ours(what: str, text: str, limit: int) -> str:
    """A text that we chose, which is never cut: empty or too long, it is a `ValueError`."""
    if not 0 < len(text) <= limit:
        raise ValueError(f"{what} has 1 to {limit} characters, not {len(text)}")
    return text
