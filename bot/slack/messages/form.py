"""The modal in which a deal is changed: what it shows, and what the caller entered. Pure, without Slack's libraries.

When a view is updated, Slack keeps what was entered into a field whose `block_id` and `action_id` are as before: so
each field here has one id, which is both. Slack ignores new initial values then. They are given all the same, equal to
what was entered, so that nothing depends on that.
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
from bot.slack.block_kit.mrkdwn import escaped, unescaped
from bot.slack.messages.tables import FORM_WORDS
from bot.slack.wording import money

FORM = "form"
"""The modal's callback_id."""
SHORTCUT = "change_status"
"""The callback_id of the shortcut that opens it."""
DEAL, STATUS, REASON, NOTE, POST = "deal", "status", "reason", "note", "post"
"""The fields: each is the `block_id` and the `action_id` of one."""
NOTE_LIMIT = 500
QUERY_LIMIT = 140
"""Characters of a search that goes on in the form, where its field shows them."""
SHORTEST_QUERY = 3
"""Letters to type before deals are suggested."""
WHO_LIMIT, STATE_LIMIT = 25, 20
"""Characters of a deal's contact, and of its status, where it is suggested: the rest is for its name."""

UNAVAILABLE = Option(FORM_WORDS.unavailable, "unavailable")
"""Offered instead of deals while HighLevel does not answer."""


def broken(reference: str) -> Option:
    """Offered instead of deals where something went wrong inside the bot."""
    return Option(FORM_WORDS.broken_option.format(reference=reference), UNAVAILABLE.value)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the form was opened, and so where the result goes. Empty is unknown, as after a global shortcut."""

    channel_id: str = ""
    response_url: str = ""
    location_id: str = ""
    """The sub-account whose deals are offered; empty: the default one."""
    query: str = ""
    """What to search for while nothing is typed; empty: nothing."""

    def to_metadata(self) -> str:
        """As the view carries it."""
        return json.dumps({name: value for name, value in asdict(self).items() if value}, separators=(",", ":"))

    @classmethod
    def from_metadata(cls, text: str) -> "Origin":
        """Read what the view carried. Never raises: what is missing or has an odd shape is empty."""
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
    """What the form shows: what there is to choose from, and what was entered."""

    origin: Origin
    statuses: tuple[Status, ...]
    deal: Deal | None = None
    is_last: bool = False
    """Whether the deal is not named by the caller, but was the last that they had to do with."""
    status: Status | None = None
    reasons: tuple[LostReason, ...] | None = None
    """Why a deal can be lost; `None`: HighLevel was not asked yet, or does not say."""
    reason_required: bool = False
    lost_reason_id: str | None = None
    note: str = ""
    public: bool = True
    """Whether the box is ticked. There is no box where the origin has no channel."""


@dataclass(frozen=True, slots=True)
class Entered:
    """What the caller entered. Empty or `None`: nothing that makes sense."""

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
        title=FORM_WORDS.title,
        submit=FORM_WORDS.submit,
        close=FORM_WORDS.close,
        blocks=[field for field in fields if field],
        callback_id=FORM,
        private_metadata=form.origin.to_metadata(),
    )


def _deal_field(form: Form) -> Block:
    chosen = option_for(form.deal) if form.deal and is_value(form.deal.id) else None
    query = form.origin.query
    # With 0 Slack asks for options as soon as the menu is opened, with an empty text: so the search goes on.
    menu = inputs.type_ahead(DEAL, query or FORM_WORDS.deal_placeholder, 0 if query else SHORTEST_QUERY, chosen)
    return inputs.field(DEAL, FORM_WORDS.deal, menu, hint=FORM_WORDS.last_deal if form.is_last else "")


def _status_field(form: Form) -> Block:
    # Radio buttons, not a menu: a tap less.
    options = [Option(status.capitalize(), status) for status in form.statuses]
    return inputs.field(STATUS, FORM_WORDS.status, inputs.radio_buttons(STATUS, options, form.status), dispatches=True)


def _reason_field(form: Form) -> Block | None:
    reasons = form.reasons if form.status is Status.LOST else None
    options = [Option(reason.name, reason.id) for reason in reasons or () if is_value(reason.id)]
    if not options:
        return None
    menu = inputs.select(REASON, options, FORM_WORDS.reason_placeholder, form.lost_reason_id)
    return inputs.field(REASON, FORM_WORDS.reason, menu, optional=not form.reason_required)


def _note_field(form: Form) -> Block:
    element = inputs.text_input(NOTE, most=NOTE_LIMIT, multiline=True, initial=form.note)
    return inputs.field(NOTE, FORM_WORDS.note, element, hint=FORM_WORDS.note_hint, optional=True)


def _post_field(form: Form) -> Block | None:
    if not form.origin.channel_id:
        return None
    box = Option(FORM_WORDS.post_here, POST, FORM_WORDS.post_otherwise)
    boxes = inputs.checkboxes(POST, [box], {POST} if form.public else ())
    return inputs.field(POST, FORM_WORDS.post, boxes, optional=True)


# --- what is suggested ---------------------------------------------------------------------------------------------


def option_for(deal: Deal) -> Option:
    """The deal as it stands in the menu. An id that cannot be a value is a `ValueError`."""
    return Option(deal.label, deal.id, deal.detail)


def deal_for(opportunity: Opportunity, currency: str = "") -> Deal:
    """The deal by name, company (else contact), value and status; the name is cut first when that is too long.

    `currency`: see `wording.money`.
    """
    name = _seen(opportunity.name) or FORM_WORDS.nameless.format(id=opportunity.id)
    who = _seen(opportunity.company) or _seen(opportunity.contact)
    ends = [_cut(who, WHO_LIMIT)] if who and who != name else []
    ends += filter(None, [money(opportunity.value, currency)])
    ends += [_cut(opportunity.status, STATE_LIMIT)] if _seen(opportunity.status) else []
    room = OPTION_LIMIT - sum(len(escaped(f"· {end}")) + 1 for end in ends)
    place = " › ".join(filter(None, (_seen(opportunity.pipeline), _seen(opportunity.stage))))
    return Deal(opportunity.id, " · ".join((_cut(name, room), *ends)), place)


def deal_option(opportunity: Opportunity, currency: str = "") -> Option:
    """The deal as it is suggested."""
    return option_for(deal_for(opportunity, currency))


def suggestions(matches: Matches, currency: str = "") -> Block:
    """The answer to what the caller typed: the deals in their order. It does not tell how many more there are."""
    return inputs.suggestions(deal_option(deal, currency) for deal in matches.deals if is_value(deal.id))


def _seen(text: str | None) -> str:
    """Text from the CRM; empty when a reader could see nothing of it."""
    return text if text and escaped(text) else ""


def _cut(text: str, limit: int) -> str:
    return unescaped(escaped(text, limit))


# --- what was entered ----------------------------------------------------------------------------------------------


def entered(sent: Mapping[str, Any]) -> Entered:
    """Read a view as Slack sends it. Never raises: what is missing or has an odd shape is empty.

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
    """The form with what was entered into it, to be shown again once a status was chosen."""
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
    """What is wrong, by field, for Slack to show below it; empty when nothing is.

    https://docs.slack.dev/surfaces/modals#displaying_errors
    """
    wrong: dict[str, str] = {}
    if not read.deal_id:
        wrong[DEAL] = FORM_WORDS.no_deal
    elif read.deal_id == UNAVAILABLE.value:
        wrong[DEAL] = FORM_WORDS.no_answer
    if read.status is None:
        wrong[STATUS] = FORM_WORDS.no_status
    elif read.status not in statuses:
        wrong[STATUS] = FORM_WORDS.not_offered.format(status=read.status)
    elif read.status is Status.LOST and reason_required and read.asked_for_reason and not read.lost_reason_id:
        # A form without the field was opened while HighLevel showed no reasons. The caller is asked afterwards.
        wrong[REASON] = FORM_WORDS.no_reason
    if len(read.note) > NOTE_LIMIT:
        wrong[NOTE] = FORM_WORDS.note_too_long.format(length=len(read.note), most=NOTE_LIMIT)
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
