"""The app's Home tab in the stand-in for Slack: people open it and press its buttons, the bot publishes it.

https://docs.slack.dev/surfaces/app-home and https://docs.slack.dev/reference/methods/views.publish

Guessed, because it is documented nowhere:
- `views.publish` looks first whether the tab is enabled, then at the person, the view and the hash. Without an
  earlier view any hash is a conflict.
- An event that the bot does not acknowledge is lost here; Slack sends it again after a minute, and after five.
"""

import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from bot.http.exchange import RequestFailed
from bot.simulator.slack.block_kit import Element, buttons_of, refusal_of_home
from bot.simulator.slack.interactions import APP, JSON
from bot.simulator.slack.modals import Modals, refused, view_in
from bot.simulator.slack.views import View

OPENED = "app_home_opened"


class Homes(Modals):
    """A workspace whose people also use the app's Home tab."""

    def __init__(self, team_id: str, signing_secret: str) -> None:
        super().__init__(team_id, signing_secret)
        self.homes: dict[str, View] = {}
        """The Home tab of each person for whom the bot has published one."""
        self.published: list[tuple[str, Mapping[str, Any]]] = []
        """Every view that was published, with the person who sees it; the latest last."""
        self.home_enabled = True
        """Whether the app has a Home tab."""
        self.subscribed = {OPENED}
        """The events that the app is subscribed to."""

    # --- what people do --------------------------------------------------------------------------------------------

    async def open_home(self, user: str, tab: str = "home") -> bool:
        """Open the app, at a tab (`home` or `messages`). Returns whether the bot acknowledged the event.

        https://docs.slack.dev/reference/events/app_home_opened
        """
        if OPENED not in self.subscribed or not (self.home_enabled or tab != "home"):
            return False
        shown = {"view": self._view(self.homes[user])} if tab == "home" and user in self.homes else {}
        now = self.clock()
        event = {
            "type": OPENED,
            "user": user,
            "channel": self._conversation(user),
            "event_ts": f"{now:.6f}",
            "tab": tab,
            **shown,
        }
        return await self._tell({"type": "event_callback", "event": event, "event_time": int(now)})

    async def verify_url(self) -> bool:
        """Save the address for events in the app's settings. Returns whether the bot gave the challenge back.

        https://docs.slack.dev/reference/events/url_verification
        """
        challenge = secrets.token_hex(16)
        body = json.dumps({"type": "url_verification", "token": "deprecated", "challenge": challenge})
        answer = await self._deliver(body, JSON)
        return answer.is_success and challenge in answer.text

    async def press_at_home(self, user: str, button: Element) -> None:
        """Press a button of a person's Home tab, as `home_button` finds it. Raises `ValueError` if it is not there."""
        view = self.home(user)
        for block in view.blocks:
            if any(button is each for each in buttons_of(block)):
                return await self._act(view, block["block_id"], button, {})
        raise ValueError(f"{user} does not see this button: {button}")

    def home(self, user: str) -> View:
        """This person's Home tab. Raises `ValueError` if nothing was published."""
        if user not in self.homes:
            raise ValueError(f"{user} has an empty Home tab")
        return self.homes[user]

    def home_button(self, user: str, action_id: str, value: str = "") -> Element:
        """The first button with this `action_id` whose value begins so. Raises `ValueError` if there is none."""
        for block in self.home(user).blocks:
            for element in buttons_of(block):
                if element["action_id"] == action_id and str(element.get("value", "")).startswith(value):
                    return element
        raise ValueError(f"no button {action_id} {value} at home")

    async def wait_for_home(self, user: str, says: Callable[[str], bool], seconds: float = 60.0) -> View:
        """Wait until what this person's Home tab says is so; returns the tab. Raises `TimeoutError`."""
        await self.wait_until(lambda: user in self.homes and says(text_of(self.homes[user])), seconds)
        return self.homes[user]

    async def _tell(self, envelope: Mapping[str, Any]) -> bool:
        """Send an event. https://docs.slack.dev/apis/events-api ."""
        authorization = {
            "enterprise_id": self.organization or None,
            "team_id": None if self.is_org_wide else self.team_id,
            "user_id": "U0BOT",
            "is_bot": True,
            "is_enterprise_install": self.is_org_wide,
        }
        body = {
            "token": "deprecated",
            "team_id": self.team_id,
            **({"enterprise_id": self.organization} if self.organization else {}),
            "api_app_id": APP,
            "event_id": f"Ev{secrets.token_hex(5).upper()}",
            "authorizations": [authorization],
            "is_ext_shared_channel": False,
            **envelope,
        }
        try:
            return (await self._deliver(json.dumps(body), JSON)).is_success
        except (RequestFailed, OSError):
            return False

    # --- what the bot does -----------------------------------------------------------------------------------------

    async def _take_view(self, method: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Answer a method about views."""
        match method:
            case "views.open":
                return await self._open_view(arguments)
            case "views.update":
                return await self._update_view(arguments)
        return await self._publish_view(arguments)

    async def _publish_view(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """https://docs.slack.dev/reference/methods/views.publish ."""
        user, given = str(arguments.get("user_id")), view_in(arguments)
        if not self.home_enabled:
            return refused("not_enabled")
        if user not in self.users:
            return refused("user_not_found")
        before = self.homes.get(user)
        if (refusal := self._refusal(given, before, refusal_of_home)) is not None:
            return refusal
        if arguments.get("hash") and (before is None or arguments["hash"] != before.hash):
            return refused("hash_conflict")
        view = self.homes.setdefault(user, View(f"V{secrets.token_hex(5).upper()}", user, {"blocks": ()}, "", {}))
        self._show_in(view, given)
        self.published.append((user, view.given))
        await self._changed()
        return {"ok": True, "view": self._view(view)}


def text_of(view: View) -> str:
    """What a view says, a line for each text."""
    return "\n".join(_texts(view.blocks))


def _texts(part: object) -> list[str]:
    match part:
        case {"type": "plain_text" | "mrkdwn", "text": str(text)}:
            return [text]
        case Mapping():
            return [text for name, inner in part.items() if name != "confirm" for text in _texts(inner)]
        case list() | tuple():
            return [text for inner in part for text in _texts(inner)]
    return []
