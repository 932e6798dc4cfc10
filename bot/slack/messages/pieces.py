"""Pieces that messages are made of: deals with their links and facts, small print, buttons. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from bot.commands.record import Entry, Record
from bot.commands.reply import Message
from bot.commands.request import COMMAND
from bot.deals.deal import LostReason, Opportunity
from bot.deals.locations import Locations
from bot.deals.policy import Policy
from bot.deals.wish import Wish
from bot.slack.actions import CONFIRM, DISMISS, LINK, REASON, UNDO
from bot.slack.block_kit import blocks, inputs, mrkdwn
from bot.slack.block_kit.blocks import Block
from bot.slack.block_kit.mrkdwn import code, plain
from bot.slack.messages.tables import CHEER, FOR_ADMINS, LOCK, UNDONE, WARNING
from bot.slack.wording import LINKS, Page, dotted, first_visible, money

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
    """ISO code of deals' values; empty when the operator has not set one."""
    admin_contact: str
    """Slack user id of the person to ask for help; empty when there is none."""
    admins: Sequence[str]
    """Slack user ids of those who let others in; empty for none."""
    channels: frozenset[str]
    """Slack channel ids where deals may be changed; empty for everywhere."""
    command: str = COMMAND
    """The slash command, as the operator named it."""
    connect_url: str = ""
    """The page where HighLevel is connected by OAuth; empty where a token is used instead."""
    docs_url: str = ""
    """Where the folder `docs` is published, without a slash at the end; empty where that is not known."""

    def page(self, page: Page) -> str:
        """A link to a page of the documents; empty where it is not known where they are."""
        return mrkdwn.link(f"{self.docs_url}/{page}", LINKS[page]) if self.docs_url else ""

    @property
    def admin(self) -> str:
        """The person to ask for help."""
        return mrkdwn.user(self.admin_contact) if self.admin_contact else "your Opp Status admin"

    @property
    def admin_list(self) -> str:
        """All admins, with commas between them; empty for none."""
        return ", ".join(map(mrkdwn.user, self.admins))

    @property
    def channel_list(self) -> str:
        """The channels where deals may be changed, at most `CHANNELS_NAMED` of them by name."""
        named = [mrkdwn.channel(channel) for channel in sorted(self.channels)[:CHANNELS_NAMED]]
        return ", ".join(named if len(self.channels) <= CHANNELS_NAMED else [*named, "and more"])

    @property
    def location_list(self) -> str:
        """The names of all sub-accounts, with commas between them."""
        return ", ".join(plain(self.locations.name(each)) for each in self.locations.ids)

    @property
    def connect_page(self) -> str:
        """The page where HighLevel is connected: as a link, where its address is known."""
        page = "the HighLevel connection page"
        return mrkdwn.link(self.connect_url, page) if self.connect_url else page

    def deal(self, opportunity: Opportunity) -> str:
        """A deal's name as a link to its page; its id where it has no name."""
        name = first_visible(opportunity.name, f"deal {opportunity.id}")
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

    def priced(self, opportunity: Opportunity) -> str:
        """A deal's name as a link, and its value behind it where it has one."""
        value = self.money(opportunity.value)
        return dotted(self.deal(opportunity), f"*{value}*" if value else "")

    def money(self, value: float | None) -> str:
        """See `money`."""
        return money(value, self.currency)

    def customer(self, opportunity: Opportunity) -> str:
        """The company that a deal is with, else the person, unless the deal is called so; empty for none."""
        customer = opportunity.company or opportunity.contact or ""
        return plain(customer) if customer != opportunity.name else ""

    def facts(self, opportunity: Opportunity) -> str:
        """What tells this deal from others besides name and value, as far as it is known; empty when nothing is."""
        people = ", ".join(
            plain(name) for name in (opportunity.contact, opportunity.company) if name and name != opportunity.name
        )
        place = plain(opportunity.stage or opportunity.pipeline or "")
        owner = f"Owner: {plain(opportunity.owner)}" if opportunity.owner else ""
        return dotted(people, place, owner, plain(self.locations.mentioned(opportunity.location_id)))

    def away(self, deal: Opportunity) -> str:
        """The sub-account of a deal, where it is not the default one; else empty."""
        return deal.location_id or "" if deal.location_id != self.locations.default else ""

    def view_button(self, opportunity_id: str, location_id: str | None) -> Sequence[Block]:
        """A button that opens a deal's page; none where no button can carry the address."""
        url = self.url(opportunity_id, location_id)
        can_be_opened = bool(opportunity_id) and fits(url, blocks.URL_LIMIT)
        return (blocks.link_button("View in HighLevel", LINK, url),) if can_be_opened else ()


# --- a few words ----------------------------------------------------------------------------------------------------


def note(entry: Entry) -> str:
    """The caller's note as a quotation; empty when there is none."""
    return f"&gt; {plain(entry.note, NOTE_LIMIT)}" if entry.note else ""


def why_lost(question: str, words: str) -> str:
    """The question after a lost reason; or, to a caller who typed words that are none, that they are none."""
    return f"{code(words)} isn't one of your lost reasons." if words else question


# --- messages ------------------------------------------------------------------------------------------------------


def message(
    lines: Sequence[str],
    small_print: str,
    *,
    public: bool,
    lists: Sequence[str] = (),
    details: Sequence[str] = (),
    buttons: Sequence[Block] = (),
    accessory: Block | None = None,
    reference: str = "",
) -> Message:
    """One paragraph, details below it, a row of buttons, and small print. Empty lines are left out.

    `lists`: further paragraphs. `details`: lines in small letters. `accessory`: the one button that stands beside the
    paragraph. `reference`: that of the command which a public message tells of; it is the paragraph's `block_id`, where
    it is found and not read.
    """
    paragraph, below = "\n".join(filter(None, lines)), "\n".join(filter(None, details))
    taken = {each.get("block_id") for each in buttons}
    block_id = reference if fits(reference, blocks.BLOCK_ID_LIMIT) and reference not in taken else ""
    shown = (
        blocks.section(paragraph, accessory, block_id),
        *map(blocks.section, lists),
        *([blocks.context(below)] if below else ()),
        *buttons,
        *([blocks.context(small_print)] if small_print else ()),
    )
    return Message(notification(paragraph, *lists, below, small_print), shown, public)


def private(
    reference: str,
    *lines: str,
    details: Sequence[str] = (),
    buttons: Sequence[Block] = (),
    small_print: str = "",
    replaces: bool = False,
) -> Message:
    """A paragraph that only one person sees, with the reference in its small print, before what is for admins."""
    small, _, for_admins = small_print.partition(f"{FOR_ADMINS} ")
    with_reference = with_admins(dotted(small.strip(), reference_line(reference)), for_admins)
    told = message(lines, with_reference, public=False, details=details, buttons=buttons)
    return replace(told, replaces=replaces)


def with_admins(small_print: str, for_admins: str, page: str = "") -> str:
    """Small print with a line of its own for admins; names of settings and commands for the server stand only there."""
    line = f"{FOR_ADMINS} {for_admins} {page}".rstrip() if for_admins else ""
    return "\n".join(filter(None, (small_print, line)))


def notification(*lines: str) -> str:
    """What a phone shows of a message, and a screen reader reads: without links, marks, and the emoji at its beginning.

    A person stays a mention, which Slack shows by name there too. The news comes first: a phone shows 60 characters.
    https://docs.slack.dev/reference/methods/chat.postMessage#text-blocks-and-attachments
    """
    said = mrkdwn.spoken("\n".join(filter(None, lines)))
    for emoji in (CHEER, UNDONE, WARNING, LOCK):
        said = said.removeprefix(f"{emoji} ")
    return mrkdwn.fit(said, blocks.TEXT_LIMIT)


def in_sections(lines: Sequence[str]) -> Sequence[str]:
    """A list in parts that each fit into a section."""
    return ["\n".join(lines[at : at + LINES_PER_SECTION]) for at in range(0, len(lines), LINES_PER_SECTION)]


def reference_line(reference: str) -> str:
    """The small print that names a command, as the log does."""
    return f"Ref {plain(reference)}"


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


def undo_button(what: str, key: str, policy: Policy, label: str = "Undo") -> Block | None:
    """The button that undoes a change, which `what` describes; `None` where undo is turned off."""
    if not policy.undo_window or not fits(key, blocks.VALUE_LIMIT):
        return None
    confirm = blocks.Confirm(
        title="Undo this change?",
        text=f"{what} HighLevel automations may run again and message the customer.",
        confirm="Undo",
        deny="Keep it",
    )
    return blocks.button(label, UNDO, key, confirm=confirm)


def again_button(action: str, value: str) -> Sequence[Block]:
    """The button that tries something once more; none where none can carry the value."""
    return (blocks.button("Try again", action, value, style="primary"),) if fits(value, blocks.VALUE_LIMIT) else ()


def yes_or_no(yes: str, key: str, *, no: bool = True) -> Sequence[Block]:
    """A row with the answers to a question. `no`: whether a second button dismisses the message.

    It must not where the message tells of more than the question.
    """
    if not fits(key, blocks.VALUE_LIMIT):
        return ()
    leave = [blocks.button("Cancel", DISMISS, "no")] if no else []
    return (blocks.actions(blocks.button(yes, CONFIRM, key, style="primary"), *leave),)


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
