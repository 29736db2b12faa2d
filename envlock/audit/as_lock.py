"""A reading as a lock, so that what judges locks of ours judges those of any tool."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.model.lock import Lock, LockedPackage, LockHead
from envlock.model.reading import Ecosystem, FoundPackage, Origin, OriginKind, Reading

_MANAGERS = {Ecosystem.CONDA: "conda", Ecosystem.PYPI: "pip"}


def as_lock(reading: Reading) -> Lock:
    """Return the conda and PyPI packages that have a version, one row for each platform.

    Platforms go by conda's names; a package without any is on every platform of the file. Never
    raises; what is no package of an environment (images, apt, the project itself) is left out.
    """
    subdirs = {item.name: item.subdir for item in reading.platforms}
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
            row
            for package in reading.packages
            if package.ecosystem in _MANAGERS and package.version and not package.is_project
            for row in _rows(package, _platforms(package, subdirs) or everywhere)
        ),
    )


def _platforms(package: FoundPackage, subdirs: dict[str, str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(subdirs.get(name, name) for name in package.platforms))


def _rows(package: FoundPackage, platforms: Iterable[str]) -> Iterable[LockedPackage]:
    for platform in platforms:
        origin = _origin(package.origins, platform)
        hashes = origin.hashes if origin else {}
        yield LockedPackage(
            name=package.name,
            version=package.version or "",
            manager=_MANAGERS[package.ecosystem],
            platform=platform,
            url=origin.address if origin else "",
            md5=hashes.get("md5"),
            sha256=hashes.get("sha256"),
            dependencies=dict(map(_dependency, package.dependencies)),
        )


def _dependency(text: str) -> tuple[str, str]:
    name, _, rest = text.partition(" ")
    return name, rest


_WHEEL_WORDS = {
    "linux-64": ("linux", "x86_64"),
    "linux-aarch64": ("linux", "aarch64"),
    "osx-64": ("macosx", "x86_64"),
    "osx-arm64": ("macosx", "arm64"),
    "win-64": ("win", "amd64"),
}
"""What the name of a wheel for a platform holds."""


def _origin(origins: tuple[Origin, ...], platform: str) -> Origin | None:
    """Return the file that a platform would take: its own wheel, else any wheel, else the first."""
    words = _WHEEL_WORDS.get(platform, ())
    for origin in origins:
        name = origin.address.rpartition("/")[2]
        if origin.kind is OriginKind.WHEEL and words and all(word in name for word in words):
            return origin
    pure = [item for item in origins if item.address.partition("#")[0].endswith("-any.whl")]
    return next(iter([*pure, *origins]), None)
