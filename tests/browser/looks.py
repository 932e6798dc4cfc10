"""The two sizes in which a page is looked at, what axe finds wrong with it, and pictures for the documents."""

from pathlib import Path
from typing import TypedDict

from axe_playwright_python.async_playwright import Axe
from PIL import Image
from playwright.async_api import Page


class Size(TypedDict):
    """How a page is opened."""

    width: int
    height: int
    phone: bool


WIDE = Size(width=1440, height=900, phone=False)
NARROW = Size(width=390, height=844, phone=True)


async def violations(page: Page) -> list[str]:
    """What axe finds in the page as it is now."""
    found = (await Axe().run(page)).response["violations"]
    return [f"{each['id']}: {[node['html'][:200] for node in each['nodes']]}" for each in found]


def shrink(picture: Path) -> None:
    """Save a picture with 256 colors, which makes it a third as large."""
    image = Image.open(picture).convert("RGB")
    image.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(picture, optimize=True)
