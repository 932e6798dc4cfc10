"""Every sentence that a person reads in Slack."""
