"""Writes docs/developing/licences.md: under which licence each package comes that a host installs.

Read from the packages as they are installed here: run it with the environment of `requirements.txt`.
"""

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageMetadata, distribution
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "developing" / "licences.md"
HEAD = """# Licences

Opp Status itself is under the MIT licence. A host installs these packages beside it, from `requirements.txt`;
none is copied into this repository. `make licences` writes this page from what the packages say of themselves.

| Package | Version | Licence |
|---|---|---|
"""
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[a-z]+\])?==([^\s;\\]+)", re.MULTILINE)
UNTOLD = {"httpx-aiohttp": "BSD-3-Clause"}
"""What packages that name no licence ship the text of."""
LONGEST_NAME = 60
_CLASSIFIER = "License :: OSI Approved :: "


def pinned(requirements: str) -> list[tuple[str, str]]:
    """Name and version of each package, in their order."""
    return _PINNED.findall(requirements)


def licence_of(metadata: PackageMetadata) -> str:
    """What a package says of its licence: as an expression, in a word, or by its classifiers; empty for nothing."""
    said = metadata.get_all("License-Expression") or [
        each for each in metadata.get_all("License") or [] if _is_name(each)
    ]
    classifiers = [line for line in metadata.get_all("Classifier") or [] if line.startswith(_CLASSIFIER)]
    classified = [line.removeprefix(_CLASSIFIER) for line in classifiers]
    return " and ".join(said or classified) or UNTOLD.get(metadata["Name"], "")


def _is_name(text: str) -> bool:
    """Some packages give the licence's whole text, or whom it is from."""
    return 0 < len(text) <= LONGEST_NAME and "\n" not in text and not text.startswith("Copyright")


def rows(distributions: Iterator[Distribution]) -> Iterator[str]:
    """The lines of the table."""
    for each in distributions:
        yield f"| {each.metadata['Name']} | {each.version} | {licence_of(each.metadata)} |"


if __name__ == "__main__":
    names = [name for name, _ in pinned((ROOT / "requirements.txt").read_text())]
    PAGE.write_text(HEAD + "\n".join(rows(map(distribution, names))) + "\n")
