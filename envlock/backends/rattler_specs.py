"""The door to py-rattler's match specs, for the requirements that stand in locks."""

from __future__ import annotations

from functools import lru_cache

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version
from rattler import BuildString, MatchSpec, PackageRecord
from rattler.exceptions import InvalidMatchSpecError, InvalidVersionError

from envlock.model.lock import LockedPackage
from envlock.solve.difference import parse_archive

_KEPT = 65_536


class RattlerSpecs:
    """Implements `ports.specs.Specs`; what was read once is kept."""

    def admits(self, spec: str, package: LockedPackage, *, asker: str) -> bool | None:
        """Say whether a locked package is what a spec admits; see the port."""
        if not spec.strip() or spec.strip() == "*":
            return True
        if asker == "pip":
            return _admits_pep_440(spec, package.version)
        archive = parse_archive(package)
        return _admits(spec, package.name, package.version, archive.build, archive.subdir)


@lru_cache(_KEPT)
def _admits(spec: str, name: str, version: str, build: str, subdir: str) -> bool | None:
    try:
        record = PackageRecord(
            name=name,
            version=version,
            build=BuildString(build),
            build_number=0,
            subdir=subdir or "noarch",
        )
        return bool(MatchSpec(f"{name} {spec}").matches(record))
    except (InvalidMatchSpecError, InvalidVersionError, ValueError):
        return None


@lru_cache(_KEPT)
def _admits_pep_440(spec: str, version: str) -> bool | None:
    try:
        return SpecifierSet(spec).contains(Version(version), prereleases=True)
    except (InvalidSpecifier, InvalidVersion):
        return None
