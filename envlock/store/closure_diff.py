"""Two closures -> what differs between them: packages by what they are, environments by what came.

A closure is what an environment is made of. A lock has one before anything is built; then nothing
is known of its trees, and nothing is said of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from msgspec import Struct

from envlock.model.store import Artifact, ArtifactKind, Interpreter


class ClosurePackage(Struct, frozen=True, kw_only=True):
    """One package of a closure."""

    name: str
    version: str
    build: str
    kind: ArtifactKind
    sha256: str
    size_bytes: int | None
    """Of its files; None where it is not unpacked here."""


class Closure(Struct, frozen=True, kw_only=True):
    """What an environment is made of, and what came of it where it is built."""

    title: str
    platform: str
    packages: tuple[ClosurePackage, ...]
    label: str = ""
    """The environment's folder name; empty where it is not built."""
    tree_sha256: str = ""
    content_sha256: str = ""
    interpreter: Interpreter | None = None


class Move(StrEnum):
    """What became of a package."""

    ADDED = "added"
    REMOVED = "removed"
    VERSION = "version"
    BUILD = "build"
    FILE = "file"
    """Same version and build, and another archive: somebody has built it again."""


class PackageMove(Struct, frozen=True, kw_only=True):
    """One package that is not the same on both sides."""

    move: Move
    before: ClosurePackage | None
    after: ClosurePackage | None

    @property
    def either(self) -> ClosurePackage:
        """Return the package as it is now, or was."""
        found = self.after or self.before
        assert found is not None  # noqa: S101 - one of the two is there
        return found

    @property
    def size_change(self) -> int | None:
        """Return how many bytes more it has now; None where a size is not known."""
        sizes = [each.size_bytes if each else 0 for each in (self.before, self.after)]
        old, new = sizes
        return None if old is None or new is None else new - old


class ClosureDifference(Struct, frozen=True, kw_only=True):
    """What differs from one closure to another."""

    before: Closure
    after: Closure
    moves: tuple[PackageMove, ...]
    unchanged: int
    """How many packages are the same file on both sides."""
    is_content_equal: bool | None
    """Of what was built, whatever its prefix; None where a side is not built."""
    is_tree_equal: bool | None

    @property
    def is_empty(self) -> bool:
        """Say whether nothing differs, as far as it is known."""
        return not self.moves and self.is_content_equal is not False


def package_of(artifact: Artifact, size_bytes: int | None) -> ClosurePackage:
    """Return an artifact as a package of a closure."""
    return ClosurePackage(
        name=artifact.name,
        version=artifact.version,
        build=artifact.build,
        kind=artifact.kind,
        sha256=artifact.sha256,
        size_bytes=size_bytes,
    )


def compare_closures(before: Closure, after: Closure) -> ClosureDifference:
    """Return what differs, ordered by name."""
    old, new = _by_name(before.packages), _by_name(after.packages)
    moves = [
        moved
        for key in sorted(old.keys() | new.keys())
        if (moved := _move(old.get(key), new.get(key))) is not None
    ]
    return ClosureDifference(
        before=before,
        after=after,
        moves=tuple(moves),
        unchanged=sum(_move(old[key], new[key]) is None for key in old.keys() & new.keys()),
        is_content_equal=_equal(before.content_sha256, after.content_sha256),
        is_tree_equal=_equal(before.tree_sha256, after.tree_sha256),
    )


def _by_name(packages: Sequence[ClosurePackage]) -> Mapping[tuple[str, str], ClosurePackage]:
    return {(each.name, each.kind.value): each for each in packages}


def _equal(one: str, other: str) -> bool | None:
    return one == other if one and other else None


def _move(before: ClosurePackage | None, after: ClosurePackage | None) -> PackageMove | None:
    if before is None:
        return PackageMove(move=Move.ADDED, before=None, after=after)
    if after is None:
        return PackageMove(move=Move.REMOVED, before=before, after=None)
    if before.version != after.version:
        return PackageMove(move=Move.VERSION, before=before, after=after)
    if before.build != after.build:
        return PackageMove(move=Move.BUILD, before=before, after=after)
    if before.sha256 != after.sha256:
        return PackageMove(move=Move.FILE, before=before, after=after)
    return None
