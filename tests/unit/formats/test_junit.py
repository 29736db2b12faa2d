"""What CI systems read of a receipt."""

from __future__ import annotations

from xml.etree.ElementTree import Element, fromstring

import pytest

from envlock.formats.junit import format_junit
from envlock.model.outcome import Failed, NotRun, Obligation, Passed
from envlock.model.receipt import Verdict
from reports import HOSTILE, check, rich_receipt

ATTRIBUTES = {
    "testsuites": {"name", "tests", "failures", "errors", "time"},
    "testsuite": {
        *("name", "tests", "failures", "errors", "skipped", "time", "timestamp"),
    },
    "properties": set(),
    "property": {"name", "value"},
    "testcase": {"classname", "name", "time"},
    "failure": {"type", "message"},
    "skipped": {"message"},
    "system-out": set(),
}
"""A part of Jenkins's schema that the other readers know too."""
CHILDREN = {
    "testsuites": ("testsuite",),
    "testsuite": ("properties", "testcase"),
    "properties": ("property",),
    "testcase": ("failure", "skipped", "system-out"),
}
"""In this order."""


def read(text: str) -> Element:
    return fromstring(text.encode())  # noqa: S314 - our own text


def assert_structure(element: Element) -> None:
    assert set(element.keys()) <= ATTRIBUTES[element.tag]
    allowed = CHILDREN.get(element.tag, ())
    places = [allowed.index(child.tag) for child in element]
    assert places == sorted(places)
    for child in element:
        assert_structure(child)


@pytest.mark.parametrize(
    "receipt",
    [
        rich_receipt(),
        rich_receipt(checks=(), verified_at="", verdict=Verdict.INCOMPLETE),
        rich_receipt(
            checks=tuple(
                check(Obligation.DRIVER, HOSTILE, outcome, numbers={HOSTILE: float("nan")})
                for outcome in (
                    Passed(said=HOSTILE),
                    Failed(said=HOSTILE, hint=HOSTILE),
                    NotRun(reason=HOSTILE),
                )
            ),
            verified_at=HOSTILE,
            envlock_version=HOSTILE,
        ),
    ],
    ids=["rich", "empty", "hostile"],
)
def test_the_structure_is_what_ci_systems_read(receipt):
    assert_structure(read(format_junit(receipt)))


def test_the_counts_are_those_of_the_receipt():
    receipt = rich_receipt()

    root = read(format_junit(receipt))

    suites = root.findall("testsuite")
    assert root.get("tests") == str(len(receipt.checks))
    assert root.get("failures") == str(len(receipt.failed)) == "2"
    assert sum(int(suite.get("skipped", "")) for suite in suites) == len(receipt.not_run) == 7
    assert len(root.findall(".//failure")) == 2
    assert len(root.findall(".//skipped")) == 7
    for suite in suites:
        assert suite.get("tests") == str(len(suite.findall("testcase")))


def test_a_failure_a_skip_and_a_pass_tell_what_was_seen():
    receipt = rich_receipt(
        checks=(
            check(
                Obligation.ARTIFACTS, "artifacts", Passed(said="3 files"), varying={"seconds": 2}
            ),
            check(Obligation.DRIVER, "driver", Failed(said="525\nis too old", hint="update it")),
            check(Obligation.TRAINING, "pytorch.training.rnn", NotRun(reason="no NVIDIA driver")),
        )
    )

    text = format_junit(receipt)

    start = text.index("<testcase")
    cases = [line.strip() for line in text[start:].splitlines() if "propert" not in line]
    assert cases == [
        '<testcase classname="three-frameworks-cu121.artifacts" name="artifacts" time="2.000">',
        "<system-out>3 files",
        "seconds: 2 s</system-out>",
        "</testcase>",
        "</testsuite>",
        '<testsuite name="driver" tests="1" failures="1" errors="0" skipped="0" time="0.000"'
        ' timestamp="2026-11-24T10:00:00">',
        '<testcase classname="three-frameworks-cu121.driver" name="driver" time="0.000">',
        '<failure type="failed" message="525 is too old">525',
        "is too old",
        "hint: update it</failure>",
        "</testcase>",
        "</testsuite>",
        '<testsuite name="training" tests="1" failures="0" errors="0" skipped="1" time="0.000"'
        ' timestamp="2026-11-24T10:00:00">',
        '<testcase classname="three-frameworks-cu121.training" name="pytorch.training.rnn"'
        ' time="0.000">',
        '<skipped message="no NVIDIA driver">no NVIDIA driver</skipped>',
        "</testcase>",
        "</testsuite>",
        "</testsuites>",
    ]


def test_a_time_that_is_no_time_becomes_zero():
    checks = (
        check(Obligation.DRIVER, "a", Passed(said=""), varying={"seconds": float("nan")}),
        check(Obligation.DRIVER, "b", Passed(said=""), varying={"seconds": -1.0}),
    )

    root = read(format_junit(rich_receipt(checks=checks, seconds=float("inf"))))

    assert {case.get("time") for case in root.iter("testcase")} == {"0.000"}
    assert root.get("time") == "0.000"


def test_the_same_receipt_gives_the_same_text():
    assert format_junit(rich_receipt()) == format_junit(rich_receipt())
