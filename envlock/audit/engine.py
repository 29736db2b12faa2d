"""Run the rules over a case, and hold what they find against a policy."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from envlock.audit.rule import Case, Rule
from envlock.audit.wording import some
from envlock.formats.plain import printable
from envlock.formats.secrets import conceal
from envlock.model.finding import (
    IN_BASELINE,
    AuditPolicy,
    Finding,
    Ignore,
    Ignored,
    Judged,
    Severity,
    Unlooked,
)
from envlock.model.sight import Sight
from envlock.model.stack import AuditLevel


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What the day and the past let pass."""

    today: str
    """`2026-11-28`: an exception that has run out is none."""
    baseline: frozenset[tuple[str, str, str, str]] = frozenset()
    """The identities of findings that are known already."""


def judge(case: Case, rules: Sequence[Rule], ruling: Ruling) -> Judged:
    """Return what the rules find in a case, ordered by place. Never raises."""
    reading = case.reading
    findings: list[Finding] = []
    ignored: list[Ignored] = []
    unlooked: dict[str, Unlooked] = {}
    applied: list[str] = []
    unapplied: dict[str, str] = {}
    for rule in rules:
        if reading.kind not in rule.kinds:
            continue
        if is_off(rule, case.policy):
            unapplied[rule.code] = "the policy switches it off"
            continue
        missing = [need for need in rule.needs if need in case.sights.blind]
        for need in missing:
            unlooked[need] = Unlooked(what=need.value, reason=case.sights.blind[need])
        if missing:
            said = (f"{need.value} ({case.sights.blind[need]})" for need in missing)
            unapplied[rule.code] = f"not looked at: {', '.join(said)}"
            continue
        applied.append(rule.code)
        found, passed = _split(rule, case, ruling)
        findings += found
        ignored += passed
    return Judged(
        file=reading.file,
        kind=f"{reading.kind.value} {reading.format_version}".rstrip(),
        packages=len(reading.packages),
        findings=tuple(sorted(findings, key=lambda item: item.order)),
        ignored=tuple(sorted(ignored, key=lambda item: item.finding.order)),
        unlooked=tuple(unlooked.values()),
        level=reached(case),
        applied=tuple(applied),
        unapplied=unapplied,
    )


_LEVEL_NEEDS = (
    (AuditLevel.RESOLVE, Sight.RESOLVE),
    (AuditLevel.BUILD, Sight.REBUILD),
    (AuditLevel.PROVE, Sight.PROOF),
)


def reached(case: Case) -> AuditLevel:
    """Return the deepest level that was looked at, each of those before it included."""
    level = AuditLevel.LOCK
    for deeper, need in _LEVEL_NEEDS:
        if need in case.sights.blind:
            break
        level = deeper
    return level


def is_off(rule: Rule, policy: AuditPolicy) -> bool:
    """Say whether a policy switches a rule off."""
    for key in (rule.code, rule.name):
        if key in policy.severities:
            return policy.severities[key] is None
    return False


def _split(rule: Rule, case: Case, ruling: Ruling) -> tuple[list[Finding], list[Ignored]]:
    """Return what a rule finds and what of it may pass; many of one cause are told as one."""
    ignored: list[Ignored] = []
    groups: dict[tuple[str, ...], list[Finding]] = {}
    for number, (finding, together) in enumerate(_findings(rule, case)):
        reason = let_pass(finding, case.policy, ruling)
        if reason is not None:
            ignored.append(Ignored(finding=finding, reason=reason))
            continue
        key = (together, finding.severity, finding.remedy, "" if together else str(number))
        groups.setdefault(key, []).append(finding)
    found: list[Finding] = []
    for (together, *_), group in groups.items():
        for finding in tell_together(group, together):
            if finding.identity in ruling.baseline:
                ignored.append(Ignored(finding=finding, reason=IN_BASELINE))
            else:
                found.append(finding)
    return found, ignored


def _findings(rule: Rule, case: Case) -> Iterable[tuple[Finding, str]]:
    named = case.policy.severities.get(rule.code) or case.policy.severities.get(rule.name)
    locked_by = case.sights.locked_by if rule.is_met_by_lock else ""
    for hit in dict.fromkeys(rule.find(case)):
        is_note = locked_by and named is None and hit.severity is not Severity.NOTE
        finding = Finding(
            code=rule.code,
            name=rule.name,
            severity=Severity.NOTE if is_note else named or hit.severity or rule.severity,
            file=case.reading.file,
            line=hit.line,
            subject=_shown(hit.subject),
            message=_shown(hit.message),
            remedy=_shown(_FROM_LOCK.format(locked_by) if is_note else hit.remedy) or rule.remedy,
        )
        yield finding, hit.together


_FROM_LOCK = "keep this file as the wish list, install from `{}`, and lock anew when it changes."


def _shown(text: str) -> str:
    """Return a text without secrets, in one line, and without what could steer a terminal."""
    return printable(conceal(text))


FEW = 3
"""As many findings of one cause are told one by one."""


def tell_together(group: Sequence[Finding], together: str) -> Sequence[Finding]:
    """Return findings of one cause as they are, or as one where they are more than a few."""
    if not together:
        return group
    several: dict[str, list[Finding]] = {}
    for item in sorted(group, key=lambda item: item.order):
        several.setdefault(item.subject or f"line {item.line}", []).append(item)
    if len(several) <= FEW:
        return [_one_of(items) for items in several.values()]
    subjects = tuple(several)
    message = together.replace("{count}", f"{len(subjects):,}").replace(
        "{subjects}", some(subjects)
    )
    first = next(iter(several.values()))[0]
    return [replace(first, subject="", subjects=subjects, message=conceal(message))]


def _one_of(same: Sequence[Finding]) -> Finding:
    """Return the first of several findings of one cause about one subject, saying how many."""
    others = len({item.message for item in same}) - 1
    if not others:
        return same[0]
    where = f"of `{same[0].subject}`" if same[0].subject else "in this line"
    more = f"{same[0].message} So it is with {others:,} more {where}."
    return replace(same[0], message=more)


def let_pass(finding: Finding, policy: AuditPolicy, ruling: Ruling) -> str | None:
    """Return why a finding may pass, None where it may not."""
    for ignore in policy.ignores:
        if covers(ignore, finding) and (not ignore.expires or ruling.today <= ignore.expires):
            until = f" (until {ignore.expires})" if ignore.expires else ""
            return f"{ignore.reason}{until}"
    return IN_BASELINE if finding.identity in ruling.baseline else None


def covers(ignore: Ignore, finding: Finding) -> bool:
    """Say whether an exception is one for a finding, whatever the day."""
    return (
        ignore.rule in (finding.code, finding.name)
        and ignore.package in ("", finding.subject)
        and (not ignore.file or fnmatch.fnmatchcase(finding.file, ignore.file))
    )
