"""All messages of one installation, in rooms: each attribute of `Messages` is one, in a module of its own. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from bot.commands.record import Entry, Record
from bot.commands.reply import Message
from bot.deals.deal import LostReason
from bot.deals.outcome import Changed, Outcome
from bot.deals.policy import Policy
from bot.slack.messages.cards import CardMessages
from bot.slack.messages.digest.digest import DigestMessages
from bot.slack.messages.failures import FailureMessages
from bot.slack.messages.guesses import GuessMessages
from bot.slack.messages.help import HelpMessages
from bot.slack.messages.history import HistoryMessages
from bot.slack.messages.home.view import HomeMessages
from bot.slack.messages.outcomes import OutcomeMessages
from bot.slack.messages.owners.rights import OwnerMessages
from bot.slack.messages.people import PeopleMessages
from bot.slack.messages.pieces import Installation
from bot.slack.messages.questions import QuestionMessages
from bot.slack.messages.reminders.reminders import ReminderMessages
from bot.slack.messages.several import SeveralMessages


@dataclass(frozen=True, slots=True)
class Messages:
    """Everything that a person in Slack reads, except the form.

    Listeners speak through the rooms. The worker knows only the methods, which are `bot.commands.outbox.Words`.
    """

    outcomes: OutcomeMessages
    batches: SeveralMessages
    questions: QuestionMessages
    failures: FailureMessages
    cards: CardMessages
    history: HistoryMessages
    people: PeopleMessages
    help: HelpMessages
    guesses: GuessMessages
    home: HomeMessages
    reminders: ReminderMessages
    digests: DigestMessages
    owners: OwnerMessages

    @classmethod
    def of(
        cls, installation: Installation, policy: Policy, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> Self:
        """The messages of this installation. `clock`: for telling until when to wait."""
        failures = FailureMessages(installation, policy, clock)
        questions = QuestionMessages(installation, policy)
        history = HistoryMessages(installation)
        guesses = GuessMessages(installation, policy)
        people = PeopleMessages(installation)
        owners = OwnerMessages(installation)
        return cls(
            outcomes=OutcomeMessages(installation, policy, questions, failures, guesses, owners),
            batches=SeveralMessages(installation, policy, owners),
            questions=questions,
            failures=failures,
            cards=CardMessages(installation, policy, history, failures),
            history=history,
            people=people,
            help=HelpMessages(installation, policy),
            guesses=guesses,
            home=HomeMessages(installation, policy, history, failures, people),
            reminders=ReminderMessages(installation, policy),
            digests=DigestMessages(installation, policy),
            owners=owners,
        )

    def outcome(self, outcome: Outcome, entry: Entry, undone: Record | None = None) -> Message:
        """See `OutcomeMessages.outcome`."""
        return self.outcomes.outcome(outcome, entry, undone)

    def several(
        self, records: Sequence[Record], entry: Entry, earlier: Sequence[Record], reasons: Sequence[LostReason]
    ) -> Message:
        """See `SeveralMessages.several`."""
        return self.batches.several(records, entry, earlier, reasons)

    def amended(self, outcome: Changed, entry: Entry, change: Record) -> Message:
        """See `OutcomeMessages.amended`."""
        return self.outcomes.amended(outcome, entry, change)

    def several_amended(
        self, records: Sequence[Record], entry: Entry, changes: Sequence[Record], reasons: Sequence[LostReason]
    ) -> Message:
        """See `SeveralMessages.amended`."""
        return self.batches.amended(records, entry, changes, reasons)

    def takes_long(self, reference: str) -> Message:
        """See `FailureMessages.takes_long`."""
        return self.failures.takes_long(reference)

    def goes_on(self) -> Message:
        """See `QuestionMessages.goes_on`."""
        return self.questions.goes_on()

    def ask_why(self, reasons: Sequence[LostReason], change: Record) -> Message:
        """See `QuestionMessages.ask_why`."""
        return self.questions.ask_why(reasons, change)

    def to_owner(self, record: Record) -> Message:
        """See `OwnerMessages.to_owner`."""
        return self.owners.to_owner(record)

    def to_asker(self, record: Record, asked: Record) -> Message:
        """See `OwnerMessages.to_asker`."""
        return self.owners.to_asker(record, asked)

    def unasked(self, record: Record) -> Message:
        """See `OwnerMessages.unasked`."""
        return self.owners.unasked(record)

    def broken(self, reference: str) -> Message:
        """See `FailureMessages.broken`."""
        return self.failures.broken(reference)
