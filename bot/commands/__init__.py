"""A command, from its text to its outcome."""
