"""Reads what a rep types."""
