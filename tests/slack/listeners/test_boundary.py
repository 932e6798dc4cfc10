"""No exception of a listener reaches Bolt. Bolt itself tells which listeners there are, so that none is forgotten."""

from typing import Any, NoReturn

import pytest
from slack_bolt.async_app import AsyncAck
from slack_bolt.listener.async_listener import AsyncListener
from structlog.testing import capture_logs

from bot.deals.ports import StoreDown, StoreRefused
from bot.slack.intake import LookupFailed
from bot.slack.messages.form import DEAL, Origin
from bot.slack.messages.tables import FORM_WORDS
from tests.desk import Desk
from tests.memory import MemoryWorkspace

VIEW = {"private_metadata": Origin("C1", "http://reply.example").to_metadata()}
BODY: dict[str, Any] = {
    "user": {"id": "U1", "team_id": "T1"},
    "user_id": "U1",
    "team": {"id": "T1"},
    "team_id": "T1",
    "channel": {"id": "C1"},
    "channel_id": "C1",
    "view": VIEW,
    "value": "Acme",
    "response_url": "http://reply.example",
    "trigger_id": "1.2.3",
}
"""All fields that any listener reads, for a person who may change deals."""


class Unreadable(dict[str, Any]):
    """A payload whose shape makes every reader raise."""

    def get(self, *_: object) -> NoReturn:
        raise RuntimeError("unforeseen")


class Failing(MemoryWorkspace):
    """The first port that a listener asks. It raises."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    @property
    def team_id(self) -> str:
        raise self._error

    @team_id.setter
    def team_id(self, _: str) -> None:
        """Ignore it."""


def _listeners(desk: Desk) -> dict[str, AsyncListener]:
    """Bolt's listeners by number, so that a new one need not be named here."""
    return {str(number): each for number, each in enumerate(desk.bolt()._async_listeners)}


EVERY = sorted(_listeners(Desk()), key=int)


async def _answer(listener: AsyncListener, body: dict[str, Any]) -> dict[str, Any]:
    """What Slack gets from a listener."""
    ack = AsyncAck()  # type: ignore[no-untyped-call] # as Bolt has it
    await listener.ack_function(ack=ack, body=body)
    assert ack.response is not None
    assert ack.response.status == 200
    return ack.response.__dict__


def test_bolt_tells_all_its_listeners() -> None:
    assert len(EVERY) >= 18


@pytest.mark.parametrize("number", EVERY)
async def test_a_payload_that_cannot_be_read_is_logged_counted_and_acknowledged(number: str) -> None:
    desk = Desk()
    with capture_logs() as lines:
        await _answer(_listeners(desk)[number], Unreadable(BODY))

    assert [(line["event"], line["log_level"], bool(line["exc_info"])) for line in lines] == [
        ("command.broken", "error", True)
    ]
    assert desk.instrumentation.outcomes == ["unexpected"]


@pytest.mark.parametrize("number", EVERY)
async def test_an_exception_in_a_listener_is_told_to_the_person_with_its_reference(number: str) -> None:
    desk = Desk(workspace=Failing(RuntimeError("a fault of ours")), parse=_raise)
    with capture_logs() as lines:
        answer = await _answer(_listeners(desk)[number], BODY)
        await desk.answers()

    broken = [line for line in lines if line["event"] == "command.broken"]
    if (
        not broken
    ):  # a button that opens HighLevel does nothing; the Home tab asks later; no command was refused or misnamed
        quiet = [line.get("action", line["event"]) for line in lines if line["event"] != "command.received"]
        assert quiet[:1] in (
            ["link"],
            ["run_command"],
            ["command.misnamed"],
            ["home.opened"],
            ["home_page"],
            ["home_again"],
        )
        return
    assert [bool(line["exc_info"]) for line in broken] == [True]
    assert desk.instrumentation.outcomes == ["unexpected"]
    shown = str(answer) + "".join(message.text for message, _, _ in desk.told)
    assert "Something went wrong" in shown
    assert "Ref " in shown


def _raise(_text: str) -> NoReturn:
    raise RuntimeError("a fault of ours")


@pytest.mark.parametrize(
    ("error", "what", "changed", "event", "outcome"),
    [
        (LookupFailed(), "Can't look that up right now.", "Nothing changed.", "command.not_looked_up", "store_down"),
        (StoreDown(), "can't save its records", "Nothing changed.", "command.not_written_down", "store_down"),
        (
            StoreDown(perhaps_written=True),
            "it'll run soon",
            "Nothing has changed yet",
            "command.not_written_down",
            "store_down",
        ),
        (StoreRefused(), "Something went wrong in Opp Status.", "Nothing changed.", "command.broken", "unexpected"),
        (RuntimeError(), "Something went wrong in Opp Status.", "Nothing changed.", "command.broken", "unexpected"),
    ],
)
async def test_a_failure_of_a_command_is_told_in_its_acknowledgement(
    error: Exception, what: str, changed: str, event: str, outcome: str
) -> None:
    desk = Desk(workspace=Failing(error))
    with capture_logs() as lines:
        status, answer = await desk.on_command()

    assert (status, answer["response_type"]) == (200, "ephemeral")
    assert all(part in answer["text"] for part in (what, changed, "Ref "))
    assert [line["event"] for line in lines] == ["command.received", event]
    assert desk.instrumentation.outcomes == [outcome]


async def test_a_failure_of_a_form_is_shown_at_its_first_field() -> None:
    submitted = {"type": "view_submission", "view": {"callback_id": "form", **VIEW}, **BODY}
    shown = {}
    for error in (LookupFailed(), StoreDown(), StoreDown(perhaps_written=True)):
        _, answer = await Desk(workspace=Failing(error)).dispatch(
            submitted | {"view": {"callback_id": "form", "type": "modal", **VIEW}}
        )
        shown[str(answer["errors"][DEAL])] = answer["response_action"]

    assert shown == {FORM_WORDS.not_written: "errors", FORM_WORDS.perhaps_written: "errors"}


async def test_a_failure_while_a_person_types_is_offered_instead_of_deals() -> None:
    typing = {"type": "block_suggestion", "action_id": DEAL, "block_id": DEAL, **BODY}
    with capture_logs():
        _, answer = await Desk(workspace=Failing(RuntimeError())).dispatch(typing)

    (option,) = answer["options"]
    assert "Something went wrong. Ref" in option["text"]["text"]


async def test_a_failure_after_a_press_is_told_where_it_was_pressed() -> None:
    desk = Desk(workspace=Failing(RuntimeError()))
    with capture_logs():
        text = await desk.on_press("undo", "key")

    assert "Something went wrong in Opp Status." in text
    assert desk.entries == []
