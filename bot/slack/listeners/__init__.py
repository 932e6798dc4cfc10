"""Listens to what people do in Slack: they type a command, press a button, or fill in the form."""
