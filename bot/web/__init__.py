"""Serves the bot over HTTP."""
