"""EL604: the file itself says that a version was yanked."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.rule import Case, Hit, Rule
from envlock.audit.wheel_choice import file_name
from envlock.formats.plain import printable
from envlock.model.finding import Severity
from envlock.model.sight import Sight


def _find(case: Case) -> Iterable[Hit]:
    has_asked = Sight.INDEX not in case.sights.blind
    known = {item.package for item in case.sights.withdrawn} if has_asked else set()
    for package in case.reading.packages:
        yanked = [item for item in package.origins if item.yanked is not None]
        if not yanked or package.name in known:
            continue
        reason = next((item.yanked for item in yanked if item.yanked), "")
        why = f": {printable(reason)}" if reason else ""
        named = f"{package.name} {package.version}" if package.version else file_name(yanked[0])
        yield Hit(
            message=f"{named} was already yanked when it was locked{why}.",
            line=yanked[0].line or package.line,
            subject=package.name,
        )


RULE = Rule(
    code="EL604",
    name="yanked",
    title="versions that were yanked when they were locked",
    reason="An author yanks a version that is broken or must not be used; only whoever names it "
    "exactly still gets it.",
    remedy="lock another version: the author took this one back.",
    severity=Severity.WARNING,
    find=_find,
)
