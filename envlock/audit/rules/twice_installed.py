"""EL402: one distribution comes from conda and from PyPI."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from packaging.utils import canonicalize_name

from envlock.audit.environments import Environment, Placed, gathered, told_places
from envlock.audit.rule import Case, Hit, Rule
from envlock.compat.distributions import provided
from envlock.model.finding import Severity
from envlock.model.reading import Ecosystem, FileKind

_NOT_PYTHON = frozenset(
    {"cmake", "cudnn", "graphviz", "libprotobuf", "mkl", "nccl", "ninja", "nodejs", "tzdata"}
)
"""Conda packages of these names are no Python distributions, although PyPI has the names too."""
_TOGETHER = "{count} distributions are installed from conda and from PyPI: {subjects}."


class _Twice(Struct, frozen=True):
    """One distribution, from both halves."""

    name: str
    of_conda: str
    of_pypi: str
    line: int
    is_same: bool


def _find(case: Case) -> Iterable[Hit]:
    for twice, places in gathered(case.environments, _twice).items():
        yield Hit(
            message=f"{twice.name} is installed from conda ({twice.of_conda}) and from PyPI "
            f"({twice.of_pypi}) {told_places(places)}.",
            line=twice.line,
            subject=twice.name,
            severity=Severity.WARNING if twice.is_same else Severity.ERROR,
            together=_TOGETHER,
        )
    if case.reading.kind is FileKind.ENVIRONMENT:
        yield from _wished_twice(case)


def _twice(place: Environment) -> Iterable[_Twice]:
    of_conda: dict[str, Placed] = {}
    wheels: list[Placed] = []
    for item in place.placed:
        if item.row.manager == "pip":
            wheels.append(item)
            continue
        for name, _ in provided(item.row.name, item.row.version, item.found.dependencies):
            of_conda.setdefault(name, item)
    for item in wheels:
        other = of_conda.get(item.row.name)
        if other:
            yield _Twice(
                name=item.row.name,
                of_conda=_told(other, item.row.name),
                of_pypi=item.row.version,
                line=item.found.line,
                is_same=other.row.version == item.row.version,
            )


def _told(item: Placed, name: str) -> str:
    return item.row.version if item.row.name == name else item.told


def _wished_twice(case: Case) -> Iterable[Hit]:
    """Yield what an environment file asks both halves for; versions are open there."""
    names: dict[str, str] = {}
    for package in case.reading.of(Ecosystem.CONDA):
        if package.name not in _NOT_PYTHON:
            for name, _ in provided(package.name, "0", ("python",)):
                names.setdefault(name, package.name)
    found = {name for place in case.environments for name in (one.name for one in _twice(place))}
    for package in case.reading.of(Ecosystem.PYPI):
        name = canonicalize_name(package.name)
        if name in names and name not in found:
            yield Hit(
                message=f"{name} is asked of conda (as `{names[name]}`) and of PyPI.",
                line=package.line,
                subject=name,
                severity=Severity.WARNING,
                together="{count} distributions are asked of conda and of PyPI: {subjects}.",
            )


RULE = Rule(
    code="EL402",
    name="twice-installed",
    title="distributions from conda and from PyPI at once",
    reason="Both halves write the same files: the last one wins, file by file, and no tool knows "
    "afterwards which version is there.",
    remedy="take it from one half only; conda's pip section and pixi's pypi-dependencies need only "
    "what conda does not bring.",
    severity=Severity.ERROR,
    find=_find,
)
