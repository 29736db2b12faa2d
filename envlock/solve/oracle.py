"""What an explanation may ask about one platform of a pin, and how it lists what it finds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from envlock.model.package import Package, Variant
from envlock.model.question import Question
from envlock.model.version import parse_dotted

_SHOWN = 6
"""How many versions or builds a message lists before it says how many more there are."""


class Oracle(Protocol):
    """Answers from a solver over one platform of a pin."""

    def conflicts(self, question: Question) -> bool:
        """Say whether a question has no answer."""
        ...

    def names(self) -> frozenset[str]:
        """Return every package name of the platform."""
        ...

    def matching(self, spec: str) -> tuple[Package, ...]:
        """Return the records that a match spec admits."""
        ...

    def builds(self, name: str) -> tuple[Variant, ...]:
        """Return all builds of a name."""
        ...


def version_key(version: str) -> tuple[tuple[int, ...], str]:
    """Return a key that orders versions well enough for a message, never for a choice."""
    try:
        return parse_dotted(version), version
    except ValueError:
        return (), version


def list_some(items: Sequence[str]) -> str:
    """Return the first few items, and how many more there are."""
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return ", ".join(items[:_SHOWN]) + more
