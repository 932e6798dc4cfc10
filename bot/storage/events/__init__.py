"""What was changed in HighLevel itself, over SQL: the inbox of events, and the memory of deals."""
