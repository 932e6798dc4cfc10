"""Reads variables as people leave them: in a file of any encoding, in quotes, with what an editor or a chat put in.

Pure. `python -m bot` alone reads the environment and the file.
"""

import codecs
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from difflib import get_close_matches
from io import StringIO

from dotenv import dotenv_values

from bot.operations.logs import hide_secrets

JOINERS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
"""Invisible, and in names that people give: within emoji, and between letters of some scripts."""
CURLY = "“”„‟‘’‚‛«»"
"""Quotes that a word processor or a chat makes of straight ones."""
LONGEST_SHOWN = 16
"""Characters of a list's entry that is shown where it is wrong. IDs and names are shorter, secrets are longer."""
LAID_OUT = " \t\r\n"
"""What may be between the entries of a list. A setting that is no list says itself that it has none."""
STRAIGHT = "\"'"


def variables_in(content: bytes) -> dict[str, str]:
    """The variables of a `.env` file: UTF-8, or UTF-16 with its mark, as Windows' Notepad and PowerShell write it.

    Bytes that are neither come as U+FFFD, which `problem_of` names.
    https://learn.microsoft.com/en-us/powershell/module/microsoft.powershell.core/about/about_character_encoding
    """
    marks = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    encoding = "utf-16" if content.startswith(marks) else "utf-8-sig"
    text = content.decode(encoding, "replace")
    return {name: value or "" for name, value in dotenv_values(stream=StringIO(text)).items()}


def clean(value: str) -> str:
    """The value without space around it, and without one pair of straight quotes, which `docker --env-file` keeps.

    https://docs.docker.com/reference/cli/docker/container/run/#env
    """
    value = value.strip()
    quoted = re.fullmatch(r"""([\"'])((?:(?!\1).)*)\1""", value)
    return quoted[2].strip() if quoted else value


def problem_of(value: str, *, is_free_text: bool = False) -> str | None:
    """The first character that does not belong in a value, in words; `None` if each may.

    `is_free_text`: whether people's names for things are in it, which may have joiners.
    """
    for character in value:
        if not character.isprintable() and character not in (LAID_OUT + JOINERS if is_free_text else LAID_OUT):
            return f"contains {named(character)}, which is invisible. Type the value again"
        if character == "\N{REPLACEMENT CHARACTER}":
            return "contains bytes that aren't UTF-8. Save .env as UTF-8"
    ends = value[:1] + value[-1:]
    for character in ends:
        if character in CURLY:
            return f"has {named(character)} around it. Use no quotes, or straight ones"
        if character in STRAIGHT and ends.count(character) == 1:
            return f"has {named(character)} at one end only. Use no quotes, or one at each end"
    return None


def comma_separated(value: object) -> object:
    """Split at commas, without the space and the quotes around each part."""
    return [clean(part) for part in value.split(",") if clean(part)] if isinstance(value, str) else value


def wrong_entry(problem: str, index: int, entry: str) -> str:
    """The problem of a list, with the entry that is wrong; `index` counts from 0.

    What is longer than anything that belongs in a list may be a secret in the wrong place, and is not shown.
    """
    shown = len(entry) <= LONGEST_SHOWN and hide_secrets(entry) == entry
    return f"{problem}. {f'“{entry}”' if shown else f'Entry {index + 1}'} isn't one"


def error_of_list(problem: str, entries: Sequence[str], is_right: Callable[[str], bool]) -> ValueError:
    """The error of a list; it names the first entry that is wrong by itself, if one is."""
    for index, entry in enumerate(entries):
        if not is_right(entry):
            return ValueError(wrong_entry(problem, index, entry))
    return ValueError(problem)


def misspelled(environ: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    """Names that are ours but for characters no one sees, such as a byte order mark: by our name, what is wrong."""
    found = {}
    for name in environ:
        seen = "".join(character for character in name if character.isprintable()).strip()
        if seen != name and seen in names:
            unseen = next(character for character in name if not character.isprintable() or character.isspace())
            found[seen] = f"has {named(unseen)} in its name. Type the line again"
    return found


def near_misses(environ: Mapping[str, str], names: Collection[str]) -> dict[str, str]:
    """Variables that do nothing because their names are not quite ours: by their name, the setting that is meant.

    A host sets many variables of its own, and other programs theirs. So only what is nearly a setting's name counts,
    and with a prefix of ours what is less near. Of two settings that it may be, one that is not set is likelier.
    """
    found = {}
    unset = [name for name in names if not environ.get(name)]
    for name in environ:
        if not environ[name] or name in names or name.lower() in _SHARED or len(name) > LONGEST_NEAR:
            continue
        asked = _FORMER.sub("HIGHLEVEL_", name.upper())
        close = CLOSE_WITH_PREFIX if asked.startswith(OUR_PREFIXES) else CLOSE
        likely = [OTHER_NAMES[asked]] if asked in OTHER_NAMES else [asked] if asked in names else []
        if likely or (likely := get_close_matches(asked, unset, 1, close) or get_close_matches(asked, names, 1, close)):
            found[name] = likely[0]
    return found


OUR_PREFIXES = ("HIGHLEVEL_", "SLACK_", "ALLOWED_", "ANNOUNCE_")
CLOSE, CLOSE_WITH_PREFIX = 0.9, 0.81
"""How alike two names are, as difflib counts it: `ALOWED_USERS` and `ALLOWED_USERS` are 0.96. Slack's own
`SLACK_CLIENT_SECRET`, which Opp Status does not need, is 0.77 like `SLACK_SIGNING_SECRET`, and `SLACK_APP_ID` 0.8 like
`SLACK_TEAM_ID`."""
LONGEST_NEAR = 60
"""Characters of a name that is compared."""
OTHER_NAMES = {
    "HIGHLEVEL_API_KEY": "HIGHLEVEL_TOKEN",
    "HIGHLEVEL_ACCESS_TOKEN": "HIGHLEVEL_TOKEN",
    "HIGHLEVEL_PIT": "HIGHLEVEL_TOKEN",
    "SLACK_API_TOKEN": "SLACK_BOT_TOKEN",
}
"""What other programs call the same."""
_FORMER = re.compile("^(?:GHL|HIGH_LEVEL|GOHIGHLEVEL)_")
_SHARED = frozenset({"http_proxy", "https_proxy", "all_proxy", "no_proxy", "ftp_proxy"})
"""Lower-case names that many programs read."""


def named(character: str) -> str:
    """A character as `U+200B (zero width space)`."""
    name = _NAMES.get(character) or unicodedata.name(character, "control character").lower()
    return f"U+{ord(character):04X} ({name})"


_NAMES = {"\ufeff": "byte order mark", "\x00": "null"}
