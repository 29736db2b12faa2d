"""EL603: packages under licences that a policy does not allow."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from envlock.audit.rule import Case, Hit, Rule
from envlock.formats.license_expression import (
    NoExpressionError,
    offending,
    parse_identifier,
    parse_license,
)
from envlock.formats.plain import printable
from envlock.model.finding import AuditPolicy, Severity
from envlock.model.reading import Ecosystem, FoundPackage
from envlock.model.sight import Sight


def _find(case: Case) -> Iterable[Hit]:
    judge = _Judge(case.policy)
    told: set[tuple[str, str, str | None]] = set()
    for ecosystem in (Ecosystem.CONDA, Ecosystem.PYPI):
        for package in case.reading.of(ecosystem):
            key = (ecosystem, package.name, package.version)
            if key not in told:
                told.add(key)
                yield from judge.hits(package)


class _Judge:
    """Holds licences against a policy."""

    def __init__(self, policy: AuditPolicy) -> None:
        self._allowed = frozenset(map(parse_identifier, policy.allowed_licenses))
        self._denied = frozenset(map(parse_identifier, policy.denied_licenses))
        self._read = cache(self._held)

    def hits(self, package: FoundPackage) -> Iterable[Hit]:
        """Yield what is to be said of one package, if anything."""
        name = f"{package.name} {package.version or ''}".rstrip()
        if not package.license:
            yield Hit(
                message=f"the file does not say the licence of {name}.",
                line=package.line,
                subject=package.name,
                severity=Severity.NOTE,
                remedy=_LOOK,
                together="the file does not say the licences of {count} packages: {subjects}.",
            )
            return
        standing = self._read(package.license)
        if standing is None:
            yield Hit(
                message=f"the licence of {name}, `{printable(package.license)}`, is no SPDX "
                "expression: it cannot be held against the policy.",
                line=package.line,
                subject=package.name,
                severity=Severity.NOTE,
                remedy=_LOOK,
                together="the licences of {count} packages are no SPDX expressions: {subjects}.",
            )
        elif standing:
            why = f"the policy does not allow {' and '.join(standing)}"
            yield Hit(
                message=f"{name} is under {printable(package.license)}, and {why}.",
                line=package.line,
                subject=package.name,
                together=f"{why}, under which {{count}} packages are: {{subjects}}.",
            )

    def _held(self, text: str) -> tuple[str, ...] | None:
        """Return what stands in the way of a licence; None for what is no expression."""
        try:
            return offending(parse_license(text), self._is_allowed)
        except NoExpressionError:
            return () if text in self._allowed else (text,) if text in self._denied else None

    def _is_allowed(self, name: str) -> bool:
        if name in self._denied:
            return False
        return not self._allowed or name in self._allowed or self._has_exception(name)

    def _has_exception(self, name: str) -> bool:
        """Say whether a licence is allowed, so that it is with an exception too."""
        return name.partition(" WITH ")[0] in self._allowed


_LOOK = "look it up, and say what it is in the policy: an exception with its reason."

RULE = Rule(
    code="EL603",
    name="license",
    title="licences that the policy does not allow",
    reason="What an environment holds is passed on with images and archives, under the terms of "
    "each licence in it.",
    remedy="replace the package, or allow it in the policy with a reason.",
    severity=Severity.ERROR,
    find=_find,
    needs=(Sight.LICENSES,),
)
