"""Reads which deal an id or a link names. Pure."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qs, unquote, urlsplit

from bot.commands.request import Misunderstood, Problem
from bot.commands.text.typography import Word, bare, normalise, words_of
from bot.deals.deal import Target


@dataclass(frozen=True, slots=True)
class Link:
    """The ids in a link into HighLevel; `None` for an id that the link does not have."""

    opportunity_id: str | None
    location_id: str | None


@dataclass(frozen=True, slots=True)
class OurLocations:
    """The ids of the sub-accounts that links may lead to."""

    default: str
    others: Collection[str]


def first_link(texts: Iterable[str], *, location_id: str, others: Collection[str] = ()) -> Target | None:
    """Find the first link to a deal of ours in free text, such as a message; `None` if there is none.

    `location_id` and `others` are the sub-accounts that are ours: the default one, and the rest.
    """
    for text in texts:
        for found in _LINK_IN_TEXT.finditer(normalise(text)):
            target = read_target(found[1] or found[0], location_id=location_id, others=others)
            if target is not None:
                return target
    return None


def read_target(word: str, *, location_id: str, others: Collection[str] = ()) -> Target | None:
    """Read a text that is an id, or a link to a deal of ours, and nothing else; `None` if it is anything else.

    `location_id` and `others` as for `first_link`.
    """
    match [targets_in(each) for each in words_of(word)]:
        case [[target]]:
            found = read_deal(target, OurLocations(location_id, others))
            return None if isinstance(found, Misunderstood) else found
        case _:
            return None


def read_deal(target: str, ours: OurLocations) -> Target | Misunderstood:
    """Read which deal an id or a link names, or why the link cannot be used.

    The sub-account is empty unless there are several and the link names one.
    """
    if not _is_link(target):
        return Target(target)
    link = read_link(target)
    if link.location_id is not None and link.location_id != ours.default and link.location_id not in ours.others:
        return Misunderstood(Problem.OTHER_LOCATION, link.location_id)
    if link.opportunity_id is None:
        return Misunderstood(Problem.LINK_WITHOUT_ID, target)
    return Target(link.opportunity_id, (link.location_id or "") if ours.others else "")


# --- ids and links -------------------------------------------------------------------------------------------------

# Every id that HighLevel has shown so far is 20 letters and digits, as Firestore makes them.
_ID = re.compile(r"[A-Za-z0-9]{20}")

# A run of letters that reads like a word, or of digits.
_RUN = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")

MOST_WORDS = 5
"""Words and numbers that 20 characters may be made of."""
SHORTEST_WORD = 3
"""Letters or digits of such a word; one more character may belong to none. One random id in 2,000 reads like that."""

# In a link the position tells that it is an id, unless it is a page of the app: `list`, `pipeline`. Hence the digit.
_ID_IN_LINK = re.compile(r"[A-Za-z0-9]{20}|(?=[^0-9]*[0-9])[A-Za-z0-9_-]{1,64}")

WRAPPINGS = 3
"""How many times a link may be wrapped: a mail program's around a chat's around a search engine's."""

# Outlook's Safe Links and Slack's own redirections have `url`, Google's `q` or `url`.
_WRAPPED_IN = ("url", "q")

_BETWEEN_TARGETS = re.compile(r"[\s,;]+")

# Possessive quantifiers: if a bracket never closes, backtracking would take minutes.
_LINK_IN_TEXT = re.compile(r"<(https?://[^<>|]++)[^<>]*+>|https?://[^\s<>|]+", re.IGNORECASE)


def _is_link(word: str) -> bool:
    return word.casefold().startswith(("https://", "http://")) or "/opportunities/" in word


def is_id(word: str) -> bool:
    """Whether a word is an id: of HighLevel's form, and not plainly words, a phone number or a serial number."""
    if _ID.fullmatch(word) is None or word.upper() == word or word.lower() == word:
        return False
    runs = _RUN.findall(word)
    in_words = sum(len(run) for run in runs if len(run) >= SHORTEST_WORD)
    return len(runs) > MOST_WORDS or in_words < len(word) - 1


def is_target(word: str) -> bool:
    """Whether a word is an id or a link."""
    return _is_link(word) or is_id(word)


def targets_in(word: Word) -> Sequence[str]:
    """The ids and links in a word: one, or several with only separators between them; empty if it is another word.

    In quotes a word is a name, unless it is a link.
    """
    return _targets_in(word.text, word.quoted)


@lru_cache(maxsize=100)  # a text is read in several ways, and each asks about all words
def _targets_in(text: str, quoted: bool) -> Sequence[str]:  # noqa: FBT001 - only called above
    parts = tuple(part for typed in _BETWEEN_TARGETS.split(text) if (part := bare(typed)))
    counts = _is_link if quoted else is_target
    if all(counts(part) for part in parts):
        return parts
    return (text,) if counts(text) else ()


def read_link(link: str) -> Link:
    """Read the ids in a link into HighLevel. An id that is missing, or cannot be one, is `None`.

    Any host is accepted, because agencies serve the app under their own domains. Known forms:
    `/v2/location/<location>/opportunities/<id>?tab=...` and `.../opportunities/list?opportunityId=<id>` (or
    `opportunity=`). Mail programs and chats wrap links into their own: one that names no deal, but has such a link in
    its query, is read as that link.
    https://help.gohighlevel.com/support/solutions/articles/155000002000
    """
    return _read_link(link, WRAPPINGS)


def _read_link(link: str, wrappings: int) -> Link:
    try:
        url = urlsplit(link)
        query = parse_qs(url.query)
    except ValueError:  # for instance a host with half an IPv6 address
        return Link(None, None)
    path = [unquote(part) for part in url.path.split("/") if part]
    candidates = [_after("opportunities", path), *query.get("opportunityId", ()), *query.get("opportunity", ())]
    ids = (candidate for candidate in candidates if candidate and _ID_IN_LINK.fullmatch(candidate))
    found = Link(next(ids, None), _after("location", path))
    if found.opportunity_id is None and wrappings:
        wrapped = (each for name in _WRAPPED_IN for each in query.get(name, ()) if _is_link(each))
        inside = (_read_link(each, wrappings - 1) for each in wrapped)
        return next((each for each in inside if each.opportunity_id is not None), found)
    return found


def _after(name: str, path: list[str]) -> str | None:
    return path[path.index(name) + 1] if name in path[:-1] else None
