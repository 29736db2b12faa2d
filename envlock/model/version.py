"""Dotted versions that must be compared, and the CUDA line."""

from __future__ import annotations

import re

from msgspec import Struct

_DIGITS = re.compile(r"\d+")


def parse_dotted(text: str) -> tuple[int, ...]:
    """Return the leading integers of a dotted version; `"12.4.1rc2"` gives `(12, 4, 1)`.

    Raises `ValueError` when the text does not start with a number.
    """
    numbers: list[int] = []
    for part in text.split("."):
        match = _DIGITS.match(part)
        if match is None:
            break
        numbers.append(int(match.group()))
        if match.end() != len(part):
            break
    if not numbers:
        raise ValueError(f"`{text}` does not start with a number")
    return tuple(numbers)


class CudaLine(Struct, frozen=True, order=True):
    """A CUDA toolkit line: major and minor, as `12.1`.

    Minor-version compatibility holds within a major, so most rules ask for both numbers.
    """

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"

    @classmethod
    def parse(cls, text: str) -> CudaLine:
        """Read `12.1` or the first two numbers of `12.1.105`; raises `ValueError` otherwise."""
        numbers = parse_dotted(text)
        if len(numbers) < 2:  # noqa: PLR2004 - major and minor
            raise ValueError(f"`{text}` names no minor version")
        return cls(numbers[0], numbers[1])

    @property
    def next(self) -> CudaLine:
        """The following minor of the same major."""
        return CudaLine(self.major, self.minor + 1)
