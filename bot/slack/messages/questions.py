"""What a command asks its caller before it goes on, and what comes of the answer. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.commands.record import Entry, Record
from bot.commands.reply import Message
from bot.deals.deal import STATES, LostReason, Opportunity, Status, Target
from bot.deals.outcome import Ambiguous
from bot.deals.policy import Policy
from bot.deals.wish import Consent
from bot.slack.actions import CHOOSE, DISMISS, SEARCH, SHOW, Choice, Search, target_value
from bot.slack.block_kit import blocks, mrkdwn
from bot.slack.block_kit.blocks import Block
from bot.slack.block_kit.mrkdwn import code, plain
from bot.slack.messages.pieces import (
    Installation,
    fits,
    message,
    notification,
    private,
    reason_menu,
    reference_line,
    why_lost,
    yes_or_no,
)
from bot.slack.messages.tables import (
    AUTOMATIONS,
    GOES_ON,
    NOTHING_CHANGED,
    REASONS_ELSEWHERE,
    SEARCH_LAGS,
    SHARED_CHANNEL,
    VERB,
)
from bot.slack.wording import dotted, first_visible, how_many, name_of, status_since

ROWS = 5
"""Deals to choose from that a message shows; the form finds the others."""


@dataclass(frozen=True, slots=True)
class QuestionMessages:
    """Questions to the caller. All are private."""

    installation: Installation
    policy: Policy

    def which_deal(self, outcome: Ambiguous, entry: Entry) -> Message:
        """A name fits several deals, or one that may not be meant."""
        status, label = entry.wish.status, _answer(entry)
        if len(outcome.matches) == 1 and not outcome.more:
            return self._this_one(outcome.matches[0], entry)
        deals = sorted(outcome.matches, key=lambda deal: (deal.status == Status.OPEN) == (status is Status.OPEN))
        rows = [self._row(deal, label, CHOOSE, self._choice(deal, entry), self._leaves(deal, entry)) for deal in deals]
        head = f"Which deal should be *{status}*? {how_many(deals, more=outcome.more)} match {code(entry.wish.name)}."
        search = Search(entry.wish.name, status, entry.wish.location_id)
        return self._picker(head, rows, search, entry.reference, more=outcome.more)

    def which_card(self, name: str, deals: Sequence[Opportunity], reference: str, *, more: bool) -> Message:
        """A name fits several deals, and the caller wants to see one. `more`: there are more than these."""
        head = f"Which deal? {how_many(deals, more=more)} match {code(name)}."
        rows = [
            self._row(deal, "View", SHOW, target_value(Target(deal.id, self.installation.away(deal)))) for deal in deals
        ]
        return self._picker(head, rows, Search(name, None, self.installation.away(deals[0])), reference, more=more)

    def _picker(self, head: str, rows: Sequence[Block], search: Search, reference: str, *, more: bool) -> Message:
        """A row for each of the first deals, then the ways out."""
        found_in_form = (more or len(rows) > ROWS) and fits(search.value, blocks.VALUE_LIMIT)
        out = [blocks.button("Search in the form", SEARCH, search.value)] if found_in_form else []
        small = dotted(NOTHING_CHANGED.rstrip("."), SEARCH_LAGS.rstrip("."), reference_line(reference))
        shown = rows[:ROWS]
        text = [head, *(f"• {row['text']['text']}" for row in shown), small]
        return Message(
            notification(*text),
            (
                blocks.section(head),
                *shown,
                blocks.actions(blocks.button("Cancel", DISMISS, "no"), *out),
                blocks.context(small),
            ),
            public=False,
        )

    def _row(
        self, deal: Opportunity, label: str, action: str, value: str, confirm: blocks.Confirm | None = None
    ) -> Block:
        """A deal with what tells it from the others, and the button that chooses it."""
        since = status_since(deal) if deal.status != Status.OPEN else ""
        facts = self.installation.facts(deal)
        line = "\n".join(filter(None, (dotted(self.installation.priced(deal), since), facts and f"_{facts}_")))
        can_be_chosen = fits(value, blocks.VALUE_LIMIT)
        return blocks.section(line, blocks.button(label, action, value, confirm=confirm) if can_be_chosen else None)

    def _choice(self, deal: Opportunity, entry: Entry) -> str:
        return Choice(deal.id, entry.key, _seen(deal, entry), name_of(deal)).value

    def _leaves(self, deal: Opportunity, entry: Entry) -> blocks.Confirm | None:
        """What Slack asks before a deal leaves a status that the operator protects."""
        status = entry.wish.status
        if deal.status not in self.policy.confirm.leaving or entry.wish.consent is Consent.PREVIEW:
            return None
        return leaving(deal, status)

    def _this_one(self, deal: Opportunity, entry: Entry) -> Message:
        """The only deal that a name fits is not open. To choose it is to agree that it leaves its status."""
        value = self._choice(deal, entry)
        instead = (
            "Reopen it instead?" if entry.wish.status is Status.OPEN else f"Mark it *{entry.wish.status}* instead?"
        )
        choose = (
            [blocks.button(_answer(entry), CHOOSE, value, style="primary")] if fits(value, blocks.VALUE_LIMIT) else []
        )
        return private(
            entry.reference,
            f"{self.installation.priced(deal)} is already {status_since(deal)}. {instead}",
            details=(self.installation.facts(deal),),
            buttons=(blocks.actions(*choose, blocks.button("Cancel", DISMISS, "no")),),
            small_print=NOTHING_CHANGED.rstrip("."),
        )

    def which_reason(self, reasons: Sequence[LostReason], entry: Entry) -> Message:
        """A deal is not lost yet: its reason is missing, or is none of these."""
        deal = self.installation.wished_deal(entry.wish)
        what = f"Why was {deal} lost?"
        if entry.wish.reason:
            what = f"{why_lost(what, entry.wish.reason)} Pick the closest one for {deal}."
        return private(entry.reference, what, NOTHING_CHANGED, buttons=reason_menu(reasons, entry.key, "Cancel"))

    def ask_why(self, reasons: Sequence[LostReason], change: Record) -> Message:
        """A deal is lost, and its caller is asked for the reason; of several, `change` is the first."""
        deal = self.installation.short_deal(change)
        what = "Why were these deals lost?" if change.batch else f"Why was *{deal}* lost?"
        choose = f"{what} Pick a reason and it goes on the deal in HighLevel."
        manage = REASONS_ELSEWHERE if change.user_id in self.installation.admins else ""
        return private(change.reference, choose, manage, buttons=reason_menu(reasons, change.key, "Skip"))

    def no_reasons(self, reference: str) -> Message:
        """There are no lost reasons to choose from, or HighLevel does not list them."""
        return private(reference, "There's no lost reason to pick from.", NOTHING_CHANGED)

    def sure(self, deal: Opportunity, entry: Entry) -> Message:
        """A deal is changed only if the caller confirms it."""
        status, named = entry.wish.status, self.installation.priced(deal)
        shared = SHARED_CHANNEL if entry.wish.consent is Consent.SHARED else ""
        if shared:
            what = f"Reopen {named}?" if status is Status.OPEN else f"Mark {named} *{status}*?"
        else:
            anyway = "Reopen it anyway?" if status is Status.OPEN else f"Mark it *{status}* anyway?"
            what = f"{named} is {status_since(deal)}. {anyway}"
        return private(
            entry.reference,
            what,
            shared,
            f"{NOTHING_CHANGED} {AUTOMATIONS}",
            details=(self.installation.facts(deal),),
            buttons=yes_or_no(VERB[status], entry.key),
        )

    def preview(self, deal: Opportunity, entry: Entry) -> Message:
        """What would happen, with a button that does it."""
        status, here = entry.wish.status, entry.caller.channel_id
        other = self.policy.announce_channels.get(status, here)
        where = mrkdwn.channel(here) + (f" and {mrkdwn.channel(other)}" if other != here else "")
        leaves = deal.status in self.policy.confirm.leaving
        return private(
            entry.reference,
            f"Preview: {self.installation.priced(deal)} would go from *{plain(deal.status)}* to *{status}*.",
            f"You'd be asked to confirm first, because it's {plain(deal.status)} now." if leaves else "",
            details=(f"Posts in {where} · {AUTOMATIONS.rstrip('.')}",),
            buttons=yes_or_no(VERB[status], entry.key),
            small_print=NOTHING_CHANGED.rstrip("."),
        )

    def goes_on(self) -> Message:
        """The caller has answered; in place of the question, until the result is told."""
        return replace(message((GOES_ON,), "", public=False), replaces=True)

    def cannot_go_on(self, question: Record | None, reference: str) -> Message:
        """The question was answered before; or, without `question`, the ledger has forgotten it."""
        if question:
            return private(reference, "You already answered that.", "Nothing else changed.")
        then = f"To change a deal, try `{self.installation.command} Acme Corp won`."
        return private(reference, "That question has expired.", "Nothing else changed.", then)


def leaving(deal: Opportunity, status: Status) -> blocks.Confirm:
    """What Slack asks before a button takes a deal out of its status."""
    name = plain(first_visible(deal.name, "This deal"))
    return blocks.Confirm(
        title="Reopen it?" if status is Status.OPEN else f"Mark it {status}?",
        text=f"{name} is {plain(deal.status)} now. {AUTOMATIONS}",
        confirm=VERB[status],
        deny="Cancel",
    )


def _answer(entry: Entry) -> str:
    """What the button says that chooses a deal."""
    return "Preview" if entry.wish.consent is Consent.PREVIEW else VERB[entry.wish.status]


def _seen(deal: Opportunity, entry: Entry) -> str:
    """The status that the caller agrees to change by choosing the deal; empty if choosing it says nothing of that."""
    asks = deal.status != Status.OPEN or entry.wish.consent is Consent.WANTED
    return deal.status if asks and deal.status in STATES else ""
