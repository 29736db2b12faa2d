"""Where symbolic links lead, by their texts alone.

The disk is not asked: it would answer for what lies there now, under whatever prefix, and gives up
without a word where a path grows too long (CVE-2025-4517).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct

_MOST_LINKS = 40
"""Linux follows no more of them in one path."""


class LinkFault(StrEnum):
    """Why a link must not be there."""

    OUTSIDE = "outside"
    CIRCLE = "circle"


class LinkEnd(Struct, frozen=True, kw_only=True):
    """Where a link leads, or why it must not be there."""

    path: str = ""
    """Relative; empty for the root itself. Whether anything lies there is not looked at."""
    fault: LinkFault | None = None
    steps: int
    """How many parts of paths were looked at."""


def follow_link(path: str, target: str, target_of: Callable[[str], str | None]) -> LinkEnd:
    """Follow a link through other links; `target_of` gives the target of what is one.

    An absolute target is outside.
    """
    place: list[str] = []
    waiting = [*reversed(target.split("/")), *reversed(path.split("/")[:-1])]
    is_outside = target.startswith("/")
    links = 1
    steps = 0
    while waiting and not is_outside:
        steps += 1
        part = waiting.pop()
        if part in ("", "."):
            continue
        if part == "..":
            if not place:
                is_outside = True
            else:
                place.pop()
            continue
        place.append(part)
        through = target_of("/".join(place))
        if through is None:
            continue
        links += 1
        if links > _MOST_LINKS:
            return LinkEnd(fault=LinkFault.CIRCLE, steps=steps)
        place.pop()
        is_outside = through.startswith("/")
        waiting += reversed(through.split("/"))
    if is_outside:
        return LinkEnd(fault=LinkFault.OUTSIDE, steps=steps)
    return LinkEnd(path="/".join(place), steps=steps)
