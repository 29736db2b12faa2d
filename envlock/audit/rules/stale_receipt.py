"""EL702: a receipt of another lock than the one that it lies beside."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.rule import Case, Hit, Rule
from envlock.model.finding import Severity
from envlock.model.reading import FileKind
from envlock.model.sight import Sight

_SHOWN_DIGITS = 12


def _find(case: Case) -> Iterable[Hit]:
    readable = [item for item in case.sights.receipts if not item.problem]
    is_covered = any(item.is_of_lock for item in readable)
    for item in readable:
        if item.is_of_lock:
            continue
        of = (
            f"is of another lock, of sha256 {item.lock_sha256[:_SHOWN_DIGITS]}…"
            if item.lock_sha256
            else "names no lock"
        )
        yield Hit(
            message=f"{item.file}, of {item.verified_at[:10]}, {of}: it says nothing of this one.",
            subject=item.file,
            severity=Severity.NOTE if is_covered else None,
        )


RULE = Rule(
    code="EL702",
    name="stale-receipt",
    title="receipts of another lock",
    reason="A receipt beside a lock is read as proof that this lock was verified; it proves that "
    "for one lock only, byte for byte.",
    remedy="verify this lock and let the new receipt replace it, `envlock verify LOCK`; or move "
    "the old one away.",
    severity=Severity.WARNING,
    find=_find,
    kinds=frozenset([FileKind.CONDA_LOCK]),
    needs=(Sight.RECEIPT,),
)
