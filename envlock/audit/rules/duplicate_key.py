"""EL002: a key that stands twice."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.oddities import odd_hits
from envlock.audit.rule import Case, Hit, Rule
from envlock.model.finding import Severity
from envlock.model.reading import OddityKind


def _find(case: Case) -> Iterable[Hit]:
    return odd_hits(
        case,
        OddityKind.DUPLICATE_KEY,
        why="Tools keep one of the values and drop the other without a word.",
        together="{count} keys stand twice: {subjects}. Tools keep one of the values and drop "
        "the other without a word.",
    )


RULE = Rule(
    code="EL002",
    name="duplicate-key",
    title="keys that stand twice",
    reason="Most parsers keep one of the values and drop the other in silence, and not all keep "
    "the same one.",
    remedy="remove the value that is wrong, or write the lock again with its tool.",
    severity=Severity.WARNING,
    find=_find,
)
