"""An audit as one web page: it can be kept, mailed, printed, and read on a phone.

The page holds no script and asks for nothing: its policy forbids both. What files say is shown as
text. Findings are filtered by check boxes that the style sheet alone obeys.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element

from envlock.formats.audit_html_style import AUDIT_STYLE
from envlock.formats.audit_words import (
    Group,
    groups,
    is_known,
    level_reached,
    passed_over,
    place,
    totals,
    unlooked,
    verdict,
)
from envlock.formats.html_tree import Content, add, contents, document, dotted, element, section
from envlock.formats.plain import count
from envlock.model.finding import AuditReport, Finding, Ignored, Judged, RuleText, Severity

_SIGNS = {"passed": "✓", "failed": "✕", "incomplete": "○"}
_BADGES = {
    Severity.ERROR: ("✕", "Error"),
    Severity.WARNING: ("!", "Warning"),
    Severity.NOTE: ("i", "Note"),
}


def format_audit_html(
    report: AuditReport, rules: Iterable[RuleText] = (), *, version: str = ""
) -> str:
    """Return the page; `rules` says why each rule is there, `version` is envlock's."""
    texts = {rule.code: rule for rule in rules}
    sections = [
        section("unread", "What could not be read", _unread(report)),
        section("findings", "Findings", _findings(report)),
        section("unlooked", "What was not looked at", _unlooked(report)),
        section("policy", "Policy", _policy(report)),
        section("passed", "What may pass", _passed(report)),
        section("rules", "Why these rules", _rules(report, texts)),
        section("files", "Files", _files(report)),
    ]
    shown = [each for each in sections if each is not None]
    found = verdict(report)
    return document(
        f"{found.word}: {_title(report)} · envlock audit",
        AUDIT_STYLE,
        (_head(report), contents(shown), element("main", *shown), _foot(version)),
    )


def _title(report: AuditReport) -> str:
    files = [*(each.file for each in report.judged), *(each.file for each in report.unreadable)]
    return files[0] if len(files) == 1 else count(len(files), "file")


def _head(report: AuditReport) -> Element:
    found = verdict(report)
    sign = element("span", f"{_SIGNS[found.kind]} ", aria_hidden="true")
    return element(
        "header",
        element("p", "envlock audit", class_="kind"),
        element("h1", dotted(_title(report), behind="/")),
        element(
            "p",
            element("span", sign, found.word, class_="verdict"),
            element("span", f" {found.sentence}"),
        ),
        _facts(_at_a_glance(report)),
        class_=f"head {found.kind}",
    )


def _facts(facts: Iterable[tuple[str, Content]]) -> Element:
    pairs = (
        element("div", element("dt", name), element("dd", value)) for name, value in facts if value
    )
    return element("dl", *pairs, class_="facts")


def _at_a_glance(report: AuditReport) -> Iterable[tuple[str, str]]:
    yield "level reached", level_reached(report)
    thresholds = {(each.fail_on or report.fail_on).value for each in report.judged}
    yield "fails for", " / ".join(sorted(thresholds or {report.fail_on.value})) + " or worse"
    yield "files", f"{len(report.judged):,}"
    yield "packages", f"{sum(each.packages for each in report.judged):,}"
    yield "may pass", passed_over(report)
    blind = len(unlooked(report))
    yield "not looked at", f"{blind:,} kinds of things" if blind > 1 else f"{blind:,}"


def _unread(report: AuditReport) -> Iterable[Content]:
    if report.unreadable:
        items = (
            element(
                "li",
                element("p", *_marked(each.problem)),
                *(element("p", "Hint: ", *_marked(hint), class_="hint") for hint in each.hints),
            )
            for each in report.unreadable
        )
        yield element("ul", *items, class_="findings failed")


def _findings(report: AuditReport) -> Iterable[Content]:
    with_some = [judged for judged in report.judged if judged.findings]
    if not with_some:
        return
    yield _filter(report)
    for number, judged in enumerate(with_some):
        yield _file(judged, number)


def _filter(report: AuditReport) -> Element:
    """Return a check box for each severity that there is."""
    there = {finding.severity for finding in report.findings}
    boxes = (
        element(
            "label",
            element("input", type="checkbox", checked="checked", id=f"show-{each.value}"),
            f" {each.value}s ({sum(f.severity is each for f in report.findings):,})",
        )
        for each in Severity
        if each in there
    )
    return element("fieldset", element("legend", "Show"), *boxes, class_="filter")


def _file(judged: Judged, number: int) -> Element:
    heading = element(
        "h3",
        dotted(judged.file, "code", behind="/"),
        id=f"file-{number + 1}",
    )
    told = f"{judged.kind}, {count(judged.packages, 'package')}: {totals(judged.findings)}"
    shown = (_group(group) for group in groups(judged))
    kinds = " ".join(sorted({f"has-{finding.severity.value}" for finding in judged.findings}))
    return element(
        "article",
        heading,
        element("p", told, class_="note"),
        *shown,
        class_=f"file {kinds}",
        aria_labelledby=f"file-{number + 1}",
    )


def _group(group: Group) -> Element:
    number = count(len(group.findings), "finding")
    summary = element(
        "summary",
        badge(group.severity),
        " ",
        element("code", group.code),
        f" {group.name} ",
        element("span", f"({number})", class_="note"),
    )
    rows = element("ul", *map(_row, group.findings), class_="places")
    remedy = element("p", element("strong", "What to do: "), *_marked(group.remedy))
    return element(
        "details", summary, rows, remedy, class_=f"group {group.severity.value}", open="open"
    )


def _row(finding: Finding) -> Element:
    where = element("span", place(finding), class_="place")
    return element("li", where, " ", element("span", *_marked(finding.message)))


def badge(severity: Severity) -> Element:
    """Return a severity as sign, word, border and colour."""
    sign, word = _BADGES[severity]
    shown = element("span", f"{sign} ", aria_hidden="true")
    return element("span", shown, word, class_=f"badge {severity.value}")


def _marked(text: str) -> Sequence[Content]:
    """Return text in which what stands between back quotes is code."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:
        pieces[-2:] = ["`".join(pieces[-2:])]
    return [
        element("code", piece) if number % 2 and piece else piece
        for number, piece in enumerate(pieces)
    ]


def _unlooked(report: AuditReport) -> Iterable[Content]:
    blind = unlooked(report)
    if blind:
        items = (
            element("li", element("strong", what), ": ", *_marked(reason)) for what, reason in blind
        )
        yield element("p", "Nothing is said of these: neither good nor bad.")
        yield element("ul", *items, class_="findings not-run")


def _policy(report: AuditReport) -> Iterable[Content]:
    items = [
        element(
            "li",
            element("p", element("code", each.where), ": ", *_marked(each.said)),
            element("p", *_marked(each.remedy), class_="hint"),
        )
        for each in report.notices
    ]
    if items:
        yield element("ul", *items, class_="findings")
    used = report.baseline
    if used is not None:
        known = count(used.known, "finding")
        yield element("p", f"The baseline {used.file} lets {known} pass.")
        if used.gone:
            yield element("p", "What it knows that does not occur any more:")
            told = (
                element("li", element("code", f"{each.rule} {each.file}"), ": ", each.message)
                for each in used.gone
            )
            yield element("ul", *told, class_="findings")


def _passed(report: AuditReport) -> Iterable[Content]:
    ignored = [each for judged in report.judged for each in judged.ignored]
    if ignored:
        items = element("ul", *map(_passed_row, sorted(ignored, key=is_known)), class_="places")
        summary = element("summary", f"{count(len(ignored), 'finding')}: {passed_over(report)}")
        yield element("details", summary, items)


def _passed_row(ignored: Ignored) -> Element:
    finding = ignored.finding
    return element(
        "li",
        element("code", finding.code),
        " ",
        dotted(finding.file, "code", behind="/"),
        f", {place(finding)}: ",
        *_marked(finding.message),
        element("p", f"Because: {ignored.reason}", class_="hint"),
    )


def _rules(report: AuditReport, texts: dict[str, RuleText]) -> Iterable[Content]:
    codes = sorted({finding.code for finding in report.findings}.intersection(texts))
    if codes:
        facts = element("dl", class_="reasons")
        for code in codes:
            rule = texts[code]
            add(facts, element("dt", element("code", code), f" {rule.name}: {rule.title}"))
            add(facts, element("dd", *_marked(rule.reason)))
        yield facts


def _files(report: AuditReport) -> Iterable[Content]:
    heads = ("File", "Format", "Packages", "Findings", "Level")
    rows = (
        element(
            "tr",
            element("th", dotted(each.file, "code", behind="/"), scope="row"),
            element("td", each.kind),
            element("td", f"{each.packages:,}"),
            element("td", totals(each.findings) or "none"),
            element("td", each.level.value),
        )
        for each in report.judged
    )
    if report.judged:
        table = element(
            "table",
            element("caption", f"{count(len(report.judged), 'file')} that could be read"),
            element("thead", element("tr", *(element("th", head, scope="col") for head in heads))),
            element("tbody", *rows),
            class_="files",
        )
        label = "Table of files"
        yield element("div", table, class_="scroll", role="region", tabindex="0", aria_label=label)


def _foot(version: str) -> Element:
    by = f" {version}" if version else ""
    return element(
        "footer",
        element("p", f"Audited by envlock{by}. This page runs no script and loads nothing."),
    )
