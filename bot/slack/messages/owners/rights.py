"""What people read about whose deal it is: refusals, what the owner is asked and told, and what became of it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from bot.commands.record import Entry, Record, Unfamiliar
from bot.commands.reply import Message
from bot.deals.deal import Opportunity, Status
from bot.deals.outcome import AskedOwner, Effect, NotYours, Result, Withheld
from bot.slack.actions import AS_ASKED, ASK_OWNER, NOT_NOW
from bot.slack.block_kit import blocks, mrkdwn
from bot.slack.block_kit.blocks import Block
from bot.slack.block_kit.mrkdwn import plain
from bot.slack.messages.owners.sentences import SHORTLY, WITHHELD
from bot.slack.messages.pieces import Installation, fits, message, private, reference_line, with_admins
from bot.slack.messages.tables import NOTHING_CHANGED, VERB, WARNING
from bot.slack.wording import Page, dotted


@dataclass(frozen=True, slots=True)
class OwnerMessages:
    """Messages about whose deal it is."""

    installation: Installation

    # --- to the caller ---

    def outcome(self, outcome: NotYours | AskedOwner, entry: Entry) -> Message:
        """The reply to a command that was not carried out because of whose deal it is."""
        return self.asked(outcome, entry) if isinstance(outcome, AskedOwner) else self.not_yours(outcome, entry)

    def not_yours(self, refused: NotYours, entry: Entry) -> Message:
        """The caller may not change this deal: why, and whom to ask."""
        deal, objection = refused.opportunity, refused.objection
        sentences = WITHHELD[objection.why]
        ask = self._ask_button(entry.key, objection.owner)
        words = {
            "deal": self.installation.deal(deal),
            "owner": self._owner(deal, objection.owner),
            "place": plain(self.installation.locations.name(deal.location_id or "")),
            "admin": self.installation.admin,
            "ask": "" if ask else f"Ask {self.installation.admin}.",
        }
        then = sentences.then.format(**words).strip()
        view = self.installation.view_button(deal.id, deal.location_id)
        row = (*ask, *view)
        return private(
            entry.reference,
            sentences.what.format(**words),
            f"{NOTHING_CHANGED} {then}".strip(),
            buttons=(blocks.actions(*row),) if row else (),
            small_print=with_admins(self.installation.page(Page.REFUSALS), sentences.for_admins),
        )

    def asked(self, asked: AskedOwner, entry: Entry) -> Message:
        """The owner is asked; in place of the refusal."""
        deal, who = self.installation.deal(asked.opportunity), mrkdwn.user(asked.owner)
        lines = (f"Asked {who} to {_verb(entry.wish.status, deal)}.", "You'll get a message when they answer.")
        return private(entry.reference, *lines)

    def row(self, record: Record) -> str:
        """What became of one of several deals that its caller may not change, behind its name."""
        owner = mrkdwn.user(record.deal_owner) if record.deal_owner else "another person"
        match record.withheld:
            case None:
                return f"asked {owner}"
            case Withheld():
                return f"not changed, {SHORTLY[record.withheld].format(owner=owner)}"
            case Unfamiliar():
                return "not changed"
            case _:
                assert_never(record.withheld)

    def ask_owners(self, records: Sequence[Record], key: str) -> Sequence[Block]:
        """The button that asks the owners of several deals; none where none of them can be found."""
        owner = next(
            (each.deal_owner for each in records if each.withheld and not each.changed and each.deal_owner), ""
        )
        return self._ask_button(key, owner or "")

    def to_asker(self, record: Record, asked: Record) -> Message:
        """What became of the change that this person asked for, once the owner said yes."""
        who, deal = mrkdwn.user(record.user_id), self._deal(record)
        lines: Sequence[str]
        match record.outcome:
            case Result.CHANGED:
                lines = (f"{who} {_did(record, deal)}, as you asked.",)
            case Result.ALREADY_SO:
                lines = (f"{who} said yes, but {deal} was already *{plain(record.status)}*.", NOTHING_CHANGED)
            case _ if record.effect in (None, Effect.NOTHING):
                lines = (
                    f"{who} said yes, but {deal} didn't change.",
                    "Take a look before you ask again.",
                )
            case _:
                lines = (f"{WARNING} {who} said yes, and {deal} may have changed.", "Check it before you ask again.")
        return private(asked.reference, *lines)

    def unasked(self, record: Record) -> Message:
        """Slack delivers nothing to the owner, who was to be asked."""
        who, deal = mrkdwn.user(record.deal_owner or ""), self._deal(record)
        what = f"{WARNING} Couldn't send {who} your question about {deal}."
        return private(
            record.reference, what, f"{NOTHING_CHANGED} Ask them yourself, or ask {self.installation.admin}."
        )

    def declined(self, asked: Record, by: str) -> Message:
        """The owner leaves the deal as it is."""
        status = f"is still *{plain(asked.before)}*" if asked.before else "stays as it is"
        return private(asked.reference, f"{mrkdwn.user(by)} said not now. {self._deal(asked)} {status}.")

    # --- to the owner ---

    def to_owner(self, record: Record) -> Message:
        """Another person changed the deal, or asks its owner to."""
        return self._asks(record) if record.outcome is Result.ASKED_OWNER else self._told(record)

    def _told(self, change: Record) -> Message:
        did = f"{mrkdwn.user(change.user_id)} {_did(change, f'your deal {self._deal(change)}')}"
        view = self.installation.view_button(change.opportunity_id, change.location_id)
        return message(
            (dotted(did, self._worth(change)),),
            dotted(f"Was {plain(change.before or '?')}", self._where(change), reference_line(change.reference)),
            public=False,
            buttons=(blocks.actions(*view),) if view else (),
        )

    def _asks(self, asked: Record) -> Message:
        who, status = mrkdwn.user(asked.user_id), Status(asked.status)
        wants = f"{who} asks you to {_verb(status, self._deal(asked))}"
        answers = self._answers(asked.key, status)
        view = self.installation.view_button(asked.opportunity_id, asked.location_id)
        row = (*answers, *view)
        return message(
            (
                dotted(wants, self._worth(asked)),
                f"&gt; {plain(words)}" if (words := asked.note or asked.reason) else "",
            ),
            dotted(f"Now {plain(asked.before or '?')}", self._where(asked), reference_line(asked.reference)),
            public=False,
            buttons=(blocks.actions(*row),) if row else (),
        )

    def _answers(self, key: str, status: Status) -> Sequence[Block]:
        if not fits(key, blocks.VALUE_LIMIT):
            return ()
        yes = blocks.button(VERB[status], AS_ASKED, key, style="primary")
        return (yes, blocks.button("Not now", NOT_NOW, key))

    def goes_on(self, asked: Record) -> Message:
        """The owner said yes; in place of the question."""
        where = mrkdwn.channel(asked.channel_id)
        doing = f"On it: {_verb(Status(asked.status), self._deal(asked))}, as {mrkdwn.user(asked.user_id)} asked."
        return private(asked.reference, doing, f"The result goes to {where}." if asked.public else "", replaces=True)

    def left(self, asked: Record) -> Message:
        """The owner said not now; in place of the question."""
        told = f"{mrkdwn.user(asked.user_id)} has been notified."
        return private(asked.reference, f"You said not now to {self._deal(asked)}.", told, replaces=True)

    # --- pieces ---

    def _ask_button(self, key: str, owner: str) -> Sequence[Block]:
        can_be_asked = owner and fits(key, blocks.VALUE_LIMIT)
        return (blocks.button("Ask the owner", ASK_OWNER, key, style="primary"),) if can_be_asked else ()

    def _owner(self, deal: Opportunity, owner: str) -> str:
        return mrkdwn.user(owner) if owner else plain(deal.owner or "another person")

    def _deal(self, record: Record) -> str:
        name = record.name or record.called
        return self.installation.deal(Opportunity(record.opportunity_id, "", name, record.location_id or None))

    def _worth(self, record: Record) -> str:
        worth = self.installation.money(record.value)
        return f"*{worth}*" if worth else ""

    def _where(self, record: Record) -> str:
        return f"In {mrkdwn.channel(record.channel_id)}" if record.channel_id.startswith(("C", "G")) else ""


def _verb(status: Status, deal: str) -> str:
    return f"reopen {deal}" if status is Status.OPEN else f"mark {deal} *{status}*"


def _did(change: Record, deal: str) -> str:
    if not change.changed:
        return f"added a lost reason to {deal}"
    return f"reopened {deal}" if change.after == Status.OPEN else f"marked {deal} *{plain(change.after or '?')}*"
