"""EL403: the platforms of an environment differ in what they mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from envlock.audit.declared import has_own_word
from envlock.audit.environments import Environment
from envlock.audit.rule import Case, Hit, Rule
from envlock.audit.wording import listed, some
from envlock.compat.frameworks import framework, locked_frameworks
from envlock.model.finding import Severity

_PYTHON = "python"
_CUDA = "CUDA"
_Versions = tuple[tuple[str, tuple[str, ...]], ...]
"""Each version, with the platforms that have it."""


def _find(case: Case) -> Iterable[Hit]:
    found: dict[tuple[str, _Versions], list[str]] = {}
    for name in dict.fromkeys(place.name for place in case.environments):
        places = [place for place in case.environments if place.name == name]
        for subject, versions in _skewed(case, places):
            found.setdefault((subject, versions), []).append(name)
    for (subject, versions), names in found.items():
        told = "; ".join(f"{version} on {listed(where, 6)}" for version, where in versions)
        within = f" in {some(names)}" if any(names) else ""
        yield Hit(
            message=f"{subject} is not the same on all platforms{within}: {told}.",
            line=_line(case.environments, subject),
            subject=subject.lower(),
        )


def _skewed(case: Case, places: Iterable[Environment]) -> Iterable[tuple[str, _Versions]]:
    found: dict[str, dict[str, list[str]]] = {}
    for place in places:
        for subject, version in _meaning(place).items():
            if not has_own_word(case, place, _names(subject)):
                found.setdefault(subject, {}).setdefault(version, []).append(place.platform_name)
    for subject, versions in found.items():
        if len(versions) > 1:
            yield subject, tuple((version, tuple(where)) for version, where in versions.items())


def _meaning(place: Environment) -> Mapping[str, str]:
    """Return what matters for a result: Python, the frameworks, the CUDA line."""
    found = {name: _minor(version) for name, version in locked_frameworks(place.certain).items()}
    python = next((item for item in place.placed if item.row.name == _PYTHON), None)
    if python and python.row.manager == "conda":
        found[_PYTHON] = _minor(python.row.version)
    if place.workload.line:
        found[_CUDA] = str(place.workload.line)
    return found


def _minor(version: str) -> str:
    return ".".join(version.partition("+")[0].split(".")[:2])


def _names(subject: str) -> tuple[str, ...]:
    facts = framework(subject)
    return (subject, *(facts.asks if facts else ()))


def _line(places: Iterable[Environment], subject: str) -> int:
    lines = (place.line_of(name) for place in places for name in _names(subject))
    return next(filter(None, lines), 0)


RULE = Rule(
    code="EL403",
    name="platform-skew",
    title="platforms that differ in what they mean",
    reason="One file says that it is one environment. With another Python, framework or CUDA on "
    "each platform, a result from one machine says little about the next.",
    remedy="pin a version that all platforms have, or declare the difference for the platform "
    "that needs it.",
    severity=Severity.WARNING,
    find=_find,
)
