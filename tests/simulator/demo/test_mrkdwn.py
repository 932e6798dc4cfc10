import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.simulator.demo.mrkdwn import html_of, is_link, plain_of
from tests.markup import read

NAMES = {"U1": "@Ana", "C1": "#sales", "S1": "@owners"}
PIECES = [
    *"*_~`<>&|\n \"'!@#=/;:^()\\\x00\r\t\xa0\u2028",
    "```",
    "&lt;",
    "&gt;",
    "&amp;",
    "&quot;",
    "<@U1>",
    "<!here>",
    "<!date^1700000000^{time}|then>",
    "<https://example.com/?a=1&amp;b=2|page>",
    "<javascript:alert(1)|x>",
    "<script>",
    "</b>",
    "<!--",
    "ab",
    "ß",
    "7",
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=40).map("".join) | st.text()

LINK = {"rel": "noopener noreferrer", "target": "_blank"}
OURS = frozenset({"a", "blockquote", "br", "code", "del", "em", "pre", "span", "strong", "time"})


def _words(text: str) -> str:
    """The text without every character that may be markup."""
    return re.sub(r"[*_~`>\s]", "", text)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("", ""),
        ("hello", "hello"),
        ("*bold*", "<strong>bold</strong>"),
        ("_italic_", "<em>italic</em>"),
        ("~gone~", "<del>gone</del>"),
        ("`code`", "<code>code</code>"),
        ("a *b* c", "a <strong>b</strong> c"),
        ("(*b*), *c*.", "(<strong>b</strong>), <strong>c</strong>."),
        ("*a b*", "<strong>a b</strong>"),
        ("*a _b ~c~_ d*", "<strong>a <em>b <del>c</del></em> d</strong>"),
        ("_*both*_", "<em><strong>both</strong></em>"),
        ("*<https://a.example|deal>*", f'<strong><a href="https://a.example" {"{}"}>deal</a></strong>'),
        ("*`x`*", "<strong><code>x</code></strong>"),
    ],
)
def test_marks_around_words_format_them(text: str, html: str) -> None:
    assert html_of(text, {}) == html.format('rel="noopener noreferrer" target="_blank"')


@pytest.mark.parametrize(
    "text",
    [
        "snake_case_name",
        "2*3*4",
        "a ~ b ~ c",
        "* a*",
        "*a *",
        "*a",
        "a*",
        "**",
        "**a**",
        "x*a*",
        "*a*x",
        "*a\u00df*\u00df",
        "`",
        "``",
        "```",
    ],
)
def test_other_marks_are_text(text: str) -> None:
    assert html_of(text, {}) == text


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("*a _b* c_", "<strong>a _b</strong> c_"),
        ("*a *b*", "<strong>a *b</strong>"),
        ("_a *b", "_a *b"),
        ("*a\nb*", "*a<br>b*"),
    ],
)
def test_of_two_pairs_that_cross_the_first_to_end_formats_and_none_spans_lines(text: str, html: str) -> None:
    assert html_of(text, {}) == html


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("`*a* _b_ &lt;b&gt;`", "<code>*a* _b_ &lt;b&gt;</code>"),
        ("`<@U1>`", "<code>&lt;@U1&gt;</code>"),
        ("```*a*\n&gt; <@U1>```", "<pre>*a*\n&gt; &lt;@U1&gt;</pre>"),
        ("before\n```\na\n\nb\n```\nafter", "before<pre>a\n\nb</pre>after"),
        ("```a``` and ```b```", "<pre>a</pre> and <pre>b</pre>"),
        ("```\n```", "<pre></pre>"),
        ("`a\nb`", "`a<br>b`"),
    ],
)
def test_in_code_nothing_is_markup(text: str, html: str) -> None:
    assert html_of(text, NAMES) == html


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a\nb\n\nc", "a<br>b<br><br>c"),
        ("> a", "<blockquote>a</blockquote>"),
        ("&gt; *a*\n&gt;b\nc", "<blockquote><strong>a</strong><br>b</blockquote>c"),
        ("a &gt; b", "a &gt; b"),
        ("a\n> b", "a<blockquote>b</blockquote>"),
    ],
)
def test_lines_are_broken_and_quoted(text: str, html: str) -> None:
    assert html_of(text, {}) == html


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<@U1>", "@Ana"),
        ("<@U1|ana>", "@Ana"),
        ("<@U2>", "U2"),
        ("<@U2|kim &amp; co>", "kim & co"),
        ("<#C1>", "#sales"),
        ("<#C2>", "C2"),
        ("<!here>", "@here"),
        ("<!everyone|everyone>", "@everyone"),
        ("<!subteam^S1>", "@owners"),
        ("<!subteam^S2|@crew>", "@crew"),
        ("<@>", "@"),
    ],
)
def test_a_mention_is_shown_by_name(text: str, shown: str) -> None:
    assert read(html_of(text, NAMES)).one("span", class_="mention").text == shown


def test_a_name_is_escaped() -> None:
    assert read(html_of("<@U1>", {"U1": "@<b>&lt;"})).one("span").text == "@<b>&lt;"


@pytest.mark.parametrize(
    ("text", "address", "shown"),
    [
        ("<https://a.example/?b=1&amp;c=2|A &lt;deal&gt;>", "https://a.example/?b=1&c=2", "A <deal>"),
        ("<http://a.example>", "http://a.example", "http://a.example"),
        ("<HTTPS://a.example|>", "HTTPS://a.example", "HTTPS://a.example"),
        ("<mailto:a@b.example|write|me>", "mailto:a@b.example", "write|me"),
        ('<https://a.example/"onclick="x|a *b*>', 'https://a.example/"onclick="x', "a *b*"),
    ],
)
def test_an_address_is_a_link(text: str, address: str, shown: str) -> None:
    link = read(html_of(text, {})).one("a")
    assert link.attributes == {"href": address, **LINK}
    assert link.text == shown


@pytest.mark.parametrize(
    "text",
    ["<javascript:alert(1)|x>", "<JavaScript://a>", "<data:text/html,x>", "<https:a>", "< https://a>", "<b>", "<>"],
)
def test_anything_else_in_angle_brackets_is_text(text: str) -> None:
    page = read(html_of(text, {}))
    assert page.text == text
    assert page.all() == []


@pytest.mark.parametrize(
    ("address", "so"),
    [
        ("https://a", True),
        ("http://a", True),
        ("mailto:a@b", True),
        ("javascript:x", False),
        ("", False),
        ("//a", False),
    ],
)
def test_only_pages_and_mail_may_be_followed(address: str, so: bool) -> None:
    assert is_link(address) == so


def test_a_date_is_shown_in_utc_and_can_be_read_by_a_browser() -> None:
    moment = read(html_of("at <!date^1700000000^{date_short_pretty} at {time}|then>", {})).one("time")
    assert moment.attributes == {
        "datetime": "2023-11-14T22:13:20Z",
        "data-format": "{date_short_pretty} at {time}",
    }
    assert moment.text == "2023-11-14 22:13 UTC"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<!date^soon^{time}|then &amp; there>", "then & there"),
        (f"<!date^{'9' * 12}^{{time}}|then>", "then"),
        ("<!date^soon>", "<!date^soon>"),
    ],
)
def test_an_invalid_date_is_shown_by_its_fallback(text: str, shown: str) -> None:
    assert read(html_of(text, {})).text == shown


def test_the_last_possible_date_is_shown() -> None:
    assert read(html_of(f"<!date^{'9' * 11}^{{time}}|then>", {})).text == "5138-11-16 09:46 UTC"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("&lt;b&gt; &amp;lt;", "<b> &lt;"), ("&quot; & &nbsp;", "&quot; & &nbsp;"), ("<&>", "<&>")],
)
def test_only_slacks_three_entities_are_read(text: str, shown: str) -> None:
    assert plain_of(text) == shown
    assert read(html_of(text, {})).text == shown


@given(TEXTS)
def test_any_text_becomes_html_with_only_our_own_tags(text: str) -> None:
    for node in read(html_of(text, NAMES)).all():
        assert node.tag in OURS
        match node.tag:
            case "a":
                assert is_link(node.attributes["href"])
                assert node.attributes == {"href": node.attributes["href"], **LINK}
            case "span":
                assert node.attributes == {"class": "mention"}
            case "time":
                assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", node.attributes["datetime"])
                assert node.attributes.keys() == {"datetime", "data-format"}
            case _:
                assert node.attributes == {}


@given(TEXTS)
def test_no_word_of_a_text_is_lost(text: str) -> None:
    outside = text.replace("<", "(")  # what stands in angle brackets is shown as something else
    assert _words(read(html_of(outside, NAMES)).text) == _words(plain_of(outside))


@given(st.text(alphabet="ab*_~ .`&<>:!@#^1"))
def test_no_word_in_angle_brackets_is_lost_if_it_has_no_label(text: str) -> None:
    assert re.sub(r"[^ab1]", "", read(html_of(text, {})).text) == re.sub(r"[^ab1]", "", text)


@pytest.mark.untraced
@pytest.mark.parametrize(
    "unit",
    [
        *[
            "*",
            "_a",
            " *a",
            " *a _b",
            "*a* ",
            "~a _b *c_ ",
            "`",
            "`a",
            "```",
            "````a",
            "<",
            "<a",
            ">",
            "\n> ",
            "\n",
            "&",
        ],
        *["<@U1>", "<https://a|b>", "&gt;", "*_~", " *a _b ~c* ", "\n```a", "|", "<!date^1^a|b>"],
    ],
)
def test_a_long_text_is_read_in_a_time_that_grows_with_its_length(unit: str) -> None:
    text = unit * (40_000 // len(unit))
    start = time.process_time()
    html_of(text, NAMES)
    # Some hundredths of a second; several seconds if the time grew with the square.
    assert time.process_time() - start < 1.0
