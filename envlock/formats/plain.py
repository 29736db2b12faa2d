"""Amounts and foreign text as people read them, on a terminal, on a page or in a file."""

from __future__ import annotations

_UNITS = ("B", "kB", "MB", "GB", "TB")
_STEP = 1000
_ONE_DIGIT = 999.95
"""From here on one digit after the point rounds to the next unit."""


def format_bytes(size_bytes: int) -> str:
    """Return a size in decimal units: `0 B`, `1.4 GB`; a change keeps its minus."""
    sign, rest = ("-" if size_bytes < 0 else ""), float(abs(size_bytes))
    unit = 0
    while rest >= (_ONE_DIGIT if unit else _STEP) and unit < len(_UNITS) - 1:
        rest /= _STEP
        unit += 1
    return f"{sign}{rest:.1f} {_UNITS[unit]}" if unit else f"{sign}{rest:.0f} B"


def count(number: int, noun: str) -> str:
    """Return `1 package`, `2 packages`, `1,482 packages`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def printable(text: str) -> str:
    """Return foreign text without what could steer a terminal or break a line."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
