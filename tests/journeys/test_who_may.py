"""Who may change deals, and from where; what the others read; and that their commands never reach HighLevel."""

from pathlib import Path

import pytest

from bot.simulator.slack.server import Fault
from bot.simulator.slack.workspace import Shown
from bot.web.server import serving
from bot.wiring import build
from tests.house import ANA, BEN, DEAL, KIM, OTHER_CHANNEL, PATIENT, SALES, UNKNOWN_ID, House, open_house, stand_ins


def _assert_refused(house: House, shown: Shown, user: str) -> None:
    assert house.highlevel.received == []
    assert house.deal == "open"
    assert shown.only_to == user
    assert "Nothing changed" in shown.text
    assert "Ref " in shown.text


async def test_a_person_who_is_not_on_the_list_reads_whom_to_ask(house: House) -> None:
    shown = await house.says(f"{DEAL} won", user=BEN)

    _assert_refused(house, shown, BEN)
    assert "You don't have access" in shown.text
    assert f"Ask <@{KIM}> to add you. Your Slack ID is `{BEN}`." in shown.text


async def test_without_an_admin_contact_the_refusal_describes_whom_to_ask(tmp_path: Path) -> None:
    async with open_house(tmp_path, ADMIN_CONTACT="") as house:
        shown = await house.says(f"{DEAL} won", user=BEN)

    assert "Ask your Opp Status admin to add you" in shown.text


async def test_with_an_empty_list_no_one_may(tmp_path: Path) -> None:
    async with open_house(tmp_path, ALLOWED_USERS="") as house:
        shown = await house.says(f"{DEAL} won")

        _assert_refused(house, shown, ANA)
        assert "Setup isn't finished" in shown.text


async def test_a_channel_that_is_not_on_the_list_is_refused_and_the_allowed_ones_are_named(tmp_path: Path) -> None:
    async with open_house(tmp_path, ALLOWED_CHANNELS=SALES) as house:
        shown = await house.says(f"{DEAL} won", channel=OTHER_CHANNEL)

        _assert_refused(house, shown, ANA)
        assert f"Try <#{SALES}>, or ask <@{KIM}> to turn on this channel." in shown.text
        assert f"For admins: this channel's ID is `{OTHER_CHANNEL}`." in shown.text
        assert "> won " in (await house.says(f"{DEAL} won", channel=SALES)).text


async def test_another_workspace_is_refused(house: House) -> None:
    shown = await house.says(f"{DEAL} won", team="T0FOREIGN")

    _assert_refused(house, shown, ANA)
    assert "a different Slack workspace" in shown.text


async def test_no_one_may_before_slack_has_told_which_workspace_is_ours(tmp_path: Path) -> None:
    async with open_house(tmp_path, SLACK_API_URL="http://127.0.0.1:1/") as house:
        shown = await house.says(f"{DEAL} won")

        _assert_refused(house, shown, ANA)
        assert "is still starting up" in shown.text


async def test_an_early_command_waits_until_slack_has_told_which_workspace_is_ours(tmp_path: Path) -> None:
    async with stand_ins(tmp_path) as house:
        house.slack.misbehave(Fault("auth.test", wait=0.5))
        async with serving(build(house.settings, PATIENT)) as house.slack.bot_url:
            assert "> won " in (await house.says(f"{DEAL} won")).text


async def test_a_denied_person_is_denied_even_for_nonsense(house: House) -> None:
    assert "You don't have access" in (await house.says("nonsense", user=BEN)).text


async def test_a_person_may_start_twenty_commands_a_minute(tmp_path: Path) -> None:
    async with open_house(tmp_path, ALLOWED_USERS=f"{ANA},{BEN}") as house:
        for _ in range(20):
            await house.slack.command("won", user=ANA, channel=SALES)
        shown = await house.says(f"{DEAL} won")

        _assert_refused(house, shown, ANA)
        assert "more than 20 commands in a minute" in shown.text
        assert "> won " in (await house.says(f"{DEAL} won", user=BEN)).text


@pytest.mark.parametrize("user", [ANA, BEN])
async def test_help_answers_denied_people_too(house: House, user: str) -> None:
    shown = await house.says("help", user=user)

    assert shown.only_to == user
    assert "/opp-status Acme Corp won" in shown.text
    for status in ("open", "won", "lost", "abandoned"):
        assert f"`{status}`" in shown.text


async def test_whoami_tells_the_ids_and_whether_the_caller_may_change_deals(house: House) -> None:
    allowed = await house.says("whoami")
    denied = await house.says("whoami", user=BEN)

    assert f"Slack ID `{ANA}` · Channel `{SALES}`" in allowed.text
    assert allowed.text.startswith("✅ You can change deals here.")
    assert denied.text.startswith("You don't have access")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"{DEAL} {UNKNOWN_ID} wno", "`wno` isn't a status."),
        (f"{DEAL} {UNKNOWN_ID}", "What should these deals be?"),
        ("won", "Which deal?"),
        ("A won", "`A` is too short to search for."),
        (f"Jane {DEAL} won", "Not sure what to do with `Jane`"),
        ("https://app.gohighlevel.com/v2/location/ELSEWHERE/opportunities/x1 won", "a different HighLevel sub-account"),
        ("https://app.gohighlevel.com/dashboard won", "That link isn't to a deal."),
    ],
)
async def test_a_command_that_is_not_understood_is_explained_with_an_example(
    house: House, text: str, words: str
) -> None:
    shown = await house.says(text)

    _assert_refused(house, shown, ANA)
    assert words in shown.text
    assert "Try `/opp-status Acme Corp won`" in shown.text


async def test_a_status_that_is_switched_off_is_refused(tmp_path: Path) -> None:
    async with open_house(tmp_path, STATUSES="open,won") as house:
        shown = await house.says(f"{DEAL} lost")

        _assert_refused(house, shown, ANA)
        assert "turned off here. Use `open`, `won`." in shown.text


async def test_the_workspace_is_learned_when_slack_comes_back(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        house.slack.misbehave(Fault("auth.test", status=500))

        assert "> won " in (await house.says(f"{DEAL} won")).text
