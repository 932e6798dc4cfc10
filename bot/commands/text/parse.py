"""The text after `/opp-status` -> what it asks for, or why it cannot be understood. Pure."""

import html
import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import parse_qs, unquote, urlsplit

from bot.deals.deal import Consent, Status, Target, Wish

COMMAND = "/opp-status"
USAGE_HINT = "<deal> <open|won|lost|abandoned> [reason]"

SHORTEST_BEGINNING = 3
"""Letters of a status that suffice, when no other status begins with them."""

MOST_AT_ONCE = 25
"""Deals that one command may name."""

SHORTEST_NAME = 2
"""Letters and digits that a name has at least: fewer would find half of all deals."""

LONGEST_NAME = 75
"""Characters of a name that are searched for: HighLevel's search takes no more."""


class Problem(StrEnum):
    """Why a text could not be understood; `messages` has a sentence for each."""

    NO_STATUS = "no_status"
    NO_OPPORTUNITY = "no_opportunity"
    UNKNOWN_STATUS = "unknown_status"
    ALL_IS_NO_STATUS = "all_is_no_status"
    STATUS_NOT_OFFERED = "status_not_offered"
    NAME_TOO_SHORT = "name_too_short"
    TOO_MANY = "too_many"
    LINK_WITHOUT_ID = "link_without_id"
    OTHER_LOCATION = "other_location"
    TOO_MUCH = "too_much"
    UNDO_STANDS_ALONE = "undo_stands_alone"
    HISTORY_OF_WHAT = "history_of_what"


@dataclass(frozen=True, slots=True)
class Help:
    """Somebody wants to know how this works."""


@dataclass(frozen=True, slots=True)
class WhoAmI:
    """Somebody wants to know who the bot takes them for, and what they may."""


@dataclass(frozen=True, slots=True)
class ShowAccess:
    """An admin wants to see who asks to be let in, and who was."""


@dataclass(frozen=True, slots=True)
class UseLocation:
    """Somebody wants to know in which sub-account this channel works; an admin, that it works in this one."""

    name: str = ""


@dataclass(frozen=True, slots=True)
class Undo:
    """Somebody wants to take back the last change they made."""


@dataclass(frozen=True, slots=True)
class ShowHistory:
    """Somebody wants to see their last commands, or everybody's about one deal; an admin, another's or everybody's."""

    opportunity_id: str | None = None
    user_id: str = ""
    """Whose; empty for their own."""
    everybody: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """Somebody wants deals to have a status: several by id or link, or one by whatever it is called."""

    wishes: tuple[Wish, ...]
    """One or more, no two of the same deal; all with the same status, reason and consent."""


@dataclass(frozen=True, slots=True)
class ShowDeal:
    """Somebody wants to see a deal: by its id, or by what it is called while the id is empty."""

    opportunity_id: str = ""
    name: str = ""
    location_id: str = ""
    """The sub-account, where a link says so."""


@dataclass(frozen=True, slots=True)
class OpenForm:
    """Somebody wants to fill in a form instead of typing."""


@dataclass(frozen=True, slots=True)
class Misunderstood:
    """A text that asks for nothing the bot can do. `word` is the part that was not understood, as typed."""

    problem: Problem
    word: str = ""


Request = Change | ShowDeal | OpenForm | Help | WhoAmI | ShowAccess | UseLocation | Undo | ShowHistory | Misunderstood


@dataclass(frozen=True, slots=True)
class Link:
    """A link into HighLevel: which opportunity, and in which location if the link says so."""

    opportunity_id: str | None
    location_id: str | None


@dataclass(frozen=True, slots=True)
class _Ours:
    """The sub-accounts that links may lead to."""

    default: str
    others: Collection[str]


@dataclass(frozen=True, slots=True)
class _Word:
    """A word of a command, in two readings."""

    text: str
    """Without anything around it: what may be a keyword, a status, an id or a link."""
    typed: str
    """As it was typed, without its quotes: what is part of a name or a reason."""
    quoted: bool


def parse(text: str, *, location_id: str, statuses: Collection[Status], others: Collection[str] = ()) -> Request:
    """Read what was typed.

    `location_id` is the default sub-account, `others` are those that we serve besides: a link to any but these is
    refused here, before any call.
    `statuses` are those that may be asked for. Never raises, whatever the text.
    """
    typed = list(_words(text))
    if not typed:
        return OpenForm()
    ours = _Ours(location_id, others)
    words, marker = _without_marker(typed)
    match [word.text.casefold() for word in words]:
        case []:
            return Help() if marker == _QUESTION else Misunderstood(Problem.NO_OPPORTUNITY, marker)
        case ["help" | "-h" | "--help"]:
            return Help()
        case ["whoami"]:
            return WhoAmI()
        case ["access"]:
            return ShowAccess()
        case ["undo", *more]:  # not even `undo?`: there is no preview of it, and it asked for no more than that
            alone = not more and not marker
            return Undo() if alone else Misunderstood(Problem.UNDO_STANDS_ALONE, _text(words[1:]) or marker)
        case ["history", *_]:
            return _history([word.text for word in words[1:]], ours)
        case ["use", *_] if others:
            return UseLocation(_typed(words[1:]))
        case _:
            return _deals(words, ours, statuses, Consent.PREVIEW if marker else Consent.PRESUMED)


def first_link(texts: Iterable[str], *, location_id: str, others: Collection[str] = ()) -> Target | None:
    """The deal that the first link to one of ours leads to, inside free text, such as a message's."""
    for text in texts:
        for found in _LINK_IN_TEXT.finditer(normalise(text)):
            target = read_target(found[1] or found[0], location_id=location_id, others=others)
            if target is not None:
                return target
    return None


def read_target(word: str, *, location_id: str, others: Collection[str] = ()) -> Target | None:
    """The deal, when the whole text is an id or a link to one of ours."""
    match [word.text for word in _words(word)]:
        case [target] if _is_target(target):
            found = _read(target, _Ours(location_id, others))
            return None if isinstance(found, Misunderstood) else found
        case _:
            return None


def read_name(text: str) -> str:
    """What is searched for when a deal is called this; empty when that would find too much."""
    name = _name(list(_words(text)))
    return "" if isinstance(name, Misunderstood) else name


def _deals(words: list[_Word], ours: _Ours, statuses: Collection[Status], consent: Consent) -> Request:
    targets = [target for word in words for target in _targets(word.text)]
    if not targets:
        return _by_name(words, statuses, consent)
    others = [word for word in words if not _targets(word.text)]
    if not others:
        return _show(targets, ours)
    # A word in quotes is no status, unless it can be nothing else: `"<id>" "won"` has always been understood.
    at = next((at for at, word in enumerate(others) if not word.quoted and _status(word.text)), 0)
    before, word, behind = others[:at], others[at], others[at + 1 :]
    status = _status(word.text)
    if status is None:
        return Misunderstood(Problem.UNKNOWN_STATUS, _text(others))
    spare = before if status is Status.LOST else before + behind
    if spare:
        return Misunderstood(Problem.TOO_MUCH, _text(spare))
    if status not in statuses:
        return _not_offered(status, word)
    found = _read_all(targets, ours)
    if isinstance(found, Misunderstood):
        return found
    if len(found) > MOST_AT_ONCE:
        return Misunderstood(Problem.TOO_MANY, str(len(found)))
    wish = Wish("", status, reason=_typed(behind), consent=consent)
    return Change(
        tuple(replace(wish, opportunity_id=deal.opportunity_id, location_id=deal.location_id) for deal in found)
    )


def _show(targets: list[str], ours: _Ours) -> ShowDeal | Misunderstood:
    found = _read_all(targets, ours)
    if isinstance(found, Misunderstood):
        return found
    first = ShowDeal(found[0].opportunity_id, location_id=found[0].location_id)
    return first if len(found) == 1 else Misunderstood(Problem.NO_STATUS, " ".join(targets))


def _by_name(words: list[_Word], statuses: Collection[Status], consent: Consent) -> Request:
    at = _place_of_status(words)
    if at is None:
        name = _name(words)
        return name if isinstance(name, Misunderstood) else ShowDeal(name=name)
    before, word, behind = words[:at], words[at], words[at + 1 :]
    if not before:  # `won Acme Corp`, `lost "Acme Corp" too expensive`
        end = 1 if behind and behind[0].quoted else len(behind)
        before, behind = behind[:end], behind[end:]
    status = _status(word.text)
    if behind and status is not Status.LOST:
        return Misunderstood(Problem.TOO_MUCH, _text(behind))
    if status is None or all(_is_whole_status(other) for other in before):
        return Misunderstood(Problem.NO_OPPORTUNITY, words[0].text)
    if status not in statuses:
        return _not_offered(status, word)
    name = _name(before)
    if isinstance(name, Misunderstood):
        return name
    return Change((Wish("", status, name=name, reason=_typed(behind), consent=consent),))


def _place_of_status(words: list[_Word]) -> int | None:
    """Which word is the status: the last one that can be, as a name may hold another (`Open Table won`).

    Where quotes say which words are the name it is the first one, so that a reason may hold another.
    """
    whole = [at for at, word in enumerate(words) if _is_whole_status(word)]
    if whole and (words[0].quoted or (whole[0] == 0 and len(words) > 1 and words[1].quoted)):
        return whole[0]
    # UnknownLocation than at the end a beginning is more likely a name's: `Los Angeles Dodgers`.
    if not words[-1].quoted and _status(words[-1].text):
        return len(words) - 1
    return whole[-1] if whole else None


def _name(words: list[_Word]) -> str | Misunderstood:
    typed = _typed(words)
    name = _plain(typed)
    if len(name) > LONGEST_NAME:
        name = _plain(name[: LONGEST_NAME + 1].rpartition(" ")[0] or name[:LONGEST_NAME])
    if sum(char.isalnum() for char in name) < SHORTEST_NAME:
        return Misunderstood(Problem.NAME_TOO_SHORT, name or typed)
    return name


def _not_offered(status: Status, word: _Word) -> Misunderstood:
    problem = Problem.ALL_IS_NO_STATUS if status is Status.ALL else Problem.STATUS_NOT_OFFERED
    return Misunderstood(problem, word.text)


_PERSON = re.compile(r"@?([UW][A-Z0-9]{2,14})")
"""Somebody as Slack names them: `<@U012AB3CD|ana>` without what is around it, or the id alone."""
_EVERYBODY = {"all", "everybody", "everyone"}


def _history(words: list[str], ours: _Ours) -> ShowHistory | Misunderstood:
    match words:
        case []:
            return ShowHistory()
        case [word] if word.casefold() in _EVERYBODY:
            return ShowHistory(everybody=True)
        case [word] if person := _PERSON.fullmatch(word):
            return ShowHistory(user_id=person[1])
        case [target] if _is_target(target):
            found = _read(target, ours)
            return found if isinstance(found, Misunderstood) else ShowHistory(found.opportunity_id)
        case _:
            return Misunderstood(Problem.HISTORY_OF_WHAT, " ".join(words))


def _read_all(targets: list[str], ours: _Ours) -> list[Target] | Misunderstood:
    """The different deals, in the order in which they were typed, or what is wrong with the first that is none."""
    deals: dict[str, Target] = {}
    for target in targets:
        found = _read(target, ours)
        if isinstance(found, Misunderstood):
            return found
        deals.setdefault(found.opportunity_id, found)
    return list(deals.values())


def _read(target: str, ours: _Ours) -> Target | Misunderstood:
    if not _is_link(target):
        return Target(target)
    link = read_link(target)
    if link.location_id is not None and link.location_id != ours.default and link.location_id not in ours.others:
        return Misunderstood(Problem.OTHER_LOCATION, link.location_id)
    if link.opportunity_id is None:
        return Misunderstood(Problem.LINK_WITHOUT_ID, target)
    return Target(link.opportunity_id, (link.location_id or "") if ours.others else "")


# --- words ---------------------------------------------------------------------------------------------------------

_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»", '"') | dict.fromkeys("‘’‚‛′", "'"))
_WORD = re.compile(r"<[^<>]*>|\"[^\"]*\"|(?:[^\s<]|<[^<>]*>|<)+")
_BRACKETED = re.compile(r"<([^<>!][^<>]*)>")
_ENTITY = re.compile(r"&#?\w{1,10};")
_WRAPPING = "\"'`*()[]"
_TRAILING = ".,;:!"
_BRACKETS = (("(", ")"), ("[", "]"), ("<", ">"))
_WHOLE_STATUSES = frozenset(Status)
_QUESTION = "?"
_PREVIEW = "preview"


def normalise(text: str) -> str:
    """Typography as a keyboard would have typed it.

    Phones and copy-paste bring curly quotes, non-breaking spaces and zero-width characters; the eye does not see them.
    """
    if text.isascii() and text.isprintable():  # as most is, and what is below leaves it as it is
        return text
    text = unicodedata.normalize("NFKC", text).translate(_QUOTES)
    return "".join(
        " " if unicodedata.category(char) in {"Cc", "Zl", "Zp", "Zs"} else char
        for char in text
        if unicodedata.category(char) != "Cf"
    )


def _words(text: str) -> Iterable[_Word]:
    """The words of a command: Slack's `<link|label>` is one, so is anything in double quotes."""
    # Slack sends & < > that were typed as entities, and its own links in bare angle brackets: cut first, then decode.
    # https://docs.slack.dev/messaging/formatting-message-text/#escaping
    for raw in _WORD.findall(normalise(text)):
        unwrapped = _BRACKETED.sub(lambda link: _unwrapped(link[1]), raw)
        yield from _word(normalise(_ENTITY.sub(lambda entity: html.unescape(entity[0]), unwrapped)))


def _word(decoded: str) -> Iterable[_Word]:
    """One word, or none where nothing but punctuation is left."""
    typed = " ".join(decoded.split())
    quoted = len(typed) > 1 and typed.startswith('"') and typed.endswith('"')
    if text := _bare(decoded):
        yield _Word(text, typed[1:-1].strip() if quoted else typed.removeprefix('"'), quoted)


def _unwrapped(link: str) -> str:
    """What was typed where Slack put a link: an address, or what Slack made one of because it looks like one."""
    address, _, label = link.partition("|")
    scheme, _, rest = address.partition(":")
    if scheme in {"mailto", "tel"}:
        return rest
    is_as_typed = rest.casefold() == f"//{label}".casefold()  # `Booking.com` is a name
    return label if is_as_typed and label else address


def _without_marker(words: list[_Word]) -> tuple[list[_Word], str]:
    """The words without the `?` or `preview` that asks for a preview, and which of them it was, if any."""
    marker = ""
    end = words[-1].typed.rstrip(_TRAILING)
    if not words[-1].quoted and end.endswith(_QUESTION):
        words, marker = [*words[:-1], *_word(end.rstrip(_QUESTION))], _QUESTION
    for at in (-1, 0):
        if words and not words[at].quoted and words[at].text.casefold() == _PREVIEW:
            marker = words[at].text
            words = words[:-1] if at else words[1:]
    return words, marker


def _text(words: Iterable[_Word]) -> str:
    return " ".join(word.text for word in words)


def _typed(words: Iterable[_Word]) -> str:
    return " ".join(word.typed for word in words)


def _plain(name: str) -> str:
    """A name without what stands around it: as `_bare`, but a bracket stays where its other half does."""
    before = None
    while name != before:
        before = name
        name = name.strip("\"'`* ").rstrip(_TRAILING)
        for opening, closing in _BRACKETS:
            if name.startswith(opening) and name.find(closing) in {-1, len(name) - 1}:
                name = name.lstrip(opening)
            if name.endswith(closing) and opening not in name:
                name = name.rstrip(closing)
    return name


def _bare(word: str) -> str:
    """A word without what stands around it: quotes, formatting, a full stop, and of `<link|label>` all but the link."""
    before = None
    while word != before:
        before = word
        word = word.strip(_WRAPPING).rstrip(_TRAILING).strip()
        if word.startswith("<") and word.endswith(">"):
            word = word[1:-1].partition("|")[0]
    return word


def _status(word: str) -> Status | None:
    """The status that a word stands for: the whole word, or its beginning when only one status begins so."""
    folded = word.casefold()
    if len(folded) < SHORTEST_BEGINNING:
        return None
    meant = [status for status in Status if status.startswith(folded)]
    return meant[0] if len(meant) == 1 else None


def _is_whole_status(word: _Word) -> bool:
    return not word.quoted and word.text.casefold() in _WHOLE_STATUSES


# --- opportunities -------------------------------------------------------------------------------------------------

# Every id seen is 20 letters and digits, but nothing promises it: anything longer than a word and safe in a path may
# be an id, so that an unseen form is not locked out. A digit tells it from a long name.
_ID = re.compile(r"[A-Za-z0-9]{20}|(?=[^0-9]*[0-9])[A-Za-z0-9_-]{16,64}")
# In a link the place says that it is an id, unless it is one of the app's own pages: `list`, `pipeline`.
_ID_IN_LINK = re.compile(r"[A-Za-z0-9]{20}|(?=[^0-9]*[0-9])[A-Za-z0-9_-]{1,64}")
_BETWEEN_TARGETS = re.compile(r"[\s,;]+")
# Possessive: where a bracket never closes, trying all ways to share its text out would take minutes.
_LINK_IN_TEXT = re.compile(r"<(https?://[^<>|]++)[^<>]*+>|https?://[^\s<>|]+", re.IGNORECASE)


def _is_link(word: str) -> bool:
    return word.casefold().startswith(("https://", "http://")) or "/opportunities/" in word


def _is_target(word: str) -> bool:
    return _is_link(word) or _ID.fullmatch(word) is not None


def _targets(word: str) -> list[str]:
    """The ids and links in a word: one, or several with nothing but commas between them, or none."""
    parts = [part for typed in _BETWEEN_TARGETS.split(word) if (part := _bare(typed))]
    if all(_is_target(part) for part in parts):
        return parts
    return [word] if _is_target(word) else []


def read_link(link: str) -> Link:
    """What a link into HighLevel says.

    Any host will do, because agencies serve the app under names of their own. Known forms:
    `/v2/location/<location>/opportunities/<id>?tab=...` and `.../opportunities/list?opportunityId=<id>` (or
    `opportunity=`). Parts that are absent, or that no id could look like, are `None`.
    https://help.gohighlevel.com/support/solutions/articles/155000002000
    """
    try:
        url = urlsplit(link)
        query = parse_qs(url.query)
    except ValueError:  # for instance a host with half an IPv6 address
        return Link(None, None)
    path = [unquote(part) for part in url.path.split("/") if part]
    candidates = [_after("opportunities", path), *query.get("opportunityId", ()), *query.get("opportunity", ())]
    ids = (candidate for candidate in candidates if candidate and _ID_IN_LINK.fullmatch(candidate))
    return Link(next(ids, None), _after("location", path))


def _after(name: str, path: list[str]) -> str | None:
    return path[path.index(name) + 1] if name in path[:-1] else None
