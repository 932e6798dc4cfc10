"""The edge to Slack: requests come in, messages go out."""
