"""The packages of a reading that vulnerabilities may be known of, by their names on PyPI."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.utils import canonicalize_name

from envlock.compat.distributions import provided
from envlock.formats.osv import Suspect
from envlock.model.reading import Ecosystem, Reading


def suspects_of(reading: Reading) -> tuple[Suspect, ...]:
    """Return each package and version once: those of PyPI, and conda's builds of distributions."""
    return tuple(dict.fromkeys((*_of_pypi(reading), *_of_conda(reading))))


def _of_pypi(reading: Reading) -> Iterable[Suspect]:
    for package in reading.of(Ecosystem.PYPI):
        if package.version:
            yield Suspect(
                package=package.name,
                version=package.version,
                distribution=canonicalize_name(package.name),
            )


def _of_conda(reading: Reading) -> Iterable[Suspect]:
    for package in reading.of(Ecosystem.CONDA):
        found = provided(package.name, package.version or "", package.dependencies)
        for name, version in found:
            yield Suspect(
                package=package.name,
                version=package.version or version,
                distribution=name,
                is_conda=True,
            )
