"""Slack's mrkdwn: text from anywhere, escaped and clipped, and Slack's own markup. Pure.

https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from datetime import UTC, datetime
from itertools import accumulate

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
