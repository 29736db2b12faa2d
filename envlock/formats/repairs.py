"""Repairs of lock files: bytes in, bytes and what was done out. Whatever is not named stays.

Only what has one right answer is repaired. A byte-order mark and the line ends of Windows carry no
meaning. A digest is added where an index pin has that very file: by its MD5, or by its address
where the row has no digest at all. A lock of ours goes back to the bytes that its seal names.
Files are edited line by line: comments, order and quoting of everything else stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from envlock.errors import LockError
from envlock.formats.channel import channel_url
from envlock.formats.conda_lock import format_lock, quote, read_lock, read_seal
from envlock.formats.plain import count, printable
from envlock.model.reading import FileKind
from envlock.model.repair import KnownFile, KnownFiles, Repair, Repaired

_BOM = b"\xef\xbb\xbf"
_SHOWN_DIGITS = 12
_WINDOWS_ENDS = re.compile(rb"\r+\n")
_CONFLICT = re.compile(rb"^(?:<{7}|>{7})(?: |\r?$)", re.MULTILINE)
_ROWS = {FileKind.CONDA_LOCK: "package:", FileKind.PIXI: "packages:"}
_KEY = re.compile(r"(?P<indent> *)(?P<dash>- +)?(?P<key>[A-Za-z0-9_]+):(?P<value>.*)")
_SCALAR = re.compile(r"\s+(?:'(?P<single>[^']*)'|\"(?P<double>[^\"\\]*)\"|(?P<plain>[^\s'\"].*?))")
_COMMENT = re.compile(r"\s+#.*$")
_LISTED = re.compile(r"(?P<address>[a-z]+://[^\s#]+)(?:#(?P<md5>[0-9a-f]{32}))?")


def has_conflict(content: bytes) -> bool:
    """Say whether a merge was not ended: which side is right is nobody's choice but the user's."""
    return _CONFLICT.search(content) is not None


def repair_text(content: bytes) -> Repaired:
    """Remove a byte-order mark and turn the line ends of Windows."""
    repairs: list[Repair] = []
    if content.startswith(_BOM):
        content = content.removeprefix(_BOM)
        repairs.append(Repair(done="removed the byte-order mark", line=1))
    content, turned = _WINDOWS_ENDS.subn(b"\n", content)
    if turned:
        repairs.append(Repair(done=f"turned {count(turned, 'line end')} from CRLF to LF"))
    return Repaired(content=content, repairs=tuple(repairs))


def repair_order(content: bytes, file: str) -> Repaired:
    """Put a lock of ours back in the order that its seal names.

    Unchanged where another tool wrote it, and where more than order is wrong: then nothing would
    come out as the digests in its head say.
    """
    seal = read_seal(content)
    if seal is None or (seal.head_is_whole and seal.body_is_whole):
        return Repaired(content=content)
    try:
        written = format_lock(read_lock(content, file))
    except (LockError, ValueError):
        return Repaired(content=content)
    found = read_seal(written)
    if found is None or found.facts != seal.facts:
        return Repaired(content=content)
    return Repaired(
        content=written, repairs=(Repair(done="put it back in the order that its digests name"),)
    )


def repair_hashes(content: bytes, kind: FileKind, known: KnownFiles) -> Repaired:
    """Add the SHA-256 of conda packages that lack it, from what pins know of the same files.

    Unchanged for formats without conda packages, and for a lock of ours: its digests name its rows.
    """
    text = content.decode("utf-8", "surrogateescape")
    lines = text.split("\n")
    if kind is FileKind.EXPLICIT:
        edits = list(_listed(lines, known))
    elif kind in _ROWS and read_seal(content) is None:
        edits = list(_tabled(lines, kind, known))
    else:
        edits = []
    for edit in reversed(edits):
        lines[edit.start : edit.end] = [edit.text]
    return Repaired(
        content="\n".join(lines).encode("utf-8", "surrogateescape"),
        repairs=tuple(edit.repair for edit in edits),
    )


class _Edit(Struct, frozen=True):
    start: int
    end: int
    """The lines from start to before end go; the same as start where one is only added."""
    text: str
    repair: Repair


def _edit(start: int, end: int, text: str, found: KnownFile, how: str) -> _Edit:
    name = found.address.rpartition("/")[2]
    done = f"{how} SHA-256 of {printable(name)}, from the pin {found.pin[:_SHOWN_DIGITS]}"
    return _Edit(start, end, text, Repair(done=done, line=start + 1 if end > start else start))


def _known(known: KnownFiles, address: str, md5: str) -> KnownFile | None:
    """Return the file that a row means: the one with its MD5, or without one, of its address."""
    bare = re.split(r"[?#]", address)[0]
    for item in known.get(bare.rpartition("/")[2], ()):
        if md5 and item.md5 == md5.lower():
            return item
        if not md5 and channel_url(bare) == item.address:
            return item
    return None


def _listed(lines: Sequence[str], known: KnownFiles) -> Iterator[_Edit]:
    for at, line in enumerate(lines):
        row = _LISTED.fullmatch(line.strip())
        found = _known(known, row["address"], row["md5"] or "") if row else None
        if row and found:
            text = line.replace(row[0], f"{row['address']}#sha256:{found.sha256}")
            how = "put for its MD5 the" if row["md5"] else "added the"
            yield _edit(at, at + 1, text, found, how)


# --- rows of YAML ---------------------------------------------------------------------------------


class _Field(Struct, frozen=True):
    line: int
    indent: int
    value: str | None
    """None for what is no plain or quoted text of one line."""


_Row = dict[str, _Field]


def _tabled(lines: Sequence[str], kind: FileKind, known: KnownFiles) -> Iterator[_Edit]:
    for row in _rows(lines, _ROWS[kind]):
        edit = _of_lock(row, known) if kind is FileKind.CONDA_LOCK else _of_pixi(row, known)
        if edit:
            yield edit


def _rows(lines: Sequence[str], header: str) -> Iterator[_Row]:
    """Yield the fields of each row below a header; nested ones as `hash.md5`."""
    start = next((at for at, line in enumerate(lines) if line.rstrip() == header), len(lines))
    row: _Row = {}
    table, width = "", 0
    for at, line in enumerate(lines[start + 1 :], start=start + 1):
        if line[:1] not in ("", " ", "-", "#", "\r"):
            break
        found = _KEY.fullmatch(line.rstrip())
        if found is None:
            continue
        indent = len(found["indent"]) + len(found["dash"] or "")
        if found["dash"] and (not row or indent == width):
            if row:
                yield row
            row, table, width = {}, "", indent
        if indent == width:
            table = found["key"]
        elif found["dash"] or not row:
            continue
        key = found["key"] if indent == width else f"{table}.{found['key']}"
        row.setdefault(key, _Field(at, indent, _scalar(found["value"])))
    if row:
        yield row


def _scalar(text: str) -> str | None:
    found = _SCALAR.fullmatch(_COMMENT.sub("", text).rstrip())
    if found is None:
        return None if text.strip() else ""
    value = found["single"] or found["double"] or found["plain"] or ""
    return None if found["plain"] and value[0] in "[{&*!|>%@`" else value


def _text(row: _Row, key: str) -> str:
    return (row[key].value or "") if key in row else ""


def _of_lock(row: _Row, known: KnownFiles) -> _Edit | None:
    """Return the new line of a row of conda-lock's, below its MD5 as conda-lock writes it."""
    is_open = "hash" in row and row["hash"].value == ""
    if _text(row, "manager") != "conda" or not is_open or "hash.sha256" in row:
        return None
    md5 = row.get("hash.md5")
    found = _known(known, _text(row, "url"), _text(row, "hash.md5"))
    if found is None or (md5 and md5.value is None):
        return None
    after = md5 or row["hash"]
    indent = md5.indent if md5 else after.indent + 2
    text = f"{' ' * indent}sha256: {quote(found.sha256)}"
    return _edit(after.line + 1, after.line + 1, text, found, "added the")


def _of_pixi(row: _Row, known: KnownFiles) -> _Edit | None:
    """Return the new line of a row of pixi's: above its MD5, else below its address."""
    place = row.get("conda") or (row.get("url") if _text(row, "kind") == "conda" else None)
    if place is None or not place.value or "sha256" in row:
        return None
    md5 = row.get("md5")
    found = _known(known, place.value, _text(row, "md5"))
    if found is None or (md5 and md5.value is None):
        return None
    text = f"{' ' * place.indent}sha256: {quote(found.sha256)}"
    at = md5.line if md5 else place.line + 1
    return _edit(at, at, text, found, "added the")
