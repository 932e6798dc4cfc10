"""Reads the text that a caller types after the command."""
