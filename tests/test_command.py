import html
import re
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus, unquote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.command import (
    COMMAND,
    Help,
    Link,
    Misunderstood,
    Problem,
    Request,
    ShowHistory,
    Undo,
    WhoAmI,
    normalise,
    parse,
    read_link,
)
from bot.envelope import MAX_BODY
from bot.status import STATES, Status, Wish

LOCATION = "ve9EPM428h8vShlRW1KT"
ELSEWHERE = "C2QujeCh8ZnC7al2InWR"
ID = "aB3dE5fG7hJ9kL1mN2pQ"
OTHER_ID = "qP2nM1lK9jH7gF5eD3bA"
APP = "https://app.gohighlevel.com"
LINK = f"{APP}/v2/location/{LOCATION}/opportunities/{ID}"
LIST_LINK = f"{APP}/v2/location/{LOCATION}/opportunities/list?opportunityId={ID}"
EVERY_STATUS = frozenset(Status)


def _wide(text: str) -> str:
    """As East Asian keyboards type it: every character as wide as it is high."""
    return "".join(chr(ord(char) + 0xFEE0) for char in text)


def _parse(text: str, statuses: frozenset[Status] = frozenset(STATES)) -> Request:
    return parse(text, location_id=LOCATION, statuses=statuses)


# --- other questions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["undo", "UNDO", "  Undo. ", '"undo"'])
def test_undo_is_understood(text: str) -> None:
    assert _parse(text) == Undo()


def test_undo_with_more_behind_it_is_not_guessed_at() -> None:
    assert _parse(f"undo {ID}, please") == Misunderstood(Problem.UNDO_STANDS_ALONE, f"{ID} please")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("history", ShowHistory()),
        (f"history {ID}", ShowHistory(ID)),
        (f"History <{LINK}|the deal>", ShowHistory(ID)),
        ("history website", Misunderstood(Problem.HISTORY_OF_WHAT, "website")),
        (f"history {ID} {OTHER_ID}", Misunderstood(Problem.HISTORY_OF_WHAT, f"{ID} {OTHER_ID}")),
        (f"history {APP}/v2/location/{LOCATION}/opportunities/list", None),
        (f"history {APP}/v2/location/{ELSEWHERE}/opportunities/{ID}", Misunderstood(Problem.OTHER_LOCATION, ELSEWHERE)),
    ],
)
def test_history_is_of_the_caller_or_of_a_deal(text: str, meant: Request | None) -> None:
    link = text.partition(" ")[2]

    assert _parse(text) == (meant or Misunderstood(Problem.LINK_WITHOUT_ID, link))


# --- a deal and a status -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", STATES)
def test_an_id_is_understood_before_or_after_the_status(status: Status) -> None:
    assert _parse(f"{ID} {status}") == _parse(f"{status} {ID}") == Wish(ID, status)


@pytest.mark.parametrize(
    "identifier",
    [
        ID,
        "ABCDEFGHIJKLMNOPQRST",
        "12345678901234567890",
        "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "opp_0123456789abcdef",
        "a1" * 32,
    ],
)
def test_any_form_that_an_id_may_have_is_taken_as_one(identifier: str) -> None:
    assert _parse(f"{identifier} won") == Wish(identifier, Status.WON)


@pytest.mark.parametrize(
    "word",
    [
        "Website",
        "1234",
        "aB3dE5fG7hJ9kL1",
        "Donaudampfschifffahrtsgesellschaft",
        "#42",
        "a1" * 33,
        "aB3dE5fG7hJ9kL1mN2p/",
        "äB3dE5fG7hJ9kL1mN2pQ",
        "../../users",
    ],
)
def test_a_word_that_is_no_id_is_refused_and_repeated(word: str) -> None:
    assert _parse(f"{word} won") == Misunderstood(Problem.NOT_AN_ID, word)


@pytest.mark.parametrize(
    "link",
    [
        LINK,
        f"{LINK}?tab=Opportunity+Details",
        f"{LINK}/",
        f"{LINK}#notes",
        f"http://{LINK.removeprefix('https://')}",
        LINK.removeprefix("https://"),
        f"HTTPS://APP.GOHIGHLEVEL.COM{LINK.removeprefix(APP)}",
        f"https://crm.some-agency.example:8443/v2/location/{LOCATION}/opportunities/{ID}",
        f"https://[2001:db8::1]/v2/location/{LOCATION}/opportunities/{ID}",
        f"/v2/location/{LOCATION}/opportunities/{ID}",
        f"{APP}/opportunities/{ID}",
        f"{APP}/v2/location/{LOCATION}/opportunities/%61B3dE5fG7hJ9kL1mN2pQ",
        f"{APP}/v2/location/{quote(LOCATION)}//opportunities//{ID}",
        LIST_LINK,
        f"{LIST_LINK}&tab=notes",
        f"{LIST_LINK}&amp;tab=notes",
        LIST_LINK.removeprefix("https://"),
        f"{APP}/v2/location/{LOCATION}/opportunities/list?tab=notes&opportunity={ID}",
        f"{APP}/v2/location/{LOCATION}/opportunities?opportunityId={ID}",
    ],
)
@pytest.mark.parametrize("form", ["{}", "<{}>", "<{}|New website>", '"{}"', "“{}”", "{}.", "&lt;{}&gt;"])
def test_a_link_is_understood_in_every_form(link: str, form: str) -> None:
    text = form.format(link)

    assert _parse(f"{text} won") == _parse(f"won {text}") == Wish(ID, Status.WON)


@pytest.mark.parametrize(
    "around", ['"{}"', "'{}'", "“{}”", "‘{}’", "*{}*", "`{}`", "{},", '"{}".', "<{}>", "&lt;{}&gt;"]
)
@pytest.mark.parametrize("target", [ID, LINK, f"<{LINK}>", f"<{LINK}|New&nbsp;website>"])
def test_what_is_put_around_a_word_is_not_part_of_it(around: str, target: str) -> None:
    assert _parse(f"{around.format(target)} {around.format('lost')}") == Wish(ID, Status.LOST)


def test_a_link_in_slacks_brackets_keeps_its_label_together() -> None:
    assert _parse(f"<{LINK}|New website, third try> won") == Wish(ID, Status.WON)
    assert _parse(f'"<{LINK}|New website, third try>" won') == Wish(ID, Status.WON)


@pytest.mark.parametrize(
    "link",
    [
        f"{APP}/v2/location/{ELSEWHERE}/opportunities/{ID}",
        f"<{APP}/v2/location/{ELSEWHERE}/opportunities/list?opportunityId={ID}>",
        f"{APP}/v2/location/{ELSEWHERE}/dashboard",
    ],
)
def test_a_link_to_another_location_is_refused_and_the_location_named(link: str) -> None:
    assert _parse(f"{link} won") == Misunderstood(Problem.OTHER_LOCATION, ELSEWHERE)


@pytest.mark.parametrize(
    "location",
    [LOCATION.lower(), f"{LOCATION}%2Fx", f"{LOCATION}x", "%20", "<!channel>"],
)
def test_a_location_that_only_resembles_ours_is_another(location: str) -> None:
    request = _parse(f"{APP}/v2/location/{location}/opportunities/{ID} won")

    assert request == Misunderstood(Problem.OTHER_LOCATION, unquote(location))


@pytest.mark.parametrize(
    "link",
    [
        "https://example.com",
        f"{APP}/v2/location/{LOCATION}/dashboard",
        f"{APP}/v2/location/{LOCATION}/opportunities/list",
        f"{APP}/v2/location/{LOCATION}/opportunities/list?opportunityId=",
        f"{APP}/v2/location/{LOCATION}/opportunities/list?opportunityId=a/b",
        f"{APP}/v2/location/{LOCATION}/opportunities/..%2F..%2Fusers",
        f"{APP}/v2/location/{LOCATION}/opportunities/%2E%2E",
        f"{APP}/v2/location/{LOCATION}/opportunities/{'a' * 65}",
        f"https://[::1/v2/location/{LOCATION}/opportunities/{ID}",
        "/opportunities/",
        "https://",
    ],
)
def test_a_link_that_leads_to_no_deal_is_refused(link: str) -> None:
    request = _parse(f"{link} won")

    assert isinstance(request, Misunderstood)
    assert request.problem is Problem.LINK_WITHOUT_ID
    assert request.word == normalise(link)


@pytest.mark.parametrize(
    ("link", "read"),
    [
        (LINK, Link(ID, LOCATION)),
        (LIST_LINK, Link(ID, LOCATION)),
        (f"{APP}/opportunities/{ID}", Link(ID, None)),
        (f"{APP}/v2/location/{LOCATION}/dashboard", Link(None, LOCATION)),
        (f"{APP}/v2/location", Link(None, None)),
        ("https://[::1", Link(None, None)),
        ("", Link(None, None)),
    ],
)
def test_a_link_says_which_deal_and_which_location_as_far_as_it_can(link: str, read: Link) -> None:
    assert read_link(link) == read


# --- statuses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "status"),
    [(status[:length], status) for status in STATES for length in range(3, len(status) + 1)],
)
def test_three_letters_of_a_status_or_more_suffice_in_any_case(word: str, status: Status) -> None:
    assert {_parse(f"{ID} {form}") for form in (word, word.upper(), word.title())} == {Wish(ID, status)}


@pytest.mark.parametrize("word", ["o", "op", "wo", "lo", "ab", "al", "wonn", "opened", "win", "gewonnen", "5"])
def test_anything_less_or_else_is_no_status(word: str) -> None:
    assert _parse(f"{ID} {word}") == Misunderstood(Problem.UNKNOWN_STATUS, word)


@pytest.mark.parametrize("word", ["all", "ALL", "“all”"])
def test_all_is_refused_unless_it_is_offered(word: str) -> None:
    assert _parse(f"{ID} {word}") == Misunderstood(Problem.ALL_IS_NO_STATUS, word.strip("“”"))
    assert _parse(f"{ID} {word}", EVERY_STATUS) == Wish(ID, Status.ALL)


@pytest.mark.parametrize("status", STATES)
def test_a_status_that_is_switched_off_is_refused(status: Status) -> None:
    others = EVERY_STATUS - {status}

    assert _parse(f"{ID} {status.upper()}", others) == Misunderstood(Problem.STATUS_NOT_OFFERED, status.upper())


# --- what is missing, or too much ----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", " ", "\u00a0\u200b\t\n", '""', "<>", "<|label>", ".", "“”", "*", "&nbsp;"])
def test_nothing_typed_is_told_so(text: str) -> None:
    assert _parse(text) == Misunderstood(Problem.NOTHING_TYPED)


@pytest.mark.parametrize("text", [ID, f"<{LINK}>", f"“{ID}”"])
def test_a_deal_alone_lacks_a_status(text: str) -> None:
    word = LINK if "http" in text else ID

    assert _parse(text) == Misunderstood(Problem.NO_STATUS, word)


@pytest.mark.parametrize("word", ["won", "OPE", "all"])
def test_a_status_alone_lacks_a_deal(word: str) -> None:
    assert _parse(word) == Misunderstood(Problem.NO_OPPORTUNITY, word)


def test_a_name_is_refused_whole() -> None:
    assert _parse("New website won") == Misunderstood(Problem.NOT_AN_ID, "New website")
    assert _parse('won "New  website, third try"') == Misunderstood(Problem.NOT_AN_ID, "New  website, third try")
    assert _parse("New website") == Misunderstood(Problem.NOT_AN_ID, "New website")


@pytest.mark.parametrize(
    ("text", "spare"),
    [
        (f"{ID} won lost", "lost"),
        (f"won {ID} please now", "please now"),
        (f"{ID} {OTHER_ID} won", OTHER_ID),
        (f"{ID} won won", "won"),
        (f"{ID} {ID} won", ID),
    ],
)
def test_more_than_one_deal_and_one_status_is_refused_rather_than_guessed(text: str, spare: str) -> None:
    assert _parse(text) == Misunderstood(Problem.TOO_MUCH, spare)


def test_two_statuses_without_a_deal_lack_a_deal() -> None:
    assert _parse("won lost") == Misunderstood(Problem.NO_OPPORTUNITY, "won")


@pytest.mark.parametrize("page", ["list", "pipeline", "settings"])
def test_a_page_of_the_app_is_not_taken_for_a_deal(page: str) -> None:
    assert read_link(f"{APP}/v2/location/{LOCATION}/opportunities/{page}") == Link(None, LOCATION)


@pytest.mark.parametrize("text", ["({link}) won", "(<{link}>) won", "[{id}] won", "<{link}&amp;notes=1|deal> won"])
def test_brackets_around_a_deal_are_no_part_of_it(text: str) -> None:
    assert _parse(text.format(link=LIST_LINK, id=ID)) == Wish(ID, Status.WON)


def test_what_only_looks_like_an_entity_is_left_as_it_is() -> None:
    assert _parse(f"{LIST_LINK}&notes=1&lt=2 won") == Wish(ID, Status.WON)


def test_two_deals_without_a_status_are_not_taken_for_one() -> None:
    assert _parse(f"{ID} {OTHER_ID}") == Misunderstood(Problem.UNKNOWN_STATUS, OTHER_ID)


EXAMPLE_OF = {
    Problem.NOTHING_TYPED: "",
    Problem.NO_STATUS: ID,
    Problem.NO_OPPORTUNITY: "won",
    Problem.UNKNOWN_STATUS: f"{ID} gone",
    Problem.ALL_IS_NO_STATUS: f"{ID} all",
    Problem.STATUS_NOT_OFFERED: f"{ID} abandoned",
    Problem.NOT_AN_ID: "Smith won",
    Problem.LINK_WITHOUT_ID: "https://example.com won",
    Problem.OTHER_LOCATION: f"{APP}/location/x/opportunities/{ID} won",
    Problem.TOO_MUCH: f"{ID} won lost",
    Problem.UNDO_STANDS_ALONE: "undo it",
    Problem.HISTORY_OF_WHAT: "history of everything",
}


@pytest.mark.parametrize("problem", Problem)
def test_every_problem_can_be_met(problem: Problem) -> None:
    request = _parse(EXAMPLE_OF[problem], frozenset(STATES) - {Status.ABANDONED})

    assert isinstance(request, Misunderstood)
    assert request.problem is problem


# --- questions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["help", "HELP", " Help. ", "“help”", "-h", "--help", "?", _wide("?"), _wide("help")])
def test_help_may_be_asked_for_in_many_ways(text: str) -> None:
    assert _parse(text) == Help()


@pytest.mark.parametrize("text", ["whoami", "WhoAmI", "whoami!", "\u200bwhoami"])
def test_anybody_may_ask_who_they_are(text: str) -> None:
    assert _parse(text) == WhoAmI()


@pytest.mark.parametrize("text", ["help me", "whoami now", "who am i"])
def test_a_question_stands_alone(text: str) -> None:
    assert _parse(text) == Misunderstood(Problem.NOT_AN_ID, text)


def test_the_command_is_what_people_were_told() -> None:
    assert COMMAND == "/opp-status"


# --- typography ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("“a” „b‟ «c»", '"a" "b" "c"'),
        ("‘a’ ‚b‛ ′c", "'a' 'b' 'c"),
        ("a\u00a0b\u2003c\u3000d\u2028e\u2029f\tg\nh\x00i", "a b c d e f g h i"),
        ("w\u200bo\u00adn\ufeff\u2060\u200d\u200e\u202e", "won"),
        (_wide('won1"'), 'won1"'),
        ("ﬁn", "fin"),
    ],
)
def test_typography_is_read_as_a_keyboard_would_have_typed_it(typed: str, meant: str) -> None:
    assert normalise(typed) == meant


@pytest.mark.parametrize(
    "text",
    [
        f"\u00a0{ID}\u00a0won\u00a0",
        f"{ID[:10]}\u200b{ID[10:]} w\u00adon",
        f"{ID}\u3000{_wide('won')}",
        f"{ID}\nwon\r\n",
        f"‘{ID}’ “won”",
        f"&quot;{ID}&quot; &#39;won&#39;",
        f"{ID} &#119;on",
        f"{ID} won\x00",
    ],
)
def test_what_the_eye_does_not_see_does_not_matter(text: str) -> None:
    assert _parse(text) == Wish(ID, Status.WON)


INVISIBLE = st.text(st.characters(categories=["Cf"]), max_size=2)
SPACE = st.text(st.characters(categories=["Zs", "Zl", "Zp"]) | st.sampled_from("\t\r\n"), min_size=1, max_size=3)
AROUND = ["{}", "{}.", _wide('"') + "{}" + _wide('"'), "&quot;{}&quot;", "&lt;{}&gt;", "<{}>"]
AROUND += ['"{}"', "'{}'", "“{}”", "‘{}’", "„{}“", "«{}»", "`{}`", "*{}*"]
IDS = st.from_regex(r"[A-Za-z0-9]{20}", fullmatch=True)
BEGINNINGS = st.sampled_from([(status[:length], status) for status in STATES for length in range(3, len(status) + 1)])


@st.composite
def _decorated(draw: st.DrawFn, word: str) -> str:
    letters = _wide(word) if draw(st.booleans()) else word
    strewn = "".join(draw(INVISIBLE) + letter for letter in letters)
    return draw(INVISIBLE) + draw(st.sampled_from(AROUND)).format(strewn) + draw(INVISIBLE)


@given(st.data(), IDS, BEGINNINGS, st.sampled_from([str.lower, str.upper, str.title]), st.sampled_from([1, -1]))
def test_a_deal_and_a_status_survive_any_decoration(
    data: st.DataObject, identifier: str, beginning: tuple[str, Status], case: Callable[[str], str], order: int
) -> None:
    word, status = beginning
    first, second = (data.draw(_decorated(typed)) for typed in (identifier, case(word))[::order])

    assert _parse(data.draw(SPACE).join(("", first, second, ""))) == Wish(identifier, status)


# --- any text ------------------------------------------------------------------------------------------------------

FRAGMENTS = [
    *(ID, OTHER_ID, LOCATION, ELSEWHERE, LINK, LIST_LINK, APP, "list", "?opportunityId=", "&opportunity=", "#"),
    *("won", "lost", "open", "abandoned", "all", "WON", "wo", "help", "whoami", "?", "-h", "New website", "Smith"),
    *(
        "https://",
        "http://",
        "//",
        "[",
        "]",
        "::1",
        "/opportunities/",
        "/location/",
        "/v2",
        "%2F",
        "%",
        "%00",
        "+",
        ":",
    ),
    *("<", ">", "|", "<!channel>", "<@U0ANA>", "&lt;", "&gt;", "&amp;", "&quot;", "&#60;", "&#0;", "&", ";"),
    *(" ", " ", " ", "\u00a0", "\u200b", "\u202e", "\n", "\t", "\x00", "\ud83d", "\U0001f600", "ﷺ", "\u0301", "İ", "ß"),
    *('"', "'", "“", "”", "‘", "`", "*", "_", "~", ".", ",", "!", "..", "/", "\\", "{", "}", *_wide('0<a"'), "℀"),
]
TEXTS = st.lists(st.sampled_from(FRAGMENTS), max_size=7).map("".join) | st.text(max_size=20)


def _is_sound(request: Request, text: str, statuses: frozenset[Status]) -> bool:
    match request:
        case Wish(identifier, status):
            readable = unquote(normalise(html.unescape(normalise(text))))
            is_id = re.fullmatch(r"[A-Za-z0-9_-]{1,64}", identifier) is not None
            return is_id and identifier in readable and status in statuses
        case Misunderstood(problem, word):
            return "\n" not in word and (word == "") == (problem is Problem.NOTHING_TYPED)
        case ShowHistory(identifier):
            return identifier is None or re.fullmatch(r"[A-Za-z0-9_-]{1,64}", identifier) is not None
        case _:
            return isinstance(request, Help | WhoAmI | Undo)


@settings(max_examples=20_000)
@given(TEXTS)
@example(f"https://[/opportunities/{ID} won")
@example("\ud83d won")
def test_20_000_generated_command_texts_are_each_understood_or_refused(text: str) -> None:
    assert _is_sound(_parse(text), text, frozenset(STATES))


@given(TEXTS, st.frozensets(st.sampled_from(Status)))
def test_a_wish_never_asks_for_what_is_not_offered(text: str, statuses: frozenset[Status]) -> None:
    assert _is_sound(_parse(text, statuses), text, statuses)


@given(TEXTS)
def test_the_same_text_always_means_the_same_and_reading_it_twice_changes_nothing(text: str) -> None:
    assert _parse(text) == _parse(text)
    assert normalise(normalise(text)) == normalise(text)


@given(st.text() | TEXTS)
def test_any_link_gives_a_safe_id_or_none(link: str) -> None:
    identifier = read_link(link).opportunity_id

    assert identifier is None or re.fullmatch(r"[A-Za-z0-9_-]{1,64}", identifier)


@pytest.mark.parametrize(
    "unit",
    [
        *('"', "'.", "<", "<>", "'<", "&", "&#1", "&lt;", "a ", "won ", f"{ID} ", '"a"', " ", "%", "[", "|", "\u200b"),
        *("ﷺ", "\u0300\u0316", "/opportunities/", "/location/", "https://x?a=b&", "e\u0301", "\U0001f600", "\x00"),
    ],
)
def test_the_longest_text_that_a_request_can_hold_is_read_at_once(unit: str) -> None:
    text = f"https://a/opportunities/{unit * (MAX_BODY // len(quote_plus(unit)))}"
    start = time.process_time()

    assert _is_sound(_parse(text), text, frozenset(STATES))
    assert time.process_time() - start < 2.0  # Slack waits three
