"""Every kind of message, and the form, each under a name: add one to the module that it belongs to.

Their renderings are in `tests/slack/messages/golden`. `pytest tests/slack/messages/test_golden.py --write-golden`
writes them anew. Look at the difference, and at the pictures that `tests/browser/test_golden.py` takes.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bot.commands.reply import Message
from tests.golden.changes import CASES as CHANGES
from tests.golden.digests import CASES as DIGESTS
from tests.golden.failures import CASES as FAILURES
from tests.golden.home import CASES as HOME
from tests.golden.owners import CASES as OWNERS
from tests.golden.people import CASES as PEOPLE
from tests.golden.questions import CASES as QUESTIONS
from tests.golden.reminders import CASES as REMINDERS
from tests.golden.scene import Rendered

FOLDER = Path(__file__).parents[1] / "slack" / "messages" / "golden"
CASES: Mapping[str, Rendered] = CHANGES | FAILURES | QUESTIONS | PEOPLE | HOME | OWNERS | REMINDERS | DIGESTS


def as_json(rendered: Rendered) -> str:
    """A rendering as its file has it. Fields of a message that are not set are left out."""
    if isinstance(rendered, Message):
        set_ = {name: getattr(rendered, name) for name in ("replaces", "also_in", "asks_why", "edits")}
        found: Mapping[str, Any] = {
            "text": rendered.text,
            "blocks": rendered.blocks,
            "public": rendered.public,
            **{name: value for name, value in set_.items() if value},
        }
    else:
        found = rendered
    return json.dumps(found, ensure_ascii=False, indent=1) + "\n"


def words(rendered: Rendered) -> Iterator[str]:
    """Every text of it that a person reads or hears."""
    if isinstance(rendered, Message):
        yield rendered.text
        yield from _texts(rendered.blocks)
    else:
        yield from _texts(rendered)


def _texts(part: object) -> Iterator[str]:
    match part:
        case {"type": "plain_text" | "mrkdwn", "text": str(text)}:
            yield text
        case Mapping():
            for inner in part.values():
                yield from _texts(inner)
        case list() | tuple():
            for inner in part:
                yield from _texts(inner)
