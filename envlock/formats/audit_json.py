"""An audit as JSON for programs: one object with a version, and every key always there.

```
version      1; another number means that a key went or got another meaning
clean        whether no finding is as bad as the threshold of its file, and nothing is incomplete
verdict      `passed`, `failed`, `incomplete` (something could not be read, or a lock of envlock
             did not reach the level that was asked for)
asked, level the level that was asked for, and the one that every file reached (null: no file was
             read)
fail_on      the threshold of files whose policy has none
totals       findings by severity, and how many may pass: `ignored` by a policy, `known`
judged       the files: file, kind, packages, level, fail_on, findings, ignored, unlooked, applied
             (codes of the rules that looked), unapplied (why the others did not, by code)
  finding    code, name, severity, file, line (null for the whole file), subject, subjects (of a
             finding about many), message, remedy
  ignored    finding, reason
  unlooked   what, reason
unreadable   file, problem, hints
notices      what to know of the policy: where, said, remedy
baseline     null, or: file, known, gone (rule, file, subject, message)
rules        of the findings: code, name, title, reason, remedy, severity
```
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from envlock.formats.audit_words import is_known, verdict
from envlock.formats.canonical import format_canonical
from envlock.model.finding import AuditReport, Finding, Judged, Known, RuleText, Severity

VERSION = 1


def format_audit_json(report: AuditReport, rules: Iterable[RuleText] = ()) -> str:
    """Return the report as one line of canonical JSON."""
    return format_canonical(
        {
            "version": VERSION,
            "clean": report.is_clean and not report.unreadable and not report.short,
            "verdict": verdict(report).kind,
            "asked": report.asked.value,
            "level": report.level.value if report.level else None,
            "fail_on": report.fail_on.value,
            "totals": _totals(report),
            "judged": [_judged(each, report) for each in report.judged],
            "unreadable": [
                {"file": each.file, "problem": each.problem, "hints": list(each.hints)}
                for each in report.unreadable
            ],
            "notices": [
                {"where": each.where, "said": each.said, "remedy": each.remedy}
                for each in report.notices
            ],
            "baseline": _baseline(report),
            "rules": [_rule(each) for each in rules if each.code in _codes(report)],
        }
    )


def format_rules_json(rules: Iterable[RuleText]) -> str:
    """Return rules as one line of canonical JSON."""
    return format_canonical({"version": VERSION, "rules": list(map(_rule, rules))})


def _codes(report: AuditReport) -> frozenset[str]:
    ignored = (each.finding for judged in report.judged for each in judged.ignored)
    return frozenset(each.code for each in (*report.findings, *ignored))


def _totals(report: AuditReport) -> Mapping[str, int]:
    ignored = [each for judged in report.judged for each in judged.ignored]
    known = sum(map(is_known, ignored))
    return {
        **{each.value: sum(f.severity is each for f in report.findings) for each in Severity},
        "ignored": len(ignored) - known,
        "known": known,
    }


def _judged(judged: Judged, report: AuditReport) -> Mapping[str, Any]:
    return {
        "file": judged.file,
        "kind": judged.kind,
        "packages": judged.packages,
        "level": judged.level.value,
        "fail_on": (judged.fail_on or report.fail_on).value,
        "findings": list(map(_finding, judged.findings)),
        "ignored": [
            {"finding": _finding(each.finding), "reason": each.reason} for each in judged.ignored
        ],
        "unlooked": [{"what": each.what, "reason": each.reason} for each in judged.unlooked],
        "applied": list(judged.applied),
        "unapplied": dict(judged.unapplied),
    }


def _finding(finding: Finding) -> Mapping[str, Any]:
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity.value,
        "file": finding.file,
        "line": finding.line or None,
        "subject": finding.subject,
        "subjects": list(finding.subjects),
        "message": finding.message,
        "remedy": finding.remedy,
    }


def _baseline(report: AuditReport) -> Mapping[str, Any] | None:
    used = report.baseline
    if used is None:
        return None
    return {"file": used.file, "known": used.known, "gone": list(map(plain_known, used.gone))}


def plain_known(known: Known) -> Mapping[str, str]:
    """Return a known finding as a baseline, and a report, write it."""
    return {
        "rule": known.rule,
        "file": known.file,
        "subject": known.subject,
        "message": known.message,
    }


def _rule(rule: RuleText) -> Mapping[str, str]:
    return {
        "code": rule.code,
        "name": rule.name,
        "title": rule.title,
        "reason": rule.reason,
        "remedy": rule.remedy,
        "severity": rule.severity.value,
    }
