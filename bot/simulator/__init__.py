"""Stand-ins for Slack and HighLevel over real HTTP, for tests, benchmarks and the demo."""
