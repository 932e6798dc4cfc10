"""How many taps each flow takes; typing is not counted.

A button is one tap, and two if Slack asks first. A menu is two: it is opened, and then something is chosen.
"""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.simulator.highlevel.server import Fault
from bot.simulator.slack.block_kit import elements_of
from bot.simulator.slack.workspace import Shown
from tests.house import ANA, BEN, DEAL, KIM, SALES, House, open_house

POOL = "poolxxxxxxxxxxxxxxxx"


@dataclass
class Finger:
    """A person's finger: it presses, and counts."""

    house: House
    user: str = ANA
    taps: int = field(default=0, init=False)

    async def on(self, shown: Shown, label: str) -> None:
        """Tap the button or the option with this label."""
        for element in (each for block in shown.blocks for each in elements_of(block)):
            if element["type"] == "button" and element["text"]["text"] == label:
                self.taps += 2 if "confirm" in element else 1
                await self.house.slack.press(shown, element, user=self.user)
                return
            for option in element.get("options", ()):
                if option["text"]["text"] == label:
                    self.taps += 2
                    await self.house.slack.select(shown, element, option["value"], user=self.user)
                    return
        raise AssertionError(f"nothing called {label!r} in: {shown.text}")

    async def until(self, status: str) -> None:
        """Wait until the deal has this status, and no question is left."""
        await self.house.slack.wait_until(
            lambda: self.house.deal == status and not any(shown.only_to for shown in self.house.slack.shown)
        )


async def _told(house: House, words: str) -> Shown:
    """Wait for a message with these words."""
    await house.slack.wait_until(lambda: any(words in shown.text for shown in house.slack.shown))
    return next(shown for shown in house.slack.shown if words in shown.text)


@pytest.fixture
def finger(house: House) -> Finger:
    house.highlevel.lost_reasons = [{"id": f"r{at}", "name": f"Reason {at}"} for at in range(5)]
    return Finger(house)


async def test_a_win_of_a_deal_that_the_name_fits_takes_no_tap(finger: Finger) -> None:
    await finger.house.says("new website won")

    await finger.until("won")
    assert finger.taps == 0


async def test_a_win_where_the_name_fits_two_takes_one(finger: Finger) -> None:
    finger.house.highlevel.add_opportunity(POOL, name="New website, part two", status="open")
    await finger.on(await finger.house.says("new website won"), "Mark won")

    await finger.until("won")
    assert finger.taps == 1


async def test_a_loss_with_its_reason_takes_none(finger: Finger) -> None:
    await finger.house.says("new website lost reason 3")

    await finger.until("lost")
    assert finger.taps == 0
    assert finger.house.highlevel.opportunities[DEAL]["lostReasonId"] == "r3"


async def test_a_reason_that_is_asked_for_afterwards_takes_one_and_leaves_one_message(finger: Finger) -> None:
    await finger.house.slack.command("new website lost", user=ANA, channel=SALES)
    await finger.on(await _told(finger.house, "Why was"), "Reason 2")
    await finger.until("lost")

    assert finger.taps == 1
    (told,) = finger.house.slack.shown
    assert "Reason 2" in told.text


async def test_a_won_deal_is_lost_by_name_with_one_tap_and_one_for_the_reason(finger: Finger) -> None:
    finger.house.highlevel.opportunities[DEAL]["status"] = "won"
    await finger.on(await finger.house.says("new website lost"), "Mark lost")
    await finger.on(await _told(finger.house, "Why was"), "Reason 1")
    await finger.until("lost")

    assert finger.taps == 1 + 1


async def test_an_undo_takes_two_by_its_button_and_none_if_it_is_typed(finger: Finger) -> None:
    await finger.on(await finger.house.says("new website won"), "Undo")
    await finger.until("open")
    assert finger.taps == 2

    await finger.house.says(f"{DEAL} abandoned")
    await finger.house.slack.command("undo", user=ANA, channel=SALES)
    await finger.house.slack.wait_until(lambda: finger.house.deal == "open")
    assert finger.taps == 2


async def test_a_card_closes_a_deal_with_one_and_takes_it_out_of_won_with_two(finger: Finger) -> None:
    await finger.on(await finger.house.says(DEAL), "Mark won")
    await finger.until("won")
    assert finger.taps == 1

    await finger.on(await finger.house.says(DEAL), "Reopen")
    await finger.house.slack.wait_until(lambda: finger.house.deal == "open")
    assert finger.taps == 1 + 2


async def test_the_form_takes_four(finger: Finger) -> None:
    slack = finger.house.slack
    await slack.command("", user=ANA, channel=SALES)
    view = await slack.wait_for_modal(ANA)
    (option,) = await slack.type_ahead(view, "deal", "new website")
    await slack.enter(view, "deal", option["value"])
    await slack.enter(view, "status", "won")
    kinds = [view.field("deal")["type"], view.field("status")["type"]]
    await slack.submit(view)
    await finger.until("won")

    # A menu is opened and chosen from, a radio button is tapped, and the form is sent.
    assert sum({"external_select": 2, "radio_buttons": 1}[kind] for kind in kinds) + 1 == 4


async def test_access_takes_one_of_the_person_one_of_the_admin_and_one_to_carry_on(tmp_path: Path) -> None:
    async with open_house(tmp_path, ADMINS=KIM) as house:
        ben, kim = Finger(house, BEN), Finger(house, KIM)
        await ben.on(await house.says("new website won", user=BEN), "Request access")
        await kim.on(await _told(house, "wants access"), "Approve")
        await ben.on(await _told(house, "approved your request"), "Mark new website won")
        await house.slack.wait_until(lambda: house.deal == "won")

        assert (ben.taps, kim.taps) == (1 + 1, 1)


async def test_after_an_error_one_tap_tries_again(finger: Finger) -> None:
    finger.house.highlevel.misbehave(Fault(status=503), times=9)
    failed = await finger.house.says("new website won")
    finger.house.highlevel.behave()
    await finger.on(failed, "Try again")

    await finger.until("won")
    assert finger.taps == 1
