"""The CRM port over HighLevel."""
