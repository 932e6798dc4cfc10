"""The signatures of HighLevel's webhooks, and the form of the keys that check them."""

import base64
import binascii
from collections.abc import Sequence

from bot.events.event import Reception

HIGHLEVELS_KEY = "MCowBQYDK2VwAyEAi2HR1srL4o18O8BRa7gVJY7G7bupbN3H9AwJrHCDiOg="
"""The key that HighLevel signs webhooks with. https://marketplace.gohighlevel.com/docs/webhook/WebhookIntegrationGuide"""

_ED25519 = bytes.fromhex("302a300506032b6570032100")
"""How the DER form of every Ed25519 public key begins. https://www.rfc-editor.org/rfc/rfc8410#section-4"""


def is_public_key(text: str) -> bool:
    """Whether this is an Ed25519 public key in base64, as HighLevel prints its own. No library is loaded for that."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return decoded.startswith(_ED25519) and len(decoded) == len(_ED25519) + 32


def read_keys(keys: Sequence[str]) -> tuple[str, ...]:
    """The keys of a list, one or more. Raises `ValueError`, with what it should be."""
    if not keys or not all(map(is_public_key, keys)):
        raise ValueError("should be HighLevel's public key for X-GHL-Signature, or several separated by commas")
    return tuple(keys)


class Signatures:
    """Checks HighLevel's signatures: Ed25519 over the raw body. `keys`: public keys, as base64 of their DER form.

    The older header `X-WH-Signature` is not looked at: it ended on September 1, 2026.
    https://marketplace.gohighlevel.com/docs/webhook/WebhookIntegrationGuide
    """

    def __init__(self, keys: Sequence[str]) -> None:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - 5 MB, for webhooks alone
        from cryptography.hazmat.primitives.serialization import load_der_public_key  # noqa: PLC0415 - likewise

        self._invalid = InvalidSignature
        self._keys = [load_der_public_key(base64.b64decode(key)) for key in keys]

    def check(self, signature: str, body: bytes) -> Reception | None:
        """What is wrong with a signature; `None` if one of the keys has made it for this body."""
        try:
            signed = base64.b64decode(signature, validate=True)
        except (binascii.Error, ValueError):
            return Reception.UNSIGNED
        for key in self._keys:
            try:
                key.verify(signed, body)  # type: ignore[call-arg, union-attr] # the settings take Ed25519 alone
            except self._invalid:
                continue
            return None
        return Reception.WRONG_SIGNATURE if signed else Reception.UNSIGNED
