"""The ports of `commands` and `access` over SQL."""
