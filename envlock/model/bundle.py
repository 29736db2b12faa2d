"""What a bundle holds: everything to build a lock on a machine without a network."""

from __future__ import annotations

from msgspec import Struct

BUNDLE_VERSION = 1
STACK, PACKAGES, ARTIFACTS, WHEELS = "stack", "packages", "artifacts", "envlock-wheels"
"""The folders of a bundle, in their order: the lock and what lies beside it; the archives that it
names, by SHA-256; what its stack names beside, by SHA-256; envlock itself."""
FOLDERS = (STACK, PACKAGES, ARTIFACTS, WHEELS)


class Member(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of a bundle."""

    path: str
    """In the bundle: `stack/torch.toml`, `packages/<sha256>`."""
    sha256: str
    size_bytes: int

    @property
    def folder(self) -> str:
        """The first part of its path."""
        return self.path.partition("/")[0]

    @property
    def name(self) -> str:
        """The rest of its path."""
        return self.path.partition("/")[2]


class Bundle(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The manifest of a bundle. Same content, same manifest: it names no time, machine or maker."""

    version: int
    name: str
    """The stack's."""
    lock: str
    """The path of the lock in the bundle, its first member."""
    pin: str
    """The digest of the index pin, empty where there is none in it."""
    recording: str
    """The digest of the recording of the package index, empty where there is none in it."""
    platforms: tuple[str, ...]
    members: tuple[Member, ...]
    """All files but the manifest, in the order in which they lie in the bundle."""

    def within(self, folder: str) -> tuple[Member, ...]:
        """Return the members of one folder."""
        return tuple(each for each in self.members if each.folder == folder)
