"""Whether a restart empties the disk on which the database's file is."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.operations.checks.disk import HOSTS, Mount, look, mount_of, of_mount

CONTAINER = """\
overlay / overlay rw,relatime,lowerdir=/var/lib/docker 0 0
proc /proc proc rw 0 0
tmpfs /dev/shm tmpfs rw 0 0
/dev/vdb /data ext4 rw 0 0
/dev/vdc /with\\040space xfs rw 0 0
"""
MACHINE = "/dev/sda1 / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n"


def _found(url: str, environ: dict[str, str], table: str, folder: Path) -> str:
    mounts = folder / "mounts"
    mounts.write_text(table)
    found = look(url, environ, mounts)
    return found.words if found else ""


@pytest.mark.parametrize("variable", HOSTS)
def test_a_restart_on_a_known_host_empties_its_disk(variable: str, tmp_path: Path) -> None:
    words = _found("sqlite:////srv/ledger.db", {variable: "x"}, MACHINE, tmp_path)

    assert f"every restart on {HOSTS[variable]} empties" in words
    assert "Set DATABASE_URL to a PostgreSQL database" in words


@pytest.mark.parametrize("variable", HOSTS)
def test_a_volume_on_a_known_host_keeps_the_file_but_heroku_has_none(variable: str, tmp_path: Path) -> None:
    words = _found("sqlite:////data/ledger.db", {variable: "x"}, CONTAINER, tmp_path)

    assert bool(words) is (variable == "DYNO")


@pytest.mark.parametrize(
    ("file", "when"),
    [
        ("/app/ledger.db", "every new container"),
        ("/database/ledger.db", "every new container"),
        ("/dev/shm/ledger.db", "every restart of this machine"),  # noqa: S108 - nothing is written
        ("/data/ledger.db", ""),
        ("/data/below/ledger.db", ""),
        ("/with space/ledger.db", ""),
    ],
)
def test_a_file_system_in_memory_or_of_a_container_is_emptied(file: str, when: str, tmp_path: Path) -> None:
    words = _found(f"sqlite:///{file}", {}, CONTAINER, tmp_path)

    assert (f"that {when} empties" in words) if when else not words


@pytest.mark.parametrize("url", ["postgresql://bot@database/bot", "sqlite:///:memory:"])
def test_a_database_without_a_file_is_on_no_disk(url: str, tmp_path: Path) -> None:
    assert _found(url, {"DYNO": "web.1"}, CONTAINER, tmp_path) == ""


def test_where_the_system_lists_no_disks_only_the_hosts_are_known(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"

    assert look(url, {}, tmp_path / "none") is None
    assert look(url, {"RENDER": ""}, tmp_path / "none") is None
    assert look(url, {"RENDER": "true"}, tmp_path / "none") is not None


def test_a_link_is_followed_to_the_disk_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    (tmp_path / "ledger.db").symlink_to(tmp_path / "volume" / "ledger.db")
    table = f"none / overlay rw 0 0\nnone {tmp_path.resolve() / 'volume'} ext4 rw 0 0\n"

    assert _found(f"sqlite:///{tmp_path / 'ledger.db'}", {}, table, tmp_path) == ""


def test_of_two_file_systems_in_one_place_the_later_counts() -> None:
    assert mount_of(Path("/data/x"), "a /data tmpfs\nb /data ext4\nc / overlay\n") == Mount(Path("/data"), "ext4")


@given(st.text())
def test_a_list_that_makes_no_sense_says_nothing(table: str) -> None:
    of_mount(mount_of(Path("/data/ledger.db"), table), {})
