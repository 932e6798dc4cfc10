"""Makes Block Kit that keeps Slack's rules, whatever the texts are."""
