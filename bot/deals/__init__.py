"""What a deal is, and how one is changed."""
