import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.deals.deal import STATES, LostReason, Matches, Opportunity, Status
from bot.simulator.slack.block_kit import refusal_of_options, refusal_of_view
from bot.slack.block_kit.blocks import Block
from bot.slack.block_kit.inputs import is_value
from bot.slack.block_kit.mrkdwn import plain, unescaped
from bot.slack.messages.form import (
    DEAL,
    FORM,
    NOTE,
    NOTE_LIMIT,
    POST,
    REASON,
    SHORTCUT,
    STATUS,
    UNAVAILABLE,
    Deal,
    Entered,
    Form,
    Origin,
    complaints,
    deal_for,
    deal_option,
    entered,
    filled,
    option_for,
    suggestions,
    view,
)
from bot.slack.messages.tables import FORM_WORDS

ANY_CHARACTER = st.characters(exclude_categories=[])
TEXTS = (
    st.text(ANY_CHARACTER)
    | st.lists(st.sampled_from(["<", "&", "&amp;", "\ud83d", "\u202e", "\x00", "\n", " · ", "a"]), max_size=40).map(
        "".join
    )
    | st.integers(0, 400).map(lambda length: "<" * length)
)
MAYBE = st.none() | TEXTS
IDS = st.text(st.sampled_from("aB3"), min_size=1, max_size=20) | TEXTS
DEALS = st.builds(
    Opportunity,
    IDS,
    TEXTS | st.sampled_from(STATES),
    name=MAYBE,
    contact=MAYBE,
    company=MAYBE,
    pipeline=MAYBE,
    stage=MAYBE,
)
ORIGINS = st.builds(Origin, st.sampled_from(["", "C1"]), st.sampled_from(["", "https://reply.example/1"]))
REASONS = st.none() | st.lists(st.builds(LostReason, IDS, TEXTS), max_size=5).map(tuple)
FORMS = st.builds(
    Form,
    origin=ORIGINS,
    statuses=st.just(STATES),
    deal=st.none() | DEALS.map(deal_for),
    status=st.none() | st.sampled_from(Status),
    reasons=REASONS,
    reason_required=st.booleans(),
    lost_reason_id=MAYBE,
    note=TEXTS,
    public=st.booleans(),
)

HERE = Origin("C1", "https://reply.example/1")
PRICE, SILENT = LostReason("price", "Too expensive"), LostReason("silent", "No answer")
WEBSITE = Opportunity("aB3", "open", name="New website", contact="Jane Doe", pipeline="Sales", stage="Offer made")
EMPTY = Form(HERE, STATES)
LOST = Form(
    HERE,
    STATES,
    deal=deal_for(WEBSITE),
    status=Status.LOST,
    reasons=(PRICE, SILENT),
    lost_reason_id="silent",
    note="Sorry <&>\nto hear it",
)


def _fields(form: Form) -> dict[str, Block]:
    return {block["block_id"]: block for block in view(form)["blocks"]}


def _sent(form: Form) -> dict[str, Any]:
    """The view as Slack sends it when the caller has not touched it: each field holds what it began with."""
    shown = view(form)
    values = {block["block_id"]: {block["element"]["action_id"]: _held(block["element"])} for block in shown["blocks"]}
    return {**shown, "id": "V1", "hash": "1.a", "state": {"values": values}}


def _held(element: Block) -> Block:
    match element["type"]:
        case "plain_text_input":
            held = {"value": element.get("initial_value")}
        case "checkboxes":
            held = {"selected_options": element.get("initial_options", [])}
        case _:
            held = {"selected_option": element.get("initial_option")}
    return {"type": element["type"], **held}


def _changed(form: Form, field: str, **held: object) -> dict[str, Any]:
    sent = _sent(form)
    sent["state"]["values"][field] = {field: held}
    return sent


# --- what the form shows -------------------------------------------------------------------------------------------


@given(FORMS)
def test_slack_takes_the_form_whatever_the_crm_holds(form: Form) -> None:
    assert refusal_of_view(view(form)) is None


def test_the_empty_form_asks_for_a_deal_a_status_and_a_note() -> None:
    shown = view(EMPTY)

    assert shown["callback_id"] == FORM == "form"
    assert (shown["title"]["text"], shown["submit"]["text"]) == ("Update a deal", "Update deal")
    assert list(_fields(EMPTY)) == [DEAL, STATUS, NOTE, POST]
    assert not any("initial_option" in field["element"] for field in _fields(EMPTY).values())
    assert SHORTCUT == "change_status"


def test_each_field_has_one_name_which_slack_keeps_its_contents_by() -> None:
    for form in (EMPTY, LOST):
        assert all(name == field["element"]["action_id"] for name, field in _fields(form).items())


def test_a_deal_is_found_by_typing_three_letters() -> None:
    element = _fields(EMPTY)[DEAL]["element"]

    assert (element["type"], element["min_query_length"]) == ("external_select", 3)
    assert element["placeholder"]["text"] == "Search by name, contact, or company"


def test_the_form_hears_of_a_chosen_status_and_of_nothing_else() -> None:
    assert [name for name, field in _fields(LOST).items() if field["dispatch_action"]] == [STATUS]


def test_only_the_statuses_that_may_be_set_are_offered() -> None:
    options = _fields(replace(EMPTY, statuses=(Status.OPEN, Status.WON)))[STATUS]["element"]["options"]

    assert [(option["text"]["text"], option["value"]) for option in options] == [("Open", "open"), ("Won", "won")]


@pytest.mark.parametrize("status", [None, *Status])
@pytest.mark.parametrize("reasons", [None, (), (PRICE,), (LostReason("", "Nobody"),)])
def test_a_reason_is_asked_for_only_when_a_deal_is_lost_and_reasons_are_known(
    status: Status | None, reasons: tuple[LostReason, ...] | None
) -> None:
    shown = REASON in _fields(replace(EMPTY, status=status, reasons=reasons))

    assert shown == (status is Status.LOST and reasons == (PRICE,))


@pytest.mark.parametrize("required", [True, False])
def test_a_reason_may_be_left_out_unless_it_is_required(required: bool) -> None:
    fields = _fields(replace(LOST, reason_required=required))

    optional = [name for name, field in fields.items() if field["optional"]]
    assert optional == ([NOTE, POST] if required else [REASON, NOTE, POST])


def test_more_reasons_than_slack_shows_are_cut_off() -> None:
    many = tuple(LostReason(str(number), f"Reason {number}") for number in range(101))
    form = replace(LOST, reasons=many, lost_reason_id="100")

    assert len(_fields(form)[REASON]["element"]["options"]) == 100
    assert refusal_of_view(view(form)) is None


def test_a_note_has_several_lines_and_says_that_it_is_posted() -> None:
    field = _fields(EMPTY)[NOTE]

    assert (field["element"]["multiline"], field["element"]["max_length"]) == (True, NOTE_LIMIT)
    assert field["hint"]["text"] == "Posted with the update in Slack. It isn't added to the deal in HighLevel."


def test_the_result_is_posted_to_the_channel_unless_the_caller_unticks_it() -> None:
    assert [box["value"] for box in _fields(EMPTY)[POST]["element"]["initial_options"]] == [POST]
    assert "initial_options" not in _fields(replace(EMPTY, public=False))[POST]["element"]


def test_nothing_is_posted_where_there_is_no_channel() -> None:
    nowhere = replace(EMPTY, origin=Origin())

    assert POST not in _fields(nowhere)
    assert not entered(_sent(nowhere)).public
    assert not entered({**_sent(EMPTY), "private_metadata": ""}).public


# --- where it was opened -------------------------------------------------------------------------------------------


@given(st.builds(Origin, st.text(), st.text()))
def test_where_the_form_was_opened_is_carried_along(origin: Origin) -> None:
    read = Origin.from_metadata(origin.to_metadata())

    assert read == Origin(*(text.replace("\x00", "") for text in (origin.channel_id, origin.response_url)))
    assert origin.to_metadata().isascii()


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "1", '"C1"', '{"channel_id": 1}', "[" * 3000, "{}"])
def test_what_the_form_carried_may_be_anything(text: str) -> None:
    assert Origin.from_metadata(text) == Origin()


def test_half_of_what_was_carried_is_better_than_nothing() -> None:
    assert Origin.from_metadata('{"channel_id": "C1", "more": {}}') == Origin("C1")


# --- what is suggested ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("deal", "label"),
    [
        (WEBSITE, "New website · Jane Doe · open"),
        (replace(WEBSITE, contact=None, company="ACME"), "New website · ACME · open"),
        (replace(WEBSITE, contact="\u202e", company=None), "New website · open"),
        (replace(WEBSITE, name="Jane Doe"), "Jane Doe · open"),
        (replace(WEBSITE, name="open"), "open · Jane Doe · open"),
        (replace(WEBSITE, name=None), "Deal aB3 · Jane Doe · open"),
        (replace(WEBSITE, name="\n", status=""), "Deal aB3 · Jane Doe"),
        (replace(WEBSITE, name="n" * 99), f"{'n' * 56}… · Jane Doe · open"),
        (replace(WEBSITE, name="n" * 99, contact="c" * 99), f"{'n' * 39}… · {'c' * 24}… · open"),
        (replace(WEBSITE, status="s" * 99), f"New website · Jane Doe · {'s' * 19}…"),
        (replace(WEBSITE, name="Müller & Söhne"), "Müller & Söhne · Jane Doe · open"),
    ],
)
def test_a_deal_goes_by_its_name_whose_it_is_and_its_status(deal: Opportunity, label: str) -> None:
    assert deal_for(deal).label == label
    assert unescaped(deal_option(deal).block()["text"]["text"]) == label


@given(DEALS, st.sampled_from(STATES))
def test_the_status_is_seen_however_long_the_names_are(deal: Opportunity, status: Status) -> None:
    label = deal_for(replace(deal, status=status)).label

    assert label.endswith(f" · {status}")
    assert len(plain(label, 1000)) <= 75


@pytest.mark.parametrize(
    ("pipeline", "stage", "detail"),
    [
        ("Sales", "Offer made", "Sales › Offer made"),
        ("Sales", None, "Sales"),
        ("\u202e", "Offer made", "Offer made"),
        (None, "", ""),
    ],
)
def test_below_a_deal_stands_how_far_it_is(pipeline: str | None, stage: str | None, detail: str) -> None:
    option = deal_option(replace(WEBSITE, pipeline=pipeline, stage=stage))

    assert option == option_for(Deal("aB3", "New website · Jane Doe · open", detail))


@given(st.lists(DEALS, max_size=8).map(tuple), st.booleans())
def test_slack_takes_any_deals_as_suggestions_in_their_order(deals: tuple[Opportunity, ...], more: bool) -> None:
    made = suggestions(Matches(deals, more))

    assert refusal_of_options(made) is None
    ids = dict.fromkeys(deal.id for deal in deals if is_value(deal.id))
    assert [option["value"] for option in made["options"]] == list(ids)


def test_that_there_are_more_deals_is_not_suggested() -> None:
    assert suggestions(Matches((WEBSITE,), more=True)) == suggestions(Matches((WEBSITE,), more=False))


def test_while_highlevel_does_not_answer_that_is_all_there_is_to_choose() -> None:
    shown = UNAVAILABLE.block()

    assert refusal_of_options({"options": [shown]}) is None
    assert (shown["text"]["text"], shown["value"]) == (
        "HighLevel isn't responding. Keep typing to try again.",
        "unavailable",
    )


# --- what was entered ----------------------------------------------------------------------------------------------


def test_what_was_entered_is_read() -> None:
    assert entered(_sent(LOST)) == Entered(
        origin=HERE,
        deal_id="aB3",
        status=Status.LOST,
        lost_reason_id="silent",
        note="Sorry <&>\nto hear it",
        public=True,
        asked_for_reason=True,
    )


def test_a_form_that_was_not_filled_in_holds_nothing() -> None:
    nothing = Entered(HERE, "", None, None, "", public=True, asked_for_reason=False)

    assert entered(_sent(EMPTY)) == nothing
    assert entered({}) == replace(nothing, origin=Origin(), public=False)


def test_a_reason_counts_only_for_a_lost_deal() -> None:
    assert entered(_changed(LOST, STATUS, selected_option={"value": "won"})).lost_reason_id is None
    assert entered(_changed(LOST, REASON, selected_option=None)).lost_reason_id is None


def test_a_note_is_read_without_the_space_around_it() -> None:
    assert entered(_changed(LOST, NOTE, value="  a\n b \n")).note == "a\n b"


@pytest.mark.parametrize("boxes", [None, [], {}, [None], [{"value": "other"}], "post"])
def test_what_is_not_ticked_is_not_posted(boxes: object) -> None:
    assert not entered(_changed(LOST, POST, selected_options=boxes)).public


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(ANY_CHARACTER) | st.sampled_from([*Status, "[" * 3000]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "state",
                    "values",
                    "selected_option",
                    "selected_options",
                    "value",
                    "text",
                    DEAL,
                    STATUS,
                    REASON,
                    NOTE,
                    POST,
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(st.dictionaries(st.sampled_from(["state", "private_metadata", "blocks"]), JSON), JSON)
def test_whatever_comes_is_read_shown_again_and_a_database_takes_it(sent: dict[str, Any], held: object) -> None:
    values = {name: {name: held} for name in (DEAL, STATUS, REASON, NOTE, POST)}
    for each in (sent, {**sent, "state": {"values": values}}):
        read = entered(each)
        for text in (read.deal_id, read.lost_reason_id or "", read.note, read.origin.channel_id):
            assert "\x00" not in text
            text.encode()  # does not raise
        again = filled(each, statuses=STATES, reasons=(PRICE,), reason_required=True)
        assert refusal_of_view(view(again)) is None


# --- the form again, after a status was chosen ---------------------------------------------------------------------


@given(FORMS)
def test_the_form_is_shown_again_as_it_was(form: Form) -> None:
    again = filled(_sent(form), statuses=form.statuses, reasons=form.reasons, reason_required=form.reason_required)

    assert view(again) == view(form)


def test_what_was_entered_stays_when_reasons_appear() -> None:
    chosen = _changed(replace(LOST, status=Status.OPEN), STATUS, selected_option={"value": "lost"})

    again = filled(chosen, statuses=STATES, reasons=(PRICE, SILENT), reason_required=True)

    assert again == replace(LOST, reason_required=True, lost_reason_id=None)


def test_a_note_is_shown_again_with_the_space_around_it() -> None:
    sent = _changed(EMPTY, NOTE, value=" a\n")

    assert filled(sent, statuses=STATES, reasons=None, reason_required=False).note == " a\n"


# --- what is wrong with it -----------------------------------------------------------------------------------------


def _wrong(sent: dict[str, Any], *, required: bool = False) -> dict[str, str]:
    return complaints(entered(sent), statuses=STATES, reason_required=required)


@pytest.mark.parametrize("required", [True, False])
def test_a_form_that_is_filled_in_is_fine(required: bool) -> None:
    assert _wrong(_sent(LOST), required=required) == {}
    assert _wrong(_sent(replace(LOST, status=Status.WON, note="")), required=required) == {}


def test_every_field_that_is_missing_is_named_at_once() -> None:
    assert _wrong(_sent(EMPTY)) == {DEAL: FORM_WORDS.no_deal, STATUS: FORM_WORDS.no_status}


def test_that_highlevel_did_not_answer_is_no_deal() -> None:
    assert _wrong(_changed(LOST, DEAL, selected_option=UNAVAILABLE.block())) == {DEAL: FORM_WORDS.no_answer}


@pytest.mark.parametrize("status", [Status.WON, Status.ALL])
def test_a_status_that_may_not_be_set_is_refused(status: Status) -> None:
    read = replace(entered(_sent(LOST)), status=status)

    sentence = f"Setting deals to {status} is turned off here. Pick another status."
    assert complaints(read, statuses={Status.OPEN}, reason_required=True) == {STATUS: sentence}


def test_a_lost_deal_needs_a_reason_only_where_one_is_required() -> None:
    without = _sent(replace(LOST, lost_reason_id=None))

    assert _wrong(without) == {}
    assert _wrong(without, required=True) == {REASON: FORM_WORDS.no_reason}


def test_a_reason_that_the_form_could_not_ask_for_does_not_keep_a_deal_from_being_lost() -> None:
    assert _wrong(_sent(replace(LOST, reasons=None)), required=True) == {}


def test_a_note_that_is_too_long_is_refused() -> None:
    assert _wrong(_changed(LOST, NOTE, value="n" * 500)) == {}
    wrong = _wrong(_changed(LOST, NOTE, value="n" * 501))
    assert wrong == {NOTE: "That's 501 characters. The limit is 500."}


@given(FORMS, st.booleans())
def test_every_complaint_is_about_a_field_that_is_there(form: Form, required: bool) -> None:
    wrong = _wrong(_sent(form), required=required)

    assert wrong.keys() <= _fields(form).keys()
    assert all(wrong.values())
    json.dumps(wrong)
