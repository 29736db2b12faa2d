"""One reason why an answer must not be locked."""

from __future__ import annotations

from dataclasses import dataclass

from envlock.model.platform import Platform
from envlock.model.stack import Where


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoherence:
    """One reason why an answer must not be locked."""

    platform: Platform
    where: Where
    problem: str
    hint: str

    def __str__(self) -> str:
        return f"{self.platform}: {self.problem}\n    ({self.where})"
