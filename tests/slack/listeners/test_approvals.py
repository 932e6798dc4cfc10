from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.access.authorization import Authorizer
from bot.access.rate_limit import RateLimit
from bot.access.requests import AccessRequest, RequestState
from bot.access.rules import Allowlist, Caller, Person
from bot.commands.request import Change, ShowAccess, WhoAmI
from bot.deals.deal import Status
from bot.deals.ports import StoreDown
from bot.deals.wish import Wish
from bot.simulator.slack.block_kit import elements_of
from bot.slack.intake import Intake
from bot.slack.listeners.approvals import ApprovalListeners
from bot.slack.payload import Interaction
from tests.desk import Desk
from tests.memory import MemoryAccessRequests, MemoryOutbox, MemoryWorkspace, messages

ASKED = AccessRequest("ASKED", "U9", "T1", "C1", datetime.now(UTC) - timedelta(minutes=5))
KIM, LEO, MEMBER = ({"id": user, "team_id": "T1"} for user in ("U0KIM", "U0LEO", "U9"))


@pytest.fixture
def desk() -> Desk:
    desk = Desk(admins=("U0KIM", "U0LEO"))
    desk.directory.people = {"U9": Person(frozenset({"T1"}))}
    return desk


async def _asks(desk: Desk, **body: Any) -> str:  # noqa: ANN401 - any part of what Slack sends
    """What a person reads who asks for access; `desk.told` keeps what the admins read."""
    return await desk.on_press("request_access", "access", **({"user": MEMBER} | body))


def _told(desk: Desk) -> dict[str, str]:
    """What people read in direct messages, by user id; forgets what was told."""
    told = {to.user_id: message.text for message, to, _ in desk.told if not (to.response_url or to.channel_id)}
    desk.told.clear()
    return told


async def test_a_refusal_has_a_button_to_request_access_if_there_are_admins(desk: Desk) -> None:
    _, refusal = await desk.on_command(user_id="U9")
    (button,) = [element for block in refusal["blocks"] for element in elements_of(block)]

    assert (button["action_id"], button["text"]["text"]) == ("request_access", "Request access")
    assert "Goes to <@U0KIM>, <@U0LEO>" in refusal["text"]
    desk.admins = ()
    _, refusal = await desk.on_command(user_id="U9")
    assert "actions" not in {block["type"] for block in refusal["blocks"]}


async def test_a_request_is_confirmed_and_sent_to_every_admin(desk: Desk) -> None:
    container = {"type": "message", "message_ts": "17.1", "channel_id": "C1", "is_ephemeral": True}
    text = await _asks(desk, container=container)

    assert "Request sent to <@U0KIM>, <@U0LEO>." in text
    (row,) = desk.access_requests.rows
    assert (row.user_id, row.team_id, row.channel_id, row.state) == ("U9", "T1", "C1", RequestState.OPEN)
    for text in _told(desk).values():
        assert "<@U9> wants access to change deals from Slack." in text
        assert "Asked in <#C1>" in text


async def test_a_request_is_sent_to_the_admins_only(desk: Desk) -> None:
    await _asks(desk)

    assert _told(desk).keys() == {"U0KIM", "U0LEO"}


async def test_a_second_request_is_told_to_wait_and_not_sent(desk: Desk) -> None:
    await _asks(desk)
    _told(desk)

    assert "is still pending" in await _asks(desk)
    assert _told(desk) == {}
    assert len(desk.access_requests.rows) == 1


async def test_a_second_request_after_an_hour_reminds_the_admins(desk: Desk) -> None:
    desk.access_requests.rows = [replace(ASKED, asked_at=datetime.now(UTC) - timedelta(hours=2))]

    assert "Request sent to" in await _asks(desk)
    assert _told(desk).keys() == {"U0KIM", "U0LEO"}
    assert len(desk.access_requests.rows) == 1


async def test_the_admins_are_reminded_once_an_hour(desk: Desk) -> None:
    desk.access_requests.rows = [replace(ASKED, asked_at=datetime.now(UTC) - timedelta(hours=2))]
    intake = Intake(
        authorizer=Authorizer(
            rules=Allowlist(frozenset(), frozenset(), admins=frozenset(desk.admins)),
            workspace=MemoryWorkspace(),
            directory=desk.directory,
            approvals=desk.access_requests,
        ),
        rate_limit=RateLimit(),
        ledger=desk.ledger,
        work=desk.work,
        messages=messages(),
    )
    outbox = MemoryOutbox()
    approvals = ApprovalListeners(
        intake=intake,
        access_requests=desk.access_requests,
        outbox=outbox,
        messages=messages(),
        parse=lambda _text: desk.request,
    )
    interaction = Interaction("key", "REF", Caller("U9", "T1", "C1"), "access", "")
    await approvals.on_request(interaction)
    again = await approvals.on_request(interaction)

    assert again
    assert "is still pending" in again.text
    assert len(outbox.told) == 2


async def test_a_person_who_is_approved_while_they_ask_is_told_so(desk: Desk) -> None:
    class JustDecided(MemoryAccessRequests):
        async def ask(self, request: AccessRequest) -> AccessRequest:
            return replace(request, state=RequestState.APPROVED, decided_by="U0KIM", decided_at=request.asked_at)

    desk.access_requests = JustDecided()

    assert "You already have access." in await _asks(desk)
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
async def test_after_a_decision_against_them_a_person_can_ask_again_a_day_later(desk: Desk, no: AccessRequest) -> None:
    desk.access_requests.rows = [no]

    assert "You can ask again" in await _asks(desk)
    assert len(desk.access_requests.rows) == 1
    long_ago = ASKED.asked_at - timedelta(days=2)
    desk.access_requests.rows = [
        replace(no, asked_at=long_ago, decided_at=long_ago, revoked_at=no.revoked_at and long_ago)
    ]
    assert "Request sent to" in await _asks(desk)


@pytest.mark.parametrize(
    ("person", "why"),
    [
        (Person(frozenset({"T1"}), is_guest=True), "Guests can't request access"),
        (Person(frozenset({"T1"}), is_bot=True), "Bots can't change deals."),
        (Person(frozenset({"T1"}), is_gone=True), "your account is deactivated"),
        (Person(frozenset({"T2"})), "Only people in this workspace"),
        (None, "Slack didn't confirm that you're a full member"),
    ],
)
async def test_an_ineligible_person_is_told_why_and_no_admin_is_asked(
    desk: Desk, person: Person | None, why: str
) -> None:
    desk.directory.people = {"U9": person} if person else {}

    assert why in await _asks(desk)
    assert _told(desk) == {}
    assert desk.access_requests.rows == []


async def test_a_person_who_may_already_is_told_so(desk: Desk) -> None:
    assert "You already have access." in await _asks(desk, user={"id": "U1", "team_id": "T1"})


async def test_without_admins_no_request_is_taken(desk: Desk) -> None:
    desk.admins = ()

    assert "You don't have access" in await _asks(desk)
    assert desk.access_requests.rows == []


async def test_a_person_of_another_workspace_cannot_ask(desk: Desk) -> None:
    assert "Only people in this workspace" in await _asks(desk, user={"id": "U9", "team_id": "T2"})


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        ("approve_access", "approved {}"),
        ("decline_access", "declined {}"),
    ],
)
async def test_an_admin_decides_and_the_person_is_told(desk: Desk, action: str, sentence: str) -> None:
    desk.access_requests.rows = [ASKED]
    text = await desk.on_press(action, "ASKED", user=KIM)

    assert text.startswith("You ")
    assert sentence.format("") in text
    assert "<@U9> has been notified." in text
    assert f"<@U0KIM> {sentence.format('your request')}" in _told(desk)["U9"]
    assert (await desk.access_requests.approved("U9") is not None) is (action == "approve_access")


async def test_an_approved_person_may_change_deals(desk: Desk) -> None:
    desk.access_requests.rows = [ASKED]
    await desk.on_press("approve_access", "ASKED", user=KIM)

    assert await desk.on_command(user_id="U9") == (200, {})
    assert len(desk.entries) == 1


async def test_a_second_admin_is_told_who_decided(desk: Desk) -> None:
    desk.access_requests.rows = [ASKED]
    await desk.on_press("approve_access", "ASKED", user=KIM)
    _told(desk)
    text = await desk.on_press("decline_access", "ASKED", user=LEO)

    assert "This was already decided." in text
    assert "<@U0KIM> approved <@U9>" in text
    assert "notified" not in text
    assert _told(desk) == {}


@pytest.mark.parametrize("action", ["approve_access", "decline_access", "revoke_access"])
async def test_only_an_admin_decides_at_that_moment(desk: Desk, action: str) -> None:
    desk.access_requests.rows = [ASKED]
    for stranger in ({"id": "U1", "team_id": "T1"}, {"id": "U0KIM", "team_id": "T2"}, MEMBER):
        assert "Only admins can do that." in await desk.on_press(action, "ASKED", user=stranger)
    desk.admins = ("U0LEO",)
    assert "Only admins can do that. Ask <@U0LEO>." in await desk.on_press(action, "ASKED", user=KIM)
    desk.admins = ()
    assert "Only admins can do that." in await desk.on_press(action, "ASKED", user=KIM)

    assert desk.access_requests.rows == [ASKED]
    assert _told(desk) == {}


@pytest.mark.parametrize("action", ["approve_access", "decline_access", "revoke_access"])
async def test_an_unknown_request_cannot_be_decided(desk: Desk, action: str) -> None:
    assert "That request no longer exists. " in await desk.on_press(action, "NONE", user=KIM)


async def test_an_approval_that_is_revoked_counts_no_more(desk: Desk) -> None:
    desk.access_requests.rows = [ASKED]
    await desk.on_press("approve_access", "ASKED", user=KIM)
    _told(desk)
    text = await desk.on_press("revoke_access", "U9", user=LEO)

    assert "You removed <@U9>'s access" in text
    assert "<@U0LEO> removed your access to change deals from Slack." in _told(desk)["U9"]
    _, refusal = await desk.on_command(user_id="U9")
    assert "<@U0LEO> removed your access" in refusal["text"]
    assert "actions" not in {block["type"] for block in refusal["blocks"]}


@pytest.mark.parametrize("action", ["request_access", "approve_access", "decline_access", "revoke_access"])
async def test_a_database_that_does_not_answer_is_reported(desk: Desk, action: str) -> None:
    desk.access_requests.down = True
    who = MEMBER if action == "request_access" else KIM
    text = await desk.on_press(action, "U9", user=who)

    assert ("Can't check your access right now." if action == "request_access" else "Couldn't save that.") in text


async def test_a_request_that_cannot_be_written_down_is_not_sent(desk: Desk) -> None:
    class OnlyReads(MemoryAccessRequests):
        async def ask(self, request: AccessRequest) -> AccessRequest:
            self.down = True
            return await super().ask(request)

    desk.access_requests = OnlyReads()

    assert "Couldn't save that." in await _asks(desk)
    assert _told(desk) == {}


async def _lists(desk: Desk, user: str) -> dict[str, Any]:
    desk.request = ShowAccess()
    _, answer = await desk.on_command(user_id=user)
    return answer


async def test_an_admin_sees_the_requests_and_the_approvals(desk: Desk) -> None:
    approved = replace(
        ASKED, reference="IN", user_id="U8", state=RequestState.APPROVED, decided_by="U0KIM", decided_at=ASKED.asked_at
    )
    desk.access_requests.rows = [approved, ASKED]
    answer = await _lists(desk, "U0KIM")
    buttons = [element for block in answer["blocks"] for element in elements_of(block)]

    assert answer["response_type"] == "ephemeral"
    assert answer["text"].index("<@U9> asked for access") < answer["text"].index(
        "<@U8> has access · approved by <@U0KIM>"
    )
    assert [(button["action_id"], button["value"]) for button in buttons] == [
        ("approve_access", "ASKED"),
        ("decline_access", "ASKED"),
        ("revoke_access", "U8"),
    ]


async def test_an_admin_sees_that_the_list_is_empty_or_cut(desk: Desk) -> None:
    assert "No pending requests" in (await _lists(desk, "U0KIM"))["text"]
    desk.access_requests.rows = [replace(ASKED, reference=f"R{n}", user_id=f"U{n}") for n in range(21)]
    assert "Showing the first 20." in (await _lists(desk, "U0KIM"))["text"]
    desk.access_requests.down = True
    assert "Can't look that up right now." in (await _lists(desk, "U0KIM"))["text"]


async def test_only_admins_see_the_requests(desk: Desk) -> None:
    for user in ("U1", "U9"):
        assert "Only admins can do that." in (await _lists(desk, user))["text"]


# --- the command that was refused -----------------------------------------------------------------------------------

WANTED = Change((Wish("", Status.WON, name="Printer service"),))


async def test_a_request_keeps_the_command_that_was_refused(desk: Desk) -> None:
    _, refusal = await desk.on_command(user_id="U9", text="Printer service won")
    (button,) = [element for block in refusal["blocks"] for element in elements_of(block)]
    await desk.on_press("request_access", button["value"], user=MEMBER)

    assert [row.command for row in desk.access_requests.rows] == ["Printer service won"]


async def test_a_refused_press_leaves_no_command(desk: Desk) -> None:
    await desk.on_press("choose", "one asked", user=MEMBER)
    await _asks(desk)

    assert [row.command for row in desk.access_requests.rows] == [""]


async def _approved(desk: Desk, command: str = "Printer service won") -> None:
    desk.access_requests.rows = [replace(ASKED, command=command)]
    await desk.on_press("approve_access", "ASKED", user=KIM)


async def test_an_approval_offers_the_command_and_the_press_runs_it_once_where_it_was_typed(desk: Desk) -> None:
    desk.request = WANTED
    await _approved(desk)
    ((offer, _, _),) = [told for told in desk.told if told[1].user_id == "U9"]
    (button,) = [element for block in offer.blocks for element in elements_of(block)]
    desk.told.clear()
    direct = {"container": {"type": "message", "message_ts": "18.1", "channel_id": "D9"}, "user": MEMBER}
    first = await desk.on_press("run_command", button["value"], **direct)
    await desk.on_press("run_command", button["value"], **direct)

    assert button["text"]["text"] == "Mark Printer service won"
    assert "Running `/opp-status Printer service won` in <#C1>." in first
    (entry,) = desk.entries
    assert (entry.wish.name, entry.wish.status) == ("Printer service", Status.WON)
    assert (entry.text, entry.caller.channel_id, entry.response_url, entry.message_ts) == (
        *("Printer service won", "C1", ""),
        "",
    )


async def test_the_command_is_checked_anew_when_it_is_run(desk: Desk) -> None:
    desk.request = WANTED
    await _approved(desk)
    await desk.on_press("revoke_access", "U9", user=LEO)
    desk.told.clear()

    assert "<@U0LEO> removed your access" in await desk.on_press("run_command", "ASKED", user=MEMBER)
    assert desk.entries == []


@pytest.mark.parametrize("command", ["", "Printer service won"])
async def test_only_the_person_who_asked_runs_their_last_command(desk: Desk, command: str) -> None:
    desk.request = WANTED
    await _approved(desk, command)
    desk.told.clear()
    someone = MEMBER if not command else {"id": "U1", "team_id": "T1"}
    pressed = "ASKED" if not command else "OTHER"

    assert "question has expired" in await desk.on_press("run_command", pressed, user=someone)
    assert "question has expired" in await desk.on_press("run_command", pressed, user=MEMBER)
    assert desk.entries == []


async def test_whoami_tells_of_the_request(desk: Desk) -> None:
    desk.request = WhoAmI()
    desk.access_requests.rows = [ASKED]
    _, answer = await desk.on_command(user_id="U9")

    assert "is still pending." in answer["text"]


async def test_a_refusal_that_cannot_look_up_the_request_offers_to_ask(desk: Desk) -> None:
    class Forgetful(MemoryAccessRequests):
        async def latest(self, user_id: str) -> AccessRequest | None:  # noqa: ARG002 - the port's
            raise StoreDown

    desk.access_requests = Forgetful()
    _, refusal = await desk.on_command(user_id="U9")

    assert "Goes to <@U0KIM>" in refusal["text"]
