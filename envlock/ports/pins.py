"""Find, open and keep index pins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from envlock.model.pin import OpenPin, Pin


class Pins(Protocol):
    """The pins that lie beside the stacks of one folder."""

    def assigned(self, stack_name: str) -> str | None:
        """Return the digest of the pin that a stack solves from, None when it has none."""
        ...

    def read(self, digest: str) -> Pin:
        """Return what a pin holds.

        Raises `PinError` when it is missing, damaged, or its content has another digest.
        """
        ...

    def open(self, digest: str, subdirs: Sequence[str]) -> OpenPin:
        """Lay the named folders of a pin on disk for a solver; verifies each. Raises `PinError`."""
        ...

    def keep(self, pin: Pin, repodata: Mapping[tuple[str, str], bytes]) -> str:
        """Write a pin, by (channel, subdir), and return its digest. Nothing is half-written."""
        ...

    def assign(self, stack_name: str, digest: str) -> None:
        """Let a stack solve from a pin from now on."""
        ...
