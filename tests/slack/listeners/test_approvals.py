from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.access.authorization import Authorizer
from bot.access.rate_limit import RateLimit
from bot.access.requests import AccessRequest, RequestState
from bot.access.rules import Allowlist, Caller, Person
from bot.commands.request import ShowAccess
from bot.simulator.slack.block_kit import elements_of
from bot.slack.intake import Intake
from bot.slack.listeners.approvals import ApprovalListeners
from bot.slack.payload import Interaction
from tests.desk import Desk
from tests.memory import MemoryAccessRequests, MemoryOutbox, MemoryWorkspace, messages

ASKED = AccessRequest("ASKED", "U9", "T1", "C1", datetime.now(UTC) - timedelta(minutes=5))
KIM, LEO, SOMEBODY = ({"id": user, "team_id": "T1"} for user in ("U0KIM", "U0LEO", "U9"))


@pytest.fixture
def desk() -> Desk:
    desk = Desk(admins=("U0KIM", "U0LEO"))
    desk.directory.people = {"U9": Person(frozenset({"T1"}))}
    return desk


async def _asks(desk: Desk, **body: Any) -> str:  # noqa: ANN401 - any part of what Slack sends
    """What somebody reads who asks to be let in; what the admins read stays told."""
    return await desk.on_press("request_access", "access", **({"user": SOMEBODY} | body))


def _told(desk: Desk) -> dict[str, str]:
    """What people read in direct messages."""
    told = {to.user_id: message.text for message, to, _ in desk.told if not (to.response_url or to.channel_id)}
    desk.told.clear()
    return told


async def test_a_refusal_comes_with_a_button_where_there_are_admins(desk: Desk) -> None:
    _, refusal = await desk.on_command(user_id="U9")
    (button,) = [element for block in refusal["blocks"] for element in elements_of(block)]

    assert (button["action_id"], button["text"]["text"]) == ("request_access", "Request access")
    assert "Or ask the admins with the button below." in refusal["text"]
    desk.admins = ()
    _, refusal = await desk.on_command(user_id="U9")
    assert "actions" not in {block["type"] for block in refusal["blocks"]}


async def test_whoever_asks_is_told_and_so_is_every_admin(desk: Desk) -> None:
    container = {"type": "message", "message_ts": "17.1", "channel_id": "C1", "is_ephemeral": True}
    interaction = await _asks(desk, container=container)

    assert "Your request was sent to <@U0KIM>, <@U0LEO>." in interaction
    (row,) = desk.register.rows
    assert (row.user_id, row.team_id, row.channel_id, row.state) == ("U9", "T1", "C1", RequestState.OPEN)
    for text in _told(desk).values():
        assert "<@U9> asks to change deals from Slack." in text
        assert "They asked in <#C1>" in text


async def test_the_request_is_sent_to_the_admins_only(desk: Desk) -> None:
    await _asks(desk)

    assert _told(desk).keys() == {"U0KIM", "U0LEO"}


async def test_whoever_asks_twice_is_told_to_wait_and_the_admins_are_left_in_peace(desk: Desk) -> None:
    await _asks(desk)
    _told(desk)

    assert "nobody has decided yet" in await _asks(desk)
    assert _told(desk) == {}
    assert len(desk.register.rows) == 1


async def test_whoever_asks_again_after_an_hour_reminds_the_admins(desk: Desk) -> None:
    desk.register.rows = [replace(ASKED, asked_at=datetime.now(UTC) - timedelta(hours=2))]

    assert "was sent to" in await _asks(desk)
    assert _told(desk).keys() == {"U0KIM", "U0LEO"}
    assert len(desk.register.rows) == 1


async def test_the_admins_are_reminded_once_an_hour(desk: Desk) -> None:
    desk.register.rows = [replace(ASKED, asked_at=datetime.now(UTC) - timedelta(hours=2))]
    intake = Intake(
        authorizer=Authorizer(
            rules=Allowlist(frozenset(), frozenset(), admins=frozenset(desk.admins)),
            workspace=MemoryWorkspace(),
            directory=desk.directory,
            approvals=desk.register,
        ),
        rate_limit=RateLimit(),
        ledger=desk.ledger,
        work=desk.work,
        messages=messages(),
    )
    outbox = MemoryOutbox()
    approvals = ApprovalListeners(
        intake=intake,
        access_requests=desk.register,
        outbox=outbox,
        messages=messages(),
    )
    interaction = Interaction("key", "REF", Caller("U9", "T1", "C1"), "access", "")
    await approvals.on_request(interaction)
    again = await approvals.on_request(interaction)

    assert again
    assert "nobody has decided yet" in again.text
    assert len(outbox.told) == 2


async def test_whoever_was_let_in_while_they_pressed_is_told_so(desk: Desk) -> None:
    class JustDecided(MemoryAccessRequests):
        async def ask(self, request: AccessRequest) -> AccessRequest:
            return replace(request, state=RequestState.APPROVED, decided_by="U0KIM", decided_at=request.asked_at)

    desk.register = JustDecided()

    assert "You may change deals here already." in await _asks(desk)
    assert _told(desk) == {}


@pytest.mark.parametrize(
    "no",
    [
        replace(ASKED, state=RequestState.DECLINED, decided_by="U0KIM", decided_at=ASKED.asked_at),
        replace(
            ASKED,
            state=RequestState.REVOKED,
            decided_by="U0KIM",
            decided_at=ASKED.asked_at,
            revoked_by="U0KIM",
            revoked_at=ASKED.asked_at,
        ),
    ],
)
async def test_after_a_no_somebody_may_ask_again_a_day_later(desk: Desk, no: AccessRequest) -> None:
    desk.register.rows = [no]

    assert "You can ask again a day after that" in await _asks(desk)
    assert len(desk.register.rows) == 1
    long_ago = ASKED.asked_at - timedelta(days=2)
    desk.register.rows = [replace(no, asked_at=long_ago, decided_at=long_ago, revoked_at=no.revoked_at and long_ago)]
    assert "was sent to" in await _asks(desk)


@pytest.mark.parametrize(
    ("person", "why"),
    [
        (Person(frozenset({"T1"}), is_guest=True), "You are a guest in this workspace"),
        (Person(frozenset({"T1"}), is_bot=True), "Bots change no deals here."),
        (Person(frozenset({"T1"}), is_gone=True), "your account is deactivated"),
        (Person(frozenset({"T2"})), "another company's Slack workspace"),
        (None, "Slack did not tell me whether you are a full member"),
    ],
)
async def test_whoever_cannot_be_let_in_is_told_why_and_no_admin_is_asked(
    desk: Desk, person: Person | None, why: str
) -> None:
    desk.directory.people = {"U9": person} if person else {}

    assert why in await _asks(desk)
    assert _told(desk) == {}
    assert desk.register.rows == []


async def test_whoever_may_already_has_nothing_to_ask_for(desk: Desk) -> None:
    assert "You may change deals here already." in await _asks(desk, user={"id": "U1", "team_id": "T1"})


async def test_without_admins_there_is_nobody_to_ask(desk: Desk) -> None:
    desk.admins = ()

    assert "You are not on the list" in await _asks(desk)
    assert desk.register.rows == []


async def test_somebody_of_another_workspace_cannot_ask(desk: Desk) -> None:
    assert "another company's Slack workspace" in await _asks(desk, user={"id": "U9", "team_id": "T2"})


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        ("approve_access", "let {who} in"),
        ("decline_access", "declined the request to let {who} in"),
    ],
)
async def test_an_admin_decides_and_the_person_is_told(desk: Desk, action: str, sentence: str) -> None:
    desk.register.rows = [ASKED]
    interaction = await desk.on_press(action, "ASKED", user=KIM)

    assert f"<@U0KIM> {sentence.format(who='<@U9>')}" in interaction
    assert "<@U9> was told." in interaction
    assert f"<@U0KIM> {sentence.format(who='you')}" in _told(desk)["U9"]
    assert (await desk.register.approved("U9") is not None) is (action == "approve_access")


async def test_whoever_was_let_in_may(desk: Desk) -> None:
    desk.register.rows = [ASKED]
    await desk.on_press("approve_access", "ASKED", user=KIM)

    assert await desk.on_command(user_id="U9") == (200, {})
    assert len(desk.entries) == 1


async def test_a_second_admin_learns_that_it_is_decided_and_by_whom(desk: Desk) -> None:
    desk.register.rows = [ASKED]
    await desk.on_press("approve_access", "ASKED", user=KIM)
    _told(desk)
    interaction = await desk.on_press("decline_access", "ASKED", user=LEO)

    assert "That was decided already, and your press changed nothing." in interaction
    assert "<@U0KIM> let <@U9> in" in interaction
    assert "was told" not in interaction
    assert _told(desk) == {}


@pytest.mark.parametrize("action", ["approve_access", "decline_access", "revoke_access"])
async def test_only_an_admin_decides_at_that_moment(desk: Desk, action: str) -> None:
    desk.register.rows = [ASKED]
    for nobody in ({"id": "U1", "team_id": "T1"}, {"id": "U0KIM", "team_id": "T2"}, SOMEBODY):
        assert "Only the admins may do that" in await desk.on_press(action, "ASKED", user=nobody)
    desk.admins = ("U0LEO",)
    assert "Only the admins may do that: <@U0LEO>." in await desk.on_press(action, "ASKED", user=KIM)
    desk.admins = ()
    assert "Only the admins may do that." in await desk.on_press(action, "ASKED", user=KIM)

    assert desk.register.rows == [ASKED]
    assert _told(desk) == {}


@pytest.mark.parametrize("action", ["approve_access", "decline_access", "revoke_access"])
async def test_what_nobody_asked_for_cannot_be_decided(desk: Desk, action: str) -> None:
    assert "I know of no such request or approval" in await desk.on_press(action, "NONE", user=KIM)


async def test_an_approval_is_taken_back_and_counts_no_more(desk: Desk) -> None:
    desk.register.rows = [ASKED]
    await desk.on_press("approve_access", "ASKED", user=KIM)
    _told(desk)
    interaction = await desk.on_press("revoke_access", "U9", user=LEO)

    assert "<@U0LEO> took back that <@U9> may change deals from Slack" in interaction
    assert "<@U0LEO> took back that you may change deals from Slack" in _told(desk)["U9"]
    _, refusal = await desk.on_command(user_id="U9")
    assert "not on the list" in refusal["text"]


@pytest.mark.parametrize("action", ["request_access", "approve_access", "decline_access", "revoke_access"])
async def test_a_database_that_does_not_answer_is_told(desk: Desk, action: str) -> None:
    desk.register.down = True
    who = SOMEBODY if action == "request_access" else KIM

    assert "the bot's database does not answer" in await desk.on_press(action, "U9", user=who)


async def test_a_request_that_cannot_be_written_down_is_not_sent(desk: Desk) -> None:
    class OnlyReads(MemoryAccessRequests):
        async def ask(self, request: AccessRequest) -> AccessRequest:
            self.down = True
            return await super().ask(request)

    desk.register = OnlyReads()

    assert "I cannot write that down at the moment" in await _asks(desk)
    assert _told(desk) == {}


async def _lists(desk: Desk, user: str) -> dict[str, Any]:
    desk.request = ShowAccess()
    _, answer = await desk.on_command(user_id=user)
    return answer


async def test_an_admin_sees_who_asks_and_who_was_let_in(desk: Desk) -> None:
    approved = replace(
        ASKED, reference="IN", user_id="U8", state=RequestState.APPROVED, decided_by="U0KIM", decided_at=ASKED.asked_at
    )
    desk.register.rows = [approved, ASKED]
    answer = await _lists(desk, "U0KIM")
    buttons = [element for block in answer["blocks"] for element in elements_of(block)]

    assert answer["response_type"] == "ephemeral"
    assert answer["text"].index("<@U9> (`U9`) asks") < answer["text"].index("<@U8> (`U8`) may: let in by <@U0KIM>")
    assert [(button["action_id"], button["value"]) for button in buttons] == [
        ("approve_access", "ASKED"),
        ("decline_access", "ASKED"),
        ("revoke_access", "U8"),
    ]


async def test_an_admin_sees_that_there_is_nobody_or_that_there_are_more(desk: Desk) -> None:
    assert "Nobody asks to be let in" in (await _lists(desk, "U0KIM"))["text"]
    desk.register.rows = [replace(ASKED, reference=f"R{n}", user_id=f"U{n}") for n in range(21)]
    assert "There are more" in (await _lists(desk, "U0KIM"))["text"]
    desk.register.down = True
    assert "I cannot look that up" in (await _lists(desk, "U0KIM"))["text"]


async def test_nobody_else_sees_it(desk: Desk) -> None:
    for user in ("U1", "U9"):
        assert "Only the admins may do that" in (await _lists(desk, user))["text"]
