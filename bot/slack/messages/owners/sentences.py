"""The words about whose deal it is. Words only."""

from collections.abc import Mapping

from bot.deals.outcome import Withheld
from bot.slack.messages.tables import LOCK, WARNING, Sentences

AGAIN = "Try again in a minute."
ASK_ADMIN = "If you should be able to, ask {admin}."

WITHHELD: Mapping[Withheld, Sentences] = {
    Withheld.OWNED: Sentences(
        f"{LOCK} {{deal}} is {{owner}}'s deal.", "Only the owner and admins can change it. {ask}"
    ),
    Withheld.UNASSIGNED: Sentences(f"{LOCK} {{deal}} has no owner yet, so only admins can change it.", "Ask {admin}."),
    Withheld.ELSEWHERE: Sentences(f"{LOCK} You don't have access to deals in {{place}}.", ASK_ADMIN),
    Withheld.EMAIL_HIDDEN: Sentences(
        f"{LOCK} Couldn't tell if {{deal}} is yours, because Slack doesn't show your email here.",
        "{ask}",
        "add the Slack scope `users:read.email`, or name this person in `OWNERS`.",
    ),
    Withheld.SLACK_DOWN: Sentences(
        f"{WARNING} Couldn't tell if {{deal}} is yours, because Slack didn't respond.", AGAIN
    ),
    Withheld.CRM_DOWN: Sentences(
        f"{WARNING} Couldn't tell if {{deal}} is yours, because HighLevel didn't say who owns it.", AGAIN
    ),
    Withheld.USERS_HIDDEN: Sentences(
        f"{LOCK} Couldn't tell if {{deal}} is yours, because HighLevel doesn't show its owner's email.",
        "Ask {admin}.",
        "turn on View Users for HighLevel's token, or name the owner in `OWNERS`.",
    ),
}
"""Why a person may not change a deal, and whom to ask: `{ask}` is the owner where they can be found, else an admin."""

SHORTLY: Mapping[Withheld, str] = {
    Withheld.OWNED: "it's {owner}'s deal",
    Withheld.UNASSIGNED: "it has no owner, so only admins can change it",
    Withheld.ELSEWHERE: "you don't have access to its sub-account",
    Withheld.EMAIL_HIDDEN: "Slack doesn't show whether it's yours",
    Withheld.SLACK_DOWN: "Slack didn't say whether it's yours",
    Withheld.CRM_DOWN: "HighLevel didn't say whether it's yours",
    Withheld.USERS_HIDDEN: "HighLevel doesn't show whether it's yours",
}
"""The same in a line of a list, behind "not changed"."""
