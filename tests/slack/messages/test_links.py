"""Help and refusals link to the documents, where the operator says where those are."""

from datetime import UTC, datetime

import pytest

from bot.access.rules import Caller, Reason
from bot.commands.reply import Message
from bot.commands.request import Misunderstood, Problem
from bot.deals.deal import Status
from bot.deals.outcome import Cause, Effect, Failed, Trouble
from bot.deals.wish import Wish
from bot.slack.messages.messages import Messages
from bot.slack.messages.tables import FAILURES
from bot.slack.wording import LINKS, Page
from tests.memory import messages

DOCS = "https://docs.example/opp-status"
CALLER = Caller("U1", "T1", "C1")
WISH = Wish("deal", Status.WON)


def _links(message: Message) -> list[str]:
    """The pages that the message's small print links to, as they are published."""
    small = [block["elements"][0]["text"] for block in message.blocks if block["type"] == "context"]
    return [page for page, words in LINKS.items() if f"<{DOCS}/{page}|{words}>" in "\n".join(small)]


def _refusals(speaks: Messages) -> list[tuple[Message, Page]]:
    failures = speaks.failures
    nonsense = Misunderstood(next(iter(Problem)), "wno")
    now = datetime.now(UTC)
    return [
        (speaks.help.overview(), Page.USING),
        (speaks.help.misunderstood(nonsense, "REF"), Page.DEALS),
        (speaks.people.denied(Reason.NOT_ALLOWED, CALLER, "REF", now=now), Page.ACCESS),
        (failures.failed(Failed(Trouble(Cause.NOT_FOUND), Effect.NOTHING), WISH, "REF"), Page.REFUSALS),
        (failures.not_accepted(Cause.STORE_DOWN, "REF"), Page.REFUSALS),
        (failures.not_accepted(Cause.STORE_DOWN, "REF", perhaps=True), Page.REFUSALS),
        (failures.cannot_look_up("REF"), Page.REFUSALS),
        (failures.cannot_open_form("REF"), Page.REFUSALS),
    ]


def test_help_and_every_refusal_link_to_their_page() -> None:
    for message, page in _refusals(messages(docs_url=DOCS)):
        assert page in _links(message), message.text


def test_without_the_documents_address_no_message_has_a_link_to_them() -> None:
    for message, _ in _refusals(messages()):
        assert not any(words in str(message) for words in LINKS.values())


@pytest.mark.parametrize("cause", [cause for cause, words in FAILURES.items() if words.for_admins])
def test_what_an_admin_has_to_fix_links_to_how(cause: Cause) -> None:
    failed = Failed(Trouble(cause), Effect.NOTHING)

    assert Page.TROUBLE in _links(messages(docs_url=DOCS).failures.failed(failed, WISH, "REF"))


def test_who_may_is_explained_to_admins() -> None:
    denied = messages(docs_url=DOCS).people.denied(Reason.NOT_ALLOWED, CALLER, "REF", now=datetime.now(UTC))

    assert (Page.WHO_MAY in _links(denied)) is ("For admins:" in str(denied.blocks))
