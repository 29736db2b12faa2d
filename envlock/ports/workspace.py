"""Read and write the user's files."""

from __future__ import annotations

from typing import Protocol


class Workspace(Protocol):
    """The files beside a stack. Paths are as the user wrote them."""

    def read_bytes(self, path: str, *, limit_bytes: int | None = None) -> bytes:
        """Return a file's content.

        Raises `InputFileError` when it is missing, a folder or larger than the limit.
        """
        ...

    def exists(self, path: str) -> bool:
        """Say whether a file lies there."""
        ...

    def write_bytes(self, path: str, content: bytes) -> None:
        """Replace a file in one step: afterwards it is whole, before it is what it was.

        Raises `WorldError` when the disk refuses; then the old file stands untouched.
        """
        ...
