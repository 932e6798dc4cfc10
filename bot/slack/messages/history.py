"""Past commands, a line each. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from bot.commands.record import Record, Unfamiliar
from bot.commands.reply import DeliveryWay, Message
from bot.commands.request import ShowHistory
from bot.deals.deal import Opportunity
from bot.deals.outcome import Cause, Result
from bot.slack.block_kit import blocks, mrkdwn
from bot.slack.block_kit.mrkdwn import code, plain
from bot.slack.messages.pieces import Installation, in_sections, message
from bot.slack.wording import doer


@dataclass(frozen=True, slots=True)
class HistoryMessages:
    """What the ledger knows about commands."""

    installation: Installation

    def listing(self, records: Sequence[Record], asked: ShowHistory) -> Message:
        """The commands that were asked for, latest first: of one person, of all, or those about one deal."""
        whose = self._whose(records, asked)
        if not records:
            return message((f"I know of no command {whose}.",), "", public=False)
        head = (
            f"The last {len(records)} commands {whose}, latest first:"
            if len(records) > 1
            else f"The one command {whose}:"
        )
        lines = [head, *(f"• {self.line(record)}" for record in records)]
        text = mrkdwn.fit("\n".join(lines), blocks.TEXT_LIMIT)
        return Message(text, tuple(map(blocks.section, in_sections(lines))), public=False)

    def _whose(self, records: Sequence[Record], asked: ShowHistory) -> str:
        if asked.opportunity_id:
            name = next((record.name for record in records if record.name), None)
            where = next((record.location_id for record in records if record.location_id), None)
            return f"about {self.installation.deal(Opportunity(asked.opportunity_id, '', name, where))}"
        if asked.everybody:
            return "of all people"
        return f"of {mrkdwn.user(asked.user_id)}" if asked.user_id else "of yours"

    def line(self, record: Record) -> str:
        """One command: when, who, which deal, what became of it."""
        parts = (
            mrkdwn.date(record.at),
            doer(record.user_id),
            f"*{self.installation.short_deal(record)}*",
            _became(record),
            "the reply could not be delivered" if record.delivered == DeliveryWay.UNDELIVERED else "",
            plain(record.reference),
        )
        return " · ".join(filter(None, parts))


def _became(record: Record) -> str:
    wanted = f"to {plain(record.status)}"
    match record.outcome:
        case None:
            return f"{wanted}: under way"
        case Result():
            return _did(record, record.outcome, wanted)
        case Cause():
            return f"{wanted}: failed, {plain(record.outcome.replace('_', ' '))}"
        case Unfamiliar(word):
            return f"{wanted}: {code(word)}"
        case _:
            assert_never(record.outcome)


def _did(record: Record, result: Result, wanted: str) -> str:
    match result:
        case Result.CHANGED if not record.changed:
            return "its lost reason was added"
        case Result.CHANGED:
            back = "taken back, " if record.undoes else ""
            return f"{back}{plain(record.before or '?')} → *{plain(record.after or '?')}*"
        case Result.AMBIGUOUS:
            return f"{wanted}: the name fitted more than one"
        case Result.REASON_WANTED:
            return f"{wanted}: not done, its lost reason was missing"
        case Result.UNCONFIRMED:
            return f"{wanted}: not done, it was to be confirmed"
        case Result.PREVIEWED:
            return f"preview: {plain(record.before or '?')} would become {plain(record.status)}"
        case Result.ALREADY_SO:
            return f"was {plain(record.status)} already"
        case Result.OVERTAKEN:
            return f"not taken back: it was {plain(record.after or '?')} by then"
        case _:
            assert_never(result)
