"""Access by a user group or by an admin's approval, and who gets none: guests, bots and other companies."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.simulator.slack.server import GRANTED, Fault
from bot.simulator.slack.workspace import Shown
from bot.web.server import serving
from bot.wiring import build
from tests.house import ANA, BEN, BOT_TOKEN, DEAL, KIM, OTHER_CHANNEL, PATIENT, SALES, House, stand_ins

GROUP = "S0SALES"
OLD_SCOPES = frozenset({"commands", "chat:write"})
LEO = "U0LEO"
"""The second admin."""


@asynccontextmanager
async def _open(
    folder: Path, *, over: str = "http", scopes: frozenset[str] = GRANTED, groups: bool = True, **settings: str
) -> AsyncIterator[House]:
    """Open a house whose token has the scopes of today's manifest, with Ben in a group."""
    async with stand_ins(folder, over=over, **settings) as house:
        house.slack.tokens = {BOT_TOKEN: scopes}
        house.slack.groups = {GROUP: [BEN]} if groups else {}
        house.slack.users[LEO] = {"id": LEO, "name": LEO}
        async with serving(build(house.settings, PATIENT)) as house.slack.bot_url:
            await house.slack.wait_for_call("auth.test")
            if over == "socket":
                await house.slack.socket.wait_for(connections=1)
            yield house


@pytest.fixture
async def club(each_way: Mapping[str, str], tmp_path: Path) -> AsyncIterator[House]:
    """A house with two admins: over HTTP, over a socket, and over PostgreSQL."""
    given: dict[str, Any] = {**each_way}
    async with _open(tmp_path, **given, ADMINS=f"{KIM},{LEO}") as house:
        yield house


async def _direct(house: House, user: str, words: str) -> Shown:
    """Wait for a direct message to a person with these words."""

    def found() -> list[Shown]:
        return [shown for shown in house.slack.shown if shown.channel == user and words in shown.text]

    await house.slack.wait_until(lambda: bool(found()))
    return found()[-1]


async def _asks(house: House) -> Shown:
    """Let Ben be refused and ask for access; returns the message to Kim."""
    refusal = await house.says(f"{DEAL} won", user=BEN)
    assert "You don't have access" in refusal.text
    await house.presses(refusal, "request_access", user=BEN)
    return await _direct(house, KIM, f"<@{BEN}> wants access")


def _all(house: House) -> str:
    return "\n".join(each.text for each in house.slack.shown)


def _text(house: House, shown: Shown) -> str:
    return next(each.text for each in house.slack.shown if each.ts == shown.ts)


# --- groups ---------------------------------------------------------------------------------------------------------


async def test_members_of_an_allowed_group_may_and_others_may_not(tmp_path: Path) -> None:
    async with _open(tmp_path, ALLOWED_USERS="", ALLOWED_GROUPS=GROUP) as house:
        await house.slack.wait_for_call("usergroups.users.list")
        assert "> won " in (await house.says(f"{DEAL} won", user=BEN)).text
        assert f"You're in the `{GROUP}` user group." in (await house.says("whoami", user=BEN)).text
        assert "You don't have access" in (await house.says(f"{DEAL} open", user=ANA)).text


async def test_slack_is_asked_for_a_group_before_the_first_command_and_only_once(tmp_path: Path) -> None:
    async with _open(tmp_path, ALLOWED_GROUPS=GROUP) as house:
        await house.slack.wait_for_call("usergroups.users.list")
        for _ in range(5):
            await house.says("whoami", user=BEN)

        assert house.slack.calls.count("usergroups.users.list") == 1
        assert house.slack.calls.count("users.info") == 1


async def test_a_group_that_slack_does_not_give_in_time_lets_no_one_in_and_the_refusal_says_so(tmp_path: Path) -> None:
    async with stand_ins(tmp_path, ALLOWED_GROUPS=GROUP) as house:
        house.slack.tokens, house.slack.groups = {BOT_TOKEN: GRANTED}, {GROUP: [BEN]}
        house.slack.misbehave(Fault("usergroups.users.list", wait=3.0))
        # Half the time before the acknowledgement is for finding out who the caller is.
        async with serving(build(house.settings, replace(PATIENT, acknowledge=4.0))) as house.slack.bot_url:
            await house.slack.wait_for_call("auth.test")
            shown = await house.says(f"{DEAL} won", user=BEN)

            assert "Slack didn't say which user groups you're in" in shown.text
            assert house.deal == "open"
            assert "> won " in (await house.says(f"{DEAL} won", user=ANA)).text
            async with asyncio.timeout(60):
                while "You can change deals here." not in (await house.says("whoami", user=BEN)).text:
                    await asyncio.sleep(0.2)


@pytest.mark.parametrize(
    ("scopes", "groups", "body", "advice"),
    [
        (OLD_SCOPES, True, None, "Add the usergroups:read scope"),
        (GRANTED, False, None, "has no user group S0SALES"),
        (GRANTED, True, {"ok": False, "error": "plan_upgrade_required"}, "not on Slack's free plan"),
    ],
)
async def test_a_group_that_slack_does_not_give_lets_no_one_in_and_the_check_says_what_to_do(
    tmp_path: Path,
    scopes: frozenset[str],
    groups: bool,
    body: dict[str, Any] | None,
    advice: str,
) -> None:
    async with stand_ins(tmp_path, ALLOWED_GROUPS=GROUP) as house:
        house.slack.tokens, house.slack.groups = {BOT_TOKEN: scopes}, {GROUP: [BEN]} if groups else {}
        if body:
            house.slack.misbehave(Fault("usergroups.users.list", status=200, body=body, times=99))
        bot = build(house.settings, PATIENT)
        async with serving(bot) as house.slack.bot_url:
            await house.slack.wait_for_call("auth.test")
            assert "Slack didn't say" in (await house.says(f"{DEAL} won", user=BEN)).text
            assert advice in (await bot.health.report()).failing["access.groups"]
            assert "> won " in (await house.says(f"{DEAL} won", user=ANA)).text


async def test_with_the_scopes_of_the_old_manifest_people_named_in_the_settings_may_as_before(tmp_path: Path) -> None:
    async with stand_ins(tmp_path) as house:
        house.slack.tokens = {BOT_TOKEN: OLD_SCOPES}
        bot = build(house.settings, PATIENT)
        async with serving(bot) as house.slack.bot_url:
            await house.slack.wait_for_call("auth.test")
            assert "> won " in (await house.says(f"{DEAL} won")).text
            report = await bot.health.report()

    assert report.failing == {}
    assert report.notes.keys() == {"access.shared_channels"}
    assert {"usergroups.users.list", "users.info"} & set(house.slack.calls) == set()


# --- guests, bots, strangers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("person", "why"),
    [
        ({"is_restricted": True}, "Guests can't request access"),
        ({"is_ultra_restricted": True}, "Guests can't request access"),
        ({"is_bot": True}, "Bots can't change deals."),
        ({"deleted": True}, "your account is deactivated"),
        ({"is_stranger": True}, "Only people in this workspace"),
    ],
)
async def test_a_group_lets_in_only_full_members(tmp_path: Path, person: dict[str, bool], why: str) -> None:
    async with _open(tmp_path, ALLOWED_GROUPS=GROUP) as house:
        house.slack.users[BEN] |= person
        shown = await house.says(f"{DEAL} won", user=BEN)

        assert why in shown.text
        assert "Nothing changed" in shown.text
        assert house.deal == "open"


async def test_a_guest_who_is_named_in_the_settings_may(tmp_path: Path) -> None:
    async with _open(tmp_path, ALLOWED_USERS=f"{ANA},{BEN}", ALLOWED_GROUPS=GROUP) as house:
        house.slack.users[BEN]["is_restricted"] = True

        assert "> won " in (await house.says(f"{DEAL} won", user=BEN)).text


async def test_a_group_lets_no_one_in_without_the_scope_to_tell_members_from_guests(tmp_path: Path) -> None:
    async with _open(tmp_path, ALLOWED_GROUPS=GROUP, scopes=GRANTED - {"users:read"}) as house:
        shown = await house.says(f"{DEAL} won", user=BEN)

        assert "Slack didn't confirm that you're a full member" in shown.text
        assert house.deal == "open"


async def test_a_press_by_a_person_of_another_company_is_refused(tmp_path: Path) -> None:
    async with _open(tmp_path, ALLOWED_USERS=f"{ANA},{BEN}") as house:
        shown = await house.says(f"{DEAL} won")
        house.slack.users[BEN]["team_id"] = "T0THEIRS"
        await house.presses(shown, "undo", user=BEN)

        assert "Only people in this workspace" in (await house.slack.wait_for(2))[1].text
        assert house.deal == "won"


# --- requests -------------------------------------------------------------------------------------------------------


async def test_a_person_asks_for_access_an_admin_approves_and_the_person_may(club: House) -> None:
    request = await _asks(club)
    await _direct(club, LEO, f"<@{BEN}> wants access")
    assert "Request sent to" in _all(club)
    await club.presses(request, "approve_access", user=KIM)

    assert f"<@{KIM}> approved your request" in (await _direct(club, BEN, "approved your request")).text
    assert "> won " in (await club.says(f"{DEAL} won", user=BEN)).text
    assert f"You can change deals here. <@{KIM}> approved you " in (await club.says("whoami", user=BEN)).text


async def test_a_second_admin_learns_who_decided(club: House) -> None:
    mine = await _asks(club)
    theirs = await _direct(club, LEO, f"<@{BEN}> wants access")
    await club.presses(mine, "decline_access", user=KIM)
    await _direct(club, BEN, "declined your request")
    await club.presses(theirs, "approve_access", user=LEO)
    await club.slack.wait_for_change(theirs.ts)

    assert "This was already decided." in _text(club, theirs)
    assert f"<@{KIM}> declined" in _text(club, theirs)
    refusal = await club.says(f"{DEAL} won", user=BEN)
    assert "declined your request for access." in refusal.text
    assert "You can ask again" in refusal.text
    assert not any(block["type"] == "actions" for block in refusal.blocks)


async def test_an_approval_offers_the_command_that_was_refused_and_runs_it_in_its_channel(club: House) -> None:
    await club.presses(await _asks(club), "approve_access", user=KIM)
    offer = await _direct(club, BEN, "approved your request")
    assert f"You typed `/opp-status {DEAL} won` in <#{SALES}>." in offer.text
    await club.presses(offer, "run_command", user=BEN)
    await club.slack.wait_until(lambda: any(f"<@{BEN}> won" in shown.text for shown in club.slack.shown))

    (told,) = [shown for shown in club.slack.shown if f"<@{BEN}> won" in shown.text]
    assert (told.channel, told.only_to, club.deal) == (SALES, None, "won")
    assert "Running" in _text(club, offer)


async def test_a_revoked_approval_ends_at_once(club: House) -> None:
    await club.presses(await _asks(club), "approve_access", user=KIM)
    await _direct(club, BEN, "approved your request")
    listed = await club.says("access", user=LEO)
    assert f"<@{BEN}> has access · approved by <@{KIM}>" in listed.text
    await club.presses(listed, "revoke_access", user=LEO)

    assert f"<@{LEO}> removed your access" in (await _direct(club, BEN, "removed your access")).text
    assert f"<@{LEO}> removed your access" in (await club.says(f"{DEAL} won", user=BEN)).text
    assert club.deal == "open"


async def test_a_guest_who_asks_for_access_is_refused_without_bothering_an_admin(club: House) -> None:
    club.slack.users[BEN]["is_restricted"] = True
    refusal = await club.says(f"{DEAL} won", user=BEN)
    await club.presses(refusal, "request_access", user=BEN)

    assert "Guests can't request access" in (await club.slack.wait_for(2))[1].text
    assert not [shown for shown in club.slack.shown if shown.channel in {KIM, LEO}]


async def test_an_admin_may_decide_in_a_channel_where_deals_may_not_be_changed(tmp_path: Path) -> None:
    async with _open(tmp_path, ADMINS=KIM, ALLOWED_CHANNELS=SALES) as house:
        await house.presses(await _asks(house), "approve_access", user=KIM)
        await _direct(house, BEN, "approved your request")

        assert "> won " in (await house.says(f"{DEAL} won", user=BEN)).text
        assert (
            "can't change deals from this channel"
            in (await house.says(f"{DEAL} open", user=BEN, channel=OTHER_CHANNEL)).text
        )


async def test_every_replica_knows_of_an_approval_at_once(tmp_path: Path) -> None:
    async with _open(tmp_path, ADMINS=KIM) as house, serving(build(house.settings, PATIENT)) as other:
        request = await _asks(house)
        first, house.slack.bot_url = house.slack.bot_url, other
        await house.slack.wait_until(lambda: house.slack.calls.count("auth.test") >= 2)
        await house.presses(request, "approve_access", user=KIM)
        await _direct(house, BEN, "approved your request")
        house.slack.bot_url = first

        assert "> won " in (await house.says(f"{DEAL} won", user=BEN)).text


# --- admins ---------------------------------------------------------------------------------------------------------


async def test_an_admin_may_change_deals_and_is_the_contact_if_no_other_is_set(tmp_path: Path) -> None:
    async with _open(tmp_path, ADMINS=f"{KIM},{LEO}", ADMIN_CONTACT="", ALLOWED_USERS="") as house:
        assert f"Goes to <@{KIM}>, <@{LEO}>" in (await house.says(f"{DEAL} won", user=BEN)).text
        assert "> won " in (await house.says(f"{DEAL} won", user=KIM)).text
        assert "You're an admin." in (await house.says("whoami", user=KIM)).text


async def test_an_admin_undoes_what_others_did_and_reads_their_history(tmp_path: Path) -> None:
    async with _open(tmp_path, ADMINS=KIM) as house:
        shown = await house.says(f"{DEAL} won")
        await house.presses(shown, "undo", user=KIM)
        await house.slack.wait_for_change(shown.ts)

        assert house.deal == "open"
        assert "Last 2 changes for everyone" in (await house.says("history all", user=KIM)).text
        assert f"Last change by <@{ANA}>" in (await house.says(f"history <@{ANA}|ana>", user=KIM)).text
        assert "Only admins can do that." in (await house.says("history all", user=ANA)).text


# --- channels that are shared with another company ------------------------------------------------------------------


async def test_in_a_shared_channel_a_change_is_made_only_after_a_yes(tmp_path: Path) -> None:
    async with _open(tmp_path) as house:
        house.slack.shared_channels = {SALES}
        asked = await house.says(f"{DEAL} won")
        assert asked.only_to == ANA
        assert "This channel is shared with another company" in asked.text
        assert house.deal == "open"

        await house.presses(asked, "confirm")
        await house.slack.wait_until(lambda: "> won " in _all(house))
        assert house.deal == "won"


async def test_without_a_shared_channel_or_the_scope_to_know_it_the_bot_does_not_ask(tmp_path: Path) -> None:
    async with _open(tmp_path) as house:
        house.slack.shared_channels = {OTHER_CHANNEL}
        assert "> won " in (await house.says(f"{DEAL} won")).text
    async with _open(tmp_path / "..", scopes=OLD_SCOPES, DATABASE_URL=f"sqlite:///{tmp_path / 'other.db'}") as house:
        house.slack.shared_channels = {SALES}
        assert "> won " in (await house.says(f"{DEAL} won")).text
