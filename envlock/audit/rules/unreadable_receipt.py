"""EL705: a receipt that is none any more."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.rule import Case, Hit, Rule
from envlock.model.finding import Severity
from envlock.model.reading import FileKind
from envlock.model.sight import Sight


def _find(case: Case) -> Iterable[Hit]:
    for item in case.sights.receipts:
        if item.problem:
            yield Hit(
                message=f"{item.file} cannot be read as a receipt: {item.problem}.",
                subject=item.file,
            )


RULE = Rule(
    code="EL705",
    name="unreadable-receipt",
    title="receipts that were altered, cut short or never were one",
    reason="A receipt whose halves disagree proves nothing, and whoever sees the file believes "
    "that it does.",
    remedy="restore it from git, or verify again: `envlock verify LOCK` leaves a new one.",
    severity=Severity.WARNING,
    find=_find,
    kinds=frozenset([FileKind.CONDA_LOCK]),
    needs=(Sight.RECEIPT,),
)
