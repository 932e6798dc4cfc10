"""What the demo's last card offers: a link that creates the Slack app, and the guide to install Opp Status."""

from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).parents[4]
"""The folder of the project. An installed image has neither the manifest nor the guide."""
GUIDE = "docs/operating/install.md"
_CREATE = "https://api.slack.com/apps?new_app=1&manifest_yaml="
"""https://docs.slack.dev/app-manifests/configuring-apps-with-app-manifests#sharing"""


def manifest_link(root: Path = ROOT) -> str:
    """The link with which Slack creates the app from `manifest.yml`; empty without that file."""
    manifest = _read(root / "manifest.yml")
    return _CREATE + quote(manifest) if manifest else ""


def guide(root: Path = ROOT) -> str:
    """The guide, in Markdown; empty without its file."""
    return _read(root / GUIDE)


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.is_file() else ""
