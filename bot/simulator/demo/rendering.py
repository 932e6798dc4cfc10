"""What people see in the stand-in for Slack, as HTML: messages and modals. For the demo page.

Every kind of block and element that `block_kit` knows is shown where the stand-in lets somebody use it. What it does
not know, or has no use for (an `external_select` in a message, an `overflow` in a modal, a confirmation before anything
but a button or a menu in a message), is shown as `Not imitated`, with the texts in it.

What the page's script relies on stands in the templates: each press, choice and modal is a form, which tells the
stand-in where in the message or modal it is.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from bot.simulator.demo import mrkdwn
from bot.simulator.slack.server import Shown
from bot.simulator.slack.views import NOT_BESIDE_A_FIELD, View

TEMPLATES = Path(__file__).parent / "templates"

_HALVES = dict.fromkeys(range(0xD800, 0xE000), "\N{REPLACEMENT CHARACTER}")


class Rendering:
    """Shows what the stand-in keeps. `names` are those of people and channels, with their `@` or `#`, by id.

    All it gives is escaped, and can be sent: halves of characters are replaced. What Slack would refuse because a field
    is missing in it raises `jinja2.UndefinedError`.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters |= {"mrkdwn": self._mrkdwn, "words": self._words, "texts": _texts}
        environment.tests["link"] = mrkdwn.is_link
        self._blocks: Any = environment.get_template("blocks.html").module
        self._modal: Any = environment.get_template("modal.html").module

    def message(self, shown: Shown) -> Markup:
        """What a message says: its blocks, or its text when it has none."""
        return _sendable(self._blocks.message(shown))

    def modal(self, view: View) -> Markup:
        """A modal, with what is in its fields, what is wrong with it and what type-ahead offered last."""
        return _sendable(self._modal.modal(view, NOT_BESIDE_A_FIELD))

    def _mrkdwn(self, text: str) -> Markup:
        return mrkdwn.html_of(text, self._names)

    def _words(self, text: Mapping[str, Any]) -> str:
        """A text object: https://docs.slack.dev/reference/block-kit/composition-objects/text-object ."""
        return self._mrkdwn(text["text"]) if text["type"] == "mrkdwn" else mrkdwn.plain_of(text["text"])


def _texts(given: Any) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401 - anything that JSON can say
    """The text objects in something, in their order."""
    match given:
        case {"type": "plain_text" | "mrkdwn", "text": str()}:
            yield given
        case Mapping():
            yield from chain.from_iterable(map(_texts, given.values()))
        case list():
            yield from chain.from_iterable(map(_texts, given))


def _sendable(made: Markup) -> Markup:
    return escape(made.translate(_HALVES))
