"""A receipt as JUnit XML, which CI systems show beside their own tests.

One suite for each obligation, one case for each check. A check that was not run is `skipped` with
its reason: CI systems count it apart from those that passed. Their readers differ in what they
allow, so this holds to what all of them read: no attribute beyond Jenkins's schema (junit-10), and
the reason of a skipped case both as its attribute and as its text.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from xml.etree.ElementTree import Element

from envlock.formats.junit_tree import (
    Tally,
    add_case,
    add_failure,
    add_output,
    add_properties,
    add_skipped,
    add_suite,
    document,
    line,
    lines,
    suites,
)
from envlock.formats.measures import format_measure
from envlock.formats.plain import printable
from envlock.model.outcome import Check, Failed, NotRun, Obligation, Passed
from envlock.model.receipt import Receipt


def format_junit(receipt: Receipt) -> str:
    r"""Return the XML document, UTF-8; what XML cannot hold stands as an escape such as `\x00`."""
    root = suites(
        f"envlock verify {receipt.subject.name}",
        _tally(receipt.checks),
        receipt.seconds,
    )
    for obligation in Obligation:
        checks = [check for check in receipt.checks if check.obligation is obligation]
        if checks:
            _add_suite(root, receipt, obligation, checks)
    return document(root)


def _add_suite(
    root: Element, receipt: Receipt, obligation: Obligation, checks: list[Check]
) -> None:
    suite = add_suite(
        root,
        obligation.value,
        _tally(checks),
        sum(map(_duration, checks)),
    )
    if receipt.verified_at:
        suite.set("timestamp", line(receipt.verified_at.removesuffix("Z")))
    add_properties(suite, _facts(receipt))
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
    kind = f"{subject}.{check.obligation.value}"
    case = add_case(suite, kind, check.name, _duration(check))
    match check.outcome:
        case Failed(said=said, hint=hint):
            add_failure(case, said, f"{said}\nhint: {hint}" if hint else said)
        case NotRun(reason=reason):
            add_skipped(case, reason)
        case Passed():
            pass
    add_output(case, _seen(check))


def _seen(check: Check) -> str:
    said = check.outcome.said if isinstance(check.outcome, Passed) else ""
    numbers = (
        f"{printable(name)}: {format_measure(name, value)}"
        for name, value in (*check.numbers.items(), *check.varying.items())
    )
    return "\n".join(filter(None, (lines(said), *numbers)))


def _tally(checks: Sequence[Check]) -> Tally:
    outcomes = [check.outcome for check in checks]
    return Tally(
        tests=len(outcomes),
        failures=sum(isinstance(outcome, Failed) for outcome in outcomes),
        skipped=sum(isinstance(outcome, NotRun) for outcome in outcomes),
    )


def _duration(check: Check) -> float:
    seconds = check.varying.get("seconds", 0.0)
    return seconds if math.isfinite(seconds) and seconds > 0 else 0.0
