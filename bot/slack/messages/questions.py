"""What a command asks its caller before it goes on, and what comes of the answer. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.commands.record import Entry, Record
from bot.commands.reply import Message
from bot.commands.request import USAGE_HINT
from bot.deals.deal import STATES, LostReason, Opportunity, Status
from bot.deals.outcome import Ambiguous
from bot.deals.policy import Policy
from bot.deals.wish import Consent
from bot.slack.actions import CHOOSE, SHOW, Choice
from bot.slack.block_kit import blocks, mrkdwn
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
)
from bot.slack.wording import status_since


@dataclass(frozen=True, slots=True)
class QuestionMessages:
    """Questions to the caller. All are private."""

    installation: Installation
    policy: Policy

    def which_deal(self, outcome: Ambiguous, entry: Entry) -> Message:
        """A name fits several deals, or one that may not be meant."""
        name, status = code(entry.wish.name), entry.wish.status
        head = (
            f"Which deal should be *{status}*? {name} fits more than one."
            if len(outcome.matches) > 1 or outcome.more
            else f"Is this the deal that should be *{status}*? {name} fits it, but it is not open."
        )
        choices = [(deal, Choice(deal.id, entry.key, _seen(deal, entry)).value) for deal in outcome.matches]
        return self._picker((head, NOTHING_CHANGED), choices, CHOOSE, entry.reference, more=outcome.more)

    def which_card(self, name: str, deals: Sequence[Opportunity], reference: str, *, more: bool) -> Message:
        """A name fits several deals, and the caller wants to see one. `more`: there are more than these."""
        head = f"Which deal do you mean? {code(name)} fits more than one."
        return self._picker((head,), [(deal, deal.id) for deal in deals], SHOW, reference, more=more)

    def _picker(
        self,
        head: Sequence[str],
        choices: Sequence[tuple[Opportunity, str]],
        action: str,
        reference: str,
        *,
        more: bool,
    ) -> Message:
        rest = "There are more: if yours is not here, type more of its name." if more else ""
        small = " · ".join((SEARCH_LAGS, reference_line(reference)))
        lines = [self._choice(deal) for deal, _ in choices]
        shown = [blocks.section("\n".join(head))]
        for line, (_, value) in zip(lines, choices, strict=True):
            can_be_chosen = fits(value, blocks.VALUE_LIMIT)
            shown.append(blocks.section(line, blocks.button("This one", action, value) if can_be_chosen else None))
        text = [*head, *(f"• {line}" for line in lines), rest]
        return Message(
            notification(*text, small),
            (*shown, *([blocks.section(rest)] if rest else ()), blocks.context(small)),
            public=False,
        )

    def _choice(self, deal: Opportunity) -> str:
        named = f"{self.installation.priced(deal)} is {status_since(deal)}"
        return " · ".join(filter(None, (named, self.installation.facts(deal))))

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
        status = entry.wish.status
        shared = SHARED_CHANNEL if entry.wish.consent is Consent.SHARED else ""
        named = f"{self.installation.deal(deal)} is {status_since(deal)}"
        return private(
            entry.reference,
            f"{named}. Make it *{status}*{'' if shared else ' all the same'}?",
            shared,
            self.installation.facts(deal),
            f"{NOTHING_CHANGED} {AUTOMATIONS}",
            buttons=yes_or_no(f"Make it {status}", entry.key),
        )

    def preview(self, deal: Opportunity, entry: Entry) -> Message:
        """What would happen, with a button that does it."""
        status, here = entry.wish.status, entry.caller.channel_id
        other = self.policy.announce_channels.get(status, here)
        where = mrkdwn.channel(here) + (f" and {mrkdwn.channel(other)}" if other != here else "")
        leaves = deal.status in self.policy.confirm.leaving
        return private(
            entry.reference,
            f"{self.installation.deal(deal)} is {status_since(deal)}, and would become *{status}*.",
            self.installation.facts(deal),
            f"You would be asked first, because it leaves {plain(deal.status)}." if leaves else "",
            f"It would be told in {where}. {AUTOMATIONS}",
            f"This was only a preview. {NOTHING_CHANGED}",
            buttons=yes_or_no(f"Make it {status}", entry.key),
        )

    def goes_on(self) -> Message:
        """The caller has answered; in place of the question, until the result is told."""
        return replace(message((GOES_ON,), "", public=False), replaces=True)

    def cannot_go_on(self, question: Record | None, reference: str) -> Message:
        """The question was answered before; or, without `question`, the ledger has forgotten it."""
        what = (
            "That has been answered already: it goes on, or is done."
            if question
            else "I do not know any more what that was about."
        )
        then = f"To change a deal, type {code(f'{self.installation.command} {USAGE_HINT}')}."
        return private(reference, what, "Nothing more was changed.", then)


def _seen(deal: Opportunity, entry: Entry) -> str:
    """The status that the caller agrees to change by choosing the deal; empty if choosing it says nothing of that."""
    asks = deal.status != Status.OPEN or entry.wish.consent is Consent.WANTED
    return deal.status if asks and deal.status in STATES else ""
