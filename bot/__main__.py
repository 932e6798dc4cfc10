"""`python -m bot serve|socket|check` and further verbs: the only reader of the environment."""

import argparse
import asyncio
import gc
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bot import __version__
from bot.operations import logs, times
from bot.operations.audit import Format
from bot.operations.environment import variables_in
from bot.operations.settings import Settings, SettingsError, Verb, database_url_of, without_oauth
from bot.web.listening import listen

if TYPE_CHECKING:
    from bot.operations.health import Report

MOUNTS = Path("/proc/mounts")
"""https://man7.org/linux/man-pages/man5/proc_pid_mounts.5.html"""
FAILED = 1
UNUSABLE_SETTINGS = 2
INTERRUPTED = 130
READER_GONE = 141
"""What a shell reports of a program that ended by Ctrl-C, or because `head` had enough."""
NO_LINK = (
    "Couldn't save the link to the database in DATABASE_URL. Check that it's writable, and start this version of"
    " Opp Status once so it can create its tables."
)


def main(arguments: Sequence[str], environ: Mapping[str, str], mounts: Path = MOUNTS) -> int:
    """Run one verb; returns the exit code: 0 well, 1 it failed, 2 settings that cannot be used.

    `mounts`: the file in which the system lists its disks.
    """
    asked = _parser().parse_args(arguments)
    try:
        return _run(asked, environ, mounts)
    except SettingsError as error:
        problems = [f"  {name} {problem}." for name, problem in error.problems.items()]
        advice = "`.env.example` explains each one. docs/operating/install.md says where to find them."
        print("These settings need fixing:", *problems, advice, sep="\n", file=sys.stderr)
        return UNUSABLE_SETTINGS


def _run(asked: argparse.Namespace, environ: Mapping[str, str], mounts: Path) -> int:
    match asked.verb:
        case "serve" | "socket" as verb:
            return _serve(environ, verb, mounts)
        case "check":
            return _check(asked, environ, mounts)
        case "connect":
            return _connect(environ)
        case "probe":
            return _probe(asked, environ)
        case "history":
            return _database(_history, asked, environ)
        case "backup":
            return _database(_back_up, asked, environ)
        case "access":
            return _database(_access, asked, environ)
        case "people":
            return _people(environ)
        case _:
            return _demo(asked, environ)


# --- the verbs ------------------------------------------------------------------------------------------------------


def _serve(environ: Mapping[str, str], verb: Verb, mounts: Path) -> int:
    settings = Settings.from_env(environ, verb)
    logs.set_up(settings.log_level, settings.log_format)
    gc.disable()  # a tenth of the start: it would look through what is imported again and again
    # Before all else is imported: a command that comes meanwhile waits, instead of being refused.
    listener = listen(settings.host, settings.port)
    from bot import wiring  # noqa: PLC0415 - half a second that unusable settings need not cost
    from bot.operations.checks import disk  # noqa: PLC0415 - likewise
    from bot.web import server  # noqa: PLC0415 - likewise

    emptied = disk.look(settings.database_url, environ, mounts)
    serving = server.telling_server(wiring.build(settings, emptied=emptied))
    # Without this, one acknowledgement in a few hundred waits 50 ms while the collector walks through all modules.
    gc.freeze()
    gc.enable()
    serving.run([listener])
    return 0


def _check(asked: argparse.Namespace, environ: Mapping[str, str], mounts: Path) -> int:
    from bot.operations import health  # noqa: PLC0415 - see `_serve`

    try:
        settings = Settings.from_env(environ)
    except SettingsError as error:
        code, report = UNUSABLE_SETTINGS, health.settings_report(error.problems)
    else:
        logs.set_up("ERROR", settings.log_format)
        report = asyncio.run(_examine(settings, environ, mounts))
        code = FAILED if report.failing else 0
    print(json.dumps(report.in_full(), indent=2) if asked.json else "\n".join(report.lines()))
    return code


async def _examine(settings: Settings, environ: Mapping[str, str], mounts: Path) -> "Report":
    from bot import wiring  # noqa: PLC0415 - see `_serve`
    from bot.operations.checks import disk  # noqa: PLC0415 - likewise

    emptied = disk.look(settings.database_url, environ, mounts)
    async with wiring.build(settings, migrates=False, emptied=emptied).checking() as health:
        return await health.examine()


def _connect(environ: Mapping[str, str]) -> int:
    settings = Settings.from_env(environ)
    if not settings.by_oauth:
        raise without_oauth()
    logs.set_up("ERROR", settings.log_format)
    from bot.deals.ports import StoreDown  # noqa: PLC0415 - likewise
    from bot.wiring import highlevel  # noqa: PLC0415 - see `_serve`

    try:
        link = asyncio.run(highlevel.connect_link(settings))
    except StoreDown:
        print(NO_LINK, file=sys.stderr)
        return FAILED
    print(f"Open this link within 30 minutes, while Opp Status is running. It works once:\n\n  {link}\n")
    if settings.highlevel_token.get_secret_value():
        print("HIGHLEVEL_TOKEN is also set, and it takes priority. Remove it once HighLevel is connected.")
    return 0


def _probe(asked: argparse.Namespace, environ: Mapping[str, str]) -> int:
    settings = Settings.from_env(environ)
    logs.set_up("ERROR", settings.log_format)
    from bot.wiring import highlevel  # noqa: PLC0415 - see `_serve`

    how = {"yes": asked.yes, "as_json": asked.json}
    try:
        return 0 if asyncio.run(highlevel.probe(settings, asked.deal, input, sys.stdout, **how)) else FAILED
    except (KeyboardInterrupt, EOFError):
        return INTERRUPTED


def _people(environ: Mapping[str, str]) -> int:
    settings = Settings.from_env(environ)
    logs.set_up("ERROR", settings.log_format)
    from bot.wiring import build, people  # noqa: PLC0415 - see `_serve`

    return 0 if asyncio.run(people.list_people(build(settings, migrates=False), sys.stdout)) else FAILED


def _database(
    verb: Callable[[str, argparse.Namespace], str | None], asked: argparse.Namespace, environ: Mapping[str, str]
) -> int:
    url = database_url_of(environ)
    try:
        problem = verb(url, asked)
    except BrokenPipeError:
        return READER_GONE
    except KeyboardInterrupt:
        return INTERRUPTED
    if problem:
        print(problem, file=sys.stderr)
        return FAILED
    return 0


def _history(url: str, asked: argparse.Namespace) -> str | None:
    from bot.operations import listing  # noqa: PLC0415 - see `_serve`
    from bot.storage.history import Filter  # noqa: PLC0415 - likewise

    wanted = Filter(asked.since, asked.until, asked.opportunity, asked.user)
    return listing.list_history(url, wanted, Format(asked.format), sys.stdout, everything=asked.all)


def _access(url: str, asked: argparse.Namespace) -> str | None:
    from bot.operations import listing  # noqa: PLC0415 - see `_serve`

    if asked.action == "revoke":
        return listing.revoke(url, asked.user, datetime.now(UTC), Format(asked.format), sys.stdout)
    return listing.list_access(url, Format(asked.format), sys.stdout, past=asked.all)


def _back_up(url: str, asked: argparse.Namespace) -> str | None:
    from bot.operations import listing  # noqa: PLC0415 - see `_serve`

    if (problem := listing.back_up(url, asked.file)) is None:
        print(f"Saved to {asked.file}. To restore it, see docs/operating/upgrading.md.")
    return problem


def _demo(asked: argparse.Namespace, environ: Mapping[str, str]) -> int:
    from bot.simulator.demo import opening, terminal  # noqa: PLC0415 - no other verb needs them

    ended = 0
    try:
        if asked.terminal:
            terminal.run(sys.stdin, sys.stdout, host=asked.host, port=asked.port, stays=asked.stay)
        else:
            opening.run(sys.stdout, host=asked.host, port=asked.port, opens=opening.browser(environ, sys.stdout))
    except OSError as error:
        print(f"Can't serve the page on {asked.host}: {error.strerror}.", file=sys.stderr)
        ended = FAILED
    return ended


# --- their options --------------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bot", description="Update HighLevel deals from Slack.")
    parser.add_argument("--version", action="version", version=f"Opp Status {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="verb")
    verbs.add_parser("serve", help="run Opp Status over HTTP on PORT")
    verbs.add_parser("socket", help="run Opp Status over Socket Mode (no public address needed)")
    checking = verbs.add_parser("check", help="check the setup and say how to fix what's wrong")
    checking.add_argument("--json", action="store_true", help="print one JSON object")
    verbs.add_parser("connect", help="print a one-time link to connect HighLevel (good for 30 minutes)")
    probing = verbs.add_parser("probe", help="try on a test deal how HighLevel behaves, and put it back")
    probing.add_argument("deal", help="the test deal's link or ID")
    probing.add_argument("--yes", action="store_true", help="don't ask first")
    probing.add_argument("--json", action="store_true", help="print one JSON object, to attach to a report")
    _add_history(verbs.add_parser("history", help="list every command and its result, oldest first"))
    backing_up = verbs.add_parser("backup", help="copy the database to a file, also while Opp Status runs")
    backing_up.add_argument("file", type=Path, metavar="FILE", help="a new file")
    _add_access(verbs.add_parser("access", help="list access requests and approvals, or remove one"))
    verbs.add_parser("people", help="list which HighLevel user each person in Slack is, and who is missing")
    _add_demo(verbs.add_parser("demo", help="try it on this machine, no account needed"))
    return parser


def _add_history(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "List commands from the database in DATABASE_URL, oldest first. WHEN is a date, a date and time such as"
        " 2026-11-24T18:30 (UTC unless you add a zone), or how long ago, such as 30m, 24h, or 7d."
    )
    _add_format(parser)
    parser.add_argument("--since", type=partial(_moment, times.beginning), metavar="WHEN", help="from then on")
    parser.add_argument(
        "--until", type=partial(_moment, times.end), metavar="WHEN", help="before then, or through that day"
    )
    parser.add_argument(
        "--opportunity", metavar="DEAL", help="only this deal: its name or a part of it, its link, or its ID"
    )
    parser.add_argument("--user", metavar="ID", help="only this Slack member")
    parser.add_argument(
        "--all", action="store_true", help="include who was refused, misunderstood, or only looked, for TRAIL_DAYS"
    )


def _add_access(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "List access requests and approvals from the database in DATABASE_URL. People in the settings or in a user"
        " group aren't included. Or remove someone's approval."
    )
    _add_format(parser)
    parser.add_argument("--all", action="store_true", help="include declined and removed")
    actions = parser.add_subparsers(dest="action", metavar="revoke")
    revoking = actions.add_parser("revoke", help="remove someone's approval, effective immediately")
    revoking.add_argument("user", help="the Slack member ID, such as U012AB3CD")


def _add_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=[form.value for form in Format], default=Format.TABLE.value)


def _moment(read: Callable[[str, datetime], datetime], text: str) -> datetime:
    try:
        return read(text, datetime.now(UTC))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _add_demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to serve the page on (default: this machine only)")
    parser.add_argument("--port", type=int, help="port for the page (default: 3000, or any free port)")
    parser.add_argument("--terminal", action="store_true", help="play a dialogue here, then type commands")
    parser.add_argument("--stay", action="store_true", help="with --terminal: keep serving the page until Ctrl-C")


# --- the environment ------------------------------------------------------------------------------------------------


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of `.env` and of the process; what the process sets, and does not leave empty, wins."""
    file = Path(".env")
    in_file = variables_in(file.read_bytes()) if file.is_file() else {}
    return in_file | {name: value for name, value in environ.items() if value.strip()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], environment(os.environ)))  # noqa: TID251 - this is the place
