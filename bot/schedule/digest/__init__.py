"""The weekly digest of deals: when it is due, what is in it, and that it is posted once."""
