"""Opp Status: change a HighLevel deal from Slack.

The listing is the journey; imports point downwards only. `docs/developing/architecture.md` opens each folder.

    __main__     the verbs: serve, socket, check, connect, probe, history, backup, access, demo; reads the environment
    simulator    stand-ins for Slack and HighLevel, and the demo

    web          the bot over HTTP
    wiring       builds the bot, and runs and drains it: the only folder in which the concrete classes meet

    operations   for operators: settings, logs, health, metrics, the audit trail
    slack        the edge to Slack: requests come in, messages go out
    highlevel    the CRM port over HighLevel, and `api`, a client that has never heard of this bot
    storage      the ports over SQL: the ledger, its history, channels, requests for access

    schedule     what comes due, and the one worker that posts it when its time has come
    events       what was changed in HighLevel itself, from the notice of it to the post
    commands     a command from its text to its outcome
    access       who may change deals
    deals        what a deal is, and how one is changed
    cache        asks once for all who wait, and keeps the answer for a while
    http         requests to other servers, as values, and the one client that sends them
"""

__version__ = "0.1.0"
"""The version of everything: `pyproject.toml` repeats it, and `CONTRIBUTING.md` says how a release is made."""
