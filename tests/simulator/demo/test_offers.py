from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from bot.simulator.demo.tour.offers import GUIDE, guide, manifest_link


def test_the_link_creates_the_app_of_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "manifest.yml").write_text("name: Opp Status & more\n")

    address = urlsplit(manifest_link(tmp_path))

    assert (address.netloc, address.path) == ("api.slack.com", "/apps")
    assert parse_qs(address.query) == {"new_app": ["1"], "manifest_yaml": ["name: Opp Status & more\n"]}


def test_the_guide_is_the_page_that_says_how_to_install() -> None:
    assert guide().startswith("# Install")


def test_without_the_files_nothing_is_offered(tmp_path: Path) -> None:
    assert (manifest_link(tmp_path), guide(tmp_path)) == ("", "")


def test_the_guide_is_read_from_the_documents(tmp_path: Path) -> None:
    file = tmp_path / GUIDE
    file.parent.mkdir(parents=True)
    file.write_text("# Ours")

    assert guide(tmp_path) == "# Ours"
