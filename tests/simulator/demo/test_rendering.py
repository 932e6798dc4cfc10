import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError

from bot.simulator.demo.mrkdwn import html_of, plain_of
from bot.simulator.demo.rendering import Rendering
from bot.simulator.slack.block_kit import (
    BLOCK_KINDS,
    ELEMENT_KINDS,
    FIELD_KINDS,
    VIEW_BLOCK_KINDS,
    Element,
    elements_of,
    refusal_of,
    refusal_of_view,
)
from bot.simulator.slack.views import NOT_BESIDE_A_FIELD, View, values_of
from bot.simulator.slack.workspace import Shown
from bot.slack.block_kit.charts import bar_chart
from tests.markup import Node, read

NAMES = {"U1": "@Ana"}
RENDERING = Rendering(NAMES)
TS = "1700000000.000100"
Json = dict[str, Any]


def _plain(text: str) -> Json:
    return {"type": "plain_text", "text": text}


def _mrkdwn(text: str) -> Json:
    return {"type": "mrkdwn", "text": text}


def _option(number: int, **more: object) -> Json:
    return {"text": _plain(f"option {number}"), "value": f"v{number}", **more}


OPTIONS = [_option(1), _option(2, description=_plain("the second"))]
CONFIRM = {"title": _plain("Sure?"), "text": _mrkdwn("It is *won*."), "confirm": _plain("Go"), "deny": _plain("Stay")}


def _button(**more: object) -> Json:
    return {"type": "button", "text": _plain("Undo"), "action_id": "undo", **more}


def _row(*elements: Json) -> Json:
    return {"type": "actions", "block_id": "row", "elements": list(elements)}


def _beside(element: Json) -> Json:
    return {"type": "section", "block_id": "beside", "text": _mrkdwn("hello"), "accessory": element}


def _message(*blocks: Json, text: str = "fallback") -> Node:
    assert refusal_of({"text": text, "blocks": list(blocks)}) is None
    return read(RENDERING.message(Shown("C1", None, text, blocks, "response_url", TS)))


def _input(element: Json, **more: object) -> Json:
    return {"type": "input", "block_id": "b", "label": _plain("Deal"), "element": {"action_id": "a", **element}, **more}


def _view(*blocks: Json, **more: object) -> View:
    named = [{"block_id": f"b{number}", **block} for number, block in enumerate(blocks)]
    given = {"type": "modal", "title": _plain("Change"), "submit": _plain("Save"), "blocks": named, **more}
    assert refusal_of_view(given) is None
    return View("V1", "U1", given, "", values_of(named))


def _shown(view: View) -> Node:
    return read(RENDERING.modal(view))


def _modal(*blocks: Json, **more: object) -> Node:
    return _shown(_view(*blocks, **more))


# --- messages ------------------------------------------------------------------------------------------------------


def test_a_message_without_blocks_is_its_text() -> None:
    assert RENDERING.message(Shown("C1", None, "*hi* <@U1>", (), "person")) == (
        '<div class="message-text"><strong>hi</strong> <span class="mention">@Ana</span></div>\n'
    )


def test_a_message_with_blocks_does_not_show_its_text() -> None:
    page = _message({"type": "header", "text": _plain("Title &amp; *more*")}, {"type": "divider"}, text="fallback")
    assert page.one("h3").text.strip() == "Title & *more*"
    page.one("hr")
    assert "fallback" not in page.text


def test_a_section_has_a_text_and_fields() -> None:
    page = _message(
        {"type": "section", "text": _mrkdwn("*a*"), "fields": [_mrkdwn("_b_"), _plain("_c_")]},
        {"type": "section", "fields": [_plain("d")]},
    )
    assert page.one(class_="message-text").one("strong").text == "a"
    assert [each.text.strip() for each in page.all("li")] == ["b", "_c_", "d"]


def test_small_print_is_a_context() -> None:
    page = _message({"type": "context", "elements": [_mrkdwn("by <@U1>"), _mrkdwn("`x`")]})
    assert page.one(class_="context").text.split() == ["by", "@Ana", "x"]


def _where(form: Node) -> dict[str, str]:
    return {each.attributes["name"]: each.attributes["value"] for each in form.all("input", type="hidden")}


def test_a_button_names_its_place_in_the_message() -> None:
    page = _message(
        {"type": "divider"}, _row(_button(), _button(action_id="b", text=_plain("Share"))), _beside(_button())
    )
    forms = page.all("form", method="post", action="/press")
    assert [_where(form) for form in forms] == [
        {"ts": TS, "block": "1", "element": "0"},
        {"ts": TS, "block": "1", "element": "1"},
        {"ts": TS, "block": "2", "element": "0"},
    ]
    assert [form.one("button", type="submit").text for form in forms] == ["Undo", "Share", "Undo"]


def test_a_button_has_a_style_and_an_accessible_name() -> None:
    page = _message(_row(_button(style="danger", accessibility_label='Undo "it"'), _button(action_id="b")))
    first, second = page.all("button")
    ids = [each.attributes.pop("id") for each in (first, second)]
    assert first.attributes == {"type": "submit", "class": "button danger", "aria-label": 'Undo "it"'}
    assert second.attributes == {"type": "submit", "class": "button"}
    assert len(set(ids)) == 2  # the focus stays on a button that is made anew


def test_a_button_that_asks_first_opens_a_dialog_in_its_form() -> None:
    form = _message(_row(_button(confirm=CONFIRM))).one("form")
    dialog = form.one("dialog")
    assert form.one("button", data_opens=dialog.attributes["id"]).attributes["type"] == "button"
    assert form.one(id=dialog.attributes["aria-labelledby"]).text.strip() == "Sure?"
    assert dialog.one(class_="message-text").one("strong").text == "won"
    assert dialog.one("button", data_closes="", type="button").text == "Stay"
    assert dialog.one("button", type="submit", class_="button primary").text == "Go"


def test_the_yes_of_a_question_has_its_own_style() -> None:
    page = _message(_row(_button(confirm={**CONFIRM, "style": "danger"})))
    assert page.one("button", type="submit", class_="button danger").text == "Go"


def test_a_button_with_an_address_is_a_link_in_its_form() -> None:
    form = _message(_row(_button(url='https://a.example/?b="1"&c', style="primary"))).one("form", action="/press")
    link = form.one("a", class_="button primary", data_press="", target="_blank", rel="noopener noreferrer")
    assert (link.attributes["href"], link.text) == ('https://a.example/?b="1"&c', "Undo")
    assert form.all("button") == []


def test_a_button_with_a_script_as_its_address_is_no_link() -> None:
    page = _message(_row(_button(url="javascript:alert(1)")))
    assert page.all("a") == []
    assert page.one("button").text == "Undo"


def test_the_confirmation_of_a_link_is_shown_as_not_imitated() -> None:
    page = _message(_row(_button(url="https://a.example", confirm=CONFIRM)))
    assert "Not shown in this demo: confirm · Sure? · It is won. · Go · Stay" in page.text
    assert page.all("dialog") == []


def test_a_menu_is_opened_and_each_option_is_a_button() -> None:
    menu = _message(
        _row({"type": "static_select", "action_id": "a", "options": OPTIONS, "placeholder": _plain("Which?")})
    )
    details = menu.one("details", class_="menu")
    assert details.one("summary").text.strip() == "Which?"
    form = details.one("form", method="post", action="/select")
    assert _where(form) == {"ts": TS, "block": "0", "element": "0"}
    first, second = form.all("button", type="submit", name="value")
    assert (first.attributes["value"], first.text) == ("v1", "option 1")
    assert (second.attributes["value"], second.text) == ("v2", "option 2 the second")
    assert second.one("small").text == "the second"
    assert "aria-pressed" not in first.attributes


def test_the_initial_option_of_a_menu_is_marked() -> None:
    select = {"type": "static_select", "action_id": "a", "options": OPTIONS, "initial_option": OPTIONS[1]}
    page = _message(_beside(select))
    assert page.one("summary").text.strip() == "option 2"
    assert [each.attributes["aria-pressed"] for each in page.all("button")] == ["false", "true"]


def test_a_menu_without_a_name_asks_for_an_option() -> None:
    page = _message(_row({"type": "static_select", "action_id": "a", "options": OPTIONS}))
    assert page.one("summary").text.strip() == "Choose an option"


def test_an_overflow_menu_has_an_accessible_name() -> None:
    options = [_option(1, url="https://a.example"), _option(2)]
    page = _message(_beside({"type": "overflow", "action_id": "a", "options": options}))
    assert page.one("summary", aria_label="More actions").text.strip() == "⋯"
    (chosen,) = page.one("form", action="/select").all("button", name="value")
    assert chosen.text == "option 2"
    assert page.one("a", href="https://a.example").text == "option 1"


def test_a_menu_that_asks_first_asks_for_each_option() -> None:
    page = _message(_row({"type": "overflow", "action_id": "a", "options": OPTIONS, "confirm": CONFIRM}))
    opens = [each.attributes["data-opens"] for each in page.all("button") if "data-opens" in each.attributes]
    dialogs = page.all("dialog")
    assert opens == [each.attributes["id"] for each in dialogs]
    assert [each.one("button", type="submit", name="value").attributes["value"] for each in dialogs] == ["v1", "v2"]


def test_type_ahead_in_a_message_is_not_imitated() -> None:
    page = _message(_row({"type": "external_select", "action_id": "a", "placeholder": _plain("Deal")}))
    assert page.one(class_="not-imitated").text.strip() == "Not shown in this demo: external_select · Deal"


@pytest.mark.parametrize(
    ("block", "says"),
    [
        ({"type": "image", "image_url": "x", "alt_text": "y"}, "Not shown in this demo: image"),
        (
            {"type": "video", "title": _plain("Film"), "more": [_mrkdwn("*x*"), 5]},
            "Not shown in this demo: video · Film · x",
        ),
        (_row({"type": "timepicker", "action_id": "a"}), "Not shown in this demo: timepicker"),
        (_beside({"type": "timepicker", "placeholder": _plain("When?")}), "Not shown in this demo: timepicker · When?"),
    ],
)
def test_unknown_blocks_and_elements_are_shown_as_not_imitated(block: Json, says: str) -> None:
    message = read(RENDERING.message(Shown("C1", None, "", (block,), "acknowledgement", TS)))
    modal = _shown(View("V1", "U1", {"title": _plain("x"), "blocks": [block]}, "", {}))
    for page in (message, modal):
        assert page.one(class_="not-imitated").text.strip() == says


def test_a_block_that_lacks_what_it_must_have_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        RENDERING.message(Shown("C1", None, "", ({"type": "header"},), "acknowledgement"))


def test_half_a_character_is_replaced() -> None:
    shown = RENDERING.message(Shown("C1", None, "a\ud83d<", (), "person"))
    assert "a\ufffd&lt;" in shown
    assert shown.encode()


def test_a_person_added_later_is_shown_by_name_too() -> None:
    names: dict[str, str] = {}
    rendering = Rendering(names)
    names["U7"] = "@Kim"
    assert "@Kim" in rendering.message(Shown("C1", None, "<@U7>", (), "person"))


# --- modals --------------------------------------------------------------------------------------------------------

TEXT_FIELD = _input({"type": "plain_text_input"})


def test_a_modal_is_a_form_with_a_title_and_its_buttons() -> None:
    dialog = _modal(TEXT_FIELD, close=_plain("Cancel")).one("dialog", class_="modal", data_view="V1")
    assert dialog.one("h2", id=dialog.attributes["aria-labelledby"]).text.strip() == "Change"
    form = dialog.one("form", method="post", action="/submit")
    assert form.one("input", type="hidden", name="view").attributes["value"] == "V1"
    cross, close, submit = form.all("button", type="submit")
    for button in (cross, close):
        assert button.attributes["formaction"] == "/close"
        assert "formnovalidate" in button.attributes
    assert (cross.attributes["aria-label"], cross.text) == ("Close", "\N{MULTIPLICATION SIGN}")
    assert (close.text, submit.text) == ("Cancel", "Save")
    assert "formaction" not in submit.attributes


def test_enter_in_a_field_submits_and_presses_no_other_button() -> None:
    page = _modal(_row(_button(confirm=CONFIRM)), TEXT_FIELD)
    aside = page.one("form", action="/close")
    assert aside.one("input", type="hidden", name="view").attributes["value"] == "V1"
    of_the_form = [each for each in page.all("button", type="submit") if "form" not in each.attributes]
    assert [each.text for each in of_the_form] == ["Save"]
    others = [each for each in page.all("button", type="submit") if "form" in each.attributes]
    assert {each.attributes["form"] for each in others} == {aside.attributes["id"]}


def test_a_modal_without_a_submit_button_can_only_be_closed() -> None:
    view = _view({"type": "divider"})
    page = _shown(View("V1", "U1", {name: it for name, it in view.given.items() if name != "submit"}, "", {}))
    assert [each.text for each in page.all("button")] == ["\N{MULTIPLICATION SIGN}", "Close"]


def test_a_button_in_a_modal_says_which_it_is() -> None:
    page = _modal(_row(_button()), _beside(_button(action_id="more", confirm=CONFIRM)))
    plain, asked = page.all("button", formaction="/press-in", name="action_id", type="submit")
    assert (plain.attributes["value"], plain.text) == ("undo", "Undo")
    assert (asked.attributes["value"], asked.text) == ("more", "Go")
    assert all("formnovalidate" in each.attributes for each in (plain, asked))
    page.one("button", data_opens=page.all("dialog")[1].attributes["id"])


def test_a_link_in_a_modal_is_not_sent_as_a_press() -> None:
    assert "data-press" not in _modal(_row(_button(url="https://a.example"))).one("a", class_="button").attributes


def test_a_field_has_a_label_a_hint_and_an_error() -> None:
    view = _view(_input({"type": "plain_text_input"}, hint=_plain("A name, or *a link*")))
    view.errors = {"b": "No such <deal>."}
    field = _shown(view).one("div", class_="field")
    control = field.one("input", type="text")
    assert field.one("label", for_=control.attributes["id"]).text.strip() == "Deal"
    below = [field.one(id=each) for each in control.attributes["aria-describedby"].split()]
    assert [(each.attributes["class"], each.text) for each in below] == [
        ("hint", "A name, or *a link*"),
        ("error", "No such <deal>."),
    ]
    assert control.attributes["aria-invalid"] == "true"


def test_a_field_without_a_hint_or_an_error_has_no_description() -> None:
    control = _modal(TEXT_FIELD).one("input", type="text")
    assert {"aria-describedby", "aria-invalid"}.isdisjoint(control.attributes)


def test_an_optional_field_says_so_and_others_are_required() -> None:
    page = _modal(_input({"type": "plain_text_input"}, optional=True))
    assert page.one("label").text.strip() == "Deal (optional)"
    assert "aria-required" not in page.one("input", type="text").attributes
    assert _modal(TEXT_FIELD).one("input", type="text").attributes["aria-required"] == "true"


def test_an_error_of_the_whole_modal_stands_on_top() -> None:
    view = _view(TEXT_FIELD)
    view.errors = {NOT_BESIDE_A_FIELD: "We had <trouble>."}
    assert _shown(view).one(role="alert", class_="error").text == "We had <trouble>."
    assert _modal(TEXT_FIELD).all(role="alert") == []


HERE = {"data_block": "b", "data_action": "a", "data_enter": ""}


def test_a_field_for_text_shows_what_was_entered() -> None:
    view = _view(_input({"type": "plain_text_input", "max_length": 80, "placeholder": _plain("Any &lt; text")}))
    view.values["b"]["a"]["value"] = 'a "b" &lt;'
    control = _shown(view).one("input", type="text", **HERE)
    assert control.attributes["value"] == 'a "b" &lt;'
    assert control.attributes["maxlength"] == "80"
    assert control.attributes["placeholder"] == "Any < text"


def test_a_field_for_several_lines_keeps_the_first_even_if_it_is_empty() -> None:
    view = _view(_input({"type": "plain_text_input", "multiline": True, "initial_value": "\n</textarea>a"}))
    html = RENDERING.modal(view)
    read(html).one("textarea", **HERE)
    assert ">\n\n&lt;/textarea&gt;a</textarea>" in html  # a browser drops the first


def test_a_menu_in_a_modal_begins_with_nothing_chosen() -> None:
    select = {"type": "static_select", "options": OPTIONS, "placeholder": _plain("Which?")}
    control = _modal(_input(select)).one("select", **HERE)
    none, *others = control.all("option")
    assert (none.attributes, none.text.strip()) == ({"value": ""}, "Which?")
    assert [each.text.strip() for each in others] == ["option 1", "option 2 \N{EN DASH} the second"]
    assert control.all("option", selected="") == []


def test_a_menu_in_a_modal_shows_what_was_chosen_even_if_it_is_no_longer_offered() -> None:
    view = _view(_input({"type": "static_select", "options": OPTIONS, "initial_option": OPTIONS[1]}))
    assert _shown(view).one("option", selected="").attributes["value"] == "v2"
    view.values["b"]["a"]["selected_option"] = _option(3)
    page = _shown(view)
    assert page.one("option", selected="").attributes["value"] == "v3"
    assert len(page.all("option")) == 4


def test_type_ahead_is_a_field_and_a_list_of_what_it_found() -> None:
    view = _view(_input({"type": "external_select", "placeholder": _plain("Letters"), "min_query_length": 2}))
    page = _shown(view)
    search = page.one("input", type="search", data_type_ahead="", data_block="b", data_action="a", autocomplete="off")
    page.one("label", for_=search.attributes["id"])
    assert (search.attributes["value"], search.attributes["placeholder"]) == ("", "Letters")
    found = page.one("select", id=search.attributes["aria-controls"], size="2", aria_label="Deal", **HERE)
    assert "hidden" in found.attributes
    assert found.all("option") == []

    view.offered["b", "a"] = [*OPTIONS]
    found = _shown(view).one("select", **HERE)
    assert "hidden" not in found.attributes
    assert [each.attributes["value"] for each in found.all("option")] == ["v1", "v2"]


def test_what_was_chosen_from_type_ahead_is_shown_in_its_field_and_in_its_list() -> None:
    view = _view(_input({"type": "external_select", "initial_option": _option(3)}))
    page = _shown(view)
    assert page.one("input", type="search").attributes["value"] == "option 3"
    assert page.one("option", selected="").attributes["value"] == "v3"
    view.offered["b", "a"] = [_option(3)]
    assert len(_shown(view).all("option")) == 1


@pytest.mark.parametrize(
    ("kind", "type_", "initially"),
    [
        ("checkboxes", "checkbox", {"initial_options": OPTIONS[1:]}),
        ("radio_buttons", "radio", {"initial_option": OPTIONS[1]}),
    ],
)
def test_boxes_and_radio_buttons_are_a_group_with_a_name(kind: str, type_: str, initially: Json) -> None:
    view = _view(_input({"type": kind, "options": OPTIONS, **initially}, hint=_plain("As many"), optional=True))
    view.errors = {"b": "Not these."}
    group = _shown(view).one("fieldset", class_="field")
    assert group.one("legend").text.strip() == "Deal (optional)"
    assert len(group.attributes["aria-describedby"].split()) == 2
    first, second = group.all("input", type=type_, **HERE)
    assert first.attributes["name"] == second.attributes["name"]
    assert (first.attributes["value"], second.attributes["value"]) == ("v1", "v2")
    assert "checked" not in first.attributes
    assert "checked" in second.attributes
    assert second.attributes["aria-invalid"] == "true"
    label = group.one("label", for_=second.attributes["id"])
    assert (label.text.strip(), label.one("small").text) == ("option 2 the second", "the second")


@pytest.mark.parametrize("kind", ["checkboxes", "radio_buttons"])
def test_a_group_without_a_hint_or_an_error_has_no_description(kind: str) -> None:
    page = _modal(_input({"type": kind, "options": OPTIONS}))
    assert "aria-describedby" not in page.one("fieldset").attributes
    assert page.all("input", checked="") == []


def test_a_menu_outside_a_field_is_named_by_its_placeholder() -> None:
    select = {"type": "static_select", "action_id": "a", "options": OPTIONS, "placeholder": _plain("Which?")}
    ahead = {"type": "external_select", "action_id": "b"}
    page = _modal(_row(select, ahead))
    page.one("select", data_block="row", data_action="a", aria_label="Which?")
    page.one("input", type="search", data_block="row", data_action="b", aria_label="Choose an option")


@pytest.mark.parametrize(
    "block",
    [
        _input({"type": "static_select", "options": OPTIONS, "confirm": CONFIRM}),
        _input({"type": "external_select", "confirm": CONFIRM}),
        _input({"type": "checkboxes", "options": OPTIONS, "confirm": CONFIRM}),
        _input({"type": "radio_buttons", "options": OPTIONS, "confirm": CONFIRM}),
    ],
)
def test_the_confirmation_of_a_field_is_shown_as_not_imitated(block: Json) -> None:
    assert _modal(block).one(class_="not-imitated").text.strip().startswith("Not shown in this demo: confirm · Sure?")


def test_an_overflow_menu_in_a_modal_is_not_imitated() -> None:
    page = _modal(_beside({"type": "overflow", "action_id": "a", "options": OPTIONS, "confirm": CONFIRM}))
    says = page.one(class_="not-imitated").text.strip()
    assert says.startswith("Not shown in this demo: overflow · option 1 · option 2 · the second · Sure?")


# --- anything that Slack would show --------------------------------------------------------------------------------

NASTY = [
    *[
        "<script>alert(1)</script>",
        "</textarea>",
        "</option>",
        '" onclick="x',
        "'",
        "&lt;b&gt;",
        "&amp;lt;",
        "&",
        "<!--",
    ],
    *[
        "{{ 7 * 7 }}",
        "{% raw %}",
        "*",
        "_",
        "~",
        "`",
        "```",
        "\n",
        ">",
        "<@U1>",
        "<https://a.example|b>",
        "ab",
        " ",
        "ß",
    ],
]


def _texts(most: int) -> st.SearchStrategy[str]:
    made = st.lists(st.sampled_from(NASTY), min_size=1, max_size=6).map("".join) | st.text(min_size=1)
    return made.map(lambda text: text[:most])


def _objects(most: int, *kinds: str) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({"type": st.sampled_from(kinds or ("plain_text",)), "text": _texts(most)})


EITHER = ("plain_text", "mrkdwn")
IDS = _texts(200)
STYLES = st.sampled_from(["primary", "danger"])
CONFIRMS = st.fixed_dictionaries(
    {"title": _objects(100), "text": _objects(300, *EITHER), "confirm": _objects(30), "deny": _objects(30)},
    optional={"style": STYLES},
)
URLS = _texts(100) | _texts(100).map("https://".__add__)


def _option_lists(*kinds: str, most: int = 3, **more: st.SearchStrategy[str]) -> st.SearchStrategy[list[Json]]:
    option = st.fixed_dictionaries(
        {"text": _objects(75, *kinds), "value": _texts(150)}, optional={"description": _objects(75, *kinds), **more}
    )
    return st.lists(option, min_size=1, max_size=most, unique_by=lambda each: each["value"])


def _element(kind: str, **more: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    required = {"options": more.pop("options")} if "options" in more else {}
    return st.fixed_dictionaries({"type": st.just(kind), "action_id": IDS, **required}, optional=more)


def _begun(name: str, of: st.SearchStrategy[Json], *, several: bool = False) -> st.SearchStrategy[Json]:
    """Options, of which some may be initial ones."""
    begin = lambda element: {**element, name: element["options"][-1:] if several else element["options"][-1]}  # noqa: E731
    return of | of.map(begin)


ELEMENTS: Mapping[str, st.SearchStrategy[Json]] = {
    "button": _element(
        "button", confirm=CONFIRMS, style=STYLES, url=URLS, value=IDS, accessibility_label=_texts(75)
    ).flatmap(lambda element: _objects(75).map(lambda text: {**element, "text": text})),
    "static_select": _begun(
        "initial_option",
        _element("static_select", options=_option_lists(), confirm=CONFIRMS, placeholder=_objects(150)),
    ),
    "external_select": _element(
        "external_select",
        placeholder=_objects(150),
        confirm=CONFIRMS,
        min_query_length=st.integers(0, 5),
        initial_option=_option_lists(most=1).map(lambda options: options[0]),
    ),
    "overflow": _element("overflow", options=_option_lists(url=URLS), confirm=CONFIRMS),
    "datepicker": _element("datepicker", placeholder=_objects(150)),
}
FIELDS: Mapping[str, st.SearchStrategy[Json]] = {
    "static_select": ELEMENTS["static_select"],
    "external_select": ELEMENTS["external_select"],
    "plain_text_input": _element(
        "plain_text_input",
        multiline=st.booleans(),
        min_length=st.integers(0, 5),
        max_length=st.integers(200, 3000),
        placeholder=_objects(150),
        initial_value=_texts(100),
    ),
    "checkboxes": _begun(
        "initial_options",
        _element("checkboxes", options=_option_lists(*EITHER), confirm=CONFIRMS),
        several=True,
    ),
    "radio_buttons": _begun(
        "initial_option",
        _element("radio_buttons", options=_option_lists(*EITHER), confirm=CONFIRMS),
    ),
}
_ANY_ELEMENT = st.one_of(*ELEMENTS.values())


def _block(kind: str, required: Mapping[str, Any], **more: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({"type": st.just(kind), **required}, optional=more)


BLOCKS: Mapping[str, st.SearchStrategy[Json]] = {
    "section": _block(
        "section",
        {"text": _objects(200, "mrkdwn")},
        fields=st.lists(_objects(100, *EITHER), min_size=1, max_size=3),
        accessory=_ANY_ELEMENT,
    ),
    "context": _block("context", {"elements": st.lists(_objects(200, "mrkdwn"), min_size=1, max_size=3)}),
    "actions": _block(
        "actions",
        {"elements": st.lists(_ANY_ELEMENT, min_size=1, max_size=3, unique_by=lambda each: each["action_id"])},
    ),
    "divider": _block("divider", {}),
    "header": _block("header", {"text": _objects(150)}),
}
_VALUES = st.lists(st.integers(0, 10**6) | st.floats(0, 10**6), min_size=2, max_size=2)
CHART = _block(
    "data_visualization",
    {
        "title": _texts(50),
        "chart": st.tuples(_texts(20), _VALUES).map(
            lambda drawn: {
                "type": "bar",
                "series": [
                    {"name": drawn[0], "data": [{"label": each, "value": drawn[1][at]} for at, each in enumerate("ab")]}
                ],
                "axis_config": {"categories": ["a", "b"]},
            }
        ),
    },
)
IN_A_MESSAGE: Mapping[str, st.SearchStrategy[Json]] = {**BLOCKS, "data_visualization": CHART}
INPUT = _block(
    "input",
    {"label": _objects(200), "element": st.one_of(*FIELDS.values())},
    hint=_objects(200),
    optional=st.booleans(),
    dispatch_action=st.booleans(),
)
IN_A_VIEW: Mapping[str, st.SearchStrategy[Json]] = {**BLOCKS, "input": INPUT}


def _lists_of(blocks: Mapping[str, st.SearchStrategy[Json]]) -> st.SearchStrategy[list[Json]]:
    return st.lists(st.one_of(*blocks.values()), min_size=1, max_size=4)


def test_every_kind_that_the_stand_in_knows_is_among_the_examples() -> None:
    assert IN_A_MESSAGE.keys() == BLOCK_KINDS
    assert IN_A_VIEW.keys() == VIEW_BLOCK_KINDS
    assert ELEMENTS.keys() == ELEMENT_KINDS
    assert FIELDS.keys() == FIELD_KINDS


def test_a_chart_is_a_table_with_its_numbers() -> None:
    chart = bar_chart("Won and lost", ["New business", "Renewals"], {"Won": [4800, 12.5], "Lost": [0, 3]})
    page = _message(chart)

    assert "".join(page.one("table").text.split()) == "WonandlostWonLostNewbusiness4,8000Renewals12.53"
    bars = [svg.attributes["height"] for plot in page.all(class_="bars") for svg in plot.all("svg")]
    assert bars == ["88", "2", "2", "2"]  # even nothing has a bar that can be seen
    assert "4.8K" in page.text


@pytest.mark.parametrize(
    ("value", "said"), [(0, "0"), (999, "999"), (1000, "1K"), (12_340, "12.3K"), (999_600, "1M"), (2_500_000, "2.5M")]
)
def test_a_bar_says_its_number_shortly(value: float, said: str) -> None:
    page = _message(bar_chart("Won", ["Ana"], {"Won": [value]}))

    assert page.one(class_="bars").text.strip() == said


NOWHERE = "Not shown in this demo: "
A_FEW = settings(max_examples=25)
"""Of each of 23 kinds."""


@pytest.mark.parametrize("kind", sorted(BLOCK_KINDS))
@A_FEW
@given(data=st.data())
def test_every_kind_of_block_is_shown_in_a_message(kind: str, data: st.DataObject) -> None:
    block = data.draw(IN_A_MESSAGE[kind])
    assert f"{NOWHERE}{kind}" not in _message(block).text


@pytest.mark.parametrize("kind", sorted(VIEW_BLOCK_KINDS))
@A_FEW
@given(data=st.data())
def test_every_kind_of_block_is_shown_in_a_modal(kind: str, data: st.DataObject) -> None:
    block = data.draw(IN_A_VIEW[kind])
    assert f"{NOWHERE}{kind}" not in _modal(block).text


@pytest.mark.parametrize("kind", sorted(ELEMENT_KINDS - {"external_select"}))
@A_FEW
@given(data=st.data())
def test_every_kind_of_element_can_be_used_in_a_message(kind: str, data: st.DataObject) -> None:
    element = data.draw(ELEMENTS[kind])
    for page in (_message(_row(element)), _message(_beside(element))):
        assert f"{NOWHERE}{kind}" not in page.text
        assert len(page.all("form")) == 1


@pytest.mark.parametrize("kind", sorted(ELEMENT_KINDS - {"overflow", "datepicker"}))
@A_FEW
@given(data=st.data())
def test_every_kind_of_element_can_be_used_in_a_modal(kind: str, data: st.DataObject) -> None:
    element = data.draw(ELEMENTS[kind])
    for page in (_modal(_row(element)), _modal(_beside(element))):
        assert f"{NOWHERE}{kind}" not in page.text
        used = [*page.all("button", formaction="/press-in"), *page.all("a"), *page.all("select"), *page.all("input")]
        assert len(used) > 2  # the two forms' own


@pytest.mark.parametrize("kind", sorted(FIELD_KINDS))
@A_FEW
@given(data=st.data())
def test_every_kind_of_field_can_be_filled_in(kind: str, data: st.DataObject) -> None:
    element = data.draw(FIELDS[kind])
    page = _modal(_input(element))
    assert f"{NOWHERE}{kind}" not in page.text
    assert page.all(data_enter="", data_block="b", data_action=element["action_id"])


TAGS = frozenset(
    {
        *(
            "a",
            "blockquote",
            "br",
            "button",
            "code",
            "del",
            "details",
            "dialog",
            "div",
            "em",
            "fieldset",
            "footer",
            "form",
        ),
        *(
            "h2",
            "h3",
            "header",
            "hr",
            "input",
            "label",
            "legend",
            "li",
            "option",
            "p",
            "pre",
            "select",
            "small",
            "span",
        ),
        *("strong", "summary", "textarea", "time", "ul"),
        *("caption", "rect", "svg", "table", "td", "th", "tr"),
    }
)
ATTRIBUTES = frozenset(
    {
        *(
            "action",
            "aria-controls",
            "aria-describedby",
            "aria-invalid",
            "aria-label",
            "aria-labelledby",
            "aria-pressed",
        ),
        *(
            "aria-required",
            "autocomplete",
            "checked",
            "class",
            "data-action",
            "data-block",
            "data-closes",
            "data-enter",
        ),
        *("data-opens", "data-press", "data-type-ahead", "data-view", "datetime", "for", "form", "formaction"),
        *("formnovalidate", "hidden", "href", "id", "maxlength", "method", "name", "placeholder", "rel", "role"),
        *("selected", "size", "target", "type", "value"),
        *("aria-hidden", "height", "required", "rx", "scope", "width"),
    }
)


def _is_harmless_and_whole(page: Node) -> None:
    nodes = page.all()
    assert {node.tag for node in nodes} <= TAGS
    assert {name for node in nodes for name in node.attributes} <= ATTRIBUTES
    ids = [node.attributes["id"] for node in nodes if "id" in node.attributes]
    assert len(set(ids)) == len(ids)
    referred = {
        each
        for node in nodes
        for name in ("for", "form", "data-opens", "aria-controls", "aria-describedby", "aria-labelledby")
        for each in node.attributes.get(name, "").split()
    }
    assert referred <= set(ids)
    for link in page.all("a"):
        assert re.match(r"https?://|mailto:", link.attributes["href"], re.IGNORECASE)
    for form in page.all("form"):
        assert form.all("form") == []


def _read_in(given: object) -> Iterator[str]:
    """Every text that a person must be able to read in a block."""
    if isinstance(given, dict):
        if given.get("type") in EITHER:
            yield read(html_of(given["text"], NAMES)).text if given["type"] == "mrkdwn" else plain_of(given["text"])
        else:
            for each in given.values():
                yield from _read_in(each)
    if isinstance(given, list):
        for each in given:
            yield from _read_in(each)


def _all_read_in(page: Node) -> str:
    attributes = [
        node.attributes.get(name, "") for node in page.all() for name in ("value", "placeholder", "aria-label")
    ]
    return _squeezed(" ".join([page.text, *attributes]))


def _squeezed(text: str) -> str:
    return "".join(text.split())


def _seen_in_a_message(blocks: Sequence[Element]) -> list[object]:
    """The blocks without the placeholders that are hidden by an initial option, or belong to an overflow menu."""
    return [_without_hidden_placeholders(block) for block in blocks]


def _without_hidden_placeholders(given: Any) -> Any:  # noqa: ANN401
    match given:
        case {"type": "static_select", "initial_option": _, "placeholder": _, **rest}:
            return rest
        case dict():
            return {name: _without_hidden_placeholders(each) for name, each in given.items()}
        case list():
            return [_without_hidden_placeholders(each) for each in given]
    return given


@given(_lists_of(BLOCKS))
def test_any_message_that_slack_would_show_is_shown_with_every_text_in_it(blocks: list[Json]) -> None:
    page = _message(*blocks)
    _is_harmless_and_whole(page)
    shown = _all_read_in(page)
    for text in _read_in(_seen_in_a_message(blocks)):
        assert _squeezed(text) in shown
    for form in page.all("form"):
        where = _where(form)
        assert elements_of(blocks[int(where["block"])])[int(where["element"])]


@given(_lists_of(IN_A_VIEW), _texts(24), _option_lists(), st.booleans())
def test_any_modal_that_slack_would_show_is_shown_with_every_text_in_it(
    blocks: list[Json], title: str, found: list[Json], wrong: bool
) -> None:
    view = _view(*blocks, title=_plain(title), close=_plain(title))
    fields = [(block, name) for block, entered in view.values.items() for name in entered]
    view.offered = {each: [*found] for each in fields}
    view.errors = dict.fromkeys(["", *view.values], "<wrong>") if wrong else {}
    page = _shown(view)
    _is_harmless_and_whole(page)
    shown = _all_read_in(page)
    for text in _read_in([view.given["title"], *blocks]):
        assert _squeezed(text) in shown
    if fields and any(block["type"] == "input" for block in blocks):
        assert ("<wrong>" in page.text) == wrong
