from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access.rate_limit import RateLimit
from bot.access.rules import Allowed, Allowlist, Approved, Caller, Denied, Person, Reason, Standing, Way

ANA = Caller(user_id="U0ANA", team_id="T0OURS", channel_id="C0SALES")
PLACED = Allowlist(
    users=frozenset({"U0ANA"}),
    channels=frozenset(),
    groups=frozenset({"S0ROME", "S0ALL"}),
    only_in={"U0ANA": frozenset({"BERLIN"}), "S0ROME": frozenset({"ROME"})},
)
ANYWHERE = Allowlist(users=frozenset({"U0ANA", "U0LEO"}), channels=frozenset())
IN_SALES = Allowlist(users=frozenset({"U0ANA"}), channels=frozenset({"C0SALES", "C0DEALS"}))
ON_THE_LIST = Allowed(Way.LIST)
NO_USERS = Allowlist(users=frozenset(), channels=frozenset())


# --- who, and where ------------------------------------------------------------------------------------------------


def test_a_user_on_the_list_is_allowed() -> None:
    assert ANYWHERE.decide(ANA, "T0OURS") == ON_THE_LIST


def test_a_user_who_is_not_on_the_list_is_denied() -> None:
    assert ANYWHERE.decide(Caller("U0BEN", "T0OURS", "C0SALES"), "T0OURS") == Denied(Reason.NOT_ALLOWED)


def test_an_empty_list_denies_every_user() -> None:
    assert NO_USERS.decide(ANA, "T0OURS") == Denied(Reason.NOBODY_ALLOWED)


@pytest.mark.parametrize("user_id", ["", "u0ana", "U0ANA ", "U0AN", "U0ANAX", "U0ANA,U0LEO"])
def test_an_id_that_only_resembles_one_on_the_list_is_denied(user_id: str) -> None:
    assert ANYWHERE.decide(Caller(user_id, "T0OURS", "C0SALES"), "T0OURS") == Denied(Reason.NOT_ALLOWED)


@pytest.mark.parametrize("channel_id", ["C0SALES", "D0ANA", "G0SECRET", ""])
def test_without_allowed_channels_any_channel_will_do(channel_id: str) -> None:
    assert ANYWHERE.decide(Caller("U0ANA", "T0OURS", channel_id), "T0OURS") == ON_THE_LIST


@pytest.mark.parametrize(
    ("channel_id", "decision"),
    [
        ("C0SALES", Allowed(Way.LIST)),
        ("C0DEALS", Allowed(Way.LIST)),
        ("C0OTHER", Denied(Reason.WRONG_CHANNEL)),
        ("D0ANA", Denied(Reason.WRONG_CHANNEL)),
        ("", Denied(Reason.WRONG_CHANNEL)),
    ],
)
def test_with_allowed_channels_no_other_will_do(channel_id: str, decision: Allowed | Denied) -> None:
    assert IN_SALES.decide(Caller("U0ANA", "T0OURS", channel_id), "T0OURS") == decision


def test_a_user_who_is_denied_does_not_learn_that_the_channel_is_wrong_too() -> None:
    assert IN_SALES.decide(Caller("U0BEN", "T0OURS", "C0OTHER"), "T0OURS") == Denied(Reason.NOT_ALLOWED)


@pytest.mark.parametrize("team_id", ["T0THEIRS", "", "t0ours"])
def test_the_right_user_id_in_another_workspace_is_denied(team_id: str) -> None:
    assert ANYWHERE.decide(Caller("U0ANA", team_id, "C0SALES"), "T0OURS") == Denied(Reason.WRONG_WORKSPACE)


@pytest.mark.parametrize("team_id", ["T0OURS", ""])
def test_every_user_is_denied_while_our_own_workspace_is_unknown(team_id: str) -> None:
    assert ANYWHERE.decide(Caller("U0ANA", team_id, "C0SALES"), None) == Denied(Reason.WORKSPACE_UNKNOWN)


IDS = st.sampled_from(["", "A", "B", "C"])
SOME = st.frozensets(IDS)


@given(SOME, SOME, st.builds(Caller, IDS, IDS, IDS), st.none() | IDS)
def test_only_named_users_in_our_workspace_and_in_an_allowed_channel_are_allowed(
    users: frozenset[str], channels: frozenset[str], caller: Caller, our_team: str | None
) -> None:
    may = isinstance(Allowlist(users, channels).decide(caller, our_team), Allowed)

    named = caller.user_id in users
    assert may == (named and caller.team_id == our_team and (not channels or caller.channel_id in channels))


# --- by a group, an approval, or as an admin -----------------------------------------------------------------------

AT = datetime(2026, 11, 25, 11, tzinfo=UTC)
BEN = Caller("U0BEN", "T0OURS", "C0SALES")
OURS = Person(teams=frozenset({"T0OURS"}))
RULES = Allowlist(frozenset({"U0ANA"}), frozenset({"C0SALES"}), frozenset({"S0SALES"}), frozenset({"U0KIM"}))


def test_an_admin_is_allowed_too() -> None:
    assert RULES.decide(Caller("U0KIM", "T0OURS", "C0SALES"), "T0OURS") == Allowed(Way.ADMIN)
    assert RULES.decide(Caller("U0KIM", "T0OURS", "C0OTHER"), "T0OURS") == Denied(Reason.WRONG_CHANNEL)


@pytest.mark.parametrize(
    ("caller", "our_team", "is_one"),
    [
        (Caller("U0KIM", "T0OURS", "C0OTHER"), "T0OURS", True),
        (Caller("U0KIM", "T0THEIRS", "C0SALES"), "T0OURS", False),
        (Caller("U0KIM", "T0OURS", "C0SALES"), None, False),
        (Caller("U0ANA", "T0OURS", "C0SALES"), "T0OURS", False),
    ],
)
def test_an_admin_is_an_admin_in_every_channel_of_our_workspace_only(
    caller: Caller, our_team: str | None, is_one: bool
) -> None:
    assert RULES.is_admin(caller, our_team) is is_one


def test_a_user_who_is_not_named_is_looked_up_if_groups_or_admins_may_let_them_in() -> None:
    only_groups = Allowlist(frozenset(), frozenset(), groups=frozenset({"S0SALES"}))
    only_admins = Allowlist(frozenset(), frozenset(), admins=frozenset({"U0KIM"}))
    for rules in (RULES, only_groups, only_admins):
        assert rules.decide(BEN, "T0OURS") is None
        assert not rules.is_empty
    assert NO_USERS.is_empty


@pytest.mark.parametrize(
    ("standing", "decision"),
    [
        (Standing(group="S0SALES", person=OURS), Allowed(Way.GROUP, group="S0SALES")),
        (Standing(group="S0SALES", groups_known=False, person=OURS), Allowed(Way.GROUP, group="S0SALES")),
        (
            Standing(groups_known=False, approved=Approved("U0KIM", AT), person=OURS),
            Allowed(Way.APPROVAL, approved=Approved("U0KIM", AT)),
        ),
        (Standing(), Denied(Reason.NOT_ALLOWED)),
        (Standing(person=OURS), Denied(Reason.NOT_ALLOWED)),
        (Standing(groups_known=False), Denied(Reason.GROUPS_UNKNOWN)),
        (Standing(approvals_known=False), Denied(Reason.APPROVALS_UNKNOWN)),
        (Standing(group="S0SALES"), Denied(Reason.PERSON_UNKNOWN)),
        (Standing(approved=Approved("U0KIM", AT)), Denied(Reason.PERSON_UNKNOWN)),
        (Standing(group="S0SALES", person=replace(OURS, is_guest=True)), Denied(Reason.GUEST)),
        (Standing(group="S0SALES", person=replace(OURS, is_bot=True)), Denied(Reason.BOT)),
        (Standing(group="S0SALES", person=replace(OURS, is_gone=True)), Denied(Reason.GONE)),
        (Standing(group="S0SALES", person=replace(OURS, is_stranger=True)), Denied(Reason.STRANGER)),
        (Standing(group="S0SALES", person=Person(frozenset({"T0THEIRS"}))), Denied(Reason.STRANGER)),
        (Standing(group="S0SALES", person=Person(frozenset())), Denied(Reason.STRANGER)),
        (
            Standing(group="S0SALES", person=Person(frozenset({"T0THEIRS", "T0OURS"}))),
            Allowed(Way.GROUP, group="S0SALES"),
        ),
    ],
)
def test_a_standing_decides_and_anything_unknown_in_it_is_a_denial(
    standing: Standing, decision: Allowed | Denied
) -> None:
    assert RULES.decide(BEN, "T0OURS", standing) == decision


def test_a_user_whom_a_group_lets_in_needs_an_allowed_channel_too() -> None:
    standing = Standing(group="S0SALES", person=OURS)

    assert RULES.decide(replace(BEN, channel_id="C0OTHER"), "T0OURS", standing) == Denied(Reason.WRONG_CHANNEL)
    assert RULES.decide(replace(BEN, channel_id="C0OTHER"), "T0OURS", Standing()) == Denied(Reason.NOT_ALLOWED)


@given(
    st.builds(Allowlist, SOME, SOME, SOME, SOME),
    st.builds(Caller, IDS, IDS, IDS),
    st.none() | IDS,
    st.none()
    | st.builds(
        Standing,
        group=IDS,
        groups_known=st.booleans(),
        approved=st.none() | st.just(Approved("A", AT)),
        approvals_known=st.booleans(),
        person=st.none() | st.builds(Person, SOME, *[st.booleans()] * 4),
    ),
)
def test_a_user_who_is_not_named_is_allowed_only_as_a_member_with_a_group_or_an_approval(
    rules: Allowlist, caller: Caller, our_team: str | None, standing: Standing | None
) -> None:
    decision = rules.decide(caller, our_team, standing)

    if isinstance(decision, Allowed) and caller.user_id not in rules.users | rules.admins:
        assert standing
        assert standing.group or standing.approved
        assert standing.person
        assert our_team in standing.person.teams
        assert not any((standing.person.is_guest, standing.person.is_bot, standing.person.is_gone))
    if isinstance(decision, Allowed):
        assert caller.team_id == our_team
        assert not rules.channels or caller.channel_id in rules.channels
    if standing:
        assert decision is not None


# --- how often -----------------------------------------------------------------------------------------------------


def test_one_person_may_start_at_most_twenty_commands_in_a_minute() -> None:
    rate_limit = RateLimit()

    assert [rate_limit.denies("U0ANA", second) for second in range(20)] == [None] * 20
    assert rate_limit.denies("U0ANA", 20) == Denied(Reason.TOO_FAST)
    assert rate_limit.denies("U0ANA", 59.999) == Denied(Reason.TOO_FAST)


def test_each_command_counts_for_a_minute() -> None:
    rate_limit = RateLimit()
    for second in range(20):
        rate_limit.denies("U0ANA", second)

    assert rate_limit.denies("U0ANA", 60) is None
    assert rate_limit.denies("U0ANA", 60.5) == Denied(Reason.TOO_FAST)
    assert rate_limit.denies("U0ANA", 61) is None


def test_a_refused_command_does_not_count() -> None:
    rate_limit = RateLimit(limit=1, period=10)

    assert [rate_limit.denies("U0ANA", second) for second in (0, 1, 9.9)] == [None, *[Denied(Reason.TOO_FAST)] * 2]
    assert rate_limit.denies("U0ANA", 10) is None


def test_each_person_has_a_limit_of_their_own() -> None:
    rate_limit = RateLimit(limit=1, period=10)
    rate_limit.denies("U0ANA", 0)

    assert rate_limit.denies("U0BEN", 0) is None


@given(
    st.integers(1, 5),
    st.integers(1, 20),
    st.lists(st.tuples(st.sampled_from(["U0ANA", "U0BEN"]), st.integers(0, 10)), max_size=60),
)
def test_no_period_has_more_commands_than_the_limit_and_none_is_refused_below_it(
    limit: int, period: int, steps: list[tuple[str, int]]
) -> None:
    rate_limit, now = RateLimit(limit, period), 0
    started: dict[str, list[int]] = {"U0ANA": [], "U0BEN": []}
    for user, pause in steps:
        now += pause
        recent = [start for start in started[user] if start > now - period]
        denied = rate_limit.denies(user, now)
        assert denied == (Denied(Reason.TOO_FAST) if len(recent) >= limit else None)
        if denied is None:
            started[user].append(now)


# --- in some sub-accounts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "group", "places"),
    [("U0ANA", "", {"BERLIN"}), ("U0BEN", "S0ROME", {"ROME"}), ("U0BEN", "S0ALL", set())],
)
def test_who_is_named_for_some_sub_accounts_is_allowed_and_it_says_for_which(
    user: str, group: str, places: set[str]
) -> None:
    standing = Standing(group=group, person=Person(frozenset({"T1"})))
    decision = PLACED.decide(Caller(user, "T1", "C1"), "T1", standing)

    assert isinstance(decision, Allowed)
    assert decision.only_in == places


def test_a_sub_account_is_reached_by_name_unless_another_is_named() -> None:
    reached = [PLACED.reaches(user, place) for user in ("U0ANA", "U0BEN") for place in ("BERLIN", "ROME")]
    assert reached == [True, False, False, False]
