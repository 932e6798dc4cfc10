"""Implements the port `Mail` with Slack's Web API and reply addresses."""
