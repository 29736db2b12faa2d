"""EL304: two copies of NCCL in one environment."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.copies import find_copies
from envlock.audit.environments import Environment
from envlock.audit.rule import Case, Hit, Rule
from envlock.compat.copies import Copy, nccl_copies
from envlock.model.finding import Severity


def _find(case: Case) -> Iterable[Hit]:
    return find_copies(case, "NCCL", _copies, Severity.WARNING)


def _copies(place: Environment) -> Iterable[Copy]:
    return nccl_copies(place.certain)


RULE = Rule(
    code="EL304",
    name="mixed-nccl",
    title="two copies of NCCL together",
    reason="Processes that talk to each other must use one NCCL; with two copies the order of "
    "imports decides which, and training on several GPUs hangs or fails.",
    remedy="take all frameworks from one half, conda or PyPI, so that they share one NCCL.",
    severity=Severity.WARNING,
    find=_find,
)
