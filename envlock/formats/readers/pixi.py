"""pixi.lock, versions 1 to 7.

Up to version 3 it is the unified format of conda-lock, with a few keys more. From version 4 on each
environment refers, per platform, to rows of one list; a row may be referred to many times.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from envlock.formats.plain import printable
from envlock.formats.readers.notes import Notes, shown
from envlock.formats.readers.pixi_rows import Row, package_of, reference_of
from envlock.formats.readers.table import Table
from envlock.formats.readers.unified import read_unified
from envlock.formats.readers.yaml_text import YamlFile, as_text, open_yaml
from envlock.model.reading import (
    FileKind,
    FoundPackage,
    FoundPlatform,
    NamedPlace,
    OddityKind,
    Reading,
)

_KNOWN = ("4", "5", "6", "7")


def read(content: bytes, file: str) -> Reading:
    """Read a lock of pixi; see the package's contract."""
    notes = Notes()
    yaml = open_yaml(content, file, "a pixi lock", notes)
    if not yaml.root.keys() & {"environments", "packages"}:
        return read_unified(yaml, file, FileKind.PIXI, "1 2 3", notes)
    return _PixiFile(yaml, file, notes).reading()


@dataclass(slots=True)
class _Uses:
    """Who refers to a row."""

    places: dict[tuple[str, str], None] = field(default_factory=dict)
    """Environment and platform."""

    @property
    def environments(self) -> tuple[str, ...]:
        """Every environment, in order."""
        return tuple(dict.fromkeys(environment for environment, _ in self.places))

    @property
    def platforms(self) -> tuple[str, ...]:
        """Every platform, in order."""
        return tuple(dict.fromkeys(platform for _, platform in self.places))

    def used(self, row: Row) -> FoundPackage:
        """Return the package of a row as it is used."""
        environments, platforms = self.environments, self.platforms
        is_everywhere = len(self.places) == len(environments) * len(platforms)
        places = () if is_everywhere else tuple(self.places)
        return row.package(platforms, environments, places)


class _PixiFile:
    """A file with environments and rows."""

    def __init__(self, yaml: YamlFile, file: str, notes: Notes) -> None:
        self._yaml, self._file, self._notes = yaml, file, notes
        self._places: dict[tuple[str, str], NamedPlace] = {}
        self._settings: dict[str, dict[str, str]] = {}

    def reading(self) -> Reading:
        root = Table(self._yaml.root, self._notes, "the file")
        version = root.text("version")
        if version not in _KNOWN:
            said = f"version {shown(version)} of the format is not" if version else "no version is"
            self._notes.add(
                OddityKind.UNKNOWN_FORMAT,
                f"{said} known; it is read as version {_KNOWN[-1]}",
                line=self._yaml.line_of("version:") if version else 0,
            )
        platforms = {item.name: item for item in self._platforms(root)}
        environments = root.table("environments")
        rows = list(self._rows(root.take("packages")))
        root.close()
        uses = [_Uses() for _ in rows]
        by_reference: dict[tuple[str, str], list[int]] = {}
        for at, row in enumerate(rows):
            by_reference.setdefault(row.reference, []).append(at)
        finder = _Finder(rows, by_reference, uses, platforms, self._notes)
        for at, (name, value) in enumerate(environments.items()):
            line = self._yaml.line_of(f"\n  {name}:") + 1 if at < _NAMED_LINES else 1
            self._environment(name, value, finder, line)
        for name in finder.seen:
            platforms.setdefault(name, FoundPlatform(name=name, subdir=name))
        finder.follow_builds()
        addresses = (*finder.absent, *(address for address, _ in self._places))
        lines = self._yaml.lines_of(addresses)
        self._tell_absent(finder.absent, lines)
        return Reading(
            file=self._file,
            kind=FileKind.PIXI,
            format_version=version,
            packages=tuple(self._packages(rows, uses, is_damaged=finder.is_damaged)),
            platforms=tuple(platforms.values()),
            places=tuple(
                replace(item, line=lines.get(item.address, 0)) for item in self._places.values()
            ),
            settings=dict(self._said()),
            oddities=self._notes.oddities,
        )

    def _platforms(self, root: Table) -> Iterator[FoundPlatform]:
        line = self._yaml.line_of("platforms:")
        rows = root.take("platforms")
        for item in rows if isinstance(rows, list) else ():
            value = {"name": item} if isinstance(item, str) else item
            if not isinstance(value, dict):
                self._notes.odd(f"{shown(item)} is no platform", line=line)
                continue
            row = Table(value, self._notes, "a platform", line=line)
            name = row.text("name")
            yield FoundPlatform(
                name=name,
                subdir=row.text("subdir") or name,
                virtual_packages=row.texts("virtual-packages"),
            )
            row.close()
        if rows is not None and not isinstance(rows, list):
            self._notes.odd(f"`platforms`: expected a list, found {shown(rows)}", line=line)

    def _rows(self, value: Any) -> Iterator[Row]:
        if value is not None and not isinstance(value, list):
            line = self._yaml.line_of("packages:")
            self._notes.odd(f"`packages`: expected a list, found {shown(value)}", line=line)
        for line, item in self._yaml.rows("packages"):
            row = package_of(item, line, self._notes)
            if row is not None:
                yield row

    def _environment(self, name: str, value: Any, finder: _Finder, line: int) -> None:
        line = line if line > 1 else self._yaml.line_of("environments:")
        if not isinstance(value, dict):
            self._notes.odd(f"the environment {shown(name)} holds {shown(value)}", line=line)
            return
        table = Table(value, self._notes, f"the environment {shown(name)}", line=line)
        for key, kind in _PLACES.items():
            self._add_places(table, key, kind, line)
        for key, said in table.table("options").items():
            self._settings.setdefault(key, {})[name] = as_text(said)
        for platform, references in table.table("packages").items():
            finder.refer(name, platform, references, line)
        table.close()

    def _add_places(self, table: Table, key: str, kind: str, line: int) -> None:
        items = table.take(key)
        for item in items if isinstance(items, list) else ():
            address = _address(item)
            if address is None:
                self._notes.odd(f"{shown(item)} is no {kind}", line=line)
            elif (address, kind) not in self._places:
                self._places[address, kind] = NamedPlace(address=address, kind=kind)
        if items is not None and not isinstance(items, list):
            self._notes.odd(f"`{key}`: expected a list, found {shown(items)}", line=line)

    def _said(self) -> Iterator[tuple[str, str]]:
        """Yield the options: plain where all environments that have one agree, else for each."""
        for key, values in self._settings.items():
            if len(set(values.values())) == 1:
                yield key, next(iter(values.values()))
            else:
                yield from ((f"{key} of {name}", value) for name, value in values.items())

    def _tell_absent(self, absent: Mapping[str, list[str]], lines: Mapping[str, int]) -> None:
        for address, users in absent.items():
            more = f" and {len(users) - _NAMED} more" if len(users) > _NAMED else ""
            self._notes.add(
                OddityKind.ABSENT,
                f"no row describes {printable(address)}, to which {', '.join(users[:_NAMED])}"
                f"{more} {'refer' if users[1:] else 'refers'}",
                line=lines.get(address, 0),
                subject=printable(address),
            )

    def _packages(
        self,
        rows: Iterable[Row],
        uses: Iterable[_Uses],
        is_damaged: bool,  # noqa: FBT001
    ) -> Iterator[FoundPackage]:
        for row, use in zip(rows, uses, strict=True):
            if not use.environments and not is_damaged:
                self._notes.add(
                    OddityKind.UNUSED,
                    f"no environment refers to {printable(row.reference[1])}",
                    line=row.line,
                    subject=row.name,
                )
            yield use.used(row)


_NAMED = 3
_NAMED_LINES = 100
"""Of so many environments the line is looked for; the most that was seen is 24."""
_PLACES: Mapping[str, str] = {
    "channels": "channel",
    "indexes": "index",
    "find-links": "find-links",
    "flat-indexes": "find-links",
}


class _Finder:
    """Finds the rows that environments refer to."""

    def __init__(
        self,
        rows: list[Row],
        by_reference: Mapping[tuple[str, str], list[int]],
        uses: list[_Uses],
        platforms: Mapping[str, FoundPlatform],
        notes: Notes,
    ) -> None:
        self._rows, self._by_reference, self._uses = rows, by_reference, uses
        self._platforms, self._notes = platforms, notes
        self.seen: dict[str, None] = {}
        """The platforms that environments have packages for."""
        self.absent: dict[str, list[str]] = {}
        """Who refers to what no row describes."""
        self.is_damaged = False
        """Whether some references could not be read: then no row can be said to be unused."""

    def refer(self, environment: str, platform: str, references: Any, line: int) -> None:
        """Take the references of one environment on one platform."""
        self.seen[platform] = None
        subdir = self._platforms[platform].subdir if platform in self._platforms else platform
        if not isinstance(references, list):
            if references is not None:
                self._notes.odd(
                    f"the packages of {shown(environment)} on {shown(platform)}: expected a list, "
                    f"found {shown(references)}",
                    line=line,
                )
                self.is_damaged = True
            return
        for item in references:
            reference = reference_of(item)
            if reference is None:
                self._notes.odd(f"{shown(item)} refers to no package", line=line)
                self.is_damaged = True
                continue
            found = self._fitting(self._by_reference.get(reference, []), item, subdir)
            if not found:
                where = self.absent.setdefault(reference[1], [])
                where.append(f"{shown(environment)} ({platform})")
            for at in found:
                self._uses[at].places[environment, platform] = None

    def _fitting(self, places: list[int], item: Mapping[str, Any], subdir: str) -> list[int]:
        """Return the rows that a reference means: what it says beside the address must fit."""
        if len(places) < 2:  # noqa: PLR2004 - nothing to choose from
            return places
        said = [
            at
            for at in places
            if all(
                self._rows[at].identity.get(key, value) == value
                for key, value in item.items()
                if isinstance(value, str)
            )
        ]
        here = [at for at in said if self._rows[at].subdir in (subdir, "noarch", "")]
        return here or said or places

    def follow_builds(self) -> None:
        """Let what builds a package of source be used where that package is."""
        for row, use in zip(self._rows, self._uses, strict=True):
            for reference in row.builders:
                for at in self._by_reference.get(reference, ()):
                    for platform in use.platforms:
                        self._uses[at].places[f"{row.name} (build)", platform] = None


def _address(item: Any) -> str | None:
    """Return an address, which is a text, or a table with one of `url` and `path`."""
    if isinstance(item, dict):
        item = item.get("url") or item.get("path")
    return item if isinstance(item, str) else None
