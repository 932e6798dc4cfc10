"""`python -m bot serve|socket|check|demo`: the only reader of the environment."""

import argparse
import asyncio
import gc
import os
import sys
from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from dotenv import dotenv_values

from bot import logs
from bot.settings import Settings, SettingsError, Verb

if TYPE_CHECKING:
    from bot.health import Report

FAILED = 1
UNUSABLE_SETTINGS = 2


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one verb; returns the exit code: 0 well, 1 a check failed, 2 settings that cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m bot", description="Change HighLevel deals from Slack.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="verb")
    verbs.add_parser("serve", help="answer Slack over HTTP on PORT")
    verbs.add_parser("socket", help="answer Slack over Socket Mode, which needs no public address")
    verbs.add_parser("check", help="ask Slack and HighLevel, and say what to do about each thing that is not well")
    verbs.add_parser("demo", help="try it on this machine, with stand-ins for Slack and HighLevel; no account needed")
    match parser.parse_args(arguments).verb:
        case "serve" | "socket" as verb:
            return _serve(environ, verb)
        case "check":
            return _check(environ)
        case _:
            return _demo()


def _serve(environ: Mapping[str, str], verb: Verb) -> int:
    try:
        settings = Settings.from_env(environ, verb)
    except SettingsError as error:
        print(_unusable(error), file=sys.stderr)
        return UNUSABLE_SETTINGS
    logs.set_up(settings.log_level, settings.log_format)

    from bot import web, wiring  # noqa: PLC0415 - half a second that unusable settings need not cost

    server = web.Server(web.config(wiring.build(settings)))
    # What was imported stays for ever: without this, one acknowledgement in a few hundred waits 50 ms while the
    # collector walks through all of it.
    gc.collect()
    gc.freeze()
    server.run()
    return 0


def _check(environ: Mapping[str, str]) -> int:
    from bot import health  # noqa: PLC0415 - see `_serve`

    try:
        settings = Settings.from_env(environ)
    except SettingsError as error:
        _print(health.settings_report(error.problems))
        return UNUSABLE_SETTINGS
    logs.set_up("ERROR", settings.log_format)
    report = asyncio.run(_report(settings))
    _print(report)
    return FAILED if report.failing else 0


async def _report(settings: Settings) -> "Report":
    from bot import wiring  # noqa: PLC0415 - see `_serve`

    async with wiring.build(settings).checking() as health:
        return await health.report()


def _print(report: "Report") -> None:
    for check in report.ok:
        print(f"ok    {check}")
    for check, advice in report.failing.items():
        print(f"FAIL  {check}: {advice}")


def _demo() -> int:
    from bot.simulator import demo  # noqa: PLC0415 - nobody else needs it

    demo.run(sys.stdin, sys.stdout)
    return 0


def _unusable(error: SettingsError) -> str:
    lines = [f"  {name} {problem}." for name, problem in error.problems.items()]
    return "\n".join(
        ["The settings cannot be used:", *lines, "`.env.example` explains each; the README says where to find them."]
    )


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of `.env` and of the process; what the process sets, and does not leave empty, wins.

    A file that is no UTF-8 text, as some editors save it, is read as far as it can be: the checks say what is missing.
    """
    text = Path(".env").read_text(encoding="utf-8", errors="replace") if Path(".env").is_file() else ""
    in_file = {name: value or "" for name, value in dotenv_values(stream=StringIO(text)).items()}
    return in_file | {name: value for name, value in environ.items() if value.strip()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], environment(os.environ)))  # noqa: TID251 - this is the place
