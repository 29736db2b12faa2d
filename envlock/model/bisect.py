"""What a bisection asks of environments, and what it has seen of them so far."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

NOTES_VERSION = 1
NOTES_LIMIT_BYTES = 16_000_000


class Grade(StrEnum):
    """What a check says of an environment."""

    GOOD = "good"
    BAD = "bad"
    SKIPPED = "skipped"
    """It cannot be told: the check said so, or the environment cannot be built."""


class Measure(StrEnum):
    """What of a training is held against the good environment's."""

    LOSS = "loss"
    ACCURACY = "accuracy"
    SPEED = "speed"


class Graded(Struct, frozen=True, kw_only=True):
    """What a check says, and on what grounds."""

    grade: Grade
    said: str
    """In words: an exit status and the command's last line, or the numbers that decide."""
    numbers: dict[str, float] = {}
    """What was measured, by framework and network; of the good environment it is the reference."""


class Trial(Struct, frozen=True, kw_only=True):
    """One environment that was looked at."""

    label: str
    """The environment's folder name, whose key stands for its bytes."""
    graded: Graded
    seconds: float = 0.0
    """Of the check."""


class BisectNotes(Struct, frozen=True, kw_only=True):
    """All that a bisection has seen; another run with the same question goes on from it."""

    version: int
    good: str
    """Where the locks were found, for those who read the file."""
    bad: str
    check: str
    trials: tuple[Trial, ...] = ()
