"""Two locks of one platform -> the moves that lead from one to the other, and what lies between.

A move is all that changes under one name: another file, a package that comes or goes, or one that
changes from conda to PyPI. What changes in a lock and not in an environment is no move: another
address of the same file, a category, a requirement that was patched in the channel.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from envlock.compat.distributions import provided
from envlock.formats.conda_lock import FACT_PREFIX, LINK_SCRIPTS
from envlock.model.lock import Lock, LockedPackage, LockHead
from envlock.solve.difference import parse_archive


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one lock has under a name."""

    rows: tuple[LockedPackage, ...] = ()
    scripts: tuple[str, ...] = ()
    """Those of the packages whose post-link script may run."""

    @property
    def files(self) -> object:
        """What of it decides an environment's bytes."""
        return (
            {(row.manager, parse_archive(row).file_name, row.sha256) for row in self.rows},
            self.scripts,
        )

    @property
    def digests(self) -> str:
        """The beginnings of its files' digests, for people."""
        return ", ".join(f"sha256 {row.sha256[:12]}…" for row in self.rows if row.sha256)

    def __str__(self) -> str:
        return ", ".join(
            f"{row.version} {parse_archive(row).build}".rstrip()
            if row.manager == "conda"
            else f"{row.version} (PyPI)"
            for row in self.rows
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One name that is not the same in both locks; a side without rows lacks it."""

    name: str
    before: Side
    after: Side

    def __str__(self) -> str:
        if not self.before.rows:
            return f"{self.name} {self.after} added"
        if not self.after.rows:
            return f"{self.name} {self.before} removed"
        before, after = str(self.before), str(self.after)
        if before != after:
            return f"{self.name} {before} -> {after}"
        if self.before.digests != self.after.digests:
            return f"{self.name} {before}: {self.before.digests} -> {self.after.digests}"
        return f"{self.name} {before}: whether its script may run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Under which name a package moves: conda's own, or the distribution that it stands for."""

    of_conda: Mapping[str, str]

    def conda(self, name: str) -> str:
        """Return the name under which a conda package moves."""
        return self.of_conda.get(name, name)

    @staticmethod
    def pip(name: str) -> str:
        """Return the name under which a distribution moves."""
        return canonicalize_name(name)

    def of(self, row: LockedPackage) -> str:
        """Return the name under which a row moves."""
        return self.pip(row.name) if row.manager == "pip" else self.conda(row.name)


Limits = Mapping[str, tuple[tuple[str, str], ...]]
"""What a channel says that must not stand beside a package unless it is of some version: address ->
names with their specs. A lock does not hold it; its index pin does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """All that lies between two locks on one platform."""

    platform: str
    good: Mapping[str, Side]
    """By the name under which it moves."""
    bad: Mapping[str, Side]
    moves: tuple[Move, ...]
    """Ordered by name."""
    names: Names
    heads: tuple[LockHead, LockHead]
    limits: Limits


def find_way(good: Lock, bad: Lock, platform: str, limits: Limits | None = None) -> Way:
    """Return what differs between two locks on a platform."""
    rows = [*good.packages_on(platform), *bad.packages_on(platform)]
    names = _names(rows)
    before, after = (_sides(lock, platform, names) for lock in (good, bad))
    moves = (
        Move(name=name, before=before.get(name, Side()), after=after.get(name, Side()))
        for name in sorted({*before, *after})
    )
    return Way(
        platform=platform,
        good=before,
        bad=after,
        moves=tuple(move for move in moves if move.before.files != move.after.files),
        names=names,
        heads=(good.head, bad.head),
        limits=limits or {},
    )


def _names(rows: Iterable[LockedPackage]) -> Names:
    """Bring the conda packages under one name with the distributions that they stand for."""
    rows = list(rows)
    wheels = [row for row in rows if row.manager == "pip"]
    from_pip = {Names.pip(name) for row in wheels for name in (row.name, *row.dependencies)}
    found: dict[str, str] = {}
    for row in rows if from_pip else ():
        if row.manager == "conda":
            needs = [f"{name} {spec}" for name, spec in row.dependencies.items()]
            for distribution, _ in provided(row.name, row.version, needs):
                if distribution in from_pip:
                    found.setdefault(row.name, distribution)
    return Names(of_conda=found)


def _sides(lock: Lock, platform: str, names: Names) -> dict[str, Side]:
    allowed = set(lock.head.facts.get(f"{FACT_PREFIX}{LINK_SCRIPTS}", "").split())
    rows: dict[str, list[LockedPackage]] = {}
    for row in lock.packages_on(platform):
        rows.setdefault(names.of(row), []).append(row)
    return {
        name: Side(
            rows=tuple(found),
            scripts=tuple(sorted({row.name for row in found if row.manager == "conda"} & allowed)),
        )
        for name, found in rows.items()
    }


def mixture(way: Way, moved: Collection[str]) -> Lock:
    """Return the good lock with some moves made; with none it is good, with all it is bad.

    It says nothing of itself but what a build reads: the packages of the one platform, and whose
    scripts may run.
    """
    sides = sides_of(way, moved)
    scripts = sorted(name for side in sides for name in side.scripts)
    good, bad = way.heads
    head = LockHead(
        channels=tuple(dict.fromkeys([*good.channels, *bad.channels])),
        platforms=(way.platform,),
        sources=tuple(dict.fromkeys([*good.sources, *bad.sources])),
        content_hash={},
        facts={f"{FACT_PREFIX}{LINK_SCRIPTS}": " ".join(scripts)} if scripts else {},
    )
    return Lock(head=head, packages=tuple(row for side in sides for row in side.rows))


def sides_of(way: Way, moved: Collection[str]) -> Sequence[Side]:
    """Return what is there once some moves are made, ordered by name."""
    return [
        side
        for name in sorted({*way.good, *way.bad})
        if (side := (way.bad if name in moved else way.good).get(name)) is not None
    ]
