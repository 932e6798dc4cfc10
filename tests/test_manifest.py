import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
import yaml
from slack_sdk.web.async_client import AsyncWebClient

from bot.commands.request import COMMAND, Change
from bot.commands.text.links import OurLocations
from bot.commands.text.parse import Parser
from bot.deals.deal import STATES, Status
from bot.deals.wish import Wish
from bot.simulator.slack.server import Slack
from bot.slack.listeners.home.tab import OPENED
from bot.slack.messages import form
from bot.web import routes

ROOT = Path(__file__).parent.parent
SCHEMA = Path(__file__).parent / "data" / "manifest.schema.1.0.0.json"
LOCATION, DEAL = "LOCATIONxxxxxxxxxxxx", "aB3dE5fG7hJ9kL1mN2pQ"

LONGEST_SHORTCUT = 24
"""Characters of a shortcut's name. https://docs.slack.dev/reference/app-manifest"""
SCOPE_OF = {
    "auth_test": (),
    "apps_connections_open": (),
    "chat_postMessage": ("chat:write", "chat:write.public"),
    "chat_update": ("chat:write",),
    "conversations_info": ("channels:read", "groups:read"),
    "usergroups_users_list": ("usergroups:read",),
    "users_info": ("users:read", "users:read.email"),
    "users_lookupByEmail": ("users:read.email",),
    "views_open": (),
    "views_publish": (),
    "views_update": (),
}
"""The bot scopes that each method of the Web API needs. `apps_connections_open` uses the app-level token.
https://docs.slack.dev/reference/methods"""
REQUIRED = {"commands", "chat:write"}
"""People whom the settings name need only these to change deals."""


@pytest.fixture(scope="module")
def manifest() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "manifest.yml").read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def command(manifest: dict[str, Any]) -> dict[str, Any]:
    (only,) = manifest["features"]["slash_commands"]
    loaded: dict[str, Any] = only
    return loaded


def _methods_called() -> Iterator[str]:
    """The methods of Slack's Web API that the bot calls, by their names in slack_sdk."""
    for path in ROOT.glob("bot/**/*.py"):
        if "simulator" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and re.fullmatch(r"[a-z]+_\w+", node.attr):
                method = getattr(AsyncWebClient, node.attr, None)
                if callable(method):
                    yield node.attr
            # Messages are sent without slack_sdk, and name their method.
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("chat."):
                yield node.value.replace(".", "_", 1)


# --- Slack accepts it ----------------------------------------------------------------------------------------------


def test_the_manifest_is_valid_by_slacks_schema(manifest: dict[str, Any]) -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    assert [error.message for error in jsonschema.Draft7Validator(schema).iter_errors(manifest)] == []


@pytest.mark.parametrize("addresses", [True, False], ids=["with the addresses", "without them"])
def test_for_socket_mode_one_word_is_changed_and_the_addresses_are_optional(*, addresses: bool) -> None:
    text = (ROOT / "manifest.yml").read_text(encoding="utf-8")
    changed = text.replace("socket_mode_enabled: false", "socket_mode_enabled: true")
    if not addresses:
        changed = re.sub(r"(?m)^ *(request_|message_menu_options_)?url: .*\n", "", changed)
    loaded = yaml.safe_load(changed)

    assert loaded["settings"]["socket_mode_enabled"] is True
    assert ("https://" in json.dumps(loaded)) is addresses
    assert "`socket_mode_enabled: true`" in (ROOT / "docs" / "operating" / "socket-mode.md").read_text(encoding="utf-8")
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    assert [error.message for error in jsonschema.Draft7Validator(schema).iter_errors(loaded)] == []


def test_the_schema_is_for_manifests_without_a_version(manifest: dict[str, Any]) -> None:
    assert "_metadata" not in manifest


def test_the_colour_is_valid(manifest: dict[str, Any]) -> None:
    # The schema says so as `regex`, which is no keyword of JSON Schema: validators ignore it.
    assert re.fullmatch(r"#[0-9a-fA-F]{6}", manifest["display_information"]["background_color"])


def test_without_socket_mode_interactivity_has_an_address(manifest: dict[str, Any]) -> None:
    assert manifest["settings"]["socket_mode_enabled"] is False
    assert manifest["settings"]["interactivity"]["is_enabled"] is True
    assert manifest["settings"]["interactivity"]["request_url"]


def test_bot_scopes_come_with_a_bot_user(manifest: dict[str, Any]) -> None:
    assert manifest["features"]["bot_user"]["display_name"]


# --- the bot agrees with it ----------------------------------------------------------------------------------------


def test_the_command_is_the_one_that_the_bot_listens_to(command: dict[str, Any]) -> None:
    assert command["command"] == COMMAND


def test_the_usage_hint_names_every_status_that_a_deal_can_have(command: dict[str, Any]) -> None:
    assert set(re.findall(r"\[(.+?)\]", command["usage_hint"])[1].split(" | ")) == set(STATES)


def test_the_shortcut_is_the_one_that_the_bot_listens_to(manifest: dict[str, Any]) -> None:
    (shortcut,) = manifest["features"]["shortcuts"]
    assert (shortcut["type"], shortcut["callback_id"]) == ("message", form.SHORTCUT)
    assert len(shortcut["name"]) <= LONGEST_SHORTCUT
    assert shortcut["name"] in (ROOT / "docs" / "using.md").read_text(encoding="utf-8")


def test_every_address_is_the_route_that_the_bot_serves(manifest: dict[str, Any], command: dict[str, Any]) -> None:
    interactivity = manifest["settings"]["interactivity"]
    events = manifest["settings"]["event_subscriptions"]["request_url"]
    addresses = [command["url"], interactivity["request_url"], interactivity["message_menu_options_url"], events]
    assert json.dumps(manifest).count("https://") == len(addresses)
    (address,) = set(addresses)
    url = urlsplit(address)
    assert (url.scheme, url.path, url.query) == ("https", routes.EVENTS, "")


def test_an_operator_has_one_placeholder_to_replace(manifest: dict[str, Any]) -> None:
    hosts = set(re.findall(r"https?://([^/\"]+)", json.dumps(manifest)))
    assert hosts == {"YOUR-BOT.example.com"}


@pytest.mark.parametrize(
    "sent",
    [
        f"<https://app.gohighlevel.com/v2/location/{LOCATION}/opportunities/{DEAL}?tab=Opportunity+Details>",
        f"<https://crm.example.com/v2/location/{LOCATION}/opportunities/list?opportunityId={DEAL}&amp;notes=1>",
        f"<http://app.gohighlevel.com/v2/location/{LOCATION}/opportunities/{DEAL}|app.gohighlevel.com/v2/location/...>",
    ],
    ids=["typed", "with an ampersand before an entity's name", "typed without https"],
)
def test_a_link_is_understood_in_the_form_that_slack_sends_it(command: dict[str, Any], sent: str) -> None:
    assert command["should_escape"] is True
    assert Parser(OurLocations(LOCATION, ()), STATES)(f"{sent} won") == Change((Wish(DEAL, Status.WON),))


# --- nothing that is not needed ------------------------------------------------------------------------------------


def test_the_scopes_are_exactly_those_that_the_bot_needs(manifest: dict[str, Any]) -> None:
    called = set(_methods_called())
    assert called == SCOPE_OF.keys()
    needed = {scope for method in called for scope in SCOPE_OF[method]}
    assert manifest["oauth_config"].keys() == {"scopes"}
    assert manifest["oauth_config"]["scopes"]["bot"] == ["commands", *sorted(needed)]


def test_the_scopes_that_a_change_can_do_without_are_optional(
    manifest: dict[str, Any],
) -> None:
    scopes = manifest["oauth_config"]["scopes"]
    assert scopes.keys() == {"bot", "bot_optional"}
    assert scopes["bot_optional"] == [scope for scope in scopes["bot"] if scope not in REQUIRED]


def test_the_stand_in_grants_the_same_scopes(manifest: dict[str, Any]) -> None:
    (granted,) = Slack(signing_secret="x", bot_token="xoxb-x").tokens.values()
    assert granted == set(manifest["oauth_config"]["scopes"]["bot"])


def test_it_has_a_home_tab_and_subscribes_to_its_opening_alone(manifest: dict[str, Any]) -> None:
    assert manifest.keys() == {"display_information", "features", "oauth_config", "settings"}
    assert manifest["features"].keys() == {"bot_user", "app_home", "slash_commands", "shortcuts"}
    assert all(manifest["features"]["app_home"].values())
    assert manifest["settings"]["event_subscriptions"]["bot_events"] == [OPENED]
    assert manifest["settings"].keys() == {
        "event_subscriptions",
        "interactivity",
        "org_deploy_enabled",
        "socket_mode_enabled",
        "token_rotation_enabled",
    }


def test_the_app_is_for_one_workspace_and_its_token_does_not_rotate(manifest: dict[str, Any]) -> None:
    assert manifest["settings"]["org_deploy_enabled"] is False
    assert manifest["settings"]["token_rotation_enabled"] is False
    assert manifest["features"]["bot_user"]["always_online"] is False
