"""conda-lock's unified format, version 1."""

from __future__ import annotations

from envlock.formats.conda_lock import read_lock
from envlock.model.lock import LockedPackage
from envlock.model.reading import (
    Ecosystem,
    FileKind,
    FoundPackage,
    FoundPlatform,
    NamedPlace,
    Origin,
    OriginKind,
    Reading,
)


def read(content: bytes, file: str) -> Reading:
    """Read a unified lock of conda-lock or of ours; see the package's contract."""
    lock = read_lock(content, file)
    return Reading(
        file=file,
        kind=FileKind.CONDA_LOCK,
        format_version="1",
        packages=tuple(map(_package, lock.packages)),
        platforms=tuple(FoundPlatform(name=name, subdir=name) for name in lock.head.platforms),
        places=tuple(NamedPlace(address=url, kind="channel") for url in lock.head.channels),
        facts=lock.head.facts,
    )


def _package(row: LockedPackage) -> FoundPackage:
    is_conda = row.manager == "conda"
    hashes = {"sha256": row.sha256, "md5": row.md5}
    origin = Origin(
        address=row.url,
        kind=OriginKind.CONDA if is_conda else OriginKind.WHEEL,
        hashes={name: value for name, value in hashes.items() if value},
    )
    return FoundPackage(
        name=row.name,
        ecosystem=Ecosystem.CONDA if is_conda else Ecosystem.PYPI,
        version=row.version,
        platforms=(row.platform,),
        environments=(row.category,),
        origins=(origin,),
        dependencies=tuple(f"{name} {spec}".rstrip() for name, spec in row.dependencies.items()),
    )
