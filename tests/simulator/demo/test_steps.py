from bot.simulator.demo.stage import ACME, INITECH, staged
from bot.simulator.demo.tour.steps import STEPS, take
from tests.house import PATIENT

WIN, UNDO, LOSE, CHOOSE, BREAK = STEPS


async def test_the_five_steps_tell_the_story_in_the_channel_and_on_the_board() -> None:
    async with staged(PATIENT) as stage:
        deals, shown = stage.highlevel.opportunities, stage.slack.shown
        await take(WIN, stage)
        assert deals[ACME]["status"] == "won"
        assert "won New website" in shown[-1].text
        await take(UNDO, stage)
        assert deals[ACME]["status"] == "open"
        await take(LOSE, stage)
        await stage.slack.wait_until(lambda: "marked Printer service lost" in shown[-1].text)
        assert (deals[INITECH]["status"], deals[INITECH]["lostReasonId"]) == ("lost", "REASON0")
        await take(CHOOSE, stage)
        await stage.slack.wait_until(lambda: shown[-1].only_to == "U0ANA")
        assert "Globex" in shown[-1].text


async def test_highlevel_is_well_again_when_the_broken_step_was_answered() -> None:
    async with staged(PATIENT) as stage:
        await take(BREAK, stage)
        assert stage.highlevel.opportunities[ACME]["status"] == "open"
        assert "HighLevel" in stage.slack.shown[-1].text

        await take(WIN, stage)
        assert stage.highlevel.opportunities[ACME]["status"] == "won"
