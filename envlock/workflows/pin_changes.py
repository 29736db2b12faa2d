"""What differs between the records of two pins, and how one grows without moving what stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from envlock.ports.index import Records

AllRecords = Mapping[tuple[str, str], Records]
"""Records by (channel URL, subdir)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartChange:
    """The archives of one channel folder that came, went, or have another record."""

    channel: str
    subdir: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageMove:
    """The newest version of a package, before and after; None where there is none."""

    name: str
    before: str | None
    after: str | None


def compare_records(before: AllRecords, after: AllRecords) -> tuple[PartChange, ...]:
    """Return the folders that differ, ordered."""
    changes = (
        _compare_part(place, before.get(place, {}), after.get(place, {}))
        for place in sorted({*before, *after})
    )
    return tuple(item for item in changes if item.added or item.removed or item.changed)


def _compare_part(place: tuple[str, str], before: Records, after: Records) -> PartChange:
    return PartChange(
        channel=place[0],
        subdir=place[1],
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(
            name for name in sorted(before.keys() & after.keys()) if before[name] != after[name]
        ),
    )


def package_moves(before: AllRecords, after: AllRecords) -> tuple[PackageMove, ...]:
    """Return the packages whose newest version differs, by name."""
    old, new = _newest(before), _newest(after)
    return tuple(
        PackageMove(name=name, before=old.get(name), after=new.get(name))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    )


def _newest(records: AllRecords) -> dict[str, str]:
    newest: dict[str, str] = {}
    for row in _rows(records):
        name, version = str(row["name"]), str(row.get("version", ""))
        if name not in newest or version_order(version) > version_order(newest[name]):
            newest[name] = version
    return newest


def version_order(version: str) -> tuple[object, ...]:
    """Return a key that orders versions nearly as conda does: for showing, not for solving."""
    epoch, _, rest = version.rpartition("!")
    public, _, local = rest.partition("+")
    number = int(epoch) if epoch.isdecimal() else 0
    return (number, _runs(public), _runs(local) if local else ())


_RANKS = {"dev": 0, "post": 3}


def _runs(text: str) -> tuple[tuple[int, int, str], ...]:
    """Letters come before the end (`1.0rc1` < `1.0`), `post` and numbers behind it."""
    runs = re.findall(r"\d+|[a-z]+", text.lower())
    keys = ((2, int(run), "") if run.isdecimal() else (_RANKS.get(run, 1), 0, run) for run in runs)
    return (*keys, (2, -1, ""))


def extended(before: AllRecords, after: AllRecords) -> AllRecords:
    """Return the older records and, of the newer, those of packages that were not there at all.

    Nothing new may meet a solve that reads the older ones: a folder takes no package that it, or a
    folder that is read together with it, has already.
    """
    names: dict[str, set[str]] = {}
    for (_, subdir), records in before.items():
        names.setdefault(subdir, set()).update(str(row["name"]) for row in records.values())
    grown = {place: dict(records) for place, records in before.items()}
    for place, records in after.items():
        known = _known(names, place[1])
        new = {name: row for name, row in records.items() if row["name"] not in known}
        grown[place] = {**grown.get(place, {}), **new}
    return grown


def _known(names: Mapping[str, set[str]], subdir: str) -> set[str]:
    if subdir == "noarch":
        return set().union(*names.values())
    return names.get(subdir, set()) | names.get("noarch", set())


def _rows(records: AllRecords) -> Iterator[Mapping[str, object]]:
    for rows in records.values():
        yield from rows.values()
