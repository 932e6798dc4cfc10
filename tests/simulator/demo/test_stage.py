import asyncio

from bot.simulator.demo.stage import ACME, SALES, names, staged
from bot.simulator.demo.troubles import trouble_highlevel
from tests.house import PATIENT


async def test_the_bot_runs_between_the_stand_ins_and_its_ledger_can_be_read() -> None:
    async with staged(PATIENT) as stage:
        await stage.slack.command(f"{ACME} won", user="U0ANA", channel=SALES)
        await stage.slack.wait_for(1)

        (row,) = await stage.history.of_opportunity(ACME, 5)
        assert (row.name, row.after) == ("New website", "won")


async def test_reset_restores_everything_but_the_bots_ledger() -> None:
    async with staged(PATIENT) as stage:
        await stage.slack.command(f"{ACME} won", user="U0ANA", channel=SALES)
        await stage.slack.wait_for(1)
        stage.slack.refusals.append("something")
        trouble_highlevel(stage, "token")

        await stage.reset()

        assert stage.highlevel.opportunities[ACME]["status"] == "open"
        assert (stage.slack.shown, stage.slack.refusals, stage.slack.sent) == ([], [], [])
        await stage.slack.command(f"{ACME} won", user="U0ANA", channel=SALES)
        assert "> won New website" in (await stage.slack.wait_for(1))[0].text
        assert len(await stage.history.of_opportunity(ACME, 5)) == 2


async def test_a_card_that_is_changed_is_told_in_the_channel_and_after_a_reset_again() -> None:
    async with staged(PATIENT) as stage:
        for _ in range(2):
            await stage.change_by_hand(ACME, "won", "stage-3")
            (post,) = await stage.slack.wait_for(1)
            assert post.channel == SALES
            assert "Won in HighLevel: New website" in post.text
            await stage.reset()
            async with asyncio.timeout(60):  # until the bot has read that the deal is open again
                while not any(each.answer and ACME in each.path for each in stage.highlevel.received):
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.5)


async def test_a_card_that_only_moves_is_not_told() -> None:
    async with staged(PATIENT) as stage:
        await stage.change_by_hand(ACME, "open", "stage-3")

        assert stage.highlevel.hooks.sent == []


def test_people_and_channels_have_names() -> None:
    assert names()["U0ANA"] == "@Ana"
    assert names()[SALES] == "#sales"
