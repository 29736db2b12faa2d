"""Look after a store: collect what nothing needs, verify what is there, put back what was."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from envlock.model.keeping import (
    Collecting,
    Damage,
    Depth,
    Usage,
    Verification,
)
from envlock.model.keeping import Collection as Collected
from envlock.model.store import Artifact, BuildPlan, Environment
from envlock.ports.reporter import Reporter
from envlock.ports.store import Needs


class Keeping(Protocol):
    """One store, looked after."""

    @property
    def root(self) -> str:
        """The folder that all of the store lies in."""
        ...

    def environments(self) -> tuple[Environment, ...]:
        """Return all valid environments, the oldest first."""
        ...

    def artifacts_of(self, label: str) -> tuple[Artifact, ...]:
        """Return what an environment was made of."""
        ...

    def artifact(self, sha256: str) -> Artifact | None:
        """Return what is known of an archive that an environment was made of."""
        ...

    def shown(self) -> frozenset[str]:
        """Return the digests of all artifacts of stacks that folders of the store show."""
        ...

    def unpacked_bytes(self) -> Mapping[str, int]:
        """Return the bytes of every artifact that is unpacked, by digest."""
        ...

    def usage(self, reporter: Reporter) -> Usage:
        """Return what lies on the disk."""
        ...

    def collect(self, asked: Collecting, reporter: Reporter) -> Collected:
        """Let go of what no root reaches. Raises `WorldError`."""
        ...

    def verify(
        self, labels: Collection[str] | None, depth: Depth, reporter: Reporter
    ) -> Verification:
        """Look at environments and what they are made of, at everything without `labels`."""
        ...

    # --- repairing --------------------------------------------------------------------------------

    def mend(self, damage: Damage) -> None:
        """Undo in place what needs no content: what was added, modes and times."""
        ...

    def drop(self, damage: Damage) -> None:
        """Take away an archive, a stray, or a tree that is made anew when it is needed."""
        ...

    def restore_manifest(self, tree_sha256: str) -> bool:
        """Write a manifest anew from a tree that is as it was; say whether there is one."""
        ...

    def unpack_anew(self, artifact: Artifact, needs: Needs) -> None:
        """Unpack an archive of the store again, in place of its tree. Raises `ArchiveError`."""
        ...

    def remake(self, plan: BuildPlan, needs: Needs, reporter: Reporter) -> None:
        """Build a valid environment again and let it change places with what lies there.

        The caller is `building` it. Raises `StoreError` when it does not come out the same, and
        whatever building raises; then what lies there stays.
        """
        ...
