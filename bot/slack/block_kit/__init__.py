"""Pieces of messages and modals that cannot break Slack's rules."""
