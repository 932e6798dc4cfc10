"""What people read about whose deal it is."""
