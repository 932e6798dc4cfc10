"""A client for HighLevel's API, as far as a deal's status needs it. It has never heard of this bot."""
