"""EL602: versions with known vulnerabilities."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from packaging.version import InvalidVersion, Version

from envlock.audit.rule import Case, Hit, Rule
from envlock.audit.wording import listed
from envlock.formats.plain import printable
from envlock.model.finding import Severity
from envlock.model.sight import Advisory, Sight

_GRAVE = frozenset({"critical", "high"})
_LIGHT = frozenset({"low"})


def _find(case: Case) -> Iterable[Hit]:
    lines = {(item.name, item.version): item.line for item in reversed(case.reading.packages)}
    groups: dict[tuple[str, str], list[Advisory]] = {}
    for advisory in case.sights.advisories:
        groups.setdefault((advisory.package, advisory.version), []).append(advisory)
    for (name, version), advisories in groups.items():
        yield Hit(
            message=_told(name, version, advisories),
            line=lines.get((name, version), 0),
            subject=name,
            severity=_severity(advisories),
            remedy=_remedy(name, version, advisories),
        )


def _told(name: str, version: str, advisories: Sequence[Advisory]) -> str:
    if len(advisories) == 1:
        only = advisories[0]
        summary = f": {printable(only.summary).rstrip('.')}" if only.summary else ""
        return f"{name} {version} has the known vulnerability {_named(only)}{summary}."
    ids = listed(map(_named, advisories), 3)
    return f"{name} {version} has {len(advisories)} known vulnerabilities: {ids}."


def _named(advisory: Advisory) -> str:
    cve = next((item for item in advisory.aliases if item.startswith("CVE-")), "")
    return f"{advisory.id} ({cve})" if cve and cve != advisory.id else advisory.id


def _severity(advisories: Sequence[Advisory]) -> Severity:
    """Return how bad it is; where nobody says, as bad as a grave one."""
    told = {item.severity.lower() for item in advisories}
    if told <= _LIGHT:
        return Severity.NOTE
    return Severity.ERROR if told & _GRAVE or "" in told else Severity.WARNING


def _remedy(name: str, version: str, advisories: Sequence[Advisory]) -> str:
    """Name the oldest version without any of them, where each has one."""
    nearest = [_nearest(version, item.fixed) for item in advisories]
    known = [item for item in nearest if item]
    if len(known) < len(nearest) or not known:
        return f"no version of {name} without all of them is known: replace it, or bear the risk."
    return f"take {name} {max(known)} or newer."


def _nearest(version: str, fixed: Iterable[str]) -> Version | None:
    try:
        newer = [item for item in map(Version, fixed) if item > Version(version)]
    except InvalidVersion:
        return None
    return min(newer, default=None)


RULE = Rule(
    code="EL602",
    name="vulnerable",
    title="versions with known vulnerabilities",
    reason="Somebody has published how to misuse this version.",
    remedy="take a version without it.",
    severity=Severity.ERROR,
    find=_find,
    needs=(Sight.ADVISORIES,),
)
