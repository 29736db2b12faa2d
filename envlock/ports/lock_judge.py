"""Ask the lock format's own library whether a lock is valid."""

from __future__ import annotations

from typing import Protocol


class LockJudge(Protocol):
    """The owner of the unified format."""

    def fault(self, content: bytes) -> str | None:
        """Return what the format's own models say against a lock, None when they accept it."""
        ...
