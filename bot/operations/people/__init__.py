"""Who is whom, for the command line."""
