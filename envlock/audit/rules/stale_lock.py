"""EL501: the lock is not what its stack says."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.rule import Case, Hit, Rule
from envlock.model.finding import Severity
from envlock.model.reading import FileKind
from envlock.model.sight import Sight


def _find(case: Case) -> Iterable[Hit]:
    for reason in case.sights.stale:
        key, colon, _ = reason.partition(": ")
        is_key = bool(colon) and not key.startswith("the lock's head")
        yield Hit(
            message=f"The lock is not what its stack says: {reason}.",
            subject=key if is_key else "",
            remedy=f"solve it anew, `envlock solve {case.stack_file}`, and read the difference.",
        )


RULE = Rule(
    code="EL501",
    name="stale-lock",
    title="locks that are not what their stack says",
    reason="Whoever reads the stack believes in an environment that nobody gets: what is installed "
    "is the lock.",
    remedy="solve it anew, `envlock solve STACK`, and read the difference.",
    severity=Severity.WARNING,
    find=_find,
    kinds=frozenset([FileKind.CONDA_LOCK]),
    needs=(Sight.STACK,),
)
