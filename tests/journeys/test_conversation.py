"""What people type, and what comes of it: a table to read, over real HTTP; and 2,000 names that are only looked at."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot.simulator.highlevel.server import Fault
from bot.simulator.slack.block_kit import elements_of
from bot.simulator.slack.workspace import Shown
from tests.house import ANA, UNKNOWN_ID, House, open_house

INITECH, GLOBEX, TRAINING, PIPER, HOOLI, PINES, CART, KITCHEN, TABLE, PARADISE, TOURS, CHANNEL, BILL, KIDS = (
    f"{name}Q7xQ7xQ7xQ7xQ7xQ7x"[:20]
    for name in (
        *("initech", "globex", "training", "piper", "hooli", "pines", "cart", "kitchen", "table", "paradise", "tours"),
        *("channel", "bill", "kids"),
    )
)

DEALS = {
    INITECH: ("Printer service", "Bill Lumbergh", "Initech", "open"),
    GLOBEX: ("Yearly support", "Hank Scorpio", "Globex", "open"),
    TRAINING: ("Training", "Hank Scorpio", "Globex", "open"),
    PIPER: ("Middle-out license", "Richard Hendricks", "Pied Piper", "open"),
    HOOLI: ("Nucleus", "Gavin Belson", "Hooli", "lost"),
    PINES: ("Lost Pines Resort", "Lena Pine", "", "open"),
    CART: ("Abandoned cart recovery", "Carl Cart", "", "open"),
    KITCHEN: ("Won Ton Kitchen", "Tom Ton", "", "open"),
    TABLE: ("Open Table", "Tina Table", "", "lost"),
    PARADISE: ("Paradise", "Eve Adams", "", "open"),
    TOURS: ("Paradise Lost Tours", "John Milton", "", "open"),
    CHANNEL: ("History Channel", "Clio Muse", "", "open"),
    KIDS: ("Bright Kids ABA", "Eva Los", "", "open"),
    BILL: ("Barnes and Noble", "Leonard R.", "", "open"),
}
"""Their names, contacts, companies and statuses."""

REASONS = [{"id": "price", "name": "Too expensive"}, {"id": "rival", "name": "Chose a competitor"}]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as opened:
        opened.highlevel.opportunities.clear()
        for identifier, (name, contact, company, status) in DEALS.items():
            person = {"name": contact, "companyName": company, "email": f"{contact.split()[0].lower()}@example.com"}
            opened.highlevel.add_opportunity(identifier, name=name, contact=person, status=status)
        opened.highlevel.lost_reasons = list(REASONS)
        yield opened


def _buttons(shown: Shown) -> list[str]:
    return [
        element["text"]["text"]
        for block in shown.blocks
        for element in elements_of(block)
        if element.get("type") == "button"
    ]


def _statuses(house: House) -> dict[str, str]:
    """The deals whose status is no longer what it was."""
    now = {identifier: str(deal["status"]) for identifier, deal in house.highlevel.opportunities.items()}
    return {identifier: status for identifier, status in now.items() if status != DEALS[identifier][3]}


CHANGED_AT_ONCE = [
    *((text, INITECH, "won") for text in ("INITECH WON", "initech Won.", "initech: won", "initech, won")),
    ("Bill won", INITECH, "won"),
    *((f"initech {word}", INITECH, "won") for word in ("closed won", "closed-won", "close won", "cw")),
    ("initech close lost", INITECH, "lost"),
    *((f"initech {word}", INITECH, "won") for word in ("win", "signed", "✅", "🎉", ":white_check_mark:")),
    *((f"initech {word}", INITECH, "lost") for word in ("lose", "loss", "cl", "❌")),
    *((f"initech {word}", INITECH, "abandoned") for word in ("dead", "ghosted", "cold", "disqualified", "abandon")),
    *((f'"nucleus" {word}', HOOLI, "open") for word in ("open", "reopen", "re-open", "unwon", "revive")),
    ("nucleus reopen", HOOLI, "open"),
    *(
        (text, INITECH, "won")
        for text in (
            *("mark initech as won", "set initech to won", "make the deal initech to won", "initech is won"),
            *("initech -&gt; won", "initech → won", "initech = won", "move initech to won please", "initech - won"),
        )
    ),
    (f"won https://app.gohighlevel.com/v2/location/LOCATIONxxxxxxxxxxxx/opportunities/{INITECH}", INITECH, "won"),
    (f"https://app.gohighlevel.com/v2/location/LOCATIONxxxxxxxxxxxx/opportunities/{INITECH} won", INITECH, "won"),
    *((text, INITECH, "won") for text in ("initech won $5000", "initech won 🎉", "initech won :tada:")),
    *((text, INITECH, "won") for text in ("initech won today", "initech won great call")),
    ('won "printer service"', INITECH, "won"),
    *((f"{name} won", INITECH, "won") for name in ('"printer service"', "“printer service”", "bill@example.com")),
    ("<mailto:bill@example.com|bill@example.com> won", INITECH, "won"),
    *((f"initech lost {why}", INITECH, "lost") for why in ("", "- too expensive", "(too expensive)", "competitor")),
    *((f"initech lost {why}", INITECH, "lost") for why in ("to competitor", "because it was too expensive", "price")),
    *(
        (f"initech lost {why}", INITECH, "lost")
        for why in ("too expencive", "ghosted", "they hold all spend until May")
    ),
    *((text, INITECH, "won") for text in ("initech=won", "initech:won", "initech-&gt;won", "initech→won")),
    (f"{INITECH}=won", INITECH, "won"),
    ("initech=lost too expensive", INITECH, "lost"),
    ("initech lost, they won another", INITECH, "lost"),
    *((text, TOURS, "won") for text in ("Paradise Lost Tours won", "paradise lost tou won")),
    ("History Channel won", CHANNEL, "won"),
    ("Barnes and Noble won", BILL, "won"),
    (f"{INITECH} aba", INITECH, "abandoned"),
    (f"{INITECH} won now", INITECH, "won"),
]
"""What is typed, the deal that it changes at once, and its new status; empty for none."""


@pytest.mark.parametrize(("text", "deal", "status"), CHANGED_AT_ONCE)
async def test_what_is_plain_is_done_at_once(house: House, text: str, deal: str, status: str) -> None:
    shown = await house.says(text)
    await house.rows()

    assert _statuses(house) == ({deal: status} if deal else {})
    assert (shown.only_to is None) == bool(deal)


ASKED = [
    # (typed, what the question names, its buttons)
    ("initech wno", "Printer service", ["Mark won", "Show deal", "Cancel"]),
    ("initech closed", "Printer service", ["Mark won", "Mark lost", "Show deal", "Cancel"]),
    ("initech done", "Printer service", ["Mark won", "Mark lost", "Show deal", "Cancel"]),
    ("initech W", "Printer service", ["Mark won", "Show deal", "Cancel"]),
    ("initech cancelled", "Printer service", ["Mark lost", "Mark abandoned", "Show deal", "Cancel"]),
    ("initech nurture", "Printer service", ["Mark abandoned", "Show deal", "Cancel"]),
    ("reopen nucleus", "Nucleus", ["Reopen", "Show deal", "Cancel"]),
    ("won initech", "Printer service", ["Mark won", "Show deal", "Cancel"]),
    ("we won initech", "Printer service", ["Mark won", "Show deal", "Cancel"]),
    ("just won initech!!!", "Printer service", ["Mark won", "Show deal", "Cancel"]),
    ("<#C0123|pied-piper> won", "Middle-out license", ["Mark won", "Show deal", "Cancel"]),
    ("mark initech won", "Printer service", ["Mark won", "Show deal", "Cancel"]),
    ("lost initech too expensive", "Printer service", ["Mark lost", "Show deal", "Cancel"]),
    ("initech lo", "Printer service", None),
    (f"{INITECH} wno", "Printer service", ["Mark won", "Show deal", "Cancel"]),
    (f"{INITECH} gone", "Printer service", ["Mark won", "Mark lost", "Mark abandoned", "Show deal", "Cancel"]),
    ("Paradise Lost Tours", "Paradise Lost Tours", None),
    ("globex won", "Yearly support", None),
    ("initech, pied piper won", "Middle-out license", ["Mark 2 won", "Cancel"]),
    ("initech and pied piper won", "Middle-out license", ["Mark 2 won", "Cancel"]),
    ("• initech\n• pied piper\nwon", "Middle-out license", ["Mark 2 won", "Cancel"]),
    ("initech &amp; pied piper won", "Middle-out license", ["Mark 2 won", "Cancel"]),
    ("globex, initech won", "Training", ["Mark 2 won", "Mark 2 won", "Mark won", "Cancel"]),
    ("initech, nothing won", "nothing", ["Mark won", "Cancel"]),
    *(
        (text, "You asked for 2 changes", ["Mark won", "Mark lost", "Cancel"])
        for text in (
            *("initech won pied piper lost", "initech won, pied piper lost", "won initech, lost pied piper"),
            *("initech won / pied piper lost", "initech won and we lost pied piper"),
            *("initech won and pied piper lost", "mark initech as won and pied piper as lost"),
            *("initech won\npied piper lost", "initech won, pied piper lost too expensive"),
            *("initech=won, pied piper=lost", '"printer service" won, "middle-out license" lost'),
            *(f"{INITECH} won {PIPER} lost", f"won {INITECH}, lost {PIPER}", f"{INITECH} won, pied piper lost"),
        )
    ),
    ("initech won, nothing lost", "No deals match `nothing`", ["Mark won", "Cancel"]),
    ("initech won, pied piper won", "Middle-out license", ["Mark 2 won", "Cancel"]),
    ("initech lost piper won", "You asked for 2 changes", ["Mark lost", "Mark won", "Cancel"]),
    (
        "initech won, bill lost, globex won, hooli lost, kids won, cart lost",
        "Send one status at a time",
        [],
    ),
]


@pytest.mark.parametrize(("text", "named", "buttons"), ASKED)
async def test_what_may_be_meant_is_asked_about_once_and_privately(
    house: House, text: str, named: str, buttons: list[str] | None
) -> None:
    shown = await house.says(text)

    assert shown.only_to == ANA
    assert named in shown.text
    assert buttons is None or _buttons(shown) == buttons
    assert house.highlevel.written == []


LOOKED_AT = [
    # (typed, the deal that is shown)
    ("Lost Pines Resort", "Lost Pines Resort"),
    ("Abandoned cart recovery", "Abandoned cart recovery"),
    ("Won Ton Kitchen", "Won Ton Kitchen"),
    ("Open Table", "Open Table"),
    ("open hooli", "Nucleus"),
    ("Bright Kids ABA", "Bright Kids ABA"),
    ("Eva Los", "Bright Kids ABA"),
    ("History Channel", "History Channel"),
    ("pied piper", "Middle-out license"),
    ("pied piper?", "Middle-out license"),
    ("<#C0123|pied-piper>", "Middle-out license"),
    ("show pied piper", "Middle-out license"),
    ("status pied piper", "Middle-out license"),
    ("what's the status of pied piper?", "Middle-out license"),
    ("initech qqq", "Printer service"),
    ("preview pied piper", "Middle-out license"),
    (INITECH, "Printer service"),
]


@pytest.mark.parametrize(("text", "name"), LOOKED_AT)
async def test_what_only_names_a_deal_shows_its_card(house: House, text: str, name: str) -> None:
    shown = await house.says(text)

    assert shown.only_to == ANA
    assert name in shown.text
    assert house.highlevel.written == []
    assert await house.rows() == []


TOLD = [
    ("hi", "/opp-status"),
    ("thanks!", "/opp-status"),
    ("list", "/opp-status"),
    ("my deals", "/opp-status"),
    ("cancel", "/opp-status"),
    ("help", "/opp-status"),
    ("?", "/opp-status"),
    ("<@U0BEN|ben> won", "is a person, not a deal"),
    ("internationalization won", "`internationalization`"),
    ("pied piper won?", "Middle-out license"),
    ("preview pied piper won", "Middle-out license"),
    ("undo initech", "no change to undo"),
    ("won", "Which deal?"),
]


@pytest.mark.parametrize(("text", "said"), TOLD)
async def test_what_asks_for_no_change_is_told_privately(house: House, text: str, said: str) -> None:
    shown = await house.says(text)

    assert shown.only_to == ANA
    assert said in shown.text
    assert house.highlevel.written == []


async def test_a_guess_is_carried_out_by_one_press_with_what_stood_behind_it(house: House) -> None:
    asked = await house.says("lost initech because it was too expensive")
    shown = await house.answers(asked, "mark_lost_0")

    assert shown.only_to is None
    assert _statuses(house) == {INITECH: "lost"}
    assert house.highlevel.opportunities[INITECH]["lostReasonId"] == "price"
    await house.slack.wait_until(lambda: asked.ts not in {each.ts for each in house.slack.shown})


async def test_a_list_is_carried_out_by_one_press(house: House) -> None:
    asked = await house.says("globex, initech won")
    await house.presses(asked, "mark_won_1")
    await house.slack.wait_until(lambda: any(each.only_to is None for each in house.slack.shown))

    assert _statuses(house) == {INITECH: "won", TRAINING: "won"}


async def test_each_of_two_statuses_is_carried_out_by_a_press_of_its_own(house: House) -> None:
    asked = await house.says("initech won, pied piper lost too expensive")
    await house.presses(asked, "mark_won_0")
    await house.presses(asked, "mark_lost_1")
    await house.slack.wait_until(lambda: _statuses(house) == {INITECH: "won", PIPER: "lost"})

    assert house.highlevel.opportunities[PIPER]["lostReasonId"] == "price"
    assert len(await house.rows()) == 2


async def test_words_that_are_no_lost_reason_are_kept_and_the_reasons_offered(house: House) -> None:
    told = await house.says("initech lost they went quiet")
    asked = (await house.slack.wait_for(2))[1]

    assert told.only_to is None
    assert "they went quiet" in told.text
    assert asked.only_to == ANA
    (row,) = await house.rows()
    assert (row["reason"], row["lost_reason_id"]) == ("they went quiet", None)


async def test_an_amount_behind_the_status_is_a_note_and_the_value_stays(house: House) -> None:
    told = await house.says("initech won $5000")
    plain = await house.says("pied piper won great call")

    assert "$5000" in told.text
    assert "doesn't change the value" in told.text
    assert "great call" in plain.text
    assert "value" not in plain.text
    assert [write.opportunity_id for write in house.highlevel.written] == [INITECH, PIPER]


async def test_an_undo_by_name_offers_the_last_change_and_one_press_undoes_it(house: House) -> None:
    await house.says("initech won")
    offered = await house.says("undo initech")
    assert (offered.only_to, _buttons(offered)) == (ANA, ["Undo", "Cancel"])
    assert _statuses(house) == {INITECH: "won"}

    await house.presses(offered, "undo")
    await house.rows()
    await house.slack.wait_until(lambda: not _statuses(house))


async def test_a_history_by_name_lists_what_was_done_with_the_deal(house: House) -> None:
    await house.says("initech won")

    assert "Printer service" in (await house.says("history initech")).text


async def test_a_change_with_a_note_by_name_costs_no_further_call(house: House) -> None:
    await house.says("pied piper won")
    before = len(house.highlevel.received)
    await house.says("initech won great call")

    assert len(house.highlevel.received) - before == 4


async def test_a_deal_that_is_called_like_the_whole_text_is_asked_about(house: House) -> None:
    house.highlevel.opportunities[TOURS]["name"] = "Paradise Lost"
    before = len(house.highlevel.received)
    asked = await house.says("paradise lost")
    assert asked.only_to == ANA
    assert {"Paradise", "Paradise Lost"} <= {row["name"] for row in house.highlevel.opportunities.values()}
    assert len(house.highlevel.received) - before <= 2  # the search, and the names of pipelines
    (row,) = await house.rows()
    assert row["outcome"] == "ambiguous"

    assert _buttons(asked) == ["Mark lost", "Mark lost", "Show deal", "Cancel"]
    assert house.highlevel.written == []


async def test_an_id_that_is_no_deals_is_searched_for_as_a_name(house: House) -> None:
    word = "KraftWerkXY7zQ2mNoPq"
    house.highlevel.opportunities[PIPER]["name"] = f"{word} refit"

    asked = await house.says(f"{word} won")
    shown = await house.says(word)
    gone = await house.says(f"{UNKNOWN_ID} won")

    assert "refit" in asked.text
    assert _buttons(asked) == ["Mark won", "Show deal", "Cancel"]
    assert "refit" in shown.text
    assert UNKNOWN_ID in gone.text
    assert house.highlevel.written == []


async def test_an_id_that_is_no_deals_is_told_if_the_search_fails_too(house: House) -> None:
    house.highlevel.misbehave(Fault(status=500), path="/opportunities/search", times=9)

    assert UNKNOWN_ID in (await house.says(f"{UNKNOWN_ID} won")).text


async def test_a_word_that_an_operator_added_means_a_status(tmp_path: Path) -> None:
    async with open_house(tmp_path, STATUS_WORDS="won=gewonnen,lost=leider verloren") as german:
        await german.says("new website gewonnen, nach drei Runden")
        await german.rows()
        assert german.deal == "won"


# --- names that are only looked at -----------------------------------------------------------------------------------

CRUMBS = [
    *(
        "open",
        "won",
        "lost",
        "abandoned",
        "all",
        "Open",
        "Won",
        "Lost",
        "Abandoned",
        "LOST",
        "ope",
        "aba",
        "los",
        "Aban",
    ),
    *("win", "dead", "cold", "closed", "close", "done", "signed", "reopen", "cw", "ghosted", "wno", "Wong", "lots"),
    *("History", "Undo", "Preview", "Help", "Access", "Use", "Whoami", "Show", "Status", "Mark", "Set", "The", "Deal"),
    *("and", "&amp;", "as", "to", "is", "we", "just", "please"),
]
PLAIN = ["Acme", "Pines", "Tours", "Kitchen", "Blue", "Kim", "Roof", "Nord", "Table", "42"]
NAMES = 2_000


def _names() -> Iterator[str]:
    """Names with such words at their beginning, at their end, in their middle, or all over; the same in each run."""
    dice = random.Random(18)  # noqa: S311 - it hides nothing
    for number in range(NAMES):
        crumbs = dice.choices(CRUMBS, k=dice.randint(1, 3))
        words = dice.choices(PLAIN, k=dice.randint(1, 2))
        made = [*crumbs, *words], [*words, *crumbs], [words[0], *crumbs, *words[1:]], [*crumbs, "x"]
        yield " ".join(made[number % len(made)])


@pytest.mark.untraced
@pytest.mark.timeout(600)
async def test_two_thousand_names_made_of_statuses_and_keywords_are_looked_at_without_a_write(tmp_path: Path) -> None:
    people = [f"U0REP{number:03}" for number in range(NAMES // 20 + 1)]
    async with open_house(tmp_path, ALLOWED_USERS=",".join(people)) as house:
        house.highlevel.burst_limit, house.highlevel.burst_seconds = 1_000, 0.1  # the bot waits for HighLevel's pace
        names = list(_names())
        for first in range(0, NAMES, 40):
            some = names[first : first + 40]
            house.highlevel.opportunities.clear()
            for number, name in enumerate(some):
                house.highlevel.add_opportunity(f"nameQ7xQ7xQ7x{number:07}", name=name.replace("&amp;", "&"))
            before = len(house.slack.shown)
            await asyncio.gather(
                *(house.slack.command(name, user=people[(first + at) // 20]) for at, name in enumerate(some))
            )
            await house.slack.wait_for(before + len(some))
        assert house.highlevel.written == []
        assert {shown.only_to is None for shown in house.slack.shown} == {False}
