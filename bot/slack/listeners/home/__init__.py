"""The Home tab of the app: a person opens it, turns its pages and presses its buttons."""
