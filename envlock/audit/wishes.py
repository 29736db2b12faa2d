"""What a row of a wish list leaves open."""

from __future__ import annotations

import re

from envlock.model.reading import Ecosystem, FoundPackage

_THREE_PARTS = re.compile(r"[^=<>!~|,]+={1,2}\s*\d+(?:\.\d+){2,}(?:=[^=<>|,]*)?\s*")
"""`pytorch=2.5.1`: conda reads it as `2.5.1.*`, which is one release."""


def is_pinned(package: FoundPackage) -> bool:
    """Say whether a row names one release, by its version or by an address."""
    if package.version or any(origin.address for origin in package.origins):
        return True
    is_conda = package.ecosystem is Ecosystem.CONDA
    return is_conda and _THREE_PARTS.fullmatch(package.wanted) is not None
