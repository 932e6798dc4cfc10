"""The use case's ports in memory: the ledger is held to the real one's tests in `test_ledger.py`."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from bot.change import CrmError, StoreDown
from bot.ledger import Entry
from bot.outcome import Cause, Outcome, Trouble
from bot.status import Opportunity, Status


def error(cause: Cause, *, perhaps_done: bool = False, answered: bool = True) -> CrmError:
    return CrmError(Trouble(cause), perhaps_done=perhaps_done, answered=answered)


@dataclass
class MemoryCrm:
    """One deal. What is in `finding` and `setting` happens first: an error is raised, a function is called."""

    deal: Opportunity
    finding: list[CrmError | Callable[[], None]] = field(default_factory=list)
    setting: list[CrmError | Callable[[], None]] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    async def find(self, opportunity_id: str, *, until: float) -> Opportunity:
        self.calls.append("find")
        _next(self.finding)
        if opportunity_id != self.deal.id or until <= 0:
            raise error(Cause.NOT_FOUND)
        return self.deal

    async def set_status(self, opportunity_id: str, status: Status, *, until: float) -> str:
        assert opportunity_id == self.deal.id
        assert until > 0
        self.calls.append("set_status")
        _next(self.setting)
        self.becomes(status)
        return "trace"

    async def describe(self, opportunity: Opportunity, *, until: float) -> Opportunity:
        assert until > 0
        return replace(opportunity, stage="Proposal")

    def becomes(self, status: str) -> None:
        self.deal = replace(self.deal, status=status)


def _next(planned: list[CrmError | Callable[[], None]]) -> None:
    if not planned:
        return
    happening = planned.pop(0)
    if isinstance(happening, CrmError):
        raise happening
    happening()


@dataclass
class MemoryLedger:
    """`bot.ledger.Ledger` in a dictionary; `down` makes it fail as a database does."""

    rows: dict[str, tuple[Entry, str]] = field(default_factory=dict)
    """Key -> what was accepted, and how far it is."""
    down: bool = False

    async def accept(self, entry: Entry) -> bool:
        self._must_be_up()
        if entry.key in self.rows:
            return False
        self.rows[entry.key] = (entry, "accepted")
        return True

    async def intend(self, key: str, before: Opportunity) -> None:
        self._must_be_up()
        self._advance(key, f"intended: {before.status}")

    async def finish(self, key: str, outcome: Outcome, delivered: str) -> None:
        self._must_be_up()
        self._advance(key, f"finished: {type(outcome).__name__}, {delivered}")

    async def ping(self) -> None:
        self._must_be_up()

    def _advance(self, key: str, state: str) -> None:
        if key in self.rows:
            self.rows[key] = (self.rows[key][0], state)

    def _must_be_up(self) -> None:
        if self.down:
            raise StoreDown
