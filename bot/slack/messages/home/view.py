"""The Home tab as Slack takes it: open deals with their buttons, last changes with Undo, or how to get access. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from bot.access.people import Unknown
from bot.access.rules import Caller, Reason
from bot.commands.record import Record
from bot.deals.deal import Opportunity
from bot.deals.outcome import Cause, Result, Trouble
from bot.deals.policy import Policy
from bot.deals.stuck import is_stuck
from bot.slack.actions import HOME_AGAIN, HOME_PAGE, OPEN_FORM
from bot.slack.block_kit import blocks, inputs
from bot.slack.block_kit.blocks import Block
from bot.slack.block_kit.mrkdwn import code, plain
from bot.slack.messages.deals.row import deal_lines, deal_row
from bot.slack.messages.failures import FailureMessages
from bot.slack.messages.history import HistoryMessages
from bot.slack.messages.home.contents import DEALS_PER_PAGE, Contents, Gap, Reader, Refused, metadata
from bot.slack.messages.home.words import STILL_HERE, WHO_ARE_YOU
from bot.slack.messages.people import PeopleMessages
from bot.slack.messages.pieces import Installation, reference_line, undo_button, with_admins
from bot.slack.messages.tables import AGAIN_LATER, AGAIN_SOON, FAILURES, WARNING
from bot.slack.wording import days, dotted, first_visible

HOME = "home"
"""The view's callback_id."""
CHANGES_AT_HOME = 5
"""Last changes that are shown."""
REFUSED = frozenset({Result.NOT_YOURS, Result.ASKED_OWNER})
"""What became of commands about another person's deal: `history` lists them."""
PLACES_SHOWN = 5
"""Sub-accounts that are named where the same keeps their deals away."""
PASSES = frozenset({Reason.WORKSPACE_UNKNOWN, Reason.GROUPS_UNKNOWN, Reason.APPROVALS_UNKNOWN, Reason.PERSON_UNKNOWN})
"""Denials that may be over a moment later."""


@dataclass(frozen=True, slots=True)
class HomeMessages:
    """The Home tab, however it looks."""

    installation: Installation
    policy: Policy
    history: HistoryMessages
    failures: FailureMessages
    people: PeopleMessages

    def loading(self) -> Block:
        """What is shown until the deals are here."""
        return _view((blocks.header("Your open deals"), blocks.context("Loading your deals from HighLevel…")))

    def broken(self, reader: Reader, page: int = 0) -> Block:
        """The bot has a fault, and cannot tell what it found."""
        return _view(
            (
                blocks.header("Your open deals"),
                blocks.section(f"{WARNING} *Something went wrong in Opp Status, so your deals can't be shown.*"),
                blocks.actions(_again_button(page)),
                blocks.context(dotted(f"Keeps happening? Tell {self.installation.admin}", _ref(reader))),
            ),
            page,
        )

    def refused(self, found: Refused, caller: Caller, reader: Reader) -> Block:
        """Why the person sees no deals here, and how to get access."""
        told = self.people.whoami(caller, found.denied, found.request, reader.now)
        again = (blocks.actions(_again_button(0)),) if found.denied.reason in PASSES else ()
        what = "Opp Status marks HighLevel deals won or lost from Slack, where the team can see it."
        return _view((blocks.header("Opp Status"), blocks.context(what), *map(dict, told.blocks), *again))

    def tab(self, found: Contents, reader: Reader) -> Block:
        """The person's open deals and their last changes."""
        return _view(
            (
                blocks.header("Your open deals"),
                *self._summary(found, reader),
                *self._elsewhere(found),
                blocks.actions(*self._top_buttons(found)),
                *(block for why, gaps in _alike(found.gaps).items() for block in self._gap(why, gaps, reader)),
                *(block for deal in found.shown for block in self._row(deal, found, reader)),
                *self._paging(found),
                *self._changes(found),
                blocks.context(self._small_print()),
            ),
            found.shown_page,
        )

    def _summary(self, found: Contents, reader: Reader) -> Sequence[Block]:
        """How many deals there are, what they are worth together, and how many are stuck; or that there are none."""
        if not found.deals:
            return () if found.gaps else (blocks.section("No open deals in HighLevel are assigned to you."),)
        number = len(found.deals)
        stuck = sum(is_stuck(deal, reader.now, self.policy.stuck_days) for deal in found.deals)
        more = f"Only the {number} that haven't moved for longest are here" if found.more else ""
        counted = f"{number} open deal{'s' if number != 1 else ''}"
        worth = self.installation.money(sum(deal.value or 0 for deal in found.deals))
        since = f"{stuck} stuck for {days(self.policy.stuck_days)} or more" if stuck else ""
        return (blocks.context(dotted(counted, "" if found.more else worth, since, more)),)

    def _elsewhere(self, found: Contents) -> Sequence[Block]:
        """Where deals can be changed, if they cannot be changed from here."""
        if found.can_mark:
            return ()
        return (blocks.section(f"To change a deal, go to {self.installation.channel_list}."),)

    def _top_buttons(self, found: Contents) -> Iterator[Block]:
        if found.can_mark:
            yield blocks.button("Find a deal", OPEN_FORM, "form")
        yield _again_button(found.shown_page, "Try again" if found.gaps else "Refresh")

    def _gap(self, why: Unknown | Trouble, gaps: Sequence[Gap], reader: Reader) -> Sequence[Block]:
        """Why the deals of these sub-accounts are not here, and what to do."""
        names = (self.installation.locations.mentioned(gap.location_id) for gap in gaps[:PLACES_SHOWN])
        more = f"and {len(gaps) - PLACES_SHOWN} more" if len(gaps) > PLACES_SHOWN else ""
        where = ", ".join(filter(None, (*map(plain, names), more)))
        match why:
            case Unknown():
                words = WHO_ARE_YOU[why]
                then = words.then.format(admin=self.installation.admin)
                next_ = f"{then} {STILL_HERE}".strip()
                for_admins = words.for_admins.format(user=code(reader.user_id))
            case Trouble():
                cause = Cause.NO_ANSWER if why.cause is Cause.OUT_OF_TIME else why.cause
                words = FAILURES[cause]
                passes = words.then in {AGAIN_SOON, AGAIN_LATER}
                then = "" if passes else self.failures.filled(words.then, why)
                next_ = f"Your open deals can't be shown. {then}".strip()
                for_admins = self.failures.filled(words.for_admins, why)
            case _:
                assert_never(why)
        lines = (f"{WARNING} *{dotted(where, words.what)}*", next_)
        return blocks.section("\n".join(lines)), blocks.context(with_admins(_ref(reader), for_admins))

    def _row(self, deal: Opportunity, found: Contents, reader: Reader) -> Sequence[Block]:
        if wanted := found.under_way.get(deal.id):
            lines = deal_lines(deal, reader.now, self.installation, self.policy)
            return blocks.section("\n".join(lines)), blocks.context(f"On it… → *{plain(wanted)}*")
        return deal_row(deal, reader.now, self.installation, self.policy, can_mark=found.can_mark)

    def _paging(self, found: Contents) -> Sequence[Block]:
        if found.pages == 1:
            return ()
        at, first = found.shown_page, found.shown_page * DEALS_PER_PAGE
        back = [blocks.button("Previous", f"{HOME_PAGE}_back", str(at - 1))] if at else []
        on = [blocks.button("Next", f"{HOME_PAGE}_on", str(at + 1))] if at + 1 < found.pages else []
        where = f"{first + 1} to {first + len(found.shown)} of {len(found.deals)}"
        return blocks.context(where), blocks.actions(*back, *on)

    def _changes(self, found: Contents) -> Sequence[Block]:
        """The last changes, each with a button that undoes it where that can be done."""
        head = (blocks.divider(), blocks.header("Your last changes"))
        if found.changes is None:
            return *head, blocks.section(f"{WARNING} Your last changes can't be shown right now.")
        shown = last_changes(found.changes)
        if not shown:
            return *head, blocks.section("No changes by you yet.")
        return *head, *(blocks.section(self.history.line(each), self._undo(each, found)) for each in shown)

    def _undo(self, change: Record, found: Contents) -> Block | None:
        if change.key not in found.undoable or not found.can_mark:
            return None
        name = plain(first_visible(change.name, "This deal"))
        return undo_button(f"{name} goes back to {plain(change.before or '?')}.", change.key, self.policy)

    def _small_print(self) -> str:
        """How colleagues get access, and where there is more."""
        admin = self.installation.admin
        who = "Teammates without access can request it here." if self.installation.admins else f"Access? Ask {admin}."
        return dotted(who, f"`{self.installation.command} help`")


def _view(shown: Sequence[Block], page: int = 0) -> Block:
    return inputs.home_tab(shown, callback_id=HOME, private_metadata=metadata(page))


def _again_button(page: int, says: str = "Try again") -> Block:
    return blocks.button(says, HOME_AGAIN, str(page))


def last_changes(records: Sequence[Record]) -> Sequence[Record]:
    """The records that the tab shows: no questions, and no refusals."""
    told = [each for each in records if not each.open_question and each.outcome not in REFUSED]
    return told[:CHANGES_AT_HOME]


def _alike(gaps: Sequence[Gap]) -> Mapping[Unknown | Trouble, Sequence[Gap]]:
    """The gaps by why they are there, so that each reason is told once."""
    alike: dict[Unknown | Trouble, list[Gap]] = {}
    for gap in gaps:
        alike.setdefault(gap.why, []).append(gap)
    return alike


def _ref(reader: Reader) -> str:
    return reference_line(reader.reference)
