"""EL601: files that their index no longer offers, or advises against."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.rule import Case, Hit, Rule
from envlock.model.finding import Severity
from envlock.model.sight import Sight

_GONE = (
    "take the file from a mirror or an archive of yours while it can still be had, and lock "
    "another build or version."
)
_YANKED = "lock another version: the author took this one back."


def _find(case: Case) -> Iterable[Hit]:
    lines = {item.name: item.line for item in reversed(case.reading.packages)}
    for item in case.sights.withdrawn:
        what = "is gone" if item.is_gone else "was withdrawn"
        yield Hit(
            message=f"`{item.file}` {item.problem}.",
            line=lines.get(item.package, 0),
            subject=item.package,
            severity=Severity.ERROR if item.is_gone else Severity.WARNING,
            remedy=_GONE if item.is_gone else _YANKED,
            together=f"what the file names of {{count}} packages {what}: {{subjects}}.",
        )
    if case.sights.unasked:
        yield Hit(
            message=f"not every package could be asked about: {case.sights.unasked}.",
            severity=Severity.NOTE,
            remedy="ask again later.",
        )


RULE = Rule(
    code="EL601",
    name="withdrawn",
    title="files that are gone or withdrawn",
    reason="A lock names files; when one is gone nobody can build the environment again, and one "
    "that was withdrawn has a fault that its author knows.",
    remedy=_GONE,
    severity=Severity.ERROR,
    find=_find,
    needs=(Sight.INDEX,),
)
