"""Merges that were not ended: one side is read, with the lines where they were.

git writes `<<<<<<<`, `|||||||`, `=======`, `>>>>>>>`. Jujutsu frames with the same first and last
mark, and within stand sides (`+++++++`), the base (`-------`) and changes to it (`%%%%%%%`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from envlock.formats.readers.notes import Notes
from envlock.model.reading import OddityKind

_FRAME = re.compile(r"^(?:<{7}|>{7})(?:[ \t]|$)", re.MULTILINE)
_GIT = frozenset(sign * 7 for sign in "<|=>")
_JUJUTSU = frozenset(sign * 7 for sign in "+-%")


def one_side(text: str, notes: Notes) -> str:
    """Return the text with the first side of each open merge, the other lines left empty."""
    if ("<<<<<<<" not in text and ">>>>>>>" not in text) or not _FRAME.search(text):
        return text
    lines = text.split("\n")
    at = 0
    while at < len(lines):
        mark = _mark(lines[at], _GIT)
        if mark == "<":
            end = _end(lines, at)
            is_git = not _mark(lines[at + 1] if at + 1 < end else "", _JUJUTSU)
            side = "the side above `=======`" if is_git else "the first side"
            notes.add(
                OddityKind.CONFLICT,
                f"a merge was not ended in line {at + 1}; {side} is read",
                line=at + 1,
            )
            inner = lines[at + 1 : end]
            lines[at:end] = ["", *(_of_git(inner) if is_git else _of_jujutsu(inner))]
            if _mark("".join(lines[end : end + 1]), _GIT) == ">":
                lines[end] = ""
            at = end - 1
        elif mark == ">":
            notes.add(OddityKind.CONFLICT, "a conflict marker was left in", line=at + 1)
            lines[at] = ""
        at += 1
    return "\n".join(lines)


def _mark(line: str, marks: Collection[str]) -> str:
    return line[0] if line[:7] in marks and line[7:8] in ("", " ", "\t") else ""


def _end(lines: Sequence[str], start: int) -> int:
    """Return where an open merge ends: at its mark, at the next merge, or with the text."""
    later = range(start + 1, len(lines))
    return next((at for at in later if _mark(lines[at], _GIT) in tuple("<>")), len(lines))


def _of_git(lines: Sequence[str]) -> list[str]:
    for at, line in enumerate(lines):
        if _mark(line, _GIT) in ("|", "="):
            return [*lines[:at], *[""] * (len(lines) - at)]
    return list(lines)


def _of_jujutsu(lines: Sequence[str]) -> list[str]:
    """Return the first side that is written out; where only changes are, what they lead to."""
    marks = [_mark(line, _JUJUTSU) for line in lines]
    wanted = "+" if "+" in marks else "%"
    kept = [""] * len(lines)
    start = marks.index(wanted) + 1 if wanted in marks else len(lines)
    for at in range(start, len(lines)):
        if marks[at]:
            break
        if wanted == "+":
            kept[at] = lines[at]
        elif not lines[at].startswith("-"):
            kept[at] = lines[at][1:]
    return kept
