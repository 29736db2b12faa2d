"""Keep what long work has seen, so that it can be taken up again."""

from __future__ import annotations

from typing import Protocol


class Notebook(Protocol):
    """Notes by name; a name is 64 hex digits."""

    def place(self, name: str) -> str:
        """Return where notes lie, for people."""
        ...

    def read(self, name: str, *, limit_bytes: int) -> bytes | None:
        """Return notes, None where there are none. Raises `InputFileError`, `WorldError`."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Replace notes in one step. Raises `WorldError`; then the old ones stand."""
        ...
