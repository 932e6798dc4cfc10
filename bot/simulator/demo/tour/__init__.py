"""What leads a visitor through the demo's page: the steps, what is unread, and what comes after."""
