"""Modals in the stand-in for Slack: the bot opens and updates them, people fill them in and submit them.

A person has at most one modal, of one view: `views.push`, and `push` as an answer, are not imitated.
https://docs.slack.dev/surfaces/modals and https://docs.slack.dev/reference/interaction-payloads

Known from Slack's maintainers: an update keeps the value of a field with the same `block_id` and `action_id`, even an
empty one, whatever `initial_...` says now (slackapi/bolt-js#290, slackapi/bolt-js#2184, slackapi/bolt-python#572).
Guessed, because it is documented nowhere:
- `views.open` looks at the trigger first, and uses it up even if it refuses the view.
- A modal that the bot opens replaces the one that the person has open.
- An update by `response_action` keeps what was entered, as `views.update` does. Both keep a chosen option even if it is
  no longer offered.
- A view's `hash` changes when the bot changes the view, not when a person enters something.
- A text field with `dispatch_action` sends nothing: people do not press Enter here.
- Slack also reports trouble when an answer has unknown fields, or errors for a block that is no `input`.
"""

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from bot.http.exchange import RequestFailed
from bot.simulator.slack.block_kit import Element, buttons_of, options_in, refusal_of_options, refusal_of_view
from bot.simulator.slack.interactions import APP, Interactions
from bot.simulator.slack.views import NOT_BESIDE_A_FIELD, TROUBLE, View, values_of

TRIGGER_SECONDS = 3.0
VIEW_BYTES = 250_000
MIN_QUERY_LENGTH = 3
"""The least that type-ahead looks up, unless an `external_select` says otherwise."""

_TROUBLE: Literal["no answer, or none in JSON"] = "no answer, or none in JSON"


class Modals(Interactions):
    """A workspace whose people also use the app's modals."""

    def __init__(self, team_id: str, signing_secret: str) -> None:
        super().__init__(team_id, signing_secret)
        self.trigger_seconds = TRIGGER_SECONDS
        """How long after an interaction a modal can be opened."""
        self._exchanged: set[str] = set()
        """The triggers that are used up."""

    # --- what people do --------------------------------------------------------------------------------------------

    def modal(self, user: str) -> View:
        """The modal that this person has open. Raises `ValueError` if there is none."""
        for view in self.views:
            if view.user == user:
                return view
        raise ValueError(f"{user} sees no modal")

    async def wait_for_modal(self, user: str, seconds: float = 60.0) -> View:
        """Wait until this person has a modal open; returns it. Raises `TimeoutError`."""
        await self.wait_until(lambda: any(view.user == user for view in self.views), seconds)
        return self.modal(user)

    async def type_ahead(
        self, view: View, block_id: str, text: str, *, action_id: str | None = None
    ) -> Sequence[Element]:
        """Type in an `external_select`. Returns the options that the person is offered.

        https://docs.slack.dev/reference/interaction-payloads/block_suggestion-payload
        """
        element = self._seen(view).field(block_id, action_id)
        if element["type"] != "external_select":
            raise ValueError(f"nothing to look up in {block_id}")
        if len(text) < element.get("min_query_length", MIN_QUERY_LENGTH):
            return []
        payload = self._view_payload("block_suggestion", view) | {
            "container": {"type": "view", "view_id": view.id},
            "action_id": element["action_id"],
            "block_id": block_id,
            "value": text,
        }
        answer = await self._answer(payload)
        refusal = refusal_of_options(answer)
        if refusal:
            self.refusals.append(f"block_suggestion: {refusal}: {answer}")
        options = [] if refusal else options_in(answer)
        view.offered[block_id, element["action_id"]] = options
        return options

    async def enter(
        self, view: View, block_id: str, value: str | Sequence[str] | None, *, action_id: str | None = None
    ) -> None:
        """Enter a text, choose options by their values, or clear a field (`None`).

        Slack sends the bot every choice outside an `input` block, and those in one with `dispatch_action`.
        Raises `ValueError` for an option that is not offered.
        https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
        """
        element = self._seen(view).field(block_id, action_id)
        entered = view.values[block_id][element["action_id"]]
        before = dict(entered)
        view.fill(block_id, element, value)
        block = next(block for block in view.blocks if block["block_id"] == block_id)
        is_sent = block["type"] != "input" or block.get("dispatch_action", False)
        # Slack documents this of radio buttons: choosing the same one again is no action.
        unchanged = element["type"] == "radio_buttons" and entered == before
        if is_sent and not unchanged and element["type"] != "plain_text_input":
            await self._act(view, block_id, element, entered)

    async def press_in(self, view: View, action_id: str) -> None:
        """Press a button in a modal. Raises `ValueError` if there is none with this `action_id`."""
        for block in self._seen(view).blocks:
            for element in buttons_of(block):
                if element["action_id"] == action_id:
                    return await self._act(view, block["block_id"], element, {})
        raise ValueError(f"no button {action_id} in: {view.given['title']['text']}")

    async def submit(self, view: View) -> Mapping[str, str]:
        """Submit a modal. Returns the errors that it shows then; if there are any, it stays open.

        https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload#view_submission
        """
        if "submit" not in self._seen(view).given:
            raise ValueError(f"nothing to submit: {view.given['title']['text']}")
        view.errors = view.complaints()
        if view.errors:
            return view.errors
        answer = await self._answer(
            self._view_payload("view_submission", view)
            | {"trigger_id": self._new_trigger(view.user), "response_urls": []}
        )
        if view not in self.views:  # it was closed or replaced before the bot answered
            return {}
        inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
        match answer:
            case None:
                self.close(view)
            case {"response_action": "clear", **rest} if not rest:
                self.close(view)
            case {"response_action": "errors", "errors": errors, **rest} if not rest and _are_errors(errors, inputs):
                view.errors = errors
            case {"response_action": "update", "view": given, **rest} if not rest and not self._refusal(given, view):
                self._show_in(view, given)
            case _:
                self.refusals.append(f"view_submission: {answer}")
                view.errors = {NOT_BESIDE_A_FIELD: TROUBLE}
        await self._changed()
        return view.errors

    def close(self, view: View) -> None:
        """Close a modal; Slack does not tell the bot."""
        self.views.remove(self._seen(view))

    def _seen(self, view: View) -> View:
        if view not in self.views:
            raise ValueError(f"{view.user} no longer sees: {view.given['title']['text']}")
        return view

    async def _act(self, view: View, block_id: str, element: Element, chosen: Mapping[str, Any]) -> None:
        payload = self._view_payload("block_actions", view) | {
            "container": {"type": "view", "view_id": view.id},
            "trigger_id": self._new_trigger(view.user),
            "actions": [self._action(block_id, element, chosen)],
        }
        view.errors.pop(NOT_BESIDE_A_FIELD, None)
        if await self._answer(payload) is _TROUBLE:
            self.refusals.append(f"block_actions: {_TROUBLE}")
            view.errors[NOT_BESIDE_A_FIELD] = TROUBLE

    async def _answer(self, payload: Mapping[str, Any]) -> Any:  # noqa: ANN401 - anything that JSON can say
        """The bot's answer, read from JSON: `None` if it is empty, `_TROUBLE` if there is none or it is not JSON."""
        try:
            answer = await self._deliver_payload(payload)
            return (answer.json() if answer.content else None) if answer.is_success else _TROUBLE
        except (RequestFailed, OSError, ValueError):
            return _TROUBLE

    def _view_payload(self, kind: str, view: View) -> dict[str, Any]:
        return {**self._payload(kind, view.user), "view": self._view(view)}

    def _view(self, view: View) -> dict[str, Any]:
        return {
            "id": view.id,
            "team_id": self.team_id,
            "app_id": APP,
            "app_installed_team_id": self.organization if self.is_org_wide else self.team_id,
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
            return refused("exchanged_trigger_id" if trigger_id in self._exchanged else "invalid_trigger_id")
        self._exchanged.add(trigger_id)
        if self.clock() - made > self.trigger_seconds:
            return refused("expired_trigger_id")
        given = view_in(arguments)
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
            return refused("not_found")
        given = view_in(arguments)
        if (refusal := self._refusal(given, view)) is not None:
            return refusal
        if arguments.get("hash") not in {None, view.hash}:
            return refused("hash_conflict")
        self._show_in(view, given)
        await self._changed()
        return {"ok": True, "view": self._view(view)}

    def _refusal(
        self,
        given: Any,  # noqa: ANN401
        of: View | None = None,
        refusal_of: Callable[[object], str | None] = refusal_of_view,
    ) -> dict[str, Any] | None:
        """Slack's error for a view that it does not show, new or in place of another; `None` if it shows it."""
        if (refusal := refusal_of(given)) is not None:
            self.refusals.append(refusal)
            return {**refused("invalid_arguments"), "response_metadata": {"messages": [refusal]}}
        if len(json.dumps(given)) > VIEW_BYTES:
            self.refusals.append("view_too_large")
            return refused("view_too_large")
        others = {view.given.get("external_id") for view in self.views if view is not of}
        return refused("duplicate_external_id") if given.get("external_id") and given["external_id"] in others else None

    def _show_in(self, view: View, given: Mapping[str, Any]) -> None:
        """Show what the bot gave, and keep what was entered in fields that are still there."""
        blocks = [{"block_id": secrets.token_hex(3), **block} for block in given["blocks"]]
        values = values_of(blocks)
        for block_id, elements in values.items():
            for action_id, entered in elements.items():
                before = view.values.get(block_id, {}).get(action_id, {})
                if before.get("type") == entered["type"]:
                    elements[action_id] = before
        view.given, view.values, view.errors = {**given, "blocks": blocks}, values, {}
        view.hash = f"{int(self.clock())}.{secrets.token_hex(4)}"


def _are_errors(errors: Any, inputs: set[str]) -> bool:  # noqa: ANN401
    """Whether these are errors, each for an input."""
    if not isinstance(errors, Mapping) or not errors:
        return False
    return errors.keys() <= inputs and all(isinstance(each, str) and each for each in errors.values())


def view_in(arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401
    """The view among a method's arguments: JSON in a string or, in a JSON body, an object. `None` if it is no JSON."""
    given = arguments.get("view")
    try:
        return json.loads(given) if isinstance(given, str) else given
    except ValueError:
        return None


def _is_meant(view: View, arguments: Mapping[str, Any]) -> bool:
    external_id = arguments.get("external_id")
    return view.id == arguments.get("view_id") or bool(external_id and view.given.get("external_id") == external_id)


def refused(error: str) -> dict[str, Any]:
    """The answer of a method that refuses."""
    return {"ok": False, "error": error}
