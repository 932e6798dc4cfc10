"""What HighLevel sends of its own accord: webhooks of an app, and requests of workflows."""
