import re
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from structlog.testing import capture_logs

from bot.commands.instrumentation import DENIED, NOT_ACCEPTED
from bot.commands.worker import WorkerTiming
from bot.deals.outcome import WORDS
from bot.highlevel.api.rate_limit import Budget
from bot.operations.metrics import ACKNOWLEDGEMENT, PATH, REPLY, Metrics, answer
from bot.slack.bolt import KINDS
from bot.slack.intake import ANSWER_WITHIN
from bot.slack.verification import Refusal
from bot.storage.backlog import UNFINISHED, BacklogReader
from tests.rows import fill

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operating" / "metrics.md").read_text()
RULES: list[dict[str, Any]] = yaml.safe_load((ROOT / "docs" / "operating" / "alerts.yml").read_text())["groups"][0][
    "rules"
]
TOKEN = "not-a-token-of-anybody"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
BUDGETS = {"L": Budget(97, 100, 150_000, 200_000), "PARIS": Budget(0, 100, None, None)}

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


@contextmanager
def _measuring(
    url: str, names: Mapping[str, str] | None = None, budgets: Callable[[], Mapping[str, Budget]] = lambda: BUDGETS
) -> Iterator[Metrics]:
    metrics = Metrics(TOKEN, {"PARIS": "Paris"} if names is None else names, budgets, BacklogReader(url))
    try:
        yield metrics
    finally:
        metrics.close()


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A ledger in which everything is finished."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    fill(url, 2)
    return url


@pytest.fixture
async def metrics(url: str) -> AsyncIterator[Metrics]:
    with _measuring(url) as metrics:
        yield metrics


async def _ask(metrics: Metrics, method: str = "GET", **headers: str) -> httpx.Response:
    app = httpx.ASGITransport(Starlette(routes=metrics.routes()))
    async with httpx.AsyncClient(transport=app, base_url="http://bot.example") as http:
        return await http.request(method, PATH, headers=headers)


async def _families(metrics: Metrics) -> list[Metric]:
    return list(text_string_to_metric_families((await _ask(metrics, **AUTHORIZED)).text))


async def _read(metrics: Metrics) -> Samples:
    samples = [sample for family in await _families(metrics) for sample in family.samples]
    return {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}


def _value(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((f"opp_status_{name}", frozenset(labels.items())))


def _exposed(family: Metric) -> str:
    return f"{family.name}_total" if family.type == "counter" else family.name


async def _with_everything(metrics: Metrics) -> list[Metric]:
    """Each family with at least one line of each kind."""
    metrics.acknowledged("command", 0.1)
    metrics.replied("channel", 1.0)
    metrics.called("PARIS", "GET", 200)
    metrics.stood_still(7.5)
    return await _families(metrics)


# --- who may read it ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer \xe4"],
)
async def test_a_request_without_the_token_gets_no_numbers(metrics: Metrics, authorization: str | None) -> None:
    headers = {} if authorization is None else {b"Authorization": authorization.encode("latin-1")}
    with capture_logs() as lines:
        app = httpx.ASGITransport(Starlette(routes=metrics.routes()))
        async with httpx.AsyncClient(transport=app, base_url="http://bot.example") as http:
            told = await http.get(PATH, headers=headers)

    assert (told.status_code, told.text) == (401, "Unauthorized")
    assert told.headers["www-authenticate"] == "Bearer"
    assert [line["event"] for line in lines] == ["metrics.turned_away"]
    assert TOKEN not in str(lines)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer "])
async def test_a_request_with_the_token_gets_what_prometheus_can_read(metrics: Metrics, scheme: str) -> None:
    told = await _ask(metrics, Authorization=f"{scheme} {TOKEN}")

    assert told.status_code == 200
    assert told.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert list(text_string_to_metric_families(told.text)) != []


async def test_the_page_accepts_no_post(metrics: Metrics) -> None:
    assert (await _ask(metrics, "POST", **AUTHORIZED)).status_code == 405


# --- what is counted ------------------------------------------------------------------------------------------------


async def test_every_outcome_is_on_the_page_from_the_start(metrics: Metrics) -> None:
    samples = await _read(metrics)

    assert {_value(samples, "commands_total", outcome=outcome) for outcome in (*WORDS, *NOT_ACCEPTED)} == {0.0}


async def test_events_are_counted(metrics: Metrics) -> None:
    metrics.commanded("changed")
    metrics.commanded("changed")
    metrics.commanded(DENIED)
    metrics.acknowledged("command", 0.02)
    metrics.acknowledged("command", 1.6)
    metrics.replied("response_url", 1.5)
    metrics.called("L", "GET", 200)
    metrics.notified("webhook", "received")
    metrics.judged("announced", 0.7)
    metrics.judged("unchanged")
    metrics.came_due("reminder", "posted")
    metrics.called("PARIS", "PUT", 0)
    samples = await _read(metrics)

    assert _value(samples, "commands_total", outcome="changed") == 2
    assert _value(samples, "commands_total", outcome=DENIED) == 1
    assert _value(samples, "acknowledgement_seconds_count", kind="command") == 2
    assert _value(samples, "acknowledgement_seconds_bucket", kind="command", le="1.5") == 1
    assert _value(samples, "reply_seconds_sum", way="response_url") == 1.5
    assert _value(samples, "event_verdicts_total", verdict="unchanged") == 1
    assert _value(samples, "event_lag_seconds_sum") == 0.7
    assert _value(samples, "due_total", kind="reminder", ending="posted") == 1
    assert _value(samples, "due_total", kind="reminder", ending="refused") == 0
    assert _value(samples, "events_total", source="webhook", reception="received") == 1
    assert _value(samples, "highlevel_calls_total", location="", method="GET", answer="2xx") == 1
    assert _value(samples, "highlevel_calls_total", location="Paris", method="PUT", answer="none") == 1


async def test_each_bot_counts_for_itself(url: str) -> None:
    with _measuring(url) as one, _measuring(url) as other:
        one.commanded("changed")

        assert _value(await _read(one), "commands_total", outcome="changed") == 1
        assert _value(await _read(other), "commands_total", outcome="changed") == 0


async def test_the_limits_are_current_and_unknown_ones_have_no_line(url: str) -> None:
    budgets = dict(BUDGETS)
    with _measuring(url, budgets=lambda: budgets) as metrics:
        samples = await _read(metrics)
        budgets["L"] = Budget(3, 100, 7, 200_000)
        later = await _read(metrics)

    assert _value(samples, "highlevel_requests_left", location="", of="interval") == 97
    assert _value(samples, "highlevel_requests_left", location="", of="day") == 150_000
    assert _value(samples, "highlevel_requests_most", location="", of="day") == 200_000
    assert _value(samples, "highlevel_requests_left", location="Paris", of="interval") == 0
    assert _value(samples, "highlevel_requests_left", location="Paris", of="day") is None
    assert _value(later, "highlevel_requests_left", location="", of="interval") == 3
    assert _value(later, "highlevel_requests_left", location="", of="day") == 7


async def test_the_ledgers_backlog_is_on_the_page(metrics: Metrics) -> None:
    samples = await _read(metrics)

    assert _value(samples, "ledger_up") == 1
    assert {state: _value(samples, "ledger_unfinished", state=state) for state in UNFINISHED} == dict.fromkeys(
        UNFINISHED, 0
    )
    assert _value(samples, "ledger_oldest_unfinished_seconds") == 0


async def test_a_ledger_that_does_not_answer_is_down_and_has_no_numbers(tmp_path: Path) -> None:
    with _measuring(f"sqlite:///{tmp_path / 'ledger.db'}") as metrics:
        samples = await _read(metrics)

    assert _value(samples, "ledger_up") == 0
    assert _value(samples, "ledger_oldest_unfinished_seconds") is None
    assert not any(name == "opp_status_ledger_unfinished" for name, _ in samples)


async def test_the_page_does_not_say_when_counters_were_made(metrics: Metrics) -> None:
    assert not any(
        sample.name.endswith("_created") for each in await _with_everything(metrics) for sample in each.samples
    )


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
async def test_any_name_of_a_sub_account_is_read_back(name: str) -> None:
    with _measuring("sqlite:////nowhere/ledger.db", {"PARIS": name}) as metrics:
        metrics.called("PARIS", "GET", 200)
        samples = await _read(metrics)

    assert _value(samples, "highlevel_calls_total", location=name, method="GET", answer="2xx") == 1


@given(st.integers(100, 599))
@example(429)
def test_an_answer_is_counted_by_its_class_but_429_by_itself(status: int) -> None:
    assert answer(status) == ("429" if status == 429 else f"{str(status)[0]}xx")
    assert answer(0) == "none"


def test_the_buckets_reach_as_far_as_the_longest_wait() -> None:
    assert ACKNOWLEDGEMENT[-1] > ANSWER_WITHIN
    assert REPLY[-1] >= WorkerTiming().wait_for_limit


# --- the documents --------------------------------------------------------------------------------------------------


async def test_the_documents_name_every_metric_in_the_words_of_the_code(metrics: Metrics) -> None:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line[:1] == "|"]
    documented = {row[0].strip("`"): (row[1], sorted(re.findall(r"`(\w+)`", row[2])), row[3]) for row in rows[2:]}
    families = await _with_everything(metrics)

    assert documented == {
        _exposed(each): (
            each.type,
            sorted({label for sample in each.samples for label in sample.labels} - {"le"}),
            each.documentation,
        )
        for each in families
    }


def test_the_documents_name_every_value_of_our_labels() -> None:
    named = set(re.findall(r"`(\w+)`", PAGE))

    assert named >= {*KINDS, *UNFINISHED, *Refusal, *NOT_ACCEPTED, "interval", "day", "none", "429"}


def test_there_are_four_alerts_and_the_documents_name_each() -> None:
    assert len(RULES) == 4
    assert all(rule.keys() == {"alert", "expr", "for", "labels", "annotations"} for rule in RULES)
    assert re.findall(r"`(OppStatus\w+)`", PAGE) == [rule["alert"] for rule in RULES]
    assert "(alerts.yml)" in PAGE


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
async def test_an_alert_uses_only_metrics_and_labels_that_exist(metrics: Metrics, rule: dict[str, Any]) -> None:
    families = await _with_everything(metrics)
    samples = {sample.name for each in families for sample in each.samples}
    asked = re.findall(r"(opp_status_\w+)(?:\{(\w+)(=~|!=|=)\"([^\"]*)\"\})?", rule["expr"])
    values = {"outcome": {*WORDS, *NOT_ACCEPTED}, "kind": {*KINDS}, "of": {"interval", "day"}, "reason": {*Refusal}}

    assert {name for name, *_ in asked} <= samples
    for _, label, _, wanted in asked:
        assert not label or set(wanted.split("|")) <= values[label]
    described = re.findall(r"opp_status_\w+", rule["annotations"]["description"])
    assert set(described) <= samples


# --- what it costs --------------------------------------------------------------------------------------------------


def test_without_a_metrics_token_the_library_is_not_loaded(tmp_path: Path) -> None:
    program = """
import sys
import stamina
from bot.operations.settings import Settings
from bot import wiring
from bot.web import server
def config(**more):
    return server.config(wiring.build(Settings.from_env({
        "SLACK_BOT_TOKEN": "xoxb-not-a-token", "SLACK_SIGNING_SECRET": "thisisnotasigningsecretofslacks0",
        "HIGHLEVEL_TOKEN": "pit-not-a-token", "HIGHLEVEL_LOCATION_ID": "L", **more,
    })))
config()
stamina.instrumentation.get_on_retry_hooks()
print("prometheus_client" in sys.modules)
config(METRICS_TOKEN="not-a-token-of-anybody")
print("prometheus_client" in sys.modules)
"""
    told = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert told.stdout.split() == ["False", "True"]
    assert list(tmp_path.iterdir()) == []
