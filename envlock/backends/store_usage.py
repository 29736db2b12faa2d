"""What lies on the disk, counted by inode: a file takes its place once, however many links it has.

Where a file system shares blocks between files (reflinks), each file is counted in full, since no
portable call tells; what is said is then more than what is taken.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from envlock.backends.disk_store import DiskStore
from envlock.backends.store_trees import Inode, read_manifest
from envlock.errors import StoreError
from envlock.model.keeping import EnvironmentUsage, Inventory, Usage
from envlock.model.store import Environment
from envlock.store.liveness import mark

_BLOCK_BYTES = 512
"""What `st_blocks` counts in, whatever the file system's blocks are."""


@dataclass(slots=True)
class Held:
    """One inode, as far as it was met."""

    size_bytes: int
    links: int
    """How many it has in all."""
    met: int = 0


def walk(path: Path) -> Iterator[os.stat_result]:
    """Yield the status of everything at and under a path; what vanishes meanwhile is left out."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        status = path.lstat()
        yield status
        if stat.S_ISDIR(status.st_mode):
            yield from _walk_folder(str(path))


def _walk_folder(folder: str) -> Iterator[os.stat_result]:
    try:
        with os.scandir(folder) as found:
            items = list(found)
    except (FileNotFoundError, PermissionError):
        return
    for item in items:
        try:
            status = item.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        yield status
        if stat.S_ISDIR(status.st_mode):
            yield from _walk_folder(item.path)


def freed_bytes(paths: Iterable[Path]) -> int:
    """Return the bytes that are free when paths have gone: of files whose every link is there."""
    found: dict[Inode, Held] = {}
    for path in paths:
        for status in walk(path):
            count(found, status)
    return sum(each.size_bytes for each in found.values() if each.met >= each.links)


def count(found: dict[Inode, Held], status: os.stat_result) -> bool:
    """Count one link; say whether it is the first of its inode. A folder has one that matters."""
    key = (status.st_dev, status.st_ino)
    is_new = key not in found
    if is_new:
        links = 1 if stat.S_ISDIR(status.st_mode) else status.st_nlink
        found[key] = Held(size_bytes=status.st_blocks * _BLOCK_BYTES, links=links)
    found[key].met += 1
    return is_new


# --- a whole store --------------------------------------------------------------------------------


class _Survey:
    """All inodes of a store, by what they are in."""

    def __init__(self) -> None:
        self.inodes: dict[Inode, Held] = {}
        self.by_owner: dict[str, list[Inode]] = {}
        self.parts: dict[str, int] = {}

    def add(self, part: str, owner: str, path: Path) -> None:
        """Count what lies at and under a path."""
        mine = self.by_owner.setdefault(owner, [])
        self.parts.setdefault(part, 0)
        for status in walk(path):
            inode = (status.st_dev, status.st_ino)
            if count(self.inodes, status):
                self.parts[part] += self.inodes[inode].size_bytes
            mine.append(inode)

    def frees(self, owners: Iterable[str]) -> int:
        """Return the bytes of the inodes that have all their links in these."""
        met = Counter(inode for owner in owners for inode in self.by_owner.get(owner, ()))
        held = ((self.inodes[inode], times) for inode, times in met.items())
        return sum(each.size_bytes for each, times in held if times >= each.links)


def measure(store: DiskStore) -> Usage:
    """Return what a store takes. Raises `OSError`."""
    survey = _Survey()
    layout = store.layout
    for part, folder in (
        ("environments", layout.environments),
        ("trees", layout.trees),
    ):
        for path in sorted(folder.iterdir()):
            survey.add(part, path.name, path)
    for digest in store.artifacts.names():
        survey.add("archives", digest, store.artifacts.path_of(digest))
    for path in sorted(layout.manifests.glob("*/*")):
        survey.add("manifests", path.name.partition(".")[0], path)
    survey.add("the rest", "", layout.root)
    with store.database() as database:
        environments = database.environments(layout.environments)
        references, trees = database.references(), database.trees()
    inventory = Inventory(
        environments=references,
        trees=trees,
        artifacts=frozenset(store.artifacts.names()),
        manifests=frozenset(each for each in survey.by_owner if each not in trees),
    )
    shares = Counter(
        inode for each in environments for inode in set(survey.by_owner.get(each.label, ()))
    )
    return Usage(
        environments=tuple(_usage(each, survey, inventory, shares) for each in environments),
        parts=survey.parts,
        content_bytes=_content_bytes(store, environments),
    )


def _usage(
    environment: Environment, survey: _Survey, inventory: Inventory, shares: Mapping[Inode, int]
) -> EnvironmentUsage:
    label = environment.label
    mine = set(survey.by_owner.get(label, ()))
    own = sum(survey.inodes[inode].size_bytes for inode in mine if shares[inode] == 1)
    everything = sum(survey.inodes[inode].size_bytes for inode in mine)
    return EnvironmentUsage(
        environment=environment,
        own_bytes=own,
        shared_bytes=everything - own,
        frees_bytes=survey.frees(_kept_only_by(label, inventory)),
    )


def _kept_only_by(label: str, inventory: Inventory) -> Iterator[str]:
    """Yield what would go with an environment, if all the others stayed."""
    others = [name for name in inventory.environments if name != label]
    goes = mark(inventory, others).dead
    stays = mark(inventory, [*others, label]).dead
    for now, before in (
        (goes.environments, stays.environments),
        (goes.trees, stays.trees),
        (goes.artifacts, stays.artifacts),
        (goes.manifests, stays.manifests),
    ):
        yield from set(now).difference(before)


def _content_bytes(store: DiskStore, environments: Iterable[Environment]) -> int:
    sizes: dict[str, int] = {}
    for each in environments:
        with contextlib.suppress(StoreError):  # `verify` is who tells of it
            for entry in read_manifest(store.layout, each.tree_sha256):
                sizes[entry.sha256] = entry.size_bytes
    return sum(sizes.values())
