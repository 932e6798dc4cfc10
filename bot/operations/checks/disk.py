"""Checks whether a restart empties the disk on which the database's file is."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.operations import diagnoses
from bot.operations.checks.findings import CheckId, Findings
from bot.operations.diagnoses import Diagnosis
from bot.storage.engine import file_of

HOSTS: Mapping[str, str] = {
    "DYNO": "Heroku",
    "RENDER": "Render",
    "RAILWAY_ENVIRONMENT": "Railway",
    "FLY_APP_NAME": "Fly.io",
    "K_SERVICE": "Cloud Run",
}
"""The hosts whose disk a restart or a deploy empties, by a variable that each sets.

https://devcenter.heroku.com/articles/dynos#ephemeral-filesystem, https://render.com/docs/disks,
https://docs.railway.com/volumes, https://fly.io/docs/volumes/overview, https://cloud.google.com/run/docs/container-contract
"""

WITHOUT_VOLUMES = "DYNO"
"""Heroku has no disk that stays, wherever it is mounted."""

IN_MEMORY = frozenset({"tmpfs", "ramfs"})
OF_A_CONTAINER = frozenset({"overlay", "aufs"})
"""File systems of Docker's and the like: what a container writes there goes with it."""


class DiskCheck:
    """Reports what was found when the process began: neither the file's place nor its disk changes after that."""

    def __init__(self, emptied: Diagnosis | None) -> None:
        self._emptied = emptied

    async def run(self, *, everything: bool) -> Findings:  # noqa: ARG002 - it has nothing more to try
        """See `Check`."""
        return Findings(frozenset({CheckId.DURABLE}), failing=(self._emptied,) if self._emptied else ())


def look(url: str, environ: Mapping[str, str], mounts: Path) -> Diagnosis | None:
    """What empties the disk of the database's file; `None` for a database on a server, or if nothing is known to.

    `mounts`: a file as `/proc/mounts`; where there is none, as on a Mac, only the hosts are known.
    """
    file = file_of(url)
    if file is None:
        return None
    table = mounts.read_text(errors="replace") if mounts.is_file() else ""
    return of_mount(mount_of(Path(os.path.realpath(file)), table), environ)


@dataclass(frozen=True, slots=True)
class Mount:
    """A file system, and where it is."""

    place: Path
    kind: str
    """As `tmpfs` or `ext4`; empty if it is not known."""


def mount_of(file: Path, table: str) -> Mount:
    """The file system that has the file: the innermost, and of two in one place the later."""
    found = Mount(Path("/"), "")
    for line in table.splitlines():
        _, place, kind, *_ = [*line.split(), "", "", ""]
        mount = Mount(Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), place)), kind)
        if file.is_relative_to(mount.place) and mount.place.is_relative_to(found.place):
            found = mount
    return found


def of_mount(mount: Mount, environ: Mapping[str, str]) -> Diagnosis | None:
    """What empties this file system; `None` if nothing is known to."""
    variable = next((name for name in HOSTS if environ.get(name)), "")
    if variable and (variable == WITHOUT_VOLUMES or mount.place == Path("/")):
        return diagnoses.STORE_EMPTIED.about(when=f"every restart on {HOSTS[variable]}")
    if mount.kind in IN_MEMORY:
        return diagnoses.STORE_EMPTIED.about(when="every restart of this machine")
    if mount.kind in OF_A_CONTAINER:
        return diagnoses.STORE_EMPTIED.about(when="every new container")
    return None
