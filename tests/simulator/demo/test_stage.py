import pytest

from bot.simulator.demo.stage import ACME, GLOBEX, SALES, names, staged
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


@pytest.mark.parametrize(
    ("status", "said"),
    [("won", "Won"), ("lost", "Marked lost"), ("abandoned", "Marked abandoned")],
)
async def test_a_card_that_is_closed_is_told_in_the_channel_and_after_a_reset_again(status: str, said: str) -> None:
    async with staged(PATIENT) as stage:
        for _ in range(2):
            await stage.change_by_hand(ACME, status, "stage-3")
            (post,) = await stage.slack.wait_for(1)
            assert post.channel == SALES
            assert f"{said} in HighLevel: New website" in post.text
            await stage.reset()


async def test_a_card_that_is_reopened_is_told_in_the_channel() -> None:
    async with staged(PATIENT) as stage:
        await stage.slack.command(f"{ACME} won", user="U0ANA", channel=SALES)
        await stage.slack.wait_for(1)
        await stage.change_by_hand(ACME, "open", "stage-3")
        await stage.slack.wait_until(lambda: any("Reopened in HighLevel" in each.text for each in stage.slack.shown))


async def test_a_reset_is_told_nowhere() -> None:
    async with staged(PATIENT) as stage:
        await stage.change_by_hand(ACME, "won", "stage-3")
        await stage.slack.wait_for(1)
        await stage.reset()
        assert stage.highlevel.hooks.sent == []
        await stage.change_by_hand(GLOBEX, "won", "stage-3")  # what comes first is the first that is told
        (post,) = await stage.slack.wait_for(1)

        assert "Yearly support" in post.text


async def test_a_digest_is_posted_at_once_and_the_next_compares_with_it() -> None:
    async with staged(PATIENT) as stage:
        await stage.slack.command(f"{ACME} won", user="U0ANA", channel=SALES)
        await stage.slack.wait_for(1)
        await stage.post_digest()
        await stage.post_digest()
        first, second = stage.slack.shown[1:]

        assert first.channel == second.channel == SALES
        assert "1 won, $4,800" in first.text
        assert "0 won (was 1, $4,800)" in second.text


async def test_a_card_that_only_moves_is_not_told() -> None:
    async with staged(PATIENT) as stage:
        await stage.change_by_hand(ACME, "open", "stage-3")

        assert stage.highlevel.hooks.sent == []


def test_people_and_channels_have_names() -> None:
    assert names()["U0ANA"] == "@Ana"
    assert names()[SALES] == "#sales"
