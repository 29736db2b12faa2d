"""Run a command in an environment, and hear how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from envlock.model.store import Environment


class CommandEnd(Struct, frozen=True, kw_only=True):
    """How a command ended."""

    status: int | None
    """Its exit status, or a signal's number below zero; None when it ran out of time."""
    said: str
    """The last line that it wrote, or why there was nothing to run."""
    seconds: float


class Commands(Protocol):
    """Runs commands as `envlock run` does, within a time."""

    def run(
        self, environment: Environment, words: Sequence[str], limit_seconds: float
    ) -> CommandEnd:
        """Run a command to its end; nothing of it is left running.

        A command that is not there ends with 127, one that cannot be run with 126. Raises as
        entering an environment does.
        """
        ...
