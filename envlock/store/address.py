"""Addresses: from a derivation to the name of its folder.

The key is the first 160 bits of a SHA-256 over the derivation's canonical JSON, in base32, as Nix
has it (RFC 4648's alphabet, lower case). Same derivation, same folder, on every machine that keeps
its store at the same place.
"""

from __future__ import annotations

import base64
import re
from hashlib import sha256

import msgspec

from envlock.errors import StoreError
from envlock.formats.canonical import format_canonical
from envlock.model.store import Derivation

_KEY_BYTES = 20
_LABEL = re.compile(r"(?P<key>[a-z2-7]{32})-(?P<name>[A-Za-z0-9][A-Za-z0-9._+-]{0,127})")
_SHEBANG_BYTES = 127
"""Linux reads no more of a script's first line (127 until 5.1, 255 since; macOS 512)."""


def key_of(derivation: Derivation) -> str:
    """Return the key, 32 characters."""
    content = format_canonical({"layout": 1, **msgspec.to_builtins(derivation)})
    return base64.b32encode(sha256(content.encode()).digest()[:_KEY_BYTES]).decode().lower()


def place_free_key_of(derivation: Derivation) -> str:
    """Return the key that a derivation has wherever its store lies: what stores share goes by it.

    It is no key of a folder: whatever folder there was, its key would be another one.
    """
    content = {"layout": 1, **msgspec.to_builtins(derivation), "store_folder": None}
    digest = sha256(format_canonical(content).encode()).digest()
    return base64.b32encode(digest[:_KEY_BYTES]).decode().lower()


def label_of(derivation: Derivation) -> str:
    """Return the folder's name, `<key>-<name>`."""
    return f"{key_of(derivation)}-{derivation.name}"


def split_label(label: str) -> tuple[str, str] | None:
    """Return key and name of a folder's name; None for any other text."""
    match = _LABEL.fullmatch(label)
    return (match["key"], match["name"]) if match else None


def check_prefix(prefix: str, python: str) -> None:
    """Refuse a prefix that does not fit into a script's first line, or that would break it.

    Raises `StoreError`.
    """
    line = f"#!{prefix}/bin/python{python}"
    if len(line.encode()) > _SHEBANG_BYTES:
        raise StoreError(
            f"the store's path is too long: {len(prefix.encode())} bytes in {prefix}\n"
            f"  expected at most {_SHEBANG_BYTES} bytes in `{line}`,\n"
            "  since Linux cuts a script's first line there\n"
            "Nothing was built.",
            hints=["keep the store at a shorter path: `export ENVLOCK_HOME=/opt/envlock`"],
        )
    if not prefix.isprintable() or any(sign.isspace() for sign in prefix):
        raise StoreError(
            f"the store's path has a space or an unprintable character: {prefix!a}\n"
            "  a script's first line cannot name its interpreter there\nNothing was built.",
            hints=["keep the store at another path: `export ENVLOCK_HOME=/opt/envlock`"],
        )
