"""An audit as text for people: file by file, in each the worst first, a remedy once for a rule."""

from __future__ import annotations

import os
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

from envlock.cli.table import TEXT_WIDTH, count, printable, terminal_width
from envlock.formats.audit_words import (
    Group,
    gone,
    groups,
    level_reached,
    passed_over,
    unlooked,
    verdict,
)
from envlock.formats.audit_words import place as place_of
from envlock.model.finding import (
    AuditReport,
    BaselineUse,
    Finding,
    Judged,
    Notice,
    RuleText,
    Severity,
    Unreadable,
)

_COLOURS = {Severity.ERROR: "1;31", Severity.WARNING: "33", Severity.NOTE: "36"}
_VERDICTS = {"passed": "1;32", "failed": "1;31", "incomplete": "1;33"}
_FEW = 5
_OWN_SEVERITY = "A finding whose case is worse or milder than usual says another severity."
_UNASKED = re.compile(r"^nobody [a-z ]+: (?=`-)")
"""Before an option; the option alone says as much."""
_DEEPER = re.compile(r"^`--level \w+` does it")


class Paint:
    """Colours for a terminal, and nothing for a file, a pipe or a person who wants none."""

    def __init__(self, *, is_on: bool) -> None:
        self._is_on = is_on

    def __call__(self, text: str, style: str) -> str:
        """Return a text in a colour."""
        return f"\033[{style}m{text}\033[0m" if self._is_on else text


def terminal_paint() -> Paint:
    """Return the colours that stdout can show; `NO_COLOR` and a dumb terminal show none."""
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Paint(is_on=wanted and sys.stdout.isatty())


def render(
    report: AuditReport, *, is_quiet: bool = False, paint: Paint | None = None
) -> Iterator[str]:
    """Yield the findings file by file, what could not be read, and the verdict.

    A quiet report is the verdict alone.
    """
    paint = paint or terminal_paint()
    width = min(terminal_width() or TEXT_WIDTH, TEXT_WIDTH)
    if not is_quiet:
        for judged in report.judged:
            if judged.findings:
                yield from _file(judged, width, paint)
        yield from _clean(report, width)
        for unreadable in report.unreadable:
            yield from _unreadable(unreadable, width, paint)
        for notice in report.notices:
            yield from _notice(notice, width, paint)
        if report.baseline and report.baseline.gone:
            yield from _gone(report.baseline, width, paint)
    yield from _verdict(report, width, paint)
    if not is_quiet:
        yield from _blind(report, width)


def _file(judged: Judged, width: int, paint: Paint) -> Iterator[str]:
    packages = count(judged.packages, "package")
    yield f"{paint(printable(judged.file), '1')}: {printable(judged.kind)}, {packages}"
    for group in groups(judged):
        yield from _group(group, width, paint)
    yield ""


def _clean(report: AuditReport, width: int) -> Iterator[str]:
    """Yield which files have nothing to tell of, so that nobody asks whether they were read."""
    clean = [each for each in report.judged if not each.findings and not each.ignored]
    if not clean:
        return
    named = [
        f"{each.file} ({each.kind}, {count(each.packages, 'package')})" for each in clean[:_FEW]
    ]
    if len(clean) > _FEW:
        named.append(f"{len(clean) - _FEW:,} more")
    yield from _wrap(f"Nothing found in {_joined(named)}.", width, "", "  ")
    yield ""


def _group(group: Group, width: int, paint: Paint) -> Iterator[str]:
    severity = paint(f"{group.severity.value}:", _COLOURS[group.severity])
    yield f"  {severity} {paint(group.code, '1')} {group.name}"
    for finding in group.findings:
        yield from _finding(finding, width, paint)
    yield from _labelled("    ", "fix:", group.remedy, width, paint("fix:", "32"))


def _finding(finding: Finding, width: int, paint: Paint) -> Iterator[str]:
    label = f"{place_of(finding)}:"
    yield from _labelled("    ", label, finding.message, width, paint(label, "2"))


def _labelled(indent: str, label: str, text: str, width: int, shown: str) -> Iterator[str]:
    """Yield a text behind a label; `shown` is the label as a terminal gets it."""
    lines = _wrap(f"{label} {text}", width, indent, f"{indent}  ")
    for number, line in enumerate(lines):
        yield line.replace(label, shown, 1) if number == 0 else line


def _unreadable(unreadable: Unreadable, width: int, paint: Paint) -> Iterator[str]:
    label = "cannot be read:"
    yield from _labelled("", label, unreadable.problem, width, paint(label, "1;31"))
    for hint in unreadable.hints:
        yield from _labelled("  ", "hint:", hint, width, paint("hint:", "32"))
    yield ""


def _notice(notice: Notice, width: int, paint: Paint) -> Iterator[str]:
    label = "policy:"
    said = f"{notice.where}: {notice.said}"
    yield from _labelled("", label, said, width, paint(label, "33"))
    yield from _labelled("  ", "fix:", notice.remedy, width, paint("fix:", "32"))
    yield ""


def _gone(used: BaselineUse, width: int, paint: Paint) -> Iterator[str]:
    label = "baseline:"
    yield from _labelled("", label, f"{gone(used)}:", width, paint(label, "33"))
    for known in islice(used.gone, _FEW):
        yield from _wrap(f"{known.rule} {known.file}: {known.message}", width, "  ", "    ")
    if len(used.gone) > _FEW:
        yield f"  and {len(used.gone) - _FEW:,} more"
    remedy = "drop them with `--write-baseline`, so that they cannot come back unseen"
    yield from _labelled("  ", "fix:", remedy, width, paint("fix:", "32"))
    yield ""


def _verdict(report: AuditReport, width: int, paint: Paint) -> Iterator[str]:
    found = verdict(report)
    passed = passed_over(report)
    more = f" May pass: {passed}." if passed else ""
    said = f"{found.word}: {found.sentence}{more} Level reached: {level_reached(report)}."
    label = f"{found.word}:"
    shown = paint(label, _VERDICTS[found.kind])
    yield from _labelled("", label, said.removeprefix(f"{label} "), width, shown)


def _blind(report: AuditReport, width: int) -> Iterator[str]:
    said = "; ".join(f"{_joined(what)} ({reason})" for reason, what in _by_reason(report).items())
    if said:
        yield from _wrap(f"Not looked at: {said}.", width, "", "  ")


def _by_reason(report: AuditReport) -> Mapping[str, Sequence[str]]:
    """Return what was not looked at by what would look at it, or by why nothing would."""
    found: dict[str, list[str]] = {}
    for what, reason in unlooked(report):
        short = _DEEPER.sub("`--level` looks deeper", _UNASKED.sub("", reason))
        found.setdefault(short, []).append(what)
    return found


def _joined(words: Sequence[str]) -> str:
    *before, last = words
    return f"{', '.join(before)} and {last}" if before else last


def _wrap(text: str, width: int, first: str, rest: str) -> list[str]:
    return textwrap.wrap(
        printable(text),
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def render_rules(rules: Iterable[RuleText], paint: Paint | None = None) -> Iterator[str]:
    """Yield a line for each rule."""
    paint = paint or terminal_paint()
    every = list(rules)
    names = max((len(rule.name) for rule in every), default=0)
    levels = max(len(each.value) for each in Severity)
    for rule in every:
        severity = paint(f"{rule.severity.value:<{levels}}", _COLOURS[rule.severity])
        yield f"{rule.code}  {severity}  {rule.name:<{names}}  {rule.title}"


def render_rule(rule: RuleText, paint: Paint | None = None) -> Iterator[str]:
    """Yield what a rule looks for, why, and what to do."""
    paint = paint or terminal_paint()
    width = min(terminal_width() or TEXT_WIDTH, TEXT_WIDTH)
    severity = paint(rule.severity.value, _COLOURS[rule.severity])
    yield f"{paint(rule.code, '1')} {rule.name} ({severity}): {rule.title}"
    yield ""
    yield from _wrap(rule.reason, width, "", "")
    yield from _wrap(_OWN_SEVERITY, width, "", "")
    yield ""
    yield from _labelled("", "fix:", rule.remedy, width, paint("fix:", "32"))
    yield ""
    yield "To let it pass, in [audit] of a stack or [tool.envlock.audit] of pyproject.toml:"
    yield f'  ignore = [{{ rule = "{rule.code}", reason = "why it may pass" }}]'
    yield f'  severity = {{ {rule.code} = "off" }}'
