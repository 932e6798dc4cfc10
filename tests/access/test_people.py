from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access.people import CrmUser, Owners, People, Unknown
from bot.access.rules import Person
from bot.deals.outcome import Cause
from tests.memory import MemoryDirectory, MemoryUsers

pytestmark = pytest.mark.jumping_clock

BERLIN, ROME = "LOCATIONberlin", "LOCATIONrome"
ANA, BEN = "U0ANA", "U0BEN"


def _person(email: str = "") -> Person:
    return Person(teams=frozenset({"T1"}), email=email)


@dataclass
class Desk:
    owners: Owners = field(default_factory=Owners)
    directory: MemoryDirectory = field(
        default_factory=lambda: MemoryDirectory(
            people={ANA: _person("ana@acme.example"), BEN: _person("ben@acme.example")},
            emails={"ana@acme.example": ANA, "ben@acme.example": BEN, "eve@acme.example": None},
        )
    )
    users: MemoryUsers = field(
        default_factory=lambda: MemoryUsers(
            [CrmUser("hlAna", "Ana", " Ana@ACME.example "), CrmUser("hlEve", "Eve", "eve@acme.example")]
        )
    )
    rome: MemoryUsers = field(default_factory=MemoryUsers)

    @property
    def people(self) -> People:
        return People(self.owners, self.directory, {BERLIN: self.users, ROME: self.rome}, BERLIN)


# --- whose deal it is ----------------------------------------------------------------------------------------------


async def test_people_are_the_same_whose_emails_are_but_for_case() -> None:
    desk = Desk()
    assert await desk.people.is_owner(ANA, "hlAna", BERLIN) is True
    assert await desk.people.is_owner(BEN, "hlAna", BERLIN) is False
    assert await desk.people.is_owner(ANA, "hlAna", "") is True  # the default sub-account


async def test_users_are_those_of_the_deals_sub_account() -> None:
    desk = Desk(rome=MemoryUsers([CrmUser("hlRita", "Rita", "ana@acme.example")]))
    assert await desk.people.is_owner(ANA, "hlRita", ROME) is True
    assert await desk.people.crm_user(ANA, ROME) == "hlRita"
    assert await desk.people.crm_user(ANA, BERLIN) == "hlAna"


async def test_the_operators_list_says_all_about_those_in_it_and_nobody_is_asked() -> None:
    desk = Desk(Owners({BEN: "hlAna"}))
    people = desk.people
    assert await people.is_owner(BEN, "hlAna", BERLIN) is True
    assert await people.is_owner(ANA, "hlAna", BERLIN) is False  # although her e-mail is the same
    assert await people.is_owner(BEN, "hlEve", BERLIN) is False
    assert await people.crm_user(BEN, BERLIN) == "hlAna"
    assert await people.member("hlAna", BERLIN) == BEN
    assert desk.directory.asked == desk.users.asked == []
    assert await people.crm_user(ANA, BERLIN) is Unknown.NO_USER
    desk.users.users.append(CrmUser("hlBen", "Ben", "ben@acme.example"))
    assert await people.member("hlBen", BERLIN) is Unknown.NO_MEMBER  # Ben is another user, by the list


async def test_several_people_may_share_a_user_and_the_first_is_found() -> None:
    people = Desk(Owners({ANA: "hlTeam", BEN: "hlTeam"})).people
    assert await people.is_owner(ANA, "hlTeam", BERLIN) is await people.is_owner(BEN, "hlTeam", BERLIN) is True
    assert await people.member("hlTeam", BERLIN) == ANA


# --- what cannot be found out --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"directory": MemoryDirectory(people={ANA: _person()})}, Unknown.EMAIL_HIDDEN),
        ({"directory": MemoryDirectory(error="missing_scope")}, Unknown.EMAIL_HIDDEN),
        ({"directory": MemoryDirectory(error="user_not_found")}, Unknown.EMAIL_HIDDEN),
        ({"directory": MemoryDirectory(error="")}, Unknown.SLACK_DOWN),
        ({"directory": MemoryDirectory(people={ANA: _person("ana@acme.example")}, wait=60.0)}, Unknown.SLACK_DOWN),
        ({"users": MemoryUsers(cause=Cause.SERVER_ERROR)}, Unknown.CRM_DOWN),
        ({"users": MemoryUsers(cause=Cause.SCOPE_MISSING)}, Unknown.USERS_HIDDEN),
        ({"users": MemoryUsers([CrmUser("hlAna", "Ana")])}, Unknown.USERS_HIDDEN),
        ({"users": MemoryUsers([])}, Unknown.USER_GONE),
        ({"users": MemoryUsers([CrmUser("hlAna", "Ana", "ana@acme.example", is_gone=True)])}, Unknown.USER_GONE),
    ],
)
async def test_what_cannot_be_found_out_about_an_owner_has_its_reason(change: dict[str, object], why: Unknown) -> None:
    assert await Desk(**change).people.is_owner(ANA, "hlAna", BERLIN) is why  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"directory": MemoryDirectory(people={ANA: _person()})}, Unknown.EMAIL_HIDDEN),
        ({"users": MemoryUsers(cause=Cause.NO_ANSWER)}, Unknown.CRM_DOWN),
        ({"users": MemoryUsers(cause=Cause.FORBIDDEN)}, Unknown.USERS_HIDDEN),
        ({"users": MemoryUsers([CrmUser("hlX", "Xaver", None)])}, Unknown.NO_USER),
        (
            {"users": MemoryUsers([CrmUser(each, "Ana", "ana@acme.example") for each in ("hl1", "hl2")])},
            Unknown.SEVERAL_USERS,
        ),
    ],
)
async def test_a_persons_user_is_found_or_has_a_reason(change: dict[str, object], why: Unknown) -> None:
    assert await Desk(**change).people.crm_user(ANA, BERLIN) is why  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("owner", "error", "found"),
    [
        ("hlAna", "", ANA),
        ("hlEve", "", Unknown.NO_MEMBER),
        ("hlZoe", "", Unknown.SLACK_DOWN),
        ("hlZoe", "missing_scope", Unknown.EMAIL_HIDDEN),
        ("hlNo", "", Unknown.USER_GONE),
    ],
)
async def test_an_owner_is_found_in_slack_or_has_a_reason(owner: str, error: str, found: str | Unknown) -> None:
    desk = Desk()
    desk.users.users.append(CrmUser("hlZoe", "Zoe", "zoe@acme.example"))
    desk.directory.error = error
    assert await desk.people.member(owner, BERLIN) == found


# --- the operator's list -------------------------------------------------------------------------------------------

SLACK_IDS = st.from_regex(r"[UW][A-Z0-9]{2,12}", fullmatch=True)
CRM_IDS = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)


@given(st.dictionaries(SLACK_IDS, CRM_IDS), st.sampled_from(["=", " = "]))
def test_a_list_of_owners_is_read_as_it_was_written(users: dict[str, str], sign: str) -> None:
    assert Owners.read([f"{slack}{sign}{user}" for slack, user in users.items()]) == Owners(users)


@given(st.text())
def test_any_other_entry_is_refused(entry: str) -> None:
    try:
        ((slack, user),) = Owners.read([entry]).users.items()
    except ValueError:
        return
    assert slack in entry
    assert user in entry
    assert "=" in entry


@pytest.mark.parametrize("entries", [["U0ANA=a", "U0ANA=b"], ["U0ANA"], ["U0ANA="], ["ana=hlAna"], ["U0ANA=a=b"]])
def test_an_entry_that_is_no_pair_or_names_a_person_twice_is_refused(entries: list[str]) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the setting has the words
        Owners.read(entries)


def test_an_email_is_in_no_repr() -> None:
    assert "acme" not in repr((CrmUser("hlAna", "Ana", "ana@acme.example"), _person("ana@acme.example")))


async def test_whose_deals_come_first_is_told_in_a_second_or_not_at_all() -> None:
    desk = Desk()
    assert await desk.people.own_user(ANA, BERLIN) == "hlAna"
    assert await desk.people.own_user(BEN, BERLIN) == ""
    desk.directory.wait = 2.0
    assert await desk.people.own_user(ANA, BERLIN) == ""
