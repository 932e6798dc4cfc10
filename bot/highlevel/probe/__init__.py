"""Tries on one deal what HighLevel does not document, and says which of the bot's assumptions hold."""
