"""The wheel that a draft's framework would be, as far as the tables know it."""

from __future__ import annotations

import re

from envlock.compat.evidence import Row, read_table
from envlock.model.version import parse_dotted

_WHEELS = {"pytorch": ("torch_wheels", "wheel"), "tensorflow": ("tensorflow_wheels", "wheel")}
_ONE = re.compile(r"(?:==)?(?P<start>\d+(?:\.\d+)*)(?:\.\*)?")


def wheel_row(name: str, version: str) -> Row | None:
    """Return the newest known wheel of a framework that a stack's version admits.

    `version` is one version, a series, or anything else, which is taken for any. None where the
    tables have no such wheel.
    """
    if name not in _WHEELS:
        return None
    rows = read_table(*_WHEELS[name])
    one = _ONE.fullmatch(version)
    fitting = [
        row for row in rows if not one or f"{row['version']}.".startswith(f"{one['start']}.")
    ]
    return max(fitting, key=lambda row: parse_dotted(row["version"]), default=None)
