"""EL701: nobody has verified what the lock installs."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.rule import Case, Hit, Rule
from envlock.model.finding import Severity
from envlock.model.reading import FileKind
from envlock.model.sight import Sight

_OURS = "envlock/inputs"


def _find(case: Case) -> Iterable[Hit]:
    if _OURS in case.reading.facts and not case.sights.receipts:
        yield Hit(
            message="No receipt lies beside this lock: nothing tells that it was ever seen to run.",
            remedy=f"verify it where it has to run, and commit the receipt: `envlock verify "
            f"{case.reading.file}`.",
        )


RULE = Rule(
    code="EL701",
    name="missing-receipt",
    title="locks of envlock without a receipt",
    reason="A lock says what is installed, and only a receipt says that it ran: on which GPU, with "
    "which driver, with which outcome.",
    remedy="verify it where it has to run, and commit the receipt: `envlock verify LOCK`.",
    severity=Severity.NOTE,
    find=_find,
    kinds=frozenset([FileKind.CONDA_LOCK]),
    needs=(Sight.RECEIPT,),
)
