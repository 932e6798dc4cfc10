"""Writes Slack's mrkdwn: escapes and cuts texts from people and HighLevel, and makes Slack's own markup. Pure.

https://docs.slack.dev/messaging/formatting-message-text
"""

import re
from datetime import UTC, datetime
from itertools import accumulate

NOTHING = "…"
"""In place of an empty text, which Slack refuses."""

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}

_ESCAPING = str.maketrans(_ENTITIES)

_ESCAPED = {entity: char for char, entity in _ENTITIES.items()}

# Control characters. Characters that turn the direction of text: with them a name could rewrite the sentence around it.
# Lone surrogates, as a CRM leaves them where it cuts an emoji in two: a message with one cannot be sent.
_INVISIBLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff]+")

_HALF_OF_SOMETHING = re.compile(r"(<[^<>]*|&[a-z]{0,3})\Z")

_USER_ID = re.compile(r"[UW][A-Z0-9]+")

_CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]+")


def plain(text: str, limit: int = 150) -> str:
    """Escape a text from a person or HighLevel, on one line, and cut it to `limit` characters, counted escaped."""
    visible = " ".join(_INVISIBLE.sub(" ", text).split())
    if len(whole := visible.translate(_ESCAPING)) <= limit:
        return whole
    shown = [_ENTITIES.get(char, char) for char in visible]
    widths = accumulate(map(len, shown))
    return "".join(char for char, width in zip(shown, widths, strict=True) if width < limit) + "…"


def unescaped(shown: str) -> str:
    """Undo the escaping of `plain`: `plain(unescaped(shown)) == shown`."""
    return re.sub("&(?:amp|lt|gt);", lambda entity: _ESCAPED[entity[0]], shown)


def fit(mrkdwn: str, limit: int) -> str:
    """Cut finished mrkdwn to `limit` characters, but never inside an entity or a `<...>`."""
    if len(mrkdwn) <= limit:
        return mrkdwn
    return _HALF_OF_SOMETHING.sub("", mrkdwn[: limit - 1]) + "…"


def user(user_id: str) -> str:
    """A person, whom Slack shows by name; a text that is no user id is shown as it is."""
    return f"<@{user_id}>" if _USER_ID.fullmatch(user_id) else plain(user_id)


def channel(channel_id: str) -> str:
    """A channel, which Slack shows by name; a text that is no channel id is shown as it is."""
    return f"<#{channel_id}>" if _CHANNEL_ID.fullmatch(channel_id) else plain(channel_id)


def link(url: str, label: str, limit: int = 150) -> str:
    """A link. `label` is escaped; `url` must be finished."""
    return f"<{url}|{plain(label, limit).replace('|', '¦')}>"


def code(text: str, limit: int = 150) -> str:
    """A text as a person typed it, in a monospaced font."""
    return f"`{plain(text, limit).replace('`', 'ˋ')}`"


def date(moment: datetime) -> str:
    """A time that Slack shows in the reader's time zone; in UTC where Slack cannot.

    https://docs.slack.dev/messaging/formatting-message-text#date-formatting
    """
    utc = moment.astimezone(UTC)
    return f"<!date^{int(utc.timestamp())}^{{date_short_pretty}} at {{time}}|{utc:%Y-%m-%d %H:%M} UTC>"
