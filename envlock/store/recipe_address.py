"""Addresses of what recipes build: as an environment's, made of all that decides the bytes."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from hashlib import sha256

import msgspec

from envlock.formats.canonical import digest_of, format_canonical
from envlock.model.recipe import RecipeDerivation

_KEY_BYTES = 20


def sources_digest(files: Sequence[tuple[str, str]], toolchain: bytes | None = None) -> str:
    """Return one SHA-256 for the files of a recipe, their names among them.

    `toolchain` is the lock of another stack that its inputs come from.
    """
    lock = [] if toolchain is None else [["", sha256(toolchain).hexdigest()]]
    return digest_of([*map(list, files), *lock])


def recipe_address(derivation: RecipeDerivation) -> str:
    """Return the address, 32 characters."""
    content = format_canonical({"layout": 1, **msgspec.to_builtins(derivation)})
    return base64.b32encode(sha256(content.encode()).digest()[:_KEY_BYTES]).decode().lower()
