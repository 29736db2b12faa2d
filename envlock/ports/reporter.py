"""Hear how long work goes on. A reporter watches from the side and is never in the way."""

from __future__ import annotations

from typing import Protocol


class Reporter(Protocol):
    """Listens to workflows; every call returns at once and never raises."""

    def step(self, message: str) -> None:
        """Hear that a step of some length begins."""
        ...

    def note(self, message: str) -> None:
        """Hear something that a person should know although the work goes on."""
        ...
