"""EL801: an installed environment does not hold the packages that it should."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.rule import LOCKS, Case, Hit, Rule
from envlock.model.finding import Severity
from envlock.model.reading import FileKind
from envlock.model.sight import Difference, Sight

_INSTALLERS = frozenset(["pip", "setuptools", "wheel", "uv"])
"""What makers of environments put into them on their own account."""
_SHOWN_DIGITS = 12
_DIGESTS = ("sha256", "md5")


def _find(case: Case) -> Iterable[Hit]:
    prefix = case.sights.prefix
    for item in case.sights.drift:
        yield Hit(
            message=f"{_told(item, prefix)}.",
            subject=item.subject,
            severity=_severity(item),
            together=f"{_TOGETHER[item.field].replace('PREFIX', prefix)}: {{subjects}}.",
        )


def _severity(item: Difference) -> Severity:
    if item.field != "extra":
        return Severity.ERROR
    return Severity.NOTE if item.subject in _INSTALLERS else Severity.WARNING


_TOGETHER = {
    "missing": "{count} packages that should be there are missing in PREFIX",
    "extra": "{count} packages in PREFIX are none of those that should be there",
    "version": "{count} packages in PREFIX have another version than they should",
    "build": "{count} packages in PREFIX have another build than they should",
    "sha256": "{count} packages in PREFIX were installed from other files than they should",
    "md5": "{count} packages in PREFIX were installed from other archives than they should",
}


def _told(item: Difference, prefix: str) -> str:
    match item.field:
        case "missing":
            return f"{item.was} should be in {prefix}, and is missing"
        case "extra":
            return f"{item.now} is in {prefix}, and should not be there"
        case "sha256" | "md5":
            was, now = (f"{text[:_SHOWN_DIGITS]}…" for text in (item.was, item.now))
            return (
                f"{item.subject} in {prefix} was installed from a file of {item.field} {now}, and "
                f"should be that of {was}"
            )
        case _:
            return (
                f"{item.subject} in {prefix} has the {item.field} `{item.now}` and should have "
                f"`{item.was}`"
            )


RULE = Rule(
    code="EL801",
    name="drifted-package",
    title="installed environments whose packages are not those of the lock",
    reason="What runs is the environment, and once somebody installed into it the lock describes "
    "another one.",
    remedy="build the environment anew from its lock, `envlock build LOCK`, or lock what is meant "
    "to be there.",
    severity=Severity.ERROR,
    find=_find,
    kinds=LOCKS | {FileKind.REQUIREMENTS, FileKind.ENVIRONMENT},
    needs=(Sight.PREFIX,),
)
