"""A stand-in for HighLevel."""
