"""HighLevel is connected by OAuth and its tokens are renewed, whatever goes wrong meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import structlog

from bot.simulator.highlevel.oauth import GRACE
from bot.simulator.highlevel.server import Fault
from bot.web.server import serving
from bot.wiring import build
from bot.wiring.highlevel import connect_link
from tests.house import BY_OAUTH, DEAL, HIGHLEVEL_TOKEN, PATIENT, PUBLIC_URL, House, open_house, stand_ins
from tests.journeys.replicas import Death, replicas
from tests.postgresql import Cluster
from tests.rows import execute
from tests.visitor import Visitor, text_of, visitor

DAY = 86_400.0


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path, **BY_OAUTH) as opened:
        yield opened


@pytest.fixture
async def ana(house: House) -> AsyncIterator[Visitor]:
    async with visitor(house) as opened:
        yield opened


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


async def _failing(house: House) -> dict[str, str]:
    async with build(house.settings, PATIENT, migrates=False).checking() as health:
        return dict((await health.report()).failing)


# --- connecting -----------------------------------------------------------------------------------------------------


async def test_before_highlevel_is_connected_every_reply_says_how_to_connect_it(house: House) -> None:
    shown = await house.says(f"{DEAL} won")

    assert "isn't connected to HighLevel" in shown.text
    assert "Nothing changed." in shown.text
    assert f"{PUBLIC_URL}/oauth/highlevel/install" in str(shown.blocks)
    assert "python -m bot connect" in str(shown.blocks)
    assert "HighLevel isn't connected" in (await _failing(house))["highlevel.token"]


async def test_once_highlevel_is_connected_deals_are_changed(house: House, ana: Visitor) -> None:
    await house.says(f"{DEAL} won")
    page = await ana.connects()
    await house.says(f"{DEAL} won")

    assert (page.status_code, text_of(page)) == (
        200,
        f"Connected Connected to {house.highlevel.location_id}. You can close this page.",
    )
    assert house.deal == "won"
    assert await _failing(house) == {}


async def test_the_tokens_are_encrypted_in_the_database(house: House, ana: Visitor, tmp_path: Path) -> None:
    await ana.connects()
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("ledger.db*"))

    assert house.highlevel.location_id.encode() in stored
    for token in [*house.highlevel.oauth.access_tokens, *house.highlevel.oauth.refresh_tokens]:
        assert token.encode() not in stored


async def test_no_token_code_state_or_pass_is_logged(house: House, ana: Visitor) -> None:
    with structlog.testing.capture_logs() as lines:
        link = await connect_link(house.settings)
        back = await ana.chooses(link)
        await ana.opens(back)
        await ana.opens(back)
        house.highlevel.oauth.later(2 * DAY)
        await house.says(f"{DEAL} won")
        house.highlevel.oauth.uninstall()
        await house.says(f"{DEAL} open")
    logged = str(lines)

    assert "oauth.connected" in logged
    assert "renewal.refused" in logged
    for secret in [link.split("pass=")[1], *httpx.URL(back).params.values(), "access-", "refresh-", "not-a-client"]:
        assert secret not in logged


async def test_an_agencys_tokens_are_exchanged_for_those_of_the_location(tmp_path: Path) -> None:
    scopes = {"CONFIRM": "never", "HIGHLEVEL_SCOPES": "opportunities.readonly opportunities.write oauth.write"}
    async with open_house(tmp_path, **BY_OAUTH, **scopes) as house, visitor(house) as ana:
        oauth = house.highlevel.oauth
        oauth.chooses = oauth.company_id
        assert text_of(await ana.connects()).startswith("Connected")
        await house.says(f"{DEAL} won")
        assert house.deal == "won"

        oauth.later(2 * DAY)  # both tokens expire: the agency's is renewed, and exchanged for a new one of the location
        await house.says(f"{DEAL} lost")
        assert house.deal == "lost"
        assert oauth.renewals == 1


async def test_a_private_token_is_preferred_to_oauth(tmp_path: Path) -> None:
    async with open_house(tmp_path, **BY_OAUTH | {"HIGHLEVEL_TOKEN": HIGHLEVEL_TOKEN}) as house, visitor(house) as ana:
        await ana.connects()
        await house.says(f"{DEAL} won")

        used = {request.headers["Authorization"] for request in house.highlevel.received if DEAL in request.path}
        assert used == {f"Bearer {HIGHLEVEL_TOKEN}"}


# --- links and callbacks: used twice, expired or forged --------------------------------------------------------------


async def test_a_link_works_once_and_opening_it_does_not_use_it_up(house: House, ana: Visitor) -> None:
    link = await connect_link(house.settings)
    for _ in range(3):  # as a chat does to preview it
        assert (await ana.opens(link)).status_code == 200
    await ana.presses(link)
    for method in ("GET", "POST"):
        page = await ana.opens(link, method)
        assert page.status_code == 403
        assert "has already been used" in text_of(page)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_an_expired_or_forged_link_opens_nothing(house: House, ana: Visitor, method: str) -> None:
    link = await connect_link(house.settings)
    execute(house.settings.database_url, "UPDATE install_links SET ends_at = ends_at - 1801")

    assert "has expired" in text_of(await ana.opens(link, method))
    for made_up in ("forged", "x" * 5000, "é"):
        page = await ana.opens(f"{PUBLIC_URL}/oauth/highlevel/install?pass={made_up}", method)
        assert page.status_code == 403
    assert house.highlevel.oauth.codes == {}


async def test_a_callback_works_once(house: House, ana: Visitor) -> None:
    back = await ana.chooses(await connect_link(house.settings))
    assert "Connected" in text_of(await ana.opens(back))
    asked = len(house.highlevel.received)
    again = await ana.opens(back)

    assert (again.status_code, len(house.highlevel.received)) == (200, asked)
    assert "is already connected" in text_of(again)
    assert await _failing(house) == {}


async def test_a_forged_or_expired_callback_stores_nothing(house: House, ana: Visitor) -> None:
    back = httpx.URL(await ana.chooses(await connect_link(house.settings)))
    link = await connect_link(house.settings)
    install_pass = link.split("pass=")[1]
    for state in ("forged", "", install_pass):  # a pass is not a state
        page = await ana.opens(str(back.copy_set_param("state", state)))
        assert (page.status_code, "Nothing was connected." in text_of(page)) == (403, True)
    execute(house.settings.database_url, "UPDATE install_links SET ends_at = ends_at - 1801")
    expired = await ana.opens(str(back))

    assert "has expired" in text_of(expired)
    assert "highlevel.token" in await _failing(house)
    assert len(house.highlevel.oauth.codes) == 1


async def test_the_page_says_when_the_person_declined_or_chose_another_location(house: House, ana: Visitor) -> None:
    house.highlevel.oauth.declines = True
    assert "was declined in HighLevel" in text_of(await ana.connects())
    house.highlevel.oauth.declines = False
    house.highlevel.oauth.chooses = "ANOTHERxxxxxxxxxxxxx"
    page = await ana.connects()

    assert page.status_code == 409
    assert "You chose ANOTHERxxxxxxxxxxxxx, but Opp Status is set up for LOCATION" in text_of(page)
    assert "highlevel.token" in await _failing(house)


# --- renewing -------------------------------------------------------------------------------------------------------


async def test_an_expired_access_token_is_renewed_unnoticed(house: House, ana: Visitor) -> None:
    await ana.connects()
    house.highlevel.oauth.later(2 * DAY)
    shown = await house.says(f"{DEAL} won")

    assert "> won " in shown.text
    assert house.highlevel.oauth.renewals == 1
    assert [written.after for written in house.highlevel.written] == ["won"]


async def test_a_change_whose_token_expires_before_the_write_is_made_once(house: House, ana: Visitor) -> None:
    await ana.connects()
    ends = Fault(then=lambda: house.highlevel.oauth.later(2 * DAY))
    house.highlevel.misbehave(ends, method="PUT")
    await house.says(f"{DEAL} won")

    assert house.deal == "won"
    assert [written.after for written in house.highlevel.written] == ["won"]


async def test_tokens_are_renewed_while_no_one_types_too(house: House, ana: Visitor) -> None:
    house.highlevel.oauth.lives = 1.0
    await ana.connects()
    await _until(lambda: house.highlevel.oauth.renewals >= 2)

    assert "> won " in (await house.says(f"{DEAL} won")).text


async def test_a_burst_renews_the_token_once(house: House, ana: Visitor) -> None:
    deals = [f"{n}B3dE5fG7hJ9kL1mN2pQ" for n in range(1, 7)]
    for deal in deals:
        house.highlevel.add_opportunity(deal)
    await ana.connects()
    house.highlevel.oauth.later(2 * DAY)
    await asyncio.gather(*(house.slack.command(f"{deal} lost", user="U0ANA", channel="C0SALES") for deal in deals))
    await house.slack.wait_for(len(deals))

    assert house.highlevel.oauth.asked == 1
    assert {house.highlevel.opportunities[deal]["status"] for deal in deals} == {"lost"}


async def _is_won(house: House) -> None:
    """Type the command until it is carried out: the bot renews its token a little later."""
    async with asyncio.timeout(60):
        while "> won " not in (await house.says(f"{DEAL} won")).text:
            await asyncio.sleep(0.05)


async def test_a_renewal_that_fails_for_now_changes_nothing_and_is_tried_again(house: House, ana: Visitor) -> None:
    await ana.connects()
    house.highlevel.oauth.later(2 * DAY)
    house.highlevel.misbehave(Fault(status=503, body="upstream"), path="/oauth/token", times=1000)
    shown = await house.says(f"{DEAL} won")
    assert "hasn't renewed yet" in shown.text
    assert "Nothing changed." in shown.text

    house.highlevel.behave()
    await _is_won(house)


async def test_a_refused_renewal_is_reported_in_every_reply_and_by_check_until_highlevel_is_reconnected(
    house: House, ana: Visitor
) -> None:
    await ana.connects()
    house.highlevel.oauth.uninstall()
    for _ in range(2):
        shown = await house.says(f"{DEAL} won")
        assert "isn't connected to HighLevel" in shown.text
        assert f"{PUBLIC_URL}/oauth/highlevel/install" in str(shown.blocks)
    advice = (await _failing(house))["highlevel.token"]
    assert "HighLevel isn't connected" in advice
    assert f"{PUBLIC_URL}/oauth/highlevel/install" in advice
    assert house.highlevel.oauth.asked == 1
    assert house.deal == "open"

    await ana.connects()
    assert "> won " in (await house.says(f"{DEAL} won")).text
    assert await _failing(house) == {}


async def test_a_wrong_client_secret_does_not_end_the_connection(house: House, ana: Visitor) -> None:
    await ana.connects()
    right = house.highlevel.oauth.client_secret
    house.highlevel.oauth.client_secret = "another"
    house.highlevel.oauth.later(2 * DAY)
    shown = await house.says(f"{DEAL} won")
    assert "doesn't recognize Opp Status's client ID or secret" in shown.text
    assert "Nothing changed." in shown.text

    house.highlevel.oauth.client_secret = right
    await _is_won(house)


async def test_a_wrong_encryption_key_is_reported_and_a_rotated_one_works(tmp_path: Path) -> None:
    other = f"{'o' * 42}A="
    async with open_house(tmp_path, **BY_OAUTH) as house, visitor(house) as ana:
        await ana.connects()
        settings = house.settings
        lost = type(settings.encryption_key)(other)
        rotated = type(settings.encryption_key)(f"{other},{BY_OAUTH['ENCRYPTION_KEY']}")

        house.settings = settings.model_copy(update={"encryption_key": lost})
        assert "can't be decrypted with ENCRYPTION_KEY" in (await _failing(house))["highlevel.token"]
        house.settings = settings.model_copy(update={"encryption_key": rotated})
        assert await _failing(house) == {}


# --- replicas -------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _two(folder: Path, cluster: Cluster) -> AsyncIterator[tuple[House, list[str]]]:
    """Run two bots over one PostgreSQL; `house.slack.bot_url` selects the one for Slack and the browser."""
    async with stand_ins(folder, **BY_OAUTH, DATABASE_URL=cluster.new_database()) as house:
        one, other = build(house.settings, PATIENT), build(house.settings, PATIENT)
        async with serving(one) as first, serving(other) as second:
            house.slack.bot_url = first
            for _ in range(2):
                await house.slack.wait_for_call("auth.test")
            for url in (first, second):
                async with httpx.AsyncClient() as http:
                    await http.get(f"{url}/readyz")
            yield house, [first, second]


async def test_a_replica_uses_the_tokens_that_another_was_given(tmp_path: Path, cluster: Cluster) -> None:
    async with _two(tmp_path, cluster) as (house, (_, second)), visitor(house) as ana:
        await ana.connects()
        house.slack.bot_url = second
        assert "> won " in (await house.says(f"{DEAL} won")).text


async def test_two_replicas_renew_the_token_once(tmp_path: Path, cluster: Cluster) -> None:
    async with _two(tmp_path, cluster) as (house, urls), visitor(house) as ana:
        house.highlevel.add_opportunity("bB3dE5fG7hJ9kL1mN2pQ")
        await ana.connects()
        for url, text in zip(urls, (f"{DEAL} lost", "bB3dE5fG7hJ9kL1mN2pQ lost"), strict=True):
            house.slack.bot_url = url
            await house.says(text)
        house.highlevel.oauth.later(2 * DAY)
        for url, text in zip(urls, (f"{DEAL} open", "bB3dE5fG7hJ9kL1mN2pQ open"), strict=True):
            house.slack.bot_url = url
            await house.slack.command(text, user="U0ANA", channel="C0SALES")
        await house.slack.wait_for(4)

        assert house.highlevel.oauth.asked == 1
        assert {deal["status"] for deal in house.highlevel.opportunities.values()} == {"open"}


async def test_a_replica_knows_when_another_was_refused(tmp_path: Path, cluster: Cluster) -> None:
    async with _two(tmp_path, cluster) as (house, urls), visitor(house) as ana:
        await ana.connects()
        house.highlevel.oauth.uninstall()
        for url in urls:
            house.slack.bot_url = url
            assert "isn't connected to HighLevel" in (await house.says(f"{DEAL} won")).text
        assert house.highlevel.oauth.asked == 1


@pytest.mark.parametrize("gone", [0.0, GRACE + 1])
async def test_a_process_killed_before_it_saves_renewed_tokens_loses_nothing_or_is_reported(
    tmp_path: Path, cluster: Cluster, gone: float
) -> None:
    settings = {**BY_OAUTH, "DATABASE_URL": cluster.new_database()}
    async with (
        stand_ins(tmp_path, **settings) as house,
        visitor(house) as ana,
        replicas(house.settings, tmp_path) as bots,
    ):
        victim = await bots.start(Death("before", "renew"), ready=False)
        heir = await bots.start(ready=False)
        for bot in (victim, heir):
            async with httpx.AsyncClient(timeout=30) as http:
                await http.get(f"{bot.url}/readyz")
        house.slack.bot_url = victim.url
        await ana.connects()
        await house.says(f"{DEAL} lost")

        house.highlevel.oauth.later(2 * DAY)
        await house.slack.command(f"{DEAL} won", user="U0ANA", channel="C0SALES")
        assert await victim.ended() == -9
        assert house.highlevel.oauth.renewals == 1
        house.highlevel.oauth.later(gone)
        shown = (await house.slack.wait_for(2))[1]

        if gone:
            assert "isn't connected to HighLevel" in shown.text
            assert "renewal.refused" in heir.log.read_text()
        else:
            assert "now says New website is won" in shown.text
            assert house.highlevel.oauth.renewals == 1
            assert [written.after for written in house.highlevel.written] == ["lost", "won"]
