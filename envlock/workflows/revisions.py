"""`REVISION:path`, as people write it for git."""

from __future__ import annotations

import re

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def split_revision(text: str) -> tuple[str, str] | None:
    """Return the revision and the path of `REVISION:path`; None for what is not of that form."""
    colon = None if is_drive(text) else _find_colon(text)
    return None if colon is None else (text[:colon], text[colon + 1 :])


def is_drive(text: str) -> bool:
    """Say whether a path begins with the letter of a drive of Windows."""
    return _DRIVE.match(text) is not None


def _find_colon(text: str) -> int | None:
    """Return the first colon outside braces: `HEAD^{/fix: it}:a.yml` has its own at the end."""
    depth = 0
    for place, char in enumerate(text):
        depth += {"{": 1, "}": -1}.get(char, 0)
        if char == ":" and depth == 0:
            return place
    return None
