"""EL502: a lock of ours that was changed after it was solved."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.rule import Case, Hit, Rule
from envlock.model.finding import Severity
from envlock.model.reading import FileKind


def _find(case: Case) -> Iterable[Hit]:
    for what in case.sights.altered:
        yield Hit(
            message=f"This is not the lock that envlock wrote: {what}.",
            remedy=f"restore it from git, or solve it anew: `envlock solve {case.stack_file}`.",
        )


RULE = Rule(
    code="EL502",
    name="altered-lock",
    title="locks that were changed by hand or by a merge",
    reason="The head says which stack and which pin the packages come from; once they were edited, "
    "that is no longer true, and nobody has checked that they run together.",
    remedy="restore the file from git, or solve it anew: `envlock solve STACK`.",
    severity=Severity.ERROR,
    find=_find,
    kinds=frozenset([FileKind.CONDA_LOCK]),
)
