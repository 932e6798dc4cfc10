"""Tries out HighLevel on one deal: loses it, reopens it, looks at every answer, and puts the deal back as it was."""

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPMethod, HTTPStatus

from bot.deals.clock import loop_time
from bot.deals.deal import Status
from bot.highlevel.api.client import Client
from bot.highlevel.api.errors import HighLevelError
from bot.highlevel.api.wire import OpportunityRecord
from bot.highlevel.probe.findings import Finding, Question, Report, of_lag, of_limits
from bot.http.exchange import Answer, Http, Request

SHORTEST = 0.001
"""Seconds that calls take at least."""
NO_REASONS = "the sub-account has no lost reasons, or the token may not read them"


@dataclass(frozen=True, slots=True)
class Waits:
    """How long a probe waits, in seconds."""

    call: float = 15.0
    """For one call, its repetitions included."""
    search: float = 90.0
    """For the search to show a change. Opp Status believes after 60 that it does."""
    look: float = 0.5
    """Between two looks at the search."""
    burst: int = 20
    """Reads that are sent at once, to learn the pace. HighLevel allows 100 in 10 seconds."""


@dataclass
class Listening:
    """An `Http` that notes what HighLevel answered. It keeps no request, which has the token."""

    http: Http
    latest: dict[str, Answer] = field(default_factory=dict)
    """The latest answer to each method."""
    refused: int = 0
    """How many calls HighLevel turned away for being too many."""

    async def send(self, request: Request) -> Answer:
        """See `Http`."""
        answer = await self.http.send(request)
        self.latest[request.method] = answer
        self.refused += answer.status == HTTPStatus.TOO_MANY_REQUESTS
        return answer

    async def aclose(self) -> None:
        """See `Http`."""
        await self.http.aclose()


@dataclass(frozen=True, slots=True)
class Deal:
    """The deal that a probe is about, as it was before."""

    id: str
    name: str
    status: str
    lost_reason_id: str | None


class Probe:
    """Tries one deal of one sub-account. `client` sends through `listening`."""

    def __init__(self, client: Client, listening: Listening, location_id: str, waits: Waits = Waits()) -> None:
        self._client = client
        self._listening = listening
        self._location_id = location_id
        self._waits = waits
        self._findings: list[Finding] = []
        self._wrote = False
        """Whether a write left, whatever became of it."""

    async def look(self, opportunity_id: str) -> Deal:
        """The deal as it is now. Raises `HighLevelError`."""
        read = await self._read(opportunity_id)
        found = None if read.lost_reason_id else await self._search(opportunity_id)
        reason = found.lost_reason_id if found else read.lost_reason_id
        return Deal(read.id, read.name or read.id, read.status, reason if read.status == Status.LOST else None)

    async def run(self, deal: Deal) -> Report:
        """Try everything, and put the deal back as it was. Raises nothing of HighLevel's: the report has it."""
        stopped, restored = "", False
        try:
            await self._try_all(deal)
        except HighLevelError as error:
            # Without HighLevel's words: they may name the deal, and a report goes to other people.
            stopped = f"a call to HighLevel failed ({error.details.status or type(error).__name__})."
        finally:  # also where the operator pressed Ctrl-C
            with suppress(HighLevelError):
                restored = await self._restore(deal)
        return Report(tuple(self._findings), restored, stopped)

    async def _try_all(self, deal: Deal) -> None:
        if deal.status == Status.LOST:  # else losing it would be no change
            await self._put(deal, Status.OPEN, None)
            await self._until_searched(deal, Status.OPEN)
        reason = await self._reason()
        await self._put(deal, Status.LOST, reason)
        self._findings.append(Finding(Question.WRITE_ANSWER, _shape(self._listening.latest[HTTPMethod.PUT])))
        read = await self._read(deal.id)
        at_once = read.status == Status.LOST
        self._findings.append(Finding(Question.READ_AFTER_WRITE, at_once, works=at_once))
        self._ask_reason(Question.READ_SHOWS_REASON, reason, shown=read.lost_reason_id == reason)
        lag, lost = await self._until_searched(deal, Status.LOST)
        self._findings.append(of_lag(lag, self._waits.search))
        shown = bool(lost and lost.lost_reason_id == reason)
        self._ask_reason(Question.SEARCH_SHOWS_REASON, reason, shown=shown)
        await self._put(deal, Status.OPEN, None)
        _, opened = await self._until_searched(deal, Status.OPEN)
        can_tell = reason if shown and opened else None
        cleared = bool(opened and not opened.lost_reason_id)
        self._ask_reason(Question.REOPENING_CLEARS_REASON, can_tell, shown=cleared)
        self._findings.append(of_limits(self._listening.latest[HTTPMethod.GET].headers))
        await self._measure_pace(deal)

    async def _reason(self) -> str | None:
        """The id of a lost reason to try; `None` if there is none."""
        try:
            known = await self._client.lost_reasons(self._location_id, until=self._until)
        except HighLevelError:
            return None
        return known[0].id if known else None

    def _ask_reason(self, question: Question, reason: str | None, *, shown: bool) -> None:
        if reason is None:
            self._findings.append(Finding(question, None, note=NO_REASONS))
        else:
            self._findings.append(Finding(question, shown))

    async def _measure_pace(self, deal: Deal) -> None:
        began, refused = loop_time(), self._listening.refused
        await asyncio.gather(*(self._read(deal.id) for _ in range(self._waits.burst)))
        pace = self._waits.burst / max(loop_time() - began, SHORTEST)
        refused = self._listening.refused - refused
        note = f"{self._waits.burst} reads at once, {refused} of them turned away"
        self._findings.append(Finding(Question.CALLS_A_SECOND, round(pace, 1), works=not refused, note=note))

    async def _restore(self, deal: Deal) -> bool:
        """Put the deal back as it was; returns whether a read shows it so."""
        if self._wrote and ((await self._read(deal.id)).status != deal.status or deal.lost_reason_id):
            await self._put(deal, deal.status, deal.lost_reason_id)
        return (await self._read(deal.id)).status == deal.status

    # --- calls ------------------------------------------------------------------------------------------------------

    @property
    def _until(self) -> float:
        return loop_time() + self._waits.call

    async def _read(self, opportunity_id: str) -> OpportunityRecord:
        return await self._client.opportunity(opportunity_id, until=self._until)

    async def _put(self, deal: Deal, status: str, reason: str | None) -> None:
        self._wrote = True
        await self._client.put_status(deal.id, status, lost_reason_id=reason, until=self._until)

    async def _search(self, opportunity_id: str) -> OpportunityRecord | None:
        return await self._client.searched(self._location_id, opportunity_id, until=self._until)

    async def _until_searched(self, deal: Deal, status: str) -> tuple[float | None, OpportunityRecord | None]:
        """Wait until the search shows the deal with this status: after how many seconds it did, and the deal.

        `None` twice if it did not in time.
        """
        began = loop_time()
        while loop_time() - began < self._waits.search:
            if (found := await self._search(deal.id)) and found.status == status:
                return loop_time() - began, found
            await asyncio.sleep(self._waits.look)
        return None, None


def _shape(answer: Answer) -> str:
    """An answer's status and the names of its fields: without a value of the deal's."""
    try:
        body = json.loads(answer.content)
    except ValueError:
        body = None
    fields = (
        ", ".join(f"{name}: {_kind(value)}" for name, value in body.items()) if isinstance(body, dict) else "no JSON"
    )
    return f"{answer.status} {{{fields[:100]}}}"


def _kind(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else type(value).__name__
