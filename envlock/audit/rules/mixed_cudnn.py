"""EL303: two copies of cuDNN in one environment."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.copies import find_copies
from envlock.audit.environments import Environment
from envlock.audit.rule import Case, Hit, Rule
from envlock.compat.copies import Copy, cudnn_copies
from envlock.model.finding import Severity


def _find(case: Case) -> Iterable[Hit]:
    return find_copies(case, "cuDNN", _copies, Severity.ERROR)


def _copies(place: Environment) -> Iterable[Copy]:
    return cudnn_copies(place.certain, place.platform) if place.platform else ()


RULE = Rule(
    code="EL303",
    name="mixed-cudnn",
    title="two copies of cuDNN together",
    reason="Whichever framework is imported first decides which cuDNN the whole process uses; the "
    "other one then runs with a version that it was not built for, or fails to load.",
    remedy="take all frameworks from one half, conda or PyPI, so that they share one cuDNN.",
    severity=Severity.ERROR,
    find=_find,
)
