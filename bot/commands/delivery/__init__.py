"""Delivers what became of commands."""
