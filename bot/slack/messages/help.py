"""How the command is typed: help, what was misunderstood, and in which sub-account a channel works. Pure."""

from dataclasses import dataclass
from datetime import timedelta

from bot.access.rules import Caller
from bot.commands.reply import Message
from bot.commands.request import MOST_AT_ONCE, USAGE_HINT, Misunderstood
from bot.deals.policy import Policy
from bot.slack.block_kit import mrkdwn
from bot.slack.block_kit.mrkdwn import code, plain
from bot.slack.messages.pieces import EXAMPLE_ID, Installation, message, private
from bot.slack.messages.tables import NOTHING_CHANGED, USAGE
from bot.slack.wording import Page, duration, status_list


@dataclass(frozen=True, slots=True)
class HelpMessages:
    """Messages about the command itself."""

    installation: Installation
    policy: Policy

    def overview(self) -> Message:
        """The answer to `help`."""
        command = self.installation.command
        undo = f"`{command} undo` takes your last change back. " if self.policy.undo_window else ""
        several = self.installation.locations.others
        where = f"`{command} use` tells in which sub-account this channel works." if several else ""
        is_public = self.policy.errors_in_channel
        failing = "when it fails, they see that too" if is_public else "when it does not, only you do"
        lines = (
            "Change a deal's status in HighLevel, in front of your team.",
            code(f"{command} {USAGE_HINT}"),
            "• *The deal*: its name, contact, company, e-mail or phone number, as HighLevel's search finds them; or the link from its page. A name with a status in it goes into quotes.",
            f"• *The status*: {status_list(self.policy)}. Behind `lost` there may be a lost reason.",
            f"When it works, everybody in the channel sees it; {failing}.",
            f"{code(f'{command} <deal>')} alone shows the deal, `{command}` alone opens a form, and a `?` at the end only shows what would happen. Up to {MOST_AT_ONCE} links or ids at once are changed together.",
            where,
            f"{undo}`{command} history` shows your last ten commands, and with a deal behind it that deal's. "
            f"`{command} whoami` tells whether you may. For anything else ask {self.installation.admin}.",
        )
        return message(lines, self.installation.page(Page.USING), public=False)

    def misunderstood(self, misunderstood: Misunderstood, reference: str) -> Message:
        """The text asks for nothing the bot can do."""
        word, statuses = code(misunderstood.word), status_list(self.policy)
        what = USAGE[misunderstood.problem].format(word=word, statuses=statuses, command=self.installation.command)
        command = self.installation.command
        example = f"For example: `{command} {EXAMPLE_ID} won`. More with `{command} help`."
        return private(reference, what, NOTHING_CHANGED, example, small_print=self.installation.page(Page.DEALS))

    def misnamed(self, typed: str, reference: str) -> Message:
        """Slack sent a command of another name than the operator has set. Admins can make both the same."""
        ours = self.installation.command
        what = f"Opp Status answers to `{ours}` here, not to {code(typed)}."
        for_admins = f"For admins: set `COMMAND` to {code(typed)}, or name the command `{ours}` in the Slack app."
        return private(reference, what, NOTHING_CHANGED, for_admins)

    def in_use(self, location_id: str, reference: str) -> Message:
        """In which sub-account the channel works, and which there are."""
        name = plain(self.installation.locations.name(location_id))
        return private(
            reference,
            f"Deals are looked for in *{name}* here. A link finds its own.",
            f"There are: {self.installation.location_list}.",
            f"An admin changes it with {code(f'{self.installation.command} use <name>')}, for this channel.",
        )

    def uses(self, location_id: str, caller: Caller, reference: str) -> Message:
        """From now on the channel works in this sub-account; the whole channel reads it."""
        who, name = mrkdwn.user(caller.user_id), plain(self.installation.locations.name(location_id))
        lines = (
            f"{who} has set this channel to *{name}*: deals are looked for there from now on.",
            "A link finds its own sub-account wherever it is pasted. No deal was changed.",
        )
        return message(lines, "", public=True, reference=reference)

    def muted(self, span: timedelta, caller: Caller, reference: str) -> Message:
        """Whether changes made in HighLevel are posted here from now on; the whole channel reads it."""
        who = mrkdwn.user(caller.user_id)
        if not span:
            return message((f"{who} unmuted changes made in HighLevel.",), "", public=True, reference=reference)
        until = f"Until then, no one here reads about them. `{self.installation.command} unmute` ends it."
        headline = f"{who} muted changes made in HighLevel here for {duration(span)}."
        return message((headline,), "", public=True, details=(until,), reference=reference)

    def nothing_to_mute(self, reference: str) -> Message:
        """No change made in HighLevel is posted in this channel anyway."""
        return private(
            reference, "Changes made in HighLevel aren't posted in this channel, so there's nothing to mute."
        )

    def no_such_location(self, name: str, reference: str) -> Message:
        """No sub-account has this name, or more than one begins with it."""
        return private(
            reference,
            f"{code(name)} is none of the sub-accounts that I work in, or not enough of its name.",
            NOTHING_CHANGED,
            f"Use one of: {self.installation.location_list}.",
        )
