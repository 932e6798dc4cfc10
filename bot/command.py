"""The text after `/opp-status` -> what it asks for, or why it cannot be understood. Pure."""

import html
import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qs, unquote, urlsplit

from bot.status import Status, Wish

COMMAND = "/opp-status"
USAGE_HINT = "<id or link> <open|won|lost|abandoned>"

SHORTEST_BEGINNING = 3
"""Letters of a status that suffice, when no other status begins with them."""


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
class Undo:
    """Somebody wants to take back the last change they made."""


@dataclass(frozen=True, slots=True)
class ShowHistory:
    """Somebody wants to see their last commands, or everybody's about one deal."""

    opportunity_id: str | None = None


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


@dataclass(frozen=True, slots=True)
class OpenForm:
    """Somebody wants to fill in a form instead of typing."""


@dataclass(frozen=True, slots=True)
class Misunderstood:
    """A text that asks for nothing the bot can do. `word` is the part that was not understood, as typed."""

    problem: Problem
    word: str = ""


Request = Change | ShowDeal | OpenForm | Help | WhoAmI | Undo | ShowHistory | Misunderstood


@dataclass(frozen=True, slots=True)
class Link:
    """A link into HighLevel: which opportunity, and in which location if the link says so."""

    opportunity_id: str | None
    location_id: str | None


def parse(text: str, *, location_id: str, statuses: Collection[Status]) -> Request:
    """Read what was typed.

    `location_id` is the sub-account we serve: a link to another one is refused here, before any call.
    `statuses` are those that may be asked for. Never raises, whatever the text.
    """
    words = list(_words(text))
    match [word.casefold() for word in words]:
        case []:
            return Misunderstood(Problem.NOTHING_TYPED)
        case ["help" | "-h" | "--help" | "?"]:
            return Help()
        case ["whoami"]:
            return WhoAmI()
        case ["undo", *more]:
            return Misunderstood(Problem.UNDO_STANDS_ALONE, " ".join(words[1:])) if more else Undo()
        case ["history", *_]:
            return _history(words[1:], location_id)
        case _:
            return _change(words, location_id, statuses)


def _change(words: list[str], location_id: str, statuses: Collection[Status]) -> Wish | Misunderstood:
    status_words = [(word, status) for word in words if (status := _status(word))]
    other_words = [word for word in words if not _status(word)]
    targets = [word for word in other_words if _is_target(word)]
    if not status_words:
        return _without_status(other_words, targets)
    word, status = status_words[0]
    if not other_words:
        return Misunderstood(Problem.NO_OPPORTUNITY, word)
    if not targets:
        return Misunderstood(Problem.NOT_AN_ID, " ".join(other_words))
    spare = words.copy()
    spare.remove(targets[0])
    spare.remove(word)
    if spare:
        return Misunderstood(Problem.TOO_MUCH, " ".join(spare))
    if status not in statuses:
        return Misunderstood(Problem.ALL_IS_NO_STATUS if status is Status.ALL else Problem.STATUS_NOT_OFFERED, word)
    return _wish(targets[0], status, location_id)


def _without_status(words: list[str], targets: list[str]) -> Misunderstood:
    if not targets:
        return Misunderstood(Problem.NOT_AN_ID, " ".join(words))
    spare = words.copy()
    spare.remove(targets[0])
    return (
        Misunderstood(Problem.UNKNOWN_STATUS, " ".join(spare))
        if spare
        else Misunderstood(Problem.NO_STATUS, targets[0])
    )


def _wish(target: str, status: Status, location_id: str) -> Wish | Misunderstood:
    found = _opportunity_id(target, location_id)
    return found if isinstance(found, Misunderstood) else Wish(found, status)


def _history(words: list[str], location_id: str) -> ShowHistory | Misunderstood:
    match words:
        case []:
            return ShowHistory()
        case [target] if _is_target(target):
            found = _opportunity_id(target, location_id)
            return found if isinstance(found, Misunderstood) else ShowHistory(found)
        case _:
            return Misunderstood(Problem.HISTORY_OF_WHAT, " ".join(words))


def _opportunity_id(target: str, location_id: str) -> str | Misunderstood:
    if not _is_link(target):
        return target
    link = read_link(target)
    if link.location_id is not None and link.location_id != location_id:
        return Misunderstood(Problem.OTHER_LOCATION, link.location_id)
    if link.opportunity_id is None:
        return Misunderstood(Problem.LINK_WITHOUT_ID, target)
    return link.opportunity_id


# --- words ---------------------------------------------------------------------------------------------------------

_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»", '"') | dict.fromkeys("‘’‚‛′", "'"))
_WORD = re.compile(r"<[^<>]*>|\"[^\"]*\"|\S+")
_ENTITY = re.compile(r"&#?\w{1,10};")
_WRAPPING = "\"'`*()[]"
_TRAILING = ".,;:!"


def normalise(text: str) -> str:
    """Typography as a keyboard would have typed it.

    Phones and copy-paste bring curly quotes, non-breaking spaces and zero-width characters; the eye does not see them.
    """
    text = unicodedata.normalize("NFKC", text).translate(_QUOTES)
    return "".join(
        " " if unicodedata.category(char) in {"Cc", "Zl", "Zp", "Zs"} else char
        for char in text
        if unicodedata.category(char) != "Cf"
    )


def _words(text: str) -> Iterable[str]:
    """The words of a command: Slack's `<link|label>` is one, so is anything in double quotes."""
    # Slack sends & < > that were typed as entities, and its own links in bare angle brackets: cut first, then decode.
    # https://docs.slack.dev/messaging/formatting-message-text/#escaping
    for raw in _WORD.findall(normalise(text)):
        if word := _bare(normalise(_ENTITY.sub(lambda entity: html.unescape(entity[0]), raw))):
            yield word


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


# --- opportunities -------------------------------------------------------------------------------------------------

# Every id seen is 20 letters and digits, but nothing promises it: anything longer than a word and safe in a path may
# be an id, so that an unseen form is not locked out. A digit tells it from a long name.
_ID = re.compile(r"[A-Za-z0-9]{20}|(?=[^0-9]*[0-9])[A-Za-z0-9_-]{16,64}")
# In a link the place says that it is an id, unless it is one of the app's own pages: `list`, `pipeline`.
_ID_IN_LINK = re.compile(r"[A-Za-z0-9]{20}|(?=[^0-9]*[0-9])[A-Za-z0-9_-]{1,64}")


def _is_link(word: str) -> bool:
    return word.casefold().startswith(("https://", "http://")) or "/opportunities/" in word


def _is_target(word: str) -> bool:
    return _is_link(word) or _ID.fullmatch(word) is not None


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
