"""Ask indexes and channels whether what a lock names is still there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from envlock.model.sight import Withdrawn


class AskedPackage(Struct, frozen=True, kw_only=True):
    """A package of a lock, and where it is said to lie."""

    package: str
    """As the file names it."""
    version: str
    project: str = ""
    """The project of a package index that it is of, normalised; empty for conda's."""
    index: str = ""
    """The index that the file names for it; empty for the default index."""
    files: tuple[str, ...] = ()
    """The addresses of its files; empty where the file names none."""


class StatusAnswer(Struct, frozen=True, kw_only=True):
    """What came back."""

    withdrawn: tuple[Withdrawn, ...] = ()
    """In the order of the question."""
    answered: int = 0
    """The packages that an answer came for."""
    unasked: str = ""
    """Why there is no answer for the others, in words; empty where there are none."""


class IndexStatus(Protocol):
    """Asks, within bounds of time; changes nothing anywhere."""

    def look(self, packages: Sequence[AskedPackage]) -> StatusAnswer:
        """Return which of the packages are gone or were withdrawn. Never raises."""
        ...
