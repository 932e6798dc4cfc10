"""Sets, lists and cancels reminders."""
