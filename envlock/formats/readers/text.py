"""Bytes to text, for the readers whose formats are text: encodings, line ends, open merges."""

from __future__ import annotations

import codecs

from envlock.errors import LockError
from envlock.formats.readers.merges import one_side
from envlock.formats.readers.notes import Notes
from envlock.model.lock import LOCK_LIMIT_BYTES
from envlock.model.reading import OddityKind

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_UTF8_HINT = "save it as UTF-8, or ask its author for the file that the tool wrote"


def decode(
    content: bytes,
    file: str,
    notes: Notes,
    *,
    limit_bytes: int = LOCK_LIMIT_BYTES,
    limit_lines: int = LOCK_LIMIT_BYTES,
) -> str:
    r"""Return the text of a file with `\n` line ends, and one side only of an open merge.

    Lines keep their numbers. A byte order mark, UTF-16, Windows line ends and conflict markers are
    noted. Raises `LockError` for bytes that are no text, and for more of them than the format
    has.
    """
    if len(content) > limit_bytes:
        raise LockError(
            f"{file}: expected at most {limit_bytes:,} bytes, found {len(content):,}",
            hints=["is this really the file you meant?"],
        )
    if (lines := content.count(b"\n") + content.count(b"\r")) > limit_lines:
        raise LockError(
            f"{file}: expected at most {limit_lines:,} lines, found {lines:,}",
            hints=["is this really the file you meant?"],
        )
    text = _decode(content, file, notes)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise LockError(
            f"{file}:{line}: expected text, found a NUL byte",
            hints=["is this really the file you meant?"],
        )
    if "\r\n" in text:
        line = text.count("\n", 0, text.index("\r\n")) + 1
        notes.add(
            OddityKind.NOT_CANONICAL,
            "the lines end as on Windows (CRLF); tools write LF",
            line=line,
        )
        text = text.replace("\r\n", "\n")
    return one_side(text, notes)


def _decode(content: bytes, file: str, notes: Notes) -> str:
    encoding = "utf-8"
    if content.startswith(codecs.BOM_UTF8):
        encoding = "utf-8-sig"
        notes.add(OddityKind.NOT_CANONICAL, "the file begins with a byte order mark", line=1)
    elif content.startswith(_UTF16):
        encoding = "utf-16"
        notes.add(
            OddityKind.NOT_CANONICAL,
            "the file is UTF-16, as a shell of Windows writes it; tools write UTF-8",
            line=1,
        )
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        start = content[: error.start]
        line = start.count(b"\n" if encoding != "utf-16" else b"\n\0") + 1
        raise LockError(
            f"{file}:{line}: expected {encoding[:6].rstrip('-').upper()} text, found the byte "
            f"0x{content[error.start]:02x}",
            hints=[_UTF8_HINT],
        ) from None
