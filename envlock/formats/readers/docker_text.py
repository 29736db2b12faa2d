"""The text of a Dockerfile as instructions: directives, continued lines, here-documents.

Read after BuildKit's own description of the format. The parsers on the index were not taken:
`dockerfile-parse` knows no here-documents (its issue 145, open since 2023) and works on a file on a
disk; `dockerfile` needs a Go compiler to be installed.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from envlock.formats.readers.notes import Notes, shown

_DIRECTIVE = re.compile(r"#[ \t]*(?P<key>[A-Za-z]+)[ \t]*=[ \t]*(?P<value>.+?)[ \t]*")
_DIRECTIVES = ("syntax", "escape", "check")
_HEREDOC = re.compile(
    r"(?:^|(?<=[\s;&|(]))\d*<<(?P<dash>-?)(?P<quote>[\"']?)(?P<name>[A-Za-z_][\w.]*)(?P=quote)"
    r"(?=[\s;&|>)]|$)"
)
_WITH_HEREDOCS = ("RUN", "COPY", "ADD")


@dataclass(frozen=True, slots=True)
class Heredoc:
    """The lines between `<<EOF` and `EOF`."""

    text: str
    line: int
    """Of the first line."""


@dataclass(slots=True)
class Instruction:
    """One instruction, its lines joined."""

    name: str
    """In capitals."""
    text: str
    """What follows the name."""
    line: int
    heredocs: list[Heredoc] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)
    _lines: list[int] = field(default_factory=list)

    def line_at(self, offset: int) -> int:
        """Return the line of a place in the text."""
        at = bisect_right(self._starts, offset) - 1
        return self._lines[at] if at >= 0 else self.line


def read_directives(text: str) -> dict[str, str]:
    """Return the directives at the top: `syntax`, `escape`, `check`."""
    found: dict[str, str] = {}
    for line in text.split("\n"):
        match = _DIRECTIVE.fullmatch(line.strip())
        if match is None or match["key"].lower() not in _DIRECTIVES:
            break
        found.setdefault(match["key"].lower(), match["value"])
    return found


def split_instructions(text: str, notes: Notes) -> Iterator[Instruction]:
    """Yield the instructions of a Dockerfile; a here-document without an end is noted."""
    escape = "`" if read_directives(text).get("escape") == "`" else "\\"
    lines = text.split("\n")
    ends = _Ends(lines)
    at = 0
    while at < len(lines):
        if _is_nothing(lines[at]):
            at += 1
            continue
        instruction, at = _join(lines, at, escape)
        if instruction.name in _WITH_HEREDOCS:
            at = _add_heredocs(instruction, lines, at, ends, notes)
        yield instruction


def _is_nothing(line: str) -> bool:
    bare = line.strip()
    return not bare or bare.startswith("#")


def _join(lines: list[str], at: int, escape: str) -> tuple[Instruction, int]:
    """Join a line with those that continue it; comments and empty lines between them are none."""
    first = at
    parts: list[tuple[int, str]] = []
    while at < len(lines):
        line = lines[at]
        at += 1
        if parts and _is_nothing(line):
            continue
        bare = line.rstrip(" \t\r")
        if not bare.endswith(escape):
            parts.append((at, line))
            break
        parts.append((at, bare[:-1]))
    head = parts[0][1].lstrip()
    name = re.match(r"\S+", head)
    word = name[0] if name else ""
    parts[0] = (parts[0][0], head[len(word) :].lstrip())
    instruction = Instruction(name=word.upper(), text="", line=first + 1)
    offset = 0
    for number, part in parts:
        instruction._starts.append(offset)  # noqa: SLF001 - it is made here
        instruction._lines.append(number)  # noqa: SLF001
        offset += len(part)
    instruction.text = "".join(part for _, part in parts).rstrip()
    return instruction, at


class _Ends:
    """Where the lines stand that may end a here-document."""

    def __init__(self, lines: list[str]) -> None:
        self._at: dict[str, list[int]] = defaultdict(list)
        for at, line in enumerate(lines):
            bare = line.lstrip("\t")
            if re.fullmatch(r"[A-Za-z_][\w.]*", bare):
                self._at[bare].append(at)
        self._lines = lines

    def find(self, name: str, start: int, *, with_tabs: bool) -> int:
        """Return the first line from `start` that is the name alone, -1 where there is none."""
        places = self._at.get(name, [])
        for at in places[bisect_right(places, start - 1) :]:
            if with_tabs or self._lines[at] == name:
                return at
        return -1


def _add_heredocs(
    instruction: Instruction, lines: list[str], at: int, ends: _Ends, notes: Notes
) -> int:
    """Take the here-documents of an instruction from the lines that follow."""
    for match in _HEREDOC.finditer(instruction.text):
        end = ends.find(match["name"], at, with_tabs=bool(match["dash"]))
        if end < 0:
            notes.odd(f"the here-document {shown(match['name'])} has no end", line=instruction.line)
            continue
        body = [line.lstrip("\t") if match["dash"] else line for line in lines[at:end]]
        instruction.heredocs.append(Heredoc(text="\n".join(body), line=at + 1))
        at = end + 1
    return at
