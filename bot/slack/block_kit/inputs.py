"""Pieces of Slack modals that are filled in: menus, fields, boxes to tick. None can exceed Slack's limits. Pure.

Texts from anywhere are cut to what Slack shows; what is ours and does not fit is a `ValueError`, as in `blocks`.
https://docs.slack.dev/surfaces/modals
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from bot.slack.block_kit.blocks import ACTION_ID_LIMIT, BLOCK_ID_LIMIT, TEXT_LIMIT, Block, label, ours
from bot.slack.block_kit.mrkdwn import escaped

OPTION_LIMIT = 75
"""Of an option's text, and of its description."""
OPTION_VALUE_LIMIT = 150
OPTIONS_LIMIT = 100
"""Of the options in one menu, and in one answer to what was typed."""
BOXES_LIMIT = 10
PLACEHOLDER_LIMIT = 150
FIELD_LIMIT = 2000
"""Of the text above a field, and of the one below it."""
ENTRY_LIMIT = 3000
"""Of what can be typed into a field."""
MODAL_TEXT_LIMIT = 24
"""Of a modal's title, and of its two buttons."""
MODAL_BLOCKS_LIMIT = 100
METADATA_LIMIT = 3000


def is_value(text: str) -> bool:
    """Whether an option can stand for this: neither empty nor too long, and nothing in it that cannot be sent."""
    return 0 < len(text) <= OPTION_VALUE_LIMIT and text.isprintable()


@dataclass(frozen=True, slots=True)
class Option:
    """Something that can be chosen; `text` and `description` are text from anywhere.

    `value` comes back when it is chosen. It is ours: one that cannot be a value is a `ValueError`.
    https://docs.slack.dev/reference/block-kit/composition-objects/option-object
    """

    text: str
    value: str
    description: str = ""

    def __post_init__(self) -> None:
        if not is_value(self.value):
            raise ValueError(f"an option's value has 1 to {OPTION_VALUE_LIMIT} printable characters: {self.value!r}")

    def block(self) -> Block:
        """The object that Slack knows."""
        made: Block = {"text": label(self.text, OPTION_LIMIT), "value": self.value}
        if escaped(self.description):
            made["description"] = label(self.description, OPTION_LIMIT)
        return made


def select(action_id: str, options: Iterable[Option], placeholder: str, initial: str | None = None) -> Block:
    """A menu of what we know beforehand: the first hundred options, and of those with one value the first.

    None at all are a `ValueError`. `initial` is the value of the one that is chosen to begin with, if it is there.
    https://docs.slack.dev/reference/block-kit/block-elements/select-menu-element#static_select
    """
    offered = _offered(options)
    if not offered:
        raise ValueError("a menu has 1 option or more")
    made = _element("static_select", action_id, placeholder) | {"options": offered}
    chosen = [option for option in offered if option["value"] == initial]
    return made | {"initial_option": chosen[0]} if chosen else made


def type_ahead(action_id: str, placeholder: str, min_query_length: int = 3, initial: Option | None = None) -> Block:
    """A menu that asks us, with `block_suggestion`, for what fits to the letters typed so far.

    https://docs.slack.dev/reference/block-kit/block-elements/select-menu-element#external_select
    """
    made = _element("external_select", action_id, placeholder) | {"min_query_length": min_query_length}
    return made | {"initial_option": initial.block()} if initial else made


def suggestions(options: Iterable[Option]) -> Block:
    """The answer to a `block_suggestion`: the first hundred, in their order.

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
    """A field to type into, `most` characters; `initial` is text from anywhere, which is not escaped here.

    https://docs.slack.dev/reference/block-kit/block-elements/plain-text-input-element
    """
    if not 0 < most <= ENTRY_LIMIT:
        raise ValueError(f"a field takes 1 to {ENTRY_LIMIT} characters, not {most}")
    made = _element("plain_text_input", action_id, placeholder) | {"multiline": multiline, "max_length": most}
    begins = sendable(initial)[:most]
    return made | {"initial_value": begins} if begins else made


def sendable(text: str) -> str:
    """Text on several lines, without what neither Slack nor a database takes: NUL, and halves of characters."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def checkboxes(action_id: str, options: Sequence[Option], checked: Collection[str] = ()) -> Block:
    """Boxes to tick; `checked` are the values of those that are ticked to begin with.

    None, too many, or two with one value are a `ValueError`.
    https://docs.slack.dev/reference/block-kit/block-elements/checkboxes-element
    """
    boxes = _offered(options)
    if not 0 < len(options) <= BOXES_LIMIT or len(boxes) < len(options):
        raise ValueError(f"there are 1 to {BOXES_LIMIT} boxes, each with a value of its own")
    made = _element("checkboxes", action_id) | {"options": boxes}
    ticked = [box for box in boxes if box["value"] in checked]
    return made | {"initial_options": ticked} if ticked else made


def _element(kind: str, action_id: str, placeholder: str = "") -> Block:
    made: Block = {"type": kind, "action_id": ours("an action_id", action_id, ACTION_ID_LIMIT)}
    if escaped(placeholder):
        made["placeholder"] = label(placeholder, PLACEHOLDER_LIMIT)
    return made


def field(
    block_id: str, text: str, element: Block, *, hint: str = "", optional: bool = False, dispatches: bool = False
) -> Block:
    """An element with a text above it and perhaps a hint below. `dispatches`: we hear of it as soon as it changes.

    https://docs.slack.dev/reference/block-kit/blocks/input-block
    """
    made: Block = {
        "type": "input",
        "block_id": ours("a block's id", block_id, BLOCK_ID_LIMIT),
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
    """A modal. All is ours: what does not fit, or two blocks with one id, is a `ValueError`.

    https://docs.slack.dev/reference/views/modal-views
    """
    if not 0 < len(blocks) <= MODAL_BLOCKS_LIMIT:
        raise ValueError(f"a modal has 1 to {MODAL_BLOCKS_LIMIT} blocks, not {len(blocks)}")
    named = [block["block_id"] for block in blocks if "block_id" in block]
    if len(set(named)) < len(named):
        raise ValueError("two blocks of a modal have the same block_id")
    if len(private_metadata) > METADATA_LIMIT:
        raise ValueError(f"a modal's metadata has at most {METADATA_LIMIT} characters, not {len(private_metadata)}")
    words = {"title": title, "submit": submit, "close": close}
    for name, text in words.items():
        ours(f"a modal's {name}", escaped(text, TEXT_LIMIT), MODAL_TEXT_LIMIT)
    return {
        "type": "modal",
        "callback_id": ours("a callback_id", callback_id, ACTION_ID_LIMIT),
        **{name: label(text, MODAL_TEXT_LIMIT) for name, text in words.items()},
        "blocks": list(blocks),
        "private_metadata": private_metadata,
    }
