"""A stand-in for HighLevel: `server.HighLevel`."""
