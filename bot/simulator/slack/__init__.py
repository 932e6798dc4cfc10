"""A stand-in for Slack: `server.Slack`."""
