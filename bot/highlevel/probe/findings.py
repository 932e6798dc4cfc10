"""What a probe found out about HighLevel, and whether the bot works rightly with it. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bot.highlevel.lost_reason import LONGEST_LAG


class Question(StrEnum):
    """What the documentation of HighLevel leaves open. The values are the keys of the JSON."""

    WRITE_ANSWER = "what_a_write_answers"
    READ_AFTER_WRITE = "a_read_shows_a_write_at_once"
    READ_SHOWS_REASON = "a_read_shows_the_lost_reason"
    SEARCH_SHOWS_REASON = "the_search_shows_the_lost_reason"
    REOPENING_CLEARS_REASON = "reopening_clears_the_lost_reason"
    SEARCH_LAG = "seconds_until_the_search_shows_a_write"
    LIMIT_HEADERS = "headers_that_count_the_limits"
    CALLS_A_SECOND = "calls_a_second"


TITLES: Mapping[Question, str] = {
    Question.WRITE_ANSWER: "What does a change of status answer?",
    Question.READ_AFTER_WRITE: "Does a read show a change at once?",
    Question.READ_SHOWS_REASON: "Does a read show the lost reason?",
    Question.SEARCH_SHOWS_REASON: "Does the search show the lost reason?",
    Question.REOPENING_CLEARS_REASON: "Does reopening clear the lost reason?",
    Question.SEARCH_LAG: "How late is the search?",
    Question.LIMIT_HEADERS: "Which headers count the limits?",
    Question.CALLS_A_SECOND: "How many calls a second?",
}


Answered = str | bool | float | None


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer to one question. It holds nothing about the deal: a report goes to other people."""

    question: Question
    answer: Answered
    """`None`: it could not be tried, and `note` says why."""
    works: bool = True
    """Whether the bot works rightly with this answer."""
    note: str = ""

    @property
    def told(self) -> str:
        """The answer in words."""
        match self.answer:
            case None:
                return "not tried"
            case bool(answer):
                return "yes" if answer else "no"
            case float(answer):
                return f"{answer:.1f}"
            case answer:
                return answer


@dataclass(frozen=True, slots=True)
class Report:
    """All that a probe found out."""

    findings: Sequence[Finding]
    restored: bool
    """Whether the deal is as it was before, as a read shows it."""
    stopped: str = ""
    """Why the probe ended early; empty if it did not."""

    @property
    def well(self) -> bool:
        """Whether all was tried that can be, the bot works with all of it, and the deal is as it was."""
        return self.restored and not self.stopped and all(finding.works for finding in self.findings)

    def lines(self) -> Iterator[str]:
        """The report as a table."""
        width = max(map(len, TITLES.values()))
        answers = max([len(finding.told) for finding in self.findings], default=0)
        for finding in self.findings:
            told = ". ".join(filter(None, (_verdict(finding), finding.note)))
            yield f"{TITLES[finding.question]:{width}}  {finding.told:{answers}}  {told}".rstrip()
        if self.stopped:
            yield f"Stopped early: {self.stopped}"

    def as_json(self) -> dict[str, Any]:
        """The report as an object for JSON."""
        return {
            "findings": [
                {"question": each.question.value, "answer": each.answer, "works": each.works, "note": each.note}
                for each in self.findings
            ],
            "deal_is_as_before": self.restored,
            "stopped": self.stopped,
        }


def _verdict(finding: Finding) -> str:
    if finding.answer is None:
        return ""
    return "Opp Status works with it" if finding.works else "Opp Status doesn't expect this, so report it"


def of_lag(seconds: float | None, waited: float) -> Finding:
    """How late the search showed a change; `None` if it did not while the probe waited."""
    if seconds is None:
        return Finding(
            Question.SEARCH_LAG,
            f"more than {waited:.0f} s",
            works=waited < LONGEST_LAG,
            note="not seen while it waited",
        )
    return Finding(Question.SEARCH_LAG, round(seconds, 1), works=seconds <= LONGEST_LAG, note="seconds")


def of_limits(headers: Mapping[str, str]) -> Finding:
    """Which headers of an answer count the limits. Header names are lower case."""
    counted = {
        name: value for name, value in headers.items() if name.startswith("x-ratelimit-") or name == "retry-after"
    }
    told = ", ".join(f"{name}: {value[:20]}" for name, value in sorted(counted.items()))
    return Finding(Question.LIMIT_HEADERS, told or "none", note="" if counted else "100 in 10 seconds are assumed")
