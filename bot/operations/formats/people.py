"""The forms of settings that name people, channels, sub-accounts and statuses, and when digests are posted where."""

import re
from typing import Annotated

from bot.access.ownership import OwnersOnly
from bot.access.people import Owners
from bot.deals.deal import STATES, Status
from bot.deals.policy import Confirm
from bot.operations.environment import error_of_list
from bot.operations.formats.values import matching
from bot.schedule.digest.periods import read_digest

LONGEST_NAME = 40
"""Characters of a sub-account's name, which is in every message."""

WORDS_OF_A_STATUS = 2
"""Words that may mean a status together: `closed won`."""


def state_names(value: object) -> object:
    """Read names of statuses."""
    known = {status.value: status for status in Status}
    asked = [part.lower() for part in value] if isinstance(value, list) else []
    if not asked or not set(asked) <= known.keys():
        raise error_of_list(
            f"should be one or more of {', '.join(STATES)}, separated by commas", asked, known.__contains__
        )
    return frozenset(known[name] for name in asked)


def confirmation(value: object) -> object:
    """Read a number of deals, statuses, both, or never."""
    parts = [part.lower() for part in value] if isinstance(value, list) else []
    if parts == ["never"]:
        return Confirm()
    numbers = [part for part in parts if re.fullmatch(r"[0-9]{1,2}", part)]
    statuses = [part for part in parts if part in STATES]
    if not parts or len(numbers) > 1 or len(numbers) + len(statuses) < len(parts):
        problem = "should be a number of deals, statuses, or both, such as 3,won. Or never"
        raise error_of_list(problem, parts, [*numbers, *statuses].__contains__)
    return Confirm(int(numbers[0]) if numbers else None, frozenset(map(Status, statuses)))


def status_channels(value: object) -> object:
    """Read pairs of a status and a channel."""
    entries = value if isinstance(value, list) else []
    pairs = [entry.partition("=") for entry in entries]
    found = {status.strip().lower(): channel.strip() for status, _, channel in pairs}
    if len(found) < len(pairs) or not all(map(_is_status_with_channel, entries)):
        problem = "should be statuses with channel IDs, such as won=C012AB3CD,lost=C034EF5GH. Use each status once"
        raise error_of_list(problem, entries, _is_status_with_channel)
    return frozenset((Status(status), channel) for status, channel in found.items())


def _is_status_with_channel(entry: str) -> bool:
    status, _, channel = entry.partition("=")
    return status.strip().lower() in STATES and is_channel(channel.strip())


def added_words(value: object) -> object:
    """Read pairs of a status and a further word for it, of one or two words."""
    entries = value if isinstance(value, list) else []
    pairs = [entry.partition("=") for entry in entries]
    found = {" ".join(word.casefold().split()): status.strip().lower() for status, _, word in pairs}
    if len(found) < len(pairs) or not all(map(_is_status_with_word, entries)):
        problem = "should be statuses with a word for each, such as won=gewonnen,lost=verloren. Use each word once"
        raise error_of_list(problem, entries, _is_status_with_word)
    return frozenset((Status(status), word) for word, status in found.items())


def _is_status_with_word(entry: str) -> bool:
    status, _, word = entry.partition("=")
    return status.strip().lower() in STATES and 0 < len(word.split()) <= WORDS_OF_A_STATUS


def placed(value: object) -> object:
    """Read ids, of which those behind a sub-account's name and a colon hold there alone: `U1,Berlin:U2,U3`.

    A name counts up to the next one: read as if it did not, the ids behind it would get more than was meant.
    """
    entries, place = [], ""
    for entry in value if isinstance(value, list) else []:
        before, colon, identifier = str(entry).rpartition(":")
        place = f"{before.strip()}:" if colon else place
        entries.append(f"{place}{identifier.strip()}")
    return entries


def owner_pairs(value: object) -> object:
    """Read pairs of a Slack user's id and a HighLevel user's; see `Owners`."""
    entries = value if isinstance(value, list) else []
    try:
        return tuple(Owners.read(entries).users.items())
    except ValueError as error:
        problem = "should be Slack member IDs with a HighLevel user ID for each, such as U012AB3CD=a1B2c3D4"
        raise error_of_list(f"{problem}. Use each person once", entries, _is_owner_pair) from error


def _is_owner_pair(entry: str) -> bool:
    try:
        Owners.read([entry])
    except ValueError:
        return False
    return True


def named_locations(value: object) -> object:
    """Read pairs of a sub-account's id and name."""
    entries = value if isinstance(value, list) else []
    pairs = [entry.partition("=") for entry in entries]
    found = {location_id.strip(): " ".join(name.split()) for location_id, _, name in pairs}
    named_once = {name.casefold() for name in found.values()}
    if not all(map(_is_named_location, entries)) or not len(named_once) == len(found) == len(pairs):
        problem = "should be sub-account IDs with a unique name for each, such as abc123=Berlin,def456=Paris"
        raise error_of_list(problem, entries, _is_named_location)
    return tuple(found.items())


def _is_named_location(entry: str) -> bool:
    location_id, _, name = entry.partition("=")
    fits = 0 < len(" ".join(name.split())) <= LONGEST_NAME
    return fits and re.fullmatch(r"[A-Za-z0-9_-]{1,64}", location_id.strip()) is not None


def digests(value: object) -> object:
    """Read when digests are due, and where they are posted."""
    entries = value if isinstance(value, list) else []
    found = []
    for number, entry in enumerate(entries, 1):
        try:
            found.append(read_digest(entry))
        except ValueError as error:
            raise ValueError(f"{error} (entry {number})" if len(entries) > 1 else str(error)) from error
    return tuple(found)


def is_channel(value: str) -> bool:
    """Whether the text has the form of a channel's id, and is not a direct message's."""
    return re.fullmatch(r"[CG][A-Z0-9]{2,}", value) is not None


UserId = Annotated[
    str,
    matching(
        r"[UW][A-Z0-9]{2,}", "should be Slack member IDs such as U012AB3CD (profile > three dots > Copy member ID)"
    ),
]


PlacedUserId = Annotated[
    str,
    matching(
        r"([^:]+:)?[UW][A-Z0-9]{2,}",
        "should be Slack member IDs such as U012AB3CD (profile > three dots > Copy member ID)",
    ),
]
"""A user's id, perhaps behind a sub-account's name and a colon."""


PlacedGroupId = Annotated[
    str,
    matching(
        r"([^:]+:)?S[A-Z0-9]{2,}",
        "should be Slack user group IDs such as S012AB3CD (People > User groups > Copy group ID)",
    ),
]


ChannelId = Annotated[
    str,
    matching(
        r"[CGD][A-Z0-9]{2,}", "should be Slack channel IDs such as C012AB3CD (channel name > About, at the bottom)"
    ),
]


def owner_modes(value: object) -> object:
    """Read one mode of the owner rule, and pairs such as `Berlin:warn` for sub-accounts."""
    entries = value if isinstance(value, list) else []
    found = {place.strip(): mode.strip().lower() for place, _, mode in map(_placed, entries)}
    if len(found) < len(entries) or not all(map(_is_owner_mode, entries)):
        problem = "should be off, warn, or on, and a different one for sub-accounts if you like, such as on,Berlin:warn"
        raise error_of_list(problem, entries, _is_owner_mode)
    return tuple((place, OwnersOnly(mode)) for place, mode in found.items())


def _placed(entry: str) -> tuple[str, str, str]:
    return entry.rpartition(":")


def _is_owner_mode(entry: str) -> bool:
    place, colon, mode = _placed(entry)
    return mode.strip().lower() in set(OwnersOnly) and bool(place.strip()) == bool(colon)
