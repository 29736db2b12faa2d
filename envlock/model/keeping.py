"""What is found, and what is done, when a store is looked after."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from envlock.model.store import Environment, Generation
from envlock.model.tree import Difference, EntryDifference


class Part(StrEnum):
    """What a store is made of."""

    ENVIRONMENT = "environment"
    TREE = "tree"
    ARTIFACT = "artifact"
    MANIFEST = "manifest"
    PROFILE = "profile"
    DATABASE = "database"


# --- collecting -----------------------------------------------------------------------------------


class References(Struct, frozen=True, kw_only=True):
    """What an environment was made of, and so keeps."""

    artifacts: frozenset[str]
    trees: frozenset[str]
    tree_sha256: str


class Inventory(Struct, frozen=True, kw_only=True):
    """All that a store holds and may let go."""

    environments: Mapping[str, References]
    """By label."""
    trees: Mapping[str, str]
    """The `tree_sha256` of each, by name."""
    artifacts: frozenset[str]
    """Digests of archives."""
    manifests: frozenset[str]
    """Digests of manifests."""
    data: Mapping[str, frozenset[str]] = {}
    """What each folder of a stack's artifacts shows, digests by key."""


class Holdings(Struct, frozen=True, kw_only=True):
    """Some of what a store holds."""

    environments: tuple[str, ...] = ()
    trees: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    manifests: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    """Keys of folders that show artifacts of stacks."""


class Collecting(Struct, frozen=True, kw_only=True):
    """What a collector is asked to do."""

    is_dry: bool = False
    """Say what would go, and leave it."""
    drops_downloads: bool = False
    """Let archives go whose trees are unpacked, too; they are fetched again when needed."""
    forgets: tuple[Generation, ...] = ()
    """Generations that keep nothing any more."""


class Collection(Struct, frozen=True, kw_only=True):
    """What a collector let go, or would."""

    holdings: Holdings
    generations: tuple[Generation, ...]
    links: tuple[str, ...]
    """Out-links that no longer point into the store, and stacks that are gone; forgotten."""
    leftovers: int
    """Files and folders that killed processes left."""
    freed_bytes: int
    """Of the disk: a file counts when its last link goes."""
    notes: tuple[str, ...] = ()


# --- verifying ------------------------------------------------------------------------------------


class Depth(StrEnum):
    """How closely a store is looked at."""

    QUICK = "quick"
    """Modes, sizes, times and targets of links."""
    FULL = "full"
    """The content of every file, too."""


LOOSE_ARCHIVE = "it could be written to"
"""How the problem begins of an archive whose content is right."""
STRAY = "it is no archive"
"""The problem of what lies among the archives."""
MENDED_IN_PLACE = frozenset({Difference.ADDED, Difference.LOOSE, Difference.EXECUTABLE})
"""Differences that can be undone without the content of any file."""


class Damage(Struct, frozen=True, kw_only=True):
    """One thing in a store that is not what it must be."""

    part: Part
    name: str
    problem: str = ""
    """In words, where it is not the files that differ."""
    differences: tuple[EntryDifference, ...] = ()

    @property
    def is_mended_in_place(self) -> bool:
        """Say whether no content is lost, only something added or touched."""
        kinds = {each.difference for each in self.differences}
        return not self.problem and kinds <= MENDED_IN_PLACE


class Verification(Struct, frozen=True, kw_only=True):
    """What a look at a store found."""

    counts: Mapping[Part, int]
    """How many of each were looked at."""
    files: int
    size_bytes: int
    """Of the content that was read, each file once however many links it has."""
    damages: tuple[Damage, ...]
    notes: tuple[str, ...] = ()


# --- measuring ------------------------------------------------------------------------------------


class EnvironmentUsage(Struct, frozen=True, kw_only=True):
    """What one environment takes on the disk."""

    environment: Environment
    own_bytes: int
    """In no other environment."""
    shared_bytes: int
    """In other environments, too."""
    frees_bytes: int
    """What collecting it would free, with all that only it keeps."""


class Usage(Struct, frozen=True, kw_only=True):
    """What a store takes on the disk."""

    environments: tuple[EnvironmentUsage, ...]
    parts: Mapping[str, int]
    """Bytes on the disk by folder, each file counted once, where it is first met."""
    content_bytes: int
    """Of the environments' files, each content once: what no store could do without."""

    @property
    def total_bytes(self) -> int:
        """Return what the store takes."""
        return sum(self.parts.values())
