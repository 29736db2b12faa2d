"""EL006: a package that nothing refers to."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.oddities import odd_hits
from envlock.audit.rule import Case, Hit, Rule
from envlock.model.finding import Severity
from envlock.model.reading import OddityKind


def _find(case: Case) -> Iterable[Hit]:
    return odd_hits(
        case,
        OddityKind.UNUSED,
        why="It is not installed.",
        together="{count} rows describe packages that nothing refers to: {subjects}. They are "
        "not installed.",
    )


RULE = Rule(
    code="EL006",
    name="unused-package",
    title="packages that nothing refers to",
    reason="Rows that nothing installs are left from an edit or a merge; they hide what the "
    "environment really is.",
    remedy="write the lock again with its tool, which drops such rows.",
    severity=Severity.NOTE,
    find=_find,
)
