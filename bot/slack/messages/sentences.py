"""Every sentence that a person in Slack reads. Pure but for the clock.

A failure says three things: what happened; whether anything changed; what to do next, and by whom. No HTTP codes in the
sentence: they stand in the small print, with the reference that the log has too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import assert_never
from urllib.parse import quote

from bot.access.requests import OPERATOR, AccessRequest, RequestState
from bot.access.rules import Allowed, Caller, Denied, Reason, Way
from bot.commands.policy import Policy
from bot.commands.record import Entry, Record, UndoRefusal
from bot.commands.reply import DeliveryWay, Message
from bot.commands.request import COMMAND, MOST_AT_ONCE, USAGE_HINT, Misunderstood, Problem, ShowHistory
from bot.deals.deal import STATES, LostReason, Opportunity, Status, Target
from bot.deals.locations import Locations
from bot.deals.outcome import (
    AlreadySo,
    Ambiguous,
    Cause,
    Changed,
    Effect,
    Failed,
    Outcome,
    Overtaken,
    Previewed,
    ReasonWanted,
    Trouble,
    Unconfirmed,
)
from bot.deals.wish import Consent, Wish
from bot.slack.actions import (
    APPROVE,
    CHOOSE,
    CONFIRM,
    DECLINE,
    DISMISS,
    LINK,
    REASON,
    REQUEST,
    REVOKE,
    SET,
    SHARE,
    SHOW,
    UNDO,
    Choice,
    StatusChoice,
    target_value,
)
from bot.slack.block_kit import blocks, inputs, mrkdwn
from bot.slack.block_kit.blocks import Block
from bot.slack.block_kit.mrkdwn import code, plain

EXAMPLE_ID = "aB3dE5fG7hJ9kL1mN2pQ"

LINES_PER_SECTION = 6
"""Of a history: all of them together would be too long for one section."""

LONGEST_ID = 150
"""Characters of a deal's id that a card's buttons can carry, also within an address; HighLevel's have 20."""

NOTE_LIMIT = 600

SHORT = 40
"""Characters of a deal's name in a list: ten lines must fit into one message."""


@dataclass(frozen=True, slots=True)
class Sentences:
    """What happened, and what to do next. In both, `{admin}` is whoever looks after the bot."""

    what: str
    then: str


AGAIN_SOON = "Try again in a minute. If it goes on, please tell {admin}."

FOR_THE_ADMIN = "There is nothing you can do about it: please tell {admin}"

FAILURES: Mapping[Cause, Sentences] = {
    Cause.NOT_FOUND: Sentences(
        "HighLevel has no deal with the id {id} in this location.",
        "Check the id: it has 20 letters and digits, and capitals matter. Easiest is to paste the link from the deal's page.",
    ),
    Cause.NO_MATCH: Sentences(
        "I searched HighLevel for {name} and found no deal.",
        "Check the spelling, or paste the link from the deal's page. A deal that was made or renamed in the last seconds is not found by its name yet.",
    ),
    Cause.TOKEN_INVALID: Sentences(
        "HighLevel does not accept the bot's token. It was mistyped, revoked or has expired.",
        f"{FOR_THE_ADMIN}. `HIGHLEVEL_TOKEN` needs a new value.",
    ),
    Cause.RECONNECT: Sentences(
        "The bot is not connected to HighLevel, or not any more: it has to be connected anew.",
        f"{FOR_THE_ADMIN}. `python -m bot connect` prints the link to open, on {{page}}.",
    ),
    Cause.APP_UNKNOWN: Sentences(
        "HighLevel does not accept the id or the secret of the bot's app.",
        f"{FOR_THE_ADMIN}. `HIGHLEVEL_CLIENT_ID` and `HIGHLEVEL_CLIENT_SECRET` must be those of the app.",
    ),
    Cause.NOT_RENEWED: Sentences("The bot's access to HighLevel is over, and could not be renewed yet.", AGAIN_SOON),
    Cause.SCOPE_MISSING: Sentences(
        "The bot's HighLevel token lacks a permission for this.",
        f"{FOR_THE_ADMIN}. The token needs the scopes View Opportunities and Edit Opportunities.",
    ),
    Cause.TOKEN_ELSEWHERE: Sentences(
        "The bot's HighLevel token and this deal belong to different locations (sub-accounts).",
        "If the deal is one of yours, please tell {admin}: `HIGHLEVEL_TOKEN` and `HIGHLEVEL_LOCATION_ID` must be of its location.",
    ),
    Cause.NOT_OURS: Sentences(
        "This deal is in a sub-account of HighLevel in which the bot does not work, or no longer.",
        "If it should, please tell {admin}: `HIGHLEVEL_LOCATIONS` names those in which it does.",
    ),
    Cause.VERSION_REFUSED: Sentences(
        "HighLevel does not accept the API version that the bot asks for.",
        f"{FOR_THE_ADMIN}. `HIGHLEVEL_API_VERSION` needs a version that HighLevel still supports.",
    ),
    Cause.BLOCKED: Sentences(
        "The network in front of HighLevel turned the bot away before HighLevel saw the request.", AGAIN_SOON
    ),
    Cause.FORBIDDEN: Sentences("HighLevel refused this and gave no reason that the bot knows.", f"{FOR_THE_ADMIN}."),
    Cause.INVALID: Sentences(
        "HighLevel did not accept the request.", "If that does not help you, please show this to {admin}."
    ),
    Cause.WRONG_ADDRESS: Sentences(
        "What answers at the address the bot has for HighLevel is not HighLevel's API.",
        f"{FOR_THE_ADMIN}. `HIGHLEVEL_API_URL` must be right.",
    ),
    Cause.RATE_LIMITED: Sentences(
        "HighLevel takes no more requests for the moment: too many came at once.", "Try again {wait}."
    ),
    Cause.DAILY_LIMIT: Sentences(
        "HighLevel takes no more requests from the bot today: the day's allowance is used up.",
        "Try again {wait}, or change the deal in HighLevel itself. Please tell {admin} if this happens often.",
    ),
    Cause.NO_NAME: Sentences("HighLevel's address cannot be found on the network.", AGAIN_SOON),
    Cause.NO_TLS: Sentences("No secure connection to HighLevel could be made.", f"{FOR_THE_ADMIN}."),
    Cause.NO_CONNECTION: Sentences("HighLevel cannot be reached: no connection could be made.", AGAIN_SOON),
    Cause.CONNECT_TIMEOUT: Sentences("HighLevel cannot be reached: it did not pick up.", AGAIN_SOON),
    Cause.OUT_OF_TIME: Sentences(
        "HighLevel was so slow that no time was left for the change, so it was not sent.", AGAIN_SOON
    ),
    Cause.NO_ANSWER: Sentences("HighLevel did not answer in time.", AGAIN_SOON),
    Cause.CUT_OFF: Sentences("The connection to HighLevel broke before its answer was here.", AGAIN_SOON),
    Cause.SERVER_ERROR: Sentences("HighLevel has a problem of its own and could not do this.", AGAIN_SOON),
    Cause.GATEWAY: Sentences("The network in front of HighLevel gave up waiting for HighLevel's answer.", AGAIN_SOON),
    Cause.UNREADABLE: Sentences("HighLevel's answer made no sense. It may be showing a maintenance page.", AGAIN_SOON),
    Cause.SAID_NO: Sentences(
        "HighLevel took the request and answered that it was not carried out, without a reason.", AGAIN_SOON
    ),
    Cause.NO_EFFECT: Sentences(
        "HighLevel accepted the change, and still it did not happen.",
        "Look at the deal in HighLevel: an automation may set it back, or a colleague may have been faster.",
    ),
    Cause.NOT_CONFIRMED: Sentences(
        "HighLevel accepted the change, but the deal could not be read again to be sure.",
        "Look at the deal before you try again.",
    ),
    Cause.INTERRUPTED: Sentences(
        "The bot was restarted while it changed this deal, and finds it neither as it was nor as you asked.",
        "Look at the deal in HighLevel: a colleague or an automation may have changed it meanwhile.",
    ),
    Cause.PARKED: Sentences(
        "The bot broke down again and again while it worked on this, so it does not try any more.",
        "Please tell {admin}, with the reference below.",
    ),
    Cause.TOO_LATE: Sentences(
        "The bot was down for so long that it comes to this only now, more than an hour later.",
        "Type it again if it is still to be done.",
    ),
    Cause.STORE_DOWN: Sentences(
        "The bot cannot write down what it does at the moment, and without that it changes nothing.", AGAIN_SOON
    ),
    Cause.UNEXPECTED: Sentences(
        "Something went wrong inside the bot. This is a fault of the bot, not yours.",
        "Please tell {admin}, with the reference below.",
    ),
}

LOOK = "Look at the deal"

LOOK_FIRST = f"{LOOK} before you try again. If it goes on, please tell {{admin}}."
"""What to do when nobody can tell whether the deal changed."""

PERHAPS_LATE = "It may only be slow: look at the deal before you try again."
"""What to do after a change that went unanswered and was not seen, in place of trying again at once."""

CANNOT_LOOK_UP = Sentences("I cannot look that up at the moment: the bot's database does not answer.", AGAIN_SOON)

PERHAPS_WRITTEN = Sentences(
    "The bot's database did not answer while your command was being written down.",
    "Wait a minute, and look at the deal before you type it again. If it goes on, please tell {admin}.",
)

PERHAPS_CARRIED_OUT = "Nothing has been changed so far. If it was written down after all, it is carried out soon, and you read the result here."

CANNOT_UNDO: Mapping[UndoRefusal, str] = {
    UndoRefusal.NONE_YET: "You have not changed any deal from Slack that I know of, so there is nothing to take back.",
    UndoRefusal.UNKNOWN: "I do not know that change any more, so I cannot take it back.",
    UndoRefusal.NOT_DONE: "Your last command is still under way, so there is nothing to take back yet. Its result follows.",
    UndoRefusal.UNSURE: "Nobody could tell whether your last command changed the deal, so I do not take it back blindly.",
    UndoRefusal.NO_CHANGE: "That command changed nothing that could be taken back.",
    UndoRefusal.SWITCHED_OFF: "Taking changes back is switched off here.",
    UndoRefusal.TOO_OLD: "That change is older than {window}, and only younger ones can be taken back like this.",
    UndoRefusal.NO_STATUS: "The deal was {before} before, and that is no status that I can set.",
    UndoRefusal.UNDER_WAY: "{user} is taking that back at this moment; your press adds nothing to it.",
    UndoRefusal.DONE: "{user} has taken that back already, {when}. Your press changed nothing more.",
}
"""Why a change is not taken back: `{user}` did it already, `{before}` is what the deal was."""

SPEAKS_FOR_ITSELF = {UndoRefusal.NOT_DONE, UndoRefusal.UNDER_WAY, UndoRefusal.DONE}
"""Where nothing more is to be said: not that nothing was changed, for something is or was, and not what to do."""

DENIALS: Mapping[Reason, Sentences] = {
    Reason.NOT_ALLOWED: Sentences(
        "You are not on the list of people who may change deals from Slack.",
        "Ask {admin} to add you; your Slack id is {user}.",
    ),
    Reason.NOBODY_ALLOWED: Sentences(
        "Nobody may change deals from Slack yet: the list of people who may is empty.",
        "Ask {admin} to set `ALLOWED_USERS`; your Slack id is {user}.",
    ),
    Reason.WRONG_CHANNEL: Sentences(
        "Deals may not be changed from this channel.",
        "Use one of {channels}, or ask {admin} to add this one; its id is {channel}.",
    ),
    Reason.WRONG_WORKSPACE: Sentences(
        "This bot works for another Slack workspace, and changes no deals from this one.",
        "Whoever installed it here can set it up for this workspace.",
    ),
    Reason.WORKSPACE_UNKNOWN: Sentences(
        "Slack has not yet told the bot which workspace it works for.",
        "Try again in a minute. If it goes on, please tell {admin}: `SLACK_BOT_TOKEN` may be wrong.",
    ),
    Reason.GROUPS_UNKNOWN: Sentences(
        "Slack did not tell me whether you are in one of the groups that may change deals.",
        "Try again in a minute. If it goes on, please tell {admin}; your Slack id is {user}.",
    ),
    Reason.APPROVALS_UNKNOWN: Sentences(
        "I cannot look up at the moment whether an admin has let you in: the bot's database does not answer.",
        AGAIN_SOON,
    ),
    Reason.PERSON_UNKNOWN: Sentences(
        "Slack did not tell me whether you are a full member of this workspace, and only members can be let in by a group or an admin.",
        "Try again in a minute. If it goes on, ask {admin} to add you to `ALLOWED_USERS`; your Slack id is {user}.",
    ),
    Reason.STRANGER: Sentences(
        "You are from another company's Slack workspace, and deals are changed from here by this one's people only.",
        "Ask somebody of this workspace to change the deal.",
    ),
    Reason.GUEST: Sentences(
        "You are a guest in this workspace, and guests are not let in by a group or an admin's approval.",
        "If you need it, ask {admin} to add you to `ALLOWED_USERS`; your Slack id is {user}.",
    ),
    Reason.BOT: Sentences("Bots change no deals here.", "A person has to ask for it."),
    Reason.GONE: Sentences(
        "Slack says that your account is deactivated, so you may not change deals any more.",
        "If that is a mistake, please tell {admin}; your Slack id is {user}.",
    ),
    Reason.TOO_FAST: Sentences("That was more than 20 commands in a minute.", "Wait a minute, then go on."),
}

WAYS: Mapping[Way, str] = {
    Way.ADMIN: "You are one of the admins.",
    Way.LIST: "You are on the list of people who may.",
    Way.GROUP: "You are in the user group {group}.",
    Way.APPROVAL: "{by} let you in, {at}.",
}
"""Why somebody may."""

USAGE: Mapping[Problem, str] = {
    Problem.NO_STATUS: "Which status should these deals have? Add one of {statuses}.",
    Problem.NO_OPPORTUNITY: "Which deal? Put its name, its link or its id before {word}.",
    Problem.UNKNOWN_STATUS: "{word} is not a status. Use one of {statuses}.",
    Problem.ALL_IS_NO_STATUS: (
        "`all` is not a status that a deal can have. HighLevel uses the word to search deals of every status, so it is not "
        "sent. Use one of {statuses}."
    ),
    Problem.STATUS_NOT_OFFERED: "Setting deals to {word} is switched off here. Use one of {statuses}.",
    Problem.NAME_TOO_SHORT: "{word} is too short to look a deal up by. Type more of its name, or paste its link.",
    Problem.TOO_MANY: f"That is {{word}} deals, and I change at most {MOST_AT_ONCE} at once.",
    Problem.LINK_WITHOUT_ID: "There is no deal in that link. Open the deal in HighLevel and copy the address from there.",
    Problem.OTHER_LOCATION: (
        "That link leads to another HighLevel location (sub-account) than the one this bot works for. Its id is {word}."
    ),
    Problem.UNDO_STANDS_ALONE: (
        "`undo` stands alone and takes back your last change: I do not know what to do with {word}. For another change press "
        "the button under its message."
    ),
    Problem.HISTORY_OF_WHAT: "`history` takes one deal's id or link, or nothing for your own commands; from admins also a person or `all`: I cannot use {word}.",
    Problem.TOO_MUCH: (
        "I do not know what to do with {word}. The status comes last, and only `lost` may have a reason behind it; a name that "
        "has such a word in it goes into quotes. Several deals at once go by their ids or links."
    ),
}

CHANNELS_NAMED = 5
"""How many allowed channels are named to somebody in the wrong one."""

NOTHING_CHANGED = "Nothing was changed."

SHARED_CHANNEL = "This channel is shared with another company: its people would read the deal's name, value, contact and owner, and who changed it."

AUTOMATIONS = "HighLevel's automations that wait for a deal's status run then, and may write to the customer."

REASONS_ELSEWHERE = "Lost reasons are made in HighLevel, under Settings › Custom Fields › Lost Reason."

SEARCH_LAGS = "What was changed in HighLevel in the last seconds may not show here yet."

ROWS_OF_ACCESS = 20
"""Requests and approvals that are listed at most: each takes a section with a button, and Slack shows 50 blocks."""

LINES_OF_CARD = 3
"""Of the deal's last commands, on its card."""


class Messages:
    """The sentences, with what is particular to this installation filled in."""

    def __init__(  # noqa: PLR0913 - each is one setting
        self,
        *,
        app_url: str,
        locations: Locations,
        currency: str,
        admin_contact: str,
        admins: Sequence[str],
        channels: frozenset[str],
        policy: Policy,
        connect_url: str = "",
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._app_url = app_url
        self._locations = locations
        self._currency = currency
        self._admin = mrkdwn.user(admin_contact) if admin_contact else "the person who looks after this bot"
        self._admins = ", ".join(map(mrkdwn.user, admins))
        self._statuses = ", ".join(f"`{status}`" for status in policy.offered)
        named = [mrkdwn.channel(channel) for channel in sorted(channels)[:CHANNELS_NAMED]]
        self._channels = ", ".join(named if len(channels) <= CHANNELS_NAMED else [*named, "others"])
        self._policy = policy
        page = "the page where HighLevel is connected"
        self._page = mrkdwn.link(connect_url, page) if connect_url else page
        self._clock = clock

    # --- what became of a command ----------------------------------------------------------------------------------

    def outcome(self, outcome: Outcome, command: Entry, undone: Record | None = None) -> Message:
        """The one reply to a command that was carried out, or was tried. `undone`: what it took back, if it did."""
        wish, reference = command.wish, command.reference
        match outcome:
            case Changed() if undone:
                return self._undone(outcome, command, undone)
            case Changed():
                return self._changed(outcome, command)
            case Overtaken(opportunity):
                what = (
                    f"{self._deal(opportunity)} is *{plain(opportunity.status)}* now: it was changed again after that."
                )
                then = f"To make it {wish.status} all the same: {code(f'{COMMAND} {opportunity.id} {wish.status}')}"
                return _message((what, NOTHING_CHANGED, then), (_reference(reference),), public=False)
            case AlreadySo(opportunity):
                since = f" since {mrkdwn.date(opportunity.since)}" if opportunity.since else ""
                what = f"{self._deal(opportunity)} is already *{plain(opportunity.status)}*{since}."
                return _message((what, NOTHING_CHANGED), (_reference(reference),), public=False)
            case Ambiguous():
                return self._which_deal(outcome, command)
            case ReasonWanted(reasons):
                return self._which_reason(reasons, command)
            case Unconfirmed(opportunity):
                return self._sure(opportunity, command)
            case Previewed(opportunity):
                return self._preview(opportunity, command)
            case Failed():
                return self._failed(outcome, wish, reference)
            case _:
                assert_never(outcome)

    def _changed(self, outcome: Changed, command: Entry) -> Message:
        before, after = outcome.before, outcome.after
        who = mrkdwn.user(command.caller.user_id)
        if before.status == after.status:
            interaction = f"{who} said why {self._deal(after)} was lost: *{_named(after)}*."
            lines = (interaction, *self._more(outcome), _note(command))
            return _message(lines, (_reference(command.reference),), public=command.public)
        moved = f"{who} changed {self._deal(after)} from {plain(before.status)} to *{plain(after.status)}*."
        message = _message(
            (moved, *self._more(outcome), _about_reason(outcome, command.wish), _note(command)),
            (_reference(command.reference),),
            public=command.public,
            buttons=self._undo_button(before, after, command.key),
        )
        return self._announced(message, command, asks_why=after.status == Status.LOST and not after.lost_reason_id)

    def _announced(self, message: Message, command: Entry, *, asks_why: bool) -> Message:
        """With what happens besides: where else it is posted, and whether somebody is asked something."""
        channel = self._policy.announce_channels.get(command.wish.status, "")
        elsewhere = message.public and channel != command.caller.channel_id
        return replace(
            message, also_in=channel if elsewhere else "", asks_why=self._policy.asks_for_reason and asks_why
        )

    def _more(self, outcome: Changed) -> Sequence[str]:
        despite = "HighLevel did not confirm it at first, so I looked again: it is done." if outcome.despite else ""
        return (self._facts(outcome.after), despite)

    def _undo_button(self, before: Opportunity, after: Opportunity, key: str) -> Sequence[Block]:
        if before.status not in STATES:
            return ()
        return self._undo_row(f"{plain(_first(after.name, 'The deal'))} becomes {before.status} again.", key)

    def _undo_row(self, what: str, key: str) -> Sequence[Block]:
        if not self._policy.undo_window or not _fits(key, blocks.VALUE_LIMIT):
            return ()
        confirm = blocks.Confirm(
            title="Take this back?",
            text=f"{what} HighLevel's automations may run again, such as messages to the customer.",
            confirm="Take it back",
            deny="Leave it",
        )
        return (blocks.actions(blocks.button("Undo", UNDO, key, confirm=confirm)),)

    def _undone(self, outcome: Changed, command: Entry, undone: Record) -> Message:
        """In place of the message whose button was pressed; or, after a command, as a message of its own."""
        lines = (
            # What it was and became, as this deal shows: of several, `undone` is the first.
            f"{mrkdwn.user(undone.user_id)} changed {self._deal(outcome.after)} "
            f"from {plain(outcome.after.status)} to {plain(outcome.before.status)}.",
            f"{mrkdwn.user(command.caller.user_id)} took that back: it is *{plain(outcome.after.status)}* again.",
            *self._more(outcome),
            _about_reason(outcome, command.wish),
        )
        message = _message(
            lines, (_reference(command.reference),), public=undone.public, replaces=bool(command.message_ts)
        )
        return replace(message, is_undo=True)

    # --- several at once -------------------------------------------------------------------------------------------

    def several(
        self, records: Sequence[Record], command: Entry, earlier: Sequence[Record], reasons: Sequence[LostReason]
    ) -> Message:
        """The one reply to several that were asked for at once; `command` is the first of them.

        `earlier`: those that were changed together, of which these take back some or all.
        `reasons`: those that may be chosen from, if that is what is missing.
        """
        taken_back = {record.undoes for record in records}
        rest = [record for record in earlier if record.key not in taken_back and not record.open_question]
        changed = [record for record in records if record.changed]
        rows = [*map(self._row, records), *map(self._row_of_rest, rest)]
        lines = [
            self._headline(records, command),
            *(f"• {row}" for row in rows),
            *filter(None, [_note(command) if changed else ""]),
        ]
        sections = ["\n".join(lines[at : at + LINES_PER_SECTION]) for at in range(0, len(lines), LINES_PER_SECTION)]
        small = _reference(command.reference)
        asks = any(record.open_question for record in records)
        message = Message(
            _with_small_print(lines, small),
            (
                *map(blocks.section, sections),
                *self._buttons_for_several(records, command, reasons),
                blocks.context(small),
            ),
            public=command.public if changed else self._policy.errors_in_channel and not asks,
            replaces=bool(changed and command.undoes and command.message_ts),
            is_undo=bool(changed and command.undoes),
        )
        if not changed or command.undoes:
            return message
        unsaid = any(record.after == Status.LOST and not record.lost_reason_id for record in changed)
        return self._announced(message, command, asks_why=unsaid)

    def _headline(self, records: Sequence[Record], command: Entry) -> str:
        who, status, total = mrkdwn.user(command.caller.user_id), command.wish.status, len(records)
        changed = sum(record.changed for record in records)
        asked = sum(record.outcome == "unconfirmed" for record in records)
        number = f"{changed}" if changed == total else f"{changed} of {total}"
        if changed and command.undoes:
            return f"{who} took {'a change' if total == 1 else f'{number} changes'} back:"
        if changed:
            return f"{who} changed {number} deals to *{status}*:"
        if asked:
            shared = f" {SHARED_CHANNEL}" if command.wish.consent is Consent.SHARED else ""
            return f"Shall {asked} of these {total} deals be *{status}*?{shared} {NOTHING_CHANGED} {AUTOMATIONS}"
        if any(record.outcome == "previewed" for record in records):
            return f"This is what would happen. {NOTHING_CHANGED} {AUTOMATIONS}"
        if any(record.outcome == "reason_wanted" for record in records):
            return (
                f"{_why('Why were these deals lost?', command.wish.reason)} {NOTHING_CHANGED} Choose a reason for them:"
            )
        if any(record.effect == Effect.UNKNOWN for record in records):
            return f"I cannot tell of all of these {total} deals whether they changed:"
        return f"None of these {total} deals was changed:"

    def _row(self, record: Record) -> str:
        """One of several, and what became of it."""
        deal = f"*{self._short(record)}*"
        after, before = plain(record.after or "?", SHORT), plain(record.before or "?", SHORT)
        match record.outcome:
            case "changed":
                return f"{deal}: {before} → *{after}*"
            case "already_so":
                return f"{deal}: is *{after}* already"
            case "overtaken":
                return f"{deal}: left alone, for it is *{after}* now"
            case "unconfirmed" | "previewed":
                return f"{deal}: still {before}, would become *{plain(record.status)}*"
            case "reason_wanted":
                return f"{deal}: not changed, because it needs a lost reason"
            case failure:
                unknown = record.effect == Effect.UNKNOWN
                effect = "I cannot tell whether it changed, so look at it." if unknown else "Not changed."
                return f"{deal}: {effect} {_what(str(failure or ''), record)}"

    def _row_of_rest(self, record: Record) -> str:
        """One of those that were asked for together with what is taken back now."""
        if not record.changed:
            return self._row(record)
        before, after = plain(record.before or "?", SHORT), plain(record.after or "?", SHORT)
        return f"*{self._short(record)}*: not taken back, {before} → *{after}*"

    def _buttons_for_several(
        self, records: Sequence[Record], command: Entry, reasons: Sequence[LostReason]
    ) -> Sequence[Block]:
        waiting = sum(record.outcome in {"unconfirmed", "previewed"} for record in records)
        undo = any(record.changed for record in records) and not command.undoes
        return (
            *(_reasons(reasons, command.key) if reasons else ()),
            *(_yes_or_no(f"Make {waiting} of them {command.wish.status}", command.key, no=not undo) if waiting else ()),
            *(self._undo_row("They become again what they were.", command.key) if undo else ()),
        )

    # --- what has to be asked --------------------------------------------------------------------------------------

    def _which_deal(self, outcome: Ambiguous, command: Entry) -> Message:
        name, status = code(command.wish.name), command.wish.status
        head = (
            f"Which deal shall be *{status}*? {name} fits more than one."
            if len(outcome.matches) > 1 or outcome.more
            else f"Is this the deal that shall be *{status}*? {name} fits it, but it is not open."
        )
        choices = [(deal, Choice(deal.id, command.key).value) for deal in outcome.matches]
        return self._picker((head, NOTHING_CHANGED), choices, CHOOSE, command.reference, more=outcome.more)

    def which_card(self, name: str, deals: Sequence[Opportunity], reference: str, *, more: bool) -> Message:
        """Several deals go by the name that somebody wants to see one by."""
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
        small = " · ".join((SEARCH_LAGS, _reference(reference)))
        lines = [self._choice(deal) for deal, _ in choices]
        shown = [blocks.section("\n".join(head))]
        for line, (_, value) in zip(lines, choices, strict=True):
            fits = _fits(value, blocks.VALUE_LIMIT)
            shown.append(blocks.section(line, blocks.button("This one", action, value) if fits else None))
        text = [*head, *(f"• {line}" for line in lines), rest]
        return Message(
            _with_small_print(text, small),
            (*shown, *([blocks.section(rest)] if rest else ()), blocks.context(small)),
            public=False,
        )

    def _choice(self, deal: Opportunity) -> str:
        return " · ".join(filter(None, (f"{self._deal(deal)} is {_is(deal)}", self._facts(deal))))

    def _which_reason(self, reasons: Sequence[LostReason], command: Entry) -> Message:
        deal = self._link(command.wish)
        what = _why(f"Why was {deal} lost?", command.wish.reason)
        listed = ", ".join(plain(reason.name, SHORT) for reason in reasons)
        return _message(
            (what, NOTHING_CHANGED, f"Choose one for {deal}: {listed}."),
            (_reference(command.reference),),
            public=False,
            buttons=_reasons(reasons, command.key),
        )

    def ask_why(self, reasons: Sequence[LostReason], change: Record) -> Message:
        """Ask whoever lost a deal, after it is done, for the reason; of several the `change` is the first."""
        what = "Why were these deals lost?" if change.batch else f"Why was *{self._short(change)}* lost?"
        lines = (f"{what} Choose a reason, and I add it in HighLevel.", REASONS_ELSEWHERE)
        buttons = _reasons(reasons, change.key)
        return _message(lines, (_reference(change.reference),), public=False, buttons=buttons)

    def _sure(self, deal: Opportunity, command: Entry) -> Message:
        status = command.wish.status
        shared = SHARED_CHANNEL if command.wish.consent is Consent.SHARED else ""
        lines = (
            f"{self._deal(deal)} is {_is(deal)}. Make it *{status}*{'' if shared else ' all the same'}?",
            shared,
            self._facts(deal),
            f"{NOTHING_CHANGED} {AUTOMATIONS}",
        )
        buttons = _yes_or_no(f"Make it {status}", command.key)
        return _message(lines, (_reference(command.reference),), public=False, buttons=buttons)

    def _preview(self, deal: Opportunity, command: Entry) -> Message:
        status, here = command.wish.status, command.caller.channel_id
        other = self._policy.announce_channels.get(status, here)
        where = mrkdwn.channel(here) + (f" and {mrkdwn.channel(other)}" if other != here else "")
        leaves = deal.status in self._policy.confirm.leaving
        lines = (
            f"{self._deal(deal)} is {_is(deal)}, and would become *{status}*.",
            self._facts(deal),
            f"You would be asked first, because it leaves {plain(deal.status)}." if leaves else "",
            f"It would be told in {where}. {AUTOMATIONS}",
            f"This was only a preview. {NOTHING_CHANGED}",
        )
        buttons = _yes_or_no(f"Make it {status}", command.key)
        return _message(lines, (_reference(command.reference),), public=False, buttons=buttons)

    def goes_on(self, reference: str, *, replaces: bool) -> Message:
        """To whoever answered a question; in its place, unless everybody sees it."""
        line = "Thank you. It goes on, and the result follows."
        return _message((line,), (_reference(reference),), public=False, replaces=replaces)

    def dismissed(self) -> Message:
        """In place of a question that somebody has said no to."""
        return _message((f"Left as it is. {NOTHING_CHANGED}",), (), public=False, replaces=True)

    def cannot_go_on(self, question: Record | None, reference: str) -> Message:
        """An answer to a question that has one already, or that nobody remembers."""
        what = (
            "That has been answered already: it goes on, or is done."
            if question
            else "I do not know any more what that was about."
        )
        then = f"To change a deal, type {code(f'{COMMAND} {USAGE_HINT}')}."
        return _message((what, "Nothing more was changed.", then), (_reference(reference),), public=False)

    # --- a deal's card ---------------------------------------------------------------------------------------------

    def card(self, deal: Opportunity, records: Sequence[Record], reference: str) -> Message:
        """What is known about a deal, for whoever asked; with what can be done about it."""
        past = [f"• {self._line(record)}" for record in records[:LINES_OF_CARD]]
        history = ["Last from Slack:", *past] if past else []
        buttons = self._card_buttons(deal) if _fits(deal.id, LONGEST_ID) else ()
        return _message((*self._card(deal), *history), (_reference(reference),), public=False, buttons=buttons)

    def shared_card(self, deal: Opportunity, caller: Caller, reference: str) -> Message:
        """The same for everybody in the channel, and with nothing to press."""
        lines = (f"{mrkdwn.user(caller.user_id)} shows you a deal:", *self._card(deal))
        return _message(lines, (_reference(reference),), public=True)

    def _card(self, deal: Opportunity) -> Sequence[str]:
        reason = f"Lost reason: {_named(deal)}" if deal.lost_reason_id else ""
        return (f"{self._deal(deal)} is {_is(deal)}.", self._facts(deal), reason)

    def _card_buttons(self, deal: Opportunity) -> Sequence[Block]:
        sure = deal.status in self._policy.confirm.leaving
        buttons = [
            blocks.button(
                f"Make it {status}",
                f"{SET}_{status}",
                StatusChoice(deal.id, status, Consent.GIVEN if sure else Consent.PRESUMED, self._away(deal)).value,
                confirm=blocks.Confirm(
                    title=f"Make it {status}?",
                    text=f"{plain(_first(deal.name, 'The deal'))} is {plain(deal.status)}. {AUTOMATIONS}",
                    confirm=f"Make it {status}",
                    deny="Leave it",
                )
                if sure
                else None,
            )
            for status in self._policy.offered
            if status in STATES and status != deal.status
        ]
        more = (
            blocks.link_button("Open in HighLevel", LINK, self._url(deal.id, deal.location_id)),
            blocks.button("Share in channel", SHARE, target_value(Target(deal.id, self._away(deal)))),
        )
        return (blocks.actions(*buttons, *more),)

    def no_card(self, failed: Failed, wish: Wish, reference: str) -> Message:
        """Why a deal cannot be shown."""
        hint = f"To change a deal, put one of {self._statuses} behind its name." if wish.name else ""
        return replace(self._failed(failed, wish, reference, hint), public=False)

    def cannot_open_form(self, reference: str) -> Message:
        """Slack did not open the form."""
        then = f"Try again, or type {code(f'{COMMAND} {USAGE_HINT}')} instead."
        lines = ("The form could not be opened: Slack did not take it in time.", NOTHING_CHANGED, then)
        return _message(lines, (_reference(reference),), public=False)

    def takes_long(self, reference: str) -> Message:
        """It takes longer than people expect, and the result is still to come."""
        lines = (
            "This takes longer than usual, and is not forgotten: your command is written down and waits for its turn or for an answer.",
            "I cannot tell yet whether anything changed. The result follows here.",
            "There is no need to type it again.",
        )
        return _message(lines, (_reference(reference),), public=False)

    def _failed(self, outcome: Failed, wish: Wish, reference: str, hint: str = "") -> Message:
        trouble = outcome.trouble
        sentences = FAILURES[trouble.cause]
        then = sentences.then
        if outcome.now and trouble.cause in {Cause.NO_ANSWER, Cause.CUT_OFF, Cause.GATEWAY}:
            then = PERHAPS_LATE
        elif outcome.effect is Effect.UNKNOWN and then == AGAIN_SOON:
            then = LOOK_FIRST
        elif outcome.effect is Effect.UNKNOWN and not then.startswith(LOOK):
            then = f"{LOOK} before you try again. {then}"
        what = sentences.what.format(id=code(wish.opportunity_id), name=code(wish.name))
        if trouble.reasons and trouble.cause is Cause.INVALID:
            what += f" It says: {plain('; '.join(trouble.reasons), 600).rstrip('.')}."
        then = then.format(admin=self._admin, wait=_wait(trouble, self._clock()), page=self._page)
        lines = (what, self._effect(outcome, wish), then, hint)
        public = self._policy.errors_in_channel and wish.consent is not Consent.SHARED
        return _message(lines, _small_print(reference, trouble), public=public)

    def _effect(self, outcome: Failed, wish: Wish) -> str:
        before, now = outcome.before, outcome.now
        match outcome.effect:
            case Effect.NOTHING if now:
                return (
                    f"I looked again: {self._deal(now)} is still *{plain(now.status)}*, so nothing has changed so far."
                )
            case Effect.NOTHING if before:
                return f"{NOTHING_CHANGED} {self._deal(before)} is still *{plain(before.status)}*."
            case Effect.NOTHING:
                return NOTHING_CHANGED
            case Effect.UNKNOWN if before and now:
                return f"{self._deal(now)} was *{plain(before.status)}* before, and is *{plain(now.status)}* now."
            case Effect.UNKNOWN:
                deal = (
                    self._deal(before)
                    if before
                    else mrkdwn.link(self._url(wish.opportunity_id, wish.location_id), "the deal")
                )
                return f"I cannot tell whether {deal} changed."
            case _:
                assert_never(outcome.effect)

    def _deal(self, opportunity: Opportunity) -> str:
        name = _first(opportunity.name, f"the deal {opportunity.id}")
        return f"*{mrkdwn.link(self._url(opportunity.id, opportunity.location_id), name)}*"

    def _link(self, wish: Wish) -> str:
        """A deal of which only this much is known."""
        if not wish.opportunity_id:
            return f"*{plain(wish.name)}*"
        return self._deal(Opportunity(wish.opportunity_id, "", wish.name or None, wish.location_id))

    def _short(self, record: Record) -> str:
        name = _first(record.name, record.called, record.opportunity_id)
        if not record.opportunity_id:
            return plain(name, SHORT)
        where = self._locations.mentioned(record.location_id)
        place = f" ({plain(where, SHORT)})" if where else ""
        return mrkdwn.link(self._url(record.opportunity_id, record.location_id), name, SHORT) + place

    def _url(self, opportunity_id: str, location_id: str | None) -> str:
        in_path = quote(opportunity_id, safe="", errors="replace")
        return f"{self._app_url}/v2/location/{location_id or self._locations.default}/opportunities/{in_path}"

    def _away(self, deal: Opportunity) -> str:
        """The sub-account of a deal, where it is not the default one."""
        return deal.location_id or "" if deal.location_id != self._locations.default else ""

    def _facts(self, opportunity: Opportunity) -> str:
        """What tells this deal from others, as far as it is known."""
        people = " of ".join(
            plain(name) for name in (opportunity.contact, opportunity.company) if name and name != opportunity.name
        )
        place = " › ".join(plain(name) for name in (opportunity.pipeline, opportunity.stage) if name)
        owner = f"owner {plain(opportunity.owner)}" if opportunity.owner else ""
        where = plain(self._locations.mentioned(opportunity.location_id))
        return " · ".join(filter(None, (self._value(opportunity.value), people, place, owner, where)))

    def _value(self, value: float | None) -> str:
        if not value:
            return ""
        amount = f"{value:,.2f}".removesuffix(".00")
        return f"{self._currency} {amount}" if self._currency else f"value {amount}"

    # --- commands that were not accepted ---------------------------------------------------------------------------

    def denied(self, reason: Reason, caller: Caller, reference: str) -> Message:
        """Somebody may not."""
        asks = reason is Reason.NOT_ALLOWED and self._admins
        how = "Or ask the admins with the button below." if asks else ""
        lines = (DENIALS[reason].what, NOTHING_CHANGED, self._whom_to_ask(reason, caller), how)
        buttons = [blocks.actions(blocks.button("Request access", REQUEST, "access"))] if asks else ()
        return _message(lines, (_reference(reference),), public=False, buttons=buttons)

    def _whom_to_ask(self, reason: Reason, caller: Caller) -> str:
        return DENIALS[reason].then.format(
            admin=self._admin, user=code(caller.user_id), channel=code(caller.channel_id), channels=self._channels
        )

    def misunderstood(self, misunderstood: Misunderstood, reference: str) -> Message:
        """The text asks for nothing the bot can do."""
        what = USAGE[misunderstood.problem].format(word=code(misunderstood.word), statuses=self._statuses)
        lines = (what, NOTHING_CHANGED, f"For example: `{COMMAND} {EXAMPLE_ID} won`. More with `{COMMAND} help`.")
        return _message(lines, (_reference(reference),), public=False)

    def cannot_look_up(self, reference: str) -> Message:
        """The ledger does not answer a question."""
        lines = (CANNOT_LOOK_UP.what, NOTHING_CHANGED, CANNOT_LOOK_UP.then.format(admin=self._admin))
        return _message(lines, (_reference(reference),), public=False)

    def not_accepted(self, cause: Cause, reference: str, *, perhaps: bool = False) -> Message:
        """The bot failed before it had accepted the command; `perhaps`: it may be written down all the same."""
        sentences = PERHAPS_WRITTEN if perhaps else FAILURES[cause]
        changed = PERHAPS_CARRIED_OUT if perhaps else NOTHING_CHANGED
        lines = (sentences.what, changed, sentences.then.format(admin=self._admin))
        return _message(lines, (_reference(reference),), public=False)

    def broken(self, reference: str) -> Message:
        """Something went wrong inside the bot, and nothing changed."""
        return self.not_accepted(Cause.UNEXPECTED, reference)

    def cannot_undo(self, refusal: UndoRefusal, change: Record | None, undo: Record | None, reference: str) -> Message:
        """Why a `change` is not taken back; `undo` is the command that does it already, or did."""
        if refusal in SPEAKS_FOR_ITSELF:
            return _message((self._why_not(refusal, change, undo),), (_reference(reference),), public=False)
        status = change.before if change and change.before in STATES else Status.OPEN
        then = f"To change a deal, type for example {code(f'{COMMAND} {change.opportunity_id if change else EXAMPLE_ID} {status}')}."
        return _message(
            (self._why_not(refusal, change, undo), NOTHING_CHANGED, then), (_reference(reference),), public=False
        )

    def _why_not(self, refusal: UndoRefusal, change: Record | None, undo: Record | None) -> str:
        when = mrkdwn.date(undo.finished_at) if undo and undo.finished_at else "a moment ago"
        return CANNOT_UNDO[refusal].format(
            window=_duration(self._policy.undo_window),
            before=plain(change.before or "something unknown") if change else "",
            user=mrkdwn.user(undo.user_id) if undo else "Somebody",
            when=when,
        )

    # --- who is let in ---------------------------------------------------------------------------------------------

    def asks_for_access(self, request: AccessRequest) -> Message:
        """To an admin: somebody wants to be let in."""
        lines = (
            f"{mrkdwn.user(request.user_id)} asks to change deals from Slack.",
            f"They asked in {mrkdwn.channel(request.channel_id)}, {mrkdwn.date(request.asked_at)}; their Slack id is {code(request.user_id)}.",
            "Whoever you let in can change every deal that I can, until an admin takes it back.",
        )
        return _message(lines, (_reference(request.reference),), public=False, buttons=_decisions(request))

    def request_sent(self, request: AccessRequest, *, replaces: bool) -> Message:
        """To whoever asked to be let in, in place of the refusal."""
        lines = (f"Your request was sent to {self._admins}.", "You will read what they decide in a direct message.")
        return _message(lines, (_reference(request.reference),), public=False, replaces=replaces)

    def request_waits(self, request: AccessRequest) -> Message:
        """To whoever asks again while the admins have not decided."""
        lines = (
            f"You asked {mrkdwn.date(request.asked_at)}, and nobody has decided yet.",
            f"The admins are {self._admins}.",
        )
        return _message(lines, (_reference(request.reference),), public=False)

    def request_rests(self, request: AccessRequest) -> Message:
        """To whoever asks again soon after a no."""
        then = "You can ask again a day after that; until then, speak with them."
        return _message((_decided(request, "you"), then), (_reference(request.reference),), public=False)

    def let_in_already(self, reference: str) -> Message:
        """To whoever asks to be let in, and may already."""
        then = f"Type {code(f'{COMMAND} {USAGE_HINT}')}, or `{COMMAND} help`."
        return _message(("You may change deals here already.", then), (_reference(reference),), public=False)

    def decision(self, request: AccessRequest) -> Message:
        """To whoever asked to be let in, or was let in: what an admin has decided."""
        hint = f"Type {code(f'{COMMAND} {USAGE_HINT}')}, or `{COMMAND} help`." if request.approved else ""
        return _message((_decided(request, "you"), hint), (_reference(request.reference),), public=False)

    def decided(self, request: AccessRequest, *, now: bool, replaces: bool) -> Message:
        """To the admin who pressed; `now`: it was this press that decided, and no other before."""
        who = mrkdwn.user(request.user_id)
        already = "" if now else "That was decided already, and your press changed nothing."
        lines = (already, _decided(request, who), f"{who} was told." if now else "")
        buttons = _revoking(request) if request.approved else ()
        return _message(lines, (_reference(request.reference),), public=False, buttons=buttons, replaces=replaces)

    def unknown_request(self, reference: str) -> Message:
        """To an admin who pressed about a request, or an approval, that is not there."""
        lines = ("I know of no such request or approval, so nothing was decided.", f"`{COMMAND} access` lists all.")
        return _message(lines, (_reference(reference),), public=False)

    def not_an_admin(self, reference: str) -> Message:
        """To somebody who wants what only admins may."""
        lines = (f"Only the admins may do that{f': {self._admins}' if self._admins else ''}.", NOTHING_CHANGED)
        return _message(lines, (_reference(reference),), public=False)

    def not_decided(self, reference: str) -> Message:
        """The database did not take it in time. A second press does no harm."""
        lines = (
            "I cannot write that down at the moment: the bot's database does not answer.",
            f"Press again in a minute. If it goes on, please tell {self._admin}.",
        )
        return _message(lines, (_reference(reference),), public=False)

    def access(self, standing: Sequence[AccessRequest]) -> Message:
        """To an admin: who asks, and who was let in."""
        if not standing:
            return _message(("Nobody asks to be let in, and nobody was let in by an admin.",), (), public=False)
        shown = standing[:ROWS_OF_ACCESS]
        head = "Who asks to be let in, and who was let in by an admin; not who is named in the settings or by a group:"
        more = "There are more: `python -m bot access` lists all." if len(standing) > len(shown) else ""
        lines = [f"• {_standing(each)}" for each in shown]
        rows = [
            block
            for line, each in zip(lines, shown, strict=True)
            for block in (blocks.section(line), *(_revoking(each) if each.approved else _decisions(each)))
        ]
        text = "\n".join(filter(None, (head, *lines, more)))
        around = [blocks.section(more)] if more else []
        return Message(mrkdwn.fit(text, blocks.TEXT_LIMIT), (blocks.section(head), *rows, *around), public=False)

    # --- answers to questions --------------------------------------------------------------------------------------

    # --- sub-accounts ----------------------------------------------------------------------------------------------

    def in_use(self, location_id: str, reference: str) -> Message:
        """In which sub-account the channel works, and which there are."""
        names = ", ".join(plain(self._locations.name(each)) for each in self._locations.ids)
        lines = (
            f"Deals are looked for in *{plain(self._locations.name(location_id))}* here. A link finds its own.",
            f"There are: {names}.",
            f"An admin changes it with {code(f'{COMMAND} use <name>')}, for this channel.",
        )
        return _message(lines, (_reference(reference),), public=False)

    def uses(self, location_id: str, caller: Caller, reference: str) -> Message:
        """From now on the channel works in this sub-account."""
        who, name = mrkdwn.user(caller.user_id), plain(self._locations.name(location_id))
        lines = (
            f"{who} has set this channel to *{name}*: deals are looked for there from now on.",
            "A link finds its own sub-account wherever it is pasted. No deal was changed.",
        )
        return _message(lines, (_reference(reference),), public=True)

    def no_such_location(self, name: str, reference: str) -> Message:
        """None is called so, or more than one."""
        names = ", ".join(plain(self._locations.name(each)) for each in self._locations.ids)
        lines = (
            f"{code(name)} is none of the sub-accounts that I work in, or not enough of its name.",
            "Nothing was changed.",
            f"Use one of: {names}.",
        )
        return _message(lines, (_reference(reference),), public=False)

    def help(self) -> Message:
        """How it works."""
        undo = f"`{COMMAND} undo` takes your last change back. " if self._policy.undo_window else ""
        where = f"`{COMMAND} use` tells in which sub-account this channel works." if self._locations.others else ""
        failing = (
            "when it fails, they see that too" if self._policy.errors_in_channel else "when it does not, only you do"
        )
        lines = (
            "Change a deal's status in HighLevel, in front of your team.",
            code(f"{COMMAND} {USAGE_HINT}"),
            "• *The deal*: its name, contact, company, e-mail or phone number, as HighLevel's search finds them; or the link from its page. A name with a status in it goes into quotes.",
            f"• *The status*: {self._statuses}. Behind `lost` there may be a lost reason.",
            f"When it works, everybody in the channel sees it; {failing}.",
            f"{code(f'{COMMAND} <deal>')} alone shows the deal, `{COMMAND}` alone opens a form, and a `?` at the end only shows what would happen. Up to {MOST_AT_ONCE} links or ids at once are changed together.",
            where,
            f"{undo}`{COMMAND} history` shows your last ten commands, and with a deal behind it that deal's. "
            f"`{COMMAND} whoami` tells whether you may. For anything else ask {self._admin}.",
        )
        return _message(lines, (), public=False)

    def whoami(self, caller: Caller, decision: Allowed | Denied) -> Message:
        """Who the bot takes the caller for, and what they may."""
        who = f"You are {mrkdwn.user(caller.user_id)}; your Slack id is {code(caller.user_id)}."
        where = f"This channel's id is {code(caller.channel_id)}, the workspace's {code(caller.team_id)}."
        match decision:
            case Allowed(way, group, approved):
                by, at = (mrkdwn.user(approved.by), mrkdwn.date(approved.at)) if approved else ("", "")
                may = f"You may change deals here. {WAYS[way].format(group=code(group), by=by, at=at)}"
            case Denied(reason):
                may = f"You may not change deals here. {DENIALS[reason].what} {self._whom_to_ask(reason, caller)}"
            case _:
                assert_never(decision)
        return _message((who, where, may), (), public=False)

    def history(self, records: Sequence[Record], asked: ShowHistory) -> Message:
        """What the ledger knows about somebody's commands, everybody's, or those about one deal; latest first."""
        name = next((record.name for record in records if record.name), None)
        if asked.opportunity_id:
            where = next((record.location_id for record in records if record.location_id), None)
            whose = f"about {self._deal(Opportunity(asked.opportunity_id, '', name, where))}"
        elif asked.everybody:
            whose = "of all people"
        else:
            whose = f"of {mrkdwn.user(asked.user_id)}" if asked.user_id else "of yours"
        if not records:
            return _message((f"I know of no command {whose}.",), (), public=False)
        head = (
            f"The last {len(records)} commands {whose}, latest first:"
            if len(records) > 1
            else f"The one command {whose}:"
        )
        lines = [head, *(f"• {self._line(record)}" for record in records)]
        parts = [
            "\n".join(lines[start : start + LINES_PER_SECTION]) for start in range(0, len(lines), LINES_PER_SECTION)
        ]
        text = mrkdwn.fit("\n".join(lines), blocks.TEXT_LIMIT)
        return Message(text, tuple(blocks.section(part) for part in parts), public=False)

    def _line(self, record: Record) -> str:
        parts = (
            mrkdwn.date(record.at),
            mrkdwn.user(record.user_id),
            f"*{self._short(record)}*",
            _became(record),
            "the reply could not be delivered" if record.delivered == DeliveryWay.UNDELIVERED else "",
            plain(record.reference),
        )
        return " · ".join(filter(None, parts))


def _became(record: Record) -> str:
    """What became of a command, in a few words."""
    back = "taken back, " if record.undoes else ""
    match record.outcome:
        case None:
            return f"to {plain(record.status)}: under way"
        case "changed" if not record.changed:
            return "its lost reason was added"
        case "changed":
            return f"{back}{plain(record.before or '?')} → *{plain(record.after or '?')}*"
        case "ambiguous":
            return f"to {plain(record.status)}: the name fitted more than one"
        case "reason_wanted":
            return f"to {plain(record.status)}: not done, its lost reason was missing"
        case "unconfirmed":
            return f"to {plain(record.status)}: not done, it was to be confirmed"
        case "previewed":
            return f"preview: {plain(record.before or '?')} would become {plain(record.status)}"
        case "already_so":
            return f"was {plain(record.status)} already"
        case "overtaken":
            return f"not taken back: it was {plain(record.after or '?')} by then"
        case failure:
            return f"to {plain(record.status)}: failed, {plain(str(failure).replace('_', ' '))}"


def _decided(request: AccessRequest, who: str) -> str:
    """What an admin has decided about somebody, in a sentence."""
    by, at = mrkdwn.user(request.decided_by or ""), mrkdwn.date(request.decided_at or request.asked_at)
    match request.state:
        case RequestState.OPEN:
            return f"Nobody has decided yet about the request of {at}."
        case RequestState.APPROVED:
            return f"{by} let {who} in, {at}: {who} may change deals from Slack."
        case RequestState.DECLINED:
            return f"{by} declined the request to let {who} in, {at}."
        case RequestState.REVOKED:
            by = "the operator" if request.revoked_by == OPERATOR else mrkdwn.user(request.revoked_by or "")
            at = mrkdwn.date(request.revoked_at or request.asked_at)
            return f"{by} took back that {who} may change deals from Slack, {at}."
        case _:
            assert_never(request.state)


def _standing(request: AccessRequest) -> str:
    who = f"{mrkdwn.user(request.user_id)} ({code(request.user_id)})"
    if approved := request.approved:
        return f"{who} may: let in by {mrkdwn.user(approved.by)}, {mrkdwn.date(approved.at)}"
    return f"{who} asks, {mrkdwn.date(request.asked_at)}, in {mrkdwn.channel(request.channel_id)}"


def _decisions(request: AccessRequest) -> Sequence[Block]:
    if not _fits(request.reference, blocks.VALUE_LIMIT):
        return ()
    return (
        blocks.actions(
            blocks.button("Approve", APPROVE, request.reference, style="primary"),
            blocks.button("Decline", DECLINE, request.reference),
        ),
    )


def _revoking(request: AccessRequest) -> Sequence[Block]:
    if not _fits(request.user_id, blocks.VALUE_LIMIT):
        return ()
    confirm = blocks.Confirm(
        title="Take it back?",
        text=f"{mrkdwn.user(request.user_id)} may change no deals from Slack then, unless a setting or a group lets them.",
        confirm="Take it back",
        deny="Leave it",
    )
    return (blocks.actions(blocks.button("Revoke", REVOKE, request.user_id, confirm=confirm, style="danger")),)


def _first(*names: str | None) -> str:
    """The first of these texts of which anything can be seen."""
    return next((name for name in names if name and plain(name)), mrkdwn.NOTHING)


def _is(deal: Opportunity) -> str:
    """A deal's status, and since when."""
    since = f" since {mrkdwn.date(deal.since)}" if deal.since else ""
    return f"*{plain(deal.status)}*{since}"


def _named(deal: Opportunity) -> str:
    """A deal's lost reason, which may be known by its id only."""
    return plain(_first(deal.lost_reason, "one whose name HighLevel does not tell"))


def _about_reason(outcome: Changed, wish: Wish) -> str:
    """What became of the lost reason, where there is one, was one or should be one."""
    before, after = outcome.before, outcome.after
    if after.status == Status.LOST:
        if after.lost_reason_id:
            return f"Lost reason: {_named(after)}"
        if wish.lost_reason_id:
            return "HighLevel does not show the lost reason that was sent with it."
        if wish.reason:
            return (
                f"Said: {code(wish.reason)}. It is not in HighLevel: there are no lost reasons, or I may not read them."
            )
    elif before.lost_reason_id and after.lost_reason_id:
        return f"HighLevel keeps its lost reason: {_named(after)}"
    elif before.lost_reason_id:
        return "Its lost reason was cleared."
    return ""


def _why(question: str, words: str) -> str:
    """What is asked of somebody who gave no lost reason, or one in words that are none."""
    return f"{code(words)} is not one of HighLevel's lost reasons." if words else question


def _fits(value: str, limit: int) -> bool:
    """Whether Slack can carry it and bring it back."""
    return 0 < len(value) <= limit and value.isprintable()


def _note(command: Entry) -> str:
    return f"&gt; {plain(command.note, NOTE_LIMIT)}" if command.note else ""


def _yes_or_no(yes: str, key: str, *, no: bool = True) -> Sequence[Block]:
    """`no`: whether the question can be put away; not where it stands in a message that tells of more."""
    if not _fits(key, blocks.VALUE_LIMIT):
        return ()
    leave = [blocks.button("Leave it", DISMISS, "no")] if no else []
    return (blocks.actions(blocks.button(yes, CONFIRM, key), *leave),)


def _reasons(reasons: Sequence[LostReason], key: str) -> Sequence[Block]:
    if not _fits(key, blocks.BLOCK_ID_LIMIT):
        return ()
    options = [inputs.Option(reason.name, reason.id) for reason in reasons if inputs.is_value(reason.id)]
    if not options:
        return ()
    return (blocks.actions(inputs.select(REASON, options, "Lost reason"), block_id=key),)


def _what(failure: str, record: Record) -> str:
    """What happened, of a failure as the ledger knows it."""
    if failure not in FAILURES:
        return ""
    return FAILURES[Cause(failure)].what.format(id=code(record.opportunity_id), name=code(record.called or ""))


def _with_small_print(lines: Sequence[str], small: str) -> str:
    paragraph = "\n".join(filter(None, lines))
    return f"{mrkdwn.fit(paragraph, blocks.TEXT_LIMIT - len(small) - 1)}\n{small}".strip()


def _duration(window: timedelta) -> str:
    minutes = round(window.total_seconds() / 60)
    for unit, length, least in (("day", 24 * 60, 2), ("hour", 60, 1)):
        if minutes >= least * length and minutes % length == 0:
            return f"{minutes // length} {unit}{'s' if minutes > length else ''}"
    return f"{minutes} minute{'s' if minutes != 1 else ''}"


def _message(
    lines: Sequence[str],
    small_print: Sequence[str],
    *,
    public: bool,
    buttons: Sequence[Block] = (),
    replaces: bool = False,
) -> Message:
    small = " · ".join(small_print)
    paragraph = "\n".join(filter(None, lines))
    shown = (blocks.section(paragraph), *buttons, *([blocks.context(small)] if small else ()))
    return Message(_with_small_print(lines, small), shown, public, replaces)


def _reference(reference: str) -> str:
    return f"Reference {plain(reference)}"


def _small_print(reference: str, trouble: Trouble) -> tuple[str, ...]:
    trace = f"HighLevel trace {plain(trouble.trace_id)}" if trouble.trace_id else ""
    return tuple(filter(None, (_reference(reference), plain(trouble.code), trace)))


def _wait(trouble: Trouble, now: datetime) -> str:
    """How long to wait, in the words of a person, who may read them later: so a long wait says until when."""
    seconds = trouble.retry_after
    if seconds is None:
        return "tomorrow" if trouble.cause is Cause.DAILY_LIMIT else "in a minute"
    if seconds < 1.5:  # noqa: PLR2004 - from here on there are several seconds, minutes, hours
        return "in a second"
    if seconds < 90:  # noqa: PLR2004
        return f"in {round(seconds)} seconds"
    if seconds < 90 * 60:
        return f"in {round(seconds / 60)} minutes"
    return f"in {round(seconds / 3600)} hours, {mrkdwn.date(now + timedelta(seconds=seconds))}"
