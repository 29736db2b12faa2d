"""What can be put right in somebody's file without choosing for them."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class KnownFile(Struct, frozen=True, kw_only=True):
    """A file of a channel, as an index pin has it."""

    address: str
    md5: str
    """Empty where the channel gives none."""
    sha256: str
    pin: str
    """The digest of the pin that says so."""


KnownFiles = Mapping[str, tuple[KnownFile, ...]]
"""By file name."""


class Repair(Struct, frozen=True, kw_only=True):
    """One thing that was put right."""

    done: str
    """In one sentence."""
    line: int = 0
    """Of the file as it was; 0 where it is about all of it."""


class Repaired(Struct, frozen=True, kw_only=True):
    """Bytes after repairs; without repairs they are what they were."""

    content: bytes
    repairs: tuple[Repair, ...] = ()


class Fix(Struct, frozen=True, kw_only=True):
    """What would be written to a file."""

    path: str
    before: bytes
    after: bytes
    repairs: tuple[Repair, ...]
