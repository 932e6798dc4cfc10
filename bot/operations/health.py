"""Runs the checks, and reports for `/readyz` and `check` which are well and what to do about the others."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.cache import Cache
from bot.commands.request import COMMAND
from bot.operations import diagnoses
from bot.operations.checks.clock import check_clock
from bot.operations.checks.findings import Check, CheckId, Findings, merged

REPORT_KEPT = 15.0
"""Seconds for which a report is kept: a monitor asks often, and every report costs calls to Slack and HighLevel."""

UNKNOWN = "Can't check this until {check} passes."


@dataclass(frozen=True, slots=True)
class Report:
    """Which checks are well, and what to do about each that is not."""

    ok: tuple[str, ...]
    failing: Mapping[str, str]
    """By the check's id: what is wrong, and what to do."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """By the check's id: what to know about one that is well enough, or could not be made. The bot works."""
    why: Mapping[str, str] = field(default_factory=dict)
    """The id of the diagnosis of each check that fails or is noted; none for one that waits for another."""

    def as_json(self) -> dict[str, Any]:
        """What `/readyz` answers."""
        return {"ok": list(self.ok), "failing": dict(self.failing)}

    def in_full(self) -> dict[str, Any]:
        """What `check --json` prints: the same, with all that is known."""
        return {**self.as_json(), "notes": dict(self.notes), "why": dict(self.why)}

    def lines(self) -> Iterator[str]:
        """What `check` prints: a line for each check that is well, noted or fails, and one for all that wait for it."""
        yield from (f"ok    {check}" for check in self.ok if check not in self.notes)
        yield from (f"note  {check}: {words} [{self.why[check]}]" for check, words in self.notes.items())
        waiting: dict[str, list[str]] = {}
        for check, words in self.failing.items():
            if check in self.why:
                yield f"FAIL  {check}: {words} [{self.why[check]}]"
            else:
                waiting.setdefault(words, []).append(check)
        yield from (f"wait  {', '.join(checks)}: {words}" for words, checks in waiting.items())


class Health:
    """Runs `checks` all at once, and keeps the report for `kept` seconds."""

    def __init__(self, checks: Sequence[Check], kept: float = REPORT_KEPT, command: str = COMMAND) -> None:
        self._checks = checks
        self._command = command
        self._reports: Cache[None, Report] = Cache(
            lambda _: self._run(everything=False), ttl=kept, error_ttl=kept, maxsize=1
        )

    async def report(self) -> Report:
        """The latest report while it is kept, or a new one. Never raises."""
        return await self._reports.get(None)

    async def examine(self) -> Report:
        """A new report that has the checks in `TRIED` as well. Never raises."""
        return await self._run(everything=True)

    async def _run(self, *, everything: bool) -> Report:
        found = merged(await asyncio.gather(*(check.run(everything=everything) for check in self._checks)))
        # The settings are well: without them there is no bot that could be asked.
        return report_of(
            merged([Findings(frozenset({CheckId.SETTINGS})), found, check_clock(found.clocks)]), self._command
        )


def report_of(found: Findings, command: str = COMMAND) -> Report:
    """The report of what was found, in the order of `CheckId`. `command`: the slash command's name."""
    failing: dict[str, str] = {}
    for diagnosis in (each.about(command=command) for each in found.failing):
        earlier = failing.get(diagnosis.check)
        failing[diagnosis.check] = f"{earlier} {diagnosis.words}" if earlier else diagnosis.words
    failing |= {check: UNKNOWN.format(check=before) for check, before in found.waiting.items()}
    not_well = {*failing, *(diagnosis.check for diagnosis in found.notes if diagnosis.is_open)}
    return Report(
        ok=tuple(check for check in CheckId if check in found.made and check not in not_well),
        failing=_in_order(failing),
        notes=_in_order({diagnosis.check: diagnosis.about(command=command).words for diagnosis in found.notes}),
        why=_in_order({diagnosis.check: diagnosis.id for diagnosis in (*found.failing, *found.notes)}),
    )


def _in_order(found: Mapping[str, str]) -> dict[str, str]:
    return {check: found[check] for check in CheckId if check in found}


def settings_report(problems: Mapping[str, str]) -> Report:
    """The report when the settings cannot be used, and so nothing else can be checked. `problems`: by variable."""
    words = " ".join(f"{name} {problem}." for name, problem in problems.items())
    return report_of(Findings(failing=(diagnoses.SETTINGS_UNUSABLE.about(problems=words),)))
