"""One table of somebody's file: its keys are taken by type, and what is left over is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from envlock.formats.readers.notes import Notes, shown


class Table:
    """A table whose keys are read one by one.

    A value of another type than the format has is noted and read as if it were absent; numbers and
    dates where text belongs are noted and read as text. `close` notes the keys that nobody took.
    """

    __slots__ = ("_rest", "line", "notes", "subject", "what")

    def __init__(
        self, value: Mapping[str, Any], notes: Notes, what: str, *, line: int = 0, subject: str = ""
    ) -> None:
        self._rest = dict(value)
        self.notes = notes
        self.what = what
        """Whose keys they are, in words: `a package`."""
        self.line = line
        self.subject = subject

    def __contains__(self, key: str) -> bool:
        return key in self._rest

    def __iter__(self) -> Iterator[str]:
        """Yield the keys that nobody took yet; taking them meanwhile is fine."""
        yield from tuple(self._rest)

    def take(self, key: str) -> Any:
        """Return a value of any type, None where there is none."""
        return self._rest.pop(key, None)

    def text(self, key: str) -> str:
        """Return a text, empty where there is none."""
        value = self._rest.pop(key, None)
        if value is None or isinstance(value, str):
            return value or ""
        self._complain(key, "a text", value)
        return "" if isinstance(value, (dict, list)) else str(value)

    def number(self, key: str) -> int | None:
        """Return a whole number, None where there is none."""
        value = self._rest.pop(key, None)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        self._complain(key, "a whole number", value)
        return None

    def is_set(self, key: str) -> bool:
        """Say whether a flag is true."""
        value = self._rest.pop(key, None)
        if value is not None and not isinstance(value, bool):
            self._complain(key, "true or false", value)
        return value is True

    def texts(self, key: str) -> tuple[str, ...]:
        """Return an array of texts."""
        return tuple(item for item in self._array(key, str, "a text"))

    def table(self, key: str) -> Table:
        """Return a table in this one, an empty one where there is none."""
        value = self._rest.pop(key, None)
        if value is not None and not isinstance(value, dict):
            self._complain(key, "a table", value)
        return self._inner(key, value if isinstance(value, dict) else {})

    def tables(self, key: str) -> Iterator[Table]:
        """Yield the tables of an array."""
        for item in self._array(key, dict, "a table"):
            yield self._inner(key, item)

    def items(self) -> Iterator[tuple[str, Any]]:
        """Yield what nobody took, and take it."""
        rest, self._rest = self._rest, {}
        yield from rest.items()

    def skip(self, *keys: str) -> None:
        """Take keys that are known and say nothing that a reading holds."""
        for key in keys:
            self._rest.pop(key, None)

    def close(self) -> None:
        """Note the keys that nobody took."""
        for key in self._rest:
            self.notes.odd(
                f"{self.what} has the key {shown(key)}, which is not known", line=self.line
            )

    def _array(self, key: str, kind: type, wanted: str) -> Iterator[Any]:
        value = self._rest.pop(key, None)
        if value is None:
            return
        if not isinstance(value, list):
            self._complain(key, "an array", value)
            return
        for item in value:
            if isinstance(item, kind):
                yield item
            else:
                self._complain(key, f"{wanted} in the array", item)

    def _inner(self, key: str, value: Mapping[str, Any]) -> Table:
        what = f"`{key}` of {self.what}"
        return Table(value, self.notes, what, line=self.line, subject=self.subject)

    def _complain(self, key: str, wanted: str, value: object) -> None:
        found = _NAMES.get(type(value)) or shown(value)
        self.notes.odd(
            f"{shown(key)} of {self.what}: expected {wanted}, found {found}",
            line=self.line,
            subject=self.subject,
        )


_NAMES: Mapping[type, str] = {dict: "a table", list: "an array"}
