"""Pieces of Slack messages that cannot exceed Slack's limits, break its escaping or mention anybody. Pure.

https://docs.slack.dev/messaging/formatting-message-text and https://docs.slack.dev/reference/block-kit/blocks
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any, Literal

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

NOTHING = "…"
"""Shown where there should be a text and is none: Slack refuses an empty one."""

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_ESCAPING = str.maketrans(_ENTITIES)
_ESCAPED = {entity: char for char, entity in _ENTITIES.items()}
# Controls; characters that turn the direction of what follows: with them a name could rewrite the sentence it stands
# in; and halves of characters, as a CRM leaves them where it cuts an emoji in two: no answer that has one can be sent.
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]+")
_HALF_OF_SOMETHING = re.compile(r"(<[^<>]*|&[a-z]{0,3})\Z")
_USER_ID = re.compile(r"[UW][A-Z0-9]+")
_CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]+")


def plain(text: str, limit: int = 150) -> str:
    """Text from a person or a CRM, on one line, escaped, and at most `limit` characters long as Slack counts them."""
    visible = " ".join(_INVISIBLE.sub(" ", text).split())
    if len(whole := visible.translate(_ESCAPING)) <= limit:
        return whole
    shown = [_ENTITIES.get(char, char) for char in visible]
    widths = accumulate(map(len, shown))
    return "".join(char for char, width in zip(shown, widths, strict=True) if width < limit) + "…"


def unescaped(shown: str) -> str:
    """What `plain` made, as it is read; `plain` makes the same of it again."""
    return re.sub("&(?:amp|lt|gt);", lambda entity: _ESCAPED[entity[0]], shown)


def fit(mrkdwn: str, limit: int) -> str:
    """Finished mrkdwn, cut to `limit` if need be, but never in the middle of an entity or a `<...>`."""
    if len(mrkdwn) <= limit:
        return mrkdwn
    return _HALF_OF_SOMETHING.sub("", mrkdwn[: limit - 1]) + "…"


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
    return {"type": "plain_text", "text": plain(text, limit) or NOTHING, "emoji": False}


def ours(what: str, text: str, limit: int) -> str:
    """A text that we chose, which is never cut: empty or too long, it is a `ValueError`."""
    if not 0 < len(text) <= limit:
        raise ValueError(f"{what} has 1 to {limit} characters, not {len(text)}")
    return text


def user(user_id: str) -> str:
    """A person, shown by name; anything that is no user id is shown as the text it is."""
    return f"<@{user_id}>" if _USER_ID.fullmatch(user_id) else plain(user_id)


def channel(channel_id: str) -> str:
    """A channel, shown by name; anything that is no channel id is shown as the text it is."""
    return f"<#{channel_id}>" if _CHANNEL_ID.fullmatch(channel_id) else plain(channel_id)


def link(url: str, label: str, limit: int = 150) -> str:
    """A link; `label` is text from anywhere, `url` is ours."""
    return f"<{url}|{plain(label, limit).replace('|', '¦')}>"


def code(text: str, limit: int = 150) -> str:
    """Something as it was typed."""
    return f"`{plain(text, limit).replace('`', 'ˋ')}`"


def date(moment: datetime) -> str:
    """A time that every reader sees in their own time zone; UTC where Slack cannot."""
    utc = moment.astimezone(UTC)
    return f"<!date^{int(utc.timestamp())}^{{date_short_pretty}} at {{time}}|{utc:%Y-%m-%d %H:%M} UTC>"
