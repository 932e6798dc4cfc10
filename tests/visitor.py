"""A person with a browser who connects HighLevel."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape

import httpx

from bot.highlevel.pages import connect_url
from bot.wiring.highlevel import connect_link
from tests.house import PUBLIC_URL, House


@dataclass
class Visitor:
    """A browser that follows no redirect by itself, and finds the bot under its public address."""

    house: House
    http: httpx.AsyncClient

    async def opens(self, address: str, method: str = "GET") -> httpx.Response:
        """Open a page."""
        return await self.http.request(method, address.replace(PUBLIC_URL, self.house.slack.bot_url, 1))

    async def presses(self, address: str) -> str:
        """Press the page's button; returns the address to which that leads."""
        page = await self.opens(address)
        assert '<form method="post">' in page.text, page.text
        answer = await self.opens(address, "POST")
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]

    async def chooses(self, address: str) -> str:
        """Choose the sub-account at HighLevel; returns the address to come back to."""
        answer = await self.opens(await self.presses(address))
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    async def connects(self) -> httpx.Response:
        """Connect HighLevel with a new link; returns the last page."""
        return await self.opens(await self.chooses(await connect_link(self.house.settings)))


def text_of(page: httpx.Response) -> str:
    """The text of a page."""
    main = page.text.partition("<main>")[2]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


@asynccontextmanager
async def visitor(house: House) -> AsyncIterator[Visitor]:
    """Open a browser; wait until the bot has made its tables, if there is a bot yet."""
    agent = {"User-Agent": "Mozilla/5.0"}
    async with httpx.AsyncClient(headers=agent, trust_env=False) as http:
        visitor = Visitor(house, http)
        while house.slack.bot_url and (await visitor.opens(connect_url(PUBLIC_URL, "none"))).status_code == 503:
            await asyncio.sleep(0.05)
        yield visitor
