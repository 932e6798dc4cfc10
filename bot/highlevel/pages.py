"""The pages on which a person connects HighLevel by OAuth. They neither show, log nor keep a token, code or secret."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from html import escape
from http import HTTPStatus

import structlog
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from bot.deals.ports import StoreDown
from bot.highlevel.api import oauth
from bot.highlevel.api.errors import AppUnknown, Disconnected, HighLevelError
from bot.highlevel.api.oauth import Kind, Tokens
from bot.highlevel.api.token_endpoint import TokenEndpoint
from bot.highlevel.connections import Connections
from bot.highlevel.install_links import InstallLinks, Purpose, Verdict
from bot.highlevel.tokens import TokenRefresh

log = structlog.get_logger(__name__)

INSTALL = "/oauth/highlevel/install"
CALLBACK = "/oauth/highlevel/callback"
LONGEST = 2000
"""Characters of a query parameter. Our own secrets are shorter, and so were all of HighLevel's codes so far."""
PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
    # Without `form-action`: browsers would apply it to the redirection to HighLevel as well.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
}

CLOSE = "You can close this page."
ANOTHER_LINK = "Ask your Opp Status admin for a new link (python -m bot connect)."
WORTH_NOTHING = {
    Verdict.SPENT: "has already been used. Each link works once",
    Verdict.EXPIRED: "has expired",
    Verdict.UNKNOWN: "isn't valid, or part of it is missing",
}
NOTHING_STORED = "Nothing was connected."
CONNECT = "Connect HighLevel to Opp Status"


@dataclass(frozen=True, slots=True)
class HtmlPage:
    """What a person reads in a browser."""

    title: str
    lines: tuple[str, ...]
    status: HTTPStatus = HTTPStatus.OK
    button: str = ""
    """The label of a button that sends a POST to the page's own address; empty for no button."""

    def response(self) -> Response:
        """The page as HTML, with headers that keep it out of caches, and its address out of `Referer`."""
        lines = "".join(f"<p>{escape(line)}</p>" for line in self.lines)
        button = f'<form method="post"><button>{escape(self.button)}</button></form>' if self.button else ""
        return HTMLResponse(
            '<!doctype html><html lang="en"><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(self.title)}</title>"
            "<style>body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:4rem auto;padding:0 1rem}"
            "button{font:inherit;padding:.5rem 1rem}</style>"
            f"<main><h1>{escape(self.title)}</h1>{lines}{button}</main></html>",
            status_code=self.status,
            headers=PAGE_HEADERS,
        )


class ConnectPages:
    """Two routes: one that the operator's link opens, and one to which HighLevel sends people back.

    `locations`: ids of the sub-accounts that may be connected.
    """

    def __init__(
        self,
        app: oauth.App,
        *,
        locations: Collection[str],
        install_links: InstallLinks,
        connections: Connections,
        token_endpoint: TokenEndpoint,
        token_refresh: TokenRefresh,
    ) -> None:
        self._app = app
        self._locations = frozenset(locations)
        self._install_links = install_links
        self._connections = connections
        self._token_endpoint = token_endpoint
        self._token_refresh = token_refresh

    def routes(self) -> list[Route]:
        """The routes, for the web application."""
        return [
            Route(INSTALL, _guarded(self._show), methods=["GET"]),
            Route(INSTALL, _guarded(self._begin), methods=["POST"]),
            Route(CALLBACK, _guarded(self._come_back), methods=["GET"]),
        ]

    async def _show(self, request: Request) -> Response:
        """A page with one button. It does not use the link up: a chat that previews the link opens the page too."""
        secret = _asked(request, "pass")
        if not secret:
            lines = ("Open this page with a one-time link.", ANOTHER_LINK)
            return HtmlPage(CONNECT, lines, HTTPStatus.FORBIDDEN).response()
        verdict = await self._install_links.look(secret, Purpose.INSTALL)
        if verdict is not Verdict.GOOD:
            return _no_good("link", verdict).response()
        where = ", ".join(sorted(self._locations))
        lines = (
            f"HighLevel will ask which sub-account to connect. Choose {where}.",
            "Opp Status will be able to read deals and change their status there until you remove the app.",
        )
        return HtmlPage(CONNECT, lines, button="Continue to HighLevel").response()

    async def _begin(self, request: Request) -> Response:
        verdict = await self._install_links.spend(_asked(request, "pass"), Purpose.INSTALL)
        if verdict is not Verdict.GOOD:
            return _no_good("link", verdict).response()
        state = await self._install_links.issue(Purpose.STATE)
        return RedirectResponse(oauth.authorization_url(self._app, state), HTTPStatus.SEE_OTHER, PAGE_HEADERS)

    async def _come_back(self, request: Request) -> Response:
        verdict = await self._install_links.spend(_asked(request, "state"), Purpose.STATE)
        if verdict is not Verdict.GOOD:
            log.warning("oauth.state_refused", verdict=verdict.value)
            again = await self._connected_before() if verdict is Verdict.SPENT else None
            return (again or _no_good("sign-in", verdict)).response()
        code = _asked(request, "code")
        if not code:
            log.info("oauth.declined")
            lines = ("The connection was declined in HighLevel.", NOTHING_STORED, ANOTHER_LINK)
            return HtmlPage("Not connected", lines, HTTPStatus.BAD_REQUEST).response()
        try:
            return (await self._connect(await self._token_endpoint.redeem(code))).response()
        except HighLevelError as error:
            log.warning("oauth.refused", error=type(error).__name__, status=error.details.status)
            return _refused(error).response()

    async def _connected_before(self) -> HtmlPage | None:
        """What a person reads who comes this way again, as with a browser's back button; `None`: nothing is connected.

        Whether it was this way or an earlier one that connected it is not written down.
        """
        found = {location_id: await self._connections.find(location_id) for location_id in sorted(self._locations)}
        connected = [location_id for location_id, row in found.items() if row and row.refused is None]
        if not connected:
            return None
        missing = ", ".join(location_id for location_id in found if location_id not in connected)
        more = (f"Not connected: {missing}. {ANOTHER_LINK}",) if missing else ()
        return HtmlPage("Connected", (f"{', '.join(connected)} is already connected. {CLOSE}", *more))

    async def _connect(self, tokens: Tokens) -> HtmlPage:
        """Save the tokens: a location's, or an agency's and those of each of our locations that it has."""
        wanted = ", ".join(sorted(self._locations))
        if tokens.kind is Kind.LOCATION and tokens.location_id not in self._locations:
            log.warning("oauth.wrong_location", location=tokens.location_id)
            lines = (
                f"You chose {tokens.location_id}, but Opp Status is set up for {wanted}.",
                f"{NOTHING_STORED} You can remove the app from that sub-account.",
                ANOTHER_LINK,
            )
            return HtmlPage("Not connected", lines, HTTPStatus.CONFLICT)
        await self._save(tokens)
        if tokens.kind is Kind.LOCATION:
            return _connected(tokens.location_id)
        return await self._connect_each(tokens.company_id)

    async def _connect_each(self, company_id: str) -> HtmlPage:
        """Exchange an agency's tokens for those of each of our locations. One that fails does not stop the others."""
        connected, refused = [], {}
        for location_id in sorted(self._locations):
            try:
                tokens = await self._token_endpoint.exchange(
                    company_id, location_id, self._token_refresh.of(company_id)
                )
                await self._save(tokens)
                connected.append(location_id)
            except HighLevelError as error:
                log.warning("oauth.refused", location=location_id, error=type(error).__name__)
                refused[location_id] = error
        if not connected:
            raise next(iter(refused.values()))
        if not refused:
            return _connected(", ".join(connected))
        lines = (
            f"Connected: {', '.join(connected)}.",
            f"Not connected: {', '.join(refused)}. Any earlier connection there is unchanged.",
            f"Give the app access in HighLevel, then try again. {ANOTHER_LINK}",
        )
        return HtmlPage("Partly connected", lines, HTTPStatus.BAD_GATEWAY)

    async def _save(self, tokens: Tokens) -> None:
        await self._connections.connect(tokens)
        self._token_refresh.of(tokens.account_id).forget()
        log.info("oauth.connected", account=tokens.account_id, kind=tokens.kind.value)


def callback_of(public_url: str) -> str:
    """The redirect URL, which has to be in the settings of the app in HighLevel's marketplace exactly like this."""
    return f"{public_url}{CALLBACK}"


def connect_url(public_url: str, secret: str = "") -> str:
    """The page on which HighLevel is connected. It needs a secret; without one it says how to get a link."""
    return f"{public_url}{INSTALL}?pass={secret}" if secret else f"{public_url}{INSTALL}"


def _asked(request: Request, name: str) -> str:
    """A query parameter; empty if it is missing, too long, or there more than once."""
    given = request.query_params.getlist(name)
    return given[0] if len(given) == 1 and len(given[0]) <= LONGEST else ""


def _connected(where: str) -> HtmlPage:
    return HtmlPage("Connected", (f"Connected to {where}. {CLOSE}",))


def _no_good(what: str, verdict: Verdict) -> HtmlPage:
    lines = (f"This {what} {WORTH_NOTHING[verdict]}.", NOTHING_STORED, ANOTHER_LINK)
    return HtmlPage("Not connected", lines, HTTPStatus.FORBIDDEN)


def _refused(error: HighLevelError) -> HtmlPage:
    match error:
        case Disconnected():
            what = f"HighLevel didn't give Opp Status access: {error.why.value}."
        case AppUnknown():
            what = "HighLevel doesn't recognize the app. HIGHLEVEL_CLIENT_ID or HIGHLEVEL_CLIENT_SECRET is wrong."
        case _:
            what = "Couldn't reach HighLevel to ask for access."
    reasons = f"HighLevel says: “{', '.join(error.details.messages)}”" if error.details.messages else ""
    lines = tuple(filter(None, (what, reasons, "Opp Status isn't connected.", ANOTHER_LINK)))
    return HtmlPage("Not connected", lines, HTTPStatus.BAD_GATEWAY)


_Handler = Callable[[Request], Awaitable[Response]]


def _guarded(handler: _Handler) -> _Handler:
    """The same handler, which answers with a page if the database is down."""

    async def guarded(request: Request) -> Response:
        try:
            return await handler(request)
        except StoreDown:
            lines = ("Opp Status can't reach its database.", NOTHING_STORED, "Try again in a minute.", ANOTHER_LINK)
            return HtmlPage("Not connected", lines, HTTPStatus.SERVICE_UNAVAILABLE).response()

    return guarded
