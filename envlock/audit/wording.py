"""How rules put things, so that all of them speak alike."""

from __future__ import annotations

from collections.abc import Iterable

_READ = 12
"""A list of a dozen is read; a longer one is counted."""
_SHOWN = 3


def some(names: Iterable[str]) -> str:
    """Return names as a person says them: "`a`, `b` and `c`", of many only the first and how many.

    Each name once, in the order that is given.
    """
    several = [f"`{name}`" for name in dict.fromkeys(names)]
    if len(several) > _READ:
        return f"{', '.join(several[:_SHOWN])} and {len(several) - _SHOWN:,} more"
    return " and ".join(filter(None, (", ".join(several[:-1]), *several[-1:])))


def count(number: int, one: str, many: str = "") -> str:
    """Return "1 file", "1,200 files"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(names: Iterable[str], limit: int = 4) -> str:
    """Return things that are no names, each once, of many the first few: `a, b and 3 more`."""
    every = list(dict.fromkeys(names))
    if len(every) > limit + 1:
        return f"{', '.join(every[:limit])} and {len(every) - limit} more"
    return " and ".join(filter(None, (", ".join(every[:-1]), *every[-1:])))


def sentence(text: str) -> str:
    """Return a text with one full stop at its end."""
    return f"{text.strip().rstrip('.')}."
