"""Who needs whom in a lock: what each group installs, what is absent, what nothing needs."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

import msgspec

from envlock.formats.readers.notes import Notes, shown
from envlock.model.reading import FoundPackage, OddityKind

MAIN = "main"
"""The name of what is installed without any extra or group."""
_MOST_GROUPS = 100
"""No project has more; a limit keeps a hostile file cheap."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """One dependency as a lock lists it."""

    name: str
    specifier: str = ""
    version: str = ""
    """The row that is meant, where the file says it."""
    extras: tuple[str, ...] = ()
    marker: str = ""

    @property
    def text(self) -> str:
        """The name first and by itself, then the rest as PEP 508 has it."""
        return self._with(self.marker)

    def text_under(self, extra: str) -> str:
        """Return the text of a dependency that only an extra brings."""
        condition = f"extra == '{extra}'"
        return self._with(f"({self.marker}) and {condition}" if self.marker else condition)

    def _with(self, marker: str) -> str:
        extras = f"[{','.join(self.extras)}]" if self.extras else ""
        words = [self.name, extras, self.specifier, f"; {marker}" if marker else ""]
        return " ".join(word for word in words if word)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A package and what it needs."""

    package: FoundPackage
    wants: tuple[Want, ...] = ()
    extras: Mapping[str, tuple[Want, ...]] = field(default_factory=dict)
    groups: Mapping[str, tuple[Want, ...]] = field(default_factory=dict)


def normal(name: str) -> str:
    """Return a name as PyPI compares names."""
    return re.sub(r"[-_.]+", "-", name).lower()


def reach(nodes: Sequence[Node], roots: Iterable[Want], notes: Notes) -> tuple[FoundPackage, ...]:
    """Return the packages with the groups that install them, where the file has several.

    Dependencies that no row describes are noted, and rows that nothing needs where it is known
    what the project asks for.
    """
    by_name: dict[str, list[int]] = defaultdict(list)
    for at, node in enumerate(nodes):
        by_name[normal(node.package.name)].append(at)
    _note_absent(nodes, by_name, notes)
    starts = _starts(nodes, tuple(roots))
    if not starts:
        return tuple(node.package for node in nodes)
    found: dict[int, list[str]] = defaultdict(list)
    for group, wants in islice(starts.items(), _MOST_GROUPS):
        for at in _reached(nodes, by_name, wants):
            found[at].append(group)
    packages = []
    for at, node in enumerate(nodes):
        package = node.package
        if at not in found and not package.is_project:
            notes.add(
                OddityKind.UNUSED,
                f"nothing needs {shown(package.name)} {package.version or ''}".rstrip(),
                line=package.line,
                subject=package.name,
            )
        if len(starts) > 1 and not package.is_project:
            package = msgspec.structs.replace(package, environments=tuple(found.get(at, ())))
        packages.append(package)
    return tuple(packages)


def _starts(nodes: Iterable[Node], roots: tuple[Want, ...]) -> dict[str, list[Want]]:
    """Return what the projects ask for, by group; empty where there is no project."""
    starts: dict[str, list[Want]] = {MAIN: list(roots)} if roots else {}
    for node in nodes:
        if node.package.is_project:
            starts.setdefault(MAIN, []).extend(node.wants)
            for group, wants in (*node.extras.items(), *node.groups.items()):
                starts.setdefault(group, []).extend(wants)
    return starts


def _reached(
    nodes: Sequence[Node], by_name: Mapping[str, list[int]], wants: Iterable[Want]
) -> list[int]:
    """Return the rows that these bring, in the order of the file."""
    seen: set[tuple[int, str]] = set()
    followed: set[Want] = set()
    waiting = list(wants)
    while waiting:
        want = waiting.pop()
        if want in followed:
            continue
        followed.add(want)
        for at in by_name.get(normal(want.name), ()):
            node = nodes[at]
            if want.version and node.package.version not in (None, want.version):
                continue
            for part in ("", *want.extras):
                if (at, part) not in seen:
                    seen.add((at, part))
                    waiting.extend(node.extras.get(part, ()) if part else node.wants)
    return sorted({at for at, _ in seen})


def _note_absent(nodes: Iterable[Node], by_name: Mapping[str, list[int]], notes: Notes) -> None:
    for node in nodes:
        parts = (node.wants, *node.extras.values(), *node.groups.values())
        for want in (want for part in parts for want in part):
            if normal(want.name) not in by_name:
                notes.add(
                    OddityKind.ABSENT,
                    f"{shown(node.package.name)} needs {shown(want.name)}, which no row describes",
                    line=node.package.line,
                    subject=want.name,
                )
