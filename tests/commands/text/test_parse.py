import html
import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import assert_never, get_args
from urllib.parse import quote, quote_plus, unquote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.commands.request import (
    COMMAND,
    MOST_AT_ONCE,
    Change,
    Help,
    Misunderstood,
    Mute,
    OpenForm,
    Problem,
    Remind,
    Request,
    ShowAccess,
    ShowDeal,
    ShowDigest,
    ShowHistory,
    ShowReminders,
    Undo,
    UndoDeal,
    UseLocation,
    WhoAmI,
)
from bot.commands.text.links import Link, OurLocations, first_link, is_id, read_link, read_target
from bot.commands.text.names import LONGEST_NAME, SHORTEST_NAME
from bot.commands.text.parse import Parser, read_name
from bot.commands.text.typography import normalise
from bot.deals.deal import STATES, Status, Target
from bot.deals.wish import NO_DOUBTS, Consent, Wish
from bot.slack.block_kit.mrkdwn import plain
from bot.slack.verification import MAX_COMMAND

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
    return "".join(chr(ord(char) + 0xFEE0) if "!" <= char <= "~" else char for char in text)


def _read(text: str, statuses: frozenset[Status] = frozenset(STATES)) -> Request:
    return Parser(OurLocations(LOCATION, ()), statuses)(text)


def _parse(text: str, statuses: frozenset[Status] = frozenset(STATES)) -> Request:
    """What the text asks for, without what else it may mean: see `test_doubts.py`."""
    match _read(text, statuses):
        case Change() as change:
            return replace(change, doubts=NO_DOUBTS)
        case ShowDeal(identifier, name, location_id):
            return ShowDeal(identifier, "" if identifier else name, location_id)
        case request:
            return request


def _change(*ids: str, status: Status = Status.WON, reason: str = "", consent: Consent = Consent.PRESUMED) -> Change:
    return Change(tuple(Wish(identifier, status, reason=reason, consent=consent) for identifier in ids))


def _named(name: str, status: Status, reason: str = "", consent: Consent = Consent.PRESUMED) -> Change:
    return Change((Wish("", status, name=name, reason=reason, consent=consent),))


# --- other questions -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["undo", "UNDO", "  Undo. ", '"undo"'])
def test_undo_is_understood(text: str) -> None:
    assert _parse(text) == Undo()


@pytest.mark.parametrize(
    ("text", "deal"),
    [
        ("undo acme corp", ShowDeal(name="acme corp", whole="undo acme corp")),
        ("Undo Records", ShowDeal(name="Records", whole="Undo Records")),
        (f"undo {ID}", ShowDeal(ID)),
        (f"undo <{LINK}>", ShowDeal(ID)),
        ("undo won", ShowDeal(name="won", whole="undo won")),
    ],
)
def test_undo_with_a_deal_looks_for_its_last_change(text: str, deal: ShowDeal) -> None:
    assert _parse(text) == UndoDeal(deal)


@pytest.mark.parametrize(
    "word",
    ["undo", "history", "preview", "help", "whoami", "access", "digest", "use", "remind", "reminder", "reminders"],
)
@pytest.mark.parametrize("status", STATES)
def test_a_keyword_before_a_name_and_a_status_belongs_to_the_name(word: str, status: Status) -> None:
    change = _parse(f"{word} Channel {status}")

    assert isinstance(change, Change)
    assert change.wishes[0].name.endswith("Channel")
    assert word == "preview" or change == _named(f"{word} Channel", status)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("history", ShowHistory()),
        (f"history {ID}", ShowHistory(ID)),
        ("history <@U012AB3CD|ana>", ShowHistory(user_id="U012AB3CD")),
        ("history <@W012AB3CD>", ShowHistory(user_id="W012AB3CD")),
        ("history U012AB3CD", ShowHistory(user_id="U012AB3CD")),
        ("history all", ShowHistory(everybody=True)),
        ("history Everybody", ShowHistory(everybody=True)),
        ("history @ana", ShowHistory(deal=ShowDeal(name="@ana", whole="history @ana"))),
        (f"History <{LINK}|the deal>", ShowHistory(ID)),
        ("history website", ShowHistory(deal=ShowDeal(name="website", whole="history website"))),
        ("history <@U012AB3CD> website", Misunderstood(Problem.HISTORY_OF_WHAT, "@U012AB3CD website")),
        (f"history {ID} {OTHER_ID}", Misunderstood(Problem.HISTORY_OF_WHAT, f"{ID} {OTHER_ID}")),
        (f"history {APP}/v2/location/{LOCATION}/opportunities/list", None),
        (f"history {APP}/v2/location/{ELSEWHERE}/opportunities/{ID}", Misunderstood(Problem.OTHER_LOCATION, ELSEWHERE)),
    ],
)
def test_history_is_the_callers_or_a_deals(text: str, meant: Request | None) -> None:
    link = text.partition(" ")[2]

    assert _parse(text) == (meant or Misunderstood(Problem.LINK_WITHOUT_ID, link))


# --- a deal and a status -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", STATES)
def test_an_id_is_understood_before_or_after_the_status(status: Status) -> None:
    assert _parse(f"{ID} {status}") == _parse(f"{status} {ID}") == _change(ID, status=status)


@pytest.mark.parametrize(
    "identifier",
    [
        ID,
        OTHER_ID,
        "ve9EPM428h8vShlRW1KT",
        "C2QujeCh8ZnC7al2InWR",
        "xQwErTyUiOpAsDfGhJkL",
    ],
)
def test_what_has_the_form_of_highlevels_ids_is_read_as_an_id(identifier: str) -> None:
    assert _parse(f"{identifier} won") == _change(identifier)


@pytest.mark.parametrize(
    "word",
    [
        "Website",
        "1234",
        "aB3dE5fG7hJ9kL1",
        "Donaudampfschifffahrtsgesellschaft",
        "internationalization",
        "InternationalBusines",
        "NewWebsiteForAcmeInc",
        "Relaunch2024Websites",
        "ABCDEFGHIJKLMNOPQRST",
        "SN123456789012345678",
        "12345678901234567890",
        "3f2504e0-4f89-41d3-9a0c-0305e82c3301",
        "opp_0123456789abcdef",
        f'"{ID}"',
        "#42",
        "a1" * 33,
        "aB3dE5fG7hJ9kL1mN2p/",
        "äB3dE5fG7hJ9kL1mN2pQ",
        "../../users",
    ],
)
def test_a_word_that_is_no_id_is_read_as_a_name(word: str) -> None:
    assert _parse(f"{word} won") == _named(word.strip('"'), Status.WON)


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
def test_a_link_is_read_in_every_form(link: str, form: str) -> None:
    text = form.format(link)

    assert _parse(f"{text} won") == _parse(f"won {text}") == _change(ID)


@pytest.mark.parametrize(
    "around", ['"{}"', "'{}'", "“{}”", "‘{}’", "*{}*", "`{}`", "{},", '"{}".', "<{}>", "&lt;{}&gt;"]
)
@pytest.mark.parametrize("target", [ID, LINK, f"<{LINK}>", f"<{LINK}|New&nbsp;website>"])
def test_quotes_and_punctuation_around_a_word_are_ignored(around: str, target: str) -> None:
    if target == ID and set(around) & set('"“'):
        return  # in quotes it is a name
    assert _parse(f"{around.format(target)} {around.format('lost')}") == _change(ID, status=Status.LOST)


def test_a_link_in_slacks_brackets_is_one_word_with_its_label() -> None:
    assert _parse(f"<{LINK}|New website, third try> won") == _change(ID)
    assert _parse(f'"<{LINK}|New website, third try>" won') == _change(ID)


@pytest.mark.parametrize(
    "link",
    [
        f"{APP}/v2/location/{ELSEWHERE}/opportunities/{ID}",
        f"<{APP}/v2/location/{ELSEWHERE}/opportunities/list?opportunityId={ID}>",
        f"{APP}/v2/location/{ELSEWHERE}/dashboard",
    ],
)
def test_a_link_to_an_unknown_sub_account_is_refused(link: str) -> None:
    assert _parse(f"{link} won") == Misunderstood(Problem.OTHER_LOCATION, ELSEWHERE)


@pytest.mark.parametrize(
    "location",
    [LOCATION.lower(), f"{LOCATION}%2Fx", f"{LOCATION}x", "%20", "<!channel>"],
)
def test_a_sub_account_whose_id_only_resembles_ours_is_unknown(location: str) -> None:
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
def test_a_link_without_a_deal_is_refused(link: str) -> None:
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
def test_a_link_tells_its_deal_and_its_sub_account_or_none(link: str, read: Link) -> None:
    assert read_link(link) == read


# --- several deals -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "{id} {other} won",
        "won {id} {other}",
        "{id} won {other}",
        "{id}, {other}; won",
        "{id},{other} won",
        "{id};{other}, won",
        "{link},{other} won",
        "{id} {other} {link} won",
        "<{link}|New website>,<https://x.example/opportunities/{other}|Not the old one> won",
        "({id}, {other}) won",
    ],
)
def test_several_deals_are_changed_in_the_order_in_which_they_were_typed(text: str) -> None:
    assert _parse(text.format(id=ID, other=OTHER_ID, link=LINK)) == _change(ID, OTHER_ID)


def test_a_deal_that_is_typed_twice_counts_once() -> None:
    assert _parse(f"{ID} {LINK} {LIST_LINK},{ID} won") == _change(ID)


def test_several_deals_without_a_status_are_refused() -> None:
    assert _parse(f"{ID} {OTHER_ID}") == Misunderstood(Problem.NO_STATUS, f"{ID} {OTHER_ID}")
    assert _parse(f"{ID} {OTHER_ID} gone") == Misunderstood(Problem.UNKNOWN_STATUS, "gone")


def test_too_many_deals_are_refused_with_their_number() -> None:
    ids = [f"{ID[:17]}{number:03}" for number in range(MOST_AT_ONCE + 5)]

    assert _parse(" ".join([*ids[:MOST_AT_ONCE], ids[0], "won"])) == _change(*ids[:MOST_AT_ONCE])
    assert _parse(",".join([*ids, ids[0]]) + " won") == Misunderstood(Problem.TOO_MANY, str(len(ids)))


def test_one_bad_link_refuses_the_whole_command() -> None:
    assert _parse(f"{ID} {LINK.replace(LOCATION, 'x')} won") == Misunderstood(Problem.OTHER_LOCATION, "x")
    assert _parse(f"{ID} https://example.com won") == Misunderstood(Problem.LINK_WITHOUT_ID, "https://example.com")


def test_a_comma_in_a_link_does_not_split_it() -> None:
    assert _parse(f"{LINK}?tab=a,b;c won") == _change(ID)


@given(st.lists(st.from_regex(r"[A-Za-z0-9]{20}", fullmatch=True).filter(is_id), min_size=1, max_size=6), st.data())
def test_several_deals_are_read_with_any_separators(ids: list[str], data: st.DataObject) -> None:
    between = st.sampled_from([" ", ", ", ",", ";", " ; ", "\n", "\u00a0"])
    text = "".join(f"{data.draw(between)}{identifier}" for identifier in ids)

    assert _parse(f"{text} won") == _parse(f"won {text}") == _change(*dict.fromkeys(ids))


# --- why it was lost -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"{ID} lost too expensive", "too expensive"),
        (f"lost {ID} too expensive", "too expensive"),
        (f"lost too expensive {ID}", "too expensive"),
        (f"lost too {ID} expensive", "too expensive"),
        (f"{LINK} los: price,  timing (both) &amp; more.", "price, timing (both) & more."),
        (f"{ID} lost won the other bid", "won the other bid"),
        (f"{ID} lost “they won” all", "they won all"),
        (f'{ID} "lost" "too expensive"', "too expensive"),
        (f"{ID} lost lost", "lost"),
        (f"{ID} lost <mailto:a@b.c|a@b.c> wrote", "a@b.c wrote"),
        (f"{ID} lost", ""),
    ],
)
def test_the_words_after_lost_are_the_reason(text: str, reason: str) -> None:
    assert _parse(text) == _change(ID, status=Status.LOST, reason=reason)


def test_several_deals_are_lost_for_the_same_reason() -> None:
    assert _parse(f"{ID} {OTHER_ID} lost no money") == _change(ID, OTHER_ID, status=Status.LOST, reason="no money")


# --- previews ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "{} won?",
        "{} won ?",
        "{} won ??",
        "{} won?!",
        "won {}?",
        "{} won preview",
        "{} won PREVIEW.",
        "preview {} won",
        "Preview: won {}",
        "preview {} won?",
        "preview {} won preview",
        _wide("?").join(("{} won", "")),
    ],
)
@pytest.mark.parametrize("deal", [ID, LINK, LIST_LINK, f"<{LINK}>", f"<{LINK}|New website>"])
def test_a_question_mark_or_the_word_preview_asks_for_a_preview(text: str, deal: str) -> None:
    assert _parse(text.format(deal)) == _change(ID, consent=Consent.PREVIEW)


def test_a_preview_works_with_names_reasons_and_several_deals() -> None:
    preview = Consent.PREVIEW

    assert _parse("Open Table won?") == _named("Open Table", Status.WON, consent=preview)
    assert _parse("Acme lost too expensive?") == _named("Acme", Status.LOST, "too expensive", preview)
    assert _parse(f"{ID} {OTHER_ID} won?") == _change(ID, OTHER_ID, consent=preview)
    assert _parse(f"{ID} lost too expensive preview") == _change(
        ID, status=Status.LOST, reason="too expensive", consent=preview
    )


@pytest.mark.parametrize("link", [f"{LINK}?tab=notes", f"<{LINK}?tab=notes>", LIST_LINK])
def test_a_question_mark_inside_a_link_asks_for_no_preview(link: str) -> None:
    assert _parse(f"won {link}") == _parse(f"{link} won") == _change(ID)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('"Acme?" won', _named("Acme?", Status.WON)),
        ('won "Who Else?"', _named("Who Else?", Status.WON)),
        ('won "Acme" "?"', Change((Wish("", Status.WON, name="Acme"),), note="?")),
        ('"Preview" won', _named("Preview", Status.WON)),
        ('"preview"', ShowDeal(name="preview")),
        ("Preview Homes won", _named("Homes", Status.WON, consent=Consent.PREVIEW)),
        ("A Preview of Acme won", _named("A Preview of Acme", Status.WON)),
    ],
)
def test_in_quotes_or_in_the_middle_there_is_no_marker(text: str, meant: Request) -> None:
    assert _parse(text) == meant


@pytest.mark.parametrize("text", ["preview", "preview?", "preview ?"])
def test_a_preview_without_a_deal_is_refused(text: str) -> None:
    assert _parse(text) == Misunderstood(Problem.NO_OPPORTUNITY, "preview")


@pytest.mark.parametrize(("text", "word"), [("undo?", "?"), ("undo ?", "?"), ("undo preview", "preview")])
def test_a_preview_of_an_undo_is_refused(text: str, word: str) -> None:
    assert _parse(text) == Misunderstood(Problem.UNDO_STANDS_ALONE, word)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("access", ShowAccess()),
        ("Access?", ShowAccess()),
        ("access won", Change((Wish("", Status.WON, name="access"),))),
        ("access point", ShowDeal(name="access point")),
    ],
)
def test_access_alone_shows_the_requests_and_is_a_name_otherwise(text: str, meant: Request) -> None:
    assert _parse(text) == meant


def test_history_and_whoami_ignore_a_question_mark() -> None:
    assert _parse("whoami?") == WhoAmI()
    assert _parse("history?") == ShowHistory()
    assert _parse(f"history {ID}?") == ShowHistory(ID)


# --- names ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", STATES)
@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Acme", "Acme"),
        ("Open Table", "Open Table"),
        ('"Open Table"', "Open Table"),
        ("“New  website, third try”", "New website, third try"),
        ("New   website,\u00a0third try", "New website, third try"),
        ('Acme "Won Again" GmbH', "Acme Won Again GmbH"),
        ("Acme (UK)", "Acme (UK)"),
        ("(UK) Acme (US)", "(UK) Acme (US)"),
        ("[Q3] Acme", "[Q3] Acme"),
        ("(Acme Corp)", "Acme Corp"),
        ("*Acme Corp*", "Acme Corp"),
        ("Acme Corp:", "Acme Corp"),
        ("Acme Inc. Ltd", "Acme Inc. Ltd"),
        ("Jones' Bakery", "Jones' Bakery"),
        ("Rock ’n’ Roll", "Rock 'n' Roll"),
        ('"Acme', "Acme"),
        ('TV 32" stand', 'TV 32" stand'),
        ("AT&amp;T", "AT&T"),
        ("&lt;Acme&gt;", "Acme"),
        ("a &lt; b", "a < b"),
        ("<mailto:ana@acme.example|ana@acme.example>", "ana@acme.example"),
        ('"<mailto:ana@acme.example|ana@acme.example>"', "ana@acme.example"),
        ("ana@acme.example", "ana@acme.example"),
        ("<tel:+15551234567|+1 555 123-4567>", "+15551234567"),
        ("+1 (555) 123-4567", "+1 (555) 123-4567"),
        ("<http://booking.com|Booking.com>", "Booking.com"),
        ("Lost Lake Resort", "Lost Lake Resort"),
        ("Los Angeles Dodgers", "Los Angeles Dodgers"),
        ("李明", "李明"),
        ("42", "42"),
    ],
)
def test_a_deal_can_be_named_instead_of_linked(typed: str, name: str, status: Status) -> None:
    assert _parse(f"{typed} {status}") == _named(name, status)


@pytest.mark.parametrize("status", STATES)
@pytest.mark.parametrize("name", ['"Acme Corp"', '"Open Table"', '"Get Lost"', '"all"'])
def test_the_status_may_come_before_a_name_in_quotes(name: str, status: Status) -> None:
    assert _parse(f"{status} {name}") == _named(name.strip('"'), status)


@pytest.mark.parametrize("status", STATES)
def test_the_beginning_of_a_status_is_enough_behind_a_name_in_quotes_only(status: Status) -> None:
    assert _parse(f'"Open Table" {status[:3]}') == _named("Open Table", status)
    assert (_parse(f"Open Table {status[:3]}") == _named("Open Table", status)) == (status is Status.WON)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("New website", "New website"),
        ("Los Angeles Dodgers", "Los Angeles Dodgers"),
        ("Opera House", "Opera House"),
        ("los Acme", "los Acme"),
        ('"won"', "won"),
        ('"Open Table"', "Open Table"),
        ("“Open” Table", "Open Table"),
        ('"Acme" "won"', "Acme won"),
        ("Acme *won?*", "Acme *won?"),
        ("New website?", "New website"),
        ("preview New website", "preview New website"),
        ("won Acme Corp", "won Acme Corp"),
        ("open Hooli", "open Hooli"),
        ("Bright Kids ABA", "Bright Kids ABA"),
        ("Sports for all", "Sports for all"),
        ("won ?!# x", "won ?!# x"),
        ("OPE", "OPE"),
        ("won lost", "won lost"),
    ],
)
def test_a_name_alone_shows_the_deal(text: str, name: str) -> None:
    assert _parse(text) == ShowDeal(name=name)


@pytest.mark.parametrize(
    ("text", "name", "reason"),
    [
        ("Acme lost too expensive", "Acme", "too expensive"),
        ("Open Table lost price, timing.", "Open Table", "price, timing."),
        ('Acme lost "they won"', "Acme", "they won"),
        ('"Acme" lost they won with a competitor', "Acme", "they won with a competitor"),
        ('"Acme" lost they went to Los', "Acme", "they went to Los"),
        ('"Acme" GmbH lost all hope', "Acme GmbH", "all hope"),
        ('"Get Lost Ltd" lost', "Get Lost Ltd", ""),
        ('lost "Acme Corp" too expensive', "Acme Corp", "too expensive"),
        ('lost "Acme Corp" they won elsewhere', "Acme Corp", "they won elsewhere"),
        ('lost "Acme Corp" "too expensive"', "Acme Corp", "too expensive"),
        ("Acme lost because they won elsewhere", "Acme", "because they won elsewhere"),
        ("Acme lost - see <https://example.com|the mail>", "Acme", "- see https://example.com"),
        ("Acme lost ghosted", "Acme", "ghosted"),
        ("Acme lost all", "Acme", "all"),
    ],
)
def test_a_named_deal_can_be_lost_with_a_reason(text: str, name: str, reason: str) -> None:
    assert _parse(text) == _named(name, Status.LOST, reason)


@pytest.mark.parametrize(
    ("text", "name"),
    [("X won", "X"), ("#1", "#1"), ("' &lt; &gt; ' won", "< >"), ("王 won", "王")],
)
def test_a_name_of_one_letter_is_refused(text: str, name: str) -> None:
    assert _parse(text) == Misunderstood(Problem.NAME_TOO_SHORT, name)


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("x" * LONGEST_NAME, "x" * LONGEST_NAME),
        ("x" * (LONGEST_NAME + 1), "x" * LONGEST_NAME),
        ("word " * 30, " ".join(["word"] * 15)),
        ("word, " * 30, ", ".join(["word"] * 12)),
        (f'"{"x" * LONGEST_NAME} y"', "x" * LONGEST_NAME),
    ],
)
def test_a_name_is_cut_to_the_length_that_can_be_searched_for(typed: str, name: str) -> None:
    assert _parse(typed) == ShowDeal(name=name)
    assert _parse(f"{typed} won") == _named(name, Status.WON)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Acme {}", Problem.STATUS_NOT_OFFERED),
        ('"Acme" {}', Problem.STATUS_NOT_OFFERED),
        (f"{ID} {OTHER_ID} {{}}", Problem.STATUS_NOT_OFFERED),
    ],
)
def test_a_status_that_is_not_offered_is_refused_for_names_and_batches_too(text: str, problem: Problem) -> None:
    assert _parse(text.format("Open"), frozenset({Status.WON})) == Misunderstood(problem, "Open")
    assert _parse(text.format("All")) == (
        ShowDeal(name="Acme All") if text == "Acme {}" else Misunderstood(Problem.ALL_IS_NO_STATUS, "All")
    )


# --- statuses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "status"),
    [(status[:length], status) for status in STATES for length in range(3, len(status) + 1)],
)
def test_three_letters_of_a_status_are_enough_in_any_case(word: str, status: Status) -> None:
    assert {_parse(f"{ID} {form}") for form in (word, word.upper(), word.title())} == {_change(ID, status=status)}


@pytest.mark.parametrize("word", ["o", "op", "wo", "lo", "ab", "al", "wonn", "opened", "gewonnen", "5"])
def test_fewer_or_other_letters_are_no_status(word: str) -> None:
    assert _parse(f"{ID} {word}") == ShowDeal(ID)
    assert _parse(f"{ID} {OTHER_ID} {word}") == Misunderstood(Problem.UNKNOWN_STATUS, word)


@pytest.mark.parametrize("word", ["all", "ALL", "“all”"])
def test_all_is_refused_unless_it_is_offered(word: str) -> None:
    assert _parse(f"{ID} {word}") == Misunderstood(Problem.ALL_IS_NO_STATUS, word.strip("“”"))
    assert _parse(f"{ID} {word}", EVERY_STATUS) == _change(ID, status=Status.ALL)


@pytest.mark.parametrize("status", STATES)
def test_a_status_that_is_switched_off_is_refused(status: Status) -> None:
    others = EVERY_STATUS - {status}

    assert _parse(f"{ID} {status.upper()}", others) == Misunderstood(Problem.STATUS_NOT_OFFERED, status.upper())


# --- what is missing, or too much ----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", " ", "\u00a0\u200b\t\n", '""', "<>", "<|label>", ".", "“”", "*", "&nbsp;"])
def test_an_empty_command_opens_the_form(text: str) -> None:
    assert _parse(text) == OpenForm()


@pytest.mark.parametrize("text", [ID, f"<{LINK}>", f"{ID} {LINK}", f"{ID}?", f"{LINK} preview"])
def test_an_id_or_a_link_alone_shows_the_deal(text: str) -> None:
    assert _parse(text) == ShowDeal(ID)


def test_a_link_alone_without_a_deal_of_ours_is_refused() -> None:
    assert _parse("https://example.com") == Misunderstood(Problem.LINK_WITHOUT_ID, "https://example.com")
    assert _parse(LINK.replace(LOCATION, "x")) == Misunderstood(Problem.OTHER_LOCATION, "x")


@pytest.mark.parametrize("word", ["won", "closed won", "we won"])
def test_a_status_alone_is_refused(word: str) -> None:
    assert _parse(word) == Misunderstood(Problem.NO_OPPORTUNITY, word.removeprefix("we "))


@pytest.mark.parametrize(
    ("text", "spare"),
    [
        (f"Jane {ID} won", "Jane"),
        (f"{LINK} from Jane won", "from Jane"),
    ],
)
def test_words_between_an_id_and_its_status_are_refused_rather_than_guessed(text: str, spare: str) -> None:
    assert _parse(text) == Misunderstood(Problem.TOO_MUCH, spare)


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (f"{ID} won lost", "lost"),
        (f"{ID} won $5000", "$5000"),
        (f"{ID} won see {LINK}", f"see {LINK}"),
        (f"won {ID} great call", "great call"),
        (f"please {ID} won now", ""),
        (f"mark the deal {ID} as won, thanks!", ""),
        (f"{ID} won all 3 rounds", "all 3 rounds"),
        (f'{ID} "won" at last', "at last"),
    ],
)
def test_the_words_after_another_status_are_a_note(text: str, note: str) -> None:
    assert _parse(text) == replace(_change(ID), note=note)


@pytest.mark.parametrize(
    ("text", "name", "note"),
    [
        ("Acme won great call", "Acme", "great call"),
        ("Acme won $5,000!", "Acme", "$5,000!"),
        ("Acme won 🎉", "Acme", "🎉"),
        ("Acme won :tada:", "Acme", ""),
        ("Acme won great :fire: call", "Acme", "great call"),
        ("Acme won please", "Acme", ""),
        ("Acme abandoned, no answer", "Acme", "no answer"),
        ("Acme closed won after 3 rounds", "Acme", "after 3 rounds"),
        ('won "Acme Corp" at last', "Acme Corp", "at last"),
        ('"Acme Corp" won lost', "Acme Corp", "lost"),
    ],
)
def test_the_words_after_a_named_deals_status_are_a_note(text: str, name: str, note: str) -> None:
    status = Status.ABANDONED if "abandoned" in text else Status.WON

    assert _parse(text) == replace(_named(name, status), note=note)


@pytest.mark.parametrize("page", ["list", "pipeline", "settings"])
def test_a_page_of_the_app_is_no_deal(page: str) -> None:
    assert read_link(f"{APP}/v2/location/{LOCATION}/opportunities/{page}") == Link(None, LOCATION)


@pytest.mark.parametrize("text", ["({link}) won", "(<{link}>) won", "[{id}] won", "<{link}&amp;notes=1|deal> won"])
def test_brackets_around_a_deal_are_ignored(text: str) -> None:
    assert _parse(text.format(link=LIST_LINK, id=ID)) == _change(ID)


def test_a_text_that_only_looks_like_an_entity_is_kept() -> None:
    assert _parse(f"{LIST_LINK}&notes=1&lt=2 won") == _change(ID)


EXAMPLE_OF = {
    Problem.NO_STATUS: f"{ID} {OTHER_ID}",
    Problem.NO_OPPORTUNITY: "won",
    Problem.UNKNOWN_STATUS: f"{ID} {OTHER_ID} gone",
    Problem.ALL_IS_NO_STATUS: f"{ID} all",
    Problem.STATUS_NOT_OFFERED: f"{ID} abandoned",
    Problem.NAME_TOO_SHORT: "X won",
    Problem.TOO_MANY: " ".join([*(f"{ID[:17]}{number:03}" for number in range(MOST_AT_ONCE + 1)), "won"]),
    Problem.LINK_WITHOUT_ID: "https://example.com won",
    Problem.OTHER_LOCATION: f"{APP}/location/x/opportunities/{ID} won",
    Problem.TOO_MUCH: f"Jane {ID} won",
    Problem.UNDO_STANDS_ALONE: "undo?",
    Problem.HISTORY_OF_WHAT: f"history {ID} {OTHER_ID}",
    Problem.SEVERAL_STATUSES: "a1 won, b2 lost, c3 won, d4 lost, e5 won, f6 lost",
    Problem.PERSON_IS_NO_DEAL: "<@U012AB3CD|ana> won",
}


@pytest.mark.parametrize("problem", Problem)
def test_every_problem_has_a_text_that_causes_it(problem: Problem) -> None:
    request = _parse(EXAMPLE_OF[problem], frozenset(STATES) - {Status.ABANDONED})

    assert isinstance(request, Misunderstood)
    assert request.problem is problem


# --- questions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["help", "HELP", " Help. ", "“help”", "-h", "--help", "?", "??", "help?", _wide("?"), _wide("help")]
)
def test_help_has_several_spellings(text: str) -> None:
    assert _parse(text) == Help()


@pytest.mark.parametrize("text", ["whoami", "WhoAmI", "whoami!", "\u200bwhoami"])
def test_whoami_asks_for_the_callers_ids(text: str) -> None:
    assert _parse(text) == WhoAmI()


@pytest.mark.parametrize("text", ["digest", "Digest.", '"digest"', "digest?"])
def test_the_digest_is_asked_for(text: str) -> None:
    assert _parse(text) == ShowDigest()


@pytest.mark.parametrize("text", ["digest weekly", "Digest Media", "weekly digest", "show digest", "find digest"])
def test_a_deal_that_is_called_digest_or_begins_so_is_found_with_a_word_more(text: str) -> None:
    assert isinstance(_parse(text), ShowDeal)
    assert isinstance(_parse("digest won"), Change)


@pytest.mark.parametrize("text", ["help me", "whoami now", "who am i"])
def test_help_and_whoami_with_more_words_are_names(text: str) -> None:
    assert _parse(text) == ShowDeal(name=text)


def test_the_commands_name_is_stable() -> None:
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
def test_typography_is_replaced_by_what_a_keyboard_types(typed: str, meant: str) -> None:
    assert normalise(typed) == meant


@pytest.mark.parametrize(
    "text",
    [
        f"\u00a0{ID}\u00a0won\u00a0",
        f"{ID[:10]}\u200b{ID[10:]} w\u00adon",
        f"{ID}\u3000{_wide('won')}",
        f"{ID}\nwon\r\n",
        f"‘{ID}’ ‘won’",
        f"&#39;{ID}&#39; &quot;won&quot;",
        f"{ID} &#119;on",
        f"{ID} won\x00",
    ],
)
def test_invisible_characters_do_not_matter(text: str) -> None:
    assert _parse(text) == _change(ID)


INVISIBLE = st.text(st.characters(categories=["Cf"], exclude_characters="\u200c\u200d"), max_size=2)
SPACE = st.text(st.characters(categories=["Zs", "Zl", "Zp"]) | st.sampled_from("\t\r\n"), min_size=1, max_size=3)
AROUND = ["{}", "{}.", "&lt;{}&gt;", "<{}>", "'{}'", "‘{}’", "`{}`", "*{}*"]
QUOTES = [_wide('"') + "{}" + _wide('"'), '"{}"', "“{}”", "„{}“", "«{}»"]
IDS = st.from_regex(r"[A-Za-z0-9]{20}", fullmatch=True).filter(is_id)
BEGINNINGS = st.sampled_from([(status[:length], status) for status in STATES for length in range(3, len(status) + 1)])


@st.composite
def _decorated(draw: st.DrawFn, word: str, around: list[str]) -> str:
    strewn = "".join(draw(INVISIBLE) + letter for letter in word)
    return draw(INVISIBLE) + draw(st.sampled_from(around)).format(strewn) + draw(INVISIBLE)


@given(st.data(), IDS, BEGINNINGS, st.sampled_from([str.lower, str.upper, str.title]), st.sampled_from([1, -1]))
def test_a_deal_and_a_status_are_read_with_anything_around_them(
    data: st.DataObject, identifier: str, beginning: tuple[str, Status], case: Callable[[str], str], order: int
) -> None:
    word, status = beginning
    typed = (_wide(each) if data.draw(st.booleans()) else each for each in (identifier, case(word))[::order])
    first, second = (data.draw(_decorated(each, AROUND)) for each in typed)

    assert _parse(data.draw(SPACE).join(("", first, second, ""))) == _change(identifier, status=status)


LETTERS = st.characters(categories=["Lu", "Ll", "Nd"], max_codepoint=0x17F)
NAME_WORDS = st.text(LETTERS, min_size=2, max_size=9).map(normalise)
NAMES = st.lists(NAME_WORDS, min_size=1, max_size=5).map(" ".join)
KEYWORDS = {"help", "whoami", "access", "digest", "undo", "history", "preview", "remind", "reminder", "reminders"}


def _is_plain(name: str) -> bool:
    """Whether none of its words is a keyword, a status, an id or a link."""
    words = name.casefold().split()
    return not KEYWORDS & set(words) and not any(
        status.startswith(word) for word in words for status in Status if len(word) > 2
    )


@given(st.data(), NAMES.filter(_is_plain), BEGINNINGS)
def test_a_name_and_a_status_are_read_with_anything_around_them(
    data: st.DataObject, name: str, beginning: tuple[str, Status]
) -> None:
    word, status = beginning
    typed, quoted = data.draw(_decorated(name, AROUND)), data.draw(_decorated(name, QUOTES))

    assert _parse(f"{typed}{data.draw(SPACE)}{status}") == _named(name, status)
    assert _parse(f"{quoted}{data.draw(SPACE)}{word}") == _named(name, status)
    assert _parse(f"{status}{data.draw(SPACE)}{quoted}") == _named(name, status)
    assert _parse(typed) == _parse(quoted) == ShowDeal(name=name)


@given(NAMES, st.sampled_from(STATES), st.sampled_from([*Status, "preview", "Los"]))
def test_in_quotes_any_word_is_part_of_the_name(name: str, status: Status, inside: str) -> None:
    name = f"{name} {inside} x"

    assert _parse(f'"{name}" {status}') == _parse(f'{status} "{name}"') == _named(name, status)
    assert _parse(f'"{name}"') == ShowDeal(name=name)


@given(NAMES, NAMES.filter(lambda reason: not reason.casefold().endswith("preview")))
def test_quotes_tell_any_name_from_any_reason(name: str, reason: str) -> None:
    name = f"{name} x"

    assert _parse(f'"{name}" lost "{reason}"') == _named(name, Status.LOST, reason)
    assert _parse(f'"{name}" lost {reason}') == _named(name, Status.LOST, reason)
    assert _parse(f'lost "{name}" {reason}') == _named(name, Status.LOST, reason)


@pytest.mark.parametrize(
    "name",
    [
        *("½ Pint", "Acme™ GmbH", "2² Labs", "ﬁne Foods", "\uff21\uff23\uff2d", "Family 👨\u200d👩\u200d👧 Dentist"),
        *("\u0645\u06cc\u200c\u062e\u0648", "Café Zoë", "Launch 🚀", "Straße 7"),
    ],
)
def test_a_name_is_searched_for_as_it_was_typed(name: str) -> None:
    assert _parse(f"{name} won") == _named(name, Status.WON)
    assert _parse(name) == ShowDeal(name=name)


def test_accents_are_searched_for_in_one_form() -> None:
    assert _parse("Cafe\u0301 won") == _named("Café", Status.WON)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("<#C012AB3CD|acme-corp>", "acme-corp"),
        ("Acme :tada: Corp", "Acme Corp"),
        ("Acme <@U012AB3CD|ana> Corp", "Acme Corp"),
    ],
)
def test_what_slack_makes_of_a_name_is_undone(text: str, name: str) -> None:
    assert _parse(f"{text} won") == _named(name, Status.WON)


# --- links in free text --------------------------------------------------------------------------------------------


def _first_link(*texts: str) -> str | None:
    found = first_link(texts, location_id=LOCATION)
    return found.opportunity_id if found else None


@pytest.mark.parametrize(
    "text",
    [
        LINK,
        f"Look: <{LINK}>",
        f"Look: <{LINK}|New website>, please",
        f"(see {LINK}).",
        f"see:{LINK}, {LINK.replace(ID, OTHER_ID)}",
        f"*<{LIST_LINK}&amp;tab=notes|the deal>*",
        f"<{APP}/v2/location/{LOCATION}/opportunities/list?tab=notes&amp;opportunityId={ID}>",
        f"https://example.com <https://example.com|example> {LINK.replace(LOCATION, ELSEWHERE)}\n{LINK}",
        f"<{LINK.replace('https://', 'http://')}|{LINK.removeprefix('https://')}>",
        f"{LINK.replace('https', 'HTTPS')}",
        f"<mailto:a@b.c|a@b.c> <@U0ANA> < {LINK}",
    ],
)
def test_a_message_gives_its_first_link_to_a_deal(text: str) -> None:
    assert _first_link(text) == _first_link("", "Hello", text, LINK.replace(ID, OTHER_ID)) == ID


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Hello",
        ID,
        f"<{APP}/v2/location/{ELSEWHERE}/opportunities/{ID}>",
        f"{APP}/v2/location/{LOCATION}/opportunities/list",
        f"<https://example.com|{LINK}>",
    ],
)
def test_a_message_without_a_link_to_a_deal_of_ours_gives_none(text: str) -> None:
    assert _first_link(text) is None
    assert _first_link() is None


@pytest.mark.parametrize("text", [ID, f" {ID} ", LINK, f"<{LINK}|New website>", f'"{LIST_LINK}"', f"({ID})."])
def test_an_id_or_a_link_alone_is_a_target(text: str) -> None:
    assert read_target(text, location_id=LOCATION) == Target(ID)


@pytest.mark.parametrize(
    "text",
    ["", "Acme", f"{ID} won", f"{ID} {OTHER_ID}", f"{ID},{OTHER_ID}", "https://x.example", LINK.replace(LOCATION, "x")],
)
def test_any_other_text_is_no_target(text: str) -> None:
    assert read_target(text, location_id=LOCATION) is None


@pytest.mark.parametrize(
    ("text", "name"),
    [("  Acme\u00a0 Corp ", "Acme Corp"), ("“Acme won”", "Acme won"), ("won", "won"), ("a", ""), (" \u200b-- ", "")],
)
def test_a_name_in_the_form_is_read_as_in_a_command(text: str, name: str) -> None:
    assert read_name(text) == name


# --- any text ------------------------------------------------------------------------------------------------------

FRAGMENTS = [
    *(ID, OTHER_ID, LOCATION, ELSEWHERE, LINK, LIST_LINK, APP, "list", "?opportunityId=", "&opportunity=", "#"),
    *("won", "lost", "open", "abandoned", "all", "WON", "wo", "help", "whoami", "?", "-h", "New website", "Smith"),
    *("remind ", "remind me ", " about ", " friday", " in 3 days", "reminders", " next "),
    *("undo ", "history ", "use ", "mute ", "mute 2h", "unmute", "access", "all", "<@U0ANA>", " and ", ", "),
    *("preview", "undo", "history", " lost ", " won ", "<mailto:a@b.c|a@b.c>", "<tel:+1555|+1 555>", "won?", "(UK)"),
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
        case Change(wishes):
            same = {(wish.status, wish.reason, wish.consent, wish.lost_reason_id, wish.only_if) for wish in wishes}
            ids = [wish.opportunity_id for wish in wishes]
            return (
                len(same) == 1
                and wishes[0].status in statuses
                and (not wishes[0].reason or wishes[0].status is Status.LOST)
                and 0 < len(set(ids)) == len(ids) <= MOST_AT_ONCE
                and (ids == [""] or not any(wish.name for wish in wishes))
                and all(_is_one_deal(wish.opportunity_id, wish.name, text) for wish in wishes)
            )
        case ShowDeal(identifier, name) | UndoDeal(ShowDeal(identifier, name)) | Remind(ShowDeal(identifier, name)):
            return _is_one_deal(identifier, name, text)
        case Misunderstood(_, word):
            return "\n" not in word and word != ""
        case ShowHistory(identifier, user_id, everybody, deal):
            asked = [identifier is not None, user_id != "", everybody, deal is not None]
            is_sound = deal is None or _is_one_deal(deal.opportunity_id, deal.name, text)
            return sum(asked) <= 1 and is_sound and (identifier is None or _is_one_deal(identifier, "", text))
        case UseLocation(name):
            return name == " ".join(name.split())
        case Mute(span):
            return timedelta() <= span < timedelta(days=1_000)
        case Help() | WhoAmI() | ShowAccess() | ShowReminders() | ShowDigest() | Undo() | OpenForm():
            return True
        case _:
            assert_never(request)


def _is_one_deal(identifier: str, name: str, text: str) -> bool:
    readable = unquote(unquote(unquote(unquote(normalise(html.unescape(normalise(text)))))))
    if identifier:
        return not name and re.fullmatch(r"[A-Za-z0-9_-]{1,64}", identifier) is not None and identifier in readable
    is_clean = name == " ".join(name.split()) and len(name) <= LONGEST_NAME
    return is_clean and sum(char.isalnum() for char in name) >= SHORTEST_NAME


@settings(max_examples=2_000)
@given(TEXTS)
@example(f"https://[/opportunities/{ID} won")
@example("\ud83d won")
@example("UNDO 00")
def test_any_text_is_understood_or_refused(text: str) -> None:
    assert _is_sound(_parse(text), text, frozenset(STATES))
    assert _is_sound(_parse_of_several(text), text, frozenset(STATES))


_EACH_KIND = {
    Change: "acme won",
    ShowDeal: "acme",
    OpenForm: "",
    Help: "help",
    WhoAmI: "whoami",
    ShowAccess: "access",
    ShowDigest: "digest",
    UseLocation: "use acme",
    Mute: "mute 2h",
    Undo: "undo",
    UndoDeal: "undo acme",
    Remind: "remind acme friday",
    ShowReminders: "reminders",
    ShowHistory: "history",
    Misunderstood: "won",
}


@pytest.mark.parametrize("kind", get_args(Request))
def test_each_kind_of_request_is_asked_for_by_a_text(kind: type[Request]) -> None:
    text = _EACH_KIND[kind]
    request = _parse_of_several(text)

    assert type(request) is kind
    assert _is_sound(request, text, frozenset(STATES))


@given(TEXTS, st.frozensets(st.sampled_from(Status)))
def test_no_text_asks_for_a_status_that_is_not_offered(text: str, statuses: frozenset[Status]) -> None:
    assert _is_sound(_parse(text, statuses), text, statuses)


@given(TEXTS)
def test_the_same_text_always_means_the_same(text: str) -> None:
    assert _parse(text) == _parse(text)
    assert normalise(normalise(text)) == normalise(text)


def _is_only_a_name(text: str) -> bool:
    """Whether the text, put in quotes, is read as the same name: without escapes, and no keyword, id or link."""
    is_something_else = re.search(r"[\w-]{16}|/", text) or text.casefold() in {*KEYWORDS, "-h", "--help"}
    return not is_something_else and not set('"&<>') & set(text)


@given(TEXTS)
def test_a_name_means_the_same_in_quotes(text: str) -> None:
    request = _parse(text)
    match request:
        case ShowDeal("", name) if _is_only_a_name(name):
            assert _parse(f'"{name}"') == request
        case Change((Wish("", status, name=name),)) if _is_only_a_name(name):
            assert _parse(f'"{name}" {status}') == _named(name, status)
        case _:
            pass


@given(st.text() | TEXTS)
def test_any_link_gives_a_safe_id_or_none(link: str) -> None:
    identifier = read_link(link).opportunity_id

    assert identifier is None or re.fullmatch(r"[A-Za-z0-9_-]{1,64}", identifier)


@given(TEXTS)
@example("<https://[|x>")
def test_any_text_gives_a_safe_target_or_none(text: str) -> None:
    for found in (first_link([text], location_id=LOCATION), read_target(text, location_id=LOCATION)):
        assert found is None or re.fullmatch(r"[A-Za-z0-9_-]{1,64}", found.opportunity_id)


@pytest.mark.untraced
@pytest.mark.parametrize(
    "unit",
    [
        *('"', "'.", "<", "<>", "'<", "&", "&#1", "&lt;", "a ", "won ", f"{ID} ", '"a"', " ", "%", "[", "|", "\u200b"),
        *("ﷺ", "\u0300\u0316", "/opportunities/", "/location/", "https://x?a=b&", "e\u0301", "\U0001f600", "\x00"),
        *("?", "? ", "'? ", "preview ", "lost ", '"a" ', "([", "(x", ")", "],", f"{ID},", "<https://", "<https://a|"),
        *("https://x?url=", "https://x?q=https%3A%2F%2F", "https://x?url=https%3A%2F%2Fa&"),
        *("<mailto:a|", "a;", ";https://a/opportunities/1", "|", "<a"),
    ],
)
def test_a_long_text_is_read_in_a_time_that_grows_with_its_length(unit: str) -> None:
    units = unit * (MAX_COMMAND // 4 // len(quote_plus(unit)))  # a quarter of what a request can hold

    for text in (f"https://a/opportunities/{units}", units, f"Acme lost {units}", f"{units}Acme"):
        start = time.process_time()
        assert _is_sound(_parse(text), text, frozenset(STATES))
        _first_link(text)
        read_target(text, location_id=LOCATION)
        read_name(text)
        # Some hundredths of a second; several seconds if the time grew with the square.
        assert time.process_time() - start < 1.0


# --- links that are wrapped into others ----------------------------------------------------------------------------


def _outlook(link: str) -> str:
    return f"https://nam02.safelinks.protection.outlook.com/?url={quote(link, safe='')}&data=05%7C02%7C&reserved=0"


def _google(link: str) -> str:
    return f"https://www.google.com/url?q={quote(link, safe='')}&sa=D&source=docs&ust=1700000000000000"


def _slack(link: str) -> str:
    return f"https://slack-redir.net/link?url={quote(link, safe='')}"


WRAPPED = [
    *(wrap(link) for wrap in (_outlook, _google, _slack) for link in (LINK, LIST_LINK, f"{LINK}?tab=a&b=c#d")),
    _outlook(_google(LINK)),
    _slack(_outlook(_google(LINK))),
    f"https://www.google.com/url?sa=t&url={LINK}&usg=x",
    f"https://www.google.com/url?q=other+words&url={quote(LINK, safe='')}",
]


@pytest.mark.parametrize("link", WRAPPED)
def test_a_wrapped_link_is_read_as_the_deals_link_that_it_wraps(link: str) -> None:
    assert read_link(link) == Link(ID, LOCATION)
    for typed in (f"{link} won", f"won <{link.replace('&', '&amp;')}>", f"<{link.replace('&', '&amp;')}|here> won"):
        assert _parse(typed) == _change(ID)
    assert _first_link(f"See <{link.replace('&', '&amp;')}|this>") == _first_link(f"See {link}!") == ID


@pytest.mark.parametrize("wrap", [_outlook, _google, _slack])
def test_a_wrapped_link_to_another_location_is_refused_and_the_location_named(wrap: Callable[[str], str]) -> None:
    link = wrap(LINK.replace(LOCATION, ELSEWHERE))

    assert _parse(f"{link} won") == Misunderstood(Problem.OTHER_LOCATION, ELSEWHERE)


@pytest.mark.parametrize(
    "link",
    [
        _outlook("https://example.com/"),
        "https://example.com/?url=",
        f"https://example.com/?url={ID}",
        f"https://example.com/?other={quote(LINK, safe='')}",
        _google(_outlook(_google(_outlook(_google(LINK))))),
    ],
)
def test_a_link_that_wraps_no_deal_names_none(link: str) -> None:
    assert read_link(link).opportunity_id is None


def test_a_link_to_a_deal_that_carries_another_is_the_deals_own() -> None:
    assert read_link(f"{LINK}?url={quote(LINK.replace(ID, OTHER_ID), safe='')}") == Link(ID, LOCATION)


# --- several sub-accounts ------------------------------------------------------------------------------------------

OURS = "anotherOneOfOursXXXX"
THERE = f"{APP}/v2/location/{OURS}/opportunities/{ID}"
FOREIGN = f"{APP}/v2/location/{ELSEWHERE}/opportunities/{ID}"


def _parse_of_several(text: str) -> Request:
    request = Parser(OurLocations(LOCATION, frozenset({OURS})), STATES)(text)
    match request:
        case Change():
            return replace(request, doubts=NO_DOUBTS)
        case ShowDeal(identifier, _, location_id) if identifier:
            return ShowDeal(identifier, location_id=location_id)
        case _:
            return request


def test_a_link_to_another_sub_account_of_ours_names_it() -> None:
    assert _parse_of_several(f"{THERE} won") == Change((Wish(ID, Status.WON, location_id=OURS),))
    assert _parse_of_several(THERE) == ShowDeal(ID, location_id=OURS)
    assert _parse_of_several(f"history {THERE}") == ShowHistory(ID)


def test_a_link_to_the_default_sub_account_names_it_if_there_are_several() -> None:
    assert _parse_of_several(f"{LINK} won") == Change((Wish(ID, Status.WON, location_id=LOCATION),))
    assert _parse(f"{LINK} won") == Change((Wish(ID, Status.WON),))


def test_an_id_and_a_name_leave_the_sub_account_empty() -> None:
    assert _parse_of_several(f"{ID} won") == Change((Wish(ID, Status.WON),))
    assert _parse_of_several("Acme won") == Change((Wish("", Status.WON, name="Acme"),))


def test_a_link_to_an_unknown_sub_account_is_refused_if_there_are_several() -> None:
    assert _parse_of_several(f"{FOREIGN} won") == Misunderstood(Problem.OTHER_LOCATION, ELSEWHERE)


def test_links_to_several_sub_accounts_make_one_batch_with_each_deal_once() -> None:
    other = "cD4eF6gH8jK1lM3nP5qR"
    request = _parse_of_several(f"{THERE} {THERE} {LINK.replace(ID, other)} lost")

    assert request == Change((Wish(ID, Status.LOST, location_id=OURS), Wish(other, Status.LOST, location_id=LOCATION)))


def test_a_link_in_a_message_names_its_sub_account() -> None:
    assert first_link([f"See {THERE}!"], location_id=LOCATION, others={OURS}) == Target(ID, OURS)
    assert first_link([f"See {THERE}!"], location_id=LOCATION) is None


@pytest.mark.parametrize(("text", "name"), [("use", ""), ("use Paris", "Paris"), ('USE "North Sea"', "North Sea")])
def test_use_names_a_sub_account_if_there_are_several(text: str, name: str) -> None:
    assert _parse_of_several(text) == UseLocation(name)
    assert not isinstance(_parse(text), UseLocation)


def test_a_name_that_was_copied_from_a_message_of_ours_is_read_as_it_is_in_highlevel() -> None:
    assert normalise(plain("*Smith* _& ~sons~ :tada: ").replace("&amp;", "&")) == "*Smith* _& ~sons~ :tada:"


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("mute 2h", timedelta(hours=2)),
        ("MUTE 30m", timedelta(minutes=30)),
        ("mute 1 d", timedelta(days=1)),
        ("mute", timedelta(hours=1)),
        ("unmute", timedelta()),
    ],
)
def test_mute_and_unmute_stand_alone(text: str, span: timedelta) -> None:
    assert _parse(text) == Mute(span)


@pytest.mark.parametrize("text", ["mute button", "mute 0h", "mute 2w", "mute 2h Acme", "unmute Acme", "mute 2h won"])
def test_a_deal_may_be_called_like_mute(text: str) -> None:
    assert not isinstance(_parse(text), Mute)


@pytest.mark.parametrize(
    ("typed", "tried"),
    [
        ("650-555-0188", "+16505550188"),
        ("(650) 555 0188", "+16505550188"),
        ("650.555.0188", "+16505550188"),
    ],
)
def test_a_phone_number_without_its_country_code_is_tried_with_it(typed: str, tried: str) -> None:
    looked, changed = _read(typed), _read(f"{typed} won")

    assert isinstance(looked, ShowDeal)
    assert tried in looked.shorter
    assert isinstance(changed, Change)
    assert (tried,) in [reading.names for reading in changed.doubts.otherwise]


@pytest.mark.parametrize("typed", ["150-555-0188", "+44 650 555 0188", "650-555-018", "Studio 650"])
def test_any_other_number_is_searched_for_as_it_is(typed: str) -> None:
    looked = _read(typed)

    assert isinstance(looked, ShowDeal)
    assert not any(each.startswith("+1") for each in looked.shorter)


@pytest.mark.parametrize("between", ["-", "–", "—", "|", "/", "was", "moved to"])  # noqa: RUF001 - as typed
def test_what_people_type_between_a_deal_and_its_status_is_no_part_of_the_name(between: str) -> None:
    assert _parse(f"Acme {between} won") == _named("Acme", Status.WON)


@pytest.mark.parametrize("asked", ["how is acme", "where is acme", "show me acme", "tell me about acme", "search acme"])
def test_a_question_about_a_deal_looks_for_its_name(asked: str) -> None:
    looked = _read(asked)

    assert isinstance(looked, ShowDeal)
    assert (looked.name, looked.shorter[0]) == (asked, "acme")
