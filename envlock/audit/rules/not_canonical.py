"""EL007: bytes that are not as the tool writes them."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.oddities import odd_hits
from envlock.audit.rule import Case, Hit, Rule
from envlock.model.finding import Severity
from envlock.model.reading import OddityKind


def _find(case: Case) -> Iterable[Hit]:
    return odd_hits(
        case,
        OddityKind.NOT_CANONICAL,
        why="Its digest differs from that of the same content as the tool writes it.",
    )


RULE = Rule(
    code="EL007",
    name="not-canonical",
    title="files that are not as their tool writes them",
    reason="Other line ends or another order make a large difference out of a small one, and "
    "other digests out of the same content.",
    remedy="let `envlock audit --fix` write it canonically; keep line ends with `*.lock text "
    "eol=lf` in `.gitattributes`.",
    severity=Severity.NOTE,
    find=_find,
)
