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

# Slack has no escape for its marks, takes a zero-width space beside one for the end of a word, and also knows the wide
# forms that Japanese keyboards type. So letters that look alike stand for them: see "Text from outside" in decisions.
# https://github.com/yhatt/jsx-slack/blob/main/docs/about-escape-and-exact-mode.md
_LOOK_ALIKES = str.maketrans("*＊_＿~`｀", "∗∗ˍˍ∼ˋˋ")

# Between letters or digits an underscore is never a mark: `snake_case`.
_MARK = re.compile(r"[*＊＿~`｀]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")

_NO_BACKTICKS = str.maketrans("`｀", "ˋˋ")

_QUOTE = re.compile(r"\A[>＞]")

_EMOJI = re.compile(r":(?=[\w'+-]+(?::|\Z))")

_HALF_OF_SOMETHING = re.compile(r"(<[^<>]*|&[a-z]{0,3})\Z")

_SPOKEN = re.compile(
    r"`[^`]*`|<https?://[^<>|]*\|(?P<label>[^<>]*)>|<[^<>]*>|(?P<mark>\*|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))"
)

_USER_ID = re.compile(r"[UW][A-Z0-9]+")

_CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]+")


def plain(text: str, limit: int = 150) -> str:
    """Text from a person or a CRM, for mrkdwn: as `escaped`, and nothing in it is markup, a quotation or an emoji.

    Marks are replaced by letters that look alike; so the text is as long as without them.
    """
    shown = _MARK.sub(lambda mark: mark[0].translate(_LOOK_ALIKES), _on_one_line(text))
    return escaped(_EMOJI.sub("꞉", _QUOTE.sub("˃", shown)), limit)


def escaped(text: str, limit: int = 150) -> str:
    """Text from anywhere, where Slack knows no marks, as in `plain_text` or in code.

    It is on one line, escaped, and at most `limit` characters long as Slack counts them.
    """
    visible = _on_one_line(text)
    if len(whole := visible.translate(_ESCAPING)) <= limit:
        return whole
    shown = [_ENTITIES.get(char, char) for char in visible]
    widths = accumulate(map(len, shown))
    return "".join(char for char, width in zip(shown, widths, strict=True) if width < limit) + "…"


def shortened(text: str, limit: int) -> str:
    """Text from anywhere, where Slack takes it as it is: on one line, not escaped, and at most so long."""
    visible = _on_one_line(text)
    return visible if len(visible) <= limit else f"{visible[: limit - 1]}…"


def _on_one_line(text: str) -> str:
    return " ".join(_INVISIBLE.sub(" ", text).split())


def unescaped(shown: str) -> str:
    """What `escaped` made, as it is read; `escaped` makes the same of it again."""
    return re.sub("&(?:amp|lt|gt);", lambda entity: _ESCAPED[entity[0]], shown)


def spoken(mrkdwn: str) -> str:
    """Finished mrkdwn as it is read out: links are their labels, and bold and italics are gone; all else stays."""
    return _SPOKEN.sub(_said, mrkdwn)


def _said(token: re.Match[str]) -> str:
    if token["mark"]:
        return ""
    return token[0] if token["label"] is None else token["label"]


def fit(mrkdwn: str, limit: int) -> str:
    """Finished mrkdwn, cut to `limit` if need be, but never in the middle of an entity or a `<...>`.

    Code that is cut ends with a backtick all the same: without it, what was typed would be read as markup.
    """
    if len(mrkdwn) <= limit:
        return mrkdwn
    cut = _cut(mrkdwn, limit - 1)
    if not _ends_in_code(cut):
        return f"{cut}…"
    shorter = _cut(mrkdwn, limit - 2)
    return f"{shorter}…`" if _ends_in_code(shorter) else f"{shorter}…"


def _cut(mrkdwn: str, length: int) -> str:
    return _HALF_OF_SOMETHING.sub("", mrkdwn[:length])


def _ends_in_code(mrkdwn: str) -> bool:
    """Whether it ends between two backticks: all are ours, for in text from anywhere there is none."""
    return mrkdwn.count("`") % 2 == 1


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
    """Something as it was typed."""
    return f"`{(escaped(text, limit) or NOTHING).translate(_NO_BACKTICKS)}`"


def date(moment: datetime) -> str:
    """A time that Slack shows in the reader's time zone; in UTC where Slack cannot.

    https://docs.slack.dev/messaging/formatting-message-text#date-formatting
    """
    utc = moment.astimezone(UTC)
    return f"<!date^{int(utc.timestamp())}^{{date_short_pretty}} at {{time}}|{utc:%Y-%m-%d %H:%M} UTC>"
