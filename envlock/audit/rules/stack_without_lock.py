"""EL504: a stack that nobody has locked."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.rule import Case, Hit, Rule
from envlock.model.finding import Severity
from envlock.model.reading import FileKind


def _find(case: Case) -> Iterable[Hit]:
    platforms = ", ".join(item.name for item in case.reading.platforms)
    yield Hit(
        message=f"This stack has no lock beside it: what it means on {platforms} is decided "
        "anew by whoever solves it.",
        remedy=_REMEDY.replace("STACK", case.reading.file),
    )


_REMEDY = (
    "lock it and commit both: `envlock index pin STACK`, with packages from PyPI `envlock index "
    "record STACK`, then `envlock solve STACK`."
)

RULE = Rule(
    code="EL504",
    name="stack-without-lock",
    title="stacks without a lock",
    reason="A stack says what is wanted, and only its lock says what is installed.",
    remedy=_REMEDY,
    severity=Severity.WARNING,
    find=_find,
    kinds=frozenset([FileKind.STACK]),
)
