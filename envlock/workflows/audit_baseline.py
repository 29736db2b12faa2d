"""What a baseline does for an audit: known findings pass, and those that are gone are told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec.structs import replace

from envlock.formats.audit_words import is_known
from envlock.model.finding import (
    IN_BASELINE,
    AuditReport,
    BaselineUse,
    Finding,
    Ignored,
    Judged,
    Known,
)


def known_findings(report: AuditReport, names: Mapping[str, str]) -> Sequence[Known]:
    """Return what a baseline of this report knows: all but what the policy lets pass.

    `names` gives each file from the baseline's folder on.
    """
    known = [each.finding for judged in report.judged for each in judged.ignored if is_known(each)]
    return [_known(finding, names) for finding in (*report.findings, *known)]


def use_of(
    report: AuditReport, file: str, known: Iterable[Known], names: Mapping[str, str]
) -> AuditReport:
    """Return a report with what the baseline let pass, and what of the audited files is gone."""
    passed = [each.finding for judged in report.judged for each in judged.ignored if is_known(each)]
    found = {_known(finding, names) for finding in passed}
    audited = frozenset(names.values())
    gone = [each for each in known if each.file in audited and each not in found]
    gone.sort(key=lambda each: each.order)
    return replace(report, baseline=BaselineUse(file=file, known=len(passed), gone=tuple(gone)))


def let_known_pass(report: AuditReport, file: str) -> AuditReport:
    """Return the report after its findings were written to a baseline: all of them may pass."""
    judged = tuple(map(_all_known, report.judged))
    known = sum(is_known(ignored) for each in judged for ignored in each.ignored)
    return replace(report, judged=judged, baseline=BaselineUse(file=file, known=known))


def _all_known(judged: Judged) -> Judged:
    new = (Ignored(finding=finding, reason=IN_BASELINE) for finding in judged.findings)
    ignored = sorted((*judged.ignored, *new), key=lambda each: each.finding.order)
    return replace(judged, findings=(), ignored=tuple(ignored))


def _known(finding: Finding, names: Mapping[str, str]) -> Known:
    return Known(
        rule=finding.code,
        file=names.get(finding.file, finding.file),
        subject=finding.subject,
        message=finding.message,
    )
