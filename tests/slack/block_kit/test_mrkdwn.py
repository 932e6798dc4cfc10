"""No text from outside is markup: held against an implementation of Slack's own grammar."""

import re
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.deals.deal import Opportunity
from bot.deals.outcome import AlreadySo, Changed, Outcome
from bot.simulator.demo.mrkdwn import html_of
from bot.slack.block_kit.blocks import label
from bot.slack.block_kit.mrkdwn import code, fit, link, plain, spoken
from tests.markup import read
from tests.reading import OUTCOMES, RICH, buttons, command_of, our_messages, shown, told

MARKS = [
    *"*_~`＊＿｀>＞:•-#|!()\n ",
    "```",
    "ab",
    "7",
    "ß",
    "日",
    ":joy:",
    "> a",
    "- b",
    "*PAY NOW*",
    "~x~",
    "&",
    "<b>",
]
TEXTS = st.lists(st.sampled_from(MARKS), min_size=1, max_size=12).map("".join) | st.text(min_size=1, max_size=30)

SENTENCES = [
    "{}",
    "{}: still open",
    "• {}",
    "&gt; {}",
    "*{}*",
    "({})",
    "from {} to *won*.",
    "*{0}* of {0}, {0} › {0}",
    "*won* {} *lost*",
    "`code` {} `code`",
    "_quiet_ {} ~gone~",
    "one\n{}\n{}",
]

EMOJI = re.compile(r":[\w'+-]+:")
READ_AS = str.maketrans("∗ˍ∼ˋ˃꞉", "*_~`>:")


def _elements(mrkdwn: str) -> Counter[str]:
    return Counter(node.tag for node in read(html_of(mrkdwn, {})).all())


def _seen(text: str) -> str:
    """What the eye reads: letters that look alike are one."""
    return "".join(text.replace("＊", "*").replace("＿", "_").replace("｀", "`").replace("＞", ">").split())


@pytest.mark.parametrize("sentence", SENTENCES)
@given(text=TEXTS)
def test_no_text_from_outside_is_markup_in_any_sentence(sentence: str, text: str) -> None:
    assume(plain(text))
    filled = sentence.format(*[plain(text)] * 4)

    assert _elements(filled) == _elements(sentence.format(*["x"] * 4))
    assert not EMOJI.search(filled)


@given(TEXTS)
def test_the_eye_reads_a_text_from_outside_as_it_was_typed(text: str) -> None:
    typed = "".join(char for char in text if char.isprintable() or char.isspace())
    assume(typed == text)
    page = read(html_of(plain(text), {}))

    assert _seen(page.text.translate(READ_AS)) == _seen(text.translate(READ_AS))


def test_a_contact_with_markup_in_its_name_is_shown_as_it_was_typed() -> None:
    message = told(Changed(RICH, replace(RICH, status="lost", contact="*PAY NOW* ~x~", company=None)))

    page = read(html_of("\n".join(shown(message)), {}))
    assert "∗PAY NOW∗ ∼x∼" in page.text
    assert [node.text for node in page.all("strong")] == ["New website", "lost", "12,500"]
    assert page.all("del") == []


@pytest.mark.parametrize(
    ("mrkdwn", "said"),
    [
        ("*<https://a.example/b?c=d|New website>* · *$4,800*", "New website · $4,800"),
        ("<@U0ANA> won *x*, <!date^1^{time}|then> in <#C1>", "<@U0ANA> won x, <!date^1^{time}|then> in <#C1>"),
        ("_Hank, Globex_ and snake_case", "Hank, Globex and snake_case"),
        ("run `a *b* _c_` *now*", "run `a *b* _c_` now"),
        ("a &lt;b&gt; *c", "a &lt;b&gt; c"),
    ],
)
def test_what_is_read_out_has_neither_links_nor_marks(mrkdwn: str, said: str) -> None:
    assert spoken(mrkdwn) == said


@given(TEXTS)
def test_a_name_is_read_out_as_it_is_shown(name: str) -> None:
    assert spoken(f"*{link('https://a.example', name)}*") == plain(name).replace("|", "¦")


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("*PAY NOW* ~x~", "∗PAY NOW∗ ∼x∼"),
        ("snake_case_name", "snake_case_name"),
        ("_a_ b_", "ˍaˍ bˍ"),
        ("é_x_é", "éˍxˍé"),
        ("＊a＊ ＿b＿ ｀c｀", "∗a∗ ˍbˍ ˋcˋ"),
        ("`rm -rf`", "ˋrm -rfˋ"),
        (">>> a > b", "˃&gt;&gt; a &gt; b"),
        ("＞ a", "˃ a"),
        (":tada: now", "꞉tada: now"),
        (":wave::skin-tone-2:", "꞉wave:꞉skin-tone-2:"),
        ("a :b", "a ꞉b"),
        ("Note: yes", "Note: yes"),
        ("https://a.example/b", "https://a.example/b"),
    ],
)
def test_only_what_slack_would_take_for_markup_is_replaced_by_what_looks_alike(text: str, seen: str) -> None:
    assert plain(text) == seen


@given(TEXTS, st.integers(1, 40))
def test_a_text_that_is_cut_is_no_markup_either(text: str, limit: int) -> None:
    cut = plain(text, limit)

    assert len(cut) <= limit
    assert _elements(f"*a* {cut} *b*") == Counter({"strong": 2})


@given(TEXTS)
def test_in_code_a_text_stays_as_it_was_typed_but_for_backticks(text: str) -> None:
    assume(text.isprintable() and text.strip())
    first, second = read(html_of(f"{code(text)} and {code('x')}", {})).all()

    assert (first.tag, second.tag, second.text) == ("code", "code", "x")
    assert first.text == re.sub("[`｀]", "ˋ", " ".join(text.split()))


def test_code_without_anything_to_see_does_not_reach_to_the_next() -> None:
    assert code("\n") == "`…`"


@given(TEXTS, st.integers(1, 60))
def test_code_that_is_cut_stays_code(text: str, limit: int) -> None:
    cut = fit(f"*a* {code(text)} *b*", limit)

    assert len(cut) <= limit
    assert cut.count("`") % 2 == 0
    assert [node.text for node in read(html_of(cut, {})).all("strong")] in ([], ["a"], ["a", "b"])


@pytest.mark.parametrize(
    ("mrkdwn", "limit", "cut"),
    [("`*a* b`", 6, "`*a*…`"), ("ab `*c*`", 5, "ab …"), ("`&amp;b`", 5, "`…`"), ("`a` *b*", 5, "`a` …")],
)
def test_cut_code_ends_with_a_backtick(mrkdwn: str, limit: int, cut: str) -> None:
    assert fit(mrkdwn, limit) == cut


@given(TEXTS)
def test_where_slack_knows_no_marks_a_text_stays_as_it_was_typed(text: str) -> None:
    assume(not set(text) & set("&<>") and text.isprintable() and text.strip())

    assert label(text, 75)["text"] == " ".join(text.split())


@given(TEXTS)
def test_the_label_of_a_link_is_no_markup(text: str) -> None:
    assume(plain(text))

    assert _elements(f"*{link('https://a.example', text)}*") == Counter({"strong": 1, "a": 1})


# --- whole messages ------------------------------------------------------------------------------------------------

OURS = {"a", "blockquote", "br", "code", "span", "strong", "time"}
"""What our sentences are marked with."""


@given(OUTCOMES, st.sampled_from(["", "> *n* ~o~"]))
def test_no_message_has_an_element_that_our_sentences_do_not_have(outcome: Outcome, note: str) -> None:
    message = our_messages().outcome(outcome, replace(command_of(), note=note))
    asked = [each["confirm"]["text"]["text"] for each in buttons(message) if "confirm" in each]

    for text in (message.text, *shown(message), *asked):
        page = read(html_of(text, {}))
        assert {node.tag for node in page.all()} <= OURS
        assert len(page.all("blockquote")) <= (1 if note else 0)


def _deal(field: str, text: str) -> Opportunity:
    fields: dict[str, Any] = {"value": None, field: text}
    return replace(RICH, **fields)


@given(TEXTS, st.sampled_from(["name", "contact", "company", "pipeline", "stage", "owner", "lost_reason"]))
def test_no_field_of_a_deal_can_mark_a_message_up(text: str, field: str) -> None:
    assume(plain(text))
    marked, unmarked = (_deal(field, each) for each in (text, "x"))
    lost, likewise = (replace(deal, status="lost", lost_reason_id="r") for deal in (marked, unmarked))

    for outcome, same in ((AlreadySo(marked), AlreadySo(unmarked)), (Changed(RICH, lost), Changed(RICH, likewise))):
        assert _elements(shown(told(outcome))[0]) == _elements(shown(told(same))[0])
