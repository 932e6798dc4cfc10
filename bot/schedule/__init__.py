"""What comes due: reminders and digests, each posted once when its time has come."""
