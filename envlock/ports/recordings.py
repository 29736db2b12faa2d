"""Find, read and keep recordings: the PyPI half of the pins, one for each stack or shared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class Recordings(Protocol):
    """The recordings that lie beside the stacks of one folder."""

    def assigned(self, stack_name: str) -> str | None:
        """Return the digest of the recording that a stack solves from, None when it has none."""
        ...

    def read(self, digest: str) -> bytes:
        """Return a recording. Raises `PinError` when it is missing or has another digest."""
        ...

    def keep(self, content: bytes) -> str:
        """Write a recording and return its digest, 64 hex digits; nothing is half-written.

        One that lies there already stays. Raises `WorldError` when the disk refuses.
        """
        ...

    def assign(self, stack_names: Iterable[str], digest: str) -> None:
        """Let stacks solve from a recording: all of them or, when it fails, none."""
        ...
