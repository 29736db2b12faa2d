"""What a reader has to say of a file, gathered while it reads."""

from __future__ import annotations

from envlock.formats.plain import printable
from envlock.model.reading import Oddity, OddityKind

_MOST = 500
"""Of one kind; a file that is wrong throughout is not told row by row."""
_LONGEST = 80


def shown(text: object) -> str:
    """Return foreign text in code quotes, short and without what could steer a terminal.

    Of an empty text it says `nothing`, without quotes.
    """
    plain = printable(str(text)[: _LONGEST + 1])
    if not plain:
        return "nothing"
    return f"`{plain[:_LONGEST]}…`" if len(plain) > _LONGEST else f"`{plain}`"


class Notes:
    """The oddities of one file. The same thing of the same subject is said once."""

    def __init__(self) -> None:
        self._oddities: dict[tuple[OddityKind, str, str], Oddity] = {}
        self._counts: dict[OddityKind, int] = {}

    def add(self, kind: OddityKind, said: str, *, line: int = 0, subject: str = "") -> None:
        """Say something; where it was said before, the first line stays."""
        key = (kind, said, subject)
        if key in self._oddities:
            return
        number = self._counts.get(kind, 0) + 1
        self._counts[kind] = number
        if number <= _MOST:
            self._oddities[key] = Oddity(kind=kind, said=said, line=line, subject=subject)

    def odd(self, said: str, *, line: int = 0, subject: str = "") -> None:
        """Say that something is not understood."""
        self.add(OddityKind.NOT_UNDERSTOOD, said, line=line, subject=subject)

    @property
    def oddities(self) -> tuple[Oddity, ...]:
        """Return what was said, in the order of the file; what has no line comes first."""
        more = [
            Oddity(kind=kind, said=f"and {number - _MOST:,} more of this kind")
            for kind, number in self._counts.items()
            if number > _MOST
        ]
        return tuple(sorted([*self._oddities.values(), *more], key=lambda item: item.line))
