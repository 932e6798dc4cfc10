"""The checks of `/readyz` and `check`: each file asks one neighbour, and returns what it found."""
