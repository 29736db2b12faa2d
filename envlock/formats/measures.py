"""Measured numbers as people read them: the unit that ends a number's name says how."""

from __future__ import annotations

import math

from envlock.formats.plain import format_bytes

_THOUSAND = 1000


def format_measure(name: str, value: float) -> str:
    """Return the number with its unit: `1.75 s`, `3.2 GB`, `40,312/s`, `1.2e-07`."""
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "infinite" if value > 0 else "minus infinite"
    match _unit(name):
        case "bytes_per_second":
            return f"{format_bytes(round(value))}/s"
        case "bytes":
            return format_bytes(round(value))
        case unit:
            return _plain(value) + _SIGNS[unit]


def measure_label(name: str) -> str:
    """Return the number's name in words, without the unit that `format_measure` writes."""
    short = name.removesuffix(_unit(name)).rstrip("_")
    return (short or name).replace("_", " ")


_SIGNS = {"per_second": "/s", "seconds": " s", "percent": " %", "": ""}
_UNITS = ("bytes_per_second", "per_second", "bytes", "seconds", "percent", "")
"""What a name may end with; the longest first."""


def _unit(name: str) -> str:
    return next(unit for unit in _UNITS if name.endswith(unit))


def _plain(value: float) -> str:
    if _THOUSAND <= abs(value) < _THOUSAND**4:
        return f"{value:,.0f}"
    return f"{value:.4g}"
