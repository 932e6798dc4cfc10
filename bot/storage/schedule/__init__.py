"""The schedule over the database: what comes due, who has it, and how it ended."""
