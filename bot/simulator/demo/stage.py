"""Sets the stage for the demo: both stand-ins with people and deals, and the real bot between them over real HTTP."""

import re
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.commands.ledger import History
from bot.deals.deal import STATES, Opportunity
from bot.operations.settings import Settings
from bot.schedule.calendar import Calendar
from bot.schedule.digest.duty import planned_after
from bot.schedule.digest.periods import read_digest
from bot.simulator.highlevel.server import HighLevel
from bot.simulator.serving import LOCALHOST, served
from bot.simulator.slack.server import Slack
from bot.storage.database import Database
from bot.storage.events.memory import columns_of, remembering
from bot.storage.history import SqlHistory
from bot.storage.schedule.digests import SqlDigests
from bot.web.server import serving
from bot.wiring import build
from bot.wiring.tempo import Tempo

PEOPLE = {"ana": "U0ANA", "max": "U0MAX", "ben": "U0BEN", "kim": "U0KIM"}
"""Ana and Max may change deals, Ben may not, and Kim is the admin."""
ROLES = {"U0ANA": "sales rep", "U0MAX": "sales rep", "U0BEN": "no access yet", "U0KIM": "admin"}
ALLOWED, COLLEAGUE, DENIED, ADMIN = PEOPLE["ana"], PEOPLE["max"], PEOPLE["ben"], PEOPLE["kim"]
SALES, DEALS_TEAM = "C0SALES", "G0DEALS"
CHANNELS = {SALES: "sales", DEALS_TEAM: "deals-team"}
"""A public channel, and a private one."""
ACME, GLOBEX, TRAINING = "aB3dE5fG7hJ9kL1mN2pQ", "cD4eF6gH8jK1lM3nP5qR", "eF5gH7jK9lM2nP4qR6sT"
INITECH, PLANET, UMBRELLA = "gH6jK8lM1nP3qR5sT7uV", "hJ7kL9mN2pQ4rS6tU8vW", "jK8lM1nP3qR5sT7uV9wX"
UNKNOWN_ID = "zZ9yY8xX7wW6vV5uU4tT"
SIGNING_SECRET = "thisisnotasigningsecretofslacks0"  # noqa: S105 - the stand-in's
TOKEN = "pit-simulated"  # noqa: S105 - the stand-in's
WORKFLOW_TOKEN = "simulated-workflow-token"  # noqa: S105 - likewise
STAGES = ("Proposal", "Negotiation", "Contract")
DIGEST = f"mon 09:00 UTC {SALES}"
LOOK = 0.5
"""Seconds between two looks for what is due: a visitor waits for it."""

OWNERS = {ALLOWED: "Ana Silva", COLLEAGUE: "Max Power", DENIED: "Ben Cole"}
"""The people who own deals, as HighLevel calls them."""
_TOTALS = re.compile("[0-9,]+ won")
"""How a digest begins."""
_PIPELINE = "PIPELINExxxxxxxxxxxx"
_DEALS = (
    (ACME, "New website", 4800, "Jane Doe", "Acme Corp", "Negotiation", ALLOWED, 9),
    (GLOBEX, "Yearly support", 12000, "Hank Scorpio", "Globex", "Negotiation", ALLOWED, 4),
    (TRAINING, "Training", 900, "Hank Scorpio", "Globex", "Negotiation", ALLOWED, 26),
    (INITECH, "Printer service", 2500, "Bill Lumbergh", "Initech", "Proposal", ALLOWED, 2),
    (PLANET, "Delivery vans", 7200, "Amy Wong", "Planet Express", "Contract", COLLEAGUE, 6),
    (UMBRELLA, "Office move", 3100, "Lena Fox", "Umbrella", "Proposal", DENIED, 12),
)
"""Each with its owner, and for how many days it has been in its stage."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The stand-ins, and the bot that runs between them."""

    slack: Slack
    highlevel: HighLevel
    bot_url: str
    history: History
    """The bot's ledger, to read."""
    database: Database
    """The bot's database."""
    calendar: Calendar
    """By which things come due in the bot."""

    async def change_by_hand(self, opportunity_id: str, status: str, stage_id: str) -> None:
        """Change a deal as a person does in HighLevel, where a workflow tells the bot of it if the status changed."""
        before = self.highlevel.opportunities[opportunity_id]["status"]
        self.highlevel.set_by_hand(opportunity_id, status=status, stage_id=stage_id)
        if status != before:
            await self.highlevel.hooks.run_workflow(self.highlevel.opportunities[opportunity_id])

    async def post_digest(self) -> None:
        """Set the bot's calendar forward to when the next digest is due. Return when it is there.

        Reminders that are due by then come too. Raises `TimeoutError` if the digest does not come within a minute.
        """
        planned = planned_after(self.calendar.now(), read_digest(DIGEST))
        await SqlDigests(self.database).plan([planned])
        before = {shown.ts for shown in self.slack.shown}
        self.calendar.ahead += (planned.due - self.calendar.now()).total_seconds() + 1
        await self.slack.wait_until(
            lambda: any(shown.ts not in before and _TOTALS.match(shown.text) for shown in self.slack.shown)
        )

    async def reset(self) -> None:
        """Restore the deals, empty the channels and end every trouble; the bot keeps its ledger.

        The bot remembers the deals as they are then. So it announces none of them: no person has changed it.
        """
        for shown in (self.slack.shown, self.slack.replaced, self.slack.refusals, self.slack.views):
            shown.clear()
        for exchanges in (self.slack.sent, self.slack.received, self.highlevel.received, self.highlevel.hooks.sent):
            exchanges.clear()
        self.slack.behave()
        self.highlevel.behave()
        self.highlevel.opportunities.clear()
        _furnish(self.highlevel, self.slack)
        remember, location = remembering(self.database.kind), self.highlevel.location_id
        deals = [columns_of(Opportunity(each, "open"), location) for each in self.highlevel.opportunities]
        await self.database.do(lambda connection: connection.execute(remember, deals))


@asynccontextmanager
async def staged(tempo: Tempo | None = None) -> AsyncIterator[Stage]:
    """Run the stand-ins and the bot, with a database in a temporary folder; `tempo` has the bot's waiting times."""
    tempo = tempo or Tempo()
    schedule = replace(tempo.schedule, look=min(tempo.schedule.look, LOOK))
    tempo = replace(tempo, calendar=Calendar(), schedule=schedule)  # a calendar of its own, which can be set forward
    highlevel = HighLevel()
    slack = Slack(signing_secret=SIGNING_SECRET, bot_token="xoxb-simulated")  # noqa: S106 - the stand-in's
    slack.acknowledge_within = max(slack.acknowledge_within, tempo.acknowledge + 1)
    highlevel.hooks.workflow_token = WORKFLOW_TOKEN
    _furnish(highlevel, slack)
    with tempfile.TemporaryDirectory() as folder:
        async with served(highlevel.app()) as highlevel_url, served(slack.app()) as slack.url:
            settings = Settings.from_env(
                {
                    "SLACK_BOT_TOKEN": "xoxb-simulated",
                    "SLACK_SIGNING_SECRET": SIGNING_SECRET,
                    "SLACK_API_URL": f"{slack.url}/api/",
                    "HIGHLEVEL_TOKEN": TOKEN,
                    "HIGHLEVEL_WORKFLOW_TOKEN": WORKFLOW_TOKEN,
                    "ANNOUNCE_CHANNELS": ",".join(f"{status}={SALES}" for status in STATES),
                    "WATCH": ",".join(STATES),
                    "DIGEST": DIGEST,
                    # Once, at the beginning: so the bot knows what the deals are before the visitor changes them.
                    "POLL_SECONDS": "86400",
                    "HIGHLEVEL_LOCATION_ID": highlevel.location_id,
                    "HIGHLEVEL_API_URL": highlevel_url,
                    "ALLOWED_USERS": f"{ALLOWED},{COLLEAGUE}",
                    "ADMINS": ADMIN,
                    "OWNERS_ONLY": "on",
                    "CURRENCY": "USD",
                    "DATABASE_URL": f"sqlite:///{Path(folder) / 'demo.db'}",
                    "HOST": LOCALHOST,
                    "PORT": "0",
                }
            )
            database = Database(settings.database_url, tempo.database, migrates=False)
            try:
                async with serving(build(settings, tempo)) as slack.bot_url:
                    highlevel.hooks.url, highlevel.hooks.sends_webhooks = slack.bot_url, False
                    await highlevel.polled.wait()  # the bot learns what the deals are before the visitor changes them
                    await slack.wait_for_call("auth.test")  # commands wait until it is answered
                    yield Stage(slack, highlevel, slack.bot_url, SqlHistory(database), database, tempo.calendar)
            finally:
                await database.close()


def link_to(highlevel: HighLevel, opportunity_id: str) -> str:
    """The address of a deal's page in HighLevel."""
    return f"https://app.gohighlevel.com/v2/location/{highlevel.location_id}/opportunities/{opportunity_id}"


def names() -> dict[str, str]:
    """The names of people and channels as Slack shows them, by id."""
    people = {user_id: f"@{name.title()}" for name, user_id in PEOPLE.items()}
    return people | {channel_id: f"#{name}" for channel_id, name in CHANNELS.items()}


def _furnish(highlevel: HighLevel, slack: Slack) -> None:
    for name, user_id in PEOPLE.items():
        slack.users[user_id] = {"id": user_id, "name": name, "profile": {"email": _email(name)}}
    slack.channels = dict(CHANNELS)
    highlevel.add_token(TOKEN)
    for user_id, name in OWNERS.items():
        at = _in_highlevel(user_id)
        highlevel.users[at] = {"id": at, "name": name, "email": _email(name.split()[0])}
    stages = [{"id": f"stage-{number}", "name": name} for number, name in enumerate(STAGES, 1)]
    highlevel.pipelines = [{"id": _PIPELINE, "name": "New business", "stages": stages}]
    reasons: Sequence[str] = ("Too expensive", "No answer", "Chose a competitor")
    highlevel.lost_reasons = [{"id": f"REASON{number}", "name": name} for number, name in enumerate(reasons)]
    now = datetime.now(UTC)
    for opportunity_id, name, value, contact, company, stage, owner, days in _DEALS:
        since = f"{now - timedelta(days=days):%Y-%m-%dT%H:%M:%S.000Z}"
        highlevel.add_opportunity(
            opportunity_id,
            name=name,
            monetaryValue=value,
            pipelineId=_PIPELINE,
            pipelineStageId=next(each["id"] for each in stages if each["name"] == stage),
            assignedTo=_in_highlevel(owner),
            contact={"name": contact, "companyName": company},
            lastStatusChangeAt=since,
            lastStageChangeAt=since,
            createdAt=since,
        )


def _email(name: str) -> str:
    """By this, the bot finds out which user of HighLevel a person is."""
    return f"{name.lower()}@northwind.example"


def _in_highlevel(user_id: str) -> str:
    return f"USERx{user_id.removeprefix('U0')}xxxxxxxxxxxx"
