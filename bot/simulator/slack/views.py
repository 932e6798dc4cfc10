"""Modals, for the stand-in for Slack: what the bot opens and updates, what people see of it, enter and submit.

A person has one modal, of one view; `views.push`, and pushing as an answer, there is not.
https://docs.slack.dev/surfaces/modals and https://docs.slack.dev/reference/interaction-payloads

Known from Slack's maintainers: an update keeps what is in a field with the same `block_id` and `action_id`, be it
nothing, whatever its `initial_...` says now (slackapi/bolt-js#290, slackapi/bolt-js#2184, slackapi/bolt-python#572).
Guessed, because it is documented nowhere:
- The order in which `views.open` looks: first at the trigger, which a view that is refused uses up, too.
- A modal that is opened takes the place of the one that its person has open.
- An update by `response_action` keeps what was entered as `views.update` does; what was chosen is kept even if it is no
  longer among the options.
- Only what the bot makes of a modal changes its `hash`, not what is entered.
- A text field with `dispatch_action` sends nothing: nobody presses Enter here.
- What Slack says itself, word by word; that it has trouble, too, with an answer that has fields of its own making, or
  errors for what is no `input` block.
"""

import json
import secrets
import time
from abc import ABC, abstractmethod
from asyncio import Condition, timeout
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx

from bot.simulator.slack.block_kit import (
    Element,
    buttons_of,
    fields_of,
    options_in,
    refusal_of_options,
    refusal_of_view,
)

Values = dict[str, dict[str, dict[str, Any]]]
"""What is in the fields: by the block's id, and in it by the element's."""

APP = "A0SIMULATED"
TRIGGER_SECONDS = 3.0
VIEW_BYTES = 250_000
MIN_QUERY_LENGTH = 3
"""Unless an `external_select` says otherwise."""

NOT_BESIDE_A_FIELD = ""
"""Among a modal's errors, the id of what Slack says of the whole of it."""
TROUBLE = "We had some trouble connecting. Try again?"
INCOMPLETE = "Please complete this required field."
TOO_SHORT, TOO_LONG = "Please enter at least {} characters.", "Please enter at most {} characters."


@dataclass(eq=False)
class View:
    """A modal as somebody sees it, until it is closed."""

    id: str
    user: str
    given: Mapping[str, Any]
    """What the bot said last that it is, each block with a `block_id`."""
    hash: str
    values: Values
    errors: dict[str, str] = field(default_factory=dict)
    """What it says is wrong: by `block_id`, or `NOT_BESIDE_A_FIELD`."""
    offered: dict[tuple[str, str], list[Element]] = field(default_factory=dict)
    """What type-ahead offered last in a field."""

    @property
    def blocks(self) -> Sequence[Mapping[str, Any]]:
        """What it consists of."""
        blocks: Sequence[Mapping[str, Any]] = self.given["blocks"]
        return blocks

    def field(self, block_id: str, action_id: str | None = None) -> Element:
        """The field in a block, by its own name if there are more. Raises `ValueError` when it is not there."""
        fields = [each for block in self.blocks if block["block_id"] == block_id for each in fields_of(block)]
        found = [each for each in fields if action_id in {None, each["action_id"]}]
        if len(found) != 1:
            raise ValueError(f"{len(found)} fields {block_id} {action_id or ''} in: {self.given['title']['text']}")
        return found[0]

    def fill(self, block_id: str, element: Element, value: str | Sequence[str] | None) -> None:
        """Enter a text, or choose by the options' values. Raises `ValueError` if nobody could."""
        entered = self.values[block_id][element["action_id"]]
        match element["type"]:
            case "plain_text_input":
                if not isinstance(value, str | None) or ("\n" in (value or "") and not element.get("multiline")):
                    raise ValueError(f"nobody can enter {value!r} in {block_id}")
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
        """What Slack itself has to say of what was entered, by `block_id`."""
        inputs = [block for block in self.blocks if block["type"] == "input"]
        found = {block["block_id"]: _complaint(block, self._entered(block)) for block in inputs}
        return {block_id: complaint for block_id, complaint in found.items() if complaint}

    def _entered(self, block: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a text, an option, or several
        entered = self.values[block["block_id"]][block["element"]["action_id"]]
        return next(value for name, value in entered.items() if name != "type")


def values_of(blocks: Iterable[Mapping[str, Any]]) -> Values:
    """What is in the fields before anybody enters anything."""
    return {
        block["block_id"]: {element["action_id"]: _initially(element) for element in fields}
        for block in blocks
        if (fields := fields_of(block))
    }


def option_of(options: Iterable[Element], value: object) -> Element:
    """The option with this value. Raises `ValueError` when there is none."""
    for option in options:
        if option.get("value") == value:
            return option
    raise ValueError(f"no option {value!r}")


def person(user: str, team_id: str, users: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Somebody, as Slack tells who did it."""
    name = users.get(user, {}).get("name", "somebody")
    return {"id": user, "username": name, "name": name, "team_id": users.get(user, {}).get("team_id", team_id)}


class Modals(ABC):
    """The part of the stand-in that deals with modals."""

    def __init__(self, team_id: str) -> None:
        self.team_id = team_id
        self.users: dict[str, dict[str, Any]] = {}
        self.views: list[View] = []
        """The modals that are open, the one opened last at the end."""
        self.refusals: list[str] = []
        """Modals and options that Slack would not show, and answers that it could make nothing of, with the reason."""
        self.clock: Callable[[], float] = time.time
        self._triggers: dict[str, tuple[str, float]] = {}
        self._exchanged: set[str] = set()
        self._news = Condition()

    @abstractmethod
    async def _tell(self, contents: Mapping[str, Any]) -> httpx.Response:
        """Send what somebody did; gives the bot's answer. Raises `httpx.TransportError` or `OSError` without one."""

    async def wait_until(self, so: Callable[[], bool], seconds: float = 60.0) -> None:
        """Until this is so, looking whenever anything changed. Raises `TimeoutError`."""
        async with timeout(seconds), self._news:
            await self._news.wait_for(so)

    # --- what people do --------------------------------------------------------------------------------------------

    def modal(self, user: str) -> View:
        """The modal that somebody sees. Raises `ValueError` when it is none."""
        for view in self.views:
            if view.user == user:
                return view
        raise ValueError(f"{user} sees no modal")

    async def wait_for_modal(self, user: str, seconds: float = 60.0) -> View:
        """The modal that somebody sees, as soon as they do. Raises `TimeoutError`."""
        await self.wait_until(lambda: any(view.user == user for view in self.views), seconds)
        return self.modal(user)

    async def type_ahead(
        self, view: View, block_id: str, text: str, *, action_id: str | None = None
    ) -> Sequence[Element]:
        """Somebody types in an `external_select`; gives the options that they are offered.

        https://docs.slack.dev/reference/interaction-payloads/block_suggestion-payload
        """
        element = self._seen(view).field(block_id, action_id)
        if element["type"] != "external_select":
            raise ValueError(f"nothing to look up in {block_id}")
        if len(text) < element.get("min_query_length", MIN_QUERY_LENGTH):
            return []
        contents = self._contents("block_suggestion", view) | {
            "container": {"type": "view", "view_id": view.id},
            "action_id": element["action_id"],
            "block_id": block_id,
            "value": text,
        }
        answer = await self._answer(contents)
        refusal = refusal_of_options(answer)
        if refusal:
            self.refusals.append(f"block_suggestion: {refusal}: {answer}")
        options = [] if refusal else options_in(answer)
        view.offered[block_id, element["action_id"]] = options
        return options

    async def enter(
        self, view: View, block_id: str, value: str | Sequence[str] | None, *, action_id: str | None = None
    ) -> None:
        """Somebody enters a text, or chooses by an option's value, or several, or clears a field (`None`).

        The bot hears of it where it asked to (`dispatch_action`), and of every choice outside an `input` block.
        Raises `ValueError` for what is not there to be chosen.
        https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
        """
        element = self._seen(view).field(block_id, action_id)
        entered = view.values[block_id][element["action_id"]]
        before = dict(entered)
        view.fill(block_id, element, value)
        block = next(block for block in view.blocks if block["block_id"] == block_id)
        tells = block["type"] != "input" or block.get("dispatch_action", False)
        # of radio buttons only a change is one: so Slack documents it
        same = element["type"] == "radio_buttons" and entered == before
        if tells and not same and element["type"] != "plain_text_input":
            await self._act(view, block_id, element, entered)

    async def press_in(self, view: View, action_id: str) -> None:
        """Somebody presses a button in a modal. Raises `ValueError` when there is none."""
        for block in self._seen(view).blocks:
            for element in buttons_of(block):
                if element["action_id"] == action_id:
                    return await self._act(view, block["block_id"], element, {})
        raise ValueError(f"no button {action_id} in: {view.given['title']['text']}")

    async def submit(self, view: View) -> Mapping[str, str]:
        """Somebody submits a modal; gives what it says is wrong, if anything: then it stays open.

        https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload#view_submission
        """
        if "submit" not in self._seen(view).given:
            raise ValueError(f"nothing to submit: {view.given['title']['text']}")
        view.errors = view.complaints()
        if view.errors:
            return view.errors
        answer = await self._answer(
            self._contents("view_submission", view) | {"trigger_id": self._new_trigger(view.user), "response_urls": []}
        )
        if view not in self.views:  # closed, or another in its place, while the bot thought
            return {}
        inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
        match answer:
            case None:
                self.close(view)
            case {"response_action": "clear", **rest} if not rest:
                self.close(view)
            case {"response_action": "errors", "errors": errors, **rest} if not rest and _name(errors, inputs):
                view.errors = errors
            case {"response_action": "update", "view": given, **rest} if not rest and not self._refusal(given, view):
                self._show_in(view, given)
            case _:
                self.refusals.append(f"view_submission: {answer}")
                view.errors = {NOT_BESIDE_A_FIELD: TROUBLE}
        await self._changed()
        return view.errors

    def close(self, view: View) -> None:
        """Somebody closes a modal; the bot hears nothing of it."""
        self.views.remove(self._seen(view))

    def _seen(self, view: View) -> View:
        if view not in self.views:
            raise ValueError(f"{view.user} no longer sees: {view.given['title']['text']}")
        return view

    async def _act(self, view: View, block_id: str, element: Element, chosen: Mapping[str, Any]) -> None:
        contents = self._contents("block_actions", view) | {
            "container": {"type": "view", "view_id": view.id},
            "trigger_id": self._new_trigger(view.user),
            "actions": [self._action(block_id, element, chosen)],
        }
        view.errors.pop(NOT_BESIDE_A_FIELD, None)
        if await self._answer(contents) is _TROUBLE:
            self.refusals.append(f"block_actions: {_TROUBLE}")
            view.errors[NOT_BESIDE_A_FIELD] = TROUBLE

    async def _answer(self, contents: Mapping[str, Any]) -> Any:  # noqa: ANN401 - anything that JSON can say
        """What the bot answers: `None` for nothing, `_TROUBLE` when it did not, or not in JSON."""
        try:
            answer = await self._tell(contents)
            return (answer.json() if answer.content else None) if answer.is_success else _TROUBLE
        except (httpx.TransportError, OSError, ValueError):
            return _TROUBLE

    def _contents(self, kind: str, view: View) -> dict[str, Any]:
        return {**self._who(kind, view.user), "view": self._view(view)}

    def _who(self, kind: str, user: str) -> dict[str, Any]:
        return {
            "type": kind,
            "user": person(user, self.team_id, self.users),
            "team": {"id": self.team_id, "domain": "simulated"},
            "enterprise": None,
            "is_enterprise_install": False,
            "api_app_id": APP,
        }

    def _action(self, block_id: str, element: Element, chosen: Mapping[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in element.items() if name not in _NOT_SENT}
        return {**kept, **chosen, "block_id": block_id, "action_ts": f"{self.clock():.6f}"}

    def _view(self, view: View) -> dict[str, Any]:
        return {
            "id": view.id,
            "team_id": self.team_id,
            "app_id": APP,
            "app_installed_team_id": self.team_id,
            "bot_id": "B0BOT",
            "private_metadata": "",
            "callback_id": "",
            "external_id": "",
            "close": None,
            "submit": None,
            "clear_on_close": False,
            "notify_on_close": False,
            **view.given,
            "state": {"values": view.values},
            "hash": view.hash,
            "root_view_id": view.id,
            "previous_view_id": None,
        }

    # --- what the bot does -----------------------------------------------------------------------------------------

    async def _open_view(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """https://docs.slack.dev/reference/methods/views.open ."""
        trigger_id = str(arguments.get("trigger_id"))
        user, made = self._triggers.pop(trigger_id, ("", 0.0))
        if not user:
            return _error("exchanged_trigger_id" if trigger_id in self._exchanged else "invalid_trigger_id")
        self._exchanged.add(trigger_id)
        if self.clock() - made > TRIGGER_SECONDS:
            return _error("expired_trigger_id")
        given = _given(arguments)
        if (refusal := self._refusal(given)) is not None:
            return refusal
        view = View(f"V{secrets.token_hex(5).upper()}", user, {"blocks": ()}, "", {})
        self.views[:] = [*(each for each in self.views if each.user != user), view]
        self._show_in(view, given)
        await self._changed()
        return {"ok": True, "view": self._view(view)}

    async def _update_view(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """https://docs.slack.dev/reference/methods/views.update ."""
        view = next((view for view in self.views if _is_meant(view, arguments)), None)
        if view is None:
            return _error("not_found")
        given = _given(arguments)
        if (refusal := self._refusal(given, view)) is not None:
            return refusal
        if arguments.get("hash") not in {None, view.hash}:
            return _error("hash_conflict")
        self._show_in(view, given)
        await self._changed()
        return {"ok": True, "view": self._view(view)}

    def _refusal(self, given: Any, of: View | None = None) -> dict[str, Any] | None:  # noqa: ANN401
        if (refusal := refusal_of_view(given)) is not None:
            self.refusals.append(refusal)
            return {**_error("invalid_arguments"), "response_metadata": {"messages": [refusal]}}
        if len(json.dumps(given)) > VIEW_BYTES:
            return _error("view_too_large")
        others = {view.given.get("external_id") for view in self.views if view is not of}
        return _error("duplicate_external_id") if given.get("external_id") and given["external_id"] in others else None

    def _show_in(self, view: View, given: Mapping[str, Any]) -> None:
        blocks = [{"block_id": secrets.token_hex(3), **block} for block in given["blocks"]]
        values = values_of(blocks)
        for block_id, elements in values.items():
            for action_id, entered in elements.items():
                before = view.values.get(block_id, {}).get(action_id, {})
                if before.get("type") == entered["type"]:
                    elements[action_id] = before
        view.given, view.values, view.errors = {**given, "blocks": blocks}, values, {}
        view.hash = f"{int(self.clock())}.{secrets.token_hex(4)}"

    def _new_trigger(self, user: str) -> str:
        trigger_id = f"{secrets.randbelow(10**9)}.{secrets.randbelow(10**9)}.{secrets.token_hex(16)}"
        self._triggers[trigger_id] = user, self.clock()
        return trigger_id

    async def _changed(self) -> None:
        async with self._news:
            self._news.notify_all()


_TROUBLE: Literal["no answer, or none in JSON"] = "no answer, or none in JSON"
_NOT_SENT = frozenset({"confirm", "options", "min_query_length", "multiline", "min_length", "max_length"})


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


def _name(errors: Any, inputs: set[str]) -> bool:  # noqa: ANN401
    """Whether these are errors, each of an input."""
    if not isinstance(errors, Mapping) or not errors:
        return False
    return errors.keys() <= inputs and all(isinstance(each, str) and each for each in errors.values())


def _given(arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """The view among a method's arguments; Slack wants it in JSON, in a JSON body it may be as it is."""
    given = arguments.get("view")
    try:
        return json.loads(given) if isinstance(given, str) else given
    except ValueError:
        return None


def _is_meant(view: View, arguments: Mapping[str, Any]) -> bool:
    external_id = arguments.get("external_id")
    return view.id == arguments.get("view_id") or bool(external_id and view.given.get("external_id") == external_id)


def _error(error: str) -> dict[str, Any]:
    return {"ok": False, "error": error}
