"""Paths as the URI references of RFC 3986."""

from __future__ import annotations

import re

_KEPT = frozenset(
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/!$&'()*+,;=@"
)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def is_absolute(path: str) -> bool:
    """Say whether a path starts at the root of a disk."""
    return path.startswith("/") or bool(_DRIVE.match(path))


def uri_of(path: str) -> str:
    """Return a path as a URI reference: relative, or `file:///…` for one from the root on."""
    if _DRIVE.match(path):
        return f"file:///{path[0]}:{_escaped(path[2:])}"
    if path.startswith("/"):
        return f"file://{_escaped(path)}"
    return _escaped(path.removeprefix("./")) or "."


def _escaped(path: str) -> str:
    """Return a path in which every byte but the unreserved ones is escaped; a colon is, too."""
    slashed = path.replace("\\", "/")
    try:
        content = slashed.encode(errors="surrogateescape")
    except UnicodeEncodeError:  # no name of a file is so
        content = slashed.encode(errors="backslashreplace")
    return "".join(chr(byte) if byte in _KEPT else f"%{byte:02X}" for byte in content)
