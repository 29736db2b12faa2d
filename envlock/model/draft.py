"""A draft: what a stack would say, drawn from somebody's file, each value with where it is from."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Keep(StrEnum):
    """How much of an exact version a draft keeps."""

    EXACT = "exact"
    """`==2.4.1`."""
    MINOR = "minor"
    """`2.4.*`."""
    ANY = "any"
    """`*`, and ranges go, too."""


class Decision(Struct, frozen=True, kw_only=True):
    """One key of the stack to be."""

    path: tuple[str | int, ...]
    """From the root of the stack: `("gpu", "cuda")`."""
    value: object
    """Plain data, as TOML holds it."""
    reason: str
    """Where it is from, `from Dockerfile:7`, or why it was guessed."""
    is_guess: bool = False


class LeftOut(Struct, frozen=True, kw_only=True):
    """Something of the file that the stack does not say."""

    what: str
    """In the file's words, without secrets: `apt package libgl1`."""
    reason: str
    line: int = 0


class Draft(Struct, frozen=True, kw_only=True):
    """A stack to be, and what it does not say of the file that it is drawn from."""

    file: str
    kind: str
    """The format, with its version."""
    decisions: tuple[Decision, ...]
    """In the order of a stack file; no path twice."""
    left_out: tuple[LeftOut, ...] = ()

    @property
    def guesses(self) -> tuple[Decision, ...]:
        """The values that the file does not say."""
        return tuple(item for item in self.decisions if item.is_guess)
