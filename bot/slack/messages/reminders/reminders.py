"""Reminders: which day, that one is set, which there are, and one that has come due. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import assert_never

from bot.commands.reply import Message
from bot.commands.text.days import Unclear
from bot.deals.deal import Opportunity
from bot.deals.policy import Policy
from bot.schedule.due import Planned
from bot.schedule.ports import Standing
from bot.slack.actions import CALL_OFF, CLOSE, DISMISS, PICK_DAY, SET, RemindOf
from bot.slack.block_kit import blocks, inputs, mrkdwn
from bot.slack.block_kit.blocks import Block
from bot.slack.block_kit.mrkdwn import plain
from bot.slack.messages.deals.marking import offers, status_buttons
from bot.slack.messages.deals.reminding import remind_button, remind_in_a_week, remind_of
from bot.slack.messages.pieces import SHORT, Installation, fits, message, notification, private, reference_line
from bot.slack.messages.tables import WARNING
from bot.slack.wording import dotted, first_visible, how_many

CHOICES = 5
"""Deals to choose from, if several have the name."""
LISTED = 20
"""Reminders in a list."""
CHANNELS = ("C", "G")
"""How the ids of channels begin, as those of direct messages do not."""
TOMORROW = "1d"
READS = "Reminders come at 9:00 AM. You can also type a day, such as `friday`, `in 3 days`, `dec 24`, or `2026-12-24`."


@dataclass(frozen=True, slots=True)
class ReminderMessages:
    """Everything about reminders. It is private, and `due` is a direct message."""

    installation: Installation
    policy: Policy

    def which_day(self, deal: Opportunity, unclear: Unclear, reference: str, *, replaces: bool = False) -> Message:
        """Ask for which day a reminder is wanted. `unclear`: why it cannot be the one that was named."""
        of = remind_of(deal, self.installation).value
        picks = fits(of, blocks.BLOCK_ID_LIMIT)
        row = [
            *remind_button("Tomorrow", TOMORROW, deal, self.installation),
            *remind_button("In a week", "7d", deal, self.installation),
            *([inputs.date_picker(PICK_DAY, "Pick a day")] if picks else ()),
            blocks.button("Cancel", DISMISS, "no"),
        ]
        return private(
            reference,
            _problem(unclear),
            f"When do you want a reminder about {self.installation.deal(deal)}?",
            details=(READS if unclear is Unclear.NO_DAY else "",),
            buttons=(blocks.actions(*row, block_id=of if picks else ""),),
            small_print="No reminder set",
            replaces=replaces,
        )

    def which_deal(self, name: str, deals: Sequence[Opportunity], day: date | None, reference: str) -> Message:
        """Several open deals have the name. `day`: for which the reminder is wanted; `None` if that is not clear."""
        head = f"Which deal? {how_many(deals, more=False)} open deals match {mrkdwn.code(name)}."
        rows = [self._choice(deal, day.isoformat() if day else "") for deal in deals[:CHOICES]]
        more = "Not here? Type more of its name" if len(deals) > CHOICES else ""
        small = dotted("No reminder set", more, reference_line(reference))
        text = [head, *(f"• {row['text']['text']}" for row in rows), small]
        cancel = blocks.actions(blocks.button("Cancel", DISMISS, "no"))
        return Message(notification(*text), (blocks.section(head), *rows, cancel, blocks.context(small)), public=False)

    def _choice(self, deal: Opportunity, day: str) -> Block:
        facts = self.installation.facts(deal)
        line = "\n".join(filter(None, (self.installation.priced(deal), facts and f"_{facts}_")))
        button = remind_button("Remind me", day, deal, self.installation)
        return blocks.section(line, button[0] if button else None)

    def set(self, standing: Standing, reference: str, *, replaces: bool = False) -> Message:
        """A reminder is set, or was moved."""
        reminder, before = standing.reminder, standing.before
        moved = before is not None and before != reminder.due
        was = f"It was set for {mrkdwn.date(before)}." if before and moved else ""
        return private(
            reference,
            f"Reminder {'moved to' if moved else 'set for'} {mrkdwn.date(reminder.due)}: {self._deal(reminder)}",
            was,
            details=("You'll get it as a DM, if the deal is still open then.",),
            buttons=self._cancel(reminder),
            replaces=replaces,
        )

    @property
    def example(self) -> str:
        """How to ask for a reminder, in words."""
        return f"To get a reminder, type a deal and a day, as in `{self.installation.command} remind Acme Corp friday`."

    def closed(self, deal: Opportunity, reference: str) -> Message:
        """There are no reminders of a deal that is closed."""
        return private(
            reference,
            f"{self.installation.priced(deal)} is already *{plain(deal.status)}*. Reminders are for open deals.",
            details=(self.installation.facts(deal),),
            small_print="No reminder set",
        )

    def usage(self, reference: str) -> Message:
        """Neither a deal nor a day was named."""
        command = self.installation.command
        return private(
            reference,
            "Which deal, and when?",
            f"Try `{command} remind Acme Corp friday`. `{command} reminders` lists yours.",
            small_print="No reminder set",
        )

    def listing(self, reminders: Sequence[Planned], reference: str, *, replaces: bool = False) -> Message:
        """The person's reminders, the next first, each with a button that cancels it."""
        command = self.installation.command
        if not reminders:
            what = "You have no reminders."
            return private(reference, what, f"Set one with `{command} remind Acme Corp friday`.", replaces=replaces)
        head = f"*Your reminders*, {len(reminders)}" if len(reminders) < LISTED else f"*Your next {LISTED} reminders*"
        rows = [self._row(reminder) for reminder in reminders]
        small = reference_line(reference)
        text = [head, *(f"• {row['text']['text']}" for row in rows)]
        shown = (blocks.section(head), *rows, blocks.context(small))
        return Message(notification(*text), shown, public=False, replaces=replaces)

    def _row(self, reminder: Planned) -> Block:
        line = dotted(mrkdwn.date(reminder.due), self._deal(reminder, SHORT))
        can_be_canceled = fits(reminder.key, blocks.VALUE_LIMIT)
        return blocks.section(line, blocks.button("Cancel", CALL_OFF, reminder.key) if can_be_canceled else None)

    def canceled(self, reminder: Planned, reference: str, *, replaces: bool) -> Message:
        """A reminder is canceled."""
        return private(reference, f"Reminder canceled: {self._deal(reminder)}", replaces=replaces)

    def gone(self, reference: str) -> Message:
        """There is no such reminder to cancel."""
        return private(reference, "That reminder was already sent or canceled.")

    def unsure(self, reference: str) -> Message:
        """The database did not say whether it has the reminder."""
        look = f"`{self.installation.command} reminders` lists yours. If it isn't there, set it again."
        return private(reference, f"{WARNING} It isn't clear whether your reminder was saved.", look)

    def told_in(self, channel_id: str, reference: str) -> Message:
        """A deal is being changed from a reminder."""
        return private(reference, f"On it. The result goes to {mrkdwn.channel(channel_id)}.")

    def due(self, deal: Opportunity, reminder: Planned, reference: str) -> Message:
        """See `ReminderWords`."""
        value = self.installation.money(deal.value)
        since = f"Open since {mrkdwn.date(deal.since)}" if deal.since else "Still open"
        small = dotted(self.installation.facts(deal), since)
        row = (
            *self._status_buttons(deal, reminder),
            *remind_in_a_week(deal, self.installation),
            *self.installation.view_button(deal.id, deal.location_id),
        )
        headline = f"Reminder: {self.installation.priced(deal)}"
        buttons = (blocks.actions(*row),) if row else ()
        told = message((headline,), "", public=True, details=(small,), buttons=buttons, reference=reference)
        customer = self.installation.customer(deal)
        said = notification(dotted(f"Reminder: {self.installation.deal(deal)}", value, customer), small)
        return replace(told, text=said)

    def _status_buttons(self, deal: Opportunity, reminder: Planned) -> Sequence[Block]:
        """Buttons whose result is told in the channel where the reminder was asked for, in front of the team."""
        made = status_buttons(deal, offers(deal, self.policy), self.installation, self.policy, stands_out=False)
        channel_id = reminder.caller.channel_id
        if not channel_id.startswith(CHANNELS):
            return made
        return [
            button
            | {"action_id": button["action_id"].replace(SET, CLOSE, 1), "value": f"{channel_id} {button['value']}"}
            for button in made
        ]

    def _deal(self, reminder: Planned, limit: int = 150) -> str:
        url = self.installation.url(reminder.deal.opportunity_id, reminder.deal.location_id)
        return f"*{mrkdwn.link(url, first_visible(reminder.name, 'this deal'), limit)}*"

    def _cancel(self, reminder: Planned) -> Sequence[Block]:
        can_be_canceled = fits(reminder.key, blocks.VALUE_LIMIT)
        return (blocks.actions(blocks.button("Cancel reminder", CALL_OFF, reminder.key)),) if can_be_canceled else ()


def _problem(unclear: Unclear) -> str:
    match unclear:
        case Unclear.NO_DAY:
            return ""
        case Unclear.TOO_EARLY:
            return "Reminders come at 9:00 AM, tomorrow at the earliest."
        case Unclear.TOO_FAR:
            return "That's more than a year away."
        case _:
            assert_never(unclear)


def deal_of(of: RemindOf) -> Opportunity:
    """The deal that a button carries."""
    return Opportunity(of.opportunity_id, "", name=of.name or None, location_id=of.location_id or None)
