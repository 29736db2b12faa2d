"""EL005: a package that is referred to and has no row."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.oddities import odd_hits
from envlock.audit.rule import Case, Hit, Rule
from envlock.model.finding import Severity
from envlock.model.reading import OddityKind


def _find(case: Case) -> Iterable[Hit]:
    return odd_hits(
        case,
        OddityKind.ABSENT,
        why="Whoever installs from this file gets an error, or whatever version is found.",
        together="{count} packages are referred to and have no row: {subjects}. Whoever "
        "installs from this file gets an error, or whatever version is found.",
    )


RULE = Rule(
    code="EL005",
    name="absent-package",
    title="packages that are referred to and not there",
    reason="An installer that meets the reference can only fail, or take whatever version it "
    "finds.",
    remedy="write the lock again with its tool; a lock that was edited or merged by hand loses "
    "rows like this.",
    severity=Severity.ERROR,
    find=_find,
)
