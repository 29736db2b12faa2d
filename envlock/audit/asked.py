"""The packages of a reading that an index or a channel can be asked about."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.utils import canonicalize_name

from envlock.model.reading import Ecosystem, FoundPackage, OriginKind, Reading
from envlock.ports.index_status import AskedPackage

_FILES = (OriginKind.CONDA, OriginKind.WHEEL, OriginKind.SDIST)
_REMOTE = ("http://", "https://")


def asked_of(reading: Reading) -> tuple[AskedPackage, ...]:
    """Return each package with files of the network, or with a version alone, once.

    Left out is what no public server can say anything about: git, folders, files of this machine,
    addresses that hold a variable, which might be a secret, and versions that may come from one of
    several indexes.
    """
    return tuple(dict.fromkeys((*_of_conda(reading), *_of_pypi(reading))))


def _of_conda(reading: Reading) -> Iterable[AskedPackage]:
    for package in reading.of(Ecosystem.CONDA):
        files = _files(package)
        if files:
            yield AskedPackage(package=package.name, version=package.version or "", files=files)


def _of_pypi(reading: Reading) -> Iterable[AskedPackage]:
    has_indexes = any(place.kind != "channel" for place in reading.places)
    for package in reading.of(Ecosystem.PYPI):
        files = _files(package)
        is_elsewhere = not files and any(item.address for item in package.origins)
        if not files and has_indexes and not package.index:
            continue
        if package.version and not is_elsewhere and not package.is_editable:
            yield AskedPackage(
                package=package.name,
                version=package.version,
                project=canonicalize_name(package.name),
                index=package.index if _is_plain(package.index) else "",
                files=files,
            )


def _files(package: FoundPackage) -> tuple[str, ...]:
    return tuple(
        item.address for item in package.origins if item.kind in _FILES and _is_plain(item.address)
    )


def _is_plain(address: str) -> bool:
    return address.startswith(_REMOTE) and "$" not in address
