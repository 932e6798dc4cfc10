"""Before a change: finds out which deal a name means, and which lost reason the caller's words mean. Pure."""

import asyncio
import unicodedata
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from bot.deals.clock import loop_time
from bot.deals.deal import LostReason, Matches, Opportunity, Status
from bot.deals.outcome import Ambiguous, Cause, Effect, Failed, Guessed, Outcome, ReasonWanted, Trouble
from bot.deals.ports import Crm, CrmError
from bot.deals.wish import NO_DOUBTS, Consent, Doubts, Mixed, Reading, Wish

IDENTIFY_PATIENCE = 10.0
"""Seconds for the search and the lost reasons together."""
DESCRIBED = 5
"""Deals to choose from whose owners are looked up: as many as a question shows."""

Asking = Callable[[], Awaitable[str]]
"""Tells the id of the CRM's user who asks; empty if that is not known."""


async def anyone() -> str:
    """Stands for a person of whom it is not known which user they are."""
    return ""


@dataclass(frozen=True, slots=True)
class Identified:
    """A wish, completed as far as possible."""

    wish: Wish
    obstacle: Outcome | None = None
    """Why the change cannot go on; nothing was written. `None`: it can."""


class Identify:
    """Completes wishes.

    `reason_required`: a deal is lost only with a lost reason. `read`: what else the text of a wish by name may mean.
    """

    def __init__(
        self,
        crm: Crm,
        *,
        reason_required: bool,
        read: Callable[[str], Doubts] = lambda _: NO_DOUBTS,
        patience: float = IDENTIFY_PATIENCE,
    ) -> None:
        self._crm = crm
        self._reason_required = reason_required
        self._read = read
        self._patience = patience

    async def __call__(self, wish: Wish, text: str = "", asking: Asking = anyone) -> Identified:
        """Ask the CRM for the ids that the wish lacks, the deal's and the lost reason's. A CRM error is an obstacle.

        `text`: what the caller typed. Where the search finds a deal that is called like the whole of it, the caller may
        only have looked for that deal, and is asked. `asking`: whose deals come first where several fit.
        """
        found = await self._identified(wish, text, asking)
        if isinstance(found.obstacle, Guessed):
            return replace(found, obstacle=await own_guesses_first(found.obstacle, asking))
        return found

    async def _identified(self, wish: Wish, text: str, asking: Asking) -> Identified:
        until = loop_time() + self._patience
        if not wish.opportunity_id:
            doubts = self._read(text)
            try:
                matches = await self._crm.search(wish.name, until=until)
                if doubts.apart and not resembling(wish.name, matches):
                    # A search for `acme won globex` may find a deal that has only some of the words.
                    if several := await guess(self._crm, (doubts.apart,), until):
                        return Identified(wish, several)
                    if matches.deals and doubts.reading:
                        return Identified(wish, Guessed(doubts.reading, (matches,)))
                if not matches.deals:
                    other = await guess(self._crm, doubts.otherwise, until)
                    return Identified(wish, other or Failed(Trouble(Cause.NO_MATCH), Effect.NOTHING))
            except CrmError as error:
                return Identified(wish, Failed(error.trouble, Effect.NOTHING))
            if doubts.reading and wish.consent is not Consent.PREVIEW and called(doubts.whole, matches):
                return Identified(wish, Guessed(doubts.reading, (matches,)))
            meant = certainly_meant(matches, wish.status)
            if meant is None:
                deals = await own_first(matches.deals, asking)
                return Identified(wish, Ambiguous(await described(self._crm, deals, until), matches.more))
            wish = replace(wish, opportunity_id=meant.id)
        return await self._with_reason(wish, until)

    async def instead(self, wish: Wish) -> Guessed | None:
        """The deals that an id finds as a name, after it was no deal's; `None` for none. Raises `CrmError`."""
        reading = Reading((wish.opportunity_id,), (wish.status,), wish.reason)
        return await guess(self._crm, (reading,), loop_time() + self._patience)

    async def _with_reason(self, wish: Wish, until: float) -> Identified:
        required = self._reason_required and wish.consent is not Consent.PREVIEW
        if wish.status is not Status.LOST or wish.lost_reason_id or not (wish.reason or required):
            return Identified(wish)
        # Some tokens may not read lost reasons, and some sub-accounts have none: then a deal is lost without one.
        reasons = await self._crm.lost_reasons(until=until)
        if not reasons:
            return Identified(wish)
        reason = matching_reason(wish.reason, reasons)
        if reason is None:  # words that are no reason are kept as a note, and the caller is asked afterwards
            return Identified(wish, ReasonWanted(reasons) if required else None)
        return Identified(replace(wish, lost_reason_id=reason.id))


async def guess(crm: Crm, readings: Sequence[Reading | Mixed], until: float) -> Guessed | None:
    """The first reading for which the CRM finds a deal, with what it finds; `None` for none. Raises `CrmError`.

    Several changes count only if all their deals are found, unless they are likely anyway (`partly`).
    """
    for reading in readings:
        parts = reading.parts if isinstance(reading, Mixed) else (reading,)
        found: list[Matches] = []
        for part in parts:
            found += [await _found_by_id(crm, each, until) for each in part.ids]
            found += [await crm.search(name, until=until) for name in part.names]
        enough = all if isinstance(reading, Mixed) and not reading.partly else any
        if enough(matches.deals for matches in found):
            return Guessed(reading, tuple(found))
    return None


async def _found_by_id(crm: Crm, opportunity_id: str, until: float) -> Matches:
    return Matches((await crm.find(opportunity_id, until=until),), more=False)


def called(text: str, matches: Matches) -> tuple[Opportunity, ...]:
    """The deals of which each word of the text is a word in the name, the contact or the company."""
    words = set(_folded(text))
    return tuple(deal for deal in matches.deals if words and words <= set(_words_of(deal)))


def resembling(text: str, matches: Matches) -> tuple[Opportunity, ...]:
    """The deals of which each word of the text begins a word in the name, the contact or the company."""
    words = set(_folded(text))
    return tuple(
        deal for deal in matches.deals if all(any(each.startswith(word) for each in _words_of(deal)) for word in words)
    )


def _words_of(deal: Opportunity) -> Sequence[str]:
    return [word for each in (deal.name, deal.contact, deal.company) for word in _folded(each or "")]


def _folded(text: str) -> Iterator[str]:
    """Words in lower case without punctuation; a symbol, such as an emoji, is a word of its own."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    apart = "".join(
        char if char.isalnum() else f" {char} " if unicodedata.category(char) == "So" else " " for char in folded
    )
    return iter(apart.split())


async def own_first(deals: Sequence[Opportunity], asking: Asking) -> tuple[Opportunity, ...]:
    """The deals, first those of the person who asks: found out only where the deals have several owners."""
    own = await asking() if len({deal.owner_id for deal in deals}) > 1 else ""
    return tuple(sorted(deals, key=lambda deal: not own or deal.owner_id != own))


async def own_guesses_first(guessed: Guessed, asking: Asking) -> Guessed:
    """The same guess, with the deals for each name as in `own_first`."""
    found = [replace(matches, deals=await own_first(matches.deals, asking)) for matches in guessed.found]
    return replace(guessed, found=tuple(found))


async def described(crm: Crm, deals: Sequence[Opportunity], until: float) -> tuple[Opportunity, ...]:
    """The deals, the first of them with the names that a person chooses by, such as their owners'."""
    first = await asyncio.gather(*(crm.describe(deal, until=until) for deal in deals[:DESCRIBED]))
    return (*first, *deals[DESCRIBED:])


def certainly_meant(matches: Matches, status: Status) -> Opportunity | None:
    """The only deal that the caller can mean, who wants it to have this status; `None` if that is not certain.

    Callers close deals that are open, and reopen deals that are not: that leaves out the others. A single match that
    has the status already is meant too. A single match that was closed with another status is not certain enough.
    """
    if matches.more:
        return None
    movable = [deal for deal in matches.deals if (deal.status == Status.OPEN) != (status is Status.OPEN)]
    if len(movable) == 1:
        return movable[0]
    only = matches.deals[0] if len(matches.deals) == 1 else None
    return only if only and only.status == status else None


REASON_FILLERS = {
    *(
        "a",
        "an",
        "and",
        "as",
        "because",
        "bc",
        "cause",
        "due",
        "for",
        "from",
        "go",
        "going",
        "had",
        "has",
        "have",
        "he",
    ),
    *("i", "in", "is", "it", "its", "it's", "of", "on", "our", "reason", "she", "so", "that", "the", "their", "them"),
    *("they", "they're", "this", "to", "us", "was", "we", "went", "were", "with"),
}
"""Words around a lost reason that say nothing of it: `lost to a competitor`, `lost because it was too expensive`."""

SLIP = 0.8
"""How alike a mistyped word is to the right one, as difflib counts it: `expencive` is 0.89 like `expensive`."""


def matching_reason(words: str, reasons: Sequence[LostReason]) -> LostReason | None:
    """The lost reason that these words mean; `None` if they mean none, or more than one.

    The words are its whole name; else the beginning of one name only; else, without fillers, words of one name only;
    else they have all words of one name only among them; else the same with slips in the spelling.
    """
    asked = _plain(words)
    if not asked:
        return None
    named = [(_plain(reason.name), reason) for reason in reasons]
    said = _telling(asked)
    corrected = _corrected(said, {word for name, _ in named for word in name.split()})
    for found in (
        [reason for name, reason in named if name == asked],
        [reason for name, reason in named if name.startswith(asked)],
        [reason for name, reason in named if said and said <= set(name.split())],
        [reason for name, reason in named if _telling(name) and _telling(name) <= said],
        [reason for name, reason in named if corrected and corrected <= set(name.split())],
        [reason for name, reason in named if _telling(name) and _telling(name) <= corrected],
    ):
        if len(found) == 1:
            return found[0]
    return None


def _telling(plain: str) -> set[str]:
    """The words without fillers; all of them if they are only fillers."""
    every = set(plain.split())
    return every - REASON_FILLERS or every


MOST_WORDS_OF_A_REASON = 40
"""Words in which slips are looked for: comparing more would take long."""


def _corrected(said: set[str], known: set[str]) -> set[str]:
    """The words, each as the known word that it is nearest to, where one is near."""
    if len(said) > MOST_WORDS_OF_A_REASON:
        return said
    return {next(iter(get_close_matches(word[:LONGEST_SLIP], known, n=1, cutoff=SLIP)), word) for word in said}


LONGEST_SLIP = 30
"""Letters of a word in which slips are looked for."""


def _plain(text: str) -> str:
    """The text's words in lower case, without punctuation."""
    return " ".join("".join(char if char.isalnum() else " " for char in text.casefold()).split())
