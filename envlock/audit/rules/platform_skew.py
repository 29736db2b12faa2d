"""EL403: the platforms of an environment differ in what they mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from envlock.audit.declared import has_own_word
from envlock.audit.environments import Environment
from envlock.audit.rule import Case, Hit, Rule
from envlock.audit.wording import listed
from envlock.compat.frameworks import framework, locked_frameworks
from envlock.model.finding import Severity

_PYTHON = "python"
_CUDA = "CUDA"
_Versions = dict[str, dict[str, list[str]]]
"""What -> version -> the places that have it."""


def _find(case: Case) -> Iterable[Hit]:
    for name in dict.fromkeys(place.name for place in case.environments):
        places = [place for place in case.environments if place.name == name]
        for subject, versions in _versions(case, places).items():
            if len(versions) > 1:
                told = "; ".join(f"{key} on {listed(where)}" for key, where in versions.items())
                yield Hit(
                    message=f"{subject} is not the same everywhere: {told}.",
                    line=_line(places, subject),
                    subject=subject.lower(),
                )


def _versions(case: Case, places: Iterable[Environment]) -> _Versions:
    found: _Versions = {}
    for place in places:
        for subject, version in _meaning(place).items():
            if not has_own_word(case, place, _names(subject)):
                found.setdefault(subject, {}).setdefault(version, []).append(place.told)
    return found


def _meaning(place: Environment) -> Mapping[str, str]:
    """Return what matters for a result: Python, the frameworks, the CUDA line."""
    found = {
        name: _minor(version) for name, version in locked_frameworks(place.lock.packages).items()
    }
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


def _line(places: list[Environment], subject: str) -> int:
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
