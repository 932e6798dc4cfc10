"""What people read about reminders."""
