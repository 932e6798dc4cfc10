"""What was changed in HighLevel itself, from the notice of it to the post."""
