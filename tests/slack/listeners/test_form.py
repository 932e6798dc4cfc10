import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.access.rate_limit import RateLimit
from bot.access.rules import Caller
from bot.commands.record import Entry, Record
from bot.commands.reply import Address
from bot.commands.request import OpenForm
from bot.deals.deal import STATES, LostReason, Matches, Opportunity, Status
from bot.deals.locations import Locations
from bot.deals.outcome import Cause
from bot.deals.ports import StoreDown
from bot.deals.wish import Wish
from bot.slack.listeners.form import NAME_WITHIN
from bot.slack.listeners.suggested.deals import LAST_WITHIN, SUGGEST_WITHIN
from bot.slack.messages import form
from bot.slack.messages.form import DEAL, FORM, NOTE, POST, REASON, SHORTCUT, STATUS, UNAVAILABLE, Form, Origin
from bot.slack.messages.tables import FORM_WORDS
from tests.desk import DEAL as ID
from tests.desk import Desk
from tests.memory import MemoryBindings, MemoryCrm, MemoryLedger, error

pytestmark = pytest.mark.jumping_clock

LINK = f"https://app.gohighlevel.com/v2/location/L/opportunities/{ID}"
FOREIGN_LINK = f"https://app.gohighlevel.com/v2/location/OTHER/opportunities/{ID}"
ORIGIN = Origin("C1", "http://reply.example")
PRICE = LostReason("price", "Price")

_numbers = count()


class HungCrm(MemoryCrm):
    """A CRM that never answers."""

    async def find(self, opportunity_id: str, *, until: float) -> Opportunity:  # noqa: ARG002 - the port's
        return await asyncio.Event().wait()  # type: ignore[return-value] # it never returns

    async def search(self, name: str, *, until: float) -> Matches:  # noqa: ARG002 - the port's
        return await asyncio.Event().wait()  # type: ignore[return-value] # likewise


@pytest.fixture
def desk() -> Desk:
    return Desk()


def _view(
    deal: str = ID, status: str = "won", reason: str = "", note: str = "", *, post: bool = True, origin: Origin = ORIGIN
) -> dict[str, Any]:
    """The form as Slack sends it, with these entries."""
    reasons = (PRICE,) if status == "lost" else None
    shown = form.view(Form(origin, STATES, status=next((s for s in STATES if s == status), None), reasons=reasons))
    values = {
        DEAL: {"selected_option": {"value": deal, "text": {"text": "New website"}} if deal else None},
        STATUS: {"selected_option": {"value": status} if status else None},
        REASON: {"selected_option": {"value": reason} if reason else None},
        NOTE: {"value": note or None},
        POST: {"selected_options": [{"value": POST}] if post else []},
    }
    state = {field: {field: entered} for field, entered in values.items()}
    return {**shown, "id": "V1", "hash": "h1", "state": {"values": state}}


async def _sent(desk: Desk, kind: str, **contents: Any) -> dict[str, Any]:  # noqa: ANN401
    """What the bot answers Slack when U1 does this, or the `user` in `contents`."""
    status, answer = await desk.dispatch(
        {
            "type": kind,
            "user": {"id": "U1", "team_id": "T1"},
            "team": {"id": "T1"},
            "trigger_id": f"form.{next(_numbers)}",
        }
        | contents
    )
    assert status == 200
    return answer


async def _typed(desk: Desk, text: object, **contents: Any) -> list[tuple[str, str]]:  # noqa: ANN401
    """The options that are offered to a person who types this: the text and value of each."""
    body: dict[str, Any] = {"action_id": DEAL, "block_id": DEAL, "value": text, "view": _view()}
    answer = await _sent(desk, "block_suggestion", **(body | contents))
    return [(option["text"]["text"], option["value"]) for option in answer["options"]]


async def test_while_nothing_is_typed_the_search_that_was_begun_goes_on(desk: Desk) -> None:
    desk.crm.matches = Matches((desk.crm.deal,), more=False)
    begun = _view(origin=Origin("C1", "http://reply.example", query="new website"))

    assert [value for _, value in await _typed(desk, "", view=begun)] == [ID]
    assert desk.crm.calls == ["search"]
    assert await _typed(desk, "") == []


async def _chosen(desk: Desk, view: dict[str, Any], **contents: Any) -> list[Any]:  # noqa: ANN401
    """A person chooses a status; returns what they are told afterwards."""
    action = {"type": "static_select", "action_id": STATUS, "block_id": STATUS}
    assert await _sent(desk, "block_actions", **({"actions": [action], "view": view} | contents)) == {}
    return await desk.answers()


async def _submitted(desk: Desk, view: dict[str, Any], **contents: Any) -> dict[str, Any]:  # noqa: ANN401
    return await _sent(desk, "view_submission", **({"view": view | {"callback_id": FORM}} | contents))


def _fields(view: Any) -> list[str]:  # noqa: ANN401
    return [block["block_id"] for block in view["blocks"]]


# --- opening --------------------------------------------------------------------------------------------------------


async def test_the_command_opens_an_empty_form_that_carries_its_origin(desk: Desk) -> None:
    desk.request = OpenForm()
    await desk.on_command()

    assert await desk.answers() == [None]
    ((trigger_id, view),) = desk.views.opened
    assert trigger_id == "1.2.3"
    assert Origin.from_metadata(view["private_metadata"]) == ORIGIN
    assert _fields(view) == [DEAL, STATUS, NOTE, POST]
    assert "initial_option" not in view["blocks"][0]["element"]


async def test_the_form_offers_the_allowed_statuses_in_their_order(desk: Desk) -> None:
    desk.request, desk.statuses = OpenForm(), frozenset({Status.LOST, Status.OPEN})
    await desk.on_command()
    await desk.answers()

    options = desk.views.opened[0][1]["blocks"][1]["element"]["options"]
    assert [option["value"] for option in options] == ["open", "lost"]


async def test_a_form_that_does_not_open_is_reported(desk: Desk) -> None:
    desk.request, desk.views.works = OpenForm(), False
    await desk.on_command()

    (message,) = await desk.answers()
    assert message
    assert "form didn't open in time" in message.text
    assert not message.public


# --- the shortcut ---------------------------------------------------------------------------------------------------


async def _shortcut(desk: Desk, message: object, **contents: Any) -> dict[str, Any] | None:  # noqa: ANN401
    """The deal that the form opens with after the shortcut on a message."""
    body = {
        "callback_id": SHORTCUT,
        "channel": {"id": "C1"},
        "response_url": "http://reply.example",
        "trigger_id": "1.2.3",
        "message": message,
    }
    assert await _sent(desk, "message_action", **(body | contents)) == {}
    assert await desk.answers() == [None]
    ((trigger_id, view),) = desk.views.opened
    assert trigger_id == "1.2.3"
    assert replace(Origin.from_metadata(view["private_metadata"]), location_id="", query="") == ORIGIN
    option: dict[str, Any] | None = view["blocks"][0]["element"].get("initial_option")
    return option


@pytest.mark.parametrize(
    "message",
    [
        {"text": f"look at <{LINK}|this>, and at <{LINK}2>"},
        {"text": f"<{FOREIGN_LINK}>", "blocks": [{"text": {"text": f"<{LINK}>"}}]},
        {"text": "", "attachments": [{"id": 1, "title_link": LINK}, None]},
    ],
)
async def test_the_shortcut_opens_the_form_with_the_first_deal_in_the_message(desk: Desk, message: object) -> None:
    option = await _shortcut(desk, message)

    assert option
    assert option["value"] == ID
    assert option["text"]["text"] == "New website · open"


@pytest.mark.parametrize("message", [None, {}, {"text": "no link"}, {"text": FOREIGN_LINK}, [[[]]]])
async def test_the_shortcut_on_a_message_without_a_deal_opens_an_empty_form(desk: Desk, message: object) -> None:
    assert await _shortcut(desk, message) is None
    assert desk.crm.calls == []


@pytest.mark.parametrize(
    ("message", "query"),
    [
        ({"text": "Acme &amp; Sons"}, "Acme & Sons"),
        ({"text": "word " * 40}, ""),
        ({"text": FOREIGN_LINK}, ""),
        ({"text": None}, ""),
        ({}, ""),
        ([], ""),
    ],
)
async def test_the_words_of_a_short_message_without_a_link_are_searched_for(
    desk: Desk, message: object, query: str
) -> None:
    await _shortcut(desk, message)

    assert Origin.from_metadata(desk.views.opened[-1][1]["private_metadata"]).query == query


async def test_a_deal_whose_name_cannot_be_read_is_shown_by_its_id(desk: Desk) -> None:
    desk.crm.finding.append(error(Cause.NO_ANSWER))
    option = await _shortcut(desk, {"text": LINK})

    assert option
    assert (option["text"]["text"], option["value"]) == (f"Deal {ID}", ID)


async def test_a_slow_name_does_not_keep_the_form_from_opening(desk: Desk) -> None:
    desk.crm = HungCrm(desk.crm.deal)
    async with asyncio.timeout(60):
        option = await _shortcut(desk, {"text": LINK})

    assert option
    assert option["text"]["text"] == f"Deal {ID}"
    assert NAME_WITHIN <= 1.5


async def test_the_shortcut_refuses_people_who_may_not_change_deals(desk: Desk) -> None:
    body = {"callback_id": SHORTCUT, "channel": {"id": "C1"}, "response_url": "http://reply.example"}

    assert await _sent(desk, "message_action", user={"id": "U3"}, **body) == {}
    ((message, to, _),) = desk.told
    assert "You don't have access" in message.text
    assert to == Address("http://reply.example", "C1", "U3")
    assert desk.questions == []


# --- typing ---------------------------------------------------------------------------------------------------------


async def test_deals_that_the_typed_name_fits_are_offered(desk: Desk) -> None:
    other = replace(desk.crm.deal, id="other", name="Old website", contact="Ana")
    desk.crm.matches = Matches((desk.crm.deal, other), more=True)

    assert await _typed(desk, "web") == [("New website · open", ID), ("Old website · Ana · open", "other")]
    assert await _typed(desk, "web") != []
    desk.crm.matches = Matches((), more=False)
    assert await _typed(desk, "web") == []


@pytest.mark.parametrize("text", [ID, LINK, f" <{LINK}|{LINK}> "])
async def test_a_typed_id_or_link_offers_its_deal(desk: Desk, text: str) -> None:
    assert await _typed(desk, text) == [("New website · open", ID)]
    assert desk.crm.calls == ["find"]


async def test_an_unknown_id_offers_no_deal_and_no_error(desk: Desk) -> None:
    assert await _typed(desk, ID[::-1]) == []


@pytest.mark.parametrize(
    "text", ["", "   ", "\u00a0\u2003\u200b ", "a", "--- a ---", "(*)", '""', "\x00\ud800", None, 7]
)
async def test_a_text_that_is_too_short_or_odd_is_not_searched_for(desk: Desk, text: object) -> None:
    desk.crm.matches = Matches((desk.crm.deal,), more=True)

    assert await _typed(desk, text) == []
    assert desk.crm.calls == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("  Acme\u00a0 Corp ", "Acme Corp"),
        ("“Acme”", "Acme"),
        ("O’Brien & Söhne", "O'Brien & Söhne"),
        ("won", "won"),
        ("word " * 40, "word " * 14 + "word"),
        ("ana@example.com", "ana@example.com"),
        ("日本", "日本"),
        ("Acme\ud800", "Acme?"),
    ],
)
async def test_a_name_is_searched_for_as_in_a_command(desk: Desk, text: str, name: str) -> None:
    names: list[str] = []

    class Watched(MemoryCrm):
        async def search(self, name: str, *, until: float) -> Matches:
            names.append(name)
            return await super().search(name, until=until)

    desk.crm = Watched(desk.crm.deal)
    await _typed(desk, text)

    assert names == [name]


@pytest.mark.parametrize("text", ["web", ID])
async def test_while_the_crm_does_not_answer_the_menu_says_so(desk: Desk, text: str) -> None:
    desk.crm.searching.append(error(Cause.NO_ANSWER))
    desk.crm.finding.append(error(Cause.NO_ANSWER))

    assert await _typed(desk, text) == [(UNAVAILABLE.text, UNAVAILABLE.value)]


async def test_a_slow_crm_is_not_waited_for_longer_than_slack_waits(desk: Desk) -> None:
    desk.crm = HungCrm(desk.crm.deal)
    async with asyncio.timeout(60):
        assert await _typed(desk, "web") == [(UNAVAILABLE.text, UNAVAILABLE.value)]
    assert SUGGEST_WITHIN <= 2.5


async def test_deals_are_offered_only_to_people_who_may_change_them(desk: Desk) -> None:
    desk.crm.matches = Matches((desk.crm.deal,), more=False)
    for stranger in ({"user": {"id": "U3"}}, {"team": {"id": "T2"}}):
        assert await _typed(desk, "web", **stranger) == []
    desk.channels = frozenset({"C2"})
    assert await _typed(desk, "web") == []
    assert desk.crm.calls == []

    assert await _typed(desk, "web", view=_view(origin=Origin("C2"))) != []
    desk.channels = frozenset()
    assert await _typed(desk, "web", view="odd") != []


# --- choosing a status ----------------------------------------------------------------------------------------------


async def test_for_a_lost_deal_the_form_asks_for_a_reason_and_keeps_its_entries(desk: Desk) -> None:
    desk.crm.reasons, desk.reason_required = (PRICE,), True

    assert await _chosen(desk, _view(status="lost", note="at last")) == [None]
    ((view_id, of, view),) = desk.views.updated
    assert (view_id, of) == ("V1", "h1")
    assert _fields(view) == [DEAL, STATUS, REASON, NOTE, POST]
    fields = {block["block_id"]: block for block in view["blocks"]}
    assert fields[DEAL]["element"]["initial_option"]["value"] == ID
    assert fields[STATUS]["element"]["initial_option"]["value"] == "lost"
    assert fields[NOTE]["element"]["initial_value"] == "at last"
    assert fields[REASON]["optional"] is False
    assert Origin.from_metadata(view["private_metadata"]) == ORIGIN


@pytest.mark.parametrize("status", ["won", "open", "abandoned", ""])
async def test_for_another_status_the_form_asks_for_no_reason(desk: Desk, status: str) -> None:
    desk.crm.reasons = (PRICE,)
    await _chosen(desk, _view(status=status))

    assert _fields(desk.views.updated[0][2]) == [DEAL, STATUS, NOTE, POST]
    assert desk.crm.calls == []


@pytest.mark.parametrize("reasons", [None, ()])
async def test_without_lost_reasons_the_form_asks_for_none(desk: Desk, reasons: tuple[LostReason, ...] | None) -> None:
    desk.crm.reasons = reasons
    await _chosen(desk, _view(status="lost"))

    assert REASON not in _fields(desk.views.updated[0][2])


async def test_a_form_that_was_closed_meanwhile_is_no_error(desk: Desk) -> None:
    desk.views.works = False

    assert await _chosen(desk, _view(status="lost")) == [None]


async def test_a_form_does_not_change_for_people_who_may_not(desk: Desk) -> None:
    assert await _chosen(desk, _view(status="lost"), user={"id": "U3"}) == []
    assert desk.told == []


# --- submitting -----------------------------------------------------------------------------------------------------


async def test_a_submitted_form_is_accepted_and_started_once_and_closes(desk: Desk) -> None:
    view = _view(status="lost", reason="price", note=" at last\nall of it ")

    assert await _submitted(desk, view, trigger_id="1.2.3") == {}
    assert await _submitted(desk, view, trigger_id="1.2.3") == {}
    (entry,) = desk.entries
    assert entry == Entry(
        key="1.2.3",
        reference=entry.reference,
        caller=Caller("U1", "T1", "C1"),
        text=f"{ID} lost",
        wish=Wish(ID, Status.LOST, "price"),
        response_url="http://reply.example",
        note="at last\nall of it",
        public=True,
        asked_why=True,
    )


async def test_without_the_tick_the_result_is_private(desk: Desk) -> None:
    await _submitted(desk, _view(post=False))

    assert desk.entries[0].public is False


async def test_a_form_without_a_channel_has_a_private_result(desk: Desk) -> None:
    await _submitted(desk, _view(origin=Origin()))

    (entry,) = desk.entries
    assert (entry.caller.channel_id, entry.response_url, entry.public) == ("", "", False)


@pytest.mark.parametrize(
    ("view", "field", "sentence"),
    [
        (_view(deal=""), DEAL, FORM_WORDS.no_deal),
        (_view(deal=UNAVAILABLE.value), DEAL, FORM_WORDS.no_answer),
        (_view(status=""), STATUS, FORM_WORDS.no_status),
        (_view(status="open"), STATUS, FORM_WORDS.not_offered.format(status="open")),
        (_view(status="lost"), REASON, FORM_WORDS.no_reason),
        (_view(note="a" * 501), NOTE, FORM_WORDS.note_too_long.format(length=501, most=500)),
    ],
)
async def test_an_invalid_value_is_shown_at_its_field_and_the_form_stays_open(
    desk: Desk, view: dict[str, Any], field: str, sentence: str
) -> None:
    desk.statuses, desk.reason_required = frozenset({Status.WON, Status.LOST}), True

    assert await _submitted(desk, view) == {"response_action": "errors", "errors": {field: sentence}}
    assert (desk.entries, desk.told) == ([], [])


async def test_a_form_without_values_shows_errors(desk: Desk) -> None:
    answer = await _submitted(desk, {"type": "modal"})

    assert answer["errors"].keys() == {DEAL, STATUS}


async def test_the_form_of_a_person_who_may_not_closes_and_they_are_told_why(desk: Desk) -> None:
    assert await _submitted(desk, _view(), user={"id": "U3"}) == {"response_action": "clear"}
    ((message, to, reference),) = desk.told
    assert "You don't have access" in message.text
    assert reference in message.text
    assert to == Address("http://reply.example", "C1", "U3")

    desk.channels = frozenset({"C2"})
    assert await _submitted(desk, _view()) == {"response_action": "clear"}
    assert "from this channel" in desk.told.pop()[0].text
    assert desk.entries == []


async def test_only_a_submitted_form_counts_towards_the_rate_limit(desk: Desk) -> None:
    desk.rate_limit = RateLimit(limit=2)
    for _ in range(5):
        assert await _typed(desk, ID)
        await _chosen(desk, _view())

    assert [await _submitted(desk, _view()) for _ in range(3)] == [{}, {}, {"response_action": "clear"}]
    assert "commands in a minute" in desk.told[0][0].text
    assert await _typed(desk, ID)


@pytest.mark.parametrize(
    ("failure", "sentence", "event"),
    [
        (StoreDown(), FORM_WORDS.not_written, "command.not_written_down"),
        (StoreDown(perhaps_written=True), FORM_WORDS.perhaps_written, "command.not_written_down"),
        (RuntimeError(), FORM_WORDS.broken, "command.broken"),
    ],
)
async def test_a_command_that_cannot_be_accepted_is_told_in_the_form(
    desk: Desk, failure: Exception, sentence: str, event: str
) -> None:
    class Failing(MemoryLedger):
        async def accept(self, *_: object, **__: object) -> None:
            raise failure

    desk.ledger = Failing()
    with capture_logs() as lines:
        answer = await _submitted(desk, _view())

    assert answer["response_action"] == "errors"
    before, _, after = sentence.partition("{reference}")
    assert answer["errors"][DEAL].startswith(before)
    assert answer["errors"][DEAL].endswith(after)
    assert event in [line["event"] for line in lines]
    assert desk.entries == []


async def test_while_the_database_is_down_the_shortcut_opens_the_default_sub_accounts_form() -> None:
    desk = Desk(locations=Locations("L", {"PARIS": "Paris"}), bindings=MemoryBindings(down=True))

    assert await _shortcut(desk, {"text": "no link"}) is None

    assert Origin.from_metadata(desk.views.opened[-1][1]["private_metadata"]).location_id == "L"


async def test_an_id_that_is_no_deals_is_searched_for_as_a_name_and_a_link_is_not(desk: Desk) -> None:
    word = "KraftWerkXY7zQ2mNoPq"
    desk.crm.matches = Matches((Opportunity("found", "open", name=f"{word} refit"),), more=False)

    assert [value for _, value in await _typed(desk, word)] == ["found"]
    assert await _typed(desk, f"https://app.example/v2/location/L/opportunities/{word}") == []


# --- the person's own deals -----------------------------------------------------------------------------------------


async def _opened(desk: Desk) -> dict[str, Any]:
    desk.request = OpenForm()
    await desk.on_command()
    assert await desk.answers() == [None]
    return desk.views.opened.pop()[1]


async def test_the_form_begins_with_the_persons_last_deal_and_no_status(desk: Desk) -> None:
    await desk.changed()
    shown = await _opened(desk)

    field = shown["blocks"][0]
    assert field["element"]["initial_option"]["value"] == "deal"
    assert field["element"]["initial_option"]["text"]["text"] == "New website"
    assert field["hint"]["text"] == FORM_WORDS.last_deal
    assert "initial_option" not in shown["blocks"][1]["element"]
    assert desk.crm.calls == []


async def test_a_form_with_a_deal_that_the_person_chose_has_no_hint(desk: Desk) -> None:
    await _sent(desk, "message_action", callback_id=SHORTCUT, message={"text": LINK}, channel={"id": "C1"})
    await desk.answers()

    assert "hint" not in desk.views.opened[0][1]["blocks"][0]


async def test_a_deal_of_long_ago_of_another_person_or_that_was_not_found_is_no_last_deal(desk: Desk) -> None:
    await desk.changed("other", user="U2")
    await desk.accepted(Wish("", Status.WON, name="typed"), key="named")
    await desk.changed("old")
    desk.ledger.store.rows["old"].accepted -= timedelta(seconds=LAST_WITHIN)

    assert "initial_option" not in (await _opened(desk))["blocks"][0]["element"]


async def test_a_deal_of_another_sub_account_is_no_last_deal_there() -> None:
    desk = Desk(locations=Locations("L", {"M": "Rome"}), bindings=MemoryBindings({"C1": "M"}))
    await desk.changed()

    assert "initial_option" not in (await _opened(desk))["blocks"][0]["element"]


async def test_while_the_database_is_down_or_slow_the_form_opens_without_a_last_deal(desk: Desk) -> None:
    class SlowLedger(MemoryLedger):
        async def of_user(self, user_id: str, most: int) -> list[Record]:
            await asyncio.sleep(5)
            return await super().of_user(user_id, most)

    desk.ledger.store.down = True
    assert "initial_option" not in (await _opened(desk))["blocks"][0]["element"]
    desk.ledger = SlowLedger()
    assert "initial_option" not in (await _opened(desk))["blocks"][0]["element"]


@pytest.mark.parametrize(
    ("own_users", "first"), [({"U1": "hlAna"}, "ana"), ({"U1": ""}, "max"), ({"U1": "gone"}, "max"), ({}, "max")]
)
async def test_a_persons_own_deals_are_suggested_first_if_it_is_known_in_time_who_they_are(
    desk: Desk, own_users: dict[str, str], first: str
) -> None:
    desk.own_users = own_users
    desk.crm.matches = Matches(
        tuple(replace(desk.crm.deal, id=each, owner_id=f"hl{each.title()}") for each in ("max", "ana")), more=False
    )

    assert (await _typed(desk, "web"))[0][1] == first


async def test_it_is_not_found_out_who_a_person_is_where_that_changes_nothing(desk: Desk) -> None:
    desk.crm.matches = Matches((replace(desk.crm.deal, owner_id="hlMax"),) * 2, more=False)
    before = asyncio.get_running_loop().time()
    await _typed(desk, "web")

    assert asyncio.get_running_loop().time() - before < 1
