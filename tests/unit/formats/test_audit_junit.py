"""An audit as JUnit XML: whole on a small report."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from audit_reports import RECEIPTS, RULES, found, judged, report, whole
from envlock.formats.audit_junit import format_audit_junit
from envlock.model.finding import Severity

EXPECTED = """\
<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="envlock audit" tests="7" failures="2" errors="0" time="0.000">
  <testsuite name="api/uv.lock" tests="3" failures="1" errors="0" skipped="1" time="0.000">
    <properties>
      <property name="kind" value="uv 1" />
      <property name="packages" value="12" />
      <property name="level" value="lock" />
      <property name="fail_on" value="warning" />
    </properties>
    <testcase classname="api/uv.lock.EL101" name="EL101 files without a hash" time="0.000">
      <failure type="error" message="`numpy` has no hash. (and 1 more)">\
api/uv.lock, line 3: error: `numpy` has no hash.
fix: lock it again
api/uv.lock, line 9: error: `six` has no hash.
fix: lock it again</failure>
      <system-out>let pass, our mirror has none: api/uv.lock, line 20: error: `old` has no hash.
fix: lock it again
let pass, in the baseline: api/uv.lock, line 30: error: `known` has no hash.
fix: lock it again</system-out>
    </testcase>
    <testcase classname="api/uv.lock.EL203" name="EL203 images by a tag" time="0.000" />
    <testcase classname="api/uv.lock.EL701" name="EL701 locks without a receipt" time="0.000">
      <skipped message="not looked at: receipts (there is none)">\
not looked at: receipts (there is none)</skipped>
    </testcase>
  </testsuite>
  <testsuite name="a b/Dockerfile" tests="3" failures="0" errors="0" skipped="1" time="0.000">
    <properties>
      <property name="kind" value="uv 1" />
      <property name="packages" value="12" />
      <property name="level" value="lock" />
      <property name="fail_on" value="error" />
    </properties>
    <testcase classname="a b/Dockerfile.EL101" name="EL101 files without a hash" time="0.000" />
    <testcase classname="a b/Dockerfile.EL203" name="EL203 images by a tag" time="0.000">
      <system-out>a b/Dockerfile, line 1: warning: `base:latest` moves.
fix: name the image by its digest
a b/Dockerfile, line 4: warning: `two:1` moves.
fix: pin it</system-out>
    </testcase>
    <testcase classname="a b/Dockerfile.EL701" name="EL701 locks without a receipt" time="0.000">
      <skipped message="not looked at: receipts (there is none)">\
not looked at: receipts (there is none)</skipped>
    </testcase>
  </testsuite>
  <testsuite name="b.lock" tests="1" failures="1" errors="0" skipped="0" time="0.000">
    <testcase classname="b.lock" name="can be read" time="0.000">
      <failure type="unreadable" message="b.lock:1: expected text">b.lock:1: expected text
hint: is it a lock?</failure>
    </testcase>
  </testsuite>
</testsuites>
"""


def test_a_report_with_everything_as_a_whole():
    assert format_audit_junit(whole(), RULES) == EXPECTED


def test_a_case_fails_only_for_what_the_exit_status_fails_for():
    note = report(judged(found(RECEIPTS)))
    strict = report(judged(found(RECEIPTS), fail_on=Severity.NOTE))

    assert ET.fromstring(format_audit_junit(note, RULES)).get("failures") == "0"  # noqa: S314 - our own
    assert ET.fromstring(format_audit_junit(strict, RULES)).get("failures") == "1"  # noqa: S314 - our own
