"""A rep changes a deal: what HighLevel receives, what the channel reads, and what the ledger keeps."""

import json
from pathlib import Path

import pytest

from bot.simulator.highlevel.server import READ, WRITE, Fault
from tests.house import ANA, DEAL, HIGHLEVEL_TOKEN, KIM, SALES, House, open_house


@pytest.mark.parametrize("may_post", [True, False])
async def test_the_channel_reads_who_changed_which_deal_from_what_to_what(house: House, *, may_post: bool) -> None:
    if not may_post:
        house.keep_out()
    shown = await house.says(f"{DEAL} won")

    assert house.deal == "won"
    assert shown.only_to is None
    assert shown.channel == SALES
    assert shown.via == ("chat.postMessage" if may_post else "response_url")
    assert f"<@{ANA}> won " in shown.text
    assert "New website" in shown.text
    assert "> won " in shown.text


async def test_highlevel_receives_one_change_with_the_documented_headers_and_body(house: House) -> None:
    await house.says(f"{DEAL} won")

    (put,) = house.highlevel.writes()
    assert (put.method, put.path) == ("PUT", f"/opportunities/{DEAL}/status")
    assert json.loads(put.body) == {"status": "won"}
    assert put.headers["Authorization"] == f"Bearer {HIGHLEVEL_TOKEN}"
    assert put.headers["Version"] == "2021-07-28"
    assert put.headers["Accept"] == "application/json"
    assert put.headers["Content-Type"] == "application/json"
    assert put.headers["User-Agent"].startswith("opp-status/")


async def test_the_deal_is_read_before_and_after_the_change(house: House) -> None:
    await house.says(f"{DEAL} won")

    about_the_deal = [request for request in house.highlevel.received if DEAL in request.path]
    assert [request.method for request in about_the_deal] == ["GET", "PUT", "GET"]


async def test_the_rep_sees_nothing_until_the_one_reply(house: House) -> None:
    answer = await house.slack.command(f"{DEAL} won", user=ANA, channel=SALES)
    shown = await house.slack.wait_for(1)

    assert answer is not None
    assert (answer.status_code, answer.content) == (200, b"")
    assert len(shown) == 1


async def test_the_acknowledgement_does_not_wait_for_highlevel(house: House) -> None:
    house.highlevel.misbehave(Fault(wait=0.4), times=3)
    answer = await house.slack.command(f"{DEAL} won", user=ANA, channel=SALES)

    assert answer is not None
    assert house.slack.shown == []
    assert house.highlevel.writes() == []
    assert "> won " in (await house.slack.wait_for(1))[0].text


@pytest.mark.parametrize(
    "text",
    [
        "won {id}",
        "{id} WON",
        "{id} aban",
        "<https://app.gohighlevel.com/v2/location/{location}/opportunities/{id}?tab=Opportunity+Details> lost",
        "lost <https://crm.agency.example/v2/location/{location}/opportunities/{id}|the deal>",
        "https://app.gohighlevel.com/v2/location/{location}/opportunities/list?opportunityId={id} lost",
        "‘{id}’\u00a0lost\u200b",
    ],
)
async def test_deal_and_status_are_understood_in_every_form(house: House, text: str) -> None:
    shown = await house.says(text.format(id=DEAL, location=house.highlevel.location_id))

    assert shown.only_to is None
    assert house.deal in {"won", "lost", "abandoned"}


async def test_the_message_has_what_tells_the_deal_from_others(tmp_path: Path) -> None:
    async with open_house(tmp_path, CURRENCY="USD", HIGHLEVEL_APP_URL="https://crm.agency.example") as house:
        house.highlevel.users["USER1"] = {"id": "USER1", "name": "Max Power"}
        house.highlevel.pipelines = [{"id": "P1", "name": "New business", "stages": [{"id": "S1", "name": "Proposal"}]}]
        house.highlevel.opportunities[DEAL] |= {
            "monetaryValue": 4800,
            "contact": {"name": "Jane Doe", "companyName": "Acme Corp"},
            "pipelineId": "P1",
            "pipelineStageId": "S1",
            "assignedTo": "USER1",
        }
        shown = await house.says(f"{DEAL} won")

    assert "Jane Doe · Proposal · Owner: Max Power" in shown.text
    assert f"<https://crm.agency.example/v2/location/{house.highlevel.location_id}/opportunities/{DEAL}|" in str(
        shown.blocks
    )


async def test_the_change_is_made_without_names_that_the_token_may_not_read(house: House) -> None:
    house.highlevel.add_token(HIGHLEVEL_TOKEN, scopes=frozenset({READ, WRITE}))
    house.highlevel.opportunities[DEAL]["assignedTo"] = "USER1"
    shown = await house.says(f"{DEAL} won")

    assert house.deal == "won"
    assert "owner" not in shown.text


async def test_nothing_is_written_if_the_deal_has_the_status_already(house: House) -> None:
    shown = await house.says(f"{DEAL} open")

    assert house.highlevel.writes() == []
    assert shown.only_to == ANA
    assert "is already open (since <!date^" in shown.text
    assert "Nothing changed." in shown.text


async def test_the_status_all_is_explained_and_not_sent(house: House) -> None:
    shown = await house.says(f"{DEAL} all")

    assert house.highlevel.received == []
    assert "`all` isn't a deal status" in shown.text


async def test_the_status_all_is_sent_if_the_operator_offers_it(tmp_path: Path) -> None:
    async with open_house(tmp_path, STATUSES="open,won,all") as house:
        await house.says(f"{DEAL} all")

        assert json.loads(house.highlevel.writes()[0].body) == {"status": "all"}


async def test_each_command_is_one_row_with_who_where_what_and_the_outcome(house: House) -> None:
    shown = await house.says(f"{DEAL} won")
    await house.says(f"{DEAL} won")

    done, already = await house.rows()
    assert (shown.blocks[0]["block_id"], done["reference"] in shown.text) == (done["reference"], False)
    assert (done["user_id"], done["channel_id"], done["team_id"]) == (ANA, SALES, house.slack.team_id)
    assert (done["text"], done["opportunity_id"], done["status"]) == (f"{DEAL} won", DEAL, "won")
    assert (done["before"], done["after"], done["outcome"]) == ("open", "won", "changed")
    assert done["trace_id"]
    assert (already["before"], already["outcome"]) == ("won", "already_so")


async def test_of_two_reps_who_type_the_same_at_once_only_one_changes_the_deal(tmp_path: Path) -> None:
    async with open_house(tmp_path, ALLOWED_USERS=f"{ANA},{KIM}") as house:
        house.highlevel.misbehave(Fault(wait=0.2), method="GET")
        for user in (ANA, KIM):
            await house.slack.command(f"{DEAL} won", user=user, channel=SALES)
        first, second = await house.slack.wait_for(2)

        assert "> won " in first.text
        assert "is already won" in second.text
        assert len(house.highlevel.writes()) == 1


async def test_a_command_that_slack_delivers_twice_is_carried_out_once(house: House) -> None:
    for _ in range(2):
        await house.slack.command(f"{DEAL} lost", user=ANA, channel=SALES, trigger_id="1.2.same")
    await house.slack.wait_for(1)
    await house.says(f"{DEAL} won")

    assert [json.loads(put.body)["status"] for put in house.highlevel.writes()] == ["lost", "won"]
    assert len(await house.rows()) == 2
