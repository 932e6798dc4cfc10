from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.simulator.slack.block_kit import refusal_of, refusal_of_home, refusal_of_options, refusal_of_view
from bot.slack.block_kit.blocks import Block, actions, section
from bot.slack.block_kit.inputs import (
    BOXES_LIMIT,
    ENTRY_LIMIT,
    FIELD_LIMIT,
    METADATA_LIMIT,
    MODAL_TEXT_LIMIT,
    OPTION_LIMIT,
    OPTION_VALUE_LIMIT,
    OPTIONS_LIMIT,
    PLACEHOLDER_LIMIT,
    VIEW_BLOCKS_LIMIT,
    Option,
    checkboxes,
    field,
    home_tab,
    is_value,
    modal,
    overflow,
    radio_buttons,
    select,
    sendable,
    suggestions,
    text_input,
    type_ahead,
)

ANY_CHARACTER = st.characters(exclude_categories=[])
TEXTS = (
    st.text(ANY_CHARACTER)
    | st.lists(st.sampled_from(["<", "&", "\ud83d", "\u202e", "\x00", "\n", "a"]), max_size=40).map("".join)
    | st.integers(0, 4000).map(lambda length: "<" * length)
)
VALUES = st.text(st.sampled_from("abc"), min_size=1, max_size=3)
OPTIONS = st.builds(Option, TEXTS, VALUES, TEXTS)
STATUS = [Option("Open", "open"), Option("Won", "won")]


def _modal(*blocks: Block, **more: str) -> Block:
    words = {"title": "Change a deal", "submit": "Change", "close": "Cancel", "callback_id": "form"} | more
    return modal(blocks=blocks, **words)


def _label(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}


def test_the_limits_are_slacks() -> None:
    assert (OPTION_LIMIT, OPTION_VALUE_LIMIT, OPTIONS_LIMIT, BOXES_LIMIT) == (75, 150, 100, 10)
    assert (PLACEHOLDER_LIMIT, FIELD_LIMIT, ENTRY_LIMIT) == (150, 2000, 3000)
    assert (MODAL_TEXT_LIMIT, VIEW_BLOCKS_LIMIT, METADATA_LIMIT) == (24, 100, 3000)


# --- what can be chosen --------------------------------------------------------------------------------------------


def test_an_option_has_its_text_value_and_description() -> None:
    assert Option("Won", "won").block() == {"text": _label("Won"), "value": "won"}
    assert Option("Won", "won", "Well done").block()["description"] == _label("Well done")


def test_an_option_without_a_text_shows_an_ellipsis() -> None:
    assert Option("\u202e", "won", "\n").block() == {"text": _label("…"), "value": "won"}


@given(TEXTS)
def test_a_text_is_a_valid_option_value_or_an_error(text: str) -> None:
    if is_value(text):
        assert refusal_of_options(suggestions([Option("a", text)])) is None
    else:
        with pytest.raises(ValueError, match="an option's value"):
            Option("a", text)


@pytest.mark.parametrize("value", ["a", "a b", "é", "v" * 150])
def test_the_value_of_an_option_is_never_cut(value: str) -> None:
    assert Option("Won", value).block()["value"] == value


@pytest.mark.parametrize("value", ["", "v" * 151, "a\nb", "\ud83d", "\x00", "a\u202eb"])
def test_an_option_value_that_does_not_fit_is_an_error(value: str) -> None:
    assert not is_value(value)
    with pytest.raises(ValueError, match="1 to 150 printable"):
        Option("Won", value)


@given(st.lists(OPTIONS, min_size=1), TEXTS, st.none() | VALUES)
def test_slack_accepts_a_menu_with_any_texts(options: list[Option], placeholder: str, initial: str | None) -> None:
    made = select("status", options, placeholder, initial)

    assert refusal_of_view(_modal(field("status", "Status", made))) is None
    assert ("initial_option" in made) == (initial in {option.value for option in options})


def test_a_menu_has_its_options_and_its_initial_option() -> None:
    assert select("status", STATUS, "Choose", "won") == {
        "type": "static_select",
        "action_id": "status",
        "placeholder": _label("Choose"),
        "options": [option.block() for option in STATUS],
        "initial_option": STATUS[1].block(),
    }


def test_a_menu_has_the_first_hundred_options_and_each_value_once() -> None:
    options = [Option(str(number), str(number)) for number in range(101)]

    assert select("a", [options[0], Option("again", "0"), *options], "", "100") == select("a", options[:100], "")
    assert suggestions([options[0], *options]) == {"options": [option.block() for option in options[:100]]}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: select("a", [], ""),
        lambda: select("", STATUS, ""),
        lambda: select("a" * 256, STATUS, ""),
        lambda: type_ahead("", ""),
        lambda: text_input("", most=1),
        lambda: text_input("a", most=0),
        lambda: text_input("a", most=3001),
        lambda: checkboxes("", STATUS),
        lambda: checkboxes("a", []),
        lambda: checkboxes("a", [STATUS[0], STATUS[0]]),
        lambda: checkboxes("a", [Option("a", str(number)) for number in range(11)]),
        lambda: field("", "Status", type_ahead("a", "")),
        lambda: field("b" * 256, "Status", type_ahead("a", "")),
    ],
)
def test_an_id_that_does_not_fit_is_an_error(wrong: Callable[[], Block]) -> None:
    with pytest.raises(ValueError, match="1 "):
        wrong()


@given(TEXTS, st.none() | OPTIONS)
def test_slack_accepts_a_type_ahead_with_any_initial_option(placeholder: str, initial: Option | None) -> None:
    made = type_ahead("deal", placeholder, initial=initial)

    assert refusal_of_view(_modal(field("deal", "Deal", made))) is None


def test_a_type_ahead_has_its_placeholder_and_its_initial_option() -> None:
    assert type_ahead("deal", "Name", 2, STATUS[0]) == {
        "type": "external_select",
        "action_id": "deal",
        "placeholder": _label("Name"),
        "min_query_length": 2,
        "initial_option": STATUS[0].block(),
    }
    assert type_ahead("deal", "") == {"type": "external_select", "action_id": "deal", "min_query_length": 3}


@given(st.lists(OPTIONS))
def test_slack_accepts_any_suggestions_and_none(options: list[Option]) -> None:
    made = suggestions(options)

    assert refusal_of_options(made) is None
    assert [option["value"] for option in made["options"]] == list(dict.fromkeys(each.value for each in options))


@given(st.lists(OPTIONS, min_size=1, max_size=10, unique_by=lambda option: option.value), st.sets(VALUES))
def test_slack_accepts_checkboxes_with_any_texts(options: list[Option], checked: set[str]) -> None:
    made = checkboxes("post", options, checked)

    assert refusal_of_view(_modal(field("post", "Who sees it?", made))) is None
    ticked = [option["value"] for option in made.get("initial_options", ())]
    assert ticked == [option.value for option in options if option.value in checked]


def test_checkboxes_have_their_options_and_ticks() -> None:
    made = {"type": "checkboxes", "action_id": "post", "options": [option.block() for option in STATUS]}

    assert checkboxes("post", STATUS) == made
    assert checkboxes("post", STATUS, ["won"]) == {**made, "initial_options": [STATUS[1].block()]}


@given(st.lists(OPTIONS, min_size=1, max_size=10, unique_by=lambda option: option.value), VALUES)
def test_slack_accepts_radio_buttons_with_any_texts(options: list[Option], chosen: str) -> None:
    made = radio_buttons("status", options, chosen)

    assert refusal_of_view(_modal(field("status", "Status", made))) is None
    assert radio_buttons("status", options, options[0].value)["initial_option"] == options[0].block()


@given(st.lists(OPTIONS, min_size=1, max_size=5, unique_by=lambda option: option.value))
def test_slack_accepts_a_menu_behind_dots_with_any_texts(options: list[Option]) -> None:
    made = overflow("more", [replace(option, url="https://app.example") for option in options])

    assert refusal_of({"text": "x", "blocks": [actions(made)]}) is None
    assert {option["url"] for option in made["options"]} == {"https://app.example"}


@pytest.mark.parametrize("make", [radio_buttons, overflow])
def test_as_many_options_as_slack_shows_and_no_two_alike(make: Callable[[str, Sequence[Option]], Block]) -> None:
    for options in ([], [Option("a", "a")] * 2, [Option("a", str(at)) for at in range(11)]):
        with pytest.raises(ValueError, match="value of its own"):
            make("more", options)


# --- what can be typed ---------------------------------------------------------------------------------------------


@given(TEXTS, TEXTS, st.integers(1, 3000))
def test_slack_accepts_a_field_with_any_initial_text(placeholder: str, initial: str, most: int) -> None:
    made = text_input("note", most=most, placeholder=placeholder, multiline=True, initial=initial)

    assert refusal_of_view(_modal(field("note", "Note", made))) is None


def test_a_field_has_its_length_and_its_initial_text() -> None:
    made = {"type": "plain_text_input", "action_id": "note", "max_length": 500}

    assert text_input("note", most=500) == {**made, "multiline": False}
    assert text_input("note", most=500, placeholder="Why?", multiline=True, initial="a\nb <&>") == {
        **made,
        "multiline": True,
        "placeholder": _label("Why?"),
        "initial_value": "a\nb <&>",
    }


@given(TEXTS)
def test_any_text_can_be_sent_and_stored(text: str) -> None:
    assert "\x00" not in sendable(text)
    assert sendable(text).encode().decode() == sendable(sendable(text))


def test_a_text_that_can_be_sent_is_sent_unchanged() -> None:
    assert sendable("a\n\tb <é> 😀") == "a\n\tb <é> 😀"
    assert sendable("a\x00\ud83d") == "a?"


# --- modals --------------------------------------------------------------------------------------------------------


@given(TEXTS, TEXTS)
def test_slack_accepts_any_texts_around_a_field(text: str, hint: str) -> None:
    assert refusal_of_view(_modal(field("note", text, text_input("note", most=1), hint=hint))) is None


def test_an_input_block_has_a_label_a_hint_and_may_be_optional() -> None:
    element = text_input("note", most=500)
    made = {"type": "input", "block_id": "b", "label": _label("Note"), "element": element}

    assert field("b", "Note", element) == {**made, "optional": False, "dispatch_action": False}
    assert field("b", "Note", element, hint="Short", optional=True, dispatches=True) == {
        **made,
        "optional": True,
        "dispatch_action": True,
        "hint": _label("Short"),
    }


def test_a_modal_has_its_texts_blocks_and_metadata() -> None:
    blocks = [section("a"), section("b", block_id="b")]

    assert _modal(*blocks, private_metadata="{}") == {
        "type": "modal",
        "callback_id": "form",
        "title": _label("Change a deal"),
        "submit": _label("Change"),
        "close": _label("Cancel"),
        "blocks": blocks,
        "private_metadata": "{}",
    }
    assert _modal(*blocks)["private_metadata"] == ""


def test_a_modal_that_just_fits_is_made() -> None:
    words = {"title": "t" * 24, "submit": "s" * 24, "close": "c" * 24, "callback_id": "i" * 255}
    made = _modal(*[section("a")] * 100, **words, private_metadata="m" * 3000)

    assert [made[name]["text"] for name in ("title", "submit", "close")] == ["t" * 24, "s" * 24, "c" * 24]


@pytest.mark.parametrize(
    ("blocks", "more"),
    [
        ([], {}),
        ([section("a")] * 101, {}),
        ([section("a", block_id="b")] * 2, {}),
        ([section("a")], {"private_metadata": "m" * 3001}),
        ([section("a")], {"callback_id": ""}),
        ([section("a")], {"callback_id": "i" * 256}),
        *(([section("a")], {name: text}) for name in ("title", "submit", "close") for text in ("", "t" * 25, "<" * 7)),
    ],
)
def test_a_modal_that_does_not_fit_is_an_error(blocks: Sequence[Block], more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"modal|callback_id"):
        _modal(*blocks, **more)


# --- Home tabs -----------------------------------------------------------------------------------------------------


def test_a_home_tab_has_its_blocks_and_its_metadata() -> None:
    made = home_tab([section("Deals")], callback_id="home", private_metadata="{}")

    assert refusal_of_home(made) is None
    assert (made["type"], made["private_metadata"]) == ("home", "{}")


@pytest.mark.parametrize("number", [0, VIEW_BLOCKS_LIMIT + 1])
def test_a_home_tab_of_too_many_blocks_or_none_is_an_error(number: int) -> None:
    with pytest.raises(ValueError, match="1 to 100 blocks"):
        home_tab([section("Deals")] * number, callback_id="home", private_metadata="{}")


def test_metadata_that_do_not_fit_a_home_tab_are_an_error() -> None:
    with pytest.raises(ValueError, match="metadata"):
        home_tab([section("Deals")], callback_id="home", private_metadata="x" * (METADATA_LIMIT + 1))
