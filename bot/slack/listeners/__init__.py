"""Bolt's listeners: what a person typed or pressed becomes a request, a press or a form."""
