"""Ask for packages that fit together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from envlock.model.package import Package, Variant
from envlock.model.pin import OpenPin
from envlock.model.platform import Platform
from envlock.model.question import Answer, Conflict, Question


class Solver(Protocol):
    """Solves questions over an open pin. Same question and pin, same answer."""

    @property
    def identity(self) -> str:
        """Name and version, such as `py-rattler 0.28.0`: a lock's head records it."""
        ...

    def spec_fault(self, spec: str) -> str | None:
        """Return what is wrong with a match spec, None when it can be asked."""
        ...

    def candidates(
        self, pin: OpenPin, platform: Platform, wanted: Mapping[str, str]
    ) -> Mapping[str, tuple[Variant, ...]]:
        """Return the builds that the pin holds for the platform, by name.

        `wanted` maps each name to a version range, `*` for all. A name without such builds maps
        to an empty tuple. Order: channel, then file name.
        """
        ...

    def find(
        self, pin: OpenPin, platform: Platform, urls: Mapping[str, str]
    ) -> tuple[Package, ...]:
        """Return the records at these addresses (address -> name); missing ones are left out."""
        ...

    def names(self, pin: OpenPin, platform: Platform) -> frozenset[str]:
        """Return every package name that the pin holds for the platform."""
        ...

    def matching(self, pin: OpenPin, platform: Platform, spec: str) -> tuple[Package, ...]:
        """Return the records that a match spec admits."""
        ...

    def admits(self, version_spec: str, version: str) -> bool:
        """Say whether a version range such as `>=8.9,<10` holds a version."""
        ...

    def solve(self, pin: OpenPin, questions: Iterable[Question]) -> tuple[Answer | Conflict, ...]:
        """Answer each question, in order; questions do not influence each other.

        A question may be answered while the next one is still being made.
        """
        ...
