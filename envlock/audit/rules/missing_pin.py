"""EL503: nobody can solve a lock of ours again."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.rule import Case, Hit, Rule
from envlock.model.finding import Severity
from envlock.model.reading import FileKind
from envlock.model.sight import Sight


def _find(case: Case) -> Iterable[Hit]:
    for why in case.sights.unsolvable:
        message = f"The lock cannot be solved again: {why}."
        yield Hit(message=message, remedy=_REMEDY.replace("STACK", case.stack_file))


_REMEDY = (
    "restore the `pins` folder beside the stack from git, or make a pin and solve anew: "
    "`envlock index pin STACK`, with packages from PyPI `envlock index record STACK`, then "
    "`envlock solve STACK`."
)

RULE = Rule(
    code="EL503",
    name="missing-pin",
    title="locks whose index pin or recording is missing or damaged",
    reason="Without the pin nobody can show that this lock is the answer to its stack: the "
    "channels have changed since.",
    remedy=_REMEDY,
    severity=Severity.WARNING,
    find=_find,
    kinds=frozenset([FileKind.CONDA_LOCK]),
    needs=(Sight.STACK,),
)
