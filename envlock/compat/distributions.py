"""Which PyPI distributions a conda package provides: the fixed points of the PyPI half."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from envlock.compat.evidence import read_table

_INTERPRETER = re.compile(r"python(?:_abi|-gil)?(?![A-Za-z0-9_.-])")
"""Who depends on none of these has no module for an interpreter."""


def provided(name: str, version: str, depends: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return the distributions of a conda package, name and version, both normalised.

    Empty for a package without a Python module, and for a version that PEP 440 does not know:
    nothing can be compared with that. `depends` are the record's own match specs.
    """
    if not any(map(_INTERPRETER.match, depends)):
        return ()
    try:
        normal = str(Version(version))
    except InvalidVersion:
        return ()
    names = _table().get(name, (canonicalize_name(name),))
    return tuple((distribution, normal) for distribution in names)


@cache
def _table() -> dict[str, tuple[str, ...]]:
    rows = read_table("distributions", "provides")
    return {row["package"]: tuple(row["distributions"].split()) for row in rows}
