"""The work of the callers that share a commit, and what became of it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import sqlalchemy as sa

T = TypeVar("T")
Work = Callable[[sa.Connection], T]
"""Statements that belong together. They run on the database's thread."""


@dataclass(eq=False, slots=True)
class Job:
    """Work, and the future that its caller awaits."""

    work: Work[Any]
    answer: asyncio.Future[Any]
    begun: bool = False
    """Whether the thread has it: then, until it is answered, it may be done or not."""

    def give(self, result: object) -> None:
        """Answer the caller, unless they have gone."""
        if self.answer.done():
            return
        if isinstance(result, BaseException):
            self.answer.set_exception(result)
        else:
            self.answer.set_result(result)


@dataclass(eq=False, slots=True)
class Commit:
    """One visit to the thread: its jobs, and what became of them."""

    jobs: list[Job]
    results: list[object] = field(default_factory=list)
    error: Exception | None = None
    """Why none of them was done."""
    finishing: bool = False
    """Whether COMMIT was sent: if it fails after that, it may have happened all the same."""


class Queue:
    """The jobs for the next commit. Some can wait for one that is made anyway."""

    def __init__(self, commit: Callable[[], None]) -> None:
        self._commit = commit
        """Called when there is a job that waits no longer."""
        self._jobs: list[Job] = []
        self._can_wait: list[Job] = []
        self._timer: asyncio.TimerHandle | None = None

    def put(self, job: Job, can_wait: float) -> None:
        """Add a job, which can wait so many seconds for others to be committed with."""
        if not can_wait:
            self._jobs.append(job)
            self._commit()
            return
        self._can_wait.append(job)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(can_wait, self.hurry)

    def hurry(self) -> None:
        """Let no job wait for others any longer."""
        if self._can_wait:
            self._jobs = self.take()
            self._commit()

    def take(self) -> list[Job]:
        """Take all jobs that there are, for a commit that begins now."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        jobs, self._jobs, self._can_wait = [*self._jobs, *self._can_wait], [], []
        return jobs

    def __bool__(self) -> bool:
        return bool(self._jobs)
