"""An audit as SARIF, within the limits of code scanning."""

from __future__ import annotations

import json
from typing import Any

import pytest

from audit_reports import HASHES, RULES, TAGS, found, judged, report, whole
from envlock.formats.sarif import MOST_RESULTS, format_sarif
from envlock.model.finding import AuditReport


def run_of(log: AuditReport, **more: Any) -> Any:
    return json.loads(format_sarif(log, RULES, version="1.0", **more))["runs"][0]


def test_a_small_report_as_a_whole():
    log = json.loads(
        format_sarif(report(judged(found(line=3, subject="numpy"))), (HASHES,), version="1.0")
    )

    print_ = log["runs"][0]["results"][0]["partialFingerprints"]["envlockFinding/v1"]
    assert log == {
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/"
        "sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "envlock",
                        "version": "1.0",
                        "rules": [
                            {
                                "id": "EL101",
                                "name": "MissingHash",
                                "shortDescription": {"text": "Files without a hash"},
                                "fullDescription": {"text": HASHES.reason},
                                "help": {
                                    "text": f"{HASHES.reason}\nFix: lock it again",
                                    "markdown": f"{HASHES.reason}\n\n**Fix:** lock it again",
                                },
                                "defaultConfiguration": {"level": "error"},
                                "properties": {
                                    "tags": ["reproducibility"],
                                    "precision": "very-high",
                                    "problem.severity": "error",
                                },
                            }
                        ],
                    }
                },
                "automationDetails": {"id": "envlock/audit/"},
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {
                    "%SRCROOT%": {
                        "description": {"text": "The root of the project that was audited."}
                    }
                },
                "artifacts": [
                    {
                        "location": {"uri": "api/uv.lock", "uriBaseId": "%SRCROOT%"},
                        "roles": ["analysisTarget"],
                    }
                ],
                "invocations": [
                    {
                        "executionSuccessful": True,
                        "toolConfigurationNotifications": [],
                        "toolExecutionNotifications": [
                            {"level": "note", "message": {"text": "Level reached: lock."}},
                            {
                                "level": "note",
                                "message": {"text": "Not looked at: receipts (there is none)."},
                            },
                        ],
                    }
                ],
                "results": [
                    {
                        "ruleId": "EL101",
                        "ruleIndex": 0,
                        "level": "error",
                        "message": {"text": "`numpy` has no hash.\nFix: lock it again"},
                        "locations": [
                            {
                                "physicalLocation": {
                                    "artifactLocation": {
                                        "uri": "api/uv.lock",
                                        "uriBaseId": "%SRCROOT%",
                                        "index": 0,
                                    },
                                    "region": {"startLine": 3},
                                }
                            }
                        ],
                        "partialFingerprints": {
                            "envlockFinding/v1": print_,
                            "primaryLocationLineHash": f"{print_[:16]}:1",
                        },
                    }
                ],
            }
        ],
    }


def test_fingerprints_stay_when_lines_move():
    def prints(line: int) -> list[str]:
        results = run_of(report(judged(found(line=line, subject="a"))))["results"]
        return [each["partialFingerprints"] for each in results]

    assert prints(3) == prints(80)


def test_two_findings_that_say_the_same_have_two_fingerprints():
    log = report(judged(found(line=3, subject="a"), found(line=4, subject="a")))

    hashes = [
        each["partialFingerprints"]["primaryLocationLineHash"] for each in run_of(log)["results"]
    ]
    assert len(set(hashes)) == 2
    assert [each.rpartition(":")[2] for each in hashes] == ["1", "2"]


def test_a_finding_about_the_whole_file_has_no_region():
    place = run_of(report(judged(found())))["results"][0]["locations"][0]["physicalLocation"]

    assert set(place) == {"artifactLocation"}


def test_a_finding_of_a_rule_that_is_not_listed_has_no_index():
    log = json.loads(format_sarif(report(judged(found())), (), version="1.0"))

    assert "ruleIndex" not in log["runs"][0]["results"][0]


def test_files_are_named_from_the_root_of_the_project_and_escaped():
    names = {"api/uv.lock": "services/ä b#1/%2F:x"}

    uris = [each["location"] for each in run_of(report(judged()), names=names)["artifacts"]]

    assert uris == [{"uri": "services/%C3%A4%20b%231/%252F%3Ax", "uriBaseId": "%SRCROOT%"}]


@pytest.mark.parametrize(
    ("path", "uri"),
    [("/tmp/a b", "file:///tmp/a%20b"), ("C:\\x y\\z", "file:///C:/x%20y/z")],  # noqa: S108
)
def test_a_file_from_the_root_of_a_disk_on_has_no_base(path: str, uri: str):
    assert run_of(report(judged(file=path)))["artifacts"][0]["location"] == {"uri": uri}


def test_what_may_pass_is_left_out_and_counted():
    run = run_of(whole())

    assert len(run["results"]) == 4
    notes = [
        each["message"]["text"] for each in run["invocations"][0]["toolExecutionNotifications"]
    ]
    assert "2 findings may pass and stand in no result." in notes


def test_what_may_pass_can_be_asked_for_as_suppressed():
    results = run_of(whole(), with_ignored=True)["results"]

    assert [each["suppressions"] for each in results if "suppressions" in each] == [
        [{"kind": "external", "status": "accepted", "justification": "our mirror has none"}],
        [{"kind": "external", "status": "accepted", "justification": "in the baseline"}],
    ]


def test_what_could_not_be_read_is_told_and_the_run_was_no_success():
    invocation = run_of(whole())["invocations"][0]

    assert invocation["executionSuccessful"] is False
    assert invocation["toolExecutionNotifications"][0] == {
        "level": "error",
        "message": {"text": "Cannot be read: b.lock:1: expected text\nis it a lock?"},
        "locations": [
            {"physicalLocation": {"artifactLocation": {"uri": "b.lock", "uriBaseId": "%SRCROOT%"}}}
        ],
    }
    assert [each["message"]["text"] for each in invocation["toolConfigurationNotifications"]] == [
        "pyproject.toml:3: x: EL101 ran out. Fix: remove it"
    ]


def test_no_more_results_than_code_scanning_takes_and_the_worst_of_them():
    many = [found(TAGS, line=line, subject=str(line)) for line in range(1, MOST_RESULTS + 10)]
    log = report(judged(*many, found(line=99_999)))

    run = run_of(log)

    assert len(run["results"]) == MOST_RESULTS
    assert run["results"][0]["level"] == "error"
    assert run["invocations"][0]["toolExecutionNotifications"][-1]["message"]["text"] == (
        "10 more findings would not fit: code scanning takes 25,000, and these are the worst."
    )


def test_no_text_is_a_link():
    log = report(judged(found(message="see [here](https://evil.example)")))

    assert run_of(log)["results"][0]["message"]["text"] == (
        "see [here] (https://evil.example)\nFix: lock it again"
    )
