"""An audit as GitHub's Markdown: for a comment on a pull request, or the summary of a CI step.

The verdict first, then a table of the findings, then what to do, by rule. What files say is shown
as text: no mark of Markdown, no HTML, no mention of a person and no link comes out of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from envlock.formats.audit_words import (
    Group,
    gone,
    groups,
    level_reached,
    passed_over,
    unlooked,
    verdict,
)
from envlock.formats.plain import count, printable
from envlock.model.finding import AuditReport, Finding, RuleText

LONGEST = 65_536
"""So many characters a comment holds."""
_ROOM = 24_000
"""For the findings, and as much for the remedies."""
_LITTLE_ROOM = 4_000
"""For each of the lists beside them."""
_LONGEST_TEXT = 1_000
_SIGNS = {"passed": "✅", "failed": "❌", "incomplete": "⚠️"}
_SPECIAL = re.compile(r"www\.|:(?=//)|[\\`*_{}\[\]()<>#+!|~$&@^=]", re.IGNORECASE)
_ENTITIES = {
    "<": "&lt;",
    ">": "&gt;",
    "&": "&amp;",
    ":": "&#58;",  # GitHub makes links of bare addresses, whatever is escaped in them
    "$": "&#36;",
    "@": "@<!-- -->",  # and of people and issues in what is rendered already
    "#": "#<!-- -->",
}
_LIST = re.compile(r"^([0-9]*)([.)-])(?=\s|-|$)")
"""What would begin a list, or be a line across the page."""
_LINES = re.compile(r"\s+")


def format_audit_markdown(report: AuditReport, rules: Iterable[RuleText] = ()) -> str:
    """Return the text; `rules` says why each rule of a finding is there."""
    blocks = [*_head(report), *_unread(report), *_table(report), *_remedies(report, rules)]
    blocks += [*_notices(report), *_not_looked_at(report)]
    return "\n\n".join(blocks) + "\n"


def _head(report: AuditReport) -> Iterator[str]:
    found = verdict(report)
    yield f"## {_SIGNS[found.kind]} envlock audit: {found.word.lower()}"
    passed = passed_over(report)
    more = f" May pass: {passed}." if passed else ""
    said = f"{found.sentence[:1].upper()}{found.sentence[1:]}"
    yield f"{escape(said)}{more} Level reached: **{level_reached(report)}**."


def _unread(report: AuditReport) -> Iterator[str]:
    if report.unreadable:
        yield "### What could not be read"
        yield _listed("; ".join((each.problem, *each.hints)) for each in report.unreadable)


def _rows(report: AuditReport) -> Iterator[tuple[Group, Finding]]:
    for judged in report.judged:
        for group in groups(judged):
            for finding in group.findings:
                yield group, finding


def _table(report: AuditReport) -> Iterator[str]:
    rows = list(_rows(report))
    if not rows:
        return
    ordered = sorted(rows, key=lambda row: row[0].severity.rank)
    shown = _that_fit(map(_row, ordered))
    yield "\n".join(("| | Rule | Place | What is there |", "|---|---|---|---|", *shown))
    if len(rows) > len(shown):
        yield f"{count(len(rows) - len(shown), 'more finding')}, none worse: there is no room here."


def _listed(texts: Iterable[str]) -> str:
    """Return texts as a list, cut where there is no room for more."""
    lines = [f"- {escape(text)}" for text in texts]
    shown = _that_fit(lines, _LITTLE_ROOM)
    more = [f"- and {len(lines) - len(shown):,} more"] if len(shown) < len(lines) else []
    return "\n".join((*shown, *more))


def _that_fit(lines: Iterable[str], room: int = _ROOM) -> Sequence[str]:
    """Return the first lines, as many as there is room for."""
    shown: list[str] = []
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        shown.append(line)
    return shown


def _row(row: tuple[Group, Finding]) -> str:
    group, finding = row
    line = f", line {finding.line}" if finding.line else ""
    cells = (
        group.severity.value,
        f"{group.code} {escape(group.name)}",
        f"{escape(finding.file)}{line}",
        escape(finding.message),
    )
    return f"| {' | '.join(cells)} |"


def _remedies(report: AuditReport, rules: Iterable[RuleText]) -> Iterator[str]:
    """Yield what to do, once for each rule."""
    reasons = {rule.code: rule.reason for rule in rules}
    found: dict[str, list[Group]] = {}
    for judged in report.judged:
        for group in groups(judged):
            found.setdefault(group.code, []).append(group)
    if not found:
        return
    yield "### What to do"
    worst = sorted(found.values(), key=lambda each: min(group.severity.rank for group in each))
    lines = [line for of_rule in worst for line in _remedy(of_rule, reasons)]
    shown = _that_fit(lines)
    yield "\n".join(shown)
    if len(lines) > len(shown):
        yield "There is no room for the rest: `envlock audit --explain RULE` tells it."


def _remedy(of_rule: Sequence[Group], reasons: dict[str, str]) -> Iterator[str]:
    first = of_rule[0]
    number = count(sum(len(group.findings) for group in of_rule), "finding")
    reason = reasons.get(first.code)
    why = f": {escape(reason)}" if reason else ""
    yield f"- **{first.code} {escape(first.name)}** ({number}){why}"
    for remedy in dict.fromkeys(group.remedy for group in of_rule):
        yield f"  - {escape(remedy)}"


def _notices(report: AuditReport) -> Iterator[str]:
    lines = [f"{each.where}: {each.said}; {each.remedy}" for each in report.notices]
    if report.baseline and report.baseline.gone:
        lines.append(gone(report.baseline))
    if lines:
        yield "### Policy"
        yield _listed(lines)


def _not_looked_at(report: AuditReport) -> Iterator[str]:
    blind = unlooked(report)
    if blind:
        lines = _listed(f"{what}: {reason}" for what, reason in blind)
        yield f"<details><summary>Not looked at: {len(blind)}</summary>\n\n{lines}\n\n</details>"


def escape(text: str) -> str:
    """Return text in one line in which nothing is Markdown, HTML, a mention or a link.

    What stands between back quotes is set as code.
    """
    one_line = printable(_LINES.sub(" ", text).strip())
    if len(one_line) > _LONGEST_TEXT:
        one_line = f"{one_line[:_LONGEST_TEXT]}…"
    pieces = one_line.split("`")
    if len(pieces) % 2 == 0:  # the last one is not closed
        pieces[-2:] = ["`".join(pieces[-2:])]
    escaped = "".join(
        f"<code>{_escape(piece)}</code>" if number % 2 and piece else _escape(piece)
        for number, piece in enumerate(pieces)
    )
    return _LIST.sub(r"\1\\\2", escaped)


def _escape(text: str) -> str:
    return _SPECIAL.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    found = match[0]
    return found[:3] + "&#46;" if len(found) > 1 else _ENTITIES.get(found, f"\\{found}")
