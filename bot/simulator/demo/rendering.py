"""Renders messages and modals of the stand-in for Slack as HTML, for the demo page.

Every block and element that `block_kit` knows is shown where people can use it in the stand-in. Anything else is shown
as `Not imitated`, with its texts: an `external_select` in a message, an `overflow` or a `datepicker` in a modal, a
confirmation anywhere but on a button or a menu of a message.

The page's script relies on the templates: each button, option and modal is a form, which names its place in the message
or modal.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket
from markupsafe import Markup, escape

from bot.simulator.demo import mrkdwn
from bot.simulator.slack.views import NOT_BESIDE_A_FIELD, View
from bot.simulator.slack.workspace import Shown

TEMPLATES = Path(__file__).parent / "templates"

_HALVES = dict.fromkeys(range(0xD800, 0xE000), "\N{REPLACEMENT CHARACTER}")


class _Compiled(BytecodeCache):
    """Keeps compiled templates: a process may show many pages, and compiling takes 0.1 s for each."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill the bucket if its template was compiled before."""
        if bucket.key in self._kept:
            bucket.bytecode_from_string(self._kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep what Jinja has compiled."""
        self._kept[bucket.key] = bucket.bytecode_to_string()


_compiled = _Compiled()


def environment() -> Environment:
    """Jinja as all templates of the demo want it: everything is escaped, and an unknown name is an error."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        bytecode_cache=_compiled,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


class Rendering:
    """Renders messages and modals. `names` has the names of people and channels by id, with `@` or `#`.

    The HTML is escaped and can be encoded: halves of characters are replaced. A block that lacks a field which Slack
    requires raises `jinja2.UndefinedError`.
    """

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        templates = environment()
        templates.filters |= {"mrkdwn": self._mrkdwn, "words": self._words, "texts": _texts}
        templates.tests["link"] = mrkdwn.is_link
        self._blocks: Any = templates.get_template("blocks.html").module
        self._modal: Any = templates.get_template("modal.html").module

    def message(self, shown: Shown, where: str = "") -> Markup:
        """A message: its blocks or, if it has none, its text.

        A page that shows a message twice says `where`, because what can be opened in it has an id.
        """
        return _sendable(self._blocks.message({"ts": shown.ts, "where": where}, shown.blocks, shown.text))

    def home(self, view: View) -> Markup:
        """A Home tab; its buttons name its id in the place of a message's `ts`."""
        return _sendable(self._blocks.message({"ts": view.id, "where": ""}, view.blocks, ""))

    def modal(self, view: View) -> Markup:
        """A modal, with the values of its fields, its errors, and what type-ahead offered last."""
        return _sendable(self._modal.modal(view, NOT_BESIDE_A_FIELD))

    def _mrkdwn(self, text: str) -> Markup:
        return mrkdwn.html_of(text, self._names)

    def _words(self, text: Mapping[str, Any]) -> str:
        """Render a text object: https://docs.slack.dev/reference/block-kit/composition-objects/text-object ."""
        return self._mrkdwn(text["text"]) if text["type"] == "mrkdwn" else mrkdwn.plain_of(text["text"])


def _texts(given: Any) -> Iterator[Mapping[str, Any]]:  # noqa: ANN401 - anything that JSON can say
    """Find the text objects in any JSON, in order."""
    match given:
        case {"type": "plain_text" | "mrkdwn", "text": str()}:
            yield given
        case Mapping():
            yield from chain.from_iterable(map(_texts, given.values()))
        case list():
            yield from chain.from_iterable(map(_texts, given))


def _sendable(made: Markup) -> Markup:
    return escape(made.translate(_HALVES))
