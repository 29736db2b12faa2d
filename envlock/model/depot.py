"""What a depot says of an environment: enough to have it without its channels, and no more."""

from __future__ import annotations

from msgspec import Struct


class DepotObject(Struct, frozen=True, kw_only=True):
    """One file of a depot; it lies there by its digest."""

    file_name: str
    """For people, and for what a lock calls it."""
    sha256: str
    size_bytes: int


class DepotBytecode(Struct, frozen=True, kw_only=True):
    """Bytecode of one artifact for one Python, packed; it holds no prefix and fits any store."""

    tree: str
    """The name of its tree, as every store has it."""
    tree_sha256: str
    """Of what it unpacks to."""
    sha256: str
    """Of the pack, by which it lies in the depot."""
    size_bytes: int


class DepotEntry(Struct, frozen=True, kw_only=True):
    """One environment in a depot. It names no machine, folder or person."""

    key: str
    """The derivation's key without the store's folder: the same lock has it anywhere."""
    name: str
    platform: str
    content_sha256: str
    """What must come out, whatever the prefix."""
    tree_sha256: str
    """What came out for the prefix that it was built for: all of it, bytecode too."""
    derivation_key: str
    """That prefix's folder begins with it; a store at the same place has the same."""
    prefix_bytes: int
    """How long that prefix was."""
    size_bytes: int
    """Of the environment's files."""
    artifacts: tuple[DepotObject, ...]
    """In the derivation's order."""
    bytecode: tuple[DepotBytecode, ...]
    """What need not be compiled again; nothing is missed where it is not there."""
    serial: int
    """Grows with every entry of a key: an older one that comes again is told by it."""
    pushed_at: str
    """UTC, as `2026-11-24T10:00:00Z`."""
    envlock_version: str
