"""Stand-ins for Slack and HighLevel, over real HTTP: for the tests, the demo, and the burst of the benchmarks."""
