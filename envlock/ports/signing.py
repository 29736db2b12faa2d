"""Sign bytes, and say whether a signature fits."""

from __future__ import annotations

from typing import Protocol


class TrustedKey(Protocol):
    """A public key that the caller trusts."""

    @property
    def keyid(self) -> str:
        """The SHA-256 of the key in its standard form, 64 hex digits."""
        ...

    def fits(self, signature: bytes, message: bytes) -> bool:
        """Say whether the key's owner signed exactly this; never raises for any bytes."""
        ...


class SigningKey(Protocol):
    """A private key."""

    @property
    def keyid(self) -> str:
        """That of its public half."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message."""
        ...
