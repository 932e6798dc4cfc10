"""The Home tab of the app: a person's open deals, and their last changes."""
