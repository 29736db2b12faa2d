"""Canonical JSON: one value, one text, so that a digest means the value."""

from __future__ import annotations

import json
from hashlib import sha256


def format_canonical(value: object) -> str:
    """Return JSON with ordered keys, no spaces and no escapes beyond those JSON needs."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest_of(value: object) -> str:
    """Return the SHA-256 of the canonical JSON, 64 hex digits."""
    return sha256(format_canonical(value).encode()).hexdigest()


def respelling_hint(content: bytes) -> str | None:
    """Return why a file is not as it was written, where that can be told: its line ends."""
    if not content.endswith(b"\r\n"):
        return None
    return "git or an editor gave it the line ends of Windows: `* -text` in .gitattributes stops it"
