"""An audit as SARIF 2.1.0, for code scanning and for editors.

Written for what GitHub takes: every result has one place and a fingerprint that stays when lines
move; at most 25,000 results, the worst first, since a file with more is refused and only 5,000 are
shown. Findings that may pass are left out unless they are asked for, because GitHub shows results
with a suppression as open ones. What was not looked at and what could not be read are notifications
of the run: an empty list of results must not look like innocence.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any

from envlock.formats.audit_words import level_reached, unlooked
from envlock.formats.file_uri import is_absolute, uri_of
from envlock.formats.plain import count, printable
from envlock.model.finding import AuditReport, Finding, Ignored, RuleText, Severity

MOST_RESULTS = 25_000
_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_BASE = "%SRCROOT%"
_PROBLEMS = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.NOTE: "recommendation",
}


def format_sarif(
    report: AuditReport,
    rules: Sequence[RuleText],
    *,
    version: str,
    names: Mapping[str, str] | None = None,
    with_ignored: bool = False,
) -> str:
    """Return the log as JSON with ordered keys.

    `names` gives the path from the project's root on for a file that the report names otherwise;
    `version` is envlock's.
    """
    run = _Run(report, rules, names or {}, with_ignored=with_ignored).run(version)
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


class _Run:
    """One run; it knows at which places its rules and files stand."""

    def __init__(
        self,
        report: AuditReport,
        rules: Sequence[RuleText],
        names: Mapping[str, str],
        *,
        with_ignored: bool,
    ) -> None:
        self._report = report
        self._names = names
        self._rules = {rule.code: number for number, rule in enumerate(rules)}
        self._texts = rules
        files = [each.file for each in report.judged]
        files += [each.file for each in report.unreadable]
        self._files = {file: number for number, file in enumerate(dict.fromkeys(files))}
        ignored = [each for judged in report.judged for each in judged.ignored]
        found: list[Finding | Ignored] = [*report.findings, *(ignored if with_ignored else ())]
        self._found = sorted(found, key=_worst_first)
        self._left_out = 0 if with_ignored else len(ignored)

    def run(self, version: str) -> Mapping[str, Any]:
        driver = {
            "name": "envlock",
            "version": version,
            "rules": list(map(_rule, self._texts)),
        }
        return {
            "tool": {"driver": driver},
            "automationDetails": {"id": "envlock/audit/"},
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": {
                _BASE: {"description": {"text": "The root of the project that was audited."}}
            },
            "artifacts": [
                {"location": self._location(file), "roles": ["analysisTarget"]}
                for file in self._files
            ],
            "invocations": [self._invocation()],
            "results": list(self._results()),
        }

    def _location(self, file: str) -> dict[str, Any]:
        path = self._names.get(file, file)
        uri = {"uri": uri_of(path)}
        return uri if is_absolute(path) else {**uri, "uriBaseId": _BASE}

    def _results(self) -> Iterator[Mapping[str, Any]]:
        seen: Counter[str] = Counter()
        for each in self._found[:MOST_RESULTS]:
            finding = each.finding if isinstance(each, Ignored) else each
            print_ = _fingerprint(finding, self._names.get(finding.file, finding.file))
            seen[print_] += 1
            result = self._result(finding)
            result["partialFingerprints"] = {
                "envlockFinding/v1": print_,
                "primaryLocationLineHash": f"{print_[:16]}:{seen[print_]}",
            }
            if isinstance(each, Ignored):
                result["suppressions"] = [
                    {"kind": "external", "status": "accepted", "justification": _plain(each.reason)}
                ]
            yield result

    def _result(self, finding: Finding) -> dict[str, Any]:
        physical: dict[str, Any] = {
            "artifactLocation": {
                **self._location(finding.file),
                "index": self._files[finding.file],
            }
        }
        if finding.line:
            physical["region"] = {"startLine": finding.line}
        result: dict[str, Any] = {
            "ruleId": finding.code,
            "level": finding.severity.value,
            "message": {"text": _plain(f"{finding.message}\nFix: {finding.remedy}")},
            "locations": [{"physicalLocation": physical}],
        }
        if finding.code in self._rules:
            result["ruleIndex"] = self._rules[finding.code]
        return result

    def _invocation(self) -> Mapping[str, Any]:
        return {
            "executionSuccessful": not (self._report.unreadable or self._report.short),
            "toolExecutionNotifications": list(self._execution()),
            "toolConfigurationNotifications": [
                _notification("warning", f"{each.where}: {each.said}. Fix: {each.remedy}")
                for each in self._report.notices
            ],
        }

    def _execution(self) -> Iterator[Mapping[str, Any]]:
        for unread in self._report.unreadable:
            text = "\n".join((f"Cannot be read: {unread.problem}", *unread.hints))
            place = {"physicalLocation": {"artifactLocation": self._location(unread.file)}}
            yield {**_notification("error", text), "locations": [place]}
        yield _notification("note", f"Level reached: {level_reached(self._report)}.")
        for what, reason in unlooked(self._report):
            yield _notification("note", f"Not looked at: {what} ({reason}).")
        if self._left_out:
            text = f"{count(self._left_out, 'finding')} may pass and stand in no result."
            yield _notification("note", text)
        more = len(self._found) - MOST_RESULTS
        if more > 0:
            text = f"{count(more, 'more finding')} would not fit: code scanning takes "
            yield _notification("warning", f"{text}{MOST_RESULTS:,}, and these are the worst.")


def _worst_first(each: Finding | Ignored) -> tuple[object, ...]:
    finding = each.finding if isinstance(each, Ignored) else each
    return (isinstance(each, Ignored), finding.severity.rank, *finding.order)


def _fingerprint(finding: Finding, path: str) -> str:
    said = json.dumps((finding.code, path, finding.subject, finding.message))
    return sha256(said.encode()).hexdigest()


def _notification(level: str, text: str) -> dict[str, Any]:
    return {"level": level, "message": {"text": _plain(text)}}


def _rule(rule: RuleText) -> Mapping[str, Any]:
    return {
        "id": rule.code,
        "name": "".join(part.capitalize() for part in rule.name.split("-")),
        "shortDescription": {"text": f"{rule.title[:1].upper()}{rule.title[1:]}"},
        "fullDescription": {"text": rule.reason},
        "help": {
            "text": f"{rule.reason}\nFix: {rule.remedy}",
            "markdown": f"{rule.reason}\n\n**Fix:** {rule.remedy}",
        },
        "defaultConfiguration": {"level": rule.severity.value},
        "properties": {
            "tags": ["reproducibility"],
            "precision": "very-high",
            "problem.severity": _PROBLEMS[rule.severity],
        },
    }


def _plain(text: str) -> str:
    """Return text in which nothing is a link: a viewer would follow `[here](…)`."""
    return "\n".join(map(printable, text.splitlines())).replace("](", "] (")
