"""Implements the ports of `commands`, `access` and `deals` over SQLite and PostgreSQL."""
