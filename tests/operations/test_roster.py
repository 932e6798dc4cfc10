import asyncio

import pytest

from bot.access.people import CrmUser, Owners, People, Unknown
from bot.access.rules import Person
from bot.deals.outcome import Cause
from bot.operations.people.roster import AT_ONCE, PAUSE, WORDS, Pair, Roster, lines
from tests.memory import MemoryDirectory, MemoryUsers

pytestmark = pytest.mark.jumping_clock

BERLIN = "LOCATIONberlin"


def _roster(directory: MemoryDirectory, users: MemoryUsers) -> Roster:
    return Roster(People(Owners(), directory, {BERLIN: users}, BERLIN), Owners(), directory, ())


async def test_more_people_than_slack_answers_at_once_are_looked_up_with_pauses() -> None:
    many = [CrmUser(f"hl{number}", "Ana", f"{number}@acme.example") for number in range(AT_ONCE + 2)]
    directory = MemoryDirectory(emails={f"{number}@acme.example": None for number in range(AT_ONCE + 2)})
    began = asyncio.get_running_loop().time()
    pairs = await _roster(directory, MemoryUsers(many)).of(MemoryUsers(many), BERLIN)

    assert not isinstance(pairs, Unknown)
    assert len(pairs) == len(many)
    assert asyncio.get_running_loop().time() - began == pytest.approx(2 * PAUSE)


async def test_a_person_whom_slack_does_not_tell_has_no_name() -> None:
    directory = MemoryDirectory(emails={"ana@acme.example": "U0ANA"}, error="")
    users = MemoryUsers([CrmUser("hlAna", None, "ana@acme.example")])

    assert await _roster(directory, users).of(users, BERLIN) == [Pair("U0ANA", "", "hlAna", "", "same email", True)]


async def test_a_sub_account_whose_users_are_hidden_says_so() -> None:
    hidden = await _roster(MemoryDirectory(), MemoryUsers()).of(MemoryUsers(cause=Cause.SCOPE_MISSING), BERLIN)

    assert list(lines("Berlin", hidden)) == ["Berlin", f"  {WORDS[Unknown.USERS_HIDDEN]}"]


async def test_a_terminal_is_not_controlled_by_names() -> None:
    person = Person(frozenset(), email="ana@acme.example", name="Ana\x1b[2J")
    directory = MemoryDirectory(people={"U0ANA": person}, emails={"ana@acme.example": "U0ANA"})
    users = MemoryUsers([CrmUser("hlAna", "A\nna", "ana@acme.example")])
    printed = list(lines("Ber\x1blin", await _roster(directory, users).of(users, BERLIN)))

    assert all(line.isprintable() for line in printed)
    assert "acme" not in str(printed)


def test_there_are_words_for_each_reason() -> None:
    assert WORDS.keys() == set(Unknown)
