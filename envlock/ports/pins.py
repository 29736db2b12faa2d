"""Find, open and keep index pins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from envlock.model.pin import OpenPin, Pin


class Pins(Protocol):
    """The pins that lie beside the stacks of one folder."""

    def assigned(self, stack_name: str) -> str | None:
        """Return the digest of the pin that a stack solves from, None when it has none."""
        ...

    def assignments(self) -> Mapping[str, str]:
        """Return the pin's digest of every stack that has one, by stack name."""
        ...

    def kept(self) -> tuple[str, ...]:
        """Return the digests of the pins that lie there and can be read, in order."""
        ...

    def read(self, digest: str) -> Pin:
        """Return what a pin holds.

        Raises `PinError` when it is missing, damaged, or its content has another digest.
        """
        ...

    def repodata(self, digest: str) -> Mapping[tuple[str, str], bytes]:
        """Return the canonical repodata of a pin by (channel, subdir). Raises `PinError`."""
        ...

    def locations(self, digest: str) -> Mapping[str, str]:
        """Return, by channel URL, an address at which an index can read that part of a pin.

        Verifies the whole pin. Raises `PinError`.
        """
        ...

    def open(self, digest: str, subdirs: Sequence[str]) -> OpenPin:
        """Lay the named folders of a pin on disk for a solver; verifies each. Raises `PinError`."""
        ...

    def keep(self, pin: Pin, repodata: Mapping[tuple[str, str], bytes]) -> str:
        """Write a pin, by (channel, subdir), and return its digest. Nothing is half-written.

        A pin that lies there already stays; a damaged one is replaced. Raises `WorldError` when
        the disk refuses.
        """
        ...

    def assign(self, stack_name: str, digest: str) -> None:
        """Let a stack solve from a pin from now on. Raises `WorldError` when the disk refuses."""
        ...

    def assign_all(self, stack_names: Iterable[str], digest: str) -> None:
        """Let several stacks solve from a pin: all of them or, when it fails, none."""
        ...
