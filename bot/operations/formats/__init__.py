"""The forms of settings: each function reads the text of a variable, or raises `ValueError` with what it should be."""
