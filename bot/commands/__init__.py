"""Takes a command from its text to its outcome."""
