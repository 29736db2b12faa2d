"""EL901: solved again from its pin, the lock comes out otherwise."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.rule import LOCKS, Case, Hit, Rule
from envlock.model.finding import Severity
from envlock.model.sight import Difference, Sight

_VERSIONS = frozenset(["made-by", "compat-facts"])
"""What only tells which envlock, which solver and which tables it was made with."""
_SHOWN = 500


def _find(case: Case) -> Iterable[Hit]:
    for item in case.sights.resolved:
        is_version = item.field == "head" and item.subject in _VERSIONS
        yield Hit(
            message=f"Solved again from its pin, {_told(item)}.",
            subject=item.subject,
            remedy="solve it anew with this envlock to have its name in the head: "
            f"`envlock solve {case.stack_file}`."
            if is_version
            else f"see all of it, `envlock solve --dry-run {case.stack_file}`; if nobody meant to "
            "change the lock, restore it and its pin from git.",
            severity=Severity.NOTE if is_version else None,
            together=""
            if item.field == "head"
            else "Solved again from its pin, {count} packages "
            f"differ on {item.platform or 'it'}: {{subjects}}.",
        )


def _told(item: Difference) -> str:
    was, now = _short(item.was), _short(item.now)
    on = f" on {item.platform}" if item.platform else ""
    match item.field:
        case "package" if not item.was:
            return f"{item.now} is in the answer{on} and not in the lock"
        case "package":
            return f"{item.was} is in the lock{on} and not in the answer"
        case "solution":
            return f"{item.subject} has no answer any more: the lock holds {was}, now {now}"
        case "head":
            return f"the lock's head says `{item.subject}: {now}` and not `{was}`"
        case _:
            return f"{item.subject}{on} has the {item.field} `{now}` and not `{was}`"


def _short(text: str) -> str:
    return f"{text[:_SHOWN]}…" if len(text) > _SHOWN else text or "none"


RULE = Rule(
    code="EL901",
    name="other-solution",
    title="locks that come out otherwise when they are solved again",
    reason="A lock that is not the answer to its stack and its pin was edited, or its pin was, or "
    "the solver has changed: nobody can derive it again.",
    remedy="see all of it, `envlock solve --dry-run STACK`; if nobody meant to change the lock, "
    "restore it and its pin from git.",
    severity=Severity.ERROR,
    find=_find,
    kinds=LOCKS,
    needs=(Sight.RESOLVE,),
)
