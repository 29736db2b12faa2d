"""EL003: a version of a format that envlock does not know."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.oddities import odd_hits
from envlock.audit.rule import Case, Hit, Rule
from envlock.model.finding import Severity
from envlock.model.reading import OddityKind


def _find(case: Case) -> Iterable[Hit]:
    return odd_hits(
        case,
        OddityKind.UNKNOWN_FORMAT,
        why="What is new in it was not judged.",
    )


RULE = Rule(
    code="EL003",
    name="unknown-format",
    title="versions of a format that are not known",
    reason="What a newer version adds is not looked at, and what it changes may be read wrongly.",
    remedy="update envlock, or have the tool write a version of the format that is known.",
    severity=Severity.WARNING,
    find=_find,
)
