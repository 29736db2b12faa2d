"""EL101: nothing says which bytes a package is."""

from __future__ import annotations

from collections.abc import Iterable

from envlock.audit.rule import Case, Hit, Rule
from envlock.model.finding import Severity
from envlock.model.reading import OriginKind

_FILES = (OriginKind.CONDA, OriginKind.WHEEL, OriginKind.SDIST, OriginKind.OTHER)


def _find(case: Case) -> Iterable[Hit]:
    for package in case.reading.packages:
        for origin in package.origins:
            if origin.kind in _FILES and not origin.hashes:
                name = origin.address.rpartition("/")[2]
                yield Hit(
                    message=f"`{name}` has no hash: whatever is served under its address is "
                    f"installed as {package.name}.",
                    line=origin.line or package.line,
                    subject=package.name,
                )


RULE = Rule(
    code="EL101",
    name="missing-hash",
    title="files without a hash",
    reason="Without a hash nobody can tell whether the file that is downloaded tomorrow is the one "
    "that was locked.",
    remedy="lock it again with a tool that writes SHA-256 for every file, or let `envlock audit "
    "--fix` take the hash from an index pin.",
    severity=Severity.ERROR,
    find=_find,
)
