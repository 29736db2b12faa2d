"""EL001: a merge of two versions of the file was never ended."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.oddities import odd_hits
from envlock.audit.rule import Case, Hit, Rule
from envlock.model.finding import Severity
from envlock.model.reading import OddityKind


def _find(case: Case) -> Iterable[Hit]:
    return odd_hits(
        case,
        OddityKind.CONFLICT,
        why="So the file gives two answers.",
        together="{count} merges were not ended, at {subjects}. So the file gives two answers.",
    )


RULE = Rule(
    code="EL001",
    name="conflict-marker",
    title="merges that were not ended",
    reason="A file with conflict markers holds two answers; tools refuse it, or take one of "
    "them at random.",
    remedy="write the lock again with its tool from the merged wish list (a lock is never "
    "merged by hand), then commit it.",
    severity=Severity.ERROR,
    find=_find,
)
