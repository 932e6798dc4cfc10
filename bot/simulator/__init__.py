"""Stand-ins for Slack and HighLevel, over real HTTP: the tests, the benchmarks and the demo use these and no others."""
