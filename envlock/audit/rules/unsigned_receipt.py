"""EL703: a receipt that nobody whom the auditor trusts stands for."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.rule import Case, Hit, Rule
from envlock.model.finding import Severity
from envlock.model.reading import FileKind
from envlock.model.sight import ReceiptSeen, Sight

_SHOWN_DIGITS = 16


def _find(case: Case) -> Iterable[Hit]:
    demanded = case.sights.demands_signature
    for item in case.sights.receipts:
        if item.problem or (not demanded and item.claimed):
            continue
        if item.is_forged:
            yield _hit(
                item,
                "carries a key that you trust over a signature that does not fit it: "
                "it was altered after it was signed, or forged",
                Severity.ERROR,
            )
        elif not item.claimed:
            severity = Severity.WARNING if demanded else Severity.NOTE
            yield _hit(item, "is self-reported: it has no signature", severity)
        elif not item.trusted:
            keys = ", ".join(f"{key[:_SHOWN_DIGITS]}…" for key in item.claimed)
            yield _hit(item, f"is signed by {keys} and by no key that you trust", Severity.WARNING)


def _hit(item: ReceiptSeen, what: str, severity: Severity) -> Hit:
    return Hit(message=f"{item.file} {what}.", subject=item.file, severity=severity)


RULE = Rule(
    code="EL703",
    name="unsigned-receipt",
    title="receipts without a signature, or of a key that is not trusted",
    reason="Anybody can write a receipt; a signature says who stands for it.",
    remedy="have it signed by whoever verified, `envlock receipt sign FILE --key KEY`, and audit "
    "with the public half: `--key KEY.pub`.",
    severity=Severity.WARNING,
    find=_find,
    kinds=frozenset([FileKind.CONDA_LOCK]),
    needs=(Sight.RECEIPT,),
)
