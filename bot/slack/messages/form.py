"""The modal in which a deal is changed: what it shows, and what somebody entered. Pure, and of no library of Slack's.

Slack keeps what was entered when a view is updated, as long as a field's `block_id` and `action_id` stay as they were:
so here each field has one id, which is both. It does not look at new initial values then; they are given all the same,
equal to what was entered, and so nothing depends on that.
https://docs.slack.dev/reference/views/modal-views
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from bot.deals.deal import LostReason, Matches, Opportunity, Status
from bot.slack.block_kit import inputs
from bot.slack.block_kit.blocks import Block
from bot.slack.block_kit.inputs import OPTION_LIMIT, Option, is_value, sendable
from bot.slack.block_kit.mrkdwn import plain, unescaped

FORM = "form"
"""The modal's callback_id."""
SHORTCUT = "change_status"
"""The callback_id of the shortcut that opens it."""
DEAL, STATUS, REASON, NOTE, POST = "deal", "status", "reason", "note", "post"
"""The fields: each is the `block_id` and the `action_id` of one."""
NOTE_LIMIT = 500
SHORTEST_QUERY = 3
"""Letters to type before deals are suggested."""
WHO_LIMIT, STATE_LIMIT = 25, 20
"""Characters of a deal's contact, and of its status, where it is suggested: the rest is for its name."""


@dataclass(frozen=True, slots=True)
class Words:
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


WORDS = Words()

UNAVAILABLE = Option(WORDS.unavailable, "unavailable")
"""Offered instead of deals while HighLevel does not answer."""


def broken(reference: str) -> Option:
    """Offered instead of deals where something went wrong inside the bot."""
    return Option(WORDS.broken_option.format(reference=reference), UNAVAILABLE.value)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the form was opened, and so where the result goes. Empty: nobody knows, as after a global shortcut."""

    channel_id: str = ""
    response_url: str = ""
    location_id: str = ""
    """The sub-account whose deals are offered; empty: the default one."""

    def to_metadata(self) -> str:
        """For the view to carry along."""
        return json.dumps({name: value for name, value in asdict(self).items() if value}, separators=(",", ":"))

    @classmethod
    def from_metadata(cls, text: str) -> "Origin":
        """What the view carried. Total: whatever is missing or of an odd shape is empty."""
        try:
            read = json.loads(text)
        except (ValueError, RecursionError):
            read = None
        return cls(*(_text(read, each.name) for each in fields(cls)))


@dataclass(frozen=True, slots=True)
class Deal:
    """The deal that is chosen, as the menu names it."""

    id: str
    label: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Form:
    """What the form shows: what there is to choose, and what has been entered."""

    origin: Origin
    statuses: tuple[Status, ...]
    deal: Deal | None = None
    status: Status | None = None
    reasons: tuple[LostReason, ...] | None = None
    """Why a deal can be lost; `None`: nobody has asked HighLevel yet, or it does not say."""
    reason_required: bool = False
    lost_reason_id: str | None = None
    note: str = ""
    public: bool = True
    """Whether the box is ticked; there is none where the origin has no channel."""


@dataclass(frozen=True, slots=True)
class Entered:
    """What somebody filled in. Empty or `None`: nothing that makes sense."""

    origin: Origin
    deal_id: str
    status: Status | None
    lost_reason_id: str | None
    note: str
    public: bool
    asked_for_reason: bool
    """Whether the form had the field for it."""


def view(form: Form) -> Block:
    """The form as a modal, for `views.open`, `views.update`, or the answer to a submission."""
    fields = (_deal_field(form), _status_field(form), _reason_field(form), _note_field(form), _post_field(form))
    return inputs.modal(
        title=WORDS.title,
        submit=WORDS.submit,
        close=WORDS.close,
        blocks=[field for field in fields if field],
        callback_id=FORM,
        private_metadata=form.origin.to_metadata(),
    )


def _deal_field(form: Form) -> Block:
    chosen = option_for(form.deal) if form.deal and is_value(form.deal.id) else None
    menu = inputs.type_ahead(DEAL, WORDS.deal_placeholder, SHORTEST_QUERY, chosen)
    return inputs.field(DEAL, WORDS.deal, menu)


def _status_field(form: Form) -> Block:
    options = [Option(status.capitalize(), status) for status in form.statuses]
    menu = inputs.select(STATUS, options, WORDS.status_placeholder, form.status)
    return inputs.field(STATUS, WORDS.status, menu, dispatches=True)


def _reason_field(form: Form) -> Block | None:
    reasons = form.reasons if form.status is Status.LOST else None
    options = [Option(reason.name, reason.id) for reason in reasons or () if is_value(reason.id)]
    if not options:
        return None
    menu = inputs.select(REASON, options, WORDS.reason_placeholder, form.lost_reason_id)
    return inputs.field(REASON, WORDS.reason, menu, optional=not form.reason_required)


def _note_field(form: Form) -> Block:
    element = inputs.text_input(NOTE, most=NOTE_LIMIT, multiline=True, initial=form.note)
    return inputs.field(NOTE, WORDS.note, element, hint=WORDS.note_hint, optional=True)


def _post_field(form: Form) -> Block | None:
    if not form.origin.channel_id:
        return None
    box = Option(WORDS.post_here, POST, WORDS.post_otherwise)
    return inputs.field(POST, WORDS.post, inputs.checkboxes(POST, [box], {POST} if form.public else ()), optional=True)


# --- what is suggested ---------------------------------------------------------------------------------------------


def option_for(deal: Deal) -> Option:
    """The deal as it stands in the menu. An id that cannot be a value is a `ValueError`."""
    return Option(deal.label, deal.id, deal.detail)


def deal_for(opportunity: Opportunity) -> Deal:
    """The deal by name, contact (else company) and status; where that is too long, the name is cut first."""
    name = _seen(opportunity.name) or WORDS.nameless.format(id=opportunity.id)
    who = _seen(opportunity.contact) or _seen(opportunity.company)
    ends = [_cut(who, WHO_LIMIT)] if who and who != name else []
    ends += [_cut(opportunity.status, STATE_LIMIT)] if _seen(opportunity.status) else []
    room = OPTION_LIMIT - sum(len(plain(f"· {end}")) + 1 for end in ends)
    place = " › ".join(filter(None, (_seen(opportunity.pipeline), _seen(opportunity.stage))))
    return Deal(opportunity.id, " · ".join((_cut(name, room), *ends)), place)


def deal_option(opportunity: Opportunity) -> Option:
    """The deal as it is suggested."""
    return option_for(deal_for(opportunity))


def suggestions(matches: Matches) -> Block:
    """The answer to what was typed: the deals in their order, and not a word of how many more there are."""
    return inputs.suggestions(deal_option(deal) for deal in matches.deals if is_value(deal.id))


def _seen(text: str | None) -> str:
    """Text from a CRM, empty when nobody could see it."""
    return text if text and plain(text) else ""


def _cut(text: str, limit: int) -> str:
    return unescaped(plain(text, limit))


# --- what was entered ----------------------------------------------------------------------------------------------


def entered(sent: Mapping[str, Any]) -> Entered:
    """Out of a view as Slack sends it. Total: whatever is missing or of an odd shape is empty.

    https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload
    """
    origin = Origin.from_metadata(_text(sent, "private_metadata"))
    status = next((status for status in Status if status == _chosen(sent, STATUS)), None)
    boxes = _part(_element(sent, POST), "selected_options")
    ticked = isinstance(boxes, list) and any(_text(box, "value") == POST for box in boxes)
    blocks = _part(sent, "blocks")
    return Entered(
        origin=origin,
        deal_id=_chosen(sent, DEAL),
        status=status,
        lost_reason_id=(_chosen(sent, REASON) or None) if status is Status.LOST else None,
        note=_text(_element(sent, NOTE), "value").strip(),
        public=bool(origin.channel_id) and ticked,
        asked_for_reason=isinstance(blocks, list) and any(_text(block, "block_id") == REASON for block in blocks),
    )


def filled(
    sent: Mapping[str, Any],
    *,
    statuses: tuple[Status, ...],
    reasons: tuple[LostReason, ...] | None,
    reason_required: bool,
) -> Form:
    """The form again, with what was entered into it; for `view`, once the status was chosen."""
    read = entered(sent)
    option = _part(_element(sent, DEAL), "selected_option")
    label, detail = (unescaped(_text(_part(option, name), "text")) for name in ("text", "description"))
    return Form(
        origin=read.origin,
        statuses=statuses,
        deal=Deal(read.deal_id, label, detail) if read.deal_id else None,
        status=read.status,
        reasons=reasons,
        reason_required=reason_required,
        lost_reason_id=read.lost_reason_id,
        note=_text(_element(sent, NOTE), "value"),
        public=read.public,
    )


def complaints(read: Entered, *, statuses: Collection[Status], reason_required: bool) -> dict[str, str]:
    """What is wrong with each field that cannot be used, to be shown below it; empty when all can.

    https://docs.slack.dev/surfaces/modals#displaying_errors
    """
    wrong: dict[str, str] = {}
    if not read.deal_id:
        wrong[DEAL] = WORDS.no_deal
    elif read.deal_id == UNAVAILABLE.value:
        wrong[DEAL] = WORDS.no_answer
    if read.status is None:
        wrong[STATUS] = WORDS.no_status
    elif read.status not in statuses:
        wrong[STATUS] = WORDS.not_offered.format(status=read.status)
    elif read.status is Status.LOST and reason_required and read.asked_for_reason and not read.lost_reason_id:
        # Where there was no field for it, HighLevel shows no reasons, or was slow: then it is asked for afterwards.
        wrong[REASON] = WORDS.no_reason
    if len(read.note) > NOTE_LIMIT:
        wrong[NOTE] = WORDS.note_too_long.format(length=len(read.note), most=NOTE_LIMIT)
    return wrong


def _element(sent: Mapping[str, Any], field: str) -> object:
    return _part(_part(_part(_part(sent, "state"), "values"), field), field)


def _chosen(sent: Mapping[str, Any], field: str) -> str:
    return _text(_part(_element(sent, field), "selected_option"), "value")


def _part(given: object, name: str) -> object:
    return given.get(name) if isinstance(given, Mapping) else None


def _text(given: object, name: str) -> str:
    part = _part(given, name)
    return sendable(part) if isinstance(part, str) else ""
