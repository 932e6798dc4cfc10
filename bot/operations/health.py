"""Runs the checks, and reports for `/readyz` and `check` which are well and what to do about the others."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from bot.cache import Cache
from bot.commands.request import COMMAND
from bot.operations import diagnoses
from bot.operations.checks.clock import check_clock
from bot.operations.checks.findings import Check, CheckId, Findings, merged
from bot.operations.diagnoses import Diagnosis

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
        """What `check --json` prints: the same, with all that is known. A check that is noted is not called ok."""
        return {**self.as_json(), "ok": self._without_note(), "notes": dict(self.notes), "why": dict(self.why)}

    def lines(self) -> Iterator[str]:
        """What `check` prints: a line for each check that is well, noted or fails, and one for all that wait for it."""
        yield from (f"ok    {check}" for check in self._without_note())
        yield from (f"note  {check}: {words} [{self.why[check]}]" for check, words in self.notes.items())
        waiting: dict[str, list[str]] = {}
        for check, words in self.failing.items():
            if check in self.why:
                yield f"FAIL  {check}: {words} [{self.why[check]}]"
            else:
                waiting.setdefault(words, []).append(check)
        yield from (f"wait  {', '.join(checks)}: {words}" for words, checks in waiting.items())

    def _without_note(self) -> list[str]:
        return [check for check in self.ok if check not in self.notes]


class Health:
    """Runs `checks` all at once, and keeps the report for `kept` seconds.

    `near_misses`: variables that are nearly a setting's name, each with the setting.
    """

    def __init__(
        self,
        checks: Sequence[Check],
        kept: float = REPORT_KEPT,
        command: str = COMMAND,
        near_misses: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._checks = checks
        # The settings can be used: without them there is no bot that could be asked.
        self._settings = Findings(frozenset({CheckId.SETTINGS}), notes=misspelled(near_misses))
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
        return report_of(merged([self._settings, found, check_clock(found.clocks)]), self._command)


def misspelled(near_misses: Mapping[str, str]) -> tuple[Diagnosis, ...]:
    """What to say of each variable that is nearly a setting's name."""
    return tuple(diagnoses.SETTING_MISSPELLED.about(name=name, meant=meant) for name, meant in near_misses.items())


def report_of(found: Findings, command: str = COMMAND) -> Report:
    """The report of what was found, in the order of `CheckId`. `command`: the slash command's name."""
    not_well = {*(each.check for each in found.failing), *found.waiting}
    # That a check could not be made says nothing beside a failure of it. Any other note does.
    noted = [each for each in found.notes if not (each.is_open and each.check in not_well)]
    failing = _words([*found.failing, *(each for each in noted if each.check in not_well)], command)
    waiting = {check: UNKNOWN.format(check=before) for check, before in found.waiting.items()}
    notes = [each for each in noted if each.check not in not_well]
    not_made = {each.check for each in notes if each.is_open}
    return Report(
        ok=tuple(check for check in CheckId if check in found.made and check not in not_well | not_made),
        failing=_in_order(waiting | failing),
        notes=_in_order(_words(notes, command)),
        why=_in_order({each.check: each.id for each in (*notes, *reversed(found.failing))}),
    )


def _words(found: Iterable[Diagnosis], command: str) -> dict[str, str]:
    """By check: the words of all its diagnoses. Some name what they are about, and others are the same: once."""
    words: dict[str, dict[str, None]] = {}
    for diagnosis in found:
        words.setdefault(diagnosis.check, {})[diagnosis.about(command=command).words] = None
    return {check: " ".join(said) for check, said in words.items()}


def _in_order(found: Mapping[str, str]) -> dict[str, str]:
    return {check: found[check] for check in CheckId if check in found}


def settings_report(problems: Mapping[str, str]) -> Report:
    """The report when the settings cannot be used, and so nothing else can be checked. `problems`: by variable."""
    words = " ".join(f"{name} {problem}." for name, problem in problems.items())
    return report_of(Findings(failing=(diagnoses.SETTINGS_UNUSABLE.about(problems=words),)))
