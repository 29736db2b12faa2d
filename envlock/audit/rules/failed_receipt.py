"""EL704: a receipt that says no, or speaks of another platform."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.rule import Case, Hit, Rule
from envlock.audit.wording import some
from envlock.model.finding import Severity
from envlock.model.reading import FileKind
from envlock.model.receipt import Verdict
from envlock.model.sight import ReceiptSeen, Sight


def _find(case: Case) -> Iterable[Hit]:
    platforms = [item.subdir for item in case.reading.platforms]
    for item in case.sights.receipts:
        if item.problem or not item.is_of_lock:
            continue
        yield from _verdict(item)
        if platforms and item.platform not in platforms:
            yield Hit(
                message=f"{item.file} is of {item.platform}, which this lock has no packages for: "
                f"it has {', '.join(platforms)}.",
                subject=item.file,
            )


def _verdict(item: ReceiptSeen) -> Iterable[Hit]:
    where = f"on {item.platform}, {item.device.upper()}, {item.verified_at[:10]}"
    if item.verdict == Verdict.FAILED:
        what = f": {some(item.failed)}" if item.failed else ""
        yield Hit(
            message=f"{item.file} says that the verification failed ({where}){what}.",
            subject=item.file,
            severity=Severity.ERROR,
        )
    elif item.verdict == Verdict.INCOMPLETE:
        yield Hit(
            message=f"{item.file} is incomplete ({where}): nothing failed, and what the "
            "environment is for was not seen to work.",
            subject=item.file,
            severity=Severity.NOTE,
        )


RULE = Rule(
    code="EL704",
    name="failed-receipt",
    title="receipts of verifications that did not pass",
    reason="The lock can be installed, and it is known not to work, or not known to work, where it "
    "was verified.",
    remedy="read it, `envlock receipt show FILE`, mend what failed, and verify again where the "
    "lock has to run.",
    severity=Severity.WARNING,
    find=_find,
    kinds=frozenset([FileKind.CONDA_LOCK]),
    needs=(Sight.RECEIPT,),
)
