"""A stand-in for HighLevel: locations with their deals; strict, stateful, and faulty on request.

It answers as recorded and reported answers of the real service do, even where HighLevel's documentation says otherwise:
a deal's lost reason is shown by the search alone, unless `shows_lost_reason`.
Guessed, because it is reported nowhere:
- The status `all` is accepted and stored.
- How a 429 is worded.
- The list of a location's users, which is documented for older versions alone, is not there in `v3`.
- A write without a lost reason removes the deal's lost reason, unless `keeps_lost_reason`.
"""

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

from aiohttp import web

from bot.simulator.bodies import Chunks
from bot.simulator.highlevel import search
from bot.simulator.highlevel.hooks import Hooks
from bot.simulator.highlevel.oauth import ACCESS, CHOOSER, Marketplace
from bot.simulator.traffic import Exchange, Handler, recording, streamed

VERSIONS = frozenset({"2021-04-15", "2021-07-28", "2023-02-21", "v3"})
BANNED_AGENTS = ("python", "aiohttp")
ID_LENGTH = 20
LOCATION = web.RequestKey("location", str)
"""The location of the request's token."""
NULLS = dict.fromkeys(
    [
        *("monetaryValue", "pipelineId", "pipelineStageId", "assignedTo", "source", "lastStageChangeAt"),
        *("contactId", "contact", "lostReasonId"),
    ]
)
"""The fields that the search shows as `null` if they are empty; other answers leave them out."""
SEARCH = "/opportunities/search"
READ, WRITE, USERS = "opportunities.readonly", "opportunities.write", "users.readonly"


@dataclass(frozen=True)
class Token:
    """A private integration token: its location, its scopes, and whether it is an agency's."""

    location_id: str
    scopes: frozenset[str] = frozenset({READ, WRITE, USERS})
    of_agency: bool = False


@dataclass(frozen=True, kw_only=True)
class Fault:
    """How a request goes wrong after `wait` seconds.

    It is answered with `status`, `headers` and `body` (or `chunks`, the pieces of a body), gets no answer (`hangs`), or
    a broken connection (`drops`); with none of these it is carried out, only late. With `carries_out` it is carried out
    first. `then` is called after the wait: before the request is carried out or, with `carries_out`, after it.
    `afterwards` is called after the answer.
    """

    wait: float = 0.0
    carries_out: bool = False
    status: int | None = None
    body: object = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    hangs: bool = False
    drops: bool = False
    then: Callable[[], object] | None = None
    afterwards: Callable[[], object] | None = None
    chunks: Chunks | None = None


@dataclass(frozen=True)
class Written:
    """A write that was carried out: the deal's id, and its status before and after."""

    opportunity_id: str
    before: str
    after: str


@dataclass
class _Planned:
    fault: Fault
    method: str | None
    path: str
    left: float


class HighLevel:
    """The stand-in. Tests set it up and look at it through its attributes. Serve it with `served(highlevel.app())`."""

    def __init__(self, location_id: str = "LOCATIONxxxxxxxxxxxx") -> None:
        self.location_id = location_id
        self.locations = {location_id}
        """The ids of all locations; a deal is in `location_id` unless its `locationId` says otherwise."""
        self.tokens: dict[str, Token] = {}
        """The private integration tokens."""
        self.oauth = Marketplace(chooses=location_id, locations={location_id})
        """Gives tokens by OAuth, which are accepted as well."""
        self.hooks = Hooks()
        """Tells the bot of changes, once it has the bot's address."""
        self.opportunities: dict[str, dict[str, Any]] = {}
        self.pipelines: list[dict[str, Any]] = []
        self.users: dict[str, dict[str, Any]] = {}
        self.lists_users = True
        """Whether the list of a location's users has them. One recorded list was empty although there was a user."""
        self.lost_reasons: list[dict[str, Any]] = []
        self.lost_reasons_forbidden = False
        """Whether no token may read them, as it was until 2026."""
        self.shows_lost_reason = False
        """Whether a single deal is answered with its lost reason. It was reported not to be, and the documentation says
        nothing of the kind: the bot has to be right with either."""
        self.keeps_lost_reason = False
        """Whether a write without a lost reason keeps the one that the deal had."""
        self.write_answer: Mapping[str, Any] = {"success": True}
        """What an accepted write is answered with. The documentation has `succeded`, recorded answers `success`."""
        self.counts_limits = True
        """Whether answers have the headers that count the limits. Some recorded ones had none."""
        self.search_lag = 0.0
        """Seconds until the search shows a write, or a new deal."""
        self.polled = asyncio.Event()
        """Set once the bot has asked which deals have changed."""
        self.received: list[Exchange] = []
        """The bot's requests, with their answers."""
        self.written: list[Written] = []
        """The writes that were carried out, even if they changed nothing."""
        self.burst_limit, self.burst_seconds = 100, 10.0
        self.daily_limit = 200_000
        self.used_by_others = 0
        """Requests of another app at the beginning of each window: they count towards the same limit."""
        self.clock_ahead = 0.0
        """Seconds by which the `Date` of its answers is ahead."""
        self.refused = 0
        """How many requests got a 429."""
        self._past: dict[str, list[tuple[float, dict[str, Any] | None]]] = {}
        """By deal, oldest first: until when the search shows it like this; `None` if it did not exist yet."""
        self._planned: list[_Planned] = []
        self._windows: dict[str, tuple[float, int]] = {}
        """By token: when its window began, and how many requests it has used. HighLevel counts for each location."""
        self._today = 0

    # --- set it up -------------------------------------------------------------------------------------------------

    def add_token(
        self,
        token: str,
        *,
        scopes: frozenset[str] | None = None,
        location_id: str | None = None,
        of_agency: bool = False,
    ) -> str:
        """Add a private integration token; by default it has all scopes in our location. Returns the token."""
        granted = Token.scopes if scopes is None else scopes
        self.tokens[token] = Token(location_id or self.location_id, granted, of_agency)
        return token

    def add_opportunity(self, opportunity_id: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
        """Add a deal, by default an open one; `fields` have their JSON names. Returns it."""
        now = _now()
        self._will_lag(opportunity_id)
        self.opportunities[opportunity_id] = {
            "id": opportunity_id,
            "name": f"Deal {opportunity_id[:4]}",
            "status": "open",
            "lastStatusChangeAt": now,
            "lastStageChangeAt": now,
            "createdAt": now,
            "updatedAt": now,
            "locationId": self.location_id,
            **fields,
        }
        return self.opportunities[opportunity_id]

    def _will_lag(self, opportunity_id: str) -> None:
        if self.search_lag:
            before = self.opportunities.get(opportunity_id)
            past = self._past.setdefault(opportunity_id, [])
            past.append((asyncio.get_running_loop().time() + self.search_lag, dict(before) if before else None))

    def misbehave(self, fault: Fault, *, method: str | None = None, path: str = "", times: float = 1) -> None:
        """Let the next `times` requests with this method, and this text in their path, go wrong.

        A request that fits several faults gets the one that was planned first.
        """
        self._planned.append(_Planned(fault, method, path, times))

    def behave(self) -> None:
        """Forget every planned fault."""
        self._planned.clear()

    def set_by_hand(self, opportunity_id: str, *, status: str, stage_id: str | None = None) -> None:
        """Change a deal as a person does in HighLevel itself."""
        found = self.opportunities[opportunity_id]
        self._will_lag(opportunity_id)
        if found["status"] != status:
            found |= {"status": status, "lastStatusChangeAt": _now(), "lostReasonId": None}
            self.hooks.changed(found)
        if stage_id:
            found |= {"pipelineStageId": stage_id, "lastStageChangeAt": _now()}
        found |= {"updatedAt": _now()}

    def writes(self) -> list[Exchange]:
        """The requests that were to change something."""
        return [each for each in self.received if each.method != "GET" and each.path != SEARCH]

    # --- serve it --------------------------------------------------------------------------------------------------

    def app(self) -> web.Application:
        """The API's routes, with what every request passes on its way: user agent, rate limit, faults, token."""
        app = web.Application(
            middlewares=[
                recording("HighLevel", self.received),
                self._admit,
                self._limit,
                self._misbehave,
                self._authorise,
            ]
        )
        app.router.add_get("/opportunities/pipelines", self._get_pipelines)
        app.router.add_get("/opportunities/lost-reason", self._get_lost_reasons)
        app.router.add_get("/opportunities/search", self._search)
        app.router.add_post("/opportunities/search", self._search_by_filters)
        app.router.add_get("/opportunities/{id}", self._get_opportunity)
        app.router.add_put("/opportunities/{id}/status", self._put_status)
        app.router.add_get("/users/", self._get_users)
        app.router.add_get("/users/{id}", self._get_user)
        self.oauth.add_routes(app.router)
        return app

    @web.middleware
    async def _admit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.headers.get("User-Agent", "python").lower().startswith(BANNED_AGENTS):
            return web.Response(status=403, text="error code: 1010", content_type="text/html")
        try:
            return await handler(request)
        except web.HTTPNotFound:
            return _says(404, f"Cannot {request.method} {request.path}", "Not Found")

    @web.middleware
    async def _limit(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        now, token = asyncio.get_running_loop().time(), request.headers.get("Authorization", "")
        began, used = self._windows.get(token, (float("-inf"), 0))
        if now - began >= self.burst_seconds:
            began, used = now, self.used_by_others
        refused = used >= self.burst_limit or self._today >= self.daily_limit
        self._windows[token] = began, used + (not refused)
        if refused:
            self.refused += 1
            response: web.StreamResponse = _says(429, "Too Many Requests", "Too Many Requests")
        else:
            self._today += 1
            response = await handler(request)
        limits = {
            "X-RateLimit-Limit-Daily": self.daily_limit,
            "X-RateLimit-Daily-Remaining": self.daily_limit - self._today,
            "X-RateLimit-Daily-Reset": 3_600_000,
            "X-RateLimit-Interval-Milliseconds": round(self.burst_seconds * 1000),
            "X-RateLimit-Max": self.burst_limit,
            "X-RateLimit-Remaining": self.burst_limit - self._windows[token][1],
        }
        for name, value in limits.items() if self.counts_limits else ():
            response.headers.setdefault(name, str(value))
        if self.clock_ahead:
            response.headers["Date"] = formatdate(time.time() + self.clock_ahead, usegmt=True)
        return response

    @web.middleware
    async def _misbehave(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        fault = self._next_fault(request)
        if fault is None:
            return await handler(request)
        await asyncio.sleep(fault.wait)
        answer = await handler(request) if fault.carries_out else None
        if fault.then:
            fault.then()
        if fault.hangs:
            await asyncio.Event().wait()
        if fault.drops:
            assert request.transport is not None
            request.transport.abort()
            raise asyncio.CancelledError
        if fault.status is None:
            answer = answer or await handler(request)
            if fault.afterwards:
                await answer.prepare(request)
                await answer.write_eof()
                fault.afterwards()
            return answer
        if fault.chunks:
            return await streamed(request, fault.status, fault.headers, fault.chunks)
        if isinstance(fault.body, str):
            return web.Response(status=fault.status, text=fault.body, headers=fault.headers, content_type="text/html")
        return web.json_response(fault.body, status=fault.status, headers=fault.headers)

    def _next_fault(self, request: web.Request) -> Fault | None:
        for planned in self._planned:
            if planned.left > 0 and planned.method in {None, request.method} and planned.path in request.path:
                planned.left -= 1
                return planned.fault
        return None

    @web.middleware
    async def _authorise(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == CHOOSER or request.path.startswith("/oauth/"):
            return await handler(request)
        version = request.headers.get("Version")
        if version not in VERSIONS:
            return _says(401, f"version header {'is invalid' if version else 'was not found.'}", "Unauthorized")
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        token = self.tokens.get(bearer)
        if granted := self.oauth.accepts(bearer):
            token = Token(granted.location_id, granted.scopes)
        if token is None and bearer.startswith(ACCESS):
            return _says(401, "Invalid JWT", "Unauthorized")
        if token is None:
            return _says(401, "Invalid Private Integration token", "Unauthorized")
        if token.of_agency:
            return _says(401, "This authClass type is not allowed to access this scope.", "Unauthorized")
        if _scope(request) not in token.scopes:
            return _says(401, "The token is not authorized for this scope.", "Unauthorized")
        asked = {request.query.get(name, token.location_id) for name in ("locationId", "location_id")}
        if asked != {token.location_id} or token.location_id not in self.locations:
            return _says(403, "The token does not have access to this location.", "Forbidden")
        request[LOCATION] = token.location_id
        deal = self.opportunities.get(request.match_info.get("id", ""))
        if deal and deal["locationId"] in self.locations - {token.location_id}:
            return _says(403, "The token does not have access to this location.", "Forbidden")
        return await handler(request)

    # --- its routes ------------------------------------------------------------------------------------------------

    async def _get_opportunity(self, request: web.Request) -> web.Response:
        found = self.opportunities.get(request.match_info["id"])
        hidden = () if self.shows_lost_reason else ("lostReasonId",)
        # A single read leaves out what is null; only the search shows it.
        shown = {name: value for name, value in (found or {}).items() if value is not None and name not in hidden}
        return _ok({"opportunity": shown}) if found else _no_opportunity(request)

    async def _put_status(self, request: web.Request) -> web.Response:
        found = self.opportunities.get(request.match_info["id"])
        if found is None:
            return _no_opportunity(request)
        try:
            body = await request.json()
        except ValueError:
            return _says(400, "Bad Request", "Bad Request")
        if not isinstance(body, dict):
            return _says(422, ["body must be an object"], "Unprocessable Entity")
        complaints = [f"property {name} should not exist" for name in body if name not in {"status", "lostReasonId"}]
        if body.get("status") not in search.STATUSES:
            complaints.append(f"status must be one of the following values: {', '.join(search.STATUSES)}")
        reason = body.get("lostReasonId")
        if reason is not None and all(known["id"] != reason for known in self.lost_reasons):
            complaints.append("lostReasonId is invalid")
        if complaints:
            return _says(422, complaints, "Unprocessable Entity")
        self._will_lag(found["id"])
        self.written.append(Written(found["id"], found["status"], body["status"]))
        if found["status"] != body["status"]:  # `updatedAt` stays as it is, and so does the stage
            found["status"], found["lastStatusChangeAt"] = body["status"], _now()
            self.hooks.changed(found)
        if reason or not self.keeps_lost_reason:
            found["lostReasonId"] = reason
        return _ok(self.write_answer)

    async def _get_pipelines(self, _request: web.Request) -> web.Response:
        return _ok({"pipelines": self.pipelines})

    async def _search(self, request: web.Request) -> web.Response:
        query = request.query
        complaints = search.complaints_about(query, request.headers["Version"])
        if complaints:
            return _says(422, complaints, "Unprocessable Entity")
        limit, page = int(query.get("limit", "20")), int(query.get("page", "1"))
        found = [
            deal
            for identifier in self.opportunities
            if (deal := self._as_searched(identifier))
            and deal["locationId"] not in self.locations - {request[LOCATION]}
            and search.matches(deal, query)
        ]
        shown = found[(page - 1) * limit : page * limit]
        more = page * limit < len(found)
        meta = {
            "total": len(found),
            "nextPageUrl": str(request.url.update_query(page=page + 1)) if more else None,
            "startAfterId": shown[-1]["id"] if shown else None,
            "startAfter": 1_784_284_167_911 if shown else None,
            "currentPage": page,
            "nextPage": page + 1 if more else None,
            "prevPage": page - 1 or None,
        }
        return _ok({"opportunities": [NULLS | deal for deal in shown], "meta": meta, "aggregations": {}})

    async def _search_by_filters(self, request: web.Request) -> web.Response:
        try:
            body = await request.json()
        except ValueError:
            return _says(400, "Bad Request", "Bad Request")
        if complaints := search.complaints_about_search(body):
            return _says(422, complaints, "Unprocessable Entity")
        if body["locationId"] != request[LOCATION]:
            return _says(403, "The token does not have access to this location.", "Forbidden")
        deals = [deal for each in self.opportunities if (deal := self._as_searched(each))]
        self.polled.set()
        ours = [deal for deal in deals if deal["locationId"] == request[LOCATION]]
        found = search.found(ours, body)
        shown = found[(body["page"] - 1) * body["limit"] : body["page"] * body["limit"]]
        return web.json_response(
            {"opportunities": [{**NULLS, **deal} for deal in shown], "total": len(found), "traceId": str(uuid.uuid4())},
            status=201,
        )

    def _as_searched(self, opportunity_id: str) -> dict[str, Any] | None:
        now = asyncio.get_running_loop().time()
        past = self._past.get(opportunity_id, ())
        return next((before for until, before in past if now < until), self.opportunities[opportunity_id])

    async def _get_lost_reasons(self, _request: web.Request) -> web.Response:
        if self.lost_reasons_forbidden:
            return _says(401, "The token is not authorized for this scope.", "Unauthorized")
        return _ok({"lostReasons": self.lost_reasons, "total": len(self.lost_reasons)})

    async def _get_user(self, request: web.Request) -> web.Response:
        user = self.users.get(request.match_info["id"])
        return _ok(user) if user else _says(401, "The user does not exist.", "Unauthorized")

    async def _get_users(self, request: web.Request) -> web.Response:
        if request.headers["Version"] == "v3":
            return _says(404, "Cannot GET /users/", "Not Found")
        location = request.query.get("locationId")
        if not location:
            return _says(422, ["locationId should not be empty"], "Unprocessable Entity")
        here = [
            user
            for user in self.users.values()
            if location in user.get("roles", {}).get("locationIds", [location]) and not user.get("deleted")
        ]
        return _ok({"users": here if self.lists_users else []})


def _scope(request: web.Request) -> str:
    if request.path.startswith("/users/"):
        return USERS
    return READ if request.method == "GET" or request.path == SEARCH else WRITE


def _no_opportunity(request: web.Request) -> web.Response:
    if len(request.match_info["id"]) != ID_LENGTH:
        return _says(400, "The opportunity id is invalid.", "Bad Request")
    return _says(404, "Opportunity not found", "Not Found", code="OPPORTUNITY_NOT_FOUND")


def _ok(body: Mapping[str, Any]) -> web.Response:
    return web.json_response({**body, "traceId": str(uuid.uuid4())})


def _says(status: int, message: str | list[str], error: str, **more: str) -> web.Response:
    body = {"message": message, "error": error, "statusCode": status, "traceId": str(uuid.uuid4()), **more}
    return web.Response(status=status, text=json.dumps(body), content_type="application/json")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
