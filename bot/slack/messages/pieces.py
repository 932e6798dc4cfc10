"""Pieces that messages are made of: deals with their links and facts, small print, buttons. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from urllib.parse import quote

from bot.commands.record import Entry, Record
from bot.commands.reply import Message
from bot.deals.deal import LostReason, Opportunity
from bot.deals.locations import Locations
from bot.deals.policy import Policy
from bot.deals.wish import Wish
from bot.slack.actions import CONFIRM, DISMISS, REASON, UNDO
from bot.slack.block_kit import blocks, inputs, mrkdwn
from bot.slack.block_kit.blocks import Block
from bot.slack.block_kit.mrkdwn import code, plain

EXAMPLE_ID = "aB3dE5fG7hJ9kL1mN2pQ"

LINES_PER_SECTION = 6
"""Of a list: all its lines together would be too long for one section."""

SHORT = 40
"""Characters of a deal's name in a list: 25 lines must fit into one message."""

NOTE_LIMIT = 600
"""Characters of a note that a message shows."""

REASON_BUTTONS = 5
"""Lost reasons that are buttons, each one tap away; more are a menu."""

CHANNELS_NAMED = 5
"""How many allowed channels are named to a caller in the wrong one."""


@dataclass(frozen=True, slots=True)
class Installation:
    """What is particular to this installation, and the pieces of messages that show it."""

    app_url: str
    """Where links to deals begin, without a slash at the end."""
    locations: Locations
    currency: str
    """ISO code that stands before a deal's value; empty when the operator has not set one."""
    admin_contact: str
    """Slack user id of the person to ask for help; empty when there is none."""
    admins: Sequence[str]
    """Slack user ids of those who let others in; empty for none."""
    channels: frozenset[str]
    """Slack channel ids where deals may be changed; empty for everywhere."""
    connect_url: str = ""
    """The page where HighLevel is connected by OAuth; empty where a token is used instead."""

    @property
    def admin(self) -> str:
        """The person to ask for help."""
        return mrkdwn.user(self.admin_contact) if self.admin_contact else "the person who looks after this bot"

    @property
    def admin_list(self) -> str:
        """All admins, with commas between them; empty for none."""
        return ", ".join(map(mrkdwn.user, self.admins))

    @property
    def channel_list(self) -> str:
        """The channels where deals may be changed, at most `CHANNELS_NAMED` of them by name."""
        named = [mrkdwn.channel(channel) for channel in sorted(self.channels)[:CHANNELS_NAMED]]
        return ", ".join(named if len(self.channels) <= CHANNELS_NAMED else [*named, "others"])

    @property
    def location_list(self) -> str:
        """The names of all sub-accounts, with commas between them."""
        return ", ".join(plain(self.locations.name(each)) for each in self.locations.ids)

    @property
    def connect_page(self) -> str:
        """The page where HighLevel is connected: as a link, where its address is known."""
        page = "the page where HighLevel is connected"
        return mrkdwn.link(self.connect_url, page) if self.connect_url else page

    def deal(self, opportunity: Opportunity) -> str:
        """A deal's name as a link to its page; its id where it has no name."""
        name = first_visible(opportunity.name, f"the deal {opportunity.id}")
        return f"*{mrkdwn.link(self.url(opportunity.id, opportunity.location_id), name)}*"

    def wished_deal(self, wish: Wish) -> str:
        """The deal of a wish, which may be known by its name only."""
        if not wish.opportunity_id:
            return f"*{plain(wish.name)}*"
        return self.deal(Opportunity(wish.opportunity_id, "", wish.name or None, wish.location_id))

    def short_deal(self, record: Record) -> str:
        """A deal as a line of a list names it: briefly, with its sub-account where there are several."""
        name = first_visible(record.name, record.called, record.opportunity_id)
        if not record.opportunity_id:
            return plain(name, SHORT)
        where = self.locations.mentioned(record.location_id)
        place = f" ({plain(where, SHORT)})" if where else ""
        return mrkdwn.link(self.url(record.opportunity_id, record.location_id), name, SHORT) + place

    def url(self, opportunity_id: str, location_id: str | None) -> str:
        """The address of a deal's page in HighLevel; without a sub-account, in the default one."""
        in_path = quote(opportunity_id, safe="", errors="replace")
        return f"{self.app_url}/v2/location/{location_id or self.locations.default}/opportunities/{in_path}"

    def facts(self, opportunity: Opportunity) -> str:
        """What tells this deal from others, as far as it is known; empty when nothing is."""
        people = " of ".join(
            plain(name) for name in (opportunity.contact, opportunity.company) if name and name != opportunity.name
        )
        place = " › ".join(plain(name) for name in (opportunity.pipeline, opportunity.stage) if name)
        owner = f"owner {plain(opportunity.owner)}" if opportunity.owner else ""
        where = plain(self.locations.mentioned(opportunity.location_id))
        return " · ".join(filter(None, (money(opportunity.value, self.currency), people, place, owner, where)))


# --- words of one kind ---------------------------------------------------------------------------------------------


def first_visible(*names: str | None) -> str:
    """The first of these texts of which a reader can see anything."""
    return next((name for name in names if name and plain(name)), mrkdwn.NOTHING)


def money(value: float | None, currency: str) -> str:
    """A deal's value, without cents where there are none; empty when it is zero or unknown."""
    if not value:
        return ""
    amount = f"{value:,.2f}".removesuffix(".00")
    return f"{currency} {amount}" if currency else f"value {amount}"


def status_since(deal: Opportunity) -> str:
    """A deal's status, and since when, where that is known."""
    since = f" since {mrkdwn.date(deal.since)}" if deal.since else ""
    return f"*{plain(deal.status)}*{since}"


def reason_name(deal: Opportunity) -> str:
    """The name of a deal's lost reason, which may be known by its id only."""
    return plain(first_visible(deal.lost_reason, "one whose name HighLevel does not tell"))


def status_list(policy: Policy) -> str:
    """The statuses on offer, with commas between them."""
    return ", ".join(f"`{status}`" for status in policy.offered)


def duration(window: timedelta) -> str:
    """A length of time in the largest unit that it is a whole number of; a single day is 24 hours."""
    minutes = round(window.total_seconds() / 60)
    for unit, length, least in (("day", 24 * 60, 2), ("hour", 60, 1)):
        if minutes >= least * length and minutes % length == 0:
            return f"{minutes // length} {unit}{'s' if minutes > length else ''}"
    return f"{minutes} minute{'s' if minutes != 1 else ''}"


def note(entry: Entry) -> str:
    """The caller's note as a quotation; empty when there is none."""
    return f"&gt; {plain(entry.note, NOTE_LIMIT)}" if entry.note else ""


def why_lost(question: str, words: str) -> str:
    """The question after a lost reason; or, to a caller who typed words that are none, that they are none."""
    return f"{code(words)} is not one of HighLevel's lost reasons." if words else question


# --- messages ------------------------------------------------------------------------------------------------------


def message(
    lines: Sequence[str],
    small_print: Sequence[str],
    *,
    public: bool,
    buttons: Sequence[Block] = (),
    replaces: bool = False,
) -> Message:
    """One paragraph, buttons below it, and small print. Empty lines are left out."""
    small = " · ".join(small_print)
    paragraph = "\n".join(filter(None, lines))
    shown = (blocks.section(paragraph), *buttons, *([blocks.context(small)] if small else ()))
    return Message(with_small_print(lines, small), shown, public, replaces)


def private(reference: str, *lines: str, buttons: Sequence[Block] = (), replaces: bool = False) -> Message:
    """A paragraph that only one person sees, with the reference as its small print."""
    return message(lines, (reference_line(reference),), public=False, buttons=buttons, replaces=replaces)


def with_small_print(lines: Sequence[str], small: str) -> str:
    """The whole text of a message; the paragraph is cut where both would not fit, never the small print."""
    paragraph = "\n".join(filter(None, lines))
    return f"{mrkdwn.fit(paragraph, blocks.TEXT_LIMIT - len(small) - 1)}\n{small}".strip()


def in_sections(lines: Sequence[str]) -> Sequence[str]:
    """A list in parts that each fit into a section."""
    return ["\n".join(lines[at : at + LINES_PER_SECTION]) for at in range(0, len(lines), LINES_PER_SECTION)]


def reference_line(reference: str) -> str:
    """The small print that names a command, as the log does."""
    return f"Reference {plain(reference)}"


def announced(message: Message, entry: Entry, policy: Policy, *, lacks_reason: bool) -> Message:
    """A message about a change, with where else it is posted, and whether the caller is asked why.

    `lacks_reason`: the change lost a deal, and gave no reason.
    """
    channel = policy.announce_channels.get(entry.wish.status, "")
    asks = policy.asks_for_reason and lacks_reason and not entry.asked_why
    elsewhere = message.public and channel != entry.caller.channel_id
    return replace(message, also_in=channel if elsewhere else "", asks_why=asks)


# --- buttons -------------------------------------------------------------------------------------------------------


def fits(value: str, limit: int) -> bool:
    """Whether Slack can carry this value with a button, and bring it back."""
    return 0 < len(value) <= limit and value.isprintable()


def undo_button(what: str, key: str, policy: Policy) -> Sequence[Block]:
    """A row with the button that undoes a change, which `what` describes; no row where undo is switched off."""
    if not policy.undo_window or not fits(key, blocks.VALUE_LIMIT):
        return ()
    confirm = blocks.Confirm(
        title="Take this back?",
        text=f"{what} HighLevel's automations may run again, such as messages to the customer.",
        confirm="Take it back",
        deny="Leave it",
    )
    return (blocks.actions(blocks.button("Undo", UNDO, key, confirm=confirm)),)


def yes_or_no(yes: str, key: str, *, no: bool = True) -> Sequence[Block]:
    """A row with the answers to a question. `no`: whether a second button dismisses the message.

    It must not where the message tells of more than the question.
    """
    if not fits(key, blocks.VALUE_LIMIT):
        return ()
    leave = [blocks.button("Leave it", DISMISS, "no")] if no else []
    return (blocks.actions(blocks.button(yes, CONFIRM, key), *leave),)


def reason_menu(reasons: Sequence[LostReason], key: str, no: str = "") -> Sequence[Block]:
    """A row with lost reasons: a button for each if they are few, else a menu. No row if Slack can carry none of them.

    `no`: on a further button that dismisses the message; empty for none.
    """
    if not fits(key, blocks.BLOCK_ID_LIMIT):
        return ()
    options = [inputs.Option(reason.name, reason.id) for reason in reasons if inputs.is_value(reason.id)]
    if not options:
        return ()
    dismiss = [blocks.button(no, DISMISS, "no")] if no else []
    if len(options) > REASON_BUTTONS:
        return (blocks.actions(inputs.select(REASON, options, "Pick a reason"), *dismiss, block_id=key),)
    chosen = [blocks.button(each.text, f"{REASON}_{at}", each.value) for at, each in enumerate(options)]
    return (blocks.actions(*chosen, *dismiss, block_id=key),)
