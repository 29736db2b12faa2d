"""The identity of the fact tables: a lock's head names it."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from pathlib import Path

_BESIDE = frozenset({"base_images", "cloud", "gpu_rates", "import_names", "pitfalls"})
"""Tables about machines, and about what others write: no lock depends on them."""


@cache
def facts_digest() -> str:
    """Return the SHA-256 over the tables that a lock rests on, by name.

    Line ends of a checkout do not count.
    """
    digest = sha256()
    tables = sorted(Path(__file__).with_name("facts").glob("*.toml"))
    for table in (table for table in tables if table.stem not in _BESIDE):
        content = table.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{table.name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()
