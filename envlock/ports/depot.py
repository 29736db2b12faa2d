"""Depots: built environments and their artifacts, at an address that several machines reach.

    depot                        what it is, and of which form
    entries/<key>.json           what is said of one environment, signed
    objects/sha256/ab/<64 hex>   artifacts, packed bytecode; each once, whoever needs it

A name that exists is complete, wherever the backend can hold to that; what comes from a depot is
hashed in any case. An entry comes last: whatever it names is there before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from msgspec import Struct

from envlock.model.depot import DepotBytecode, DepotObject
from envlock.ports.artifacts import FetchProgress
from envlock.ports.store import Needs


class Depot(Protocol):
    """One depot. Every method raises `WorldError` where the address does not do what is asked."""

    @property
    def title(self) -> str:
        """The address, for people: without secrets."""
        ...

    def prepare(self) -> None:
        """Make the depot where there is none yet. Raises `DepotError` where something else lies."""
        ...

    def read_entry(self, key: str, limit_bytes: int) -> bytes | None:
        """Return an entry's text, at most so many bytes and one of it; None where there is none."""
        ...

    def write_entry(self, key: str, content: bytes) -> None:
        """Write an entry in one step; an older one is replaced."""
        ...

    def size_of(self, sha256: str) -> int | None:
        """Return an object's size; None where there is none."""
        ...

    def put(self, sha256: str, path: str) -> None:
        """Take a file in; it is not seen by its name before it is whole."""
        ...

    def read(self, sha256: str, offset: int) -> Iterator[bytes]:
        """Yield the rest of an object, in pieces."""
        ...


class Intake(Protocol):
    """Brings objects of a depot among the verified archives of this machine."""

    def take(self, wanted: Sequence[DepotObject], progress: FetchProgress) -> None:
        """Bring them here, every one hashed; what came in part is gone on with.

        Raises `DepotError` for an object that is not there or is another one, `WorldError`.
        """
        ...


class PackedBytecode(Struct, frozen=True, kw_only=True):
    """Bytecode as it was packed for a while."""

    bytecode: DepotBytecode
    path: str


class Bytecode(Protocol):
    """The bytecode of a store's environments, which other stores can use."""

    def packed(self, label: str) -> AbstractContextManager[Sequence[PackedBytecode]]:
        """Pack what an environment was linked from; the files are gone afterwards."""
        ...

    def has(self, tree: str) -> bool:
        """Say whether a tree of bytecode is here."""
        ...

    def admit(self, bytecode: DepotBytecode, needs: Needs) -> None:
        """Unpack a pack that is among the archives, which it leaves then.

        Raises `DepotError` when it is not what was signed, `ArchiveError` when it is hostile.
        """
        ...


class Pulled(Struct, frozen=True, kw_only=True):
    """What is remembered of the newest entry that was pulled."""

    serial: int
    pushed_at: str
    statement_sha256: str


class PullMemory(Protocol):
    """The newest entry that this store has seen of each key and signer."""

    def recall(self, key: str, keyid: str) -> Pulled | None:
        """Return what is remembered. Raises `StoreError` where that cannot be read."""
        ...

    def remember(self, key: str, keyid: str, pulled: Pulled) -> None:
        """Remember. Raises `WorldError` when the disk refuses."""
        ...
