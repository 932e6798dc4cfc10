"""Makes modals and their inputs: menus, text fields, checkboxes. They keep Slack's limits whatever the texts are. Pure.

Texts are escaped, cut and checked as in `blocks`.
https://docs.slack.dev/surfaces/modals
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from bot.slack.block_kit.blocks import (
    ACTION_ID_LIMIT,
    BLOCK_ID_LIMIT,
    TEXT_LIMIT,
    URL_LIMIT,
    Block,
    check_length,
    label,
)
from bot.slack.block_kit.mrkdwn import escaped

# Slack's limits, in characters.
OPTION_LIMIT = 75
"""For an option's text, and for its description."""
OPTION_VALUE_LIMIT = 150
PLACEHOLDER_LIMIT = 150
FIELD_LIMIT = 2000
"""For the text above a field, and for the one below it."""
ENTRY_LIMIT = 3000
"""For what a person types into a field."""
MODAL_TEXT_LIMIT = 24
"""For a modal's title, and for its two buttons."""
METADATA_LIMIT = 3000

OPTIONS_LIMIT = 100
"""Options in one menu, and in one list of suggestions."""
BOXES_LIMIT = 10
"""Options in one group of checkboxes or radio buttons."""
OVERFLOW_LIMIT = 5
"""Options in one menu behind three dots."""
VIEW_BLOCKS_LIMIT = 100
"""Blocks in one modal, and in a Home tab."""


def is_value(text: str) -> bool:
    """Whether a text can be the value of an option: not empty, not too long, and printable."""
    return 0 < len(text) <= OPTION_VALUE_LIMIT and text.isprintable()


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a menu or of checkboxes; `text` and `description` are escaped and cut.

    Slack sends `value` back when it is chosen. Raises `ValueError` if `value` is not one (`is_value`).
    https://docs.slack.dev/reference/block-kit/composition-objects/option-object
    """

    text: str
    value: str
    description: str = ""
    url: str = ""
    """A page that it opens, in an `overflow` only. Slack sends the choice too, and wants it acknowledged."""

    def __post_init__(self) -> None:
        if not is_value(self.value):
            raise ValueError(f"an option's value has 1 to {OPTION_VALUE_LIMIT} printable characters: {self.value!r}")

    def block(self) -> Block:
        """The option as Slack takes it."""
        made: Block = {"text": label(self.text, OPTION_LIMIT), "value": self.value}
        if escaped(self.description):
            made["description"] = label(self.description, OPTION_LIMIT)
        return made | {"url": check_length("an option's url", self.url, URL_LIMIT)} if self.url else made


def select(action_id: str, options: Iterable[Option], placeholder: str, initial: str | None = None) -> Block:
    """Make a menu of the first hundred options. Of options with the same value, only the first counts.

    `initial`: the value of the option that is chosen at first; ignored if there is no such option.
    Raises `ValueError` if there are no options.
    https://docs.slack.dev/reference/block-kit/block-elements/select-menu-element#static_select
    """
    offered = _offered(options)
    if not offered:
        raise ValueError("a menu has 1 option or more")
    made = _element("static_select", action_id, placeholder) | {"options": offered}
    chosen = [option for option in offered if option["value"] == initial]
    return made | {"initial_option": chosen[0]} if chosen else made


def overflow(action_id: str, options: Sequence[Option]) -> Block:
    """Make the menu behind three dots, of at most five options.

    Raises `ValueError` if there are none, too many, or two with the same value.
    https://docs.slack.dev/reference/block-kit/block-elements/overflow-menu-element
    """
    offered = _offered(options)
    if not 0 < len(options) <= OVERFLOW_LIMIT or len(offered) < len(options):
        raise ValueError(f"a menu behind dots has 1 to {OVERFLOW_LIMIT} options, each with a value of its own")
    return _element("overflow", action_id) | {"options": offered}


def date_picker(action_id: str, placeholder: str) -> Block:
    """Make a calendar in which a person picks a day. Slack sends it as soon as it is picked, as `2026-12-24`.

    https://docs.slack.dev/reference/block-kit/block-elements/date-picker-element
    """
    return _element("datepicker", action_id, placeholder)


def radio_buttons(action_id: str, options: Sequence[Option], initial: str | None = None) -> Block:
    """Make a group of radio buttons; `initial` as for `select`.

    Raises `ValueError` if there are none, too many, or two with the same value.
    https://docs.slack.dev/reference/block-kit/block-elements/radio-button-group-element
    """
    offered = _offered(options)
    if not 0 < len(options) <= BOXES_LIMIT or len(offered) < len(options):
        raise ValueError(f"there are 1 to {BOXES_LIMIT} radio buttons, each with a value of its own")
    made = _element("radio_buttons", action_id) | {"options": offered}
    chosen = [option for option in offered if option["value"] == initial]
    return made | {"initial_option": chosen[0]} if chosen else made


def type_ahead(action_id: str, placeholder: str, min_query_length: int = 3, initial: Option | None = None) -> Block:
    """Make a menu that asks the bot for options while a person types, with a `block_suggestion`.

    `min_query_length`: characters that they type before it asks.
    https://docs.slack.dev/reference/block-kit/block-elements/select-menu-element#external_select
    """
    made = _element("external_select", action_id, placeholder) | {"min_query_length": min_query_length}
    return made | {"initial_option": initial.block()} if initial else made


def suggestions(options: Iterable[Option]) -> Block:
    """Make the answer to a `block_suggestion`: the first hundred options, in their order.

    https://docs.slack.dev/reference/interaction-payloads/block_suggestion-payload
    """
    return {"options": _offered(options)}


def _offered(options: Iterable[Option]) -> list[Block]:
    first: dict[str, Option] = {}
    for option in options:
        first.setdefault(option.value, option)
    return [option.block() for option in list(first.values())[:OPTIONS_LIMIT]]


def text_input(
    action_id: str, *, most: int, placeholder: str = "", multiline: bool = False, initial: str = ""
) -> Block:
    """Make a field for at most `most` characters; `initial` is the text in it at first, which Slack takes unescaped.

    Raises `ValueError` if `most` is not within Slack's limit.

    https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element
    """
    if not 0 < most <= ENTRY_LIMIT:
        raise ValueError(f"a field takes 1 to {ENTRY_LIMIT} characters, not {most}")
    made = _element("plain_text_input", action_id, placeholder) | {"multiline": multiline, "max_length": most}
    begins = sendable(initial)[:most]
    return made | {"initial_value": begins} if begins else made


def sendable(text: str) -> str:
    """The text without NUL and lone surrogates, which neither Slack nor a database takes. It keeps its lines."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def checkboxes(action_id: str, options: Sequence[Option], checked: Collection[str] = ()) -> Block:
    """Make checkboxes; `checked` are the values of the boxes that are ticked at first.

    Raises `ValueError` if there are none, too many, or two with the same value.
    https://docs.slack.dev/reference/block-kit/block-elements/checkboxes-element
    """
    boxes = _offered(options)
    if not 0 < len(options) <= BOXES_LIMIT or len(boxes) < len(options):
        raise ValueError(f"there are 1 to {BOXES_LIMIT} boxes, each with a value of its own")
    made = _element("checkboxes", action_id) | {"options": boxes}
    ticked = [box for box in boxes if box["value"] in checked]
    return made | {"initial_options": ticked} if ticked else made


def _element(kind: str, action_id: str, placeholder: str = "") -> Block:
    made: Block = {"type": kind, "action_id": check_length("an action_id", action_id, ACTION_ID_LIMIT)}
    if escaped(placeholder):
        made["placeholder"] = label(placeholder, PLACEHOLDER_LIMIT)
    return made


def field(
    block_id: str, text: str, element: Block, *, hint: str = "", optional: bool = False, dispatches: bool = False
) -> Block:
    """Make an input block: an element with a text above it, and optionally a hint below.

    `dispatches`: Slack sends a `block_actions` as soon as the person changes it.

    https://docs.slack.dev/reference/block-kit/blocks/input-block
    """
    made: Block = {
        "type": "input",
        "block_id": check_length("a block's id", block_id, BLOCK_ID_LIMIT),
        "label": label(text, FIELD_LIMIT),
        "element": element,
        "optional": optional,
        "dispatch_action": dispatches,
    }
    if escaped(hint):
        made["hint"] = label(hint, FIELD_LIMIT)
    return made


def modal(
    *, title: str, submit: str, close: str, blocks: Sequence[Block], callback_id: str, private_metadata: str = ""
) -> Block:
    """Make a modal. Raises `ValueError` if a text does not fit, or two blocks have the same id.

    https://docs.slack.dev/reference/views/modal-views
    """
    if not 0 < len(blocks) <= VIEW_BLOCKS_LIMIT:
        raise ValueError(f"a modal has 1 to {VIEW_BLOCKS_LIMIT} blocks, not {len(blocks)}")
    named = [block["block_id"] for block in blocks if "block_id" in block]
    if len(set(named)) < len(named):
        raise ValueError("two blocks of a modal have the same block_id")
    if len(private_metadata) > METADATA_LIMIT:
        raise ValueError(f"a modal's metadata has at most {METADATA_LIMIT} characters, not {len(private_metadata)}")
    words = {"title": title, "submit": submit, "close": close}
    for name, text in words.items():
        check_length(f"a modal's {name}", escaped(text, TEXT_LIMIT), MODAL_TEXT_LIMIT)
    return {
        "type": "modal",
        "callback_id": check_length("a callback_id", callback_id, ACTION_ID_LIMIT),
        **{name: label(text, MODAL_TEXT_LIMIT) for name, text in words.items()},
        "blocks": list(blocks),
        "private_metadata": private_metadata,
    }


def home_tab(blocks: Sequence[Block], *, callback_id: str, private_metadata: str) -> Block:
    """Make a Home tab. Raises `ValueError` if there are too many blocks, or the metadata do not fit.

    https://docs.slack.dev/reference/views/home-tab-views
    """
    if not 0 < len(blocks) <= VIEW_BLOCKS_LIMIT:
        raise ValueError(f"a Home tab has 1 to {VIEW_BLOCKS_LIMIT} blocks, not {len(blocks)}")
    return {
        "type": "home",
        "callback_id": check_length("a callback_id", callback_id, ACTION_ID_LIMIT),
        "blocks": list(blocks),
        "private_metadata": check_length("a view's metadata", private_metadata, METADATA_LIMIT),
    }
