"""What a person asks for: one deal is to have one status. Pure."""

from dataclasses import dataclass, replace
from enum import StrEnum

from bot.deals.deal import Opportunity, Status


class Consent(StrEnum):
    """How far a command may go before a person confirms it."""

    PREVIEW = "preview"
    """Change nothing; show what would happen."""
    WANTED = "wanted"
    """Show the deal, and ask the person to confirm."""
    SHARED = "shared"
    """Likewise, because people of another company would read the reply."""
    PRESUMED = "presumed"
    """Change the deal, unless it leaves a status that needs a confirmation."""
    CHOSEN = "chosen"
    """Change the deal: a person chose it and saw its status, but was not told who else reads the reply."""
    GIVEN = "given"
    """Change the deal: a person has confirmed it."""
    ASK_OWNER = "ask_owner"
    """Change nothing; ask the deal's owner to do it, because the person may not."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text may ask for: its deals are to have one status. It is asked about, not carried out."""

    names: tuple[str, ...]
    """What to search for: a name for each deal."""
    statuses: tuple[Status, ...]
    """One or more that may be meant, likeliest first."""
    words: str = ""
    """What stands behind the status: the reason of a loss, else a note."""
    ids: tuple[str, ...] = ()
    """Deals that were typed by their ids."""


@dataclass(frozen=True, slots=True)
class Mixed:
    """Several changes that one text may ask for, with different statuses. They are asked about one by one."""

    parts: tuple[Reading, ...]
    """Two or more, each of one deal and with one status."""
    partly: bool
    """Whether it is likely even where only some of the deals are found: signs stand between the changes."""


@dataclass(frozen=True, slots=True)
class Doubts:
    """What else the text of a change by name may mean."""

    reading: Reading | None = None
    """The change itself; `None` where there is no doubt."""
    whole: str = ""
    """The whole text: a deal may be called so. Empty where quotes tell the name from the status."""
    otherwise: tuple[Reading, ...] = ()
    """Other changes that it may ask for if the name finds no deal, likeliest first."""
    apart: Reading | Mixed | None = None
    """Several changes that it may ask for, with a status behind each deal; they are likelier than a deal that only
    resembles the name. `None` if it has one status."""


NO_DOUBTS = Doubts()
"""The text of a change means nothing else."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One deal is to have one status."""

    opportunity_id: str
    """Empty while only the deal's `name` is known."""
    status: Status
    lost_reason_id: str | None = None
    only_if: str | None = None
    """Change the deal only if it still has this status; `None`: whatever its status is."""
    name: str = ""
    """What the caller typed instead of an id: the deal's or contact's name, an e-mail address, a phone number."""
    reason: str = ""
    """Why the deal was lost, as the caller typed it; empty if they did not say."""
    consent: Consent = Consent.PRESUMED
    location_id: str = ""
    """The deal's sub-account; empty for the default one."""

    def granted_by(self, opportunity: Opportunity) -> bool:
        """Whether the deal is as wished."""
        same_reason = self.lost_reason_id in {None, opportunity.lost_reason_id}
        return opportunity.status == self.status and same_reason

    def done_by(self, before: Opportunity, now: Opportunity) -> bool:
        """Whether a deal that was not as wished is so `now`. A new status is enough, even without its lost reason."""
        return self.granted_by(now) or before.status != self.status == now.status

    def seen_in(self, now: Opportunity) -> Opportunity:
        """The deal as this wish left it, with the lost reason that was sent, if the CRM shows none of a lost deal."""
        is_silent = now.status == self.status == Status.LOST and now.lost_reason_id is None
        return replace(now, lost_reason_id=self.lost_reason_id) if is_silent else now

    def overtaken_by(self, opportunity: Opportunity) -> bool:
        """Whether the deal no longer has the status that it must have (`only_if`)."""
        return self.only_if not in {None, opportunity.status}
