"""What all JUnit files of ours have in common: the document, the suites, and text that XML holds.

There is no standard, only what readers take (Jenkins, GitLab, GitHub's actions) and what schemas
allow, so this holds to what all of them read: no attribute beyond Jenkins's schema (junit-10), and
the reason of a skipped case both as its attribute and as its text.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from envlock.formats.plain import printable


def document(root: Element) -> str:
    r"""Return the XML document, UTF-8; what XML cannot hold stands as an escape such as `\x00`."""
    indent(root)
    text = tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


class Tally(NamedTuple):
    """How many cases there are, and what became of them."""

    tests: int
    failures: int
    skipped: int = 0


def suites(name: str, tally: Tally, seconds: float = 0.0) -> Element:
    """Return the root."""
    return Element(
        "testsuites", {"name": line(name), **_counts(tally), "time": format_seconds(seconds)}
    )


def add_suite(root: Element, name: str, tally: Tally, seconds: float = 0.0) -> Element:
    """Add a suite and return it."""
    attributes = {
        "name": line(name),
        **_counts(tally),
        "skipped": str(tally.skipped),
        "time": format_seconds(seconds),
    }
    return SubElement(root, "testsuite", attributes)


def add_properties(suite: Element, facts: Iterable[tuple[str, str]]) -> None:
    """Add what is known of a suite."""
    properties = SubElement(suite, "properties")
    for name, value in facts:
        SubElement(properties, "property", {"name": name, "value": line(value)})


def add_case(suite: Element, kind: str, name: str, seconds: float = 0.0) -> Element:
    """Add a case that has passed, as long as nothing else is added to it."""
    attributes = {"classname": line(kind), "name": line(name), "time": format_seconds(seconds)}
    return SubElement(suite, "testcase", attributes)


def add_failure(case: Element, message: str, text: str, kind: str = "failed") -> None:
    """Let a case fail."""
    told = SubElement(case, "failure", {"type": kind, "message": line(message)})
    told.text = lines(text)


def add_skipped(case: Element, reason: str) -> None:
    """Let a case be one that was not run."""
    told = SubElement(case, "skipped", {"message": line(reason)})
    told.text = lines(reason)


def add_output(case: Element, text: str) -> None:
    """Add what a case has to say; nothing for no text."""
    if text:
        SubElement(case, "system-out").text = text


def _counts(tally: Tally) -> Mapping[str, str]:
    return {"tests": str(tally.tests), "failures": str(tally.failures), "errors": "0"}


def format_seconds(value: float) -> str:
    """Return a duration; 0 for one that is none."""
    return f"{value if math.isfinite(value) and value > 0 else 0.0:.3f}"


def line(text: str) -> str:
    """Return text as one line that XML can hold."""
    return printable(" ".join(text.split()))


def lines(text: str) -> str:
    """Return text line by line, each one that XML can hold."""
    return "\n".join(map(printable, text.splitlines()))
