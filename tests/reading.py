"""What the tests of messages share: a deal, its people and commands, any text there may be; and what a reader sees."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from bot.access.rules import Caller
from bot.commands.record import Entry, Record, State, Unfamiliar
from bot.commands.reply import Message
from bot.deals.deal import STATES, LostReason, Opportunity, Status
from bot.deals.locations import Locations
from bot.deals.outcome import AlreadySo, Cause, Changed, Effect, Failed, Outcome, Result, Trouble
from bot.deals.wish import Wish
from bot.simulator.slack.block_kit import refusal_of
from bot.slack.block_kit.blocks import TEXT_LIMIT
from bot.slack.mail.replies import as_response
from bot.slack.messages.messages import Messages
from tests import memory

ANA = Caller(user_id="U0ANA", team_id="T0OURS", channel_id="C0SALES")
BEN = Caller(user_id="U0BEN", team_id="T0OURS", channel_id="C0SALES")
KIM = "U0KIM"
ID = "aB3dE5fG7hJ9kL1mN2pQ"
URL = f"https://app.gohighlevel.com/v2/location/LOC/opportunities/{ID}"
REF = "7K2QX9"
SINCE = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)
WISH = Wish(ID, Status.WON)
OPEN = Opportunity(ID, "open", name="New website", location_id="LOC", since=SINCE)
WON = Opportunity(ID, "won", name="New website", location_id="LOC")
LOST = Opportunity(ID, "lost", name="New website", lost_reason_id="r1", lost_reason="Too expensive")
LOST_WITHOUT = replace(LOST, lost_reason_id=None, lost_reason=None)
RICH = Opportunity(
    ID,
    "won",
    name="New website",
    value=12500.0,
    contact="Jo Doe",
    company="Doe Ltd",
    pipeline="Sales",
    stage="Proposal",
    owner="Kim Lee",
)
DEAL = f"*<{URL}|New website>*"
LOSE = Wish(ID, Status.LOST)
TOO_DEAR, TOO_SLOW = LostReason("r1", "Too expensive"), LostReason("r2", "Too slow & late")
CHANGE = replace(
    memory.CHANGE, key="17.key", reference=REF, at=SINCE, user_id="U0ANA", opportunity_id=ID, finished_at=SINCE
)


def our_messages(**settings: Any) -> Messages:  # noqa: ANN401 - of any setting
    plain = {"app_url": "https://app.gohighlevel.com", "locations": Locations("LOC"), "admin_contact": KIM}
    return memory.messages(**plain | {"channels": frozenset({"C0SALES"})} | settings)


def command_of(
    wish: Wish = WISH, caller: Caller = ANA, reference: str = REF, undoes: str | None = None, message_ts: str = ""
) -> Entry:
    return Entry("17.key", reference, caller, "typed", wish, message_ts=message_ts, undoes=undoes)


BEN_UNDOES = command_of(Wish(ID, Status.OPEN, only_if="won"), BEN, undoes="17.key")


def told(outcome: Outcome, **settings: Any) -> Message:  # noqa: ANN401 - of any setting
    return our_messages(**settings).outcome(outcome, command_of())


def shown(message: Message) -> list[str]:
    """What each block says, in order."""
    texts = [block["text"] if "text" in block else block["elements"][0] for block in message.blocks]
    return [text["text"] for text in texts if text["type"] == "mrkdwn"]


def lines(message: Message) -> list[str]:
    return shown(message)[0].splitlines()


NAMED = command_of(Wish("", Status.WON, name="new website"))
AUTOMATIONS = "HighLevel automations may run and message the customer."
TWO = Locations("LOC", {"PARIS": "Paris <& more>"})
LONG = "k" * 2001
"""More than a button can carry."""


def buttons(message: Message) -> list[dict[str, Any]]:
    """What can be pressed, in order: beside paragraphs, and in rows."""
    return [
        element
        for block in message.blocks
        for element in (
            block.get("elements", ()) if block["type"] == "actions" else filter(None, [block.get("accessory")])
        )
    ]


def accessories(message: Message) -> list[dict[str, Any]]:
    return [block["accessory"] for block in message.blocks if "accessory" in block]


def offered(message: Message) -> list[tuple[str, str]]:
    """The buttons with lost reasons."""
    chosen = [each for each in buttons(message) if each["action_id"].startswith("reason_")]
    return [(each["text"]["text"], each["value"]) for each in chosen]


def options(message: Message) -> list[tuple[str, str]]:
    (menu,) = [each for each in buttons(message) if each["type"] == "static_select"]
    return [(option["text"]["text"], option["value"]) for option in menu["options"]]


def pressable(message: Message) -> list[tuple[str, str, str]]:
    return [
        (each["action_id"], each["text"]["text"], each.get("value", "")) for each in buttons(message) if "text" in each
    ]


MARKUP = re.compile(
    r"<!date\^-?[0-9]+\^\{date_short_pretty\} at \{time\}\|[^<>|]*>|<https://app\.[A-Za-z0-9/._~%-]+\|[^<>|]+>"
)


def is_sound(message: Message, mentions: Sequence[str] = ("<@U0ANA>", "<@U0KIM>", "<#C0SALES>")) -> bool:
    """Slack takes it, nothing in it is left to be filled in, and it mentions no one but `mentions`."""
    body = as_response(message)
    json.dumps(body, ensure_ascii=False).encode()
    asked = [each["confirm"]["text"]["text"] for each in buttons(message) if "confirm" in each]
    for text in (message.text, *shown(message), *asked):
        rest = MARKUP.sub("", text)
        for mention in mentions:
            rest = rest.replace(mention, "")
        if re.search(r"[<>]|&(?!amp;|lt;|gt;)", rest):
            return False
    return refusal_of(body) is None and len(message.text) <= TEXT_LIMIT


HOSTILE = [
    *("<!channel>", "<!here>", "<@U123>", "<@W9|ana>", "<#C123>", "<!subteam^S1>", "<https://evil.example|harmless>"),
    *("@channel", "@here", "&lt;", "&", "<", ">", "|", "`", "*", "\n", "\u2028", "\u202e", "\u061c", "\x00", "\ud83d"),
    *("{admin}", "{", "}", "%s", "<" * 5000, "&" * 5000, "a" * 5000, "\U0001f600" * 200, "/", "..", " ", "é"),
]
ANY_TEXT = st.lists(st.sampled_from(HOSTILE), max_size=6).map("".join) | st.text(max_size=30)
NO_IDS = ANY_TEXT.filter(lambda text: not re.fullmatch(r"[UWCGD][A-Z0-9]+", text))
"""Who did it, and where, is rightly mentioned: hypothesis tries the ids that stand in the code too."""
CALLERS = st.builds(Caller, NO_IDS, NO_IDS, NO_IDS)
PERHAPS = st.none() | ANY_TEXT
DEALS = st.builds(
    Opportunity,
    id=ANY_TEXT,
    status=ANY_TEXT,
    name=PERHAPS,
    value=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    contact=PERHAPS,
    company=PERHAPS,
    pipeline=PERHAPS,
    stage=PERHAPS,
    owner=PERHAPS,
    since=st.none() | st.datetimes(timezones=st.just(UTC)),
    lost_reason_id=PERHAPS,
    lost_reason=PERHAPS,
)
TROUBLES = st.builds(
    Trouble,
    cause=st.sampled_from(Cause),
    retry_after=st.none() | st.floats(0, 1e9),
    reasons=st.lists(ANY_TEXT, max_size=5).map(tuple),
    code=ANY_TEXT,
    trace_id=ANY_TEXT,
)
OUTCOMES = st.one_of(
    st.builds(Changed, DEALS, DEALS, st.none() | TROUBLES),
    st.builds(AlreadySo, DEALS),
    st.builds(Failed, TROUBLES, st.sampled_from(Effect), st.none() | DEALS, st.none() | DEALS),
)
REASONS = st.lists(st.builds(LostReason, ANY_TEXT, ANY_TEXT), max_size=100)
UNFAMILIAR = st.builds(Unfamiliar, ANY_TEXT)
RECORDS = st.builds(
    Record,
    **dict.fromkeys(("key", "reference", "team_id", "channel_id", "text", "opportunity_id", "status"), ANY_TEXT),
    user_id=NO_IDS,
    **dict.fromkeys(
        ("name", "undoes", "before", "after", "delivered", "called", "reason", "note", "batch", "lost_reason_id"),
        PERHAPS,
    ),
    **dict.fromkeys(("before_lost_reason_id", "message_ts", "trace_id"), st.none()),
    state=st.sampled_from(State) | UNFAMILIAR,
    outcome=st.sampled_from([None, *Result, *Cause]) | UNFAMILIAR,
    effect=st.sampled_from([None, *Effect]) | UNFAMILIAR,
    at=st.just(SINCE),
    attempts=st.just(0),
    finished_at=st.none() | st.just(SINCE),
)
WISHES = st.builds(
    Wish, ANY_TEXT, st.sampled_from(STATES), lost_reason_id=PERHAPS, only_if=PERHAPS, name=ANY_TEXT, reason=ANY_TEXT
)
COMMANDS = st.builds(
    Entry,
    key=ANY_TEXT,
    reference=ANY_TEXT,
    caller=st.just(ANA) | CALLERS,
    text=ANY_TEXT,
    wish=WISHES,
    message_ts=st.sampled_from(["", "17.1"]),
    undoes=st.none() | st.just("17.key"),
    note=ANY_TEXT,
    public=st.booleans(),
)
