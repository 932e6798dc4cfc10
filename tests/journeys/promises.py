"""Checks the promises about every command, whatever happened to the processes, against what the stand-ins saw."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import sqlalchemy as sa

from bot.simulator.highlevel.server import HighLevel, Written
from bot.simulator.slack.server import Slack
from bot.simulator.slack.workspace import Shown
from bot.slack.messages.tables import TAKES_LONG
from bot.storage.engine import engine_for_reading
from bot.storage.tables import commands

Row = Mapping[str, Any]
_REFERENCE = re.compile(r"\bRef (\w+)")
_IN_BLOCK_ID = re.compile(r"[A-Z2-7]{8}")
_OURS = {"response_url", "chat.postMessage"}


def rows(url: str) -> list[Row]:
    """The rows of the ledger as it is now, the oldest first."""
    engine = engine_for_reading(url)
    try:
        return _rows(engine)
    finally:
        engine.dispose()


def unfinished(engine: sa.Engine) -> list[Row]:
    """The commands that are not finished now: their key, state and owner."""
    columns = commands.c.key, commands.c.state, commands.c.owner
    with engine.connect() as connection:
        return [
            dict(row)
            for row in connection.execute(sa.select(*columns).where(commands.c.state != "finished")).mappings()
        ]


def _rows(engine: sa.Engine) -> list[Row]:
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(sa.select(commands).order_by("accepted_at")).mappings()]


async def all_finished(url: str, seconds: float = 60.0) -> list[Row]:
    """The rows of the ledger, as soon as every command is finished, or this many seconds after the last one was."""
    now = asyncio.get_running_loop().time
    engine = engine_for_reading(url)
    try:
        give_up, left = now() + seconds, len(await asyncio.to_thread(unfinished, engine))
        while left and now() < give_up:
            await asyncio.sleep(0.05)
            still = len(await asyncio.to_thread(unfinished, engine))
            if still != left:  # a machine that is busy with other work takes its time, and loses nothing
                give_up, left = now() + seconds, still
        return await asyncio.to_thread(_rows, engine)
    finally:
        engine.dispose()


@dataclass(frozen=True)
class Account:
    """What became of all commands."""

    lost: Sequence[str]
    """Keys of acknowledged commands that are missing or not finished."""
    left_over: Sequence[str]
    """Keys of finished commands that still have a reply, a reply address or an owner."""
    repeated: Sequence[Written]
    """Writes to a deal that had the status already: the bot looks before each write, so there must be none."""
    written: int
    """How many writes were carried out."""
    unaccounted: int
    """How many writes there were beyond the changes in the ledger; negative where a command was given up in time."""
    unanswered: Sequence[str]
    """Keys of finished commands without a reply in Slack."""
    extra: Mapping[str, int]
    """How many replies came beyond the first, by reference; only commands that have any."""
    contradicting: Mapping[str, Sequence[str]]
    """Texts of replies that differ, by reference."""

    def broken(self, kills: int) -> list[str]:
        """The promises that were broken, if processes were killed this many times."""
        promises = {
            f"acknowledged and not finished: {_some(self.lost)}": not self.lost,
            f"finished and not tidied up: {_some(self.left_over)}": not self.left_over,
            f"changed again after a success: {_some(self.repeated)}": not self.repeated,
            f"changes that are not noted: {self.unaccounted}": self.unaccounted <= 0,
            f"finished without a reply: {_some(self.unanswered)}": not self.unanswered,
            f"more replies than one, and one for each kill: {_some(self.extra.items())}": max(
                self.extra.values(), default=0
            )
            <= kills,
            f"replies that contradict each other: {_some(self.contradicting.items())}": not self.contradicting,
        }
        return [promise for promise, kept in promises.items() if not kept]


def _some(found: Collection[object]) -> str:
    return f"{len(found)}, such as {', '.join(map(str, islice(found, 5)))}"


def _reference_of(shown: Shown) -> str:
    """The reference of the command that a message answers; empty if it answers none."""
    for block in shown.blocks:
        if _IN_BLOCK_ID.fullmatch(block.get("block_id", "")):
            return str(block["block_id"])
        for element in block.get("elements", ()):
            if found := _REFERENCE.search(str(element.get("text", ""))):
                return found[1]
    return ""


def account(slack: Slack, highlevel: HighLevel, found: Sequence[Row], acknowledged: Collection[str]) -> Account:
    """Compare the ledger with what HighLevel carried out and what people read."""
    finished = {row["key"]: row for row in found if row["state"] == "finished"}
    read: dict[str, list[Shown]] = defaultdict(list)
    for shown in [*slack.replaced, *slack.shown]:
        is_result = shown.via in _OURS and not shown.text.startswith(TAKES_LONG)
        if is_result and (reference := _reference_of(shown)):
            read[reference].append(shown)
    replies = {row["reference"]: read[row["reference"]] for row in found}
    references = {row["key"]: row["reference"] for row in found}
    # An undo or a correction edits the message of the earlier command: all copies of it, where a kill left two.
    copies = {row["reference"]: len(read[references.get(row["undoes"] or row["amends"], "")]) for row in found}
    # The reply to a command that was given up says that its effect is unknown, so it may account for a change.
    told = sum(row["outcome"] in {"changed", "parked"} for row in found)
    return Account(
        lost=sorted(set(acknowledged) - finished.keys()),
        left_over=[
            key for key, row in finished.items() if row["reply"] or row["response_url"] or row["owner"] is not None
        ],
        repeated=[written for written in highlevel.written if written.before == written.after],
        written=len(highlevel.written),
        unaccounted=len(highlevel.written) - told,
        unanswered=[key for key, row in finished.items() if not replies[row["reference"]]],
        extra={
            reference: more
            for reference, each in replies.items()
            if (more := len(each) - max(1, copies[reference])) > 0
        },
        contradicting={
            reference: [shown.text for shown in each]
            for reference, each in replies.items()
            if any((shown.text, shown.blocks) != (each[0].text, each[0].blocks) for shown in each)
        },
    )
