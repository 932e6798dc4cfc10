"""Commands that were not accepted, over SQL: kept for a while, and listed with the others."""
