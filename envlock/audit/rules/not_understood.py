"""EL004: a row, key or value that could not be read."""

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
        why="It was left out of this audit.",
        together="{count} things could not be read: {subjects}. They were left out of this audit.",
    )


RULE = Rule(
    code="EL004",
    name="not-understood",
    title="rows that could not be read",
    reason="What was not understood was not judged: it may be harmless, or the very thing that "
    "breaks a rebuild.",
    remedy="correct the row, or write the file again with its tool; if the tool wrote it so, "
    "tell the authors of envlock.",
    severity=Severity.WARNING,
    find=_find,
)
