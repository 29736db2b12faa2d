"""The shared libraries of this process, from the kernel's map of it and their own ELF headers."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

DYNAMIC, NOTE = 2, 4
LOAD = 1
TAG_END, TAG_STRINGS, TAG_SONAME = 0, 5, 14
BUILD_ID = 3
LARGEST_TABLE = 1 << 20


class _Segment(NamedTuple):
    kind: int
    offset: int
    address: int
    size: int


def list_libraries() -> list[dict[str, str]]:
    """Every shared library in the process, by path; none where the kernel keeps no map."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as file:
            paths = mapped_files(file.read())
    except OSError:
        return []
    return [described for path in paths for described in _describe(path)]


def mapped_files(maps: str) -> list[str]:
    """Name the files that a map shows as code, sorted; a deleted one keeps its mark."""
    found = set()
    for line in maps.splitlines():
        fields = line.split(None, 5)
        if len(fields) == 6 and "x" in fields[1] and fields[5].startswith("/"):
            found.add(fields[5])
    return sorted(found)


def _describe(path: str) -> Iterator[dict[str, str]]:
    """Describe one mapped file; the program itself and what is no ELF file are passed over."""
    shown = path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    if os.path.realpath("/proc/self/exe") == path or path.startswith("/dev/"):
        return
    try:
        with open(path, "rb") as file:
            build_id, soname = read_elf(file)
    except OSError:
        build_id, soname = "", ""  # gone since, or not ours to read: it was loaded all the same
    except (ValueError, struct.error):
        return
    yield {"path": shown, "build_id": build_id, "soname": soname}


def read_elf(file: BinaryIO) -> tuple[str, str]:
    """Read build-id and soname; either may be empty. Raises `ValueError` when it is no ELF file."""
    head = file.read(64)
    if len(head) < 64 or head[:4] != b"\x7fELF" or head[4] not in {1, 2}:
        raise ValueError("no ELF file")
    order = "<" if head[5] == 1 else ">"
    segments = list(_read_segments(file, head, order))
    return _read_build_id(file, segments, order), _read_soname(
        file, segments, order + ("qQ" if head[4] == 2 else "iI")
    )


def _read_at(file: BinaryIO, offset: int, size: int) -> bytes:
    if size > LARGEST_TABLE:
        raise ValueError("an ELF table of {} bytes".format(size))
    file.seek(offset)
    return file.read(size)


def _read_segments(file: BinaryIO, head: bytes, order: str) -> Iterator[_Segment]:
    if head[4] == 2:
        (start,) = struct.unpack_from(order + "Q", head, 32)
        size, count = struct.unpack_from(order + "HH", head, 54)
    else:
        (start,) = struct.unpack_from(order + "I", head, 28)
        size, count = struct.unpack_from(order + "HH", head, 42)
    table = _read_at(file, start, size * count)
    for index in range(count):
        if head[4] == 2:
            fields = struct.unpack_from(order + "IIQQQQ", table, index * size)
            yield _Segment(fields[0], fields[2], fields[3], fields[5])
        else:
            fields = struct.unpack_from(order + "IIIII", table, index * size)
            yield _Segment(fields[0], fields[1], fields[2], fields[4])


def _read_build_id(file: BinaryIO, segments: list[_Segment], order: str) -> str:
    for segment in segments:
        if segment.kind != NOTE:
            continue
        notes = _read_at(file, segment.offset, segment.size)
        place = 0
        while place + 12 <= len(notes):
            name_size, size, kind = struct.unpack_from(order + "III", notes, place)
            name_end = place + 12 + name_size
            start = place + 12 + (name_size + 3) // 4 * 4
            if kind == BUILD_ID and notes[place + 12 : name_end] == b"GNU\0":
                return notes[start : start + size].hex()
            place = start + (size + 3) // 4 * 4
    return ""


def _read_soname(file: BinaryIO, segments: list[_Segment], form: str) -> str:
    tags = _read_tags(file, segments, form)
    if TAG_SONAME not in tags or TAG_STRINGS not in tags:
        return ""
    address = tags[TAG_STRINGS] + tags[TAG_SONAME]
    for segment in segments:
        if segment.kind == LOAD and segment.address <= address < segment.address + segment.size:
            text = _read_at(file, segment.offset + address - segment.address, 256)
            return text.partition(b"\0")[0].decode("utf-8", "replace")
    return ""


def _read_tags(file: BinaryIO, segments: list[_Segment], form: str) -> dict[int, int]:
    tags: dict[int, int] = {}
    for segment in segments:
        if segment.kind != DYNAMIC:
            continue
        table = _read_at(file, segment.offset, segment.size)
        whole = len(table) // struct.calcsize(form) * struct.calcsize(form)
        for tag, value in struct.iter_unpack(form, table[:whole]):
            if tag == TAG_END:
                break
            tags[tag] = value
    return tags


def find_library(libraries: list[dict[str, Any]], start: str) -> str:
    """Path of the loaded library whose file name starts so; empty when there is none."""
    for each in libraries:
        if os.path.basename(each["path"]).startswith(start):
            return str(each["path"])
    return ""
