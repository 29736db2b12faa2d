"""The collector: lets go of what no root reaches, and of what killed processes left.

In this order, so that a kill at any point leaves a store that is whole, and the next run finishes:

1. what runs from the store is looked up;
2. with the collector's lock held alone: roots are read, everything is marked, rows are deleted in
   one transaction, and what they stood for is renamed out of sight;
3. the lock is let go, and what is out of sight is removed, however long that takes.

So a builder waits for a collector at most while it marks and renames, and a collector never waits
for a builder. Roots of running processes are read first: whoever ends while the rest is read has
left its rows and its generation before that.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from envlock.backends.disk_store import DiskStore
from envlock.backends.store_data import STACK_ENDING, look_at_stacks
from envlock.backends.store_database import StoreDatabase
from envlock.backends.store_layout import HIDDEN, set_room_aside
from envlock.backends.store_locks import collector_lock, held, live_names, try_acquire
from envlock.backends.store_processes import Running, running_from
from envlock.backends.store_profiles import DiskProfiles
from envlock.backends.store_trees import disk_errors, hide, is_staged_by, sweep
from envlock.backends.store_usage import freed_bytes
from envlock.model.keeping import Collecting, Collection, Holdings, Inventory
from envlock.model.store import Generation
from envlock.ports.reporter import Reporter
from envlock.store.liveness import artifact_of, mark

_MANIFEST = re.compile(r"(?P<sha256>[0-9a-f]{64})\.zst")
_STAGED_MANIFEST = re.compile(r"\.(?P<sha256>[0-9a-f]{64})-[0-9a-f]{32}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_STAGED_LINK = re.compile(r"\.[0-9a-f]{32}")
_PATIENCE_DAYS = 1.0
"""A part of a download younger than this may still be gone on with."""
_LINK_SECONDS = 3600.0
"""A link is put in its place within a moment of being made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What a collector found while it held its lock."""

    holdings: Holdings
    generations: tuple[Generation, ...]
    links: tuple[str, ...]
    unread: tuple[str, ...]
    """Stacks that keep all data, since nobody can read what they name."""
    paths: list[Path] = field(default_factory=list)
    """What the holdings stand for."""
    leftovers: list[Path] = field(default_factory=list)

    @property
    def all_paths(self) -> list[Path]:
        """Return all that goes."""
        return [*self.paths, *self.leftovers]


class StoreCollector:
    """Collects one store."""

    def __init__(self, store: DiskStore, profiles: DiskProfiles) -> None:
        self._store = store
        self._layout = store.layout
        self._profiles = profiles

    def collect(self, asked: Collecting, reporter: Reporter) -> Collection:
        """Let go of what is not live, or say what would go. Raises `WorldError`."""
        reporter.step("looking for what is still needed")
        running = running_from(self._layout.environments)
        waiting = partial(reporter.step, "waiting for another collector")
        with disk_errors("the store cannot be collected"), self._room(asked):
            with held(collector_lock(self._layout), waiting=waiting):
                found = self._look(asked, running)
                gone = found.all_paths if asked.is_dry else self._hide(found)
            freed = freed_bytes(gone)
            leftovers = len(found.leftovers)
            if not asked.is_dry:
                reporter.step("removing what nothing needs")
                leftovers += self._sweep(gone, asked)
        return Collection(
            holdings=found.holdings,
            generations=found.generations,
            links=found.links,
            leftovers=leftovers,
            freed_bytes=freed,
            notes=(*_notes(running), *_notes_on(found.unread)),
        )

    @contextlib.contextmanager
    def _room(self, asked: Collecting) -> Iterator[None]:
        """Give the reserve back to a disk that may be full, and fill it again afterwards."""
        if asked.is_dry:
            yield
            return
        self._layout.reserve.unlink(missing_ok=True)
        try:
            yield
        finally:
            set_room_aside(self._layout)

    # --- with the lock ----------------------------------------------------------------------------

    def _look(self, asked: Collecting, running: Running) -> _Found:
        needed = live_names(
            self._layout, on_network=self._store.is_on_network, is_sweeping=not asked.is_dry
        )
        kept, forgotten = _divide(self._profiles.generations(), asked)
        named = {name for each in kept for name in (each.label, each.data) if name}
        with self._store.database() as database:
            links = database.roots()
            inventory = self._inventory(database)
        linked, stale = self._follow(each for each in links if not each.endswith(STACK_ENDING))
        stacks = look_at_stacks(each for each in links if each.endswith(STACK_ENDING))
        data = stacks.names | (inventory.data.keys() if stacks.unread else frozenset())
        roots = needed | named | linked | running.labels | data
        marked = mark(inventory, roots, drops_downloads=asked.drops_downloads)
        found = _Found(
            holdings=marked.dead,
            generations=forgotten,
            links=(*stale, *stacks.gone),
            unread=stacks.unread,
            paths=list(self._paths(marked.dead)),
        )
        found.leftovers.extend(self._leftovers(inventory, roots))
        return found

    def _follow(self, links: Iterable[str]) -> tuple[set[str], tuple[str, ...]]:
        """Return the labels that out-links lead to, and the links that lead nowhere here."""
        labels: set[str] = set()
        stale: list[str] = []
        folder = f"{self._layout.environments}/"
        for link in links:
            real = os.path.realpath(link)
            if real.startswith(folder):
                labels.add(real[len(folder) :].partition("/")[0])
            else:
                stale.append(link)
        return labels, tuple(stale)

    def _inventory(self, database: StoreDatabase) -> Inventory:
        manifests = (_MANIFEST.fullmatch(path.name) for path in self._layout.manifests.glob("*/*"))
        return Inventory(
            environments=database.references(),
            trees=database.trees(),
            artifacts=frozenset(self._store.artifacts.names()),
            manifests=frozenset(match["sha256"] for match in manifests if match),
            data=self._store.data.all(),
        )

    def _paths(self, holdings: Holdings) -> Iterator[Path]:
        yield from (self._layout.environments / label for label in holdings.environments)
        yield from (self._layout.trees / name for name in holdings.trees)
        yield from (self._store.artifacts.path_of(digest) for digest in holdings.artifacts)
        yield from (self._layout.manifest(digest) for digest in holdings.manifests)
        yield from (self._layout.data / key for key in holdings.data)

    def _leftovers(self, inventory: Inventory, roots: frozenset[str]) -> Iterator[Path]:
        """Yield what has no row, no name of ours, or a maker that is gone."""
        for folder, rows in (
            (self._layout.environments, inventory.environments),
            (self._layout.trees, inventory.trees),
        ):
            for path in folder.iterdir():
                name = path.name
                is_made = name in roots or artifact_of(name) in roots or is_staged_by(name, roots)
                if name not in rows and not is_made:
                    yield path
        for path in self._layout.manifests.glob("*/*"):
            staged = _STAGED_MANIFEST.fullmatch(path.name)
            if not _MANIFEST.fullmatch(path.name) and not (staged and staged["sha256"] in roots):
                yield path
        yield from (p for p in self._layout.data.iterdir() if p.name.startswith(HIDDEN))
        for path in self._store.artifacts.root.glob("sha256/*/*"):
            if not _DIGEST.fullmatch(path.name):
                yield path

    def _hide(self, found: _Found) -> list[Path]:
        """Take rows away, then what they stood for; return where that lies now, unseen."""
        holdings = found.holdings
        with self._store.database() as database:
            database.forget(holdings.environments, holdings.trees, found.links)
        hidden = (path if path.name.startswith(HIDDEN) else hide(path) for path in found.all_paths)
        return [path for path in hidden if path is not None]

    # --- without the lock -------------------------------------------------------------------------

    def _sweep(self, paths: Iterable[Path], asked: Collecting) -> int:
        """Remove what nobody sees; return how many other leftovers went with it."""
        for path in paths:
            sweep(path)
        patience = 0.0 if asked.drops_downloads else _PATIENCE_DAYS
        # Files written this very second are older than the next one.
        partial_downloads = self._store.artifacts.clean(
            older_than_days=patience, now=time.time() + 1
        )
        self._sweep_locks()
        return len(partial_downloads) + self._sweep_links()

    def _sweep_links(self) -> int:
        before = time.time() - _LINK_SECONDS
        stale = [
            path
            for path in self._layout.profiles.iterdir()
            if _STAGED_LINK.fullmatch(path.name) and _is_older(path, before)
        ]
        for path in stale:
            path.unlink(missing_ok=True)
        return len(stale)

    def _sweep_locks(self) -> None:
        """Remove lock files that nobody holds; whoever waits for one sees that it has gone.

        Not on a network file system, where another machine's lock may be invisible.
        """
        for path in () if self._store.is_on_network else self._layout.locks.iterdir():
            if path.name.startswith(HIDDEN) or path == collector_lock(self._layout):
                continue
            descriptor = try_acquire(path)
            if descriptor is not None:
                path.unlink(missing_ok=True)
                os.close(descriptor)


def _is_older(path: Path, before: float) -> bool:
    """Say whether something was last changed before a time; what has just gone was not."""
    try:
        return path.lstat().st_mtime < before
    except FileNotFoundError:
        return False


def _divide(
    generations: Iterable[Generation], asked: Collecting
) -> tuple[tuple[Generation, ...], tuple[Generation, ...]]:
    """Return the generations that keep something, and those that were forgotten or would be.

    One that somebody has made current since it was chosen is still there, and is kept; one that
    was current when it was chosen goes with its whole profile.
    """
    chosen = {(each.profile, each.number): each for each in asked.forgets}
    kept = []
    for each in generations:
        found = chosen.get((each.profile, each.number))
        if asked.is_dry and found is not None and (found.is_current or not each.is_current):
            continue
        chosen.pop((each.profile, each.number), None)
        kept.append(each)
    return tuple(kept), tuple(chosen.values())


def _notes_on(unread: Iterable[str]) -> Iterator[str]:
    for path in unread:
        yield (
            f"{path} cannot be read, so nobody knows which artifacts it names: all that lie beside "
            "environments were kept"
        )


def _notes(running: Running) -> Iterator[str]:
    if not running.has_looked:
        yield (
            "this system does not say which processes run from the store; those that envlock "
            "started are known all the same"
        )
    elif running.unseen:
        what = "process" if running.unseen == 1 else "processes"
        yield (
            f"{running.unseen:,} {what} of other users could not be looked at; should one run "
            "from this store by a path alone, its environment is not known to be in use"
        )
