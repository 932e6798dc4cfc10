"""What Slack refuses in a modal, read off its documentation once more: the tests' own word against the builders'.

`refusal_of_view` is called as the stand-in's is, so that a test can ask either.
https://docs.slack.dev/reference/views/modal-views
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

MOST = {
    "title": 24,
    "submit": 24,
    "close": 24,
    "label": 2000,
    "hint": 2000,
    "placeholder": 150,
    "text": 75,  # of an option
    "description": 75,
}
IDS = ("block_id", "action_id", "callback_id")
OPTIONS = {"static_select": 100, "external_select": 100, "checkboxes": 10}


def refusal_of_view(view: Mapping[str, Any]) -> str | None:
    return next(_refusals(view), None)


def refusal_of_options(answer: Mapping[str, Any]) -> str | None:
    return next(_refusals_of_options(answer["options"], 100), None) or next(_refusals_of_texts(answer), None)


def _refusals(view: Mapping[str, Any]) -> Iterator[str]:
    blocks = view["blocks"]
    if not 0 < len(blocks) <= 100 or len({block["block_id"] for block in blocks}) < len(blocks):
        yield "blocks"
    if len(view["private_metadata"]) > 3000:
        yield "private_metadata"
    yield from _refusals_of_texts(view)
    for block in blocks:
        element = block["element"]
        kind = element["type"]
        if kind in {"static_select", "checkboxes"}:
            yield from _refusals_of_options(element["options"], OPTIONS[kind], least=1)
            initial = [*element.get("initial_options", ()), element.get("initial_option", element["options"][0])]
            if any(option not in element["options"] for option in initial) or element.get("initial_options") == []:
                yield f"{kind}: initial"
        elif kind == "external_select":
            initial = [element["initial_option"]] if "initial_option" in element else []
            yield from _refusals_of_options(initial, 1)
        elif kind != "plain_text_input" or len(element.get("initial_value", "")) > element["max_length"] <= 3000:
            yield kind


def _refusals_of_options(options: list[Mapping[str, Any]], most: int, least: int = 0) -> Iterator[str]:
    if not least <= len(options) <= most:
        yield f"{len(options)} options"
    if len({option["value"] for option in options}) < len(options):
        yield "two options with one value"
    if not all(0 < len(option["value"]) <= 150 for option in options):
        yield "value"


def _refusals_of_texts(given: Any, name: str = "") -> Iterator[str]:  # noqa: ANN401 - anything that JSON can say
    if isinstance(given, Mapping):
        if given.get("type") == "plain_text" and not 0 < len(given["text"]) <= MOST[name]:
            yield f"{name}: {given['text']}"
        for key, value in given.items():
            yield from _refusals_of_texts(value, key)
            if key in IDS and not 0 < len(value) <= 255:
                yield key
    elif isinstance(given, list):
        for each in given:
            yield from _refusals_of_texts(each, name)
    else:
        try:
            json.dumps(given, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            yield f"{name} cannot be sent"
