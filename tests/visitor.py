"""Somebody with a browser, who connects HighLevel."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from html import unescape

import httpx

from bot.highlevel.pages import connect_url
from bot.wiring import connect_link
from tests.house import PUBLIC_URL, House


@dataclass
class Visitor:
    """Follows no redirection by itself; finds the bot at its public address wherever it is."""

    house: House
    http: httpx.AsyncClient

    async def opens(self, address: str, method: str = "GET") -> httpx.Response:
        """Open a page."""
        return await self.http.request(method, address.replace(PUBLIC_URL, self.house.slack.bot_url, 1))

    async def presses(self, address: str) -> str:
        """Press the page's button; gives where that leads."""
        page = await self.opens(address)
        assert '<form method="post">' in page.text, page.text
        answer = await self.opens(address, "POST")
        assert answer.status_code == 303, answer.text
        return answer.headers["Location"]

    async def chooses(self, address: str) -> str:
        """Choose the sub-account at HighLevel; gives the address to come back to."""
        answer = await self.opens(await self.presses(address))
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    async def connects(self) -> httpx.Response:
        """All of it, with a link of its own; gives the last page."""
        return await self.opens(await self.chooses(await connect_link(self.house.settings)))


def interaction(page: httpx.Response) -> str:
    """The text of a page."""
    main = page.text.partition("<main>")[2]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


@asynccontextmanager
async def visitor(house: House) -> AsyncIterator[Visitor]:
    """With a browser of their own; they come when the bot has made its tables, if it is there already."""
    agent = {"User-Agent": "Mozilla/5.0"}
    async with httpx.AsyncClient(headers=agent, trust_env=False) as http:
        somebody = Visitor(house, http)
        while house.slack.bot_url and (await somebody.opens(connect_url(PUBLIC_URL, "none"))).status_code == 503:
            await asyncio.sleep(0.05)
        yield somebody
