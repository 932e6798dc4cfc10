"""What people read about changes that were made in HighLevel itself."""
