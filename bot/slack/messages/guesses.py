"""What a text may mean: the caller is asked whether deals are to be changed, before anything is. Pure.

The buttons carry all that the answer needs, so a question outlasts any process.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.commands.record import Entry, Record
from bot.commands.reply import Message
from bot.deals.deal import Matches, Opportunity, Status, Target
from bot.deals.identify import called, certainly_meant
from bot.deals.outcome import Guessed
from bot.deals.policy import Policy
from bot.deals.wish import Consent, Mixed, Reading
from bot.slack.actions import DISMISS, MARK, SHOW, UNDO, Mark, target_value
from bot.slack.block_kit import blocks, mrkdwn
from bot.slack.block_kit.blocks import Block
from bot.slack.block_kit.mrkdwn import code, plain
from bot.slack.messages.pieces import NOTE_LIMIT, Installation, fits, notification, reference_line
from bot.slack.messages.tables import VERB
from bot.slack.wording import doer, dotted, how_many

MOST_LIKELY = 2
"""Statuses that a word may mean; with more it means none, and all are offered."""
ROWS = 5
"""Deals that a question offers for one name."""


@dataclass(frozen=True, slots=True)
class GuessMessages:
    """Questions about what a text means. All are private."""

    installation: Installation
    policy: Policy

    def ask(self, guessed: Guessed, typed: str, reference: str) -> Message:
        """Ask whether the deals that were found are to be changed, or one of them to be shown."""
        small = f"You typed {code(typed)} · Nothing changed · {reference_line(reference)}"
        reading, found = guessed.reading, guessed.found
        if isinstance(reading, Mixed):
            return self._mixed(found, reading, small)
        deals = {deal.id: deal for matches in found for deal in matches.deals}
        if len(deals) == 1 and all(matches.deals and not matches.more for matches in found):
            return self._one(next(iter(deals.values())), reading, small)
        if len(found) == 1:
            return self._which(found[0], reading, called(typed, found[0]), small)
        return self._several(found, reading, small)

    def _one(self, deal: Opportunity, reading: Reading, small: str) -> Message:
        """One deal: it may be changed to each of the statuses that it does not have yet."""
        named = self._named(deal)
        statuses = [status for status in reading.statuses if status != deal.status]
        buttons = self._show(deal)
        if not statuses:
            return _question(f"{named} is already *{plain(deal.status)}*.", (), buttons, small)
        marks = [self._mark(status, (deal,), reading, at) for at, status in enumerate(statuses)]
        head = f"Did you mean {_marked(named, statuses)}?"
        if len(reading.statuses) > MOST_LIKELY:
            head = f"That isn't a status. What should {named} be?"
        if deal.status in self.policy.confirm.leaving:
            head += f" It's *{plain(deal.status)}* now."
        return _question(head, (), [*filter(None, marks), *buttons, _CANCEL], small)

    def _which(self, matches: Matches, reading: Reading, likely: Sequence[Opportunity], small: str) -> Message:
        """Several deals for one name. `likely`: those that are called like the whole text."""
        status = reading.statuses[0]
        is_certain = len(reading.statuses) == 1
        head = f"Did you mean {_marked('one of these deals', reading.statuses)}?"
        rows = [
            self._row(deal, self._mark(status, (deal,), reading, at) if is_certain else self._shown(deal, at))
            for at, deal in enumerate(matches.deals[:ROWS])
        ]
        shown = self._show(likely[0]) if likely and is_certain else ()
        return _question(head, rows, [*shown, _CANCEL], small)

    def _several(self, found: Sequence[Matches], reading: Reading, small: str) -> Message:
        """A list of names: those that mean one deal, those that may mean several, and those that find none."""
        status, typed = reading.statuses[0], (*reading.ids, *reading.names)
        certain, unclear, missing = [], [], []
        for name, matches in zip(typed, found, strict=True):
            meant = matches.deals[0] if len(matches.deals) == 1 else certainly_meant(matches, status)
            if meant:
                certain.append(meant)
            elif matches.deals:
                unclear.append((name, matches))
            else:
                missing.append(code(name))
        certain = list({deal.id: deal for deal in certain}.values())
        lines = [f"• {self._named(deal)}" for deal in certain]
        if missing:
            lines.append(f"⚠️ No deals match {', '.join(missing)}.")
        what = "this deal" if len(certain) == 1 else f"these {len(certain)} deals"
        worth = self.installation.money(sum(deal.value or 0 for deal in certain))
        head = dotted(f"Did you mean {_marked(what, (status,))}?", worth and f"*{worth}*")
        if unclear:
            matched = ", ".join(f"{how_many(each.deals, more=each.more)} match {code(name)}" for name, each in unclear)
            head = f"Which deals should be *{status}*? {matched}."
        # With one unclear name the choice completes the list; with more the question stays until all are chosen.
        completes = len(unclear) == 1
        rows = [
            self._row(
                deal,
                self._mark(
                    status, (*certain, deal) if completes else (deal,), reading, number * ROWS + at, stays=not completes
                ),
            )
            for number, (_, matches) in enumerate(unclear)
            for at, deal in enumerate(matches.deals[:ROWS])
        ]
        every = self._mark(status, certain, reading, len(typed) * ROWS, stays=len(unclear) > 1) if certain else None
        return _question("\n".join((head, *lines)), rows, [*([every] if every else []), _CANCEL], small)

    def _mixed(self, found: Sequence[Matches], mixed: Mixed, small: str) -> Message:
        """Changes with different statuses: a row and a button for each, and the question stays until it is canceled."""
        missing: list[str] = []
        rows: list[Block] = []
        for part, matches in zip(mixed.parts, found, strict=True):
            status = part.statuses[0]
            meant = certainly_meant(matches, status)
            if not matches.deals:
                missing.append(code(" ".join(part.names)))
            for deal in [meant] if meant else matches.deals[:ROWS]:
                is_so = deal.status == status
                button = self._shown(deal) if is_so else self._mark(status, (deal,), part, len(rows), stays=True)
                rows.append(self._row(deal, button, f"Already *{status}*" if is_so else ""))
        head = f"You asked for {len(mixed.parts)} changes. Tap each one you want."
        lines = [f"⚠️ No deals match {', '.join(missing)}."] if missing else []
        return _question("\n".join((head, *lines)), rows, [_CANCEL], small)

    def which_undo(self, changes: Sequence[Record], name: str, reference: str) -> Message:
        """Offer to undo one of these changes, each the last of its deal."""
        small = f"Nothing changed · {reference_line(reference)}"
        if not changes or not self.policy.undo_window:
            return _question(f"There's no change to undo for {code(name)}.", (), (), small)
        rows = [
            blocks.section(self._change(change), blocks.button("Undo", UNDO, change.key))
            for change in changes[:ROWS]
            if fits(change.key, blocks.VALUE_LIMIT)
        ]
        return _question("Which change do you want to undo?" if len(rows) > 1 else "Undo this?", rows, [_CANCEL], small)

    def _change(self, change: Record) -> str:
        who, deal = doer(change.user_id), self.installation.short_deal(change)
        did = f"reopened *{deal}*" if change.after == Status.OPEN else f"marked *{deal}* *{plain(change.after or '?')}*"
        return f"{who} {did} · {mrkdwn.date(change.at)} · It was {plain(change.before or '?')}"

    def _named(self, deal: Opportunity) -> str:
        customer = self.installation.customer(deal)
        return f"{self.installation.deal(deal)} ({customer})" if customer else self.installation.deal(deal)

    def _row(self, deal: Opportunity, button: Block | None, already: str = "") -> Block:
        facts = self.installation.facts(deal)
        lines = (dotted(self.installation.priced(deal), already), facts and f"_{facts}_")
        return blocks.section("\n".join(filter(None, lines)), button)

    def _mark(
        self, status: Status, deals: Sequence[Opportunity], reading: Reading, at: int = 0, *, stays: bool = False
    ) -> Block | None:
        """The button that sets these deals' status; `None` where Slack cannot carry what it means."""
        asked = any(deal.status in self.policy.confirm.leaving for deal in deals)
        ids = tuple(deal.id for deal in deals)
        location_id = self.installation.away(deals[0])
        consent = Consent.GIVEN if asked else Consent.PRESUMED
        mark = Mark(ids, status, consent, location_id, stays, reading.words[:NOTE_LIMIT])
        can_be_read = Mark.from_value(mark.value) == mark and all(fits(each, blocks.VALUE_LIMIT) for each in ids)
        if not can_be_read or len(mark.value) > blocks.VALUE_LIMIT:
            return None
        label = VERB[status] if len(deals) == 1 else VERB[status].replace(" ", f" {len(deals)} ", 1)
        return blocks.button(label, f"{MARK}_{status}_{at}", mark.value, style="primary" if at == 0 else None)

    def _show(self, deal: Opportunity) -> Sequence[Block]:
        shown = self._shown(deal)
        return (shown,) if shown else ()

    def _shown(self, deal: Opportunity, _at: int = 0) -> Block | None:
        value = target_value(Target(deal.id, self.installation.away(deal)))
        return blocks.button("Show deal", SHOW, value) if fits(value, blocks.VALUE_LIMIT) else None


_CANCEL = blocks.button("Cancel", DISMISS, "no")


def about_value(entry: Entry) -> str:
    """That an amount behind the status is only a note; empty where there is none."""
    return "Opp Status doesn't change the value." if _AMOUNT.search(entry.note) else ""


_AMOUNT = re.compile(r"[$€£¥]\s?[0-9]|[0-9]\s?[$€£¥]|\b[0-9][0-9.,]*\s?k\b|\b[0-9]{1,3}(?:[.,][0-9]{3})+\b")
"""An amount of money, as people type it: `$5000`, `5k`, `5,000`."""


def _marked(what: str, statuses: Sequence[Status]) -> str:
    """What would be done, as a part of a sentence: `mark X *won* or *lost*`, `reopen X`."""
    closing = " or ".join(f"*{status}*" for status in statuses if status is not Status.OPEN)
    reopens = f"reopen {what}" if Status.OPEN in statuses else ""
    marks = f"mark {what} {closing}" if closing else ""
    return " or ".join(filter(None, (marks, reopens)))


def _question(head: str, rows: Sequence[Block], buttons: Sequence[Block], small: str) -> Message:
    """A question, the deals to choose from, small print, and a row of answers."""
    shown = (
        blocks.section(head),
        *rows,
        *([blocks.actions(*buttons)] if buttons else ()),
        blocks.context(small),
    )
    listed = [f"• {row['text']['text']}" for row in rows]
    return Message(notification(head, *listed), shown, public=False)
