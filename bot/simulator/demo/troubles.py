"""The troubles that a person in the demo can give Slack and HighLevel."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.simulator.demo.stage import TOKEN, Stage
from bot.simulator.highlevel import server as highlevel
from bot.simulator.highlevel.server import READ, USERS
from bot.simulator.slack import server as slack

ALWAYS = float("inf")
WELL = "well"
"""The name of no trouble at all."""
SLOW = 5.0
"""Seconds that a slow HighLevel takes to answer."""
MAINTENANCE = "<html><body><h1>We are down for maintenance</h1><p>We will be back soon.</p></body></html>"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something wrong with Slack or HighLevel."""

    name: str
    label: str
    begin: Callable[[Stage], object]


def trouble_highlevel(stage: Stage, name: str) -> None:
    """Give HighLevel the trouble of this name, and end any other. Raises `ValueError` if there is none."""
    trouble = _named(name, HIGHLEVEL)
    stage.highlevel.behave()
    stage.highlevel.tokens.clear()
    stage.highlevel.add_token(TOKEN)
    trouble.begin(stage)


def trouble_slack(stage: Stage, name: str) -> None:
    """Give Slack the trouble of this name, and end any other. Raises `ValueError` if there is none."""
    trouble = _named(name, SLACK)
    stage.slack.behave()
    trouble.begin(stage)


def _named(name: str, troubles: Sequence[Trouble]) -> Trouble:
    for trouble in troubles:
        if trouble.name == name:
            return trouble
    raise ValueError(f"no trouble is called {name}")


def _highlevel(fault: highlevel.Fault, *, method: str | None = None) -> Callable[[Stage], object]:
    return lambda stage: stage.highlevel.misbehave(fault, method=method, times=ALWAYS)


def _expire_token(stage: Stage) -> None:
    stage.highlevel.tokens.clear()


def _take_scope(stage: Stage) -> None:
    stage.highlevel.add_token(TOKEN, scopes=frozenset({READ, USERS}))


def _hide_deals(stage: Stage) -> None:
    body = {"statusCode": 404, "error": "Not Found", "message": "Opportunity not found"}
    for opportunity_id in stage.highlevel.opportunities:
        stage.highlevel.misbehave(highlevel.Fault(status=404, body=body), path=opportunity_id, times=ALWAYS)


def _refuse_replies(stage: Stage, *where: str) -> None:
    for each in where:
        if each == "response_url":
            fault = slack.Fault(each, 404, {"ok": False, "error": "expired_url"}, times=ALWAYS)
        else:
            fault = slack.Fault(each, 200, {"ok": False, "error": "is_archived"}, times=ALWAYS)
        stage.slack.misbehave(fault)


def _hurry_slowly(stage: Stage) -> None:
    body = {"ok": False, "error": "ratelimited"}
    stage.slack.misbehave(slack.Fault("chat.postMessage", 429, body, {"Retry-After": "3"}, times=2))


HIGHLEVEL = (
    Trouble(WELL, "work normally", lambda _: None),
    Trouble("slow", f"respond slowly ({SLOW:.0f} seconds)", _highlevel(highlevel.Fault(wait=SLOW))),
    Trouble("token", "reject the token", _expire_token),
    Trouble("scope", "block changes (missing permission)", _take_scope),
    Trouble(
        "limit",
        "hit its rate limit",
        _highlevel(
            highlevel.Fault(
                status=429,
                body={"statusCode": 429, "message": "Too Many Requests"},
                headers={"X-RateLimit-Remaining": "0", "X-RateLimit-Interval-Milliseconds": "10000"},
            )
        ),
    ),
    Trouble("not-found", "find no deals", _hide_deals),
    Trouble(
        "error",
        "fail (500)",
        _highlevel(highlevel.Fault(status=500, body={"statusCode": 500, "message": "Internal server error"})),
    ),
    Trouble(
        "silence",
        "save the change but never respond",
        _highlevel(highlevel.Fault(carries_out=True, hangs=True), method="PUT"),
    ),
    Trouble(
        "maintenance",
        "show a maintenance page",
        _highlevel(highlevel.Fault(status=503, body=MAINTENANCE)),
    ),
)
SLACK = (
    Trouble(WELL, "work normally", lambda _: None),
    Trouble("expired", "expire reply links", lambda stage: _refuse_replies(stage, "response_url")),
    Trouble(
        "archived",
        "reject every reply",
        lambda stage: _refuse_replies(stage, "response_url", "chat.postMessage", "chat.update"),
    ),
    Trouble("busy", "delay the next two messages", _hurry_slowly),
)
