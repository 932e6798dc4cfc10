"""Who may change deals: denials, whoami, requests for access and what admins decide about them. Pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from bot.access.requests import OPERATOR, AccessRequest, RequestState
from bot.access.rules import Allowed, Caller, Denied, Reason
from bot.commands.reply import Message
from bot.commands.request import Change, Request
from bot.slack.actions import APPROVE, DECLINE, NO_COMMAND, REQUEST, REVOKE, RUN
from bot.slack.block_kit import blocks, mrkdwn
from bot.slack.block_kit.blocks import Block
from bot.slack.block_kit.mrkdwn import code
from bot.slack.messages.pieces import Installation, fits, message, private, reference_line, with_admins
from bot.slack.messages.tables import DENIALS, LOCK, NOTHING_CHANGED, VERB, WARNING, WAYS
from bot.slack.wording import Page, dotted

ROWS_OF_ACCESS = 20
"""Requests and approvals that are listed at most: each takes a section with a button, and Slack shows 50 blocks."""


@dataclass(frozen=True, slots=True)
class PeopleMessages:
    """Messages to callers and to admins about access. All are private."""

    installation: Installation

    def denied(
        self,
        reason: Reason,
        caller: Caller,
        reference: str,
        *,
        now: datetime,
        request: AccessRequest | None = None,
        command: str = "",
    ) -> Message:
        """The caller may not change deals here; with a button that asks for access, where an admin can give it.

        `request`: the caller's last request for access. `command`: what they typed, to be offered after an approval.
        """
        lines, buttons = self._what_to_do(reason, caller, request, now, command)
        asks = buttons and buttons[0]["elements"][0]["action_id"] == REQUEST
        goes_to = f"Goes to {self.installation.admin_list}" if asks else ""
        page = self.installation.page(Page.ACCESS)
        small = dotted(NOTHING_CHANGED.rstrip("."), goes_to, page, reference_line(reference))
        for_admins = self._filled(DENIALS[reason].for_admins, caller)
        small = with_admins(small, for_admins, self.installation.page(Page.WHO_MAY))
        return message((f"{LOCK} {lines[0]}", *lines[1:]), small, public=False, buttons=buttons)

    def _what_to_do(
        self, reason: Reason, caller: Caller, request: AccessRequest | None, now: datetime, command: str
    ) -> tuple[Sequence[str], Sequence[Block]]:
        """Why the caller may not, and what they can do about it, with a button for that."""
        why, can_ask = DENIALS[reason].what, reason is Reason.NOT_ALLOWED and bool(self.installation.admins)
        if not can_ask:
            return (why, self._filled(DENIALS[reason].then, caller)), ()
        if request and request.rests(now):
            return (_decided(request, "you"), self._again(request)), ()
        if request and request.state is RequestState.OPEN:
            remind = _asking("Remind admins", command) if request.may_remind(now) else ()
            return (why, f"Your request from {mrkdwn.date(request.asked_at)} is still pending."), remind
        return (why,), _asking("Request access", command)

    def _filled(self, sentence: str, caller: Caller) -> str:
        return sentence.format(
            admin=self.installation.admin,
            user=code(caller.user_id),
            channel=code(caller.channel_id),
            channels=self.installation.channel_list,
        )

    def _places(self, location_ids: Collection[str]) -> str:
        named = self.installation.locations.name
        return ", ".join(mrkdwn.plain(named(each)) for each in self.installation.locations.ids if each in location_ids)

    def _again(self, request: AccessRequest) -> str:
        """When a person may ask again, after an admin said no."""
        whom = self.installation.admin if _by(request) == OPERATOR else mrkdwn.user(_by(request))
        return (
            f"You can ask again {mrkdwn.date(request.may_ask_again or request.asked_at)}. Until then, talk to {whom}."
        )

    def whoami(
        self, caller: Caller, decision: Allowed | Denied, request: AccessRequest | None, now: datetime
    ) -> Message:
        """Whether the caller may change deals here, and why; in small print, who the bot takes them for."""
        small = dotted(
            f"Slack ID {code(caller.user_id)}",
            f"Channel {code(caller.channel_id)}" if caller.channel_id else "",
            f"Workspace {code(caller.team_id)}",
        )
        match decision:
            case Allowed(way, group, approved, only_in):
                by, at = (mrkdwn.user(approved.by), mrkdwn.date(approved.at)) if approved else ("", "")
                why = WAYS[way].format(group=code(group), by=by, at=at)
                where = f"in {self._places(only_in)}" if only_in else "here"
                return message((f"✅ You can change deals {where}. {why}",), small, public=False)
            case Denied(reason):
                lines, buttons = self._what_to_do(reason, caller, request, now, "")
                small = with_admins(small, self._filled(DENIALS[reason].for_admins, caller))
                return message((f"{LOCK} {lines[0]}", *lines[1:]), small, public=False, buttons=buttons)
            case _:
                assert_never(decision)

    # --- to the person who asks for access ---

    def request_sent(self, request: AccessRequest, *, replaces: bool) -> Message:
        """The admins were asked. `replaces`: in place of the denial."""
        return private(
            request.reference,
            f"Request sent to {self.installation.admin_list}.",
            "You'll get a DM when they decide.",
            replaces=replaces,
        )

    def request_waits(self, request: AccessRequest) -> Message:
        """The person asks again, and the admins have not decided yet."""
        asked = f"Your request from {mrkdwn.date(request.asked_at)} is still pending."
        return private(request.reference, asked, f"To speed it up, message {self.installation.admin_list}.")

    def request_rests(self, request: AccessRequest) -> Message:
        """The person asks again too soon after an admin said no."""
        return private(request.reference, _decided(request, "you"), self._again(request))

    @property
    def _how_to_change(self) -> str:
        command = self.installation.command
        return f"Try {code(f'{command} Acme Corp won')}, or see `{command} help`."

    def let_in_already(self, reference: str) -> Message:
        """The person asks for access, and has it already."""
        return private(reference, "You already have access.", self._how_to_change)

    def decision(self, request: AccessRequest, offered: Request | None) -> Message:
        """What an admin has decided about the person. `offered`: what the command asks for that was refused."""
        decided = _decided(request, "you")
        if not request.approved:
            again = self._again(request) if request.may_ask_again else ""
            return private(request.reference, decided, again)
        if offered is None or not fits(request.reference, blocks.VALUE_LIMIT):
            return private(request.reference, decided, self._how_to_change)
        run = blocks.button(_offer(offered), RUN, request.reference, style="primary")
        typed = code(f"{self.installation.command} {request.command}")
        typed = f"You typed {typed} in {mrkdwn.channel(request.channel_id)}."
        return private(request.reference, decided, typed, buttons=(blocks.actions(run),))

    def runs(self, request: AccessRequest) -> Message:
        """The command that was refused runs now; in place of the approval."""
        where = mrkdwn.channel(request.channel_id)
        lines = (
            _decided(request, "you"),
            f"Running {code(f'{self.installation.command} {request.command}')} in {where}.",
        )
        return private(request.reference, *lines, replaces=True)

    # --- to admins ---

    def asks_for_access(self, request: AccessRequest) -> Message:
        """A person asks for access."""
        where = mrkdwn.channel(request.channel_id) if request.channel_id else "the Home tab"
        when = mrkdwn.date(request.asked_at)
        lines = (
            f"{mrkdwn.user(request.user_id)} wants access to change deals from Slack.",
            "If you approve, they can change deals like everyone with access, until an admin removes them.",
        )
        small = dotted(
            f"Asked in {where} {when}", f"Slack ID {code(request.user_id)}", reference_line(request.reference)
        )
        return message(lines, small, public=False, buttons=_decisions(request))

    def decided(self, request: AccessRequest, reader: Caller, *, now: bool, replaces: bool) -> Message:
        """The request of which the admin pressed a button. `now`: this press decided it, and no other before."""
        who = mrkdwn.user(request.user_id)
        return private(
            request.reference,
            "" if now else "This was already decided.",
            _decided(request, who, reader.user_id),
            f"{who} has been notified." if now else "",
            buttons=_revoking(request) if request.approved else (),
            replaces=replaces,
        )

    def unknown_request(self, reference: str) -> Message:
        """The admin pressed a button of a request or an approval that the database does not have."""
        what = f"That request no longer exists. {NOTHING_CHANGED}"
        return private(reference, what, f"See all requests with `{self.installation.command} access`.")

    def not_an_admin(self, reference: str) -> Message:
        """The caller wants what only admins may do."""
        admins = self.installation.admin_list
        whom = f" Ask {admins}." if admins else ""
        return private(reference, f"{LOCK} Only admins can do that.{whom}")

    def not_decided(self, reference: str) -> Message:
        """The database did not take a decision in time. It is safe to press again."""
        then = f"Try again in a minute. If it keeps happening, tell {self.installation.admin}."
        return private(reference, f"{WARNING} Couldn't save that.", then)

    def access(self, standing: Sequence[AccessRequest]) -> Message:
        """All requests that are open and all approvals in force, of which the first `ROWS_OF_ACCESS` are shown."""
        if not standing:
            none = "No pending requests, and no one has been approved from Slack."
            return message((none,), "", public=False)
        shown = standing[:ROWS_OF_ACCESS]
        head = "*Access* · People added in settings or through a user group aren't listed here."
        more = f"Showing the first {ROWS_OF_ACCESS}." if len(standing) > len(shown) else ""
        for_admins = "For admins: `python -m bot access` lists all." if more else ""
        lines = [f"• {_standing(each)}" for each in shown]
        rows = [
            block
            for line, each in zip(lines, shown, strict=True)
            for block in (blocks.section(line), *(_revoking(each) if each.approved else _decisions(each)))
        ]
        text = "\n".join(filter(None, (head, *lines, more, for_admins)))
        around = [blocks.context(f"{more}\n{for_admins}")] if more else []
        return Message(mrkdwn.fit(text, blocks.TEXT_LIMIT), (blocks.section(head), *rows, *around), public=False)


def _asking(label: str, command: str) -> Sequence[Block]:
    """A row with the button that asks the admins for access."""
    value = command if fits(command, blocks.VALUE_LIMIT) else NO_COMMAND
    return (blocks.actions(blocks.button(label, REQUEST, value, style="primary")),)


def _offer(offered: Request) -> str:
    """What the button says that runs a command: the change by its verb, anything else in general."""
    if not isinstance(offered, Change):
        return "Run it now"
    wish, count = offered.wishes[0], len(offered.wishes)
    verb, _, status = VERB.get(wish.status, f"Mark {wish.status}").partition(" ")
    what = f"{count} deals" if count > 1 else wish.name
    return " ".join(filter(None, (verb, what, status)))


def _by(request: AccessRequest) -> str:
    """Who decided last: an admin's user id, `OPERATOR`, or empty."""
    revoked = request.state is RequestState.REVOKED
    return (request.revoked_by if revoked else request.decided_by) or ""


def _decided(request: AccessRequest, who: str, reader: str = "") -> str:
    """What an admin has decided about a person, in a sentence.

    `who`: "you" if the person reads it. `reader`: the admin who reads it, if one does.
    """
    by, is_you = _by(request), who == "you"
    admin = "You" if by and by == reader else "An operator" if by == OPERATOR else mrkdwn.user(by)
    at = "" if is_you else f" {mrkdwn.date(request.revoked_at or request.decided_at or request.asked_at)}"
    match request.state:
        case RequestState.OPEN:
            return f"The request from {mrkdwn.date(request.asked_at)} is still pending."
        case RequestState.APPROVED if is_you:
            return f"{admin} approved your request. You can now change deals from Slack."
        case RequestState.APPROVED:
            return f"{admin} approved {who}{at}. They can now change deals from Slack."
        case RequestState.DECLINED:
            whose = "your request for access" if is_you else f"{who}'s request"
            return f"{admin} declined {whose}{at}."
        case RequestState.REVOKED:
            whose = "your access to change deals from Slack" if is_you else f"{who}'s access"
            return f"{admin} removed {whose}{at}."
        case _:
            assert_never(request.state)


def _standing(request: AccessRequest) -> str:
    who = mrkdwn.user(request.user_id)
    if approved := request.approved:
        return f"{who} has access · approved by {mrkdwn.user(approved.by)} {mrkdwn.date(approved.at)}"
    return f"{who} asked for access {mrkdwn.date(request.asked_at)} in {mrkdwn.channel(request.channel_id)}"


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
        title="Remove access?",
        text=f"{who} won't be able to change deals from Slack, unless a setting or user group still lets them.",
        confirm="Remove",
        deny="Cancel",
    )
    return (blocks.actions(blocks.button("Remove access", REVOKE, request.user_id, confirm=confirm, style="danger")),)
