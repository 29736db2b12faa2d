"""EL803: files of an installed environment that no package brought."""

from __future__ import annotations

import re
from collections.abc import Iterable

from envlock.audit.rule import LOCKS, Case, Hit, Rule
from envlock.audit.wording import count
from envlock.model.finding import Severity
from envlock.model.installed import FileProblem
from envlock.model.reading import FileKind
from envlock.model.sight import Sight

_PACKAGES = re.compile(r"(?:.*/)?site-packages/(?:[^/]+/)?")
_RUN = re.compile(r"(?:bin|Scripts)/|(?:.*/)?site-packages/")
"""Where a file is run or imported."""
_SHOWN = 3


def _find(case: Case) -> Iterable[Hit]:
    prefix = case.sights.prefix
    places: dict[str, list[str]] = {}
    for item in case.sights.files:
        if item.problem is FileProblem.FOREIGN:
            places.setdefault(_place(item.path), []).append(item.path)
    for place, paths in sorted(places.items()):
        shown = ", ".join(f"`{path}`" for path in paths[:_SHOWN])
        more = f" and {len(paths) - _SHOWN:,} more" if len(paths) > _SHOWN else ""
        yield Hit(
            message=f"{count(len(paths), 'file')} below {prefix} "
            f"{'belongs' if len(paths) == 1 else 'belong'} to no package: {shown}{more}.",
            subject=place,
            severity=None if _RUN.match(place) else Severity.NOTE,
            together=f"{{count}} places below {prefix} hold files of no package: {{subjects}}.",
        )
    for name in case.sights.unrecorded:
        yield Hit(
            message=f"{name} in {prefix} has no list of its files: nobody can tell which are its.",
            subject=name,
            together=f"{{count}} packages in {prefix} have no list of their files: {{subjects}}.",
        )
    for said in case.sights.bad_records:
        yield Hit(message=f"A record in {prefix} cannot be read: {said}.")


def _place(path: str) -> str:
    """Return the folder that tells most: that of a package, else the first."""
    match = _PACKAGES.match(path)
    if match:
        return match[0]
    top, slash, _ = path.partition("/")
    return f"{top}{slash}" if slash else path


RULE = Rule(
    code="EL803",
    name="foreign-file",
    title="installed files that no package brought",
    reason="Whatever lies in an environment can be imported or run, and what no record names no "
    "lock will bring back.",
    remedy="take it out, or make a package of it and lock that; `envlock build LOCK` makes the "
    "environment without it.",
    severity=Severity.WARNING,
    find=_find,
    kinds=LOCKS | {FileKind.REQUIREMENTS, FileKind.ENVIRONMENT},
    needs=(Sight.PREFIX,),
)
