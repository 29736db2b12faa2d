"""An installed environment: read as what it is, and held against a lock or what it was made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from msgspec.structs import replace
from packaging.version import InvalidVersion, Version

from envlock.audit.as_lock import as_lock
from envlock.model.installed import Installed, InstalledPackage
from envlock.model.lock import LockedPackage
from envlock.model.reading import (
    Ecosystem,
    FileKind,
    FoundPackage,
    FoundPlatform,
    Origin,
    OriginKind,
    Reading,
)
from envlock.model.sight import Difference
from envlock.model.store import Artifact, ArtifactKind

_MANAGERS = {Ecosystem.CONDA: "conda", Ecosystem.PYPI: "pip"}
_MAIN = frozenset(["main", "default", "base"])
"""What the environments and groups are called that everybody installs."""
_Key = tuple[str, str]
"""The manager and the name."""
_Named = TypeVar("_Named", InstalledPackage, LockedPackage)


# --- as a reading ---------------------------------------------------------------------------------


def reading_of(installed: Installed) -> Reading:
    """Return an environment as a reading: its packages as their own records tell them."""
    urls = {(item.name, item.version): item for item in installed.artifacts}
    is_conda = any(item.ecosystem is Ecosystem.CONDA for item in installed.packages)
    return Reading(
        file=installed.path,
        kind=FileKind.PREFIX,
        format_version="by envlock" if installed.artifacts else "conda" if is_conda else "venv",
        packages=tuple(
            _found(item, installed.platform, urls.get((item.name, item.version)))
            for item in installed.packages
        ),
        platforms=(FoundPlatform(name=installed.platform, subdir=installed.platform),),
        python=installed.python,
    )


def _found(package: InstalledPackage, platform: str, artifact: Artifact | None) -> FoundPackage:
    origins = package.origins
    if not origins and artifact is not None and artifact.url:
        kind = OriginKind.CONDA if artifact.kind is ArtifactKind.CONDA else OriginKind.WHEEL
        hashes = {"sha256": artifact.sha256}
        origins = (Origin(address=artifact.url, kind=kind, hashes=hashes),)
    return FoundPackage(
        name=package.name,
        ecosystem=package.ecosystem,
        version=package.version,
        build=package.build,
        subdir=package.subdir,
        platforms=(platform,),
        origins=origins,
        dependencies=package.dependencies if package.ecosystem is Ecosystem.CONDA else (),
        constrains=package.constrains,
        license=package.license,
        is_editable=package.is_editable,
    )


# --- against a lock -------------------------------------------------------------------------------


def wanted_of_lock(reading: Reading, platform: str) -> tuple[LockedPackage, ...]:
    """Return what a lock installs on a platform."""
    return as_lock(reading).packages_on(platform)


def optional_of_lock(reading: Reading) -> frozenset[str]:
    """Return the packages of groups that not everybody installs."""
    return frozenset(
        _normal(item.name)
        for item in reading.packages
        if item.environments and not _MAIN & set(item.environments)
    )


def hashes_of_lock(reading: Reading) -> frozenset[str]:
    """Return the digest of every file that a lock admits: one version may have many wheels."""
    return frozenset(
        origin.hashes["sha256"].lower()
        for package in reading.packages
        for origin in package.origins
        if "sha256" in origin.hashes
    )


def wanted_of_store(installed: Installed) -> tuple[LockedPackage, ...]:
    """Return what the store made an environment of."""
    return tuple(
        LockedPackage(
            name=item.name,
            version=item.version,
            manager="conda" if item.kind is ArtifactKind.CONDA else "pip",
            platform=installed.platform,
            url=item.url or item.file_name,
            md5=item.md5,
            sha256=item.sha256,
            dependencies={},
        )
        for item in installed.artifacts
    )


def compare_packages(
    installed: Installed,
    wanted: Iterable[LockedPackage],
    *,
    optional: frozenset[str] = frozenset(),
    admitted: frozenset[str] = frozenset(),
) -> tuple[Difference, ...]:
    """Return how the packages of an environment differ from what it should hold, by name.

    `optional` packages may be missing; files of an `admitted` digest are as good as those wanted.
    In an environment without any conda package, on a Python from elsewhere, the conda half of a
    lock is not there to be compared.
    """
    there = _by_key((_MANAGERS[item.ecosystem], item) for item in installed.packages)
    has_conda = any(manager == "conda" for manager, _ in there)
    should = _by_key((row.manager, row) for row in wanted if has_conda or row.manager != "conda")
    found: list[Difference] = []
    for key in sorted({*there, *should}):
        rows, packages = should.get(key, ()), there.get(key, ())
        if rows and not packages:
            found += () if key[1] in optional else (_missing(rows[0]),)
        else:
            found += _compare(rows, packages, admitted)
    return tuple(replace(item, platform=installed.platform) for item in found)


def _by_key(items: Iterable[tuple[str, _Named]]) -> Mapping[_Key, Sequence[_Named]]:
    found: dict[_Key, list[_Named]] = {}
    for manager, item in items:
        name = _normal(item.name) if manager == "pip" else item.name
        found.setdefault((manager, name), []).append(item)
    return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _missing(row: LockedPackage) -> Difference:
    was = f"{row.name} {row.version}"
    return Difference(subject=row.name, field="missing", was=was, now="")


def _compare(
    rows: Sequence[LockedPackage],
    packages: Sequence[InstalledPackage],
    admitted: frozenset[str],
) -> Iterator[Difference]:
    for package in packages:
        now = f"{package.name} {package.version}"
        if not rows:
            yield Difference(subject=package.name, field="extra", was="", now=now)
            continue
        differences = [_first_difference(row, package, admitted) for row in rows]
        if None not in differences:
            yield from (item for item in differences[:1] if item)


def _first_difference(
    row: LockedPackage, package: InstalledPackage, admitted: frozenset[str]
) -> Difference | None:
    """Return the weightiest difference; None where it is the same package."""
    from envlock.solve.difference import parse_archive  # noqa: PLC0415 - most audits need none

    pairs: list[tuple[str, str, str]] = []
    if row.manager == "conda":
        pairs.append(("version", row.version, package.version))
        pairs.append(("build", parse_archive(row).build, package.build))
    elif not _is_same_version(row.version, package.version):
        pairs.append(("version", row.version, package.version))
    if package.sha256 in admitted:
        pass  # another file of that version, which the lock names too
    elif row.sha256 and package.sha256:
        pairs.append(("sha256", row.sha256.lower(), package.sha256))
    elif row.md5 and package.md5:
        pairs.append(("md5", row.md5.lower(), package.md5))
    for field, was, now in pairs:
        if was != now and was and now:
            return Difference(subject=package.name, field=field, was=was, now=now)
    return None


def _is_same_version(one: str, other: str) -> bool:
    """Say whether two versions of a distribution are one: `1.0` and `1.0.0` are."""
    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return one == other
