"""Failures of HighLevel, the network and the ledger: the caller reads what happened and whether anything changed."""

import asyncio
import re
import socket
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import pytest

from bot.deals.change import Patience
from bot.deals.outcome import Cause
from bot.simulator.bodies import GZIP, dripping, endless, gzip_bomb, nested
from bot.simulator.highlevel.server import READ, WRITE, Fault
from bot.simulator.slack.block_kit import buttons_of
from bot.simulator.slack.workspace import Shown
from bot.simulator.traffic import Exchange
from tests.house import ANA, DEAL, HASTY, HIGHLEVEL_TOKEN, KIM, PATIENT, SALES, UNKNOWN_ID, House, open_house

ALWAYS = float("inf")
NOTHING = "Nothing changed."
STILL_OPEN = "is still open."
LOOKED = "is still open, so nothing has changed yet."
CANNOT_TELL = "may have changed"
SUCCESS = {"success": True}


@dataclass(frozen=True)
class Case:
    """Something that goes wrong, and what the caller then reads."""

    cause: Cause
    arrange: Callable[[House], object]
    effect: str
    says: tuple[str, ...] = ()
    text: str = f"{DEAL} won"
    settings: dict[str, str] = field(default_factory=dict)


def _get(fault: Fault) -> Callable[[House], object]:
    return lambda house: house.highlevel.misbehave(fault, method="GET", times=ALWAYS)


def _put(fault: Fault) -> Callable[[House], object]:
    return lambda house: house.highlevel.misbehave(fault, method="PUT", times=ALWAYS)


def _put_then_blind(fault: Fault) -> Callable[[House], object]:
    """Let the deal be found, the change meet the fault, and every later request fail."""

    def arrange(house: House) -> None:
        house.highlevel.misbehave(Fault(), method="GET")
        house.highlevel.misbehave(fault, method="PUT", times=ALWAYS)
        house.highlevel.misbehave(Fault(status=500, body={"message": "Internal server error"}), times=ALWAYS)

    return arrange


def _refusal(status: int, message: str | list[str]) -> Fault:
    return Fault(status=status, body={"statusCode": status, "message": message, "error": "Error", "traceId": "trace-1"})


def _scopes(*scopes: str) -> Callable[[House], object]:
    return lambda house: house.highlevel.add_token(HIGHLEVEL_TOKEN, scopes=frozenset(scopes))


def _limited(**headers: str) -> Fault:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault(status=429, body={"message": "Too Many Requests"}, headers=names)


def _well(_house: House) -> None:
    pass


NOT_FOUND, TOKEN, SCOPE = "No deal has the ID", "can't sign in to HighLevel", "doesn't have permission"
ELSEWHERE, AGAIN = "in a sub-account that Opp Status can't open", "Try again"

CASES = {
    "an id that no deal has": Case(
        Cause.NOT_FOUND, _well, NOTHING, (NOT_FOUND, UNKNOWN_ID, "case-sensitive"), f"{UNKNOWN_ID} won"
    ),
    "an id of a strange form": Case(Cause.NO_MATCH, _well, NOTHING, (f"{UNKNOWN_ID}1",), f"{UNKNOWN_ID}1 won"),
    "a deal that was deleted in between": Case(
        Cause.NOT_FOUND,
        _put(_refusal(404, "Opportunity not found")),
        NOTHING,
        ("New website isn't in HighLevel anymore.",),
    ),
    "a token that is not known": Case(
        Cause.TOKEN_INVALID,
        lambda house: house.highlevel.tokens.clear(),
        NOTHING,
        (TOKEN, f"<@{KIM}>", "HIGHLEVEL_TOKEN"),
    ),
    "a token that has expired": Case(Cause.TOKEN_INVALID, _get(_refusal(401, "Invalid JWT")), NOTHING, (TOKEN,)),
    "a token revoked in between": Case(
        Cause.TOKEN_INVALID, _put(_refusal(401, "Invalid Private Integration token")), STILL_OPEN, (TOKEN,)
    ),
    "a token that may not read": Case(Cause.SCOPE_MISSING, _scopes(WRITE), NOTHING, (SCOPE, f"<@{KIM}>")),
    "a token that may not write": Case(Cause.SCOPE_MISSING, _scopes(READ), STILL_OPEN, (SCOPE, "Edit Opportunities")),
    "an agency's token": Case(
        Cause.SCOPE_MISSING,
        _get(_refusal(401, "This authClass type is not allowed to access this scope. Please reach out")),
        NOTHING,
        (SCOPE,),
    ),
    "a token of another location": Case(
        Cause.TOKEN_ELSEWHERE,
        lambda house: house.highlevel.add_token(HIGHLEVEL_TOKEN, location_id="ELSEWHERE"),
        NOTHING,
        (ELSEWHERE, f"<@{KIM}>"),
    ),
    "a location that the token cannot see": Case(
        Cause.TOKEN_ELSEWHERE,
        _get(_refusal(401, "This location is not accessible from this token!")),
        NOTHING,
        (ELSEWHERE,),
    ),
    "a deal of another location": Case(
        Cause.TOKEN_ELSEWHERE,
        lambda house: house.highlevel.opportunities[DEAL].update(locationId="ELSEWHERE"),
        NOTHING,
        (ELSEWHERE,),
    ),
    "an API version that is not accepted": Case(
        Cause.VERSION_REFUSED, _well, NOTHING, ("API version",), settings={"HIGHLEVEL_API_VERSION": "1999-01-01"}
    ),
    "the CDN": Case(
        Cause.BLOCKED, _get(Fault(status=403, body="error code: 1010")), NOTHING, ("HighLevel's network blocked", AGAIN)
    ),
    "a 403 for no known reason": Case(
        Cause.FORBIDDEN,
        _get(_refusal(403, "You do not have permission to access this resource")),
        NOTHING,
        ("HighLevel says: “You do not have permission to access this resource”",),
    ),
    "a 401 that is not about the token": Case(
        Cause.FORBIDDEN,
        _put(_refusal(401, "You do not have access to this feature")),
        STILL_OPEN,
        ("HighLevel says: “You do not have access to this feature”",),
    ),
    "a change that does not please": Case(
        Cause.INVALID,
        _put(_refusal(422, ["lostReasonId is required", "<!channel>"])),
        STILL_OPEN,
        ("HighLevel says: “lostReasonId is required; &lt;!channel&gt;”",),
    ),
    "a bad request": Case(
        Cause.INVALID, _put(_refusal(400, "Bad Request")), STILL_OPEN, ("HighLevel says: “Bad Request”",)
    ),
    "too many requests": Case(
        Cause.RATE_LIMITED,
        _get(_limited(X_RateLimit_Interval_Milliseconds="60000")),
        NOTHING,
        ("too many requests right now", "Try again in 60 seconds."),
    ),
    "too many requests, by the standard header": Case(
        Cause.RATE_LIMITED, _put(_limited(Retry_After="300")), STILL_OPEN, ("Try again in 5 minutes.",)
    ),
    "too many requests for the day": Case(
        Cause.DAILY_LIMIT,
        _get(_limited(X_RateLimit_Daily_Remaining="0", X_RateLimit_Daily_Reset="83059000")),
        NOTHING,
        ("used up today's HighLevel requests", "Try again in about 23 hours"),
    ),
    "too many requests for a day of unknown end": Case(
        Cause.DAILY_LIMIT,
        _get(_limited(X_RateLimit_Daily_Remaining="0", X_RateLimit_Daily_Reset="?")),
        NOTHING,
        ("tomorrow",),
    ),
    "a name that does not resolve": Case(
        Cause.NO_NAME,
        _well,
        NOTHING,
        ("its address didn't resolve",),
        settings={"HIGHLEVEL_API_URL": "https://nowhere.invalid"},
    ),
    "a port without a listener": Case(
        Cause.NO_CONNECTION,
        _well,
        NOTHING,
        ("Can't reach HighLevel right now",),
        settings={"HIGHLEVEL_API_URL": "http://127.0.0.1:1"},
    ),
    "a search that hangs": Case(Cause.NO_ANSWER, _get(Fault(hangs=True)), NOTHING, ("didn't respond in time", AGAIN)),
    "a search that is cut off": Case(
        Cause.CUT_OFF, _get(Fault(drops=True)), NOTHING, ("connection to HighLevel dropped",)
    ),
    "a change that hangs and does not happen": Case(
        Cause.NO_ANSWER,
        _put(Fault(hangs=True)),
        LOOKED,
        ("didn't respond in time", "Check the deal before you try again"),
    ),
    "a change that is cut off and does not happen": Case(
        Cause.CUT_OFF, _put(Fault(drops=True)), LOOKED, ("Check the deal before you try again",)
    ),
    "a change that hangs, and then no answers": Case(
        Cause.NO_ANSWER, _put_then_blind(Fault(hangs=True)), CANNOT_TELL, ("didn't respond in time",)
    ),
    "a change that breaks, and then no answers": Case(
        Cause.SERVER_ERROR, _put_then_blind(_refusal(500, "Internal server error")), CANNOT_TELL
    ),
    "a change that is accepted, and then no answers": Case(
        Cause.NOT_CONFIRMED, _put_then_blind(Fault()), CANNOT_TELL, ("accepted the change", "Check the deal before")
    ),
    "an error of HighLevel's own": Case(
        Cause.SERVER_ERROR,
        _get(_refusal(500, "Internal server error")),
        NOTHING,
        ("HighLevel is having problems", AGAIN),
    ),
    "an error while changing": Case(
        Cause.SERVER_ERROR, _put(_refusal(500, "Internal server error")), LOOKED, ("HighLevel is having problems",)
    ),
    "a gateway that gives up while changing": Case(
        Cause.GATEWAY,
        _put(Fault(status=504, body="")),
        LOOKED,
        ("HighLevel timed out", "Check the deal before you try again"),
    ),
    "a down for maintenance": Case(
        Cause.UNREADABLE, _get(Fault(status=200, body="<h1>Back soon</h1>")), NOTHING, ("down for maintenance",)
    ),
    "a redirect": Case(
        Cause.UNREADABLE, _get(Fault(status=302, headers={"Location": "/login"})), NOTHING, ("something unreadable",)
    ),
    "a down for maintenance while changing": Case(
        Cause.UNREADABLE, _put(Fault(status=200, body="<h1>Back soon</h1>")), LOOKED, ("down for maintenance",)
    ),
    "an address that is not HighLevel's API": Case(
        Cause.WRONG_ADDRESS, _get(Fault(status=404, body="Cannot GET /opportunities")), NOTHING, ("HIGHLEVEL_API_URL",)
    ),
    "a server that says when it is back": Case(
        Cause.SERVER_ERROR,
        _get(Fault(status=503, body="", headers={"Retry-After": "300"})),
        NOTHING,
        ("HighLevel is having problems", "Try again in 5 minutes."),
    ),
    "an answer about another deal": Case(
        Cause.UNREADABLE,
        _get(Fault(status=200, body={"opportunity": {"id": UNKNOWN_ID, "status": "open"}})),
        NOTHING,
        ("something unreadable",),
    ),
    "an endless answer": Case(
        Cause.UNREADABLE, _get(Fault(status=200, chunks=endless())), NOTHING, ("something unreadable",)
    ),
    "an endless answer while changing": Case(
        Cause.UNREADABLE, _put(Fault(status=200, chunks=endless())), LOOKED, ("something unreadable",)
    ),
    "an endless refusal": Case(
        Cause.INVALID, _put(Fault(status=422, chunks=endless())), STILL_OPEN, ("HighLevel rejected the request",)
    ),
    "an answer that is small only while it is compressed": Case(
        Cause.UNREADABLE,
        _get(Fault(status=200, headers=GZIP, chunks=gzip_bomb(20))),
        NOTHING,
        ("something unreadable",),
    ),
    "an answer that is not what it says that it is": Case(
        Cause.UNREADABLE,
        _get(Fault(status=200, headers=GZIP, chunks=endless(b"plain", 1))),
        NOTHING,
        ("something unreadable",),
    ),
    "an answer that nests too deep": Case(
        Cause.UNREADABLE, _get(Fault(status=200, chunks=nested())), NOTHING, ("something unreadable",)
    ),
    "an answer that comes byte by byte": Case(
        Cause.NO_ANSWER, _get(Fault(status=200, chunks=dripping(0.05))), NOTHING, ("didn't respond in time",)
    ),
    "a success that says false": Case(
        Cause.SAID_NO, _put(Fault(status=200, body={"succeded": False})), LOOKED, ("didn't go through",)
    ),
    "a success that changed nothing": Case(
        Cause.NO_EFFECT, _put(Fault(status=200, body=SUCCESS)), LOOKED, ("the deal didn't move", "automation")
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_a_failure_says_what_happened_whether_anything_changed_and_what_next(case: Case, tmp_path: Path) -> None:
    async with open_house(tmp_path, HASTY, **case.settings) as house:
        case.arrange(house)
        shown = await house.says(case.text)
        (row,) = await house.rows()

    assert row["outcome"] == case.cause
    said = " · ".join((shown.text, *_labels(shown)))
    for words in case.says:
        assert words in said
    _assert_honest(shown, case.effect, row["reference"])
    assert shown.only_to == ANA
    assert "{" not in re.sub(r"<!date[^>]*>", "", shown.text)


@pytest.fixture
async def hasty_house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path, HASTY) as opened:
        yield opened


def _labels(shown: Shown) -> list[str]:
    """What the buttons of a message say."""
    return [each["text"]["text"] for block in shown.blocks for each in buttons_of(block)]


def _assert_honest(shown: Shown, effect: str, reference: str) -> None:
    """Assert that the reply says once, not twice, whether anything changed, and has the reference."""
    assert effect in shown.text
    assert [words in shown.text for words in (LOOKED, CANNOT_TELL, NOTHING)].count(True) == 1
    assert f"Ref {reference}" in shown.text


DESPITE = {
    "after a hanging answer": Fault(carries_out=True, hangs=True),
    "after a cut connection": Fault(carries_out=True, drops=True),
    "after an error": Fault(carries_out=True, status=500, body={"message": "Internal server error"}),
    "after a down for maintenance": Fault(carries_out=True, status=200, body="<h1>Back soon</h1>"),
    "after a success that says false": Fault(carries_out=True, status=200, body={"success": False}),
}


@pytest.mark.parametrize("fault", DESPITE.values(), ids=DESPITE)
async def test_a_change_that_happened_despite_an_error_is_found_and_not_repeated(
    hasty_house: House, fault: Fault
) -> None:
    hasty_house.highlevel.misbehave(fault, method="PUT")
    shown = await hasty_house.says(f"{DEAL} won")

    assert shown.only_to is None
    assert "> won " in shown.text
    assert "the change went through" in shown.text
    assert len(hasty_house.highlevel.writes()) == 1


@pytest.mark.parametrize("fault", [Fault(hangs=True), Fault(drops=True), Fault(status=500, body="")])
async def test_a_change_that_may_have_happened_is_never_sent_again(hasty_house: House, fault: Fault) -> None:
    hasty_house.highlevel.misbehave(fault, method="PUT", times=ALWAYS)
    await hasty_house.says(f"{DEAL} won")

    assert len(hasty_house.highlevel.writes()) == 1


@pytest.mark.parametrize("fault", [Fault(hangs=True), Fault(status=504, body="")])
async def test_a_change_that_happens_late_is_seen_by_looking_again(hasty_house: House, fault: Fault) -> None:
    hasty_house.highlevel.misbehave(fault, method="PUT")
    saying = asyncio.create_task(hasty_house.says(f"{DEAL} won"))
    received = hasty_house.highlevel.received
    while "GET" not in [each.method for each in received][_index_of_put(received) :]:
        await asyncio.sleep(0.01)
    hasty_house.highlevel.opportunities[DEAL]["status"] = "won"  # after the first look

    assert "the change went through" in (await saying).text


def _index_of_put(received: Sequence[Exchange]) -> int:
    """The place of the change among the requests; behind the last where it did not come yet."""
    return next((at for at, each in enumerate(received) if each.method == "PUT"), len(received))


async def test_a_deal_that_another_person_moves_meanwhile_is_reported_as_it_is(house: House) -> None:
    house.highlevel.misbehave(Fault(wait=0.3, status=200, body=SUCCESS), method="PUT")
    saying = asyncio.create_task(house.says(f"{DEAL} won"))
    while not house.highlevel.writes():
        await asyncio.sleep(0.01)
    house.highlevel.opportunities[DEAL]["status"] = "abandoned"

    assert "was open and is now abandoned." in (await saying).text


async def test_a_passing_error_is_not_mentioned(house: House) -> None:
    house.highlevel.misbehave(Fault(status=500, body=""), method="GET")
    house.highlevel.misbehave(_limited(Retry_After="0.1"), method="PUT")
    shown = await house.says(f"{DEAL} won")

    assert "> won " in shown.text
    assert len(house.highlevel.writes()) == 2


async def test_when_no_time_is_left_the_change_is_not_sent(tmp_path: Path) -> None:
    short = replace(HASTY, command=Patience(whole=1.0, for_looking=0.8, between_looks=0.1))
    async with open_house(tmp_path, short) as house:
        house.highlevel.misbehave(Fault(wait=0.4), method="GET")
        shown = await house.says(f"{DEAL} won")

        assert house.highlevel.writes() == []
        assert "the change wasn't sent" in shown.text
        assert STILL_OPEN in shown.text


async def test_the_reply_says_when_the_host_does_not_speak_tls(tmp_path: Path, plain_port: int) -> None:
    async with open_house(tmp_path, HIGHLEVEL_API_URL=f"https://127.0.0.1:{plain_port}") as house:
        shown = await house.says(f"{DEAL} won")

    assert "Can't make a secure connection to HighLevel." in shown.text
    assert NOTHING in shown.text


@pytest.fixture
async def plain_port() -> AsyncIterator[int]:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def test_the_reply_says_when_the_host_does_not_accept_the_connection(tmp_path: Path, deaf_port: int) -> None:
    hastier = replace(HASTY, highlevel=replace(HASTY.highlevel, connect=0.3))
    async with open_house(tmp_path, hastier, HIGHLEVEL_API_URL=f"http://127.0.0.1:{deaf_port}") as house:
        shown = await house.says(f"{DEAL} won")

    assert "the connection timed out" in shown.text
    assert NOTHING in shown.text


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port whose queue of connections is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        callers = [socket.socket() for _ in range(3)]
        for caller in callers:
            caller.setblocking(False)
            caller.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]
        for caller in callers:
            caller.close()


async def test_without_its_ledger_the_bot_accepts_nothing(tmp_path: Path) -> None:
    async with open_house(tmp_path, DATABASE_URL=f"sqlite:///{tmp_path}/missing/ledger.db") as house:
        shown = await house.says(f"{DEAL} won")

        assert house.highlevel.received == []
        assert shown.via == "acknowledgement"
        assert "can't save its records" in shown.text
        assert NOTHING in shown.text

        (tmp_path / "missing").mkdir()
        assert "> won " in (await house.says(f"{DEAL} won")).text


async def test_a_ledger_that_fails_before_the_change_only_delays_it(house: House) -> None:
    house.highlevel.misbehave(Fault(wait=0.4), method="GET")
    await house.slack.command(f"{DEAL} won", user=ANA, channel=SALES)
    locked = sqlite3.connect(house.settings.database_url.removeprefix("sqlite:///"))
    locked.execute("BEGIN IMMEDIATE")
    await asyncio.sleep(2.5)
    assert (house.highlevel.writes(), house.slack.shown) == ([], [])
    locked.close()

    (shown,) = await house.slack.wait_for(1)
    assert "> won " in shown.text
    assert len(house.highlevel.writes()) == 1


async def test_a_rate_limit_that_ends_soon_is_waited_out(house: House) -> None:
    too_many = Fault(status=429, body={"message": "Too Many Requests"}, headers={"Retry-After": "0.6"})
    house.highlevel.misbehave(too_many, times=3)

    assert "> won " in (await house.says(f"{DEAL} won")).text
    assert len(house.highlevel.writes()) == 1


async def test_the_bot_admits_a_fault_of_its_own(tmp_path: Path) -> None:
    broken = replace(PATIENT, command=cast("Patience", None))
    async with open_house(tmp_path, broken) as house:
        shown = await house.says(f"{DEAL} won")
        (row,) = await house.rows()

    assert "Something went wrong in Opp Status." in shown.text
    _assert_honest(shown, CANNOT_TELL, row["reference"])
    assert row["outcome"] == Cause.UNEXPECTED


async def test_failures_of_an_allowed_caller_are_public_if_the_operator_wants_it(tmp_path: Path) -> None:
    async with open_house(tmp_path, ERRORS_IN_CHANNEL="true") as house:
        failed = await house.says(f"{UNKNOWN_ID} won")
        denied = await house.says(f"{DEAL} won", user=KIM)

    assert failed.only_to is None
    assert denied.only_to == KIM


def test_every_cause_has_its_case() -> None:
    elsewhere = {
        Cause.NO_MATCH,
        Cause.OUT_OF_TIME,
        Cause.INTERRUPTED,
        Cause.PARKED,
        Cause.TOO_LATE,
        Cause.NO_TLS,
        Cause.CONNECT_TIMEOUT,
        Cause.STORE_DOWN,
        Cause.UNEXPECTED,
        # Of several sub-accounts: `test_accounts.py`.
        Cause.NOT_OURS,
        # By OAuth only: `test_connecting.py`.
        Cause.RECONNECT,
        Cause.APP_UNKNOWN,
        Cause.NOT_RENEWED,
    }

    assert {case.cause for case in CASES.values()} | elsewhere == set(Cause)


async def test_a_deal_that_is_gone_when_it_is_pressed_or_picked_is_named(house: House) -> None:
    house.highlevel.add_opportunity("oP6jK8lM1nP3qR5sT7uV", name="New website")
    card, question = await house.says(DEAL), await house.says("new website won")
    del house.highlevel.opportunities[DEAL]

    for told in (await house.answers(card, "set_won"), await house.answers(question, "choose", DEAL)):
        assert "New website isn't in HighLevel anymore. It may have been deleted.\nNothing changed." in told.text
        assert DEAL not in told.text


async def test_a_deal_that_is_gone_when_its_change_is_undone_is_named(house: House) -> None:
    won = await house.says(f"{DEAL} won")
    del house.highlevel.opportunities[DEAL]
    await house.presses(won, "undo")

    assert "New website isn't in HighLevel anymore." in (await house.slack.wait_for(2))[1].text
