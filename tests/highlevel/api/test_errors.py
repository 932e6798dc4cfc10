import re
from collections.abc import Iterator

import pytest

from bot.highlevel.api import errors
from bot.highlevel.api.errors import Details, HighLevelError, RateLimited

DECISIONS: dict[type[HighLevelError], tuple[bool, bool, bool]] = {
    # perhaps done, answered, passing
    errors.OutOfTime: (False, False, False),
    errors.NameUnknown: (False, False, True),
    errors.TlsFailed: (False, False, False),
    errors.ConnectTimedOut: (False, False, True),
    errors.StillDown: (False, False, True),
    errors.NotRenewed: (False, False, True),
    errors.Unreachable: (False, False, True),
    errors.TimedOut: (True, False, True),
    errors.CutOff: (True, False, True),
    errors.NotFound: (False, True, False),
    errors.TokenInvalid: (False, True, False),
    errors.ScopeMissing: (False, True, False),
    errors.LocationForbidden: (False, True, False),
    errors.VersionRefused: (False, True, False),
    errors.Blocked: (False, True, False),
    errors.Forbidden: (False, True, False),
    errors.Disconnected: (False, True, False),
    errors.AppUnknown: (False, True, False),
    errors.Invalid: (False, True, False),
    errors.NoSuchRoute: (False, True, False),
    errors.RateLimited: (False, True, True),
    errors.Broken: (True, True, True),
    errors.GatewayTimedOut: (True, False, True),
    errors.Unreadable: (True, True, False),
    errors.SaidNo: (True, True, False),
}


def _tree(root: type[HighLevelError]) -> Iterator[type[HighLevelError]]:
    yield root
    for child in root.__subclasses__():
        yield from _tree(child)


def _leaves() -> set[type[HighLevelError]]:
    return {kind for kind in _tree(HighLevelError) if not kind.__subclasses__()}


def _drawn() -> Iterator[tuple[str, str]]:
    """Each class in the docstring, with its base class."""
    above = {0: "HighLevelError"}
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"([│ ]*)[├└]── (\w+)", line):
            depth = len(found[1]) // 4 + 1
            above[depth] = found[2]
            yield found[2], above[depth - 1]


def test_the_docstring_shows_the_tree_as_it_is() -> None:
    assert list(_drawn()) == [(kind.__name__, kind.__mro__[1].__name__) for kind in _tree(HighLevelError)][1:]


def test_every_leaf_says_what_a_caller_has_to_decide() -> None:
    assert {kind: (kind.perhaps_done, kind.answered, kind.passing) for kind in _leaves()} == DECISIONS


@pytest.mark.parametrize("kind", [errors.NotSent, errors.Refused])
def test_a_request_that_was_not_sent_or_was_refused_is_certainly_not_done(kind: type[HighLevelError]) -> None:
    assert not any(leaf.perhaps_done for leaf in _tree(kind))


def test_an_error_without_an_answer_has_empty_details() -> None:
    error = errors.TimedOut()
    assert error.details == Details(status=0, messages=(), trace_id="", text="")
    assert error.retry_after is None
    assert str(error) == ""


def test_an_error_says_its_status_and_reasons() -> None:
    error = errors.Invalid(Details(422, ("One", "Two"), "trace", "One Two"), retry_after=3.0)
    assert error.args == ("422", "One", "Two")
    assert error.retry_after == 3.0


def test_the_searched_text_is_not_shown_by_repr() -> None:
    assert "matched" not in repr(Details(422, ("One",), "trace", "matched"))


def test_a_rate_limit_error_says_whether_the_day_is_used_up() -> None:
    error = RateLimited(Details(429), retry_after=None, daily=True)
    assert (error.daily, error.retry_after, error.details.status) == (True, None, 429)


def test_a_disconnected_error_says_why() -> None:
    assert errors.Disconnected(why=errors.Ending.LOCATION).why == "the sub-account isn't active"
    assert errors.Disconnected(Details(400)).why is errors.Ending.UNKNOWN
