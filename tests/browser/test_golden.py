"""Every kind of message on a phone, 360 pixels wide: nothing sticks out. Pictures are left in `build/screenshots`."""

from pathlib import Path

import pytest
from markupsafe import Markup

from bot.commands.reply import Message
from bot.simulator.demo import rendering
from bot.simulator.slack.workspace import Shown
from tests.browser.chromium import Picture, Tabs
from tests.golden.cases import CASES
from tests.golden.scene import NAMES

pytestmark = pytest.mark.asyncio(loop_scope="session")

CSS = Path(rendering.__file__).parent / "static" / "page.css"
STYLE = Markup(CSS.read_text(encoding="utf-8"))  # noqa: S704 - our own
PAGE = Markup(
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    '<style>{}</style><body><ol id="log">{}</ol>'
)
ITEM = Markup(
    '<li class="message{}"><span class="avatar">O</span><div class="body">'
    '<p class="author"><strong>Opp Status</strong> <span class="app">App</span> <span class="only">{}</span></p>'
    "{}</div></li>"
)


def _html(message: Message) -> Markup:
    shown = Shown("C0SALES", None if message.public else "U0ANA", message.text, message.blocks, "chat.postMessage")
    contents = rendering.Rendering(NAMES).message(shown)
    only = "" if message.public else "Only visible to you"
    return ITEM.format("" if message.public else " private", only, contents)


async def test_each_kind_of_message_fits_on_a_phone(tabs: Tabs, picture: Picture) -> None:
    page = await tabs.open("about:blank", width=360, height=200, phone=True)
    sticking_out = []
    for name, rendered in CASES.items():
        if not isinstance(rendered, Message):
            if rendered["type"] != "home":
                continue
            rendered = Message("Home", tuple(rendered["blocks"]), public=False)  # noqa: PLW2901 - shown like a message
        await page.set_content(PAGE.format(STYLE, _html(rendered)))
        width, height = await page.evaluate("[document.documentElement.scrollWidth, document.body.scrollHeight]")
        await page.set_viewport_size({"width": 360, "height": max(100, height)})
        await picture(page, f"golden/{name}")
        if width > 360:
            sticking_out.append(name)

    assert sticking_out == []
