"""A modal in the stand-in for Slack: its fields, what a person enters, and what Slack finds wrong with it. Pure.

Guessed: Slack's own sentences, word by word.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.simulator.slack.block_kit import Element, fields_of

Values = dict[str, dict[str, dict[str, Any]]]
"""What is in the fields, by the block's id and the element's `action_id`."""

NOT_BESIDE_A_FIELD = ""
"""The key, among a modal's errors, of an error that concerns the whole modal."""
TROUBLE = "We had some trouble connecting. Try again?"
INCOMPLETE = "Please complete this required field."
TOO_SHORT, TOO_LONG = "Please enter at least {} characters.", "Please enter at most {} characters."


@dataclass(eq=False)
class View:
    """A modal as a person sees it, until it is closed."""

    id: str
    user: str
    given: Mapping[str, Any]
    """The view that the bot gave last, each block with a `block_id`."""
    hash: str
    values: Values
    errors: dict[str, str] = field(default_factory=dict)
    """The errors that the modal shows, by `block_id` or `NOT_BESIDE_A_FIELD`."""
    offered: dict[tuple[str, str], list[Element]] = field(default_factory=dict)
    """The options that type-ahead offered last, by `block_id` and `action_id`."""

    @property
    def blocks(self) -> Sequence[Mapping[str, Any]]:
        """The blocks that the bot gave last."""
        blocks: Sequence[Mapping[str, Any]] = self.given["blocks"]
        return blocks

    def field(self, block_id: str, action_id: str | None = None) -> Element:
        """Find the field in a block; `action_id` is needed only if it has several. Raises `ValueError` if none fits."""
        fields = [each for block in self.blocks if block["block_id"] == block_id for each in fields_of(block)]
        found = [each for each in fields if action_id in {None, each["action_id"]}]
        if len(found) != 1:
            raise ValueError(f"{len(found)} fields {block_id} {action_id or ''} in: {self.given['title']['text']}")
        return found[0]

    def fill(self, block_id: str, element: Element, value: str | Sequence[str] | None) -> None:
        """Enter a text, choose options by their values, or clear the field (`None`).

        Raises `ValueError` if Slack would not let a person enter or choose this.
        """
        entered = self.values[block_id][element["action_id"]]
        match element["type"]:
            case "plain_text_input":
                if not isinstance(value, str | None) or ("\n" in (value or "") and not element.get("multiline")):
                    raise ValueError(f"cannot enter {value!r} in {block_id}")
                entered["value"] = value or None
            case "checkboxes":
                values = [value] if isinstance(value, str) else value or ()
                entered["selected_options"] = [option_of(element["options"], each) for each in values]
            case "radio_buttons":
                entered["selected_option"] = option_of(element["options"], value)
            case _:
                offered = self.offered.get((block_id, element["action_id"]), ())
                options = [*element.get("options", offered), entered["selected_option"] or {}]
                entered["selected_option"] = None if value is None else option_of(options, value)

    def complaints(self) -> dict[str, str]:
        """What Slack itself finds wrong when the modal is submitted, by `block_id`; empty if nothing is."""
        inputs = [block for block in self.blocks if block["type"] == "input"]
        found = {block["block_id"]: _complaint(block, self._entered(block)) for block in inputs}
        return {block_id: complaint for block_id, complaint in found.items() if complaint}

    def _entered(self, block: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a text, an option, or several
        entered = self.values[block["block_id"]][block["element"]["action_id"]]
        return next(value for name, value in entered.items() if name != "type")


def values_of(blocks: Iterable[Mapping[str, Any]]) -> Values:
    """The initial values of the fields in these blocks."""
    return {
        block["block_id"]: {element["action_id"]: _initially(element) for element in fields}
        for block in blocks
        if (fields := fields_of(block))
    }


def option_of(options: Iterable[Element], value: object) -> Element:
    """Find the option with this value. Raises `ValueError` if there is none."""
    for option in options:
        if option.get("value") == value:
            return option
    raise ValueError(f"no option {value!r}")


def _initially(element: Element) -> dict[str, Any]:
    match element["type"]:
        case "plain_text_input":
            return {"type": "plain_text_input", "value": element.get("initial_value") or None}
        case "checkboxes":
            return {"type": "checkboxes", "selected_options": list(element.get("initial_options", ()))}
    return {"type": element["type"], "selected_option": element.get("initial_option")}


def _complaint(block: Mapping[str, Any], entered: Any) -> str | None:  # noqa: ANN401
    if not entered:
        return None if block.get("optional") else INCOMPLETE
    if not isinstance(entered, str):
        return None
    least, most = (block["element"].get(name) for name in ("min_length", "max_length"))
    if least is not None and len(entered) < least:
        return TOO_SHORT.format(least)
    return TOO_LONG.format(most) if most is not None and len(entered) > most else None
