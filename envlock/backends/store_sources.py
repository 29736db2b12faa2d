"""The trees that environments are linked from: unpacked artifacts, and their bytecode.

A tree is made once, under its lock, beside its place, and is valid when it has a row. The archive
is hashed in full just before it is unpacked, whenever that is: what lies in the store by a digest's
name is not believed for its name.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import IO, Protocol

from envlock.backends.store_database import StoreDatabase
from envlock.backends.store_layout import StoreLayout
from envlock.backends.store_locks import held
from envlock.backends.store_trees import (
    Known,
    move_into_place,
    read_manifest,
    seal_tree,
    staged,
    write_manifest,
)
from envlock.errors import ArchiveError
from envlock.model.store import Artifact, ArtifactKind
from envlock.model.tree import TreeEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A valid tree and what it holds."""

    name: str
    path: Path
    entries: Sequence[TreeEntry]


def unpacked_name(artifact: Artifact) -> str:
    """Return the name of an unpacked artifact's tree."""
    return f"artifact-{artifact.sha256}"


class Register(Protocol):
    """Says which trees are valid, by the digest of what they hold."""

    def digest(self, name: str) -> str | None:
        """Return a valid tree's `tree_sha256`."""
        ...

    def add(self, name: str, tree_sha256: str, size_bytes: int) -> None:
        """Make a tree valid."""
        ...

    def drop(self, name: str) -> None:
        """Make a tree invalid."""
        ...


class DatabaseRegister:
    """The rows of the store's database."""

    def __init__(self, database: Callable[[], StoreDatabase]) -> None:
        self._database = database

    def digest(self, name: str) -> str | None:
        """Return a valid tree's `tree_sha256`."""
        with contextlib.closing(self._database()) as database:
            return database.tree(name)

    def add(self, name: str, tree_sha256: str, size_bytes: int) -> None:
        """Make a tree valid."""
        with contextlib.closing(self._database()) as database:
            database.add_tree(name, tree_sha256, size_bytes)

    def drop(self, name: str) -> None:
        """Make a tree invalid."""
        with contextlib.closing(self._database()) as database:
            database.remove_trees([name])


class ScratchRegister:
    """Trees that are made for once, and known to nobody else."""

    def __init__(self) -> None:
        self._digests: dict[str, str] = {}

    def digest(self, name: str) -> str | None:
        """Return a tree's `tree_sha256`."""
        return self._digests.get(name)

    def add(self, name: str, tree_sha256: str, _: int) -> None:
        """Remember a tree."""
        self._digests[name] = tree_sha256

    def drop(self, name: str) -> None:
        """Forget a tree."""
        self._digests.pop(name, None)


class SourceTrees:
    """Makes and finds trees in one folder."""

    def __init__(
        self,
        layout: StoreLayout,
        register: Register,
        owner: str,
        folder: Path | None = None,
        *,
        keep: Callable[[Iterable[str]], None] = lambda _: None,
    ) -> None:
        """`keep` keeps manifests from being collected until they are referred to."""
        self._layout = layout
        self._register = register
        self._owner = owner
        self._keep = keep
        self._folder = folder or layout.trees

    def find(self, name: str) -> Source | None:
        """Return a valid tree."""
        digest = self._register.digest(name)
        path = self._folder / name
        if digest is None or not path.is_dir():
            return None
        return Source(name=name, path=path, entries=read_manifest(self._layout, digest))

    def unpacked(self, artifact: Artifact, archive: Path) -> Source:
        """Return an artifact's tree, unpacked now if it was not.

        Raises `ArchiveError` when the archive is not what the lock says.
        """
        name = unpacked_name(artifact)
        return self.find(name) or self.make(
            name, lambda staging: _unpack_verified(artifact, archive, staging)
        )

    def unpacked_anew(self, artifact: Artifact, archive: Path) -> Source:
        """Return an artifact's tree, unpacked now, in place of the one that is there.

        Raises `ArchiveError` when the archive is not what the lock says.
        """
        return self.make_anew(
            unpacked_name(artifact), lambda staging: _unpack_verified(artifact, archive, staging)
        )

    def make(self, name: str, fill: Callable[[Path], object]) -> Source:
        """Return a tree, filled now unless somebody else did it meanwhile."""
        with held(self._layout.locks / f"{name}.lock"):
            found = self.find(name)
            if found is not None:
                return found
            with self._staged(name) as staging:
                return self._admit(name, staging, fill)

    def make_anew(self, name: str, fill: Callable[[Path], object]) -> Source:
        """Return a tree filled now, in place of the one that is there."""
        with held(self._layout.locks / f"{name}.lock"), self._staged(name) as staging:
            return self._admit(name, staging, fill)

    def _staged(self, name: str) -> AbstractContextManager[Path]:
        return staged(self._folder / name, self._owner, f"{name} cannot be unpacked")

    def _admit(self, name: str, staging: Path, fill: Callable[[Path], object]) -> Source:
        known = fill(staging)
        entries = seal_tree(staging, known if isinstance(known, Known) else None)
        digest = write_manifest(self._layout, entries, self._keep)
        path = self._folder / name
        self._register.drop(name)  # a row must never stand for what is being replaced
        move_into_place(staging, path)
        self._register.add(name, digest, sum(entry.size_bytes for entry in entries))
        return Source(name=name, path=path, entries=entries)


def _unpack_verified(artifact: Artifact, archive: Path, staging: Path) -> Known:
    """Unpack an archive if it is the locked one; returns what its files were when written.

    It is opened once: what was hashed is what is unpacked, whatever takes its name meanwhile.
    """
    from envlock.backends.unpack import unpack  # noqa: PLC0415 - what is unpacked needs none

    known = Known()
    with archive.open("rb") as file:
        check_digest(artifact, file)
        unpack(file, artifact.file_name, staging, known=known)
    if artifact.kind is ArtifactKind.CONDA:
        _check_identity(artifact, staging)
    else:
        _check_wheel_identity(artifact)
    return known


def check_digest(artifact: Artifact, archive: IO[bytes]) -> None:
    """Hash an archive in full. Raises `ArchiveError` when it is not the one that was locked."""
    found = file_digest(archive, "sha256").hexdigest()  # type: ignore[arg-type]
    if found != artifact.sha256:
        raise ArchiveError(
            f"digest mismatch for `{artifact.file_name}` in the store\n"
            f"  expected sha256: {artifact.sha256}\n"
            f"  found sha256:    {found}\n"
            "Nothing was installed.",
            hints=["`envlock store repair` fetches it anew"],
        )


def _check_identity(artifact: Artifact, tree: Path) -> None:
    """Refuse a conda package that calls itself something else: rattler would believe it."""
    from envlock.backends.unpack_conda import read_conda_identity  # noqa: PLC0415 - as above

    found = read_conda_identity(tree)
    expected = (artifact.name, artifact.version, artifact.build)
    if (found.name, found.version, found.build) != expected:
        raise _another(
            artifact, expected, f"{found.name} {found.version} {found.build} in its info/index.json"
        )


def _check_wheel_identity(artifact: Artifact) -> None:
    """Refuse a wheel of another distribution; that it is what its name says has been checked."""
    from envlock.backends.unpack_wheel import is_wheel_of  # noqa: PLC0415 - as above

    if not is_wheel_of(artifact.file_name, artifact.name, artifact.version):
        raise _another(
            artifact, (artifact.name, artifact.version), f"a wheel called `{artifact.file_name}`"
        )


def _another(artifact: Artifact, expected: Sequence[str], found: str) -> ArchiveError:
    return ArchiveError(
        f"`{artifact.file_name}` is not the package that was locked\n"
        f"  expected {' '.join(expected)}\n"
        f"  found    {found}\n"
        "Nothing was installed."
    )


def os_workers() -> int:
    """Return how many archives are unpacked at once."""
    return min(8, os.cpu_count() or 1)
