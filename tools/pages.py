"""Writes the pages that the code already knows: every setting, and every diagnosis.

`make docs` runs it. A test compares the pages with the code.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path

from bot.deals.deal import STATES
from bot.operations.diagnoses import DIAGNOSES, Diagnosis
from bot.operations.settings import NEEDED_BY, Settings

FOLDER = Path(__file__).parents[1] / "docs" / "operating"

SETTINGS = """# Settings

Opp Status reads them once, when it starts, from the environment and from a file `.env`. The environment wins over
the file, and an empty value counts as not set. `.env.example` lists them with their defaults.

Space and one pair of straight quotes around a value are ignored, so an env file works for `docker run --env-file`
too. In a list, they are ignored around each entry. `.env` may be UTF-8 or, as Windows writes it, UTF-16.

When some can't be used, Opp Status names each with what is wrong, and ends with code 2. An invisible character, a
curly quote, or a byte order mark is named by its number. In a list, the first wrong entry is named.
`WEB_CONCURRENCY` does nothing: one process does all the work.

`make docs` writes this page from `bot/operations/settings.py`.

| variable | default | what it is |
|---|---|---|
"""

DIAGNOSES_HEAD = """# Diagnoses

What `python -m bot check` can find, by check, with what to do about it. The page
[When something is wrong](troubleshooting.md) begins with what you see. The check fills in what stands in *italics*.
A diagnosis that ends in `untried` or `untold` says that the check could not be made.

`make docs` writes this page from `bot/operations/diagnoses.py`.
"""

READINGS: Mapping[str, str] = {
    "command": "/opp-status",
    "problems": "*each setting that cannot be used, and what is wrong with it*",
    "error": "*Slack's word*",
    "said": " (*in its own words*)",
    "why": " (*why*)",
    "page": ", on *the page for connecting*",
    "whose": "*Slack's or HighLevel's*",
    "way": "*ahead of or behind*",
    "when": "*every restart or new container*",
    "url": "*the bot's address*",
    "team": "*a workspace*",
    "through": "*Slack or HighLevel*",
    "directly": ", and no proxy for *the others*",
    "whom": "*Slack or HighLevel*",
    "wanted": "*another*",
    "typed": "*another command*",
    "people": "*an ID in a setting*",
    "channels": "*an ID in a setting*",
    "status": "*a status code*",
    "ago": "*so many minutes*",
    "which": "*why, and how many of each*",
}
"""What is shown for a name in braces, where the name alone says too little."""
VARIABLE = re.compile(
    r"(?<![`\w])(" + "|".join(sorted(map(str.upper, Settings.model_fields), key=len, reverse=True)) + r")(?![`\w])"
)


def pages() -> Mapping[Path, str]:
    """The text of each page."""
    return {
        FOLDER / "settings.md": SETTINGS + "\n".join(_settings()) + "\n",
        FOLDER / "diagnoses.md": DIAGNOSES_HEAD + "".join(_diagnoses()),
    }


def _settings() -> Iterator[str]:
    for name, field in Settings.model_fields.items():
        default = _default(name)
        yield f"| `{name.upper()}` | {default} | {_cell(field.description or '')} |"


def _default(name: str) -> str:
    field = Settings.model_fields[name]
    if field.is_required():
        return "required"
    if name in NEEDED_BY:
        return f"required (`{NEEDED_BY[name]}`)"
    if name == "highlevel_token":
        return "required (or OAuth)"
    match field.default:
        case bool() as switch:
            return f"`{str(switch).lower()}`"
        case frozenset() as chosen if chosen:
            return f"`{','.join(status for status in STATES if status in chosen)}`"
        case value if value or isinstance(value, int):
            return f"`{value}`"
        case _:
            return "empty"


def _diagnoses() -> Iterator[str]:
    known = list(dict.fromkeys(each.check for each in DIAGNOSES))
    for check, found in groupby(sorted(DIAGNOSES, key=lambda each: known.index(each.check)), lambda each: each.check):
        yield f"\n## `{check}`\n\n| diagnosis | what is wrong, and what to do |\n|---|---|\n"
        yield from (f"| `{each.id}` | {_words(each)} |\n" for each in found)


def _words(diagnosis: Diagnosis) -> str:
    named = re.sub(r"\{(\w*)\}", lambda name: READINGS.get(name[1], f"*{name[1]}*"), _cell(diagnosis.words))
    return VARIABLE.sub(r"`\1`", named)


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text)
