"""What the HighLevel stand-in sends of its own accord: an app's signed webhooks, and webhook actions of workflows.

Bodies as recorded and documented; see `bot/highlevel/notices/bodies.py`. Guessed: how long HighLevel waits for an
answer, and how many seconds pass between two attempts. The stand-in repeats at once, and not twelve times.
"""

import asyncio
import base64
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bot.simulator.traffic import Exchange

TYPES_OF_A_CHANGE = ("OpportunityStatusUpdate", "OpportunityUpdate")
"""HighLevel sends both for a change of status, each with an id of its own."""
ATTEMPTS = 3


@dataclass
class Hooks:
    """Sends to the bot at `url`, once that is set; each request is kept in `sent`, as it was begun."""

    app_id: str = "0123456789abcdef01234567"
    url: str = ""
    """The bot's address. While it is empty, nothing is sent."""
    workflow_token: str = ""
    """What a workflow sends with its requests."""
    runs_workflows: bool = False
    """Whether a workflow tells of each change of status."""
    sends_webhooks: bool = True
    sent: list[Exchange] = field(default_factory=list)
    _key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    _tasks: set[asyncio.Task[object]] = field(default_factory=set)

    @property
    def public_key(self) -> str:
        """The key with which the bot checks signatures, as HighLevel prints its own."""
        return base64.b64encode(
            self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        ).decode()

    def sign(self, body: bytes) -> str:
        """The signature of a body."""
        return base64.b64encode(self._key.sign(body)).decode()

    def payload(self, deal: Mapping[str, Any], type_: str = TYPES_OF_A_CHANGE[0]) -> dict[str, Any]:
        """The body of a webhook about this deal."""
        fields = ("assignedTo", "contactId", "monetaryValue", "name", "pipelineId", "pipelineStageId", "source")
        return {
            "type": type_,
            "locationId": deal["locationId"],
            "id": deal["id"],
            "status": deal["status"],
            **{name: deal[name] for name in fields if deal.get(name) is not None},
            "dateAdded": deal["createdAt"],
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "webhookId": str(uuid.uuid4()),
            "appId": self.app_id,
            "versionId": self.app_id,
        }

    def workflow_body(self, deal: Mapping[str, Any]) -> dict[str, Any]:
        """The body of a workflow's standard webhook action, with the contact's data, which the bot does not want."""
        contact = deal.get("contact") or {}
        return {
            "contact_id": deal.get("contactId", "CONTACTxxxxxxxxxxxxx"),
            "full_name": contact.get("name", ""),
            "email": contact.get("email", ""),
            "opportunity_name": deal.get("name"),
            "status": deal["status"],
            "lead_value": deal.get("monetaryValue"),
            "pipleline_stage": "Negotiation",  # sic
            "id": deal["id"],
            "location": {"id": deal["locationId"], "name": "Berlin"},
            "workflow": {"id": str(uuid.uuid4()), "name": "To Slack"},
            "triggerData": {},
            "customData": {},
        }

    def changed(self, deal: Mapping[str, Any]) -> None:
        """Tell the bot of a change of status, in the background."""
        if self.url and self.sends_webhooks:
            for each in TYPES_OF_A_CHANGE:
                self._start(self.deliver(self.payload(deal, each)))
        if self.url and self.runs_workflows:
            self._start(self.run_workflow(deal))

    async def deliver(self, payload: object, attempts: int = ATTEMPTS) -> int:
        """Send a webhook, and again until it is accepted; returns the status of the last answer, 0 for none."""
        body = json.dumps(payload).encode()
        return await self.post("/highlevel/webhook", body, {"X-GHL-Signature": self.sign(body)}, attempts)

    async def run_workflow(self, deal: Mapping[str, Any]) -> int:
        """Send what a workflow sends; returns the status of the answer, 0 for none."""
        body = json.dumps(self.workflow_body(deal)).encode()
        return await self.post("/highlevel/workflow", body, {"Authorization": f"Bearer {self.workflow_token}"})

    async def post(self, path: str, body: bytes, headers: Mapping[str, str], attempts: int = 1) -> int:
        """Send any body; returns the status of the last answer, 0 for none."""
        status, headers = 0, {"Content-Type": "application/json", **headers}
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as session:
            for _ in range(attempts):
                at = asyncio.get_running_loop().time()
                exchange = Exchange("the bot", "POST", path, {}, headers, body, at, sender="HighLevel")
                self.sent.append(exchange)
                try:
                    async with session.post(self.url + path, data=body, headers=headers) as answer:
                        status = answer.status
                        exchange.answered(status, await answer.read())
                except aiohttp.ClientError:
                    status = 0
                if 200 <= status < 300:
                    break
        return status

    async def all_sent(self) -> None:
        """Wait until nothing is on its way."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _start(self, work: Any) -> None:  # noqa: ANN401 - any coroutine
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
