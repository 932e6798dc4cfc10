"""Keeps secrets encrypted, so that whoever reads the database cannot use them. Pure but for randomness.

https://cryptography.io/en/latest/fernet
"""

from collections.abc import Sequence


class Sealed(Exception):
    """None of the keys opens it: it was closed with another, or is not what was stored."""


class Vault:
    """Closes with the first key, and opens with any: so a key is rotated by putting a new one before it."""

    def __init__(self, keys: Sequence[str]) -> None:
        """At least one key, each 32 bytes as `settings.MAKE_A_KEY` makes them."""
        from cryptography.fernet import Fernet, InvalidToken, MultiFernet  # noqa: PLC0415 - 5 MB, for OAuth alone

        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self._does_not_open = InvalidToken

    def close(self, secret: str) -> str:
        """The secret as it may be stored."""
        return self._fernet.encrypt(secret.encode()).decode()

    def open(self, stored: str) -> str:
        """The secret. Raises `Sealed`, which says nothing about it."""
        try:
            return self._fernet.decrypt(stored.encode()).decode()
        except (self._does_not_open, UnicodeError):
            raise Sealed from None
