"""EL004: a row, key or value of which the reader could make no sense, or only a part."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.oddities import odd_hits
from envlock.audit.rule import Case, Hit, Rule
from envlock.model.finding import Severity
from envlock.model.reading import OddityKind


def _find(case: Case) -> Iterable[Hit]:
    return odd_hits(
        case,
        OddityKind.NOT_UNDERSTOOD,
        together="{count} rows or keys make no sense, or only in part: {subjects}. What hangs on "
        "them could not be judged.",
    )


RULE = Rule(
    code="EL004",
    name="not-understood",
    title="rows that make no sense",
    reason="What was not understood was not judged: it may be harmless, or the very thing that "
    "breaks a rebuild.",
    remedy="correct the row, or write the file again with its tool; if the tool wrote it so, "
    "tell the authors of envlock.",
    severity=Severity.WARNING,
    find=_find,
)
