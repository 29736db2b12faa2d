"""A reading as a lock, so that what judges locks of ours judges those of any tool."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.utils import canonicalize_name

from envlock.audit.wheel_choice import installs_on, origin_for
from envlock.model.lock import Lock, LockedPackage, LockHead
from envlock.model.reading import Ecosystem, FoundPackage, Reading

_MANAGERS = {Ecosystem.CONDA: "conda", Ecosystem.PYPI: "pip"}
DEFAULT_PLATFORM = "linux-64"
"""What a file is judged for that names no platform: where GPUs are trained on."""


def as_lock(reading: Reading) -> Lock:
    """Return the conda and PyPI packages that have a version, one row for each platform.

    Platforms go by conda's names, names of distributions are normalised. A package without
    platforms is on every platform of the file that its marker and its wheels admit; a file without
    any is judged for linux-64. Never raises; what is no package of an environment (images, apt, the
    project itself) is left out.
    """
    subdirs = subdirs_of(reading)
    everywhere = tuple(dict.fromkeys(subdirs.values()))
    return Lock(
        head=LockHead(
            channels=tuple(item.address for item in reading.places if item.kind == "channel"),
            platforms=everywhere,
            sources=(),
            content_hash={},
            facts=reading.facts,
        ),
        packages=tuple(
            locked_on(package, subdir)
            for package in reading.packages
            if is_installed(package)
            for subdir in dict.fromkeys(subdirs[name] for name in platforms_of(package, subdirs))
        ),
    )


def subdirs_of(reading: Reading) -> dict[str, str]:
    """Return the platforms of a file, each with conda's name for it."""
    found = {item.name: item.subdir for item in reading.platforms}
    for package in reading.packages:
        found.update({name: name for name in package.platforms if name not in found})
    if not found:
        seen = dict.fromkeys(item.subdir for item in reading.packages)
        found = {name: name for name in seen if name not in ("", "noarch")}
    return found or {DEFAULT_PLATFORM: DEFAULT_PLATFORM}


def platforms_of(package: FoundPackage, subdirs: dict[str, str]) -> Iterable[str]:
    """Return the platforms of a file that install a package, by the file's names."""
    if package.platforms:
        return package.platforms
    return (name for name, subdir in subdirs.items() if installs_on(package, subdir))


def is_installed(package: FoundPackage) -> bool:
    """Say whether a row is a package of an environment, with a version."""
    is_package = package.ecosystem in _MANAGERS and not package.is_project
    return is_package and bool(package.version)


def locked_on(package: FoundPackage, subdir: str) -> LockedPackage:
    """Return a package as a lock has it for a platform, with the file that it would take."""
    origin = origin_for(package.origins, subdir)
    hashes = origin.hashes if origin else {}
    is_conda = package.ecosystem is Ecosystem.CONDA
    return LockedPackage(
        name=package.name.lower() if is_conda else canonicalize_name(package.name),
        version=package.version or "",
        manager=_MANAGERS[package.ecosystem],
        platform=subdir,
        url=(origin.address if origin else "") or _archive_name(package),
        md5=hashes.get("md5"),
        sha256=hashes.get("sha256"),
        dependencies=dict(map(_dependency, package.dependencies)),
    )


def _archive_name(package: FoundPackage) -> str:
    """Return what an archive of a conda package would be called: it tells the build."""
    is_known = package.ecosystem is Ecosystem.CONDA and package.build
    return f"{package.name}-{package.version}-{package.build}.conda" if is_known else ""


def _dependency(text: str) -> tuple[str, str]:
    name, _, rest = text.partition(" ")
    return name, rest
