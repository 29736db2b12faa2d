"""What every form of an audit's report says in the same words: the verdict, places, and groups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from msgspec import Struct

from envlock.formats.plain import count
from envlock.model.finding import (
    IN_BASELINE,
    AuditReport,
    BaselineUse,
    Finding,
    Ignored,
    Judged,
    Severity,
)


class Verdict(Struct, frozen=True, kw_only=True):
    """What an audit comes to."""

    kind: str
    """`passed`, `failed`, or `incomplete` where something could not be read, or not
    looked at as deep as was asked."""
    word: str
    sentence: str


class Group(Struct, frozen=True, kw_only=True):
    """Findings of one rule in one file that have one remedy."""

    code: str
    name: str
    severity: Severity
    remedy: str
    findings: tuple[Finding, ...]


def verdict(report: AuditReport) -> Verdict:
    """Return the verdict over a report: whether it is clean, and what was found in how much."""
    files = count(len(report.judged), "file")
    found = totals(report.findings)
    said = f"{found or 'nothing found'} in {files}"
    if report.unreadable:
        number = count(len(report.unreadable), "file")
        unread = f"{number} could not be read; {said}."
        return Verdict(kind="incomplete", word="Incomplete", sentence=unread)
    if not report.is_clean:
        return Verdict(kind="failed", word="Failed", sentence=f"{said}.")
    if report.short:
        number = count(len(report.short), "file")
        unreached = f"{number} did not reach the level that was asked for; {said}."
        return Verdict(kind="incomplete", word="Incomplete", sentence=unreached)
    if found:
        said = f"{said}, none as bad as the threshold"
    return Verdict(kind="passed", word="Passed", sentence=f"{said}.")


def totals(findings: Iterable[Finding]) -> str:
    """Return `1 error, 2 warnings`; empty for none."""
    every = list(findings)
    numbers = ((each, sum(item.severity is each for item in every)) for each in Severity)
    return ", ".join(count(number, each.value) for each, number in numbers if number)


def level_reached(report: AuditReport) -> str:
    """Return the level that every file reached, and the one that was asked for if it differs."""
    asked = f" ({report.asked.value} was asked for)" if report.asked is not report.level else ""
    return f"{report.level.value if report.level else 'none'}{asked}"


def passed_over(report: AuditReport) -> str:
    """Return how many findings may pass, and by what; empty for none."""
    ignored = [each for judged in report.judged for each in judged.ignored]
    known = sum(map(is_known, ignored))
    parts = (
        (known, "in the baseline"),
        (len(ignored) - known, "by the policy"),
    )
    return ", ".join(f"{number:,} {how}" for number, how in parts if number)


def gone(used: BaselineUse) -> str:
    """Return how much of what a baseline knows was not found any more."""
    number = len(used.gone)
    return f"{used.file} knows {count(number, 'finding')} that {_do(number)} not occur any more"


def _do(number: int) -> str:
    return "does" if number == 1 else "do"


def is_known(ignored: Ignored) -> bool:
    """Say whether a finding may pass because a baseline knows it."""
    return ignored.reason == IN_BASELINE


def unlooked(report: AuditReport) -> Sequence[tuple[str, str]]:
    """Return what was not looked at, each with its reason and in how many files."""
    seen: dict[tuple[str, str], int] = {}
    for judged in report.judged:
        for each in judged.unlooked:
            seen[each.what, each.reason] = seen.get((each.what, each.reason), 0) + 1
    every = len(report.judged)
    return [
        (what, reason if number == every else f"{reason}; in {count(number, 'file')}")
        for (what, reason), number in seen.items()
    ]


def groups(judged: Judged) -> Sequence[Group]:
    """Return a file's findings by rule and remedy: the worst first, then as the file has them."""
    place = {id(finding): number for number, finding in enumerate(judged.findings)}
    first: dict[tuple[str, str], int] = {}
    for finding in judged.findings:
        first.setdefault((finding.code, finding.remedy), place[id(finding)])

    def key(finding: Finding) -> tuple[int, int, str, str]:
        start = first[finding.code, finding.remedy]
        return (finding.severity.rank, start, finding.code, finding.remedy)

    return [
        Group(
            code=found[0].code,
            name=found[0].name,
            severity=found[0].severity,
            remedy=found[0].remedy,
            findings=tuple(found),
        )
        for _, grouped in groupby(sorted(judged.findings, key=key), key=key)
        if (found := list(grouped))
    ]


def place(finding: Finding) -> str:
    """Return where in its file a finding is."""
    return f"line {finding.line}" if finding.line else "whole file"
