"""Builds the bot from its settings: the only folder in which the concrete classes meet."""

from bot.wiring.assembly import build

__all__ = ["build"]
