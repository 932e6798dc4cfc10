"""Tells what pip-audit found: `python tools/audit.py <its JSON, one file for each database that was asked>`.

pip-audit alone ends with 0 where no package could be looked up at all. Here each package must be known to one database.
"""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Audit:
    """What all databases together say."""

    holes: dict[str, set[str]] = field(default_factory=dict)
    """The ids of known holes, by the package with its version."""
    audited: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)
    """Packages that at least one database did not know."""

    @property
    def unknown(self) -> set[str]:
        """Packages that no database knew."""
        return self.skipped - self.audited

    def add(self, report: dict[str, Any]) -> None:
        """Take in one database's report: https://github.com/pypa/pip-audit#dependency-resolution ."""
        for package in report["dependencies"]:
            if "skip_reason" in package:
                self.skipped.add(package["name"])
                continue
            self.audited.add(package["name"])
            if found := {hole["id"] for hole in package["vulns"]}:
                self.holes.setdefault(f"{package['name']} {package['version']}", set()).update(found)

    def lines(self) -> Iterable[str]:
        """What a person reads."""
        for package, ids in sorted(self.holes.items()):
            yield f"{package} has known holes: {', '.join(sorted(ids))}"
        if self.unknown:
            yield f"Not audited, because no database that was reached knows them: {', '.join(sorted(self.unknown))}"
        yield f"{len(self.audited)} packages audited, {len(self.holes)} with known holes."

    @property
    def status(self) -> int:
        """The exit status: 1 for a known hole, 2 if not one package could be audited, else 0."""
        return 1 if self.holes else 0 if self.audited else 2


def main(paths: Iterable[str]) -> int:
    """Read the reports, print, and return the exit status. Where a file is missing, a database was not reached."""
    audit = Audit()
    for path in map(Path, paths):
        if path.exists() and (text := path.read_text()):
            audit.add(json.loads(text))
        else:
            print(f"No answer from the database {path.stem}.")
    print(*audit.lines(), sep="\n")
    return audit.status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
