"""How the command is typed: help, what was misunderstood, and in which sub-account a channel works. Pure."""

from dataclasses import dataclass, replace
from datetime import timedelta

from bot.access.rules import Caller
from bot.commands.reply import Message
from bot.commands.request import MOST_AT_ONCE, Misunderstood, Problem
from bot.deals.policy import Policy
from bot.slack.actions import OPEN_FORM, WHOAMI
from bot.slack.block_kit import blocks, mrkdwn
from bot.slack.block_kit.mrkdwn import code, plain
from bot.slack.messages.pieces import Installation, message, private
from bot.slack.messages.tables import NOTHING_CHANGED, USAGE
from bot.slack.wording import Page, duration, status_list

TITLE = "Update HighLevel deals from Slack"
EXAMPLES = ("Acme Corp won", "Acme Corp lost too expensive", "Acme Corp open")


@dataclass(frozen=True, slots=True)
class HelpMessages:
    """Messages about the command itself."""

    installation: Installation
    policy: Policy

    def overview(self) -> Message:
        """The answer to `help`: one screen of a phone."""
        command = self.installation.command
        is_public, several = self.policy.errors_in_channel, self.installation.locations.others
        more = (
            f"`{command}`  open a form",
            f"`{command} Acme Corp`  look up a deal, just for you",
            f"`{command} Acme Corp won?`  preview a change",
            f"`{command} undo`  undo your last change" if self.policy.undo_window else "",
            f"`{command} history`  your last 10 changes",
            f"`{command} remind Acme Corp friday`  get a reminder",
            f"`{command} digest`  the last seven days",
            f"`{command} use`  see which sub-account this channel uses" if several else "",
        )
        small = (
            f"Statuses: {status_list(self.policy)}. After `lost`, you can add a reason.",
            f"A deal is its name, contact, company, email, phone number, or link. Up to {MOST_AT_ONCE} at once.",
            f"When it works, the channel sees it. If it doesn't, {'they see that too' if is_public else 'only you do'}. "
            f"Questions? Ask {self.installation.admin}.",
        )
        open_form = blocks.button("Open the form", OPEN_FORM, "form", style="primary")
        row = blocks.actions(open_form, blocks.button("Check my access", WHOAMI, "whoami"))
        examples = "\n".join(f"{command} {each}" for each in EXAMPLES)
        page = self.installation.page(Page.USING)
        told = message(
            (f"```{examples}```",),
            page,
            public=False,
            lists=("\n".join(filter(None, more)),),
            details=small,
            buttons=(row,),
        )
        return replace(told, text=f"{TITLE}\n{told.text}", blocks=(blocks.header(TITLE), *told.blocks))

    def misunderstood(self, misunderstood: Misunderstood, reference: str) -> Message:
        """The text asks for nothing the bot can do."""
        word, statuses = code(misunderstood.word), status_list(self.policy)
        if misunderstood.problem is Problem.PERSON_IS_NO_DEAL and misunderstood.word.startswith("@"):
            word = mrkdwn.user(misunderstood.word[1:])
        command = self.installation.command
        what = USAGE[misunderstood.problem].format(word=word, statuses=statuses, command=command)
        example = f"Try `{command} Acme Corp won`, or see `{command} help`."
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
            f"This channel uses *{name}*. Links work for any sub-account.",
            f"Available: {self.installation.location_list}.",
            f"Admins can switch it with {code(f'{self.installation.command} use <name>')}.",
        )

    def uses(self, location_id: str, caller: Caller, reference: str) -> Message:
        """From now on the channel works in this sub-account; the whole channel reads it."""
        who, name = mrkdwn.user(caller.user_id), plain(self.installation.locations.name(location_id))
        lines = (
            f"{who} switched this channel to *{name}*.",
            "Deals are searched there from now on. Links still work for any sub-account. No deals changed.",
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
            f"{code(name)} doesn't match one of your sub-accounts.",
            NOTHING_CHANGED,
            f"Try one of these: {self.installation.location_list}.",
        )
