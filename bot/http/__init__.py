"""Requests to other servers: values that say what to send and what came back, and one client that sends them."""
