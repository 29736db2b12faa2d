"""The smallest set of things that cannot hold together: QuickXplain (Junker, AAAI 2004)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

_Item = TypeVar("_Item")


def smallest_conflict(
    items: Sequence[_Item], conflicts: Callable[[Sequence[_Item]], bool]
) -> tuple[_Item, ...]:
    """Return a minimal part of `items` that conflicts by itself, in their order.

    `conflicts` is given the items to *relax* and says whether the rest still conflicts; all of them
    together must. Minimal: without any one of the returned items there is no conflict. It is asked
    about 2k log(n/k) times for k returned of n.
    """

    def conflict_in(kept: Sequence[int]) -> bool:
        return conflicts([item for place, item in enumerate(items) if place not in kept])

    def search(fixed: Sequence[int], *, added: bool, rest: Sequence[int]) -> list[int]:
        if added and conflict_in(fixed):
            return []
        if len(rest) == 1:
            return list(rest)
        middle = len(rest) // 2
        first, second = rest[:middle], rest[middle:]
        of_second = search([*fixed, *first], added=bool(first), rest=second)
        of_first = search([*fixed, *of_second], added=bool(of_second), rest=first)
        return [*of_first, *of_second]

    found = search([], added=False, rest=range(len(items))) if items else []
    return tuple(items[place] for place in sorted(found))
