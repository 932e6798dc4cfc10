"""HighLevel reports changes of its own: what is let in over HTTP, what is refused, and what is dropped."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bot.highlevel.notices.routes import MAX_BODY
from bot.simulator.highlevel.hooks import Hooks
from bot.storage.engine import engine_for_reading
from bot.storage.events.tables import events
from tests.house import BY_OAUTH, DEAL, HIGHLEVEL_TOKEN, House, open_house
from tests.rows import execute

TOKEN = "not-a-workflow-token"
APP = BY_OAUTH | {"HIGHLEVEL_TOKEN": HIGHLEVEL_TOKEN}
"""The settings of a bot that gets an app's webhooks, and reads deals with a private token."""


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path, **APP, HIGHLEVEL_WORKFLOW_TOKEN=TOKEN) as opened:
        yield opened


@pytest.fixture
def hooks(house: House) -> Hooks:
    house.highlevel.hooks.url = house.slack.bot_url
    house.highlevel.hooks.workflow_token = TOKEN
    return house.highlevel.hooks


def _deals(house: House) -> list[str]:
    """The deals of the events that were written down."""
    execute(house.settings.database_url)  # its tables are made when they are first used
    engine = engine_for_reading(house.settings.database_url)
    with engine.connect() as connection:
        found = list(connection.execute(sa.select(events.c.opportunity_id).order_by(events.c.number)).scalars())
    engine.dispose()
    return found


def _payload(house: House, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
    hooks = house.highlevel.hooks
    return hooks.payload(house.highlevel.opportunities[DEAL]) | changes


async def test_a_signed_webhook_is_written_down_and_answered_with_200(house: House, hooks: Hooks) -> None:
    assert await hooks.deliver(_payload(house)) == 200
    assert _deals(house) == [DEAL]


async def test_a_webhook_that_is_sent_again_is_nothing_new(house: House, hooks: Hooks) -> None:
    payload = _payload(house)

    assert [await hooks.deliver(payload) for _ in range(3)] == [200, 200, 200]
    assert _deals(house) == [DEAL]


async def test_a_body_that_was_changed_on_the_way_is_refused(house: House, hooks: Hooks) -> None:
    body = json.dumps(_payload(house)).encode()
    signature = {"X-GHL-Signature": hooks.sign(body)}

    assert await hooks.post("/highlevel/webhook", body.replace(b"open", b"lost"), signature) == 401
    assert await hooks.post("/highlevel/webhook", body + b" ", signature) == 401
    assert _deals(house) == []


@pytest.mark.parametrize("header", ["X-WH-Signature", "X-GHL-Sig"])
async def test_only_the_header_of_today_is_accepted(house: House, hooks: Hooks, header: str) -> None:
    body = json.dumps(_payload(house)).encode()

    assert await hooks.post("/highlevel/webhook", body, {header: hooks.sign(body)}) == 401
    assert _deals(house) == []


@pytest.mark.parametrize("signature", ["", "N/A", "!!!", "AAAA", "é", base64.b64encode(b"\0" * 64).decode()])
async def test_what_is_no_signature_is_refused(house: House, hooks: Hooks, signature: str) -> None:
    body = json.dumps(_payload(house)).encode()
    headers = {"X-GHL-Signature": signature}

    assert await hooks.post("/highlevel/webhook", body, headers) == 401
    assert _deals(house) == []


async def test_during_a_rotation_both_keys_are_good(tmp_path: Path) -> None:
    old, new = Hooks(), Hooks()
    keys = f"{old.public_key}, {new.public_key}"
    async with open_house(tmp_path, **APP, HIGHLEVEL_WEBHOOK_KEYS=keys) as house:
        stranger = Hooks(url=house.slack.bot_url)
        old.url = new.url = house.slack.bot_url

        assert [await each.deliver(_payload(house), 1) for each in (old, new, stranger)] == [200, 200, 401]
        assert _deals(house) == [DEAL, DEAL]


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "ContactUpdate"},
        {"locationId": "Loc00000000000000009"},
        {"appId": "ffffffffffffffffffffffff"},
        {"id": None},
    ],
)
async def test_a_signed_webhook_that_is_not_for_us_is_answered_with_200_and_dropped(
    house: House, hooks: Hooks, changes: dict[str, object]
) -> None:
    assert await hooks.deliver(_payload(house, **changes)) == 200
    assert _deals(house) == []


async def test_a_workflow_with_our_token_is_written_down_without_the_contacts_data(house: House, hooks: Hooks) -> None:
    house.highlevel.opportunities[DEAL]["contact"] = {"name": "Jane Doe", "email": "jane@example.com"}

    assert await hooks.run_workflow(house.highlevel.opportunities[DEAL]) == 200
    assert _deals(house) == [DEAL]
    stored = b"".join(
        path.read_bytes()
        for path in Path(str(sa.make_url(house.settings.database_url).database)).parent.glob("ledger.db*")
    )
    assert DEAL.encode() in stored
    assert b"jane@example.com" not in stored
    assert b"Jane Doe" not in stored


@pytest.mark.parametrize("authorization", ["", TOKEN, f"Basic {TOKEN}", "Bearer x", f"Bearer {TOKEN}x", "Bearer é"])
async def test_a_workflow_without_our_token_is_refused(house: House, hooks: Hooks, authorization: str) -> None:
    body = json.dumps(hooks.workflow_body(house.highlevel.opportunities[DEAL])).encode()

    assert await hooks.post("/highlevel/workflow", body, {"Authorization": authorization}) == 401
    assert _deals(house) == []


async def test_a_workflow_that_names_no_deal_is_told_so_in_highlevels_log(house: House, hooks: Hooks) -> None:
    authorization = {"Authorization": f"Bearer {TOKEN}"}

    assert await hooks.post("/highlevel/workflow", b'{"id": "{{opportunity.id}}"}', authorization) == 400
    assert _deals(house) == []


async def test_a_body_without_end_is_refused(hooks: Hooks) -> None:
    large = b" " * (MAX_BODY + 1)
    authorization = {"Authorization": f"Bearer {TOKEN}"}

    assert await hooks.post("/highlevel/webhook", large, {"X-GHL-Signature": hooks.sign(large)}) == 413
    assert await hooks.post("/highlevel/workflow", large, authorization) == 413


async def test_while_the_database_is_away_highlevel_is_to_send_it_again(house: House, hooks: Hooks) -> None:
    _deals(house)
    execute(house.settings.database_url, "ALTER TABLE events RENAME TO away")
    payload = _payload(house)
    away = await hooks.deliver(payload, 1)
    execute(house.settings.database_url, "ALTER TABLE away RENAME TO events")

    assert (away, await hooks.deliver(payload, 1)) == (503, 200)
    assert _deals(house) == [DEAL]


async def test_without_an_app_and_a_token_there_are_no_such_addresses(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        hooks = house.highlevel.hooks
        hooks.url, hooks.workflow_token = house.slack.bot_url, TOKEN

        assert await hooks.deliver(_payload(house), 1) == 404
        assert await hooks.run_workflow(house.highlevel.opportunities[DEAL]) == 404


async def test_a_key_of_highlevels_that_is_not_ours_signs_nothing(house: House, hooks: Hooks) -> None:
    body = json.dumps(_payload(house)).encode()
    signature = base64.b64encode(Ed25519PrivateKey.generate().sign(body)).decode()

    assert await hooks.post("/highlevel/webhook", body, {"X-GHL-Signature": signature}) == 401


async def test_a_sender_who_hangs_up_changes_nothing(house: House, hooks: Hooks) -> None:
    host, _, port = house.slack.bot_url.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /highlevel/webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n{")
    await writer.drain()
    await asyncio.sleep(0.2)
    writer.close()
    await asyncio.sleep(0.2)

    assert await hooks.deliver(_payload(house)) == 200
    assert _deals(house) == [DEAL]
