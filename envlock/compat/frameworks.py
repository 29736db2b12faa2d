"""The frameworks that envlock knows: their conda packages, and the one that has the kernels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from envlock.compat.evidence import Confidence, Row, confidence_of, read_table
from envlock.compat.pypi_frameworks import distribution_names
from envlock.model.lock import LockedPackage


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkFacts:
    """One framework as conda packages."""

    name: str
    """As a stack writes it."""
    carrier: str
    """The package whose build must be a CUDA build: its build string tells, and the rest follow."""
    asks: tuple[str, ...]
    """The packages to ask a solver for."""
    companions: tuple[str, ...]
    """Packages that must agree with the carrier's CUDA wherever they are installed."""
    source: str
    confidence: Confidence


@cache
def known_frameworks() -> tuple[str, ...]:
    """Return the names of the known frameworks, sorted."""
    return tuple(sorted(row["name"] for row in read_table("frameworks", "framework")))


@cache
def framework(name: str) -> FrameworkFacts | None:
    """Return the facts of a framework by its name in a stack; None where it is not known."""
    rows = read_table("frameworks", "framework")
    return next((_facts(row) for row in rows if row["name"] == name), None)


@cache
def framework_carriers() -> frozenset[str]:
    """Return the conda packages that have the kernels of a framework."""
    found = (framework(name) for name in known_frameworks())
    return frozenset(facts.carrier for facts in found if facts)


def _facts(row: Row) -> FrameworkFacts:
    return FrameworkFacts(
        name=row["name"],
        carrier=row["carrier"],
        asks=tuple(row["asks"].split()),
        companions=tuple(row["companions"].split()),
        source=row["source"],
        confidence=confidence_of(row),
    )


def locked_frameworks(packages: Iterable[LockedPackage]) -> Mapping[str, str]:
    """Return the frameworks among the packages of one platform, each with its version, ordered."""
    names: dict[tuple[str, str], str] = {}
    for name in known_frameworks():
        facts = framework(name)
        names.update({("conda", asked): name for asked in (facts.asks[:1] if facts else ())})
        names.update({("pip", each): name for each in distribution_names(name)})
    found = {
        names[package.manager, package.name]: package.version
        for package in packages
        if (package.manager, package.name) in names
    }
    return dict(sorted(found.items()))
