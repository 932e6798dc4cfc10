"""Checks the proxy: what is reached through it, and whether it lets the bot through."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing

from bot.deals.clock import loop_time
from bot.http.exchange import Http, Request, RequestFailed, Why
from bot.http.proxies import Proxies
from bot.operations import diagnoses
from bot.operations.checks.findings import CheckId, Findings

MADE = frozenset({CheckId.PROXY})

PROXY_PATIENCE = 10.0
"""Seconds for a server to answer through the proxy."""


class ProxyCheck:
    """Says which neighbours are reached through the proxy. Without a proxy the check is well.

    `neighbours`: their addresses, by the names under which the report shows them.
    """

    def __init__(self, proxies: Proxies, neighbours: Mapping[str, str], open_http: Callable[[], Http]) -> None:
        self._proxies = proxies
        self._neighbours = neighbours
        self._open_http = open_http

    async def run(self, *, everything: bool) -> Findings:
        """See `Check`. `everything`: also ask each neighbour behind the proxy for something, without a token."""
        if not self._proxies.url:
            return Findings(MADE)
        through = [name for name, url in self._neighbours.items() if self._proxies.lead_to(url)]
        directly = [name for name in self._neighbours if name not in through]
        proxy = {"proxy": self._proxies.url, "source": self._proxies.source}
        used = diagnoses.PROXY_USED.about(
            **proxy, through=_listed(through), directly=f", and no proxy for {_listed(directly)}" if directly else ""
        )
        shut_out = await self._shut_out(through) if everything else []
        refused = diagnoses.PROXY_REFUSED.about(**proxy, whom=_listed(shut_out))
        return Findings(MADE, failing=(refused,)) if shut_out else Findings(MADE, notes=(used,))

    async def _shut_out(self, names: list[str]) -> list[str]:
        """Those to whom the proxy does not let the bot through."""
        async with aclosing(self._open_http()) as http:
            refused = await asyncio.gather(*(_is_refused(http, self._neighbours[name]) for name in names))
        return [name for name, is_refused in zip(names, refused, strict=True) if is_refused]


async def _is_refused(http: Http, url: str) -> bool:
    """Whether the proxy is why there is no answer. Any answer will do: it came through."""
    try:
        await http.send(Request("GET", url, until=loop_time() + PROXY_PATIENCE, connect=PROXY_PATIENCE))
    except RequestFailed as error:
        return error.why is Why.PROXY_REFUSED
    return False


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]])) or "nothing"
