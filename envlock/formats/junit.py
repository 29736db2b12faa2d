"""A receipt as JUnit XML, which CI systems show beside their own tests.

One suite for each obligation, one case for each check. A check that was not run is `skipped` with
its reason: CI systems count it apart from those that passed. Their readers differ in what they
allow, so this holds to what all of them read: no attribute beyond Jenkins's schema (junit-10), and
the reason of a skipped case both as its attribute and as its text.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from envlock.formats.measures import format_measure
from envlock.formats.plain import printable
from envlock.model.outcome import Check, Failed, NotRun, Obligation, Passed
from envlock.model.receipt import Receipt


def format_junit(receipt: Receipt) -> str:
    r"""Return the XML document, UTF-8; what XML cannot hold stands as an escape such as `\x00`."""
    root = Element(
        "testsuites",
        {
            "name": _line(f"envlock verify {receipt.subject.name}"),
            **_counts(receipt.checks),
            "time": _seconds(receipt.seconds),
        },
    )
    for obligation in Obligation:
        checks = [check for check in receipt.checks if check.obligation is obligation]
        if checks:
            _add_suite(root, receipt, obligation, checks)
    indent(root)
    text = tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _add_suite(
    root: Element, receipt: Receipt, obligation: Obligation, checks: list[Check]
) -> None:
    skipped = sum(isinstance(check.outcome, NotRun) for check in checks)
    suite = SubElement(
        root,
        "testsuite",
        {
            "name": obligation.value,
            **_counts(checks),
            "skipped": str(skipped),
            "time": _seconds(sum(map(_duration, checks))),
        },
    )
    if receipt.verified_at:
        suite.set("timestamp", _line(receipt.verified_at.removesuffix("Z")))
    properties = SubElement(suite, "properties")
    for name, value in _facts(receipt):
        SubElement(properties, "property", {"name": name, "value": _line(value)})
    for check in checks:
        _add_case(suite, receipt.subject.name, check)


def _facts(receipt: Receipt) -> Iterable[tuple[str, str]]:
    subject, host = receipt.subject, receipt.host
    facts = {
        "verdict": receipt.verdict.value,
        "level": receipt.level.value,
        "device": receipt.device,
        "platform": host.platform.value,
        "driver": host.driver,
        "gpus": ", ".join(gpu.name for gpu in host.gpus),
        "lock_sha256": subject.lock_sha256,
        "content_sha256": subject.content_sha256,
        "envlock": receipt.envlock_version,
    }
    return ((name, value) for name, value in facts.items() if value)


def _add_case(suite: Element, subject: str, check: Check) -> None:
    case = SubElement(
        suite,
        "testcase",
        {
            "classname": _line(f"{subject}.{check.obligation.value}"),
            "name": _line(check.name),
            "time": _seconds(_duration(check)),
        },
    )
    match check.outcome:
        case Failed(said=said, hint=hint):
            told = SubElement(case, "failure", {"type": "failed", "message": _line(said)})
            told.text = _lines(f"{said}\nhint: {hint}" if hint else said)
        case NotRun(reason=reason):
            told = SubElement(case, "skipped", {"message": _line(reason)})
            told.text = _lines(reason)
        case Passed():
            pass
    seen = _seen(check)
    if seen:
        SubElement(case, "system-out").text = seen


def _seen(check: Check) -> str:
    said = check.outcome.said if isinstance(check.outcome, Passed) else ""
    numbers = (
        f"{printable(name)}: {format_measure(name, value)}"
        for name, value in (*check.numbers.items(), *check.varying.items())
    )
    return "\n".join(filter(None, (_lines(said), *numbers)))


def _counts(checks: Iterable[Check]) -> dict[str, str]:
    outcomes = [check.outcome for check in checks]
    failures = sum(isinstance(outcome, Failed) for outcome in outcomes)
    return {"tests": str(len(outcomes)), "failures": str(failures), "errors": "0"}


def _duration(check: Check) -> float:
    seconds = check.varying.get("seconds", 0.0)
    return seconds if math.isfinite(seconds) and seconds > 0 else 0.0


def _seconds(value: float) -> str:
    return f"{value if math.isfinite(value) and value > 0 else 0.0:.3f}"


def _line(text: str) -> str:
    return printable(" ".join(text.split()))


def _lines(text: str) -> str:
    return "\n".join(map(printable, text.splitlines()))
