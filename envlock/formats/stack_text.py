"""From the bytes of a file to a TOML document, or one fault that says what stands in the way.

A byte order mark is refused, as `tomllib` does: other readers of the same file would stumble.
"""

from __future__ import annotations

import re
import tomllib
from typing import Any, NamedTuple, NoReturn

from envlock.errors import Fault, InputFileError
from envlock.formats.stack_lines import Declared, find_declarations
from envlock.formats.stack_words import Path, WrittenFloat, quote, redact, show_key


def decode_text(content: bytes, file: str) -> str:
    """Return the text of a file; refuses what is no text, with the offset of the first bad byte."""
    if not content.strip():
        _refuse(file, 0, "the file is empty", hint="`envlock init` writes a first stack")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        _refuse(file, 1, "expected UTF-8 text, found UTF-16", hint="save the file as UTF-8")
    if content.startswith(b"\xef\xbb\xbf"):
        _refuse(
            file,
            1,
            "expected TOML, found a byte order mark at offset 0",
            hint="save the file as UTF-8 without a byte order mark (BOM)",
        )
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = f"the byte 0x{content[error.start]:02x} at offset {error.start}"
        _refuse(file, line, f"expected UTF-8 text, found {found}", hint="save the file as UTF-8")
    offset = content.find(b"\0")
    if offset >= 0:
        line = content.count(b"\n", 0, offset) + 1
        _refuse(
            file,
            line,
            f"expected text, found a NUL byte at offset {offset}",
            hint="is this really a TOML file?",
        )
    return text


def parse_text(text: str, file: str) -> dict[str, Any]:
    """Return the document that a TOML text holds; floats keep the form that they are written in."""
    try:
        return tomllib.loads(text, parse_float=WrittenFloat)
    except RecursionError:
        _refuse(file, 0, "arrays or tables are nested too deeply")
    except ValueError as error:  # tomllib's own error is one; `int` has others
        _explain(str(error), text, file)


def _refuse(file: str, line: int, problem: str, *, hint: str | None = None) -> NoReturn:
    where = f"{file}:{line}" if line else file
    raise InputFileError([Fault(where=where, problem=problem, hint=hint)]) from None


_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def _explain(message: str, text: str, file: str) -> NoReturn:
    """Raise what tomllib says, in our words where it matters: which key, and both lines."""
    position = _POSITION.search(message)
    last = text.rstrip().count("\n") + 1
    line = int(position[1]) if position and position[1] else last
    reason = message[: position.start()] if position else message
    clash = _find_clash(text, line) if reason.startswith(_CLASHES) else None
    if clash:
        raise InputFileError([_clash_fault(clash, file)]) from None
    column = f", column {position[2]}" if position and position[2] else ""
    problem = f"not valid TOML{column}: {redact(_in_plain_words(reason))}"
    _refuse(file, line, problem, hint=_SYNTAX_HINTS.get(reason))


def _in_plain_words(reason: str) -> str:
    """Return tomllib's reason without Python in it."""
    if reason.startswith("Exceeds the limit"):
        return "an integer has too many digits"
    return re.sub(r"\((.*)\)", lambda match: quote(".".join(_parts(match[1]))), reason)


def _parts(printed: str) -> list[str]:
    return re.findall(r"'([^']*)'", printed)


_CLASHES = ("Cannot ", "Duplicate ")
_INLINE = "`{ … }` stays on one line and has no comma at its end"
_SYNTAX_HINTS = {
    "Invalid initial character for a key part": _INLINE,
    "Unclosed inline table": _INLINE,
    "Invalid value": "text needs quotes",
    "Expected '=' after a key in a key/value pair": "a line is `key = value` or `[table]`",
    "Invalid statement": "a line is `key = value` or `[table]`",
}


class _Clash(NamedTuple):
    """A key or table that is written although another one stands in its place."""

    declared: Declared
    earlier: Declared


def _clash_fault(clash: _Clash, file: str) -> Fault:
    (path, line, _), (earlier, first, _) = clash
    where = f"{file}:{line}: {show_key(path)}"
    if path == earlier:
        problem = f"written twice, first on line {first}"
        return Fault(where=where, problem=problem, hint="keep one of the two")
    problem = f"`{show_key(earlier)}` is already written on line {first}, in another way"
    return Fault(where=where, problem=problem, hint="write a table in one way only")


def _find_clash(text: str, line: int) -> _Clash | None:
    """Return the key that tomllib stumbled over on or before a line, and what it clashes with."""
    seen: dict[Path, Declared] = {}
    clash: _Clash | None = None
    for item in find_declarations(text):
        if item.line > line:
            break
        if item.path in seen:
            return _Clash(item, seen[item.path])
        for size in range(1, len(item.path)):
            parent = seen.get(item.path[:size])
            if parent and not parent.is_header and parent.line < item.line:
                clash = _Clash(item, parent)
        seen[item.path] = item
    return clash
