import json
from collections.abc import Mapping
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.simulator.demo.acts import acts_of, legible
from bot.simulator.demo.stage import ACME
from bot.simulator.traffic import Exchange

COMMAND = {"command": "/opp-status", "text": "Acme won", "user_id": "U0ANA", "trigger_id": "1.2"}
PRESS = {
    "type": "block_actions",
    "user": {"id": "U0BEN"},
    "trigger_id": "3.4",
    "actions": [{"text": {"type": "plain_text", "text": "Undo"}}],
}


def _told(at: float, contents: Mapping[str, object]) -> Exchange:
    fields = contents if "command" in contents else {"payload": json.dumps(contents)}
    return Exchange("the bot", "POST", "/slack/events", {}, {}, urlencode(fields).encode(), at)


def _asked(at: float) -> Exchange:
    return Exchange("HighLevel", "GET", "/opportunities/x", {}, {}, b"", at)


def test_at_first_there_are_no_acts() -> None:
    assert acts_of([], [_asked(1.0)]) == []


def test_requests_between_two_acts_belong_to_the_first() -> None:
    command, press = _told(1.0, COMMAND), _told(5.0, PRESS)
    before, between, later, last = _asked(0.5), _asked(2.0), _asked(3.0), _asked(6.0)

    first, second = acts_of([command, press], [before, later, between, last])

    assert first.exchanges == (command, between, later)
    assert second.exchanges == (press, last)
    assert (first.number, first.user_id, first.what, first.key) == (1, "U0ANA", "/opp-status Acme won", "1.2")
    assert (second.number, second.user_id, second.what, second.key) == (2, "U0BEN", "clicked Undo", "3.4")


def test_type_ahead_is_no_act_and_its_requests_belong_to_the_act_before() -> None:
    command, typing = _told(1.0, COMMAND), _told(2.0, {"type": "block_suggestion", "user": {"id": "U0ANA"}})

    (act,) = acts_of([command, typing], [_asked(3.0)])

    assert len(act.exchanges) == 2


def test_what_a_workflow_tells_is_an_act_of_highlevels() -> None:
    told = {"id": ACME, "opportunity_name": "New website", "status": "abandoned", "workflow": {"name": "To Slack"}}
    workflow = Exchange(
        "the bot", "POST", "/highlevel/workflow", {}, {}, json.dumps(told).encode(), 3.0, sender="HighLevel"
    )
    command = _told(1.0, COMMAND)

    first, second = acts_of([command, workflow], [_asked(4.0)])
    (alone,) = acts_of([workflow], [])

    assert first.exchanges == (command,)
    assert (second.user_id, second.what, second.key) == ("", "workflow for New website, now abandoned", "")
    assert [each.at for each in second.exchanges] == [3.0, 4.0]
    assert alone.number == 1


@pytest.mark.parametrize(
    ("contents", "what"),
    [
        ({"command": "/opp-status", "text": "", "user_id": "U"}, "/opp-status"),
        ({"type": "view_submission", "user": {"id": "U"}}, "submitted the form"),
        ({"type": "message_action", "user": {"id": "U"}}, "used the message shortcut"),
        (
            {
                "type": "block_actions",
                "user": {"id": "U"},
                "actions": [{"selected_option": {"text": {"text": "No answer"}}}],
            },
            "picked No answer",
        ),
        (
            {"type": "block_actions", "user": {"id": "U"}, "actions": [{"selected_options": []}]},
            "edited the form",
        ),
    ],
)
def test_an_act_is_named_in_a_few_words(contents: dict[str, object], what: str) -> None:
    assert acts_of([_told(1.0, contents)], [])[0].what == what


def test_a_form_is_read_field_by_field_and_json_in_it_is_indented() -> None:
    body = urlencode({"text": "a b", "payload": json.dumps({"x": [1]})}).encode()

    assert legible(body) == 'text: a b\npayload: {\n  "x": [\n    1\n  ]\n}'


def test_json_is_indented_and_without_its_secrets() -> None:
    assert legible(b'{"access_token":"abc","name":"\xc3\xa9"}') == '{\n  "access_token": "••••",\n  "name": "é"\n}'


@pytest.mark.parametrize("text", ["", '<html><a href="x?a=b">', "just words", "12", "null"])
def test_any_other_body_is_shown_as_it_is(text: str) -> None:
    assert legible(text.encode()) == text


@given(st.binary(max_size=200))
def test_any_body_can_be_shown(body: bytes) -> None:
    assert isinstance(legible(body), str)
