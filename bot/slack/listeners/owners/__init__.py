"""Listens to what the callers and owners of deals answer each other."""
