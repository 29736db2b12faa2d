"""An audit as text for people, and as JSON for programs."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

import msgspec

from envlock.cli.table import TEXT_WIDTH, count, printable, terminal_width
from envlock.formats.canonical import format_canonical
from envlock.model.finding import AuditReport, Finding, Judged, Severity, Unreadable


def render(report: AuditReport) -> Iterator[str]:
    """Yield the findings file by file, what could not be read, and the verdict."""
    width = min(terminal_width() or TEXT_WIDTH, TEXT_WIDTH)
    for judged in report.judged:
        if judged.findings:
            yield from _file(judged, width)
    for unreadable in report.unreadable:
        yield from _unreadable(unreadable, width)
    yield from _verdict(report, width)


def _file(judged: Judged, width: int) -> Iterator[str]:
    yield f"{judged.file}: {judged.kind}, {count(judged.packages, 'package')}"
    for finding in judged.findings:
        yield from _finding(finding, width)
    yield ""


def _finding(finding: Finding, width: int) -> Iterator[str]:
    place = f"line {finding.line}" if finding.line else "whole file"
    yield f"  {finding.severity.value}: {finding.code} {finding.name}, {place}"
    yield from _wrap(finding.message, width, "    ")
    yield from _wrap(f"fix: {finding.remedy}", width, "    ", "         ")


def _unreadable(unreadable: Unreadable, width: int) -> Iterator[str]:
    yield from _wrap(f"cannot be read: {unreadable.problem}", width, "")
    for hint in unreadable.hints:
        yield from _wrap(f"hint: {hint}", width, "  ", "        ")
    yield ""


def _verdict(report: AuditReport, width: int) -> Iterator[str]:
    totals = [
        count(number, severity.value)
        for severity in Severity
        if (number := sum(item.severity is severity for item in report.findings))
    ]
    said = ", ".join(totals) or "nothing found"
    ignored = sum(len(item.ignored) for item in report.judged)
    more = f"; {ignored} let pass by the policy or the baseline" if ignored else ""
    files = count(len(report.judged), "file")
    yield f"{said} in {files}{more}; level reached: {report.level.value}"
    unlooked = dict.fromkeys(
        f"{item.what} ({item.reason})" for judged in report.judged for item in judged.unlooked
    )
    if unlooked:
        yield from _wrap(f"not looked at: {'; '.join(unlooked)}", width, "", "  ")


def _wrap(text: str, width: int, first: str, rest: str | None = None) -> Iterator[str]:
    yield from textwrap.wrap(
        printable(text),
        width,
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def render_json(report: AuditReport) -> Iterator[str]:
    """Yield the whole report as one line of JSON."""
    plain: Any = msgspec.to_builtins(report)
    yield format_canonical({**plain, "clean": report.is_clean, "level": report.level.value})
