"""An organization with several workspaces: Slack Enterprise. A person's home may be another than the bot's."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.simulator.slack.server import GRANTED
from bot.web.server import serving
from bot.wiring import build
from tests.house import ANA, BEN, BOT_TOKEN, DEAL, KIM, PATIENT, SALES, House, stand_ins

ORG = "E0OURS"
LINK = f"https://app.gohighlevel.com/v2/location/LOCATIONxxxxxxxxxxxx/opportunities/{DEAL}"


@asynccontextmanager
async def _organization(
    folder: Path, *, is_org_wide: bool, home: str = "T0HOME", **settings: str
) -> AsyncIterator[House]:
    """The house in an organization, in which everybody's home is another workspace than the bot's."""
    async with stand_ins(folder, **{"ALLOWED_USERS": f"{ANA},{BEN}"} | settings) as house:
        house.slack.organization, house.slack.is_org_wide = ORG, is_org_wide
        house.slack.tokens = {BOT_TOKEN: GRANTED}
        for user in (ANA, BEN, KIM):
            belongs = {"enterprise_id": ORG, "teams": [house.slack.team_id, "T0HOME"]}
            house.slack.users[user] |= {"team_id": home, "enterprise_user": belongs}
        async with serving(build(house.settings, PATIENT)) as house.slack.bot_url:
            await house.slack.wait_for_call("auth.test")
            yield house


@pytest.fixture(params=["one workspace", "organization"])
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    async with _organization(tmp_path, is_org_wide=request.param == "organization") as house:
        yield house


async def test_a_person_whose_home_is_another_workspace_types_and_undoes(house: House) -> None:
    shown = await house.says(f"{DEAL} won")
    assert "> won " in shown.text
    await house.presses(shown, "undo", user=BEN)
    await house.slack.wait_for_change(shown.ts)

    assert house.deal == "open"


async def test_a_person_whose_home_is_another_workspace_wins_a_deal_in_the_home_tab(house: House) -> None:
    house.highlevel.users["user1"] = {"id": "user1", "name": "Ana", "email": "ana@acme.example"}
    house.highlevel.opportunities[DEAL]["assignedTo"] = "user1"
    house.slack.users[ANA]["profile"] = {"email": "ana@acme.example"}

    assert await house.slack.open_home(ANA)
    await house.slack.wait_for_home(ANA, lambda text: "New website" in text)
    await house.slack.press_at_home(ANA, house.slack.home_button(ANA, "set_won"))
    await house.slack.wait_for_home(ANA, lambda text: "open → *won*" in text)

    assert house.deal == "won"


@pytest.mark.parametrize("is_org_wide", [False, True])
async def test_a_person_whose_home_slack_calls_the_organization_presses_too(
    tmp_path: Path, *, is_org_wide: bool
) -> None:
    async with _organization(tmp_path, is_org_wide=is_org_wide, home=ORG) as house:
        shown = await house.says(f"{DEAL} won")
        await house.presses(shown, "undo")
        await house.slack.wait_for_change(shown.ts)

        assert house.deal == "open"


async def test_a_person_whose_home_is_another_workspace_uses_the_shortcut_and_the_form(house: House) -> None:
    posted = await house.slack.post(f"What about {LINK}?", user=BEN, channel=SALES)
    await house.slack.shortcut(posted, "change_status", user=ANA)
    view = await house.slack.wait_for_modal(ANA)
    assert await house.slack.type_ahead(view, "deal", "new website")
    before = view.hash
    await house.slack.enter(view, "status", "won")
    await house.slack.wait_until(lambda: view.hash != before)
    assert await house.slack.submit(view) == {}

    assert "> won " in (await house.slack.wait_for(2))[1].text


@pytest.mark.parametrize("is_org_wide", [False, True])
async def test_an_admin_whose_home_is_another_workspace_lets_people_in(tmp_path: Path, *, is_org_wide: bool) -> None:
    async with _organization(tmp_path, is_org_wide=is_org_wide, ALLOWED_USERS=ANA, ADMINS=KIM) as house:
        refusal = await house.says(f"{DEAL} won", user=BEN)
        await house.presses(refusal, "request_access", user=BEN)
        await house.slack.wait_until(lambda: any(each.channel == KIM for each in house.slack.shown))
        await house.presses(next(each for each in house.slack.shown if each.channel == KIM), "approve_access", user=KIM)
        await house.slack.wait_until(lambda: any("approved your request" in each.text for each in house.slack.shown))

        assert "> won " in (await house.says(f"{DEAL} won", user=BEN)).text


STRANGERS = [
    {"team_id": "T0THEIRS", "is_stranger": True},
    {"team_id": "T0THEIRS", "enterprise_user": {}},
    {"team_id": "E0THEIRS", "enterprise_user": {"enterprise_id": "E0THEIRS", "teams": ["T0THEIRS"]}},
]


@pytest.mark.parametrize("person", STRANGERS)
async def test_a_person_of_another_company_presses_in_vain_in_an_organization_too(
    house: House, person: dict[str, object]
) -> None:
    shown = await house.says(f"{DEAL} won")
    house.slack.users[BEN] |= person
    await house.presses(shown, "undo", user=BEN)

    assert "Only people in this workspace" in (await house.slack.wait_for(2))[1].text
    assert house.deal == "won"


async def test_where_slack_does_not_say_who_presses_nothing_is_changed(tmp_path: Path) -> None:
    async with _organization(tmp_path, is_org_wide=False) as house:
        house.slack.tokens = {BOT_TOKEN: GRANTED - {"users:read"}}
        shown = await house.says(f"{DEAL} won")
        await house.presses(shown, "undo")

        assert "Slack didn't confirm" in (await house.slack.wait_for(2))[1].text
        assert house.deal == "won"
