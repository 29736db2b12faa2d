"""EL401: packages need a newer glibc than the fleet has."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from envlock.audit.declared import fleet_of
from envlock.audit.environments import Environment, Placed, gathered, told_places
from envlock.audit.rule import Case, Hit, Rule
from envlock.audit.wheel_choice import file_name, is_for
from envlock.audit.wording import listed
from envlock.model.finding import Severity
from envlock.model.platform import System
from envlock.model.reading import Ecosystem, Origin, OriginKind
from envlock.model.sight import Sight
from envlock.model.version import parse_dotted

_VIRTUAL = re.compile(r"__glibc\s+.*?>=\s*(?P<version>[0-9]+\.[0-9]+)")
_MANYLINUX = re.compile(r"manylinux(?:_(?P<major>[0-9]+)_(?P<minor>[0-9]+)|(?P<old>1|2010|2014))_")
_OLD = {"1": (2, 5), "2010": (2, 12), "2014": (2, 17)}
_PYTHON_TAG = re.compile(r"cp(?P<major>[0-9])(?P<minor>[0-9]+)")
_STABLE = "abi3"

_Version = tuple[int, ...]


class _Late(Struct, frozen=True):
    """A package that needs more than the fleet has."""

    told: str
    needs: _Version
    line: int
    has_source: bool
    """Whether it could be built from source instead."""


def _find(case: Case) -> Iterable[Hit]:
    glibc = fleet_of(case).glibc
    has = _parsed(glibc or "")
    if has is None:
        return
    found = gathered(case.environments, lambda place: _late(place, has))
    for has_source in (False, True):
        late = {item: places for item, places in found.items() if item.has_source is has_source}
        if not late:
            continue
        worst = sorted(late, key=lambda item: item.needs, reverse=True)
        packages = dict.fromkeys(f"{item.told} ({_dotted(item.needs)})" for item in worst)
        places = dict.fromkeys(place for where in late.values() for place in where)
        instead = "; each could be built from source instead" if has_source else ""
        yield Hit(
            message=f"glibc {_dotted(worst[0].needs)} is needed "
            f"{told_places(places)}, the fleet has {glibc}: {listed(packages)}{instead}.",
            line=worst[0].line,
            subject="glibc",
            severity=Severity.WARNING if has_source else Severity.ERROR,
        )


def _parsed(version: str) -> _Version | None:
    try:
        return parse_dotted(version)
    except ValueError:
        return None


def _late(place: Environment, has: _Version) -> Iterable[_Late]:
    if place.platform is None or place.platform.system is not System.LINUX:
        return
    python = _python_of(place)
    for item in place.placed:
        needs = _needs(item, place.subdir, python)
        if needs and needs > has:
            yield _Late(
                told=item.told,
                needs=needs,
                line=item.found.line,
                has_source=any(one.kind is OriginKind.SDIST for one in item.found.origins),
            )


def _needs(item: Placed, subdir: str, python: _Version | None) -> _Version | None:
    """Return the oldest glibc that a package installs on; None where nothing says."""
    if item.found.ecosystem is Ecosystem.CONDA:
        asked = (_VIRTUAL.match(text) for text in item.found.dependencies)
        return max((parse_dotted(match["version"]) for match in asked if match), default=None)
    wheels = [one for one in item.found.origins if one.kind is OriginKind.WHEEL]
    if any(file_name(one).endswith("-any.whl") for one in wheels):
        return None
    own = [one for one in wheels if is_for(one, subdir)]
    fitting = [one for one in own if _fits(one, python)] or own
    floors = [floor for one in fitting if (floor := _of_wheel(one))]
    return min(floors, default=None)


def _of_wheel(origin: Origin) -> _Version | None:
    """Return the oldest glibc among a wheel's tags."""
    tag = file_name(origin).removesuffix(".whl").rpartition("-")[2]
    found = [
        _OLD[match["old"]] if match["old"] else (int(match["major"]), int(match["minor"]))
        for match in _MANYLINUX.finditer(tag)
    ]
    return min(found, default=None)


def _fits(origin: Origin, python: _Version | None) -> bool:
    """Say whether a wheel is for a Python, by its tags."""
    parts = file_name(origin).removesuffix(".whl").rsplit("-", 3)
    match = _PYTHON_TAG.search(parts[1]) if len(parts) > 1 else None
    if python is None or match is None:
        return True
    wanted = (int(match["major"]), int(match["minor"]))
    return wanted <= python if _STABLE in parts[2] else wanted == python


def _python_of(place: Environment) -> _Version | None:
    for item in place.placed:
        if item.row.name == "python" and item.found.ecosystem is Ecosystem.CONDA:
            return (_parsed(item.row.version) or (0,))[:2]
    return None


def _dotted(version: _Version) -> str:
    return ".".join(map(str, version))


RULE = Rule(
    code="EL401",
    name="glibc-floor",
    title="packages for a newer glibc than the fleet has",
    reason="A program that was built for a newer glibc does not start on an older system, and "
    "installers refuse its wheels there.",
    remedy="take builds for an older glibc (conda: give the solver the fleet's `__glibc`; wheels: "
    "an older manylinux), or raise the fleet's systems.",
    severity=Severity.ERROR,
    find=_find,
    needs=(Sight.GLIBC,),
)
