"""Why a person's deals are unknown, in words. Words only."""

from collections.abc import Mapping

from bot.access.people import Unknown
from bot.slack.messages.tables import Sentences

MATCH = "Ask {admin} to tell Opp Status who you are in HighLevel."

WHO_ARE_YOU: Mapping[Unknown, Sentences] = {
    Unknown.EMAIL_HIDDEN: Sentences(
        "Slack doesn't show Opp Status your email, so it can't find your deals.",
        MATCH,
        "add the scope `users:read.email`, or put {user} in `OWNERS`.",
    ),
    Unknown.SLACK_DOWN: Sentences("Slack didn't say who you are, so your deals can't be shown.", ""),
    Unknown.NO_MEMBER: Sentences("Slack doesn't know you, so your deals can't be shown.", MATCH),
    Unknown.CRM_DOWN: Sentences("HighLevel didn't say which user you are, so your deals can't be shown.", ""),
    Unknown.USERS_HIDDEN: Sentences(
        "HighLevel doesn't show Opp Status its users, so it can't find your deals.",
        MATCH,
        "turn on View Users for the token, or put {user} in `OWNERS`.",
    ),
    Unknown.USER_GONE: Sentences(
        "Your HighLevel user no longer exists, so it has no deals.", MATCH, "change {user} in `OWNERS`."
    ),
    Unknown.NO_USER: Sentences(
        "No HighLevel user has the email you use in Slack, so your deals can't be found.",
        MATCH,
        "use one email in both, or put {user} in `OWNERS`.",
    ),
    Unknown.SEVERAL_USERS: Sentences(
        "Several HighLevel users have the email you use in Slack, so it's unclear which deals are yours.",
        MATCH,
        "put {user} in `OWNERS`.",
    ),
}
"""`{admin}` is the person to ask for help, `{user}` the reader's Slack ID. An empty `then`: a button tries again."""

STILL_HERE = "You can still find a deal here and undo your changes."
"""What a person can do whose deals are unknown."""
