"""Who may change deals: denials, whoami, requests for access and what admins decide about them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import assert_never

from bot.access.requests import OPERATOR, AccessRequest, RequestState
from bot.access.rules import Allowed, Caller, Denied, Reason
from bot.commands.reply import Message
from bot.commands.request import COMMAND, USAGE_HINT
from bot.slack.actions import APPROVE, DECLINE, REQUEST, REVOKE
from bot.slack.block_kit import blocks, mrkdwn
from bot.slack.block_kit.blocks import Block
from bot.slack.block_kit.mrkdwn import code
from bot.slack.messages.pieces import Installation, fits, message, private
from bot.slack.messages.tables import DENIALS, NOTHING_CHANGED, WAYS

ROWS_OF_ACCESS = 20
"""Requests and approvals that are listed at most: each takes a section with a button, and Slack shows 50 blocks."""

HOW_TO_CHANGE = f"Type {code(f'{COMMAND} {USAGE_HINT}')}, or `{COMMAND} help`."


@dataclass(frozen=True, slots=True)
class PeopleMessages:
    """Messages to callers and to admins about access. All are private."""

    installation: Installation

    def denied(self, reason: Reason, caller: Caller, reference: str) -> Message:
        """The caller may not change deals here; with a button that asks for access, where an admin can give it."""
        asks = reason is Reason.NOT_ALLOWED and self.installation.admins
        how = "Or ask the admins with the button below." if asks else ""
        buttons = [blocks.actions(blocks.button("Request access", REQUEST, "access"))] if asks else ()
        then = self._whom_to_ask(reason, caller)
        return private(reference, DENIALS[reason].what, NOTHING_CHANGED, then, how, buttons=buttons)

    def _whom_to_ask(self, reason: Reason, caller: Caller) -> str:
        return DENIALS[reason].then.format(
            admin=self.installation.admin,
            user=code(caller.user_id),
            channel=code(caller.channel_id),
            channels=self.installation.channel_list,
        )

    def whoami(self, caller: Caller, decision: Allowed | Denied) -> Message:
        """Who the bot takes the caller for, whether they may change deals here, and why."""
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
        return message((who, where, may), (), public=False)

    # --- to the person who asks for access ---

    def request_sent(self, request: AccessRequest, *, replaces: bool) -> Message:
        """The admins were asked. `replaces`: in place of the denial."""
        return private(
            request.reference,
            f"Your request was sent to {self.installation.admin_list}.",
            "You will read what they decide in a direct message.",
            replaces=replaces,
        )

    def request_waits(self, request: AccessRequest) -> Message:
        """The person asks again, and the admins have not decided yet."""
        asked = f"You asked {mrkdwn.date(request.asked_at)}, and it is still pending."
        return private(request.reference, asked, f"The admins are {self.installation.admin_list}.")

    def request_rests(self, request: AccessRequest) -> Message:
        """The person asks again too soon after an admin said no."""
        then = "You can ask again a day after that; until then, speak with them."
        return private(request.reference, _decided(request, "you"), then)

    def let_in_already(self, reference: str) -> Message:
        """The person asks for access, and has it already."""
        return private(reference, "You may change deals here already.", HOW_TO_CHANGE)

    def decision(self, request: AccessRequest) -> Message:
        """What an admin has decided about the person."""
        return private(request.reference, _decided(request, "you"), HOW_TO_CHANGE if request.approved else "")

    # --- to admins ---

    def asks_for_access(self, request: AccessRequest) -> Message:
        """A person asks for access."""
        where, when = mrkdwn.channel(request.channel_id), mrkdwn.date(request.asked_at)
        return private(
            request.reference,
            f"{mrkdwn.user(request.user_id)} asks to change deals from Slack.",
            f"They asked in {where}, {when}; their Slack id is {code(request.user_id)}.",
            "If you approve, they can change every deal that I can, until an admin takes it back.",
            buttons=_decisions(request),
        )

    def decided(self, request: AccessRequest, *, now: bool, replaces: bool) -> Message:
        """The request of which the admin pressed a button. `now`: this press decided it, and no other before."""
        who = mrkdwn.user(request.user_id)
        return private(
            request.reference,
            "" if now else "That was decided already, and your press changed nothing.",
            _decided(request, who),
            f"{who} was told." if now else "",
            buttons=_revoking(request) if request.approved else (),
            replaces=replaces,
        )

    def unknown_request(self, reference: str) -> Message:
        """The admin pressed a button of a request or an approval that the database does not have."""
        what = "I know of no such request or approval, so nothing was decided."
        return private(reference, what, f"`{COMMAND} access` lists all.")

    def not_an_admin(self, reference: str) -> Message:
        """The caller wants what only admins may do."""
        admins = self.installation.admin_list
        return private(reference, f"Only the admins may do that{f': {admins}' if admins else ''}.", NOTHING_CHANGED)

    def not_decided(self, reference: str) -> Message:
        """The database did not take a decision in time. It is safe to press again."""
        return private(
            reference,
            "I cannot write that down at the moment: the bot's database does not answer.",
            f"Press again in a minute. If it goes on, please tell {self.installation.admin}.",
        )

    def access(self, standing: Sequence[AccessRequest]) -> Message:
        """All requests that are open and all approvals in force, of which the first `ROWS_OF_ACCESS` are shown."""
        if not standing:
            return message(("No one asks to be let in, and no one was let in by an admin.",), (), public=False)
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


def _decided(request: AccessRequest, who: str) -> str:
    """What an admin has decided about this person, in a sentence."""
    by, at = mrkdwn.user(request.decided_by or ""), mrkdwn.date(request.decided_at or request.asked_at)
    match request.state:
        case RequestState.OPEN:
            return f"The request of {at} is still pending."
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
    if not fits(request.reference, blocks.VALUE_LIMIT):
        return ()
    return (
        blocks.actions(
            blocks.button("Approve", APPROVE, request.reference, style="primary"),
            blocks.button("Decline", DECLINE, request.reference),
        ),
    )


def _revoking(request: AccessRequest) -> Sequence[Block]:
    if not fits(request.user_id, blocks.VALUE_LIMIT):
        return ()
    who = mrkdwn.user(request.user_id)
    confirm = blocks.Confirm(
        title="Take it back?",
        text=f"{who} may change no deals from Slack then, unless a setting or a group lets them.",
        confirm="Take it back",
        deny="Leave it",
    )
    return (blocks.actions(blocks.button("Revoke", REVOKE, request.user_id, confirm=confirm, style="danger")),)
