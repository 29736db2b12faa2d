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
from envlock.formats.readers.toml_rows import Rows
from envlock.model.reading import OddityKind

_LIMIT_BYTES = 8_000_000
_LIMIT_LINES = 150_000
"""Three times the largest locks that are known."""
_HEADER = re.compile(r"^\[\[?[ \t]*[\"']?([\w-]+)[^\n]*", re.MULTILINE)
_DEEP_KEY = re.compile(r"(?<![\w\"'-])(?:[\w\"'-]++[ \t]*+\.[ \t]*+){64}")
"""tomllib needs time with the square of a key's parts."""
_WHERE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")
_REPEATED = ("Cannot overwrite", "Cannot declare", "Cannot mutate", "Duplicate")
_LIMIT = 800_000
"""Characters that `tomllib` is given; it needs a second for them."""
_DAMAGED_LIMIT = 600_000
"""The same for all tries to read the pieces of a damaged file."""
_MOST_ROWS = 20_000
"""No lock has so many packages."""
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
            if at >= _MOST_ROWS:
                notes.odd(f"only {_MOST_ROWS:,} rows are read, the rest is not", line=line)
                return
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

    def start(self, line: int) -> int:
        return self._breaks[line - 2] + 1 if line > 1 else 0


def read_toml(content: bytes, file: str, notes: Notes, keys: tuple[str, ...]) -> TomlFile:
    """Return a file's document; `keys` are the names that its array of packages may have.

    Raises `LockError` where nothing of it can be read.
    """
    text = decode(content, file, notes, limit_bytes=_LIMIT_BYTES, limit_lines=_LIMIT_LINES)
    places = _Places(text)
    starts = _row_starts(text, keys)
    rows = Rows(text)
    _refuse_what_takes_long(rows.text, file)
    try:
        document = tomllib.loads(rows.text)
    except (ValueError, RecursionError) as error:
        document, starts = _in_pieces(notes, keys, places, rows)
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
    document = rows.put_back(document)
    return TomlFile(document, starts, _rows_end(text, keys, starts), places)


def _refuse_what_takes_long(text: str, file: str) -> None:
    hints = ["is this really the file you meant?"]
    if len(text) > _LIMIT:
        raise LockError(
            f"{file}: expected at most {_LIMIT:,} characters beside the rows of its files, found "
            f"{len(text):,}",
            hints=hints,
        )
    if found := _DEEP_KEY.search(text):
        line = text.count("\n", 0, found.start()) + 1
        raise LockError(
            f"{file}:{line}: expected a lock, found a key of more than 64 parts", hints=hints
        )


def _row_starts(text: str, keys: tuple[str, ...]) -> list[int]:
    names = "|".join(keys)
    pattern = rf"^[ \t]*\[\[[ \t]*[\"']?(?:{names})[\"']?[ \t]*\]\]"
    return [match.start() for match in re.finditer(pattern, text, re.MULTILINE)]


def _rows_end(text: str, keys: tuple[str, ...], starts: list[int]) -> int:
    last = starts[-1] if starts else 0
    after = (match for match in _HEADER.finditer(text, last) if match[1] not in keys)
    return next((match.start() for match in after), len(text))


def _in_pieces(
    notes: Notes, keys: tuple[str, ...], places: _Places, rows: Rows
) -> tuple[dict[str, Any], list[int]]:
    """Return what can be read of a text that is not TOML as a whole, and where its rows begin."""
    document: dict[str, Any] = {}
    row_starts: list[int] = []
    lines, shortened = places.text.split("\n"), rows.text.split("\n")
    budget = _DAMAGED_LIMIT
    firsts = _piece_lines(places, keys)
    for first, end in zip(firsts, [*firsts[1:], len(lines) + 1], strict=True):
        if budget < 0:
            notes.odd("from here on the file is too damaged to be read", line=first)
            break
        piece = _Piece(shortened[first - 1 : end - 1], lines, first, notes)
        values = piece.read()
        budget -= piece.tried
        for key in keys:
            found = values.get(key, [])
            row_starts += [places.start(first)] * (len(found) if isinstance(found, list) else 1)
        _join(document, values, notes, first)
    return document, row_starts


def _piece_lines(places: _Places, keys: tuple[str, ...]) -> list[int]:
    """Return the lines at which each row, and each table that belongs to none, begins."""
    rows = frozenset(_row_starts(places.text, keys))
    starts = {
        match.start()
        for match in _HEADER.finditer(places.text)
        if match.start() in rows or match[1] not in keys
    }
    return sorted({1, *map(places.line, starts | rows)})


class _Piece:
    """A part of a file that is read for itself."""

    def __init__(self, part: list[str], lines: list[str], first: int, notes: Notes) -> None:
        self.tried = 0
        """Characters that were given to the parser, with every try."""
        self._part = part
        self._lines = lines
        self._first = first
        self._notes = notes

    def read(self) -> dict[str, Any]:
        """Return its values, without the lines that cannot be read."""
        for _ in range(_TRIES):
            text = "\n".join(self._part)
            self.tried += len(text)
            try:
                return tomllib.loads(text)
            except (ValueError, RecursionError) as error:
                problem, at = _told(error)
                if not self._leave_out(problem, at or len(self._part)):
                    break
        self._notes.odd(
            "the table that begins here cannot be read and is left out", line=self._first
        )
        return {}

    def _leave_out(self, problem: str, at: int) -> bool:
        """Take a line out; say whether there was one to take."""
        index = min(at, len(self._part)) - 1
        while index > 0 and not self._part[index].strip():
            index -= 1
        line = self._lines[self._first + index - 1].strip()
        if not self._part[index].strip() or line.startswith("["):
            return False
        is_repeated = problem.startswith(_REPEATED)
        kind = OddityKind.DUPLICATE_KEY if is_repeated else OddityKind.NOT_UNDERSTOOD
        key = line.partition("=")[0].strip()
        said = (
            f"the key {shown(key)} stands twice; the first is read"
            if is_repeated
            else f"{shown(line)} is left out: {problem}"
        )
        subject = key if is_repeated else ""
        self._notes.add(kind, said, line=self._first + index, subject=subject)
        self._part[index] = ""
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
