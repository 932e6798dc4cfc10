"""Puts the address of your copy of this repository behind the deploy buttons: `make repository URL=https://...`.

Heroku and Render read their files from there. Only you know the address, so a placeholder stands in its place.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLACEHOLDER = "https://github.com/YOUR-ORG/opp-status"
PLACES = ("docs/operating/install.md",)
"""The files in which it stands."""
ADDRESS = re.compile(r"https://[A-Za-z0-9.-]+(/[A-Za-z0-9._-]+){2,}")
"""A repository's address, without `.git` and without anything that Markdown or a query would read in another way."""


def put(address: str, root: Path = ROOT) -> int:
    """Replace the placeholder everywhere; returns in how many places. Raises `ValueError` for what is no address."""
    address = address.rstrip("/").removesuffix(".git")
    if not ADDRESS.fullmatch(address) or "YOUR-ORG" in address:
        raise ValueError("Give your repository's address: make repository URL=https://github.com/acme/opp-status")
    count = 0
    for place in PLACES:
        file = root / place
        text = file.read_text(encoding="utf-8")
        count += text.count(PLACEHOLDER)
        file.write_text(text.replace(PLACEHOLDER, address), encoding="utf-8")
    return count


if __name__ == "__main__":
    try:
        replaced = put(" ".join(sys.argv[1:]))
    except ValueError as error:
        sys.exit(str(error))
    print(
        f"Put your address in {replaced} places."
        if replaced
        else "There is no placeholder left: edit the buttons by hand."
    )
