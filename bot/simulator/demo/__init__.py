"""The demo, in a terminal and in a browser."""
