"""The tables of words: what went wrong, why a person is denied, how a command is typed. Words only.

A failure says three things: what happened; whether anything changed; what to do next, and who can do it. HTTP codes are
not in a sentence: they stand in the small print, with the reference that the log has too.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.access.rules import Reason, Way
from bot.commands.record import UndoRefusal
from bot.commands.request import MOST_AT_ONCE, Problem
from bot.deals.deal import Status
from bot.deals.outcome import Cause

CHEER, UNDONE, WARNING, LOCK = "🎉", "↩️", "⚠️", "🔒"
"""The emoji that a message may begin with. Lost, abandoned and reopened have none: the team reads them."""

VERB: Mapping[Status, str] = {
    Status.OPEN: "Reopen",
    Status.WON: "Mark won",
    Status.LOST: "Mark lost",
    Status.ABANDONED: "Mark abandoned",
    Status.ALL: "Mark all",  # for an operator who offers it; HighLevel answers what it makes of it
}
"""What a button says that gives a deal this status, and what confirms it."""

FOR_ADMINS = "For admins:"
"""Begins the only lines in which names of settings, scopes and commands for the server stand."""


@dataclass(frozen=True, slots=True)
class Sentences:
    """What happened, and what to do next. In all, `{admin}` is the person to ask for help."""

    what: str
    then: str
    for_admins: str = ""
    """What stands in the small print after `FOR_ADMINS`; empty for nothing."""


AGAIN_SOON = "Try again in a minute."

AGAIN_LATER = "Try again {wait}."
"""The same, where HighLevel may say when."""

TELL = "Keeps happening? Tell {admin}"
"""In the small print, where trying again is likely to help."""

ONLY_ADMIN = "Only {admin} can fix this, so send them this message."

RECONNECT = "Only {admin} can reconnect it, so send them this message."

WITH_REFERENCE = "Send {admin} the reference below."

FAILURES: Mapping[Cause, Sentences] = {
    Cause.NOT_FOUND: Sentences(
        "No deal has the ID {id} in this HighLevel account.",
        "IDs are 20 characters and case-sensitive. It's easier to paste the deal's link.",
    ),
    Cause.NO_MATCH: Sentences(
        "No deals match {name}.",
        "Check the spelling, try the contact or company, or paste the deal's link. New deals can take a few seconds to show up.",
    ),
    Cause.TOKEN_INVALID: Sentences(
        "Opp Status can't sign in to HighLevel.",
        ONLY_ADMIN,
        "the token in `HIGHLEVEL_TOKEN` is mistyped, revoked, or expired.",
    ),
    Cause.RECONNECT: Sentences(
        "Opp Status isn't connected to HighLevel.",
        RECONNECT,
        "run `python -m bot connect`, then open the link on {page}.",
    ),
    Cause.APP_UNKNOWN: Sentences(
        "HighLevel doesn't recognize Opp Status's client ID or secret.",
        ONLY_ADMIN,
        "check `HIGHLEVEL_CLIENT_ID` and `HIGHLEVEL_CLIENT_SECRET`.",
    ),
    Cause.NOT_RENEWED: Sentences("Opp Status's access to HighLevel expired and hasn't renewed yet.", AGAIN_SOON),
    Cause.SCOPE_MISSING: Sentences(
        "Opp Status doesn't have permission to do that in HighLevel.",
        ONLY_ADMIN,
        "turn on View Opportunities and Edit Opportunities for the token.",
    ),
    Cause.TOKEN_ELSEWHERE: Sentences(
        "This deal is in a sub-account that Opp Status can't open.",
        "If it's one of your deals, tell {admin}.",
        "`HIGHLEVEL_TOKEN` and `HIGHLEVEL_LOCATION_ID` must belong to the deal's sub-account.",
    ),
    Cause.NOT_OURS: Sentences(
        "This deal is in a sub-account that Opp Status isn't set up for.",
        "If it should be, ask {admin} to add it.",
        "see `HIGHLEVEL_LOCATIONS`.",
    ),
    Cause.VERSION_REFUSED: Sentences(
        "HighLevel no longer supports the API version Opp Status uses.",
        ONLY_ADMIN,
        "update or remove `HIGHLEVEL_API_VERSION`.",
    ),
    Cause.BLOCKED: Sentences("HighLevel's network blocked the request.", AGAIN_SOON),
    Cause.FORBIDDEN: Sentences("HighLevel refused the request.", ONLY_ADMIN),
    Cause.INVALID: Sentences("HighLevel rejected the request.", "Not sure what to do? Send this message to {admin}."),
    Cause.WRONG_ADDRESS: Sentences(
        "Opp Status has the wrong address for HighLevel.", ONLY_ADMIN, "check `HIGHLEVEL_API_URL`."
    ),
    Cause.RATE_LIMITED: Sentences("HighLevel is getting too many requests right now.", AGAIN_LATER),
    Cause.DAILY_LIMIT: Sentences(
        "Opp Status used up today's HighLevel requests.",
        "Try again {wait}, or update the deal in HighLevel. If this happens often, tell {admin}.",
    ),
    Cause.NO_NAME: Sentences("Can't reach HighLevel: its address didn't resolve.", AGAIN_SOON),
    Cause.NO_TLS: Sentences("Can't make a secure connection to HighLevel.", ONLY_ADMIN),
    Cause.NO_CONNECTION: Sentences("Can't reach HighLevel right now.", AGAIN_SOON),
    Cause.CONNECT_TIMEOUT: Sentences("Can't reach HighLevel: the connection timed out.", AGAIN_SOON),
    Cause.OUT_OF_TIME: Sentences("HighLevel was too slow, so the change wasn't sent.", AGAIN_SOON),
    Cause.NO_ANSWER: Sentences("HighLevel didn't respond in time.", AGAIN_SOON),
    Cause.CUT_OFF: Sentences("The connection to HighLevel dropped before it responded.", AGAIN_SOON),
    Cause.SERVER_ERROR: Sentences("HighLevel is having problems right now.", AGAIN_LATER),
    Cause.GATEWAY: Sentences("HighLevel timed out.", AGAIN_LATER),
    Cause.UNREADABLE: Sentences(
        "HighLevel sent back something unreadable. It may be down for maintenance.", AGAIN_SOON
    ),
    Cause.SAID_NO: Sentences("HighLevel got the request, but said it didn't go through.", AGAIN_SOON),
    Cause.NO_EFFECT: Sentences(
        "HighLevel accepted the change, but the deal didn't move.",
        "Check the deal in HighLevel. An automation may have set it back, or a teammate may have updated it first.",
    ),
    Cause.NOT_CONFIRMED: Sentences(
        "HighLevel accepted the change, but Opp Status couldn't confirm it.",
        "Check the deal before you try again.",
    ),
    Cause.INTERRUPTED: Sentences(
        "Opp Status restarted during this change, and now the deal has a different status.",
        "Check the deal in HighLevel. A teammate or an automation may have updated it.",
    ),
    Cause.PARKED: Sentences("Opp Status tried this several times and couldn't finish.", WITH_REFERENCE),
    Cause.TOO_LATE: Sentences(
        "Opp Status was down for more than an hour, so this command didn't run.", "Still want it? Run it again."
    ),
    Cause.STORE_DOWN: Sentences(
        "Opp Status can't save its records right now, so it isn't changing any deals.", AGAIN_SOON
    ),
    Cause.UNEXPECTED: Sentences("Something went wrong in Opp Status. It wasn't your command.", WITH_REFERENCE),
}

GONE = "{deal} isn't in HighLevel anymore. It may have been deleted."
"""A deal that the person picked, pressed or wants to undo, and whose name is known, has gone meanwhile."""

CHECK = "Check the deal"

CHECK_FIRST = f"{CHECK} before you try again."
"""What to do when it is unknown whether the deal changed."""

PERHAPS_LATE = "It may just be slow. Check the deal before you try again."
"""What to do after a change that HighLevel did not answer, and that did not show when Opp Status looked again."""

RAN_AGAIN = "That already ran again."

FORGOTTEN = "That command is no longer on record. To run it, type it again."

CANNOT_LOOK_UP = Sentences("Can't look that up right now.", AGAIN_SOON)

PERHAPS_WRITTEN = Sentences(
    "It isn't clear whether your command was saved.", "Wait a minute and check the deal before you run it again."
)

PERHAPS_CARRIED_OUT = "Nothing has changed yet. If it was saved, it'll run soon and the result will show up here."

TAKES_LONG = "Still working on it. The result will show up here."

CANNOT_UNDO: Mapping[UndoRefusal, str] = {
    UndoRefusal.NONE_YET: "You haven't changed any deals from Slack yet, so there's nothing to undo.",
    UndoRefusal.UNKNOWN: "That change is no longer on record, so it can't be undone.",
    UndoRefusal.NOT_DONE: "Your last command is still running. The result will show up here.",
    UndoRefusal.UNSURE: "It isn't clear whether your last command changed the deal, so it can't be undone safely. Check the deal first.",
    UndoRefusal.NO_CHANGE: "That command didn't change anything, so there's nothing to undo.",
    UndoRefusal.SWITCHED_OFF: "Undo is turned off here.",
    UndoRefusal.TOO_OLD: "You can undo a change for {window}, and that one is older.",
    UndoRefusal.NO_STATUS: "The deal used to be {before}, and Opp Status can't set that status.",
    UndoRefusal.UNDER_WAY: "{user_is} already undoing that.",
    UndoRefusal.DONE: "{user} already undid that ({when}).",
}
"""Why a change is not undone: `{user}` is who undid it already, `{user_is}` who does, `{before}` the status that the deal had."""

SPEAKS_FOR_ITSELF = {UndoRefusal.NOT_DONE, UndoRefusal.UNDER_WAY, UndoRefusal.DONE}
"""Refusals that say all: the message adds neither that nothing was changed, which would be wrong, nor what to do."""

DENIALS: Mapping[Reason, Sentences] = {
    Reason.NOT_ALLOWED: Sentences(
        "You don't have access to change deals from Slack yet.",
        "Ask {admin} to add you. Your Slack ID is {user}.",
    ),
    Reason.NOBODY_ALLOWED: Sentences(
        "No one can change deals from Slack yet. Setup isn't finished.",
        "Ask {admin} to finish setup. Your Slack ID is {user}.",
        "set `ALLOWED_USERS` or `ADMINS`.",
    ),
    Reason.WRONG_CHANNEL: Sentences(
        "You can't change deals from this channel.",
        "Try {channels}, or ask {admin} to turn on this channel.",
        "this channel's ID is {channel}.",
    ),
    Reason.WRONG_WORKSPACE: Sentences(
        "Opp Status is set up for a different Slack workspace.",
        "Ask the person who installed it to set it up here.",
    ),
    Reason.WORKSPACE_UNKNOWN: Sentences(
        "Opp Status is still starting up.",
        "Try again in a minute. If it keeps happening, tell {admin}.",
        "check `SLACK_BOT_TOKEN`.",
    ),
    Reason.GROUPS_UNKNOWN: Sentences(
        "Slack didn't say which user groups you're in, so your access can't be checked.",
        "Try again in a minute. If it keeps happening, tell {admin}. Your Slack ID is {user}.",
    ),
    Reason.APPROVALS_UNKNOWN: Sentences(
        "Can't check your access right now.", "Try again in a minute. If it keeps happening, tell {admin}."
    ),
    Reason.PERSON_UNKNOWN: Sentences(
        "Slack didn't confirm that you're a full member, so your access can't be checked.",
        "Try again in a minute. If it keeps happening, ask {admin} to add you. Your Slack ID is {user}.",
        "people in `ALLOWED_USERS` need no check.",
    ),
    Reason.STRANGER: Sentences(
        "Only people in this workspace can change its deals.", "Ask someone on this team to update the deal."
    ),
    Reason.GUEST: Sentences(
        "Guests can't request access to change deals.",
        "If you need it, ask {admin} to add you. Your Slack ID is {user}.",
        "guests can be added to `ALLOWED_USERS`.",
    ),
    Reason.BOT: Sentences("Bots can't change deals.", "Ask a person to run the command."),
    Reason.GONE: Sentences(
        "Slack says your account is deactivated, so you no longer have access.",
        "If that's wrong, tell {admin}. Your Slack ID is {user}.",
    ),
    Reason.TOO_FAST: Sentences("That's more than 20 commands in a minute.", "Wait a minute, then try again."),
}

WAYS: Mapping[Way, str] = {
    Way.ADMIN: "You're an admin.",
    Way.LIST: "You're on the access list.",
    Way.GROUP: "You're in the {group} user group.",
    Way.APPROVAL: "{by} approved you {at}.",
}
"""Why a caller may change deals."""

USAGE: Mapping[Problem, str] = {
    Problem.NO_STATUS: "What should these deals be? Add {statuses} at the end.",
    Problem.NO_OPPORTUNITY: "Which deal? Put its name or link before {word}.",
    Problem.UNKNOWN_STATUS: "{word} isn't a status. Use {statuses}.",
    Problem.ALL_IS_NO_STATUS: "`all` isn't a deal status. Use {statuses}.",
    Problem.STATUS_NOT_OFFERED: "Setting deals to {word} is turned off here. Use {statuses}.",
    Problem.NAME_TOO_SHORT: "{word} is too short to search for. Type more of the name, or paste the deal's link.",
    Problem.TOO_MANY: f"That's {{word}} deals. You can change up to {MOST_AT_ONCE} at once.",
    Problem.LINK_WITHOUT_ID: "That link isn't to a deal. Open the deal in HighLevel and copy its link.",
    Problem.OTHER_LOCATION: "That deal is in a different HighLevel sub-account ({word}).",
    Problem.UNDO_STANDS_ALONE: (
        "`undo` reverses your last change and nothing else. To undo another one, use Undo on its message."
    ),
    Problem.PERSON_IS_NO_DEAL: "{word} is a person, not a deal. Type the deal's name, or paste its link.",
    Problem.HISTORY_OF_WHAT: (
        "No deals match {word}. Try `{command} history` for your own changes, or add a deal's link."
    ),
    Problem.SEVERAL_STATUSES: (
        "That's too many changes with different statuses. Send one status at a time: `{command} Acme Corp, Globex won`."
    ),
    Problem.TOO_MUCH: "Not sure what to do with {word}. Put the status last: `{command} Acme Corp won`.",
}

GOES_ON = "On it…"

NOTHING_CHANGED = "Nothing changed."

SHARED_CHANNEL = "This channel is shared with another company. They'd see the deal's name, value, contact, and owner."

AUTOMATIONS = "HighLevel automations may run and message the customer."

REASONS_ELSEWHERE = "Manage lost reasons in HighLevel: Settings › Custom Fields › Lost Reason."

SEARCH_LAGS = "Changes from the last few seconds can take a moment to show."


@dataclass(frozen=True, slots=True)
class FormWords:
    """Every word that the form shows."""

    title: str = "Update a deal"
    submit: str = "Update deal"
    close: str = "Cancel"
    deal: str = "Deal"
    deal_placeholder: str = "Search by name, contact, or company"
    last_deal: str = "Your last deal. To update another one, type here."
    status: str = "New status"
    reason: str = "Lost reason"
    reason_placeholder: str = "Pick a reason"
    note: str = "Note"
    note_hint: str = "Posted with the update in Slack. It isn't added to the deal in HighLevel."
    post: str = "Share"
    post_here: str = "Post the update in this channel"
    post_otherwise: str = "If you clear this, only you see it"
    unavailable: str = "HighLevel isn't responding. Keep typing to try again."
    nameless: str = "Deal {id}"
    no_deal: str = "Type a few letters, then pick a deal from the list."
    no_answer: str = "HighLevel didn't respond. Type again, then pick a deal from the list."
    no_status: str = "Pick a status."
    not_offered: str = "Setting deals to {status} is turned off here. Pick another status."
    no_reason: str = "Pick a lost reason."
    not_written: str = "Couldn't save this, so nothing changed. Wait a minute and try again."
    perhaps_written: str = (
        "It isn't clear whether this was saved. Close the form, wait a minute, and check the deal before you try again."
    )
    broken: str = "Something went wrong and nothing changed. Try again, or type the command. Ref {reference}"
    broken_option: str = "Something went wrong. Ref {reference}"
    note_too_long: str = "That's {length} characters. The limit is {most}."


FORM_WORDS = FormWords()
