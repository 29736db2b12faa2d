"""Locked archives on the disk: fetched from wherever the lock says, hashed before anyone uses them.

An archive is known by its sha256 alone. What its address or its name promises counts for nothing:
a file that is here has been hashed, whichever server, mirror or folder it came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct


class WantedArtifact(Struct, frozen=True, kw_only=True):
    """One archive that a lock names."""

    file_name: str
    """For people only: nothing on the disk is called so."""
    url: str
    """`https://`, `http://` or `file:`, or a path beside the lock; perhaps with `${VARIABLE}`."""
    sha256: str
    """64 lowercase hex digits."""
    md5: str | None = None
    """Checked too where a lock has it."""
    size_bytes: int | None = None
    package: str
    """For people: `numpy 2.1.3`."""
    remedy: str = ""
    """What a person can do when the file is another one; empty for a package of a channel."""


class FetchProgress(Protocol):
    """Hears how far fetching has come."""

    def begin(self, files: int, size_bytes: int | None) -> None:
        """Hear how much will be fetched, None where a lock does not say; called once."""
        ...

    def received(self, size_bytes: int) -> None:
        """Hear of some more bytes of an archive; called from several threads at once.

        What an earlier run left counts as it is taken up. Less than nothing when a part has to be
        thrown away, so that the sum over a finished archive is its size.
        """
        ...

    def done(self, wanted: WantedArtifact, /) -> None:
        """Hear that an archive is here and verified; called in the thread that asked."""
        ...


class Artifacts(Protocol):
    """The verified archives of this machine."""

    def path_of(self, sha256: str) -> str:
        """Return where an archive lies, or would. Raises `LockError` for what is no digest."""
        ...

    def has(self, sha256: str) -> bool:
        """Say whether an archive is here; it was hashed when it came. Raises as `path_of`."""
        ...

    def fetch(
        self, wanted: Sequence[WantedArtifact], progress: FetchProgress, *, recheck: bool = False
    ) -> None:
        """Bring every archive here that is not; with `recheck`, hash those that are here anew.

        Raises the first failure and names the others with it: `ArchiveError` for content that is
        not what the lock says, `LockError` for an address that nothing can be fetched from,
        `EnvlockError` for a variable that is not set, `WorldError` for the network and the disk.
        Whatever came whole stays; what came in part is taken up by the next call.
        """
        ...
