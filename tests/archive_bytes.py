"""Archives written byte by byte, valid or not: zip, tar, and the packages that are made of them.

Libraries refuse to write most of what the tests need; what they would write is the default here.
"""

from __future__ import annotations

import bz2
import json
import stat
import struct
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import zstandard

DEFLATED = 8
UTF8 = 0x800
DESCRIBED = 0x8
"""The sizes follow the content, in a data descriptor."""
REGULAR = stat.S_IFREG | 0o644
PROGRAM = stat.S_IFREG | 0o755

# --- zip ------------------------------------------------------------------------------------------


@dataclass(kw_only=True)
class Member:
    """One member of a zip archive; `local` and `central` overrule what the two headers say."""

    name: bytes
    content: bytes = b""
    method: int = 0
    flags: int = UTF8
    mode: int = REGULAR
    attributes: int = 0
    packed: bytes | None = None
    """What is stored, instead of the content packed by the method."""
    extra: bytes = b""
    central_extra: bytes = b""
    local: Mapping[str, Any] = field(default_factory=dict)
    central: Mapping[str, Any] = field(default_factory=dict)
    descriptor: bytes | None = None
    """None for the right one where the flags ask for one."""
    after: bytes = b""
    """Between this member and the next."""
    is_listed: bool = True
    """Whether the central directory has it."""
    is_there: bool = True
    """Whether the member itself is there; the directory can point to another."""

    def stored(self) -> bytes:
        """Return the content as it lies in the archive."""
        if self.packed is not None:
            return self.packed
        return deflate(self.content) if self.method == DEFLATED else self.content


def deflate(content: bytes) -> bytes:
    """Return a raw deflate stream."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def make_zip(
    members: Iterable[Member],
    *,
    before: bytes = b"",
    between: bytes = b"",
    after: bytes = b"",
    comment: bytes = b"",
    end: Mapping[str, int] | None = None,
    zip64: Mapping[str, int] | None = None,
    moves_offsets: bool = False,
) -> bytes:
    """Return a zip archive: `before` it, `between` members and directory, `after` its end.

    `end` overrules the end record, `zip64` asks for such a record and overrules it. Offsets count
    from the archive's own start unless `moves_offsets`.
    """
    body = bytearray()
    listed: list[tuple[Member, int]] = []
    start = len(before) if moves_offsets else 0
    for member in members:
        listed += [(member, start + len(body))] if member.is_listed else []
        if member.is_there:
            body += _local(member) + member.stored() + _descriptor(member) + member.after
    body += between
    directory = b"".join(_central(member, offset) for member, offset in listed)
    facts = {"count": len(listed), "size": len(directory), "offset": start + len(body)}
    tail = b"" if zip64 is None else _zip64_end(facts, start + len(body) + len(directory), zip64)
    tail += _end({**facts, **(end or {})}, comment)
    return before + bytes(body) + directory + tail + after


def _fields(member: Member, overrules: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": member.name,
        "flags": member.flags,
        "method": member.method,
        "crc": zlib.crc32(member.content),
        "packed_size": len(member.stored()),
        "size": len(member.content),
        **overrules,
    }


def _local(member: Member) -> bytes:
    unknown = {"crc": 0, "packed_size": 0, "size": 0} if member.flags & DESCRIBED else {}
    it = _fields(member, {**unknown, **member.local})
    head = struct.pack(
        "<4s5H3I2H",
        *(b"PK\3\4", 20, it["flags"], it["method"], 0, 0x21),
        *(it["crc"], it["packed_size"], it["size"], len(it["name"]), len(member.extra)),
    )
    return head + it["name"] + member.extra


def _descriptor(member: Member) -> bytes:
    if not member.flags & DESCRIBED:
        return b""
    if member.descriptor is not None:
        return member.descriptor
    it = _fields(member, {})
    return struct.pack("<4s3I", b"PK\7\x08", it["crc"], it["packed_size"], it["size"])


def _central(member: Member, offset: int) -> bytes:
    it = _fields(member, {"offset": offset, "comment": b"", **member.central})
    attributes = member.mode << 16 | member.attributes
    head = struct.pack(
        "<4s6H3I5H2I",
        *(b"PK\1\2", 0x314, 20, it["flags"], it["method"], 0, 0x21),
        *(it["crc"], it["packed_size"], it["size"]),
        *(len(it["name"]), len(member.central_extra), len(it["comment"]), 0, 0),
        *(attributes, it["offset"]),
    )
    return head + it["name"] + member.central_extra + it["comment"]


def _zip64_end(facts: Mapping[str, int], place: int, overrules: Mapping[str, int]) -> bytes:
    it = {**facts, "place": place, **overrules}
    record = struct.pack(
        "<4sQ2H2I4Q",
        *(b"PK\6\6", 44, 45, 45, 0, 0, it["count"], it["count"], it["size"], it["offset"]),
    )
    return record + struct.pack("<4sIQI", b"PK\6\7", 0, it["place"], 1)


def _end(it: Mapping[str, int], comment: bytes) -> bytes:
    size = it.get("comment_size", len(comment))
    counts = (it.get("disk", 0), 0, it.get("here", it["count"]), it["count"])
    return struct.pack("<4s4H2IH", b"PK\5\6", *counts, it["size"], it["offset"], size) + comment


def zip64_extra(*sizes: int) -> bytes:
    """Return the extra field that holds what does not fit into 32 bits."""
    return struct.pack(f"<2H{len(sizes)}Q", 1, 8 * len(sizes), *sizes)


def unicode_path_extra(name: bytes, other: bytes) -> bytes:
    """Return Info-ZIP's extra field that gives a member another name."""
    content = struct.pack("<BI", 1, zlib.crc32(name)) + other
    return struct.pack("<2H", 0x7075, len(content)) + content


def noise(size: int) -> bytes:
    """Return bytes that no packer makes shorter, the same each time."""
    return b"".join(sha256(b"%d" % n).digest() for n in range(-(-size // 32)))[:size]


# --- tar ------------------------------------------------------------------------------------------

BLOCK = 512
TAR_END = bytes(2 * BLOCK)


def tar_member(
    name: str | bytes,
    content: bytes = b"",
    *,
    kind: bytes = b"0",
    link: str | bytes = b"",
    mode: int = 0o644,
    size: int | bytes | None = None,
    magic: bytes = b"ustar\x0000",
    prefix: bytes = b"",
) -> bytes:
    """Return a member: its header, and its content filled up to a whole block.

    `size` overrules what the header says: a number, or the field's twelve bytes.
    """
    claimed = len(content) if size is None else size
    field = claimed if isinstance(claimed, bytes) else b"%011o\0" % claimed
    head = bytearray(
        _text(name).ljust(100, b"\0")[:100]
        + b"%07o\0%07o\0%07o\0" % (mode, 0, 0)
        + field
        + b"%011o\0" % 0
        + b" " * 8
        + kind
        + _text(link).ljust(100, b"\0")[:100]
        + magic
        + bytes(64 + 16)
        + prefix.ljust(155, b"\0")[:155]
        + bytes(12)
    )
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + fill_up(content)


def _text(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def fill_up(content: bytes) -> bytes:
    """Return content with zeros up to a whole block."""
    return content + bytes(-len(content) % BLOCK)


def pax_record(key: str, value: str | bytes) -> bytes:
    """Return one record of an extended header."""
    rest = b" %s=%s\n" % (key.encode(), _text(value))
    size = len(rest)
    while size != len(rest) + len(str(size)):
        size = len(rest) + len(str(size))
    return str(size).encode() + rest


def pax(*records: bytes, kind: bytes = b"x", **values: str) -> bytes:
    """Return an extended header for the next member, or with kind `g` for all that follow."""
    content = b"".join([*records, *(pax_record(key, value) for key, value in values.items())])
    return tar_member("PaxHeaders/0", content, kind=kind)


def long_name(name: str | bytes, kind: bytes = b"L") -> bytes:
    """Return GNU's header for a name (L) or a link's target (K) that is too long."""
    return tar_member("././@LongLink", _text(name) + b"\0", kind=kind, magic=b"ustar  \0")


# --- conda packages -------------------------------------------------------------------------------

Files = Mapping[str, bytes]


def conda_index(name: str = "evil", **more: object) -> dict[str, object]:
    """Return a package's `info/index.json`."""
    return {
        "arch": "x86_64",
        "build": "0",
        "build_number": 0,
        "depends": [],
        "name": name,
        "platform": "linux",
        "subdir": "linux-64",
        "timestamp": 1_700_000_000_000,
        "version": "1.0",
        **more,
    }


def path_row(path: str, content: bytes, **more: object) -> dict[str, object]:
    """Return a row of `info/paths.json` for a file."""
    row = {
        "_path": path,
        "path_type": "hardlink",
        "sha256": sha256(content).hexdigest(),
        "size_in_bytes": len(content),
    }
    return {key: value for key, value in {**row, **more}.items() if value is not None}


def link_row(path: str) -> dict[str, object]:
    """Return a row of `info/paths.json` for a symbolic link."""
    return {"_path": path, "path_type": "softlink", "no_link": False}


def conda_info(
    rows: Sequence[Mapping[str, object]],
    index: Mapping[str, object] | None = None,
    *,
    link: object = None,
    others: Files | None = None,
) -> dict[str, bytes]:
    """Return the files of `info/`."""
    found = {
        "info/index.json": json.dumps(index or conda_index()).encode(),
        "info/paths.json": json.dumps({"paths": list(rows), "paths_version": 1}).encode(),
    }
    if link is not None:
        found["info/link.json"] = json.dumps(link).encode()
    return {**found, **(others or {})}


def tar_files(files: Files) -> bytes:
    """Return members, without the end."""
    return b"".join(tar_member(path, content) for path, content in files.items())


def zstd(content: bytes) -> bytes:
    """Return a zstd frame."""
    return zstandard.ZstdCompressor(level=3).compress(content)


def conda_from(
    info: bytes, pkg: bytes, *, stem: str = "evil-1.0-0", metadata: bytes | None = None
) -> list[Member]:
    """Return the members of a `.conda` of two packed tar archives."""
    version = b'{"conda_pkg_format_version": 2}' if metadata is None else metadata
    return [
        Member(name=b"metadata.json", content=version),
        Member(name=f"pkg-{stem}.tar.zst".encode(), content=pkg),
        Member(name=f"info-{stem}.tar.zst".encode(), content=info),
    ]


def conda_zip(
    members: bytes,
    rows: Sequence[Mapping[str, object]] = (),
    *,
    index: Mapping[str, object] | None = None,
    link: object = None,
    others: Files | None = None,
    stem: str = "evil-1.0-0",
) -> bytes:
    """Return a `.conda` whose second tar archive has these members."""
    info = tar_files(conda_info(rows, index, link=link, others=others)) + TAR_END
    return make_zip(conda_from(zstd(info), zstd(members + TAR_END), stem=stem))


def conda_bz2(
    members: bytes,
    rows: Sequence[Mapping[str, object]] = (),
    *,
    index: Mapping[str, object] | None = None,
    link: object = None,
    others: Files | None = None,
    end: bytes = TAR_END,
) -> bytes:
    """Return a `.tar.bz2` with these members."""
    info = tar_files(conda_info(rows, index, link=link, others=others))
    return bz2.compress(info + members + end)


def conda_package(
    name: str, files: Files, *, ending: str = ".conda", more_rows: Sequence[Any] = (), **index: Any
) -> tuple[str, bytes]:
    """Return a valid package's file name and content."""
    members = tar_files(files)
    rows = [*(path_row(path, content) for path, content in files.items()), *more_rows]
    facts = conda_index(name, **index)
    stem = f"{name}-{facts['version']}-{facts['build']}"
    if ending == ".conda":
        return f"{stem}.conda", conda_zip(members, rows, index=facts, stem=stem)
    return f"{stem}.tar.bz2", conda_bz2(members, rows, index=facts)


# --- wheels ---------------------------------------------------------------------------------------


def record_line(path: str, content: bytes) -> str:
    """Return a row of RECORD."""
    digest = urlsafe_b64encode(sha256(content).digest()).decode().rstrip("=")
    return f"{path},sha256={digest},{len(content)}"


def wheel_files(
    files: Files,
    *,
    name: str = "evil",
    version: str = "1.0",
    metadata: bytes | None = None,
    record: Sequence[str] | None = None,
    more_record: Sequence[str] = (),
) -> dict[str, bytes]:
    """Return a wheel's files with what `.dist-info` needs; `record` overrules its RECORD."""
    info = f"{name}-{version}.dist-info"
    said = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    found = {
        **files,
        f"{info}/METADATA": said if metadata is None else metadata,
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    if record is None:
        record = [record_line(path, content) for path, content in found.items()]
    lines = [*record, *more_record, f"{info}/RECORD,,"]
    return {**found, f"{info}/RECORD": "\n".join([*lines, ""]).encode()}


def wheel_members(files: Files, **how: Any) -> list[Member]:
    """Return the members of a valid wheel."""
    found = wheel_files(files, **how)
    return [
        Member(name=path.encode(), content=content, method=DEFLATED)
        for path, content in found.items()
    ]


def wheel(files: Files, **how: Any) -> bytes:
    """Return a wheel."""
    return make_zip(wheel_members(files, **how))
