"""EL602: known vulnerabilities."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from envlock.audit.rules.vulnerable import RULE
from envlock.model.sight import Advisory, Sight
from readings import case, judged, reading, remedies, seen, told, wheel

ONE = Advisory(
    id="GHSA-1",
    package="jinja2",
    version="3.1.2",
    summary="Templates may run code.",
    fixed=("2.11.9", "3.1.3", "3.2"),
    aliases=("CVE-2024-1", "PYSEC-1"),
    severity="HIGH",
)
TWO = replace(ONE, id="CVE-2024-2", summary="", fixed=("3.1.6",), aliases=(), severity="moderate")


def of(*advisories: Advisory):
    found = reading(wheel("jinja2", "3.1.2", line=5), wheel("b"))
    return case(found, sights=seen(Sight.ADVISORIES, advisories=advisories))


def test_one_vulnerability_is_told_with_what_it_is():
    assert told(RULE, of(ONE)) == [
        "error at 5 (jinja2): jinja2 3.1.2 has the known vulnerability GHSA-1 (CVE-2024-1): "
        "Templates "
        "may run code."
    ]
    assert remedies(RULE, of(ONE)) == ["take jinja2 3.1.3 or newer."]


def test_several_are_one_finding_with_a_version_that_has_none_of_them():
    assert told(RULE, of(ONE, TWO)) == [
        "error at 5 (jinja2): jinja2 3.1.2 has 2 known vulnerabilities: GHSA-1 (CVE-2024-1) and "
        "CVE-2024-2."
    ]
    assert remedies(RULE, of(ONE, TWO)) == ["take jinja2 3.1.6 or newer."]


@pytest.mark.parametrize(
    ("severity", "expected"),
    [("critical", "error"), ("", "error"), ("MODERATE", "warning"), ("LOW", "note")],
)
def test_how_bad_it_is_follows_the_advisory(severity, expected):
    (line,) = told(RULE, of(replace(ONE, severity=severity)))

    assert line.startswith(expected)


@pytest.mark.parametrize("fixed", [(), ("2.0",), ("no version",)])
def test_where_no_version_is_without_it_that_is_said(fixed):
    assert remedies(RULE, of(replace(ONE, fixed=fixed))) == [
        "no version of jinja2 without all of them is known: replace it, or bear the risk."
    ]


def test_without_advisories_nothing_is_found_and_without_data_nobody_looked():
    assert told(RULE, of()) == []
    assert [item.what for item in judged(RULE, reading(wheel("a"))).unlooked] == [
        "known vulnerabilities"
    ]
