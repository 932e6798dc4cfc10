"""Numbers for Prometheus: counts events, and reads HighLevel's limits and the ledger when the page is asked for."""

from collections.abc import Callable, Iterator, Mapping
from hmac import compare_digest
from http import HTTPStatus

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.commands.instrumentation import NOT_ACCEPTED, Instrumentation
from bot.deals.outcome import WORDS
from bot.events.event import Reception, Source, Verdict
from bot.highlevel.api.rate_limit import Budget
from bot.schedule.due import Ending, Kind
from bot.slack.verification import Refusal
from bot.storage.backlog import Backlog, BacklogReader

log = structlog.get_logger(__name__)

PATH = "/metrics"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format"""
ACKNOWLEDGEMENT = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
"""Seconds; Slack gives up after three."""
LAG = (0.25, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 120.0, 300.0, 3600.0, 43_200.0)
"""Seconds; the quiet hours may take the longest."""
REPLY = (0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Seconds; a command that waits for HighLevel's limit may take the longest."""

COME_DUE = frozenset(Ending) - {Ending.CANCELED, Ending.REPLACED}
"""How things end that have come due."""

# Otherwise each counter has a second metric that says when it was made. Nothing else in this process uses the library.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics(Instrumentation):
    """Counts since the process began, and serves the page with the numbers.

    The registry is its own, since several bots may live in one process.
    """

    def __init__(
        self,
        token: str,
        names: Mapping[str, str],
        budgets: Callable[[], Mapping[str, Budget]],
        backlog_reader: BacklogReader,
    ) -> None:
        self._authorization = f"Bearer {token}".encode()
        self._names = names
        """Names of the sub-accounts, by id; the label of one without a name is empty."""
        self._budgets = budgets
        """By the sub-account's id, as they are now."""
        self._backlog_reader = backlog_reader
        self._backlog: Backlog | None = None
        self._registry = CollectorRegistry()
        self._commands = Counter(
            "opp_status_commands", "Commands, by what became of them", ["outcome"], registry=self._registry
        )
        # Prometheus sees no increase at the first event of a series that was not there before.
        for outcome in (*WORDS, *NOT_ACCEPTED):
            self._commands.labels(outcome)
        self._refusals = Counter(
            "opp_status_requests_refused",
            "Requests that failed verification, by reason",
            ["reason"],
            registry=self._registry,
        )
        for reason in Refusal:
            self._refusals.labels(reason)
        self._acknowledgements = Histogram(
            "opp_status_acknowledgement_seconds",
            "From the first byte of Slack's request to our answer",
            ["kind"],
            buckets=ACKNOWLEDGEMENT,
            registry=self._registry,
        )
        self._replies = Histogram(
            "opp_status_reply_seconds",
            "From a command's acceptance to its reply, by the way that took",
            ["way"],
            buckets=REPLY,
            registry=self._registry,
        )
        self._calls = Counter(
            "opp_status_highlevel_calls",
            "Requests to HighLevel, by what it answered",
            ["location", "method", "answer"],
            registry=self._registry,
        )
        self._events = Counter(
            "opp_status_events",
            "Notices of changes made in HighLevel, by how they came and what was done with them",
            ["source", "reception"],
            registry=self._registry,
        )
        for source in Source:
            for reception in Reception:
                self._events.labels(source.value, reception.value)
        self._standstills = Counter(
            "opp_status_stood_still_seconds",
            "Seconds for which the host gave this process no CPU",
            registry=self._registry,
        )
        self._verdicts = Counter(
            "opp_status_event_verdicts",
            "Changes made in HighLevel, by what became of them",
            ["verdict"],
            registry=self._registry,
        )
        for verdict in Verdict:
            self._verdicts.labels(verdict.value)
        self._due = Counter(
            "opp_status_due",
            "Reminders and digests that came due, by how they ended",
            ["kind", "ending"],
            registry=self._registry,
        )
        for kind in Kind:
            for ending in COME_DUE:
                self._due.labels(kind.value, ending.value)
        self._lag = Histogram(
            "opp_status_event_lag_seconds",
            "From a change in HighLevel until it was on its way to Slack",
            buckets=LAG,
            registry=self._registry,
        )
        self._registry.register(self)

    # --- Instrumentation --------------------------------------------------------------------------------------------

    def commanded(self, outcome: str) -> None:
        """See `Instrumentation`."""
        self._commands.labels(outcome).inc()

    def refused(self, reason: str) -> None:
        """See `Instrumentation`."""
        self._refusals.labels(reason).inc()

    def acknowledged(self, kind: str, seconds: float) -> None:
        """See `Instrumentation`."""
        self._acknowledgements.labels(kind).observe(seconds)

    def replied(self, way: str, seconds: float) -> None:
        """See `Instrumentation`."""
        self._replies.labels(way).observe(seconds)

    def called(self, location_id: str, method: str, status: int) -> None:
        """See `Instrumentation`."""
        self._calls.labels(self._names.get(location_id, ""), method, answer(status)).inc()

    def notified(self, source: str, reception: str) -> None:
        """See `Instrumentation`."""
        self._events.labels(source, reception).inc()

    def stood_still(self, seconds: float) -> None:
        """See `Instrumentation`."""
        self._standstills.inc(seconds)

    def judged(self, verdict: str, seconds: float | None = None) -> None:
        """See `Instrumentation`."""
        self._verdicts.labels(verdict).inc()
        if seconds is not None:
            self._lag.observe(seconds)

    def came_due(self, kind: str, ending: str) -> None:
        """See `Instrumentation`."""
        self._due.labels(kind, ending).inc()

    # --- the page ---------------------------------------------------------------------------------------------------

    def routes(self) -> list[Route]:
        """The page, for callers with the token."""
        return [Route(PATH, self._page)]

    async def _page(self, request: Request) -> Response:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not compare_digest(f"{scheme.capitalize()} {token.strip()}".encode(), self._authorization):
            log.info("metrics.turned_away")
            return PlainTextResponse(
                HTTPStatus.UNAUTHORIZED.phrase, HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": "Bearer"}
            )
        self._backlog = await self._backlog_reader.look()
        return Response(generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE})

    def close(self) -> None:
        """Close the connection to the database."""
        self._backlog_reader.close()

    def collect(self) -> Iterator[Metric]:
        """Yield the numbers that are read when the page is asked for. One that is not known has no line."""
        left = GaugeMetricFamily(
            "opp_status_highlevel_requests_left",
            "Requests that HighLevel takes before its limit",
            labels=["location", "of"],
        )
        most = GaugeMetricFamily("opp_status_highlevel_requests_most", "The limit itself", labels=["location", "of"])
        for location_id, now in self._budgets().items():
            name = self._names.get(location_id, "")
            for family, values in (
                (left, {"interval": now.left, "day": now.left_today}),
                (most, {"interval": now.most, "day": now.most_a_day}),
            ):
                for of, value in values.items():
                    if value is not None:
                        family.add_metric([name, of], value)
        yield left
        yield most
        unfinished = GaugeMetricFamily(
            "opp_status_ledger_unfinished", "Commands that are not finished, by their state", labels=["state"]
        )
        oldest = GaugeMetricFamily(
            "opp_status_ledger_oldest_unfinished_seconds", "Age of the oldest of them; 0 when there is none"
        )
        if self._backlog:
            for state, many in self._backlog.by_state.items():
                unfinished.add_metric([state], many)
            oldest.add_metric([], self._backlog.oldest)
        yield GaugeMetricFamily(
            "opp_status_ledger_up",
            "1 if the database answered, 0 if it did not",
            value=float(self._backlog is not None),
        )
        yield unfinished
        yield oldest


def answer(status: int) -> str:
    """The class of a status, such as `2xx`; but `429`, and `none` for 0, which is no answer."""
    match status:
        case 0:
            return "none"
        case HTTPStatus.TOO_MANY_REQUESTS:
            return "429"
        case _:
            return f"{status // 100}xx"
