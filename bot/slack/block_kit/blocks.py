"""Makes the blocks of messages. They keep Slack's limits whatever the texts are, and mention no one. Pure.

A text that comes from people or HighLevel is escaped, and cut if it is too long. One that the bot chooses itself, such
as an `action_id`, is never cut: if it does not fit, that is a `ValueError`.
https://docs.slack.dev/messaging/formatting-message-text and https://docs.slack.dev/reference/block-kit/blocks
"""

from dataclasses import dataclass
from typing import Any, Literal

from bot.slack.block_kit.mrkdwn import NOTHING, escaped, fit

Block = dict[str, Any]

# Slack's limits, in characters.
SECTION_LIMIT = 3000
CONTEXT_LIMIT = 3000
TEXT_LIMIT = 4000
"""For a message's `text`. Slack cuts it at 40,000, and recommends at most this.
https://docs.slack.dev/reference/methods/chat.postMessage"""
HEADER_LIMIT = 150
BUTTON_LIMIT = 75
VALUE_LIMIT = 2000
URL_LIMIT = 3000
ACTION_ID_LIMIT = BLOCK_ID_LIMIT = 255
CONFIRM_TITLE_LIMIT, CONFIRM_TEXT_LIMIT, CONFIRM_BUTTON_LIMIT = 100, 300, 30

ACTIONS_LIMIT = 25
"""Elements in one `actions` block."""


def section(mrkdwn: str, accessory: Block | None = None, block_id: str = "") -> Block:
    """Make a paragraph, optionally with a button or a menu beside it. `mrkdwn` is finished markup.

    https://docs.slack.dev/reference/block-kit/blocks/section-block
    """
    made: Block = {"type": "section", "text": _text(mrkdwn, SECTION_LIMIT)}
    if accessory:
        made["accessory"] = accessory
    return _with_block_id(made, block_id)


def header(text: str) -> Block:
    """Make a title; `text` is escaped.

    https://docs.slack.dev/reference/block-kit/blocks/header-block
    """
    return {"type": "header", "text": label(text, HEADER_LIMIT)}


def divider() -> Block:
    """Make a line between two parts.

    https://docs.slack.dev/reference/block-kit/blocks/divider-block
    """
    return {"type": "divider"}


def context(mrkdwn: str) -> Block:
    """Make a line of small print. `mrkdwn` is finished markup.

    https://docs.slack.dev/reference/block-kit/blocks/context-block
    """
    return {"type": "context", "elements": [_text(mrkdwn, CONTEXT_LIMIT)]}


def _text(mrkdwn: str, limit: int) -> dict[str, Any]:
    """Make a text object. Without `verbatim` Slack turns a plain `@channel`, `#general` or address into a link.

    https://docs.slack.dev/reference/block-kit/composition-objects/text-object
    """
    return {"type": "mrkdwn", "text": fit(mrkdwn, limit), "verbatim": True}


@dataclass(frozen=True, slots=True)
class Confirm:
    """The question that Slack asks before a button does anything. `text` is finished markup; the rest is escaped.

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
    """Make a button for `actions` or `section`; `text` is escaped.

    Slack sends `action_id` and `value` back when it is pressed. Raises `ValueError` if one is empty or too long.
    https://docs.slack.dev/reference/block-kit/block-elements/button-element
    """
    made = _button(text, action_id) | {"value": check_length("a button's value", value, VALUE_LIMIT)}
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
    """Make a button that opens a page; `text` is escaped. Slack sends its press too, and wants it acknowledged.

    Raises `ValueError` if `action_id` or `url` is empty or too long.
    https://docs.slack.dev/reference/block-kit/block-elements/button-element
    """
    return _button(text, action_id) | {"url": check_length("a button's url", url, URL_LIMIT)}


def _button(text: str, action_id: str) -> Block:
    checked = check_length("a button's action_id", action_id, ACTION_ID_LIMIT)
    return {"type": "button", "text": label(text, BUTTON_LIMIT), "action_id": checked}


def actions(*elements: Block, block_id: str = "") -> Block:
    """Make a row of buttons. Raises `ValueError` if there are none, too many, or two with the same `action_id`.

    https://docs.slack.dev/reference/block-kit/blocks/actions-block
    """
    if not 0 < len(elements) <= ACTIONS_LIMIT:
        raise ValueError(f"a row has 1 to {ACTIONS_LIMIT} buttons, not {len(elements)}")
    if len({element["action_id"] for element in elements}) < len(elements):
        raise ValueError("two buttons of a row have the same action_id")
    return _with_block_id({"type": "actions", "elements": list(elements)}, block_id)


def _with_block_id(block: Block, block_id: str) -> Block:
    return block | {"block_id": check_length("a block's id", block_id, BLOCK_ID_LIMIT)} if block_id else block


def label(text: str, limit: int) -> dict[str, Any]:
    """Make a plain text object, for buttons, fields and menus. `text` is escaped and cut; if empty, it is `NOTHING`.

    `emoji` is off, so that Slack shows `:joy:` as it was typed.
    https://docs.slack.dev/reference/block-kit/composition-objects/text-object
    """
    return {"type": "plain_text", "text": escaped(text, limit) or NOTHING, "emoji": False}


def check_length(what: str, text: str, limit: int) -> str:
    """Return the text. Raises `ValueError`, which names `what`, if it is empty or longer than the limit."""
    if not 0 < len(text) <= limit:
        raise ValueError(f"{what} has 1 to {limit} characters, not {len(text)}")
    return text
