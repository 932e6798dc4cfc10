"""What the form suggests before and while a person types."""
