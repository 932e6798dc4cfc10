"""Who and what the golden renderings are about: the people, deals and commands of the demo, at a fixed time."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from bot.access.requests import AccessRequest, RequestState
from bot.access.rules import Caller
from bot.commands.record import Entry, Record
from bot.commands.reply import Message
from bot.deals.deal import LostReason, Opportunity, Status
from bot.deals.locations import Locations
from bot.deals.wish import Wish
from bot.slack.messages.messages import Messages
from bot.slack.messages.pieces import Installation
from tests import memory

Rendered = Message | Mapping[str, Any]
"""A message, or a modal or a Home tab as Slack takes it."""

NOW = datetime(2026, 11, 28, 10, 36, tzinfo=UTC)
ANA = Caller("U0ANA", "T0OURS", "C0SALES")
BEN = Caller("U0BEN", "T0OURS", "C0SALES")
KIM = Caller("U0KIM", "T0OURS", "C0SALES")
NAMES = {"U0ANA": "@Ana", "U0BEN": "@Ben", "U0KIM": "@Kim", "C0SALES": "#sales", "C0WINS": "#wins"}
"""What Slack shows for these ids."""
REFERENCE = "5QULE376"

NEW_WEBSITE = Opportunity(
    "aB3dE5fG7hJ9kL1mN2pQ",
    "open",
    name="New website",
    location_id="LOC",
    value=4800.0,
    contact="Jane Doe",
    company="Acme Corp",
    pipeline="New business",
    stage="Negotiation",
    owner="Max Power",
    since=NOW - timedelta(hours=2),
)
PRINTER = replace(
    NEW_WEBSITE,
    id="gH6jK8lM1nP3qR5sT7uV",
    name="Printer service",
    value=2500.0,
    contact="Bill Lumbergh",
    company="Initech",
    stage="Proposal",
)
SUPPORT = replace(
    NEW_WEBSITE,
    id="cD4eF6gH8jK1lM3nP5qR",
    name="Yearly support",
    value=12000.0,
    contact="Hank Scorpio",
    company="Globex",
)
TRAINING = replace(SUPPORT, id="eF5gH7jK9lM2nP4qR6sT", name="Training", value=900.0)
REASONS = (LostReason("r1", "Too expensive"), LostReason("r2", "No answer"), LostReason("r3", "Chose a competitor"))


def messages(**settings: Any) -> Messages:  # noqa: ANN401 - of any setting
    """The messages of an installation with an admin, in dollars."""
    installation = Installation(
        app_url="https://app.gohighlevel.com",
        locations=settings.pop("locations", Locations("LOC")),
        currency="USD",
        admin_contact="U0KIM",
        admins=settings.pop("admins", ("U0KIM",)),
        channels=frozenset({"C0SALES"}),
        connect_url="https://deals.example/oauth/highlevel/install",
    )
    return Messages.of(installation, memory.policy(**settings), clock=lambda: NOW)


def entry(deal: Opportunity, status: Status, by: Caller = ANA, **more: Any) -> Entry:  # noqa: ANN401
    """A command about this deal, by its id; `more` are fields of `Entry`."""
    wish = more.pop("wish", Wish(deal.id, status))
    return replace(Entry("17.key", REFERENCE, by, f"{deal.name} {status}".casefold(), wish), **more)


def record(deal: Opportunity, after: str, **more: Any) -> Record:  # noqa: ANN401
    """A change of this deal in the ledger; `more` are fields of `Record`."""
    changed = replace(
        memory.CHANGE,
        key="17.key",
        reference=REFERENCE,
        at=NOW,
        finished_at=NOW,
        user_id="U0ANA",
        channel_id="C0SALES",
        opportunity_id=deal.id,
        name=deal.name,
        value=deal.value,
        company=deal.company,
        status=after,
        before=deal.status,
        after=after,
    )
    return replace(changed, **more)


def became(deal: Opportunity, status: str, **more: Any) -> Opportunity:  # noqa: ANN401 - any field
    """The deal with another status."""
    return replace(deal, status=status, **more)


ASKED = AccessRequest("AR667QNF", "U0BEN", "T0OURS", "C0SALES", NOW - timedelta(hours=3), command="acme corp won")
APPROVED = replace(ASKED, state=RequestState.APPROVED, decided_by="U0KIM", decided_at=NOW)
DECLINED = replace(ASKED, state=RequestState.DECLINED, decided_by="U0KIM", decided_at=NOW)
