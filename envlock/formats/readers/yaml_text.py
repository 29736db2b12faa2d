"""The one door through which readers come to YAML: what can be read is read, the rest is noted.

Three roads, one reading. The plain form that tools write goes the fast one (`yaml_plain`); all
else is read by the reference (`envlock.formats.yaml_text`), which also knows the lines of keys
that stand twice. Where a file is damaged, or too long for the reference, it is taken apart by its
indentation and read piece by piece: a broken row is noted with its line, and the others are read.
Each piece is parsed a bounded number of times, so that no file takes long.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from envlock.errors import LockError
from envlock.formats.plain import printable
from envlock.formats.readers.notes import Notes, shown
from envlock.formats.readers.text import decode
from envlock.formats.readers.yaml_plain import parse_plain
from envlock.formats.yaml_text import Texts, YamlError, is_too_deep, parse
from envlock.model.reading import OddityKind

LARGEST = 6_000_000
"""In bytes; the largest lock seen has 1.8 million, with 2,200 packages."""
MOST_LINES = 150_000
"""The longest lock seen has 51,000."""
MOST_ROWS = 20_000
"""More items of one list are not read: each becomes a package."""
_SLOW = 1_000_000
"""So much of a file is given to the reference, which needs about a second for it."""
_WORK = 3
"""How many times the length of a file all pieces together may be parsed."""
_EACH = 100
"""What the parsing of a piece costs at least, in letters."""
_MOST_BROKEN = 1_000
"""So many broken pieces are told; in what follows nothing is looked for."""
_LEVELS = 8
_LONGEST = 200

_DOCUMENT = re.compile(r"^(?:---|\.\.\.)(?=\s|$)", re.MULTILINE)
_ITEM = re.compile(r" *-(?= |$)")
_KEY = re.compile(r""" *(?P<key>'(?:[^']|'')*'|"[^"]*"|[^\s'"#\-][^:\n]*?) *:(?= |$)""")
_BEFORE = re.compile(r" *+(?:- ++)*+(?:![^ ]* ++)?")
_CONTENT = re.compile(r" *(?=[^\s#])")


@dataclass(frozen=True, kw_only=True)
class YamlFile:
    """A file, read as far as it can be."""

    root: dict[str, Any]
    text: str
    """With LF, one document and one side of each open merge; its lines are those of the file."""
    item_lines: dict[str, list[int]] = field(default_factory=dict)

    def rows(self, key: str) -> Iterator[tuple[int, Any]]:
        """Yield the items of a list of the root, each with its line; nothing where it is none."""
        items = self.root.get(key)
        if isinstance(items, list):
            lines = self.item_lines.get(key) or _lines_of_items(self.text, key, len(items))
            yield from islice(zip(lines, items, strict=True), MOST_ROWS)

    def line_of(self, words: str, after: int = 0) -> int:
        """Return the first line that holds some words, at or after a line; 0 where none does."""
        start = 0
        for _ in range(after - 1):
            start = self.text.find("\n", start) + 1
        place = self.text.find(words, start) if words else -1
        return self.text.count("\n", 0, place) + 1 if place >= 0 else 0

    def lines_of(self, values: Iterable[str], after: int = 0) -> dict[str, int]:
        """Return the first line, at or after a line, that each of some values stands alone on.

        Before it may be a dash, a tag and a key, around it quotes.
        """
        wanted = set(values)
        found: dict[str, int] = {}
        lines = self.text.split("\n") if wanted else []
        for number in range(max(after, 1), len(lines) + 1):
            item = _BEFORE.sub("", lines[number - 1], count=1).rstrip()
            if len(found) == len(wanted):
                break
            for value in (item, item.partition(": ")[2].strip()):
                is_quoted = value[:1] in ("'", '"') and value[1:].endswith(value[0])
                bare = value[1:-1].replace("''", "'") if is_quoted else value
                if bare in wanted:
                    found.setdefault(bare, number)
        return found


def open_yaml(content: bytes, file: str, what: str, notes: Notes) -> YamlFile:
    """Read a file whose root is a table; `what` it should be, in words: `a pixi lock`.

    Raises `LockError` where nothing of it can be read.
    """
    for limit, found, unit in (
        (LARGEST, len(content), "bytes"),
        (MOST_LINES, content.count(b"\n"), "lines"),
    ):
        if found > limit:
            raise LockError(
                f"{file}: expected at most {limit:,} {unit} of YAML, found {found:,}",
                hints=["is this really the file you meant?"],
            )
    text = _first_document(decode(content, file, notes), notes)
    if is_too_deep(text):
        raise LockError(
            f"{file}: expected {what}, found values nested more than 100 deep",
            hints=["is this really the file you meant?"],
        )
    pieces = _Pieces(notes, len(text))
    root = pieces.whole(text)
    if not isinstance(root, dict) or not root:
        error = pieces.first_error
        if error is not None:
            place = f"{file}:{error.line}" if error.line else file
            said = f"{place}: cannot be read as YAML: {_said(error)}"
            raise LockError(said, hints=["was the file cut short?"])
        shapes = {list: "a list", dict: "an empty table", type(None): "nothing"}
        raise LockError(
            f"{file}: expected {what}, found {shapes.get(type(root), 'a single value')}",
            hints=["was the file cut short?"],
        )
    for key, value in root.items():
        if isinstance(value, list) and len(value) > MOST_ROWS:
            notes.odd(f"{shown(key)} has {len(value):,} items; {MOST_ROWS:,} of them are read")
    return YamlFile(root=root, text=text, item_lines=pieces.item_lines)


def _said(error: YamlError) -> str:
    return printable(error.said)[:_LONGEST]


def _first_document(text: str, notes: Notes) -> str:
    """Return a text up to where a second document begins, its own mark left blank."""
    if not any(mark in text for mark in ("\n---", "\n...")) and text[:3] not in ("---", "..."):
        return text  # `find` is a hundred times as fast as a pattern
    for mark in _DOCUMENT.finditer(text):
        before = text[: mark.start()]
        if any(line.strip() and line[0] not in "#%" for line in before.split("\n")):
            if text[mark.end() :].strip(" .\n\t-"):
                notes.odd(
                    "a second document begins here; only the first is read",
                    line=before.count("\n") + 1,
                )
            return before
        rest = text[mark.end() :]
        if rest.split("\n", 1)[0].strip():
            return text
        text = re.sub(r"[^\n]+", "", before) + "   " + rest
    return text


def _lines_of_items(text: str, key: str, count: int) -> list[int]:
    """Return the lines of the items of a list of the root, zeros where they cannot be told."""
    unknown = [0] * count
    head = re.search(rf"^(['\"]?){re.escape(key)}\1:[ ]*(?:#.*)?$", text, re.MULTILINE)
    if head is None:
        return unknown
    first = re.compile(r"^( *)-(?= |$)", re.MULTILINE).search(text, head.end())
    if first is None:
        return unknown
    item = re.compile(rf"^(?:{first[1]}(?P<item>-)(?= |$)|[^\s#-])", re.MULTILINE)
    lines: list[int] = []
    line, place = 1, 0
    for found in item.finditer(text, head.end()):
        if not found["item"]:
            break
        line += text.count("\n", place, found.start())
        place = found.start()
        lines.append(line)
    return lines if len(lines) == count else unknown


def as_text(value: Any) -> str:
    """Return a value of a file as one text."""
    if isinstance(value, dict):
        return ", ".join(f"{key}={as_text(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(as_text, value))
    return "" if value is None else str(value)


_NOTHING: Any = object()


class _Pieces:
    """Reads a text whole where it can, and in pieces where it cannot."""

    def __init__(self, notes: Notes, length: int) -> None:
        self._notes = notes
        self._slow = _SLOW
        self._work = _WORK * length + _SLOW
        self._broken = 0
        self.item_lines: dict[str, list[int]] = {}
        self.first_error: YamlError | None = None
        self._error = YamlError("it has no shape that YAML has")

    def whole(self, text: str) -> Any:
        """Return the value of a text, None where nothing of it can be read."""
        texts = self._try(text, 1)
        if texts is not None:
            self.item_lines.update(texts.item_lines)
            return texts.root
        parts = _split(text.split("\n"))
        if not parts or parts[0].key is None:
            self._note(1, text.count("\n") + 1)
            return None
        return self._table(parts, 1, is_root=True)

    def _try(self, text: str, line: int) -> Texts | None:
        """Return a text's value; None where it cannot be read, or not in time."""
        self._work -= len(text) + _EACH
        if self._work < 0:
            self._error = YamlError("it is too damaged to be read in time", line)
            return None
        plain = parse_plain(text)
        if plain is not None:
            return Texts(root=plain)
        if len(text) + _EACH > self._slow:
            self._error = YamlError("it is too long to be read with care", line)
            return None
        self._slow -= len(text) + _EACH
        try:
            texts = parse(text, line)
        except YamlError as error:
            self._error = error
            self.first_error = self.first_error or error
            return None
        for key, place in texts.repeated:
            self._repeat(key, place)
        return texts

    def _read(self, lines: Sequence[str], line: int, level: int) -> Any:
        texts = self._try("\n".join(lines), line)
        if texts is not None:
            return texts.root
        parts = _split(lines) if level < _LEVELS else []
        if not parts or (len(parts) == 1 and len(parts[0].lines) == 1):
            return self._note(line, len(lines))
        if parts[0].key is None:
            return self._list(parts, line, level)[0]
        return self._table(parts, line, level)

    def _table(
        self, parts: Sequence[_Part], line: int, level: int = 1, *, is_root: bool = False
    ) -> dict[str, Any]:
        table: dict[str, Any] = {}
        for part in parts:
            start = line + part.at
            if self._is_tired(start):
                break
            texts = self._try("\n".join(part.lines), start)
            if texts is not None and isinstance(texts.root, dict):
                fresh = texts.root
                lines = texts.item_lines
            else:
                fresh, lines = self._damaged(part, start, level)
            for key, value in fresh.items():
                if key in table:
                    self._repeat(key, start)
                table[key] = value
            if is_root:
                self.item_lines.update(lines)
        return table

    def _damaged(
        self, part: _Part, line: int, level: int
    ) -> tuple[dict[str, Any], dict[str, list[int]]]:
        """Return what can be read below a key."""
        inner = part.lines[1:]
        if part.key is None or not part.is_open or not any(map(_CONTENT.match, inner)):
            self._note(line, len(part.lines))
            return {}, {}
        parts = _split(inner)
        if parts and parts[0].key is None:
            items, lines = self._list(parts, line + 1, level + 1)
            return {part.key: items}, {part.key: lines}
        value = self._read(inner, line + 1, level + 1)
        return ({} if value is _NOTHING else {part.key: value}), {}

    def _list(self, parts: Sequence[_Part], line: int, level: int) -> tuple[list[Any], list[int]]:
        items: list[Any] = []
        lines: list[int] = []
        for part in parts:
            start = line + part.at
            if self._is_tired(start):
                break
            texts = self._try("\n".join(part.lines), start)
            if texts is not None and isinstance(texts.root, list) and len(texts.root) == 1:
                value = texts.root[0]
            else:
                inner = [_ITEM.sub(lambda dash: " " * len(dash[0]), part.lines[0], count=1)]
                value = self._read([*inner, *part.lines[1:]], start, level + 1)
            if value is not _NOTHING:
                items.append(value)
                lines.append(start)
        return items, lines

    def _is_tired(self, line: int) -> bool:
        """Say whether enough was tried; then what follows is noted and left out."""
        is_tired = self._work < 0 or self._broken > _MOST_BROKEN
        if is_tired:
            said = "the file is so damaged that what follows is not read"
            self._notes.add(OddityKind.NOT_UNDERSTOOD, said, line=line)
        return is_tired

    def _note(self, line: int, count: int = 1) -> Any:
        """Note the last error; it stands in the piece of some lines that begins at `line`."""
        error = self._error
        self._broken += 1
        is_inside = line <= error.line < line + count
        place = error.line if is_inside else line
        self._notes.odd(f"it cannot be read as YAML: {_said(error)}", line=place)
        return _NOTHING

    def _repeat(self, key: str, line: int) -> None:
        self._notes.add(
            OddityKind.DUPLICATE_KEY,
            f"the key {shown(key)} stands twice in one table; the last one is read",
            line=line,
            subject=printable(key)[:_LONGEST],
        )


@dataclass(frozen=True, slots=True)
class _Part:
    """An item of a list, or a key with what stands below it."""

    at: int
    """The first line, counted from 0."""
    key: str | None
    """None for an item."""
    is_open: bool
    """Whether the value begins on a later line."""
    lines: Sequence[str]


def _split(lines: Sequence[str]) -> list[_Part]:
    """Return the parts that stand at the smallest indentation; [] where there are none."""
    first = next((at for at, line in enumerate(lines) if _CONTENT.match(line)), None)
    if first is None:
        return []
    is_list = _ITEM.match(lines[first]) is not None
    indent = len(lines[first]) - len(lines[first].lstrip(" "))
    starts: list[tuple[int, str | None, bool]] = []
    for at in range(first, len(lines)):
        line = lines[at]
        if len(line) - len(line.lstrip(" ")) != indent:
            continue
        if is_list:
            if _ITEM.match(line):
                starts.append((at, None, False))
        elif match := _KEY.match(line):
            rest = line[match.end() :].strip()
            starts.append((at, match["key"].strip("'\""), not rest or rest.startswith("#")))
    if not starts or starts[0][0] != first:
        return []
    ends = [*(start[0] for start in starts[1:]), len(lines)]
    return [
        _Part(at, key, is_open, lines[at:end])
        for (at, key, is_open), end in zip(starts, ends, strict=True)
    ]
