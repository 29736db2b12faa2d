"""EL903: verified again, the lock behaves otherwise than its receipt says."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.rule import LOCKS, Case, Hit, Rule
from envlock.model.finding import Severity
from envlock.model.sight import Difference, Sight

_SHOWN_DIGITS = 12


def _find(case: Case) -> Iterable[Hit]:
    for item in case.sights.proven:
        yield Hit(
            message=f"Verified again on {item.platform}, {_told(item)}.",
            subject=item.subject,
            severity=Severity.NOTE if item.was != "passed" and item.now == "passed" else None,
        )


def _told(item: Difference) -> str:
    if item.field == "content":
        was, now = (f"{text[:_SHOWN_DIGITS]}…" for text in (item.was, item.now))
        return f"the environment has the content {now}, and {item.subject} is of {was}"
    was, now = item.was or "not looked at", item.now or "not looked at"
    return f"the check {item.subject} is `{now}`, and the receipt says `{was}`"


RULE = Rule(
    code="EL903",
    name="other-outcome",
    title="verifications that come out otherwise than the receipt",
    reason="A receipt that cannot be repeated proves what was once, on one machine, and not what "
    "is.",
    remedy="compare the two in full: `envlock verify LOCK --receipt NEW`, then `envlock challenge "
    "OLD NEW`.",
    severity=Severity.ERROR,
    find=_find,
    kinds=LOCKS,
    needs=(Sight.PROOF,),
)
