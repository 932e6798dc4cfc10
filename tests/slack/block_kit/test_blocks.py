import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.simulator.slack.block_kit import refusal_of
from bot.slack.block_kit.blocks import (
    ACTION_ID_LIMIT,
    ACTIONS_LIMIT,
    BLOCK_ID_LIMIT,
    BUTTON_LIMIT,
    CONFIRM_BUTTON_LIMIT,
    CONFIRM_TEXT_LIMIT,
    CONFIRM_TITLE_LIMIT,
    CONTEXT_LIMIT,
    SECTION_LIMIT,
    TEXT_LIMIT,
    URL_LIMIT,
    VALUE_LIMIT,
    Confirm,
    actions,
    button,
    context,
    header,
    label,
    link_button,
    section,
)
from bot.slack.block_kit.mrkdwn import channel, code, date, escaped, fit, link, plain, unescaped, user

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
MENTIONS = [
    "<!channel>",
    "<!here>",
    "<!everyone|everyone>",
    "<@U123>",
    "<@W123|ana>",
    "<#C123>",
    "<!subteam^S123>",
    "<!date^0^{date}^https://evil.example|now>",
    "<https://evil.example|harmless>",
]
HOSTILE = [*MENTIONS, *BIDI, *"&<>|`\n\r\u2028\x85\x00\ud83d ", "&lt;", "ab"]
TEXTS = st.lists(st.sampled_from(HOSTILE), max_size=40).map("".join) | st.text()
LIMITS = st.integers(1, 200)


def _is_inert(text: str) -> bool:
    """No markup: no bare `<` or `>`, and every `&` begins one of the three entities whole."""
    return re.fullmatch(r"(?:[^<>&]|&amp;|&lt;|&gt;)*", text) is not None


def _is_one_line(text: str) -> bool:
    return len(text.splitlines()) <= 1 and text == text.strip()


# --- text from anywhere --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("show", [plain, escaped])
@given(text=TEXTS, limit=LIMITS)
def test_any_text_becomes_inert_and_fits(show: Callable[[str, int], str], text: str, limit: int) -> None:
    shown = show(text, limit)

    assert len(shown) <= limit
    assert _is_inert(shown)
    assert _is_one_line(shown)
    assert not set(shown) & set(BIDI)


@given(TEXTS)
def test_any_text_can_be_sent(text: str) -> None:
    assert plain(text).encode().decode() == plain(text)


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=30))
def test_a_text_that_fits_is_shown_unchanged(text: str) -> None:
    assert escaped(text).replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == text


def test_every_character_that_turns_the_direction_of_text_is_removed() -> None:
    directing = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    every = {chr(point) for point in range(0x110000) if unicodedata.bidirectional(chr(point)) in directing}

    assert every | {"\u061c", "\u200e", "\u200f"} == set(BIDI)
    assert plain(f"a{BIDI}b") == "a b"


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("Müller & Söhne <GmbH>", 150, "Müller &amp; Söhne &lt;GmbH&gt;"),
        ("  two\n lines\t", 150, "two lines"),
        ("abcdef", 6, "abcdef"),
        ("abcdefg", 6, "abcde…"),
        ("abc<", 6, "abc…"),
        ("ab<", 6, "ab&lt;"),
        ("<<<", 9, "&lt;&lt;…"),
        ("&", 1, "…"),
        ("&amp;", 150, "&amp;amp;"),
        ("\ud83d deal", 150, "deal"),
        ("", 150, ""),
        ("\n\u202e", 150, ""),
    ],
)
def test_a_text_is_escaped_before_it_is_measured(text: str, limit: int, shown: str) -> None:
    assert plain(text, limit) == shown


@given(TEXTS, LIMITS)
def test_an_unescaped_text_escapes_to_the_same_again(text: str, limit: int) -> None:
    shown = escaped(text, limit)

    assert escaped(unescaped(shown), limit) == shown


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=30))
def test_unescaping_undoes_escaping(text: str) -> None:
    assert unescaped(escaped(text)) == text


@pytest.mark.parametrize("mention", MENTIONS)
def test_no_text_can_mention_a_person_or_a_channel(mention: str) -> None:
    for shown in (plain(mention), code(mention), user(mention), channel(mention)):
        assert _is_inert(shown)
    assert re.findall(r"<[^<>]*>", link("https://ours.example", mention)) == [link("https://ours.example", mention)]


# --- finished texts ------------------------------------------------------------------------------------------------

LINK, DATE = "<https://ours.example|a deal>", "<!date^0^{date}|now>"
PIECES = st.sampled_from(["a", " ", "é", "*bold*", "&amp;", "&lt;", "&gt;", "<@U123>", LINK, DATE])


@given(st.lists(PIECES, max_size=30).map("".join), LIMITS)
def test_a_cut_never_splits_an_entity_or_a_link(mrkdwn: str, limit: int) -> None:
    cut = fit(mrkdwn, limit)

    assert len(cut) <= limit
    assert _is_inert(re.sub(r"<[^<>]*>", "", cut))
    if cut != mrkdwn:
        assert cut.endswith("…")
        assert mrkdwn.startswith(cut[:-1])
        assert limit - len(cut) < len(LINK)


@pytest.mark.parametrize(
    ("mrkdwn", "limit", "cut"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("ab&amp;", 6, "ab…"),
        ("&lt;&lt;", 7, "&lt;…"),
        ("a <@U123> b", 8, "a …"),
        ("a <@U123> b", 10, "a <@U123>…"),
    ],
)
def test_markup_that_does_not_fit_is_cut_at_a_safe_place(mrkdwn: str, limit: int, cut: str) -> None:
    assert fit(mrkdwn, limit) == cut


@given(st.sampled_from([1, SECTION_LIMIT - 1, SECTION_LIMIT, SECTION_LIMIT + 1, 10 * SECTION_LIMIT]))
def test_slack_accepts_a_section_and_a_context_of_any_length(length: int) -> None:
    assert refusal_of({"text": "a", "blocks": [section("a" * length), context("a" * length)]}) is None


def test_the_limits_are_slacks() -> None:
    assert (SECTION_LIMIT, CONTEXT_LIMIT) == (3000, 3000)
    assert TEXT_LIMIT <= 4000
    assert (BUTTON_LIMIT, VALUE_LIMIT, URL_LIMIT, ACTIONS_LIMIT) == (75, 2000, 3000, 25)
    assert (ACTION_ID_LIMIT, BLOCK_ID_LIMIT) == (255, 255)
    assert (CONFIRM_TITLE_LIMIT, CONFIRM_TEXT_LIMIT, CONFIRM_BUTTON_LIMIT) == (100, 300, 30)


def test_texts_are_verbatim_so_that_slack_makes_no_mentions() -> None:
    text = {"type": "mrkdwn", "text": "@channel #general", "verbatim": True}

    assert section("@channel #general") == {"type": "section", "text": text}
    assert context("@channel #general") == {"type": "context", "elements": [text]}


def test_a_section_may_have_a_button() -> None:
    beside = button("Undo", "undo", "REF")

    assert section("It was *open*.", beside) == {**section("It was *open*."), "accessory": beside}
    assert refusal_of({"text": "a", "blocks": [section("It was *open*.", beside)]}) is None


def test_a_block_may_have_an_id() -> None:
    made = button("Undo", "undo", "REF")

    assert section("a", block_id="one") == {**section("a"), "block_id": "one"}
    assert actions(made, block_id="two") == {**actions(made), "block_id": "two"}
    assert refusal_of({"text": "a", "blocks": [section("a", block_id="b" * 255)]}) is None
    with pytest.raises(ValueError, match="a block's id"):
        section("a", block_id="b" * 256)
    with pytest.raises(ValueError, match="a block's id"):
        actions(made, block_id="b" * 256)


# --- buttons -------------------------------------------------------------------------------------------------------

LONG_TEXTS = TEXTS | st.integers(0, 400).map(lambda length: "<" * length)


@given(LONG_TEXTS, st.none() | st.builds(Confirm, *[LONG_TEXTS] * 4))
def test_slack_accepts_a_button_with_any_texts(text: str, confirm: Confirm | None) -> None:
    row = actions(button(text, "undo", "x", confirm), button(text, "more", "x"))

    assert refusal_of({"text": "a", "blocks": [row]}) is None


@given(LONG_TEXTS)
def test_the_text_of_a_button_is_escaped_and_on_one_line(text: str) -> None:
    made = button(text, "undo", "x", Confirm(text, "Sure?", text, text))

    for shown in (made["text"], made["confirm"]["title"], made["confirm"]["confirm"], made["confirm"]["deny"]):
        assert shown["type"] == "plain_text"
        assert _is_inert(shown["text"])
        assert _is_one_line(shown["text"])


def test_a_button_has_its_text_action_value_and_confirmation() -> None:
    confirm = Confirm("Undo it?", "It was *open*.", "Undo", "Cancel")

    def label(text: str) -> dict[str, object]:
        return {"type": "plain_text", "text": text, "emoji": False}

    assert button("Undo", "undo", "REF") == {
        "type": "button",
        "text": label("Undo"),
        "action_id": "undo",
        "value": "REF",
    }
    assert button("Undo", "undo", "REF", confirm) == {
        **button("Undo", "undo", "REF"),
        "confirm": {
            "title": label("Undo it?"),
            "text": {"type": "mrkdwn", "text": "It was *open*.", "verbatim": True},
            "confirm": label("Undo"),
            "deny": label("Cancel"),
        },
    }


@pytest.mark.parametrize("style", ["primary", "danger"])
def test_a_button_may_have_a_style(style: Literal["primary", "danger"]) -> None:
    made = button("Undo", "undo", "REF", style=style)

    assert made == {**button("Undo", "undo", "REF"), "style": style}
    assert refusal_of({"text": "a", "blocks": [actions(made)]}) is None


@given(LONG_TEXTS)
def test_a_button_may_open_a_page(text: str) -> None:
    made = link_button(text, "open", "https://ours.example/deal")

    assert made == {
        "type": "button",
        "text": label(text, BUTTON_LIMIT),
        "action_id": "open",
        "url": "https://ours.example/deal",
    }
    assert refusal_of({"text": "a", "blocks": [actions(made)]}) is None


@pytest.mark.parametrize(("action_id", "url"), [("", "u"), ("a" * 256, "u"), ("open", ""), ("open", "u" * 3001)])
def test_a_link_button_with_an_id_or_url_that_does_not_fit_is_an_error(action_id: str, url: str) -> None:
    assert link_button("Open", "a" * 255, "u" * 3000)["url"] == "u" * 3000
    with pytest.raises(ValueError, match="a button's"):
        link_button("Open", action_id, url)


def test_a_button_without_a_text_shows_an_ellipsis() -> None:
    made = button("\u202e", "undo", "x", Confirm("", "", "", ""))

    texts = [made["text"], *made["confirm"].values()]
    assert [text["text"] for text in texts] == ["…"] * 5


def test_the_id_and_value_of_a_button_are_never_cut() -> None:
    longest = button("Undo", "a" * 255, "v" * 2000)
    assert (longest["action_id"], longest["value"]) == ("a" * 255, "v" * 2000)


@pytest.mark.parametrize(("action_id", "value"), [("a" * 256, "x"), ("", "x"), ("undo", "v" * 2001), ("undo", "")])
def test_a_button_with_an_id_or_value_that_does_not_fit_is_an_error(action_id: str, value: str) -> None:
    with pytest.raises(ValueError, match="a button's"):
        button("Undo", action_id, value)


def test_a_row_has_1_to_25_buttons_with_different_ids() -> None:
    buttons = [button("Undo", str(number), "x") for number in range(26)]

    assert actions(*buttons[:25]) == {"type": "actions", "elements": buttons[:25]}
    for wrong in ([], buttons, [buttons[0], buttons[0]]):
        with pytest.raises(ValueError, match="row"):
            actions(*wrong)


# --- links, people, channels, times --------------------------------------------------------------------------------


@given(TEXTS)
def test_no_label_breaks_out_of_a_link(label: str) -> None:
    made = link("https://ours.example/deal", label)

    assert re.fullmatch(r"<https://ours\.example/deal\|[^<>|]*>", made)
    assert _is_one_line(made)


@given(TEXTS, LIMITS)
def test_no_text_breaks_out_of_its_code_quotes(text: str, limit: int) -> None:
    shown = code(text, limit)

    assert shown[0] == shown[-1] == "`"
    assert "`" not in shown[1:-1]
    assert _is_inert(shown)
    assert len(shown) <= limit + 2


@pytest.mark.parametrize("user_id", ["U123", "W0ABC9"])
def test_a_person_is_shown_by_name(user_id: str) -> None:
    assert user(user_id) == f"<@{user_id}>"


@pytest.mark.parametrize("channel_id", ["C123", "G0ABC9", "D0ABC9"])
def test_a_channel_is_shown_by_name(channel_id: str) -> None:
    assert channel(channel_id) == f"<#{channel_id}>"


@pytest.mark.parametrize("text", ["", "U", "u123", "C 123", "U123> <!channel", "S123", "ana", "U123\n"])
def test_a_text_that_is_no_id_is_shown_as_it_is(text: str) -> None:
    assert user(text) == plain(text)
    assert channel(text) == plain(text)


@given(TEXTS)
def test_only_an_id_makes_a_mention(text: str) -> None:
    assert _is_inert(re.sub(r"\A<[@#][A-Z0-9]+>\Z", "", user(text) + channel(text)))


def test_a_time_is_shown_in_the_readers_zone_with_utc_as_the_fallback() -> None:
    noon = datetime(2026, 3, 1, 12, 30, tzinfo=timezone(timedelta(hours=2)))

    assert date(noon) == "<!date^1772361000^{date_short_pretty} at {time}|2026-03-01 10:30 UTC>"


@given(st.datetimes(timezones=st.just(UTC)))
def test_any_time_can_be_shown(moment: datetime) -> None:
    assert re.fullmatch(r"<!date\^-?[0-9]+\^\{date_short_pretty\} at \{time\}\|[0-9: -]+ UTC>", date(moment))


@given(st.text())
def test_slack_accepts_a_title_of_any_text(text: str) -> None:
    assert refusal_of({"text": "x", "blocks": [header(text)]}) is None
