"""Shows the digest to a person who asks for it."""
