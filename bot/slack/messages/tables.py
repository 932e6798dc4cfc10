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
}
"""What a button says that gives a deal this status, and what confirms it."""


@dataclass(frozen=True, slots=True)
class Sentences:
    """What happened, and what to do next. In both, `{admin}` is the person who looks after the bot."""

    what: str
    then: str


AGAIN_SOON = "Try again in a minute. If it goes on, please tell {admin}."

AGAIN_LATER = "Try again {wait}. If it goes on, please tell {admin}."
"""The same, where HighLevel may say when."""

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
    Cause.FORBIDDEN: Sentences("HighLevel refused this.", f"{FOR_THE_ADMIN}."),
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
    Cause.SERVER_ERROR: Sentences("HighLevel has a problem of its own and could not do this.", AGAIN_LATER),
    Cause.GATEWAY: Sentences("The network in front of HighLevel gave up waiting for HighLevel's answer.", AGAIN_LATER),
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
"""What to do when it is unknown whether the deal changed."""

PERHAPS_LATE = "It may only be slow: look at the deal before you try again."
"""What to do after a change that HighLevel did not answer, and that did not show when the bot looked again."""

CANNOT_LOOK_UP = Sentences("I cannot look that up at the moment: the bot's database does not answer.", AGAIN_SOON)

PERHAPS_WRITTEN = Sentences(
    "The bot's database did not answer while your command was being written down.",
    "Wait a minute, and look at the deal before you type it again. If it goes on, please tell {admin}.",
)

PERHAPS_CARRIED_OUT = "Nothing has been changed so far. If it was written down after all, it is carried out soon, and you read the result here."

TAKES_LONG = (
    "This takes longer than usual, and is not forgotten: your command is written down and waits for its turn or for an answer.",
    "I cannot tell yet whether anything changed. The result follows here.",
    "There is no need to type it again.",
)

CANNOT_UNDO: Mapping[UndoRefusal, str] = {
    UndoRefusal.NONE_YET: "You have not changed any deal from Slack that I know of, so there is nothing to take back.",
    UndoRefusal.UNKNOWN: "I do not know that change any more, so I cannot take it back.",
    UndoRefusal.NOT_DONE: "Your last command is still under way, so there is nothing to take back yet. Its result follows.",
    UndoRefusal.UNSURE: "I could not tell whether your last command changed the deal, so I do not take it back blindly.",
    UndoRefusal.NO_CHANGE: "That command changed nothing that could be taken back.",
    UndoRefusal.SWITCHED_OFF: "Taking changes back is switched off here.",
    UndoRefusal.TOO_OLD: "That change is older than {window}, and only younger ones can be taken back like this.",
    UndoRefusal.NO_STATUS: "The deal was {before} before, and that is no status that I can set.",
    UndoRefusal.UNDER_WAY: "{user} is taking that back at this moment; your press adds nothing to it.",
    UndoRefusal.DONE: "{user} has taken that back already, {when}. Your press changed nothing more.",
}
"""Why a change is not undone: `{user}` is who undid it already, `{before}` the status that the deal had."""

SPEAKS_FOR_ITSELF = {UndoRefusal.NOT_DONE, UndoRefusal.UNDER_WAY, UndoRefusal.DONE}
"""Refusals that say all: the message adds neither that nothing was changed, which would be wrong, nor what to do."""

DENIALS: Mapping[Reason, Sentences] = {
    Reason.NOT_ALLOWED: Sentences(
        "You are not on the list of people who may change deals from Slack.",
        "Ask {admin} to add you; your Slack id is {user}.",
    ),
    Reason.NOBODY_ALLOWED: Sentences(
        "No one may change deals from Slack yet: the list of people who may is empty.",
        "Ask {admin} to set `ALLOWED_USERS`; your Slack id is {user}.",
    ),
    Reason.WRONG_CHANNEL: Sentences(
        "Deals may not be changed from this channel.",
        "Use one of {channels}, or ask {admin} to add this one; its id is {channel}.",
    ),
    Reason.WRONG_WORKSPACE: Sentences(
        "This bot works for another Slack workspace, and changes no deals from this one.",
        "The person who installed it here can set it up for this workspace.",
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
        "Ask someone of this workspace to change the deal.",
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
"""Why a caller may change deals."""

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

GOES_ON = "On it…"

NOTHING_CHANGED = "Nothing was changed."

SHARED_CHANNEL = "This channel is shared with another company: its people would read the deal's name, value, contact and owner, and who changed it."

AUTOMATIONS = "HighLevel's automations that wait for a deal's status run then, and may write to the customer."

REASONS_ELSEWHERE = "Lost reasons are made in HighLevel, under Settings › Custom Fields › Lost Reason."

SEARCH_LAGS = "What was changed in HighLevel in the last seconds may not show here yet."


@dataclass(frozen=True, slots=True)
class FormWords:
    """Every word that the form shows."""

    title: str = "Change a deal"
    submit: str = "Change"
    close: str = "Cancel"
    deal: str = "Deal"
    deal_placeholder: str = "Name, contact, e-mail, link or id"
    status: str = "New status"
    status_placeholder: str = "Choose a status"
    reason: str = "Why was it lost?"
    reason_placeholder: str = "Choose a reason"
    note: str = "Note"
    note_hint: str = "It is posted with the result."
    post: str = "Who sees the result?"
    post_here: str = "Post to this channel"
    post_otherwise: str = "Otherwise only you see it"
    unavailable: str = "HighLevel does not answer. Type on to try again."
    nameless: str = "the deal {id}"
    no_deal: str = "Choose a deal: type the first letters, then pick it from the list."
    no_answer: str = "HighLevel did not answer, so there is no deal here yet. Type again, then pick it from the list."
    no_status: str = "Choose the status that the deal should have."
    not_offered: str = "Setting deals to {status} is switched off here. Choose another status."
    no_reason: str = "Choose why it was lost."
    not_written: str = "The bot's database does not answer, so nothing was changed. Wait a minute and send it again."
    perhaps_written: str = (
        "The bot's database did not answer. Close this, wait a minute and look at the deal before you try again: "
        "if it was written down after all, it is carried out soon."
    )
    broken: str = (
        "Something went wrong inside the bot, and nothing was changed. Try again, or type the command. "
        "Reference {reference}."
    )
    broken_option: str = "Something went wrong inside the bot. Reference {reference}."
    note_too_long: str = "This is {length} characters long, and {most} fit. Please shorten it."


FORM_WORDS = FormWords()
