"""TOML as lock files are written in it, read as far as it can be.

A whole file goes through `tomllib`. Where that refuses, each `[[package]]` is read for itself, so
that one bad row costs that row and not the file; what had to be left out is noted with its line.
Lines are found in the text, since `tomllib` tells none.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from envlock.errors import LockError
from envlock.formats.readers.notes import Notes, shown
from envlock.formats.readers.table import Table
from envlock.formats.readers.text import decode
from envlock.model.reading import OddityKind

_HEADER = re.compile(r"^\[\[?[ \t]*[\"']?([\w-]+)[^\n]*", re.MULTILINE)
_DEEP_KEY = re.compile(r"(?<![\w\"'-])(?:[\w\"'-]++[ \t]*+\.[ \t]*+){64}")
"""tomllib needs time with the square of a key's parts."""
_WHERE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_REPEATED = ("Cannot overwrite", "Cannot declare", "Cannot mutate", "Duplicate")
_TRIES = 3
"""How often something is tried in one row before it is given up."""


@dataclass(slots=True)
class Row:
    """One `[[package]]`: its keys, and where its text stands."""

    table: Table
    _places: _Places
    _at: int
    """Where the next text is looked for: they are asked for in the order of the file."""
    _end: int
    _misses: int = 0

    def line_of(self, text: str) -> int:
        """Return the line of the next text like this in the row; the row's own for none."""
        if not text or self._misses > _TRIES:
            return self.table.line
        at = self._places.text.find(text, self._at, self._end)
        if at < 0:
            self._misses += 1
            return self.table.line
        self._at = at + len(text)
        return self._places.line(at)


class TomlFile:
    """A document and its rows."""

    def __init__(
        self, document: Mapping[str, Any], starts: list[int], end: int, places: _Places
    ) -> None:
        self.document = document
        self._starts = starts
        self._end = end
        """Where the last row ends."""
        self._places = places

    def rows(self, key: str, notes: Notes, what: str = "a package") -> Iterator[Row]:
        """Yield the tables of the array `key`, in order; what is no table is noted."""
        found = self.document.get(key, [])
        rows = found if isinstance(found, list) else [found]
        starts = self._starts if len(self._starts) == len(rows) else [-1] * len(rows)
        for at, (value, start) in enumerate(zip(rows, starts, strict=True)):
            line = self._places.line(start) if start >= 0 else 0
            if not isinstance(value, dict):
                notes.odd(f"expected a table for {what}, found {shown(value)}", line=line)
                continue
            name = value.get("name")
            subject = name if isinstance(name, str) else ""
            table = Table(value, notes, what, line=line, subject=subject)
            end = starts[at + 1] if at + 1 < len(starts) else self._end
            yield Row(table, self._places, max(start, 0), end if start >= 0 else 0)

    def line_of(self, pattern: str) -> int:
        """Return the line of the first match of a pattern, 0 where there is none."""
        found = re.search(pattern, self._places.text, re.MULTILINE)
        return self._places.line(found.start()) if found else 0


class _Places:
    """Offsets as lines."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._breaks = [match.start() for match in re.finditer("\n", text)]

    def line(self, offset: int) -> int:
        return bisect_right(self._breaks, offset - 1) + 1


def read_toml(content: bytes, file: str, notes: Notes, keys: tuple[str, ...]) -> TomlFile:
    """Return a file's document; `keys` are the names that its array of packages may have.

    Raises `LockError` where nothing of it can be read.
    """
    text = decode(content, file, notes)
    places = _Places(text)
    if found := _DEEP_KEY.search(text):
        raise LockError(
            f"{file}:{places.line(found.start())}: expected a lock, found a key of more than "
            "64 parts",
            hints=["is this really the file you meant?"],
        )
    starts = _row_starts(text, keys)
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        document, starts = _in_pieces(notes, keys, places)
        if not document:
            problem, line = _told(error)
            where = f"{file}:{line}" if line else file
            raise LockError(
                f"{where}: expected TOML: {problem}",
                hints=["lock again, or take the file from the last commit in which it was whole"],
            ) from error
    if not document:
        raise LockError(
            f"{file}: expected a lock, found a file without any key",
            hints=["lock again: the tool left it empty, or a checkout cut it"],
        )
    return TomlFile(document, starts, _rows_end(text, keys, starts), places)


def _row_starts(text: str, keys: tuple[str, ...]) -> list[int]:
    names = "|".join(keys)
    pattern = rf"^[ \t]*\[\[[ \t]*[\"']?(?:{names})[\"']?[ \t]*\]\]"
    return [match.start() for match in re.finditer(pattern, text, re.MULTILINE)]


def _rows_end(text: str, keys: tuple[str, ...], starts: list[int]) -> int:
    last = starts[-1] if starts else 0
    after = (match for match in _HEADER.finditer(text, last) if match[1] not in keys)
    return next((match.start() for match in after), len(text))


def _in_pieces(
    notes: Notes, keys: tuple[str, ...], places: _Places
) -> tuple[dict[str, Any], list[int]]:
    """Return what can be read of a text that is not TOML as a whole, and where its rows begin."""
    document: dict[str, Any] = {}
    row_starts: list[int] = []
    for start, end in _pieces(places.text, keys):
        piece = _Piece(places.text[start:end], places.line(start), notes)
        values = piece.read()
        for key in keys:
            rows = values.get(key, [])
            row_starts += [start] * (len(rows) if isinstance(rows, list) else 1)
        _join(document, values, notes, piece.line)
    return document, row_starts


def _pieces(text: str, keys: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Yield where each row, and each table that belongs to none, begins and ends."""
    rows = frozenset(_row_starts(text, keys))
    starts = [0]
    starts += [
        match.start()
        for match in _HEADER.finditer(text)
        if match.start() and (match.start() in rows or match[1] not in keys)
    ]
    yield from zip(starts, [*starts[1:], len(text)], strict=True)


class _Piece:
    """A part of a file that is read for itself."""

    def __init__(self, text: str, line: int, notes: Notes) -> None:
        self.lines = text.split("\n")
        self.line = line
        self._notes = notes

    def read(self) -> dict[str, Any]:
        """Return its values, without the lines that cannot be read."""
        for _ in range(_TRIES):
            try:
                return tomllib.loads("\n".join(self.lines))
            except (ValueError, RecursionError) as error:
                problem, at = _told(error)
                if not self._leave_out(problem, at or len(self.lines)):
                    break
        self._notes.odd("the table that begins here cannot be read and is left out", line=self.line)
        return {}

    def _leave_out(self, problem: str, at: int) -> bool:
        """Take a line out; say whether there was one to take."""
        index = min(at, len(self.lines)) - 1
        while index > 0 and not self.lines[index].strip():
            index -= 1
        line = self.lines[index].strip()
        if not line or line.startswith("["):
            return False
        is_repeated = problem.startswith(_REPEATED)
        kind = OddityKind.DUPLICATE_KEY if is_repeated else OddityKind.NOT_UNDERSTOOD
        key = line.partition("=")[0].strip()
        said = (
            f"the key {shown(key)} stands twice; the first is read"
            if is_repeated
            else f"{shown(line)} is left out: {problem}"
        )
        self._notes.add(kind, said, line=self.line + index, subject=key if is_repeated else "")
        self.lines[index] = ""
        return True


def _told(error: Exception) -> tuple[str, int]:
    """Return a parser's complaint and its line, 0 for the end."""
    if isinstance(error, RecursionError):
        return "values are nested too deep", 0
    text = str(error)
    found = _WHERE.search(text)
    return shown(_WHERE.sub("", text)).strip("`"), int(found[1] or 0) if found else 0


def _join(document: dict[str, Any], values: Mapping[str, Any], notes: Notes, line: int) -> None:
    """Add a piece's values to a document; of two values of a key the first stays."""
    for key, value in values.items():
        there = document.setdefault(key, value)
        if there is value:
            continue
        if isinstance(there, list) and isinstance(value, list):
            there.extend(value)
        elif isinstance(there, dict) and isinstance(value, dict):
            _join(there, value, notes, line)
        else:
            notes.add(
                OddityKind.DUPLICATE_KEY,
                f"the key {shown(key)} stands twice; the first is read",
                line=line,
                subject=key,
            )
