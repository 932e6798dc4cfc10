"""A client for HighLevel's API that has never heard of this bot."""
