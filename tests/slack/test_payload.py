from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access.rules import Caller
from bot.commands.record import Entry
from bot.commands.request import new_reference
from bot.deals.deal import Status
from bot.deals.wish import Wish
from bot.slack.payload import home_view, read_action, read_command, read_event

WISH = Wish("deal", Status.OPEN, only_if="won")
COMMAND = {
    "command": "/opp-status",
    "text": "deal won",
    "user_id": "U1",
    "team_id": "T1",
    "channel_id": "C1",
    "trigger_id": "1.2.3",
    "response_url": "https://reply.example",
}
PRESS: dict[str, Any] = {
    "type": "block_actions",
    "user": {"id": "U2", "team_id": "T1"},
    "team": {"id": "T1"},
    "channel": {"id": "C2"},
    "container": {"type": "message", "message_ts": "17.1", "channel_id": "C1"},
    "trigger_id": "1.2.3",
    "response_url": "https://press.example",
    "actions": [{"type": "button", "action_id": "undo", "value": "key"}],
}
NAMES = sorted({*PRESS, "view", "enterprise", "is_enterprise_install", "app_installed_team_id", "id", "team_id"})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)


def test_a_command_tells_who_typed_what_where_and_where_the_reply_goes() -> None:
    interaction = read_command(COMMAND, "REF")

    assert (interaction.key, interaction.caller, interaction.text) == ("1.2.3", Caller("U1", "T1", "C1"), "deal won")
    assert (interaction.response_url, interaction.message_ts) == ("https://reply.example", "")


def test_a_press_tells_who_pressed_what_where_and_in_which_message() -> None:
    interaction = read_action(PRESS, "REF")

    assert (interaction.key, interaction.caller, interaction.text) == ("1.2.3", Caller("U2", "T1", "C1"), "key")
    assert (interaction.response_url, interaction.message_ts) == ("https://press.example", "17.1")


def test_ids_that_are_missing_in_one_place_are_read_in_another() -> None:
    interaction = read_action(PRESS | {"team": None, "container": None}, "REF")

    assert interaction.caller == Caller("U2", "T1", "C2")


ORG = {"is_enterprise_install": True, "enterprise": {"id": "E1"}}


@pytest.mark.parametrize(
    ("sent", "team_id", "home"),
    [
        ({}, "T1", None),
        ({"user": {"id": "U2"}}, "T1", None),
        ({"team": None}, "T1", None),
        ({"user": {"id": "U2", "team_id": "T2"}}, "T1", "T2"),
        ({"user": {"id": "U2", "team_id": "E1"}, "team": {"id": "T1", "enterprise_id": "E1"}}, "T1", "E1"),
        ({"team": {"id": "T2"}}, "T2", "T1"),
        ({"view": {"app_installed_team_id": "T1"}, "team": {"id": "T2"}, "user": {"id": "U2"}}, "T1", "T2"),
        ({**ORG, "team": None}, "E1", "T1"),
        ({**ORG, "team": None, "user": {"id": "U2"}}, "E1", ""),
        ({**ORG, "user": {"id": "U2", "team_id": "E1"}}, "E1", None),
        ({**ORG, "enterprise": None, "team": {"id": "T1", "enterprise_id": "E1"}}, "E1", "T1"),
        ({**ORG, "is_enterprise_install": False}, "T1", None),
        ({**ORG, "enterprise": None}, "T1", None),
        ({"team": None, "user": {"id": "U2"}}, "", None),
    ],
)
def test_a_press_says_in_which_workspace_it_was_and_whether_the_person_may_be_of_another(
    sent: dict[str, Any], team_id: str, home: str | None
) -> None:
    caller = read_action(PRESS | sent, "REF").caller

    assert (caller.team_id, caller.home) == (team_id, home)


@pytest.mark.parametrize(("installed", "team_id"), [("true", "E1"), ("false", "T1")])
def test_a_command_is_the_organizations_where_the_app_is_installed_in_all_of_it(installed: str, team_id: str) -> None:
    sent = {"is_enterprise_install": installed, "enterprise_id": "E1"}

    assert read_command(COMMAND | sent, "REF").caller == Caller("U1", team_id, "C1")


@pytest.mark.parametrize(("read", "body"), [(read_command, COMMAND), (read_action, PRESS)])
def test_without_slacks_id_each_interaction_has_a_key_of_its_own(read: Any, body: dict[str, Any]) -> None:  # noqa: ANN401
    assert read(body | {"trigger_id": None}, "ONE").key == "ONE"
    assert read(body | {"trigger_id": ""}, "TWO").key == "TWO"


def test_a_choice_in_a_menu_tells_its_value_its_block_and_its_trigger() -> None:
    chosen = {"action_id": "reason", "block_id": "key", "selected_option": {"value": "price"}}
    interaction = read_action(PRESS | {"actions": [chosen]}, "REF")

    assert (interaction.text, interaction.block_id, interaction.trigger_id) == ("price", "key", "1.2.3")


@pytest.mark.parametrize("actions", [None, [], ["undo"], {"value": "key"}])
def test_a_press_without_an_action_has_no_text(actions: object) -> None:
    assert read_action(PRESS | {"actions": actions}, "REF").text == ""


def test_an_entry_has_all_that_the_interaction_told() -> None:
    interaction = read_action(PRESS, "REF")
    (entry,) = interaction.entries([WISH], note="at last", public=False)

    assert entry == Entry(
        key="1.2.3",
        reference=interaction.reference,
        caller=Caller("U2", "T1", "C1"),
        text="key",
        wish=WISH,
        response_url="https://press.example",
        message_ts="17.1",
        note="at last",
        public=False,
    )


def test_the_first_entry_of_a_batch_has_slacks_key_and_the_others_sort_behind_it() -> None:
    wishes = [replace(WISH, opportunity_id=str(number)) for number in range(25)]
    entries = read_command(COMMAND, "REF").entries(wishes)
    keys = [entry.key for entry in entries]

    assert keys[:2] == ["1.2.3", "1.2.3#01"]
    assert keys == sorted(set(keys))
    assert [entry.wish for entry in entries] == wishes
    assert {entry.batch for entry in entries} == {"1.2.3"}


@given(st.dictionaries(st.sampled_from(sorted({*NAMES, *COMMAND})), JSON))
def test_any_payload_is_read_and_a_database_takes_it(body: dict[str, Any]) -> None:
    for interaction in (read_command(body, "REF"), read_action(body, "REF"), read_event(body, "REF")):
        for part in (
            interaction.key,
            interaction.text,
            interaction.caller.user_id,
            interaction.response_url,
            interaction.message_ts,
            *interaction.log_fields.values(),
        ):
            assert "\x00" not in part
            part.encode()  # does not raise


@pytest.mark.parametrize(
    "odd",
    ["U1\x00", "\x00U1", "U\x001", "U1\n", "u1", "U", "U1 ", "<@U1>", "U1|ana", "Ü1", "U\uff11", 11, ["U1"], {"U1": 1}],
)
def test_an_id_of_a_form_that_slack_does_not_give_is_empty(odd: object) -> None:
    typed = read_command(COMMAND | dict.fromkeys(("user_id", "team_id", "channel_id"), odd), "REF")
    user, team = {"id": odd, "team_id": odd}, {"id": odd}
    pressed = read_action(
        PRESS | {"user": user, "team": team, "channel": team, "container": {"channel_id": odd}}, "REF"
    )

    assert typed.caller == Caller("", "", "")
    assert pressed.caller == Caller("", "", "")


OPENED: dict[str, Any] = {
    "type": "event_callback",
    "team_id": "T1",
    "event_id": "Ev1",
    "event": {"type": "app_home_opened", "user": "U1", "tab": "home", "channel": "D1"},
}


def test_an_opened_home_tab_is_read() -> None:
    interaction = read_event(OPENED, "REF")

    assert interaction.caller == Caller("U1", "T1", "")
    assert (interaction.key, interaction.text, interaction.response_url) == ("Ev1", "home", "")


@pytest.mark.parametrize(
    ("authorizations", "team"),
    [
        ([], "T1"),
        (None, "T1"),
        ([None], "T1"),
        ([{"team_id": "T2", "is_enterprise_install": False}], "T1"),
        ([{"enterprise_id": "E1", "team_id": None, "is_enterprise_install": True}], "E1"),
    ],
)
def test_an_event_counts_for_the_workspace_or_where_it_is_installed_in_all_the_organization(
    authorizations: object, team: str
) -> None:
    assert read_event({**OPENED, "authorizations": authorizations}, "REF").caller.team_id == team


def test_a_home_tab_is_told_from_a_modal() -> None:
    home = {"type": "home", "hash": "1.a"}

    assert home_view({"view": home}) == home
    assert [home_view(each) for each in ({"view": {"type": "modal"}}, {"view": "home"}, {}, None, "home")] == [{}] * 5


def test_references_are_short_readable_and_unique() -> None:
    references = {new_reference() for _ in range(1000)}

    assert len(references) == 1000
    assert all(len(reference) == 8 and reference.isalnum() and reference.isupper() for reference in references)
    assert not set("".join(references)) & set("0189")
