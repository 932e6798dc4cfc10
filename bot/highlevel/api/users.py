"""HighLevel's users: who owns deals. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPMethod
from typing import Any

from bot.highlevel.api.answers import details_of, identifier, text
from bot.highlevel.api.errors import Unreadable
from bot.highlevel.api.wire import MAX_LIST, Call, in_path, listed, mapping, success
from bot.http.exchange import Answer

MOST_USERS = 1000
"""Users of a location that are read."""


@dataclass(frozen=True, slots=True)
class UserRecord:
    """A user as HighLevel sends them. `None`: the field is missing, `null`, or of a wrong type."""

    id: str
    name: str | None
    email: str | None = field(default=None, repr=False)
    deleted: bool = False


def get_user(user_id: str) -> Call:
    """https://marketplace.gohighlevel.com/docs/ghl/users/get-user (users.readonly)."""
    return Call(HTTPMethod.GET, f"/users/{in_path(user_id)}")


def get_users(location_id: str) -> Call:
    """The users of a location. Deprecated, and in one recorded answer empty although there was a user.

    https://marketplace.gohighlevel.com/docs/ghl/users/get-user-by-location (users.readonly)
    """
    return Call(HTTPMethod.GET, "/users/", query={"locationId": location_id}, max_body=MAX_LIST)


def read_user(answer: Answer, user_id: str) -> UserRecord:
    """This user, in an answer to `get_user`. Raises `HighLevelError`, also for an answer about another."""
    body = success(answer)
    if body.get("id", user_id) != user_id:
        raise Unreadable(details_of(answer))
    return _record(user_id, body)


def read_users(answer: Answer) -> tuple[UserRecord, ...]:
    """At most `MOST_USERS` users, without those that have no id. Raises `HighLevelError`."""
    return tuple(
        _record(user_id, each)
        for each in map(mapping, listed(success(answer), "users", answer)[:MOST_USERS])
        if (user_id := identifier(each.get("id")))
    )


def _record(user_id: str, found: Mapping[str, Any]) -> UserRecord:
    return UserRecord(
        user_id, text(found.get("name")), identifier(found.get("email"), LONGEST_EMAIL), found.get("deleted") is True
    )


LONGEST_EMAIL = 254
"""Characters, by https://www.rfc-editor.org/errata/eid1690 ."""
