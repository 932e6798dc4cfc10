"""Encrypts secrets, so that a reader of the database cannot use them. Pure but for randomness.

https://cryptography.io/en/latest/fernet
"""

from collections.abc import Sequence


class Sealed(Exception):
    """No key decrypts it: it was encrypted with another key, or was changed since."""


class Vault:
    """Encrypts with the first key, and decrypts with any: to rotate a key, put a new one before it."""

    def __init__(self, keys: Sequence[str]) -> None:
        """At least one key. Each is 32 bytes in URL-safe Base64, as Fernet's own."""
        from cryptography.fernet import Fernet, InvalidToken, MultiFernet  # noqa: PLC0415 - 5 MB, for OAuth alone

        self._fernet = MultiFernet([Fernet(key) for key in keys])
        self._does_not_open = InvalidToken

    def encrypt(self, secret: str) -> str:
        """The secret, encrypted for the database."""
        return self._fernet.encrypt(secret.encode()).decode()

    def decrypt(self, stored: str) -> str:
        """The secret, decrypted. Raises `Sealed`, which shows nothing of it."""
        try:
            return self._fernet.decrypt(stored.encode()).decode()
        except (self._does_not_open, UnicodeError):
            raise Sealed from None
