"""What is installed together: the packages of one environment on one platform.

Packages meet, and clash, only there. pixi's environments are each installed by themselves; the
groups and categories of the other tools are installed beside each other.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from envlock.audit.as_lock import is_installed, locked_on, platforms_of, subdirs_of
from envlock.audit.wording import listed
from envlock.compat.workloads import workload_of_lock
from envlock.model.lock import Lock, LockedPackage, LockHead
from envlock.model.platform import Platform
from envlock.model.reading import FileKind, FoundPackage, Reading
from envlock.model.verdict import Workload

_T = TypeVar("_T", bound=Hashable)
_SEVERAL_ANSWERS = frozenset({FileKind.UV, FileKind.POETRY, FileKind.PYLOCK})
"""Locks for many machines at once."""
_DEFAULT = "default"
"""pixi's own environment, which goes without saying."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One package as a platform installs it."""

    found: FoundPackage
    """The row of the file."""
    row: LockedPackage
    """The same as a lock has it: normalised, with the one file that the platform takes."""

    @property
    def told(self) -> str:
        """Name and version, for people."""
        return f"{self.row.name} {self.row.version}"


@dataclass(frozen=True, eq=False, kw_only=True)
class Environment:
    """One environment on one platform."""

    name: str
    """Empty where the file has no environments of its own."""
    platform_name: str
    """As the file calls it."""
    subdir: str
    placed: tuple[Placed, ...]
    facts: Mapping[str, str]
    """envlock's own, in a lock of ours."""

    is_exact: bool = True
    """Whether it installs each row; else several versions of a name are answers for several Pythons
    or extras, of which a machine takes one."""

    @cached_property
    def certain(self) -> tuple[LockedPackage, ...]:
        """The packages that surely meet: without names that have several answers."""
        rows = tuple(item.row for item in self.placed)
        if self.is_exact:
            return rows
        answers: dict[str, set[str]] = {}
        for row in rows:
            answers.setdefault(row.name, set()).add(row.version)
        return tuple(row for row in rows if len(answers[row.name]) == 1)

    @cached_property
    def lock(self) -> Lock:
        """These packages as a lock."""
        head = LockHead(
            channels=(),
            platforms=(self.subdir,),
            sources=(),
            content_hash={},
            facts=self.facts,
        )
        return Lock(head=head, packages=tuple(item.row for item in self.placed))

    @cached_property
    def workload(self) -> Workload:
        """What these packages ask of a machine."""
        return workload_of_lock(self.lock, self.subdir, self.told)

    def line_of(self, name: str) -> int:
        """Return the line of the file that has a package; 0 where none is known."""
        return next((item.found.line for item in self.placed if item.row.name == name), 0)

    @property
    def platform(self) -> Platform | None:
        """The platform, where it is one that envlock knows."""
        return next((item for item in Platform if item.value == self.subdir), None)

    @property
    def told(self) -> str:
        """Where this is, for people: `linux-64`, `linux-64 (gpu)`."""
        is_named = self.name not in ("", _DEFAULT)
        return f"{self.platform_name} ({self.name})" if is_named else self.platform_name


def environments(reading: Reading) -> tuple[Environment, ...]:
    """Return what a file installs together, in its own order; empty for a file without packages."""
    subdirs = subdirs_of(reading)
    together: dict[tuple[str, str], list[Placed]] = {}
    for package in filter(is_installed, reading.packages):
        placed: dict[str, Placed] = {}
        for name, platform in _places(package, reading, subdirs):
            subdir = subdirs.get(platform, platform)
            if subdir not in placed:
                placed[subdir] = Placed(found=package, row=locked_on(package, subdir))
            together.setdefault((name, platform), []).append(placed[subdir])
    return tuple(
        Environment(
            name=name,
            platform_name=platform,
            subdir=subdirs.get(platform, platform),
            placed=tuple(items),
            facts=reading.facts,
            is_exact=reading.kind not in _SEVERAL_ANSWERS,
        )
        for (name, platform), items in together.items()
    )


def _places(
    package: FoundPackage, reading: Reading, subdirs: dict[str, str]
) -> Iterable[tuple[str, str]]:
    if package.places and reading.kind is FileKind.PIXI:
        return package.places
    names = package.environments if reading.kind is FileKind.PIXI else ("",)
    return ((name, each) for each in platforms_of(package, subdirs) for name in names)


def gathered(
    places: Iterable[Environment], look: Callable[[Environment], Iterable[_T]]
) -> Mapping[_T, list[Environment]]:
    """Return what is found in environments, each thing once, with all the places that have it."""
    found: dict[_T, list[Environment]] = {}
    for place in places:
        for item in dict.fromkeys(look(place)):
            found.setdefault(item, []).append(place)
    return found


def told_places(places: Iterable[Environment], limit: int = 4) -> str:
    """Return where something is: `on linux-64, osx-64 (gpu) and 3 more`."""
    return f"on {listed((item.told for item in places), limit)}"
