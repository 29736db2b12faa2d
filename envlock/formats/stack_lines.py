"""Where the keys of a TOML text stand.

`tomllib` says what the values are and not where. So a small scanner gives each key its line. It
trusts that the text is TOML, which `tomllib` has seen to before it is asked.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from envlock.formats.stack_words import Path, format_key, show_key
from envlock.model.stack import Where


class Declared(NamedTuple):
    """A header, a key or an array entry, as the scanner meets it."""

    path: Path
    line: int
    is_header: bool


_PATTERN = re.compile(
    r"""
      (?P<blank>[ \t\r]+|\#[^\n]*)
    | \"{3}(?:\\[\s\S]|[^\\])*?\"{3,5} | '{3}[\s\S]*?'{3,5}
    | "(?:\\.|[^"\\\n])*" | '[^'\n]*'
    | [\[\]{},=.\n]
    | [^\s\[\]{},=\#"'.]+
    """,
    re.VERBOSE,
)

_Piece = tuple[str, int, int]
"""A piece of TOML that is neither blank nor comment: its text, line and offset."""

_NOTHING: _Piece = ("", 0, 0)


def find_lines(text: str) -> dict[Path, int]:
    """Return the line of every key, table and array entry of a TOML text, from 1.

    A table that is only implied (`target` in `[target.win-64]`) gets the first line naming it.
    Text that is not TOML gives some lines, never an error.
    """
    lines: dict[Path, int] = {}
    for path, line, _ in find_declarations(text):
        for size in range(1, min(len(path), _DEEPEST) + 1):
            lines.setdefault(path[:size], line)
    return lines


_DEEPEST = 12
"""No key of a stack lies so deep; a limit keeps a hostile key of thousands of dots cheap."""


def find_comments(text: str) -> list[str]:
    """Return the comments of a TOML text, in order, without their line breaks."""
    found = (match.group() for match in _PATTERN.finditer(text) if match.lastgroup == "blank")
    return [comment.rstrip("\r") for comment in found if comment.startswith("#")]


def _split_pieces(text: str) -> Iterator[_Piece]:
    """Yield the pieces of a TOML text in order; newlines are pieces, line 1 is the first."""
    line = 1
    for match in _PATTERN.finditer(text):
        if match.lastgroup != "blank":
            piece = match.group()
            yield piece, line, match.start()
            line += piece.count("\n")


def _read_header(pieces: Iterator[_Piece], arrays: dict[Path, int]) -> Path:
    """Read the rest of `[a.b]` or `[[a.b]]`; an array of tables counts up in `arrays`."""
    first = next(pieces, _NOTHING)
    is_array = first[0] == "["
    keys = _read_key(next(pieces, _NOTHING) if is_array else first, pieces)
    path: Path = ()
    for position, key in enumerate(keys, start=1):
        path = (*path, key)
        if path in arrays and not (is_array and position == len(keys)):
            path = (*path, arrays[path] - 1)
    if not is_array:
        return path
    next(pieces, _NOTHING)  # the second bracket
    arrays[path] = arrays.get(path, 0) + 1
    return (*path, arrays[path] - 1)


def _read_key(first: _Piece, pieces: Iterator[_Piece]) -> tuple[str, ...]:
    """Read a dotted key and the `=` or `]` after it."""
    keys: list[str] = []
    text = first[0]
    while text not in _KEY_ENDS:
        if text != ".":
            keys.append(_unquote(text))
        text = next(pieces, _NOTHING)[0]
    return tuple(keys)


_KEY_ENDS = ("=", "]", "\n", "")


def _unquote(key: str) -> str:
    if key[0] not in "\"'":
        return key
    if key[0] == '"' and "\\" in key:
        try:
            return str(tomllib.loads(f"key = {key}")["key"])
        except ValueError:
            return key
    return key[1:-1]


def find_declarations(text: str) -> Iterator[Declared]:
    """Yield each header, key and array entry with its line, in order, repeats included."""
    pieces = _split_pieces(text)
    arrays: dict[Path, int] = {}
    table: Path = ()
    for piece in pieces:
        if piece[0] == "[":
            table = _read_header(pieces, arrays)
            yield Declared(table, piece[1], is_header=True)
        elif piece[0] != "\n":
            path = table + _read_key(piece, pieces)
            yield Declared(path, piece[1], is_header=False)
            yield from _in_a_value(pieces, path)


def _in_a_value(pieces: Iterator[_Piece], path: Path) -> Iterator[Declared]:
    """Read to the end of a value; yield the entries of arrays and the keys of inline tables."""
    places: list[Path] = []  # the arrays and inline tables that are open
    positions: list[int] = []  # the entry in each open array; -1 in an inline table
    starts = False  # the next piece begins an entry or a key
    for piece in pieces:
        text, line, _ = piece
        if text == "\n":
            if not places:
                return
            continue
        if starts and text not in _CLOSERS:
            starts = False
            is_key = positions[-1] < 0
            path = places[-1] + (_read_key(piece, pieces) if is_key else (positions[-1],))
            yield Declared(path, line, is_header=False)
            if is_key:
                continue
        if text in _OPENERS:
            places.append(path)
            positions.append(0 if text == "[" else -1)
            starts = True
        elif text in _CLOSERS and places:
            places.pop()
            positions.pop()
            starts = False
        elif text == "," and places:
            positions[-1] += positions[-1] >= 0
            starts = True


_OPENERS = ("[", "{")
_CLOSERS = ("]", "}")


@dataclass(frozen=True, slots=True)
class Places:
    """Where the keys of one file stand."""

    file: str
    lines: Mapping[Path, int]

    def where(self, *path: str | int) -> Where:
        """Return a key's place; a key that is missing stands where its table begins."""
        return Where(self.file, format_key(path), self.line(path))

    def name(self, path: Path) -> str:
        """Return the start of a message about a key; without a key, the file."""
        return str(Where(self.file, show_key(path), self.line(path))) if path else self.file

    def line(self, path: Path) -> int:
        """Return a key's line, or that of the nearest table around it; 0 for none."""
        sizes = range(len(path), 0, -1)
        return next((self.lines[path[:size]] for size in sizes if path[:size] in self.lines), 0)

    def all(self) -> dict[str, Where]:
        """Return the place of everything in the file."""
        return {format_key(path): self.where(*path) for path in self.lines}
