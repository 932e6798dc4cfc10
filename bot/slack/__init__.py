"""The edge to Slack, in and out."""
