"""An audit as JUnit XML: a suite for each file, a case for each rule that could look at it.

A case fails for findings as bad as the threshold of its file, as the exit status does; what is less
bad stands in its output, and so does what may pass. A rule that could not look is skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from xml.etree.ElementTree import Element

from envlock.formats.audit_words import place
from envlock.formats.junit_tree import (
    Tally,
    add_case,
    add_failure,
    add_output,
    add_properties,
    add_skipped,
    add_suite,
    document,
    lines,
    suites,
)
from envlock.model.finding import AuditReport, Finding, Judged, RuleText, Unreadable


def format_audit_junit(report: AuditReport, rules: Iterable[RuleText]) -> str:
    """Return the XML document."""
    texts = {rule.code: rule for rule in rules}
    failures = (len(_failing(report, judged)) for judged in report.judged)
    root = suites(
        "envlock audit",
        Tally(
            tests=sum(len(_codes(judged)) for judged in report.judged) + len(report.unreadable),
            failures=sum(failures) + len(report.unreadable),
        ),
    )
    for judged in report.judged:
        _add_file(root, report, judged, texts)
    for unread in report.unreadable:
        _add_unreadable(root, unread)
    return document(root)


def _codes(judged: Judged) -> Sequence[str]:
    return sorted({*judged.applied, *judged.unapplied, *(each.code for each in judged.findings)})


def _failing(report: AuditReport, judged: Judged) -> frozenset[str]:
    """Return the codes of the rules that fail a file."""
    return frozenset(each.code for each in judged.findings if report.counts(each, judged))


def _add_file(
    root: Element, report: AuditReport, judged: Judged, texts: Mapping[str, RuleText]
) -> None:
    codes = _codes(judged)
    suite = add_suite(
        root,
        judged.file,
        Tally(
            tests=len(codes),
            failures=len(_failing(report, judged)),
            skipped=sum(code in judged.unapplied for code in codes),
        ),
    )
    facts = {
        "kind": judged.kind,
        "packages": str(judged.packages),
        "level": judged.level.value,
        "fail_on": (judged.fail_on or report.fail_on).value,
    }
    add_properties(suite, facts.items())
    for code in codes:
        name = f"{code} {texts[code].title}" if code in texts else code
        case = add_case(suite, f"{judged.file}.{code}", name)
        if code in judged.unapplied:
            add_skipped(case, judged.unapplied[code])
        else:
            _tell(case, report, judged, code)


def _tell(case: Element, report: AuditReport, judged: Judged, code: str) -> None:
    found = [each for each in judged.findings if each.code == code]
    failing = [each for each in found if report.counts(each, judged)]
    if failing:
        first = failing[0]
        more = f" (and {len(failing) - 1:,} more)" if len(failing) > 1 else ""
        text = "\n".join(map(_told, failing))
        add_failure(case, f"{first.message}{more}", text, kind=first.severity.value)
    less = [_told(each) for each in found if each not in failing]
    passed = [
        f"let pass, {each.reason}: {_told(each.finding)}"
        for each in judged.ignored
        if each.finding.code == code
    ]
    add_output(case, lines("\n".join((*less, *passed))))


def _told(finding: Finding) -> str:
    return (
        f"{finding.file}, {place(finding)}: {finding.severity.value}: {finding.message}\n"
        f"fix: {finding.remedy}"
    )


def _add_unreadable(root: Element, unread: Unreadable) -> None:
    suite = add_suite(root, unread.file, Tally(tests=1, failures=1))
    case = add_case(suite, unread.file, "can be read")
    hints = (f"hint: {hint}" for hint in unread.hints)
    add_failure(case, unread.problem, "\n".join((unread.problem, *hints)), kind="unreadable")
