"""A deal as a row of a list, and the buttons that change it."""
