import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.access import Allowlist, Caller, Denied, Pace, Reason

ANA = Caller(user_id="U0ANA", team_id="T0OURS", channel_id="C0SALES")
ANYWHERE = Allowlist(users=frozenset({"U0ANA", "U0LEO"}), channels=frozenset())
IN_SALES = Allowlist(users=frozenset({"U0ANA"}), channels=frozenset({"C0SALES", "C0DEALS"}))
NOBODY = Allowlist(users=frozenset(), channels=frozenset())


# --- who, and where ------------------------------------------------------------------------------------------------


def test_somebody_on_the_list_may() -> None:
    assert ANYWHERE.denies(ANA, "T0OURS") is None


def test_somebody_who_is_not_on_the_list_may_not() -> None:
    assert ANYWHERE.denies(Caller("U0BEN", "T0OURS", "C0SALES"), "T0OURS") == Denied(Reason.NOT_ALLOWED)


def test_an_empty_list_means_nobody() -> None:
    assert NOBODY.denies(ANA, "T0OURS") == Denied(Reason.NOBODY_ALLOWED)


@pytest.mark.parametrize("user_id", ["", "u0ana", "U0ANA ", "U0AN", "U0ANAX", "U0ANA,U0LEO"])
def test_an_id_that_only_resembles_one_on_the_list_is_not_on_it(user_id: str) -> None:
    assert ANYWHERE.denies(Caller(user_id, "T0OURS", "C0SALES"), "T0OURS") == Denied(Reason.NOT_ALLOWED)


@pytest.mark.parametrize("channel_id", ["C0SALES", "D0ANA", "G0SECRET", ""])
def test_no_channels_means_any_channel(channel_id: str) -> None:
    assert ANYWHERE.denies(Caller("U0ANA", "T0OURS", channel_id), "T0OURS") is None


@pytest.mark.parametrize(
    ("channel_id", "denied"),
    [
        ("C0SALES", None),
        ("C0DEALS", None),
        ("C0OTHER", Denied(Reason.WRONG_CHANNEL)),
        ("D0ANA", Denied(Reason.WRONG_CHANNEL)),
        ("", Denied(Reason.WRONG_CHANNEL)),
    ],
)
def test_where_channels_are_named_no_other_will_do(channel_id: str, denied: Denied | None) -> None:
    assert IN_SALES.denies(Caller("U0ANA", "T0OURS", channel_id), "T0OURS") == denied


def test_somebody_who_may_not_is_not_told_which_channel_would_be_right() -> None:
    assert IN_SALES.denies(Caller("U0BEN", "T0OURS", "C0OTHER"), "T0OURS") == Denied(Reason.NOT_ALLOWED)


@pytest.mark.parametrize("team_id", ["T0THEIRS", "", "t0ours"])
def test_another_workspace_may_not_even_with_the_right_user_id(team_id: str) -> None:
    assert ANYWHERE.denies(Caller("U0ANA", team_id, "C0SALES"), "T0OURS") == Denied(Reason.WRONG_WORKSPACE)


@pytest.mark.parametrize("team_id", ["T0OURS", ""])
def test_nobody_may_while_our_own_workspace_is_unknown(team_id: str) -> None:
    assert ANYWHERE.denies(Caller("U0ANA", team_id, "C0SALES"), None) == Denied(Reason.WORKSPACE_UNKNOWN)


IDS = st.sampled_from(["", "A", "B", "C"])


@given(st.frozensets(IDS), st.frozensets(IDS), st.builds(Caller, IDS, IDS, IDS), st.none() | IDS)
def test_only_those_may_who_are_named_from_where_it_is_allowed(
    users: frozenset[str], channels: frozenset[str], caller: Caller, our_team: str | None
) -> None:
    may = Allowlist(users, channels).denies(caller, our_team) is None

    named = caller.user_id in users
    assert may == (named and caller.team_id == our_team and (not channels or caller.channel_id in channels))


# --- how often -----------------------------------------------------------------------------------------------------


def test_one_person_may_start_twenty_commands_in_a_minute_and_no_more() -> None:
    pace = Pace()

    assert [pace.denies("U0ANA", second) for second in range(20)] == [None] * 20
    assert pace.denies("U0ANA", 20) == Denied(Reason.TOO_FAST)
    assert pace.denies("U0ANA", 59.999) == Denied(Reason.TOO_FAST)


def test_a_minute_later_there_is_room_again_for_each_that_has_passed() -> None:
    pace = Pace()
    for second in range(20):
        pace.denies("U0ANA", second)

    assert pace.denies("U0ANA", 60) is None
    assert pace.denies("U0ANA", 60.5) == Denied(Reason.TOO_FAST)
    assert pace.denies("U0ANA", 61) is None


def test_what_was_refused_does_not_count() -> None:
    pace = Pace(limit=1, period=10)

    assert [pace.denies("U0ANA", second) for second in (0, 1, 9.9)] == [None, *[Denied(Reason.TOO_FAST)] * 2]
    assert pace.denies("U0ANA", 10) is None


def test_one_persons_haste_slows_down_nobody_else() -> None:
    pace = Pace(limit=1, period=10)
    pace.denies("U0ANA", 0)

    assert pace.denies("U0BEN", 0) is None


@given(
    st.integers(1, 5),
    st.integers(1, 20),
    st.lists(st.tuples(st.sampled_from(["U0ANA", "U0BEN"]), st.integers(0, 10)), max_size=60),
)
def test_no_period_ever_holds_more_than_the_limit_and_nobody_is_refused_below_it(
    limit: int, period: int, steps: list[tuple[str, int]]
) -> None:
    pace, now = Pace(limit, period), 0
    started: dict[str, list[int]] = {"U0ANA": [], "U0BEN": []}
    for user, pause in steps:
        now += pause
        recent = [start for start in started[user] if start > now - period]
        denied = pace.denies(user, now)
        assert denied == (Denied(Reason.TOO_FAST) if len(recent) >= limit else None)
        if denied is None:
            started[user].append(now)
