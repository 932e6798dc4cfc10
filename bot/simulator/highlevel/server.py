"""A stand-in for HighLevel: one location with its deals; strict, stateful, and faulty on request.

It answers as recorded and reported answers of the real service do, which its documentation does not always. What nobody
has reported is guessed here: that `all` is accepted and stored; how a 429 is worded; which of a deal's words the search
looks at, and that all of a query's must be found; and that a deal which is written without a lost reason loses the one
that it had, unless `keeps_lost_reason` says otherwise.
"""

import asyncio
import json
import re
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

from aiohttp import web

from bot.simulator.highlevel.oauth import ACCESS, CHOOSER, Marketplace
from bot.simulator.traffic import Exchange, Handler, recording

VERSIONS = frozenset({"2021-04-15", "2021-07-28", "2023-02-21", "v3"})
STATUSES = ("open", "won", "lost", "abandoned", "all")
BANNED_AGENTS = ("python", "aiohttp")
ID_LENGTH = 20
MOST_FOUND = 100
LOCATION = web.RequestKey("location", str)
"""Where whoever asks may."""
LONGEST_QUERY = 75
SEARCHED = frozenset(
    [
        *("q", "campaignId", "id", "order", "status", "date", "endDate", "startAfter", "startAfterId", "country"),
        *("page", "limit", "getTasks", "getNotes", "getCalendarEvents"),
    ]
)
"""The search's parameters; those that follow have other names since v3."""
SEARCHED_BEFORE_V3 = frozenset(("location_id", "pipeline_id", "pipeline_stage_id", "contact_id", "assigned_to"))
SEARCHED_SINCE_V3 = frozenset(("locationId", "pipelineId", "pipelineStageId", "contactId", "assignedTo"))
NULLS = dict.fromkeys(
    [
        *("monetaryValue", "pipelineId", "pipelineStageId", "assignedTo", "source", "lastStageChangeAt"),
        *("contactId", "contact", "lostReasonId"),
    ]
)
"""What the search shows also where there is nothing."""
READ, WRITE, USERS = "opportunities.readonly", "opportunities.write", "users.readonly"


@dataclass(frozen=True)
class Token:
    """A private integration token: what it may do, and where."""

    location_id: str
    scopes: frozenset[str] = frozenset({READ, WRITE, USERS})
    of_agency: bool = False


@dataclass(frozen=True)
class Fault:
    """How one request goes wrong: after `wait` seconds, and perhaps after it was carried out.

    Then with an answer that is not the right one, with none (`hangs`), or with a broken connection (`drops`). With none
    of these it is only slow. `then` is called before the answer, or before it is carried out, unless `carries_out` says
    that it was; `afterwards`, when the answer was sent.
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


@dataclass(frozen=True)
class Written:
    """A write that was carried out: the deal, and its status before and after."""

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
    """The stand-in. Set it up and look at it through its attributes; serve it with `served(highlevel.app())`."""

    def __init__(self, location_id: str = "LOCATIONxxxxxxxxxxxx") -> None:
        self.location_id = location_id
        self.locations = {location_id}
        """All that there are; a deal is in the first one unless its `locationId` says otherwise."""
        self.tokens: dict[str, Token] = {}
        self.oauth = Marketplace(chooses=location_id, locations={location_id})
        """What gives tokens by OAuth, which are accepted beside these."""
        self.opportunities: dict[str, dict[str, Any]] = {}
        self.pipelines: list[dict[str, Any]] = []
        self.users: dict[str, dict[str, Any]] = {}
        self.lost_reasons: list[dict[str, Any]] = []
        self.lost_reasons_forbidden = False
        """Whether no token may read them, as it was for everybody until 2026."""
        self.keeps_lost_reason = False
        """Whether a deal that is written without one keeps the lost reason that it had."""
        self.search_lag = 0.0
        """Seconds during which the search still shows a deal as it was before a write, and none that is new."""
        self.received: list[Exchange] = []
        self.written: list[Written] = []
        """What was carried out, also where it changed nothing."""
        self.burst_limit, self.burst_seconds = 100, 10.0
        self.daily_limit = 200_000
        self.used_by_others = 0
        """Requests that another app makes at the beginning of each window; the allowance is one for both."""
        self.clock_ahead = 0.0
        """Seconds by which the time that its answers tell is ahead."""
        self.refused = 0
        """How many requests were too many."""
        self._past: dict[str, list[tuple[float, dict[str, Any] | None]]] = {}
        """By deal, oldest first: until when the search shows it as it was then."""
        self._planned: list[_Planned] = []
        self._windows: dict[str, tuple[float, int]] = {}
        """By whoever asks: when their window began, and how much of it is used. HighLevel counts for each location."""
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
        """A token that is known; all scopes and our location unless told otherwise."""
        granted = Token.scopes if scopes is None else scopes
        self.tokens[token] = Token(location_id or self.location_id, granted, of_agency)
        return token

    def add_opportunity(self, opportunity_id: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
        """A deal; it is open unless told otherwise. Fields by their JSON names."""
        now = _now()
        self._will_lag(opportunity_id)
        self.opportunities[opportunity_id] = {
            "id": opportunity_id,
            "name": f"Deal {opportunity_id[:4]}",
            "status": "open",
            "lastStatusChangeAt": now,
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

        First planned, first met.
        """
        self._planned.append(_Planned(fault, method, path, times))

    def behave(self) -> None:
        """Forget every planned fault."""
        self._planned.clear()

    def set_by_hand(self, opportunity_id: str, *, status: str, stage_id: str) -> None:
        """Somebody changes a deal in HighLevel itself, to one of its statuses and stages."""
        found = self.opportunities[opportunity_id]
        self._will_lag(opportunity_id)
        if found["status"] != status:
            found |= {"status": status, "lastStatusChangeAt": _now(), "lostReasonId": None}
        found |= {"pipelineStageId": stage_id, "updatedAt": _now()}

    def writes(self) -> list[Exchange]:
        """The requests that were meant to change something."""
        return [request for request in self.received if request.method != "GET"]

    # --- serve it --------------------------------------------------------------------------------------------------

    def app(self) -> web.Application:
        """The application."""
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
        app.router.add_get("/opportunities/{id}", self._get_opportunity)
        app.router.add_put("/opportunities/{id}/status", self._put_status)
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
        now, whose = asyncio.get_running_loop().time(), request.headers.get("Authorization", "")
        began, used = self._windows.get(whose, (float("-inf"), 0))
        if now - began >= self.burst_seconds:
            began, used = now, self.used_by_others
        refused = used >= self.burst_limit or self._today >= self.daily_limit
        self._windows[whose] = began, used + (not refused)
        if refused:
            self.refused += 1
            response: web.StreamResponse = _says(429, "Too Many Requests", "Too Many Requests")
        else:
            self._today += 1
            response = await handler(request)
        for name, value in {
            "X-RateLimit-Limit-Daily": self.daily_limit,
            "X-RateLimit-Daily-Remaining": self.daily_limit - self._today,
            "X-RateLimit-Daily-Reset": 3_600_000,
            "X-RateLimit-Interval-Milliseconds": round(self.burst_seconds * 1000),
            "X-RateLimit-Max": self.burst_limit,
            "X-RateLimit-Remaining": self.burst_limit - self._windows[whose][1],
        }.items():
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
        # A single read leaves out what is null; the search does not.
        shown = {name: value for name, value in (found or {}).items() if value is not None}
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
        if body.get("status") not in STATUSES:
            complaints.append(f"status must be one of the following values: {', '.join(STATUSES)}")
        reason = body.get("lostReasonId")
        if reason is not None and all(known["id"] != reason for known in self.lost_reasons):
            complaints.append("lostReasonId is invalid")
        if complaints:
            return _says(422, complaints, "Unprocessable Entity")
        self._will_lag(found["id"])
        self.written.append(Written(found["id"], found["status"], body["status"]))
        if found["status"] != body["status"]:  # `updatedAt` stays as it is, and so does the stage
            found["status"], found["lastStatusChangeAt"] = body["status"], _now()
        if reason or not self.keeps_lost_reason:
            found["lostReasonId"] = reason
        return _ok({"success": True})

    async def _get_pipelines(self, _request: web.Request) -> web.Response:
        return _ok({"pipelines": self.pipelines})

    async def _search(self, request: web.Request) -> web.Response:
        query = request.query
        known = SEARCHED | (SEARCHED_SINCE_V3 if request.headers["Version"] == "v3" else SEARCHED_BEFORE_V3)
        location = "locationId" if "locationId" in known else "location_id"
        complaints = [f"property {name} should not exist" for name in query if name not in known]
        if location not in query:
            complaints.append(f"{location} can't be undefined")
        numbers = {"limit": query.get("limit", "20"), "page": query.get("page", "1")}
        complaints += [f"{name} must be a number" for name, value in numbers.items() if not value.isdecimal()]
        if not complaints and int(numbers["limit"]) > MOST_FOUND:
            complaints.append(f"limit must not be greater than {MOST_FOUND}")
        if len(query.get("q", "")) > LONGEST_QUERY:
            complaints.append(f"q must be shorter than or equal to {LONGEST_QUERY} characters")
        if query.get("status", "all") not in STATUSES:
            complaints.append(f"status must be one of the following values: {', '.join(STATUSES)}")
        if complaints:
            return _says(422, complaints, "Unprocessable Entity")
        limit, page = int(numbers["limit"]), int(numbers["page"])
        found = [
            deal
            for identifier in self.opportunities
            if (deal := self._as_searched(identifier))
            and deal["locationId"] not in self.locations - {request[LOCATION]}
            and query.get("status", "all") in {"all", deal["status"]}
            and _goes_by(deal, query.get("q", ""))
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


def _goes_by(deal: Mapping[str, Any], query: str) -> bool:
    """Whether every word is the beginning of one of the deal's, or all of it the beginning of its phone number."""
    contact = deal.get("contact") or {}
    fields = [
        deal.get("name"),
        *(contact.get(name) for name in ("name", "companyName", "email")),
        *contact.get("tags", []),
    ]
    text = " ".join(field for field in fields if field).casefold()
    words = [*text.split(), *re.findall(r"\w+", text)]
    phone = re.sub(r"\D", "", contact.get("phone") or "")
    if re.fullmatch(r"[\d\s+().-]+", query) and phone.startswith(re.sub(r"\D", "", query)):
        return bool(phone)
    return all(any(word.startswith(asked) for word in words) for asked in query.casefold().split())


def _scope(request: web.Request) -> str:
    if request.path.startswith("/users/"):
        return USERS
    return READ if request.method == "GET" else WRITE


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
