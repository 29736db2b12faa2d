"""An audit as JSON: the same keys whatever was found."""

from __future__ import annotations

import json
from typing import Any

from audit_reports import RULES, judged, report, whole
from envlock.formats.audit_json import format_audit_json, format_rules_json


def test_a_clean_report_has_every_key():
    assert json.loads(format_audit_json(report(judged()), RULES)) == {
        "version": 1,
        "clean": True,
        "verdict": "passed",
        "asked": "lock",
        "level": "lock",
        "fail_on": "warning",
        "totals": {"error": 0, "warning": 0, "note": 0, "ignored": 0, "known": 0},
        "judged": [
            {
                "file": "api/uv.lock",
                "kind": "uv 1",
                "packages": 12,
                "level": "lock",
                "fail_on": "warning",
                "findings": [],
                "ignored": [],
                "unlooked": [{"what": "receipts", "reason": "there is none"}],
                "applied": ["EL101", "EL203"],
                "unapplied": {"EL701": "not looked at: receipts (there is none)"},
            }
        ],
        "unreadable": [],
        "notices": [],
        "baseline": None,
        "rules": [],
    }


def shape(value: Any) -> Any:
    """The keys of a value, all the way down."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return [shape(item) for item in value[:1]] if isinstance(value, list) else None


def test_a_report_with_everything_has_the_documented_keys():
    plain = json.loads(format_audit_json(whole(), RULES))

    assert plain["totals"] == {"error": 2, "warning": 2, "note": 0, "ignored": 1, "known": 1}
    assert (plain["clean"], plain["verdict"]) == (False, "incomplete")
    assert [rule["code"] for rule in plain["rules"]] == ["EL101", "EL203"]
    finding = dict.fromkeys(
        ["code", "name", "severity", "file", "line", "subject", "subjects", "message", "remedy"]
    )
    assert shape(plain["judged"])[0]["findings"] == [{**finding, "subjects": []}]
    assert shape(plain["judged"])[0]["ignored"] == [
        {"finding": {**finding, "subjects": []}, "reason": None}
    ]
    assert shape(plain["unreadable"]) == [{"file": None, "problem": None, "hints": [None]}]
    assert shape(plain["notices"]) == [{"where": None, "said": None, "remedy": None}]
    gone = dict.fromkeys(["rule", "file", "subject", "message"])
    assert shape(plain["baseline"]) == {"file": None, "known": None, "gone": [gone]}


def test_rules_have_a_version_too():
    rule = json.loads(format_rules_json(RULES))

    assert rule["version"] == 1
    assert list(rule["rules"][0]) == ["code", "name", "reason", "remedy", "severity", "title"]
