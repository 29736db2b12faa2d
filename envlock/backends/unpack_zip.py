"""Zip archives, read as every reader must: what two readers could take for two things is refused.

A zip archive says everything twice, before each member and in its directory at the end. One reader
goes by the first, another by the second; an archive in which they disagree holds one thing for the
scanner and another for the installer (CVE-2025-54368). So the two must agree in every byte, members
must follow one another without a gap, and nothing may lie before, between or after them. `zipfile`
reads the directory; the rest is held against it here.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import IO

from msgspec import Struct

from envlock.backends.unpack_tree import Content, Tree

_CHUNK_BYTES = 1 << 18
_END = struct.Struct("<4s4H2IH")
_LOCATOR = struct.Struct("<4sIQI")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCAL = struct.Struct("<4s5H3I2H")
_DESCRIPTORS = (
    struct.Struct("<4s3I"),
    struct.Struct("<4sI2Q"),
)
_DESCRIPTOR_SIGN = b"PK\7\x08"
_ALL_ONES_16 = 0xFFFF
_ALL_ONES_32 = 0xFFFF_FFFF
_DESCRIBED = 0x8
_UTF8 = 0x800
_KNOWN_FLAGS = 0x6 | _DESCRIBED | _UTF8
"""How hard the packer tried, that sizes come later, and UTF-8; encryption and patches are not."""
_ZIP64 = 1
_OTHER_NAME = 0x7075
_FOLDER_ATTRIBUTE = 0x10
_EMPTY_DEFLATED_BYTES = 2


class _End(Struct, frozen=True, kw_only=True):
    """What the end of an archive says of its directory."""

    count: int
    start: int
    size: int
    place: int
    """Where the end itself begins: the directory must reach up to here."""


class ZipMember(Struct, frozen=True, kw_only=True):
    """A member whose two headers agree."""

    name: str
    size_bytes: int
    is_folder: bool
    is_executable: bool
    method: int
    crc: int
    start: int
    """Where its packed content begins."""
    packed_bytes: int


def read_zip(file: IO[bytes], tree: Tree) -> Sequence[ZipMember]:
    """Return an archive's members in the order that they lie in. Raises `ArchiveError`."""
    end = _read_end(file, tree)
    if end.count > tree.limits.entries or end.size > tree.limits.metadata_bytes:
        raise tree.refuse(f"it has more than {tree.limits.entries:,} entries, or too long ones")
    with zipfile.ZipFile(file) as directory:
        infos = sorted(directory.infolist(), key=lambda info: info.header_offset)
    if len(infos) != end.count:
        raise tree.refuse(f"it names {end.count:,} members at its end and has {len(infos):,}")
    tree.expect(sum(info.file_size for info in infos))
    members = []
    place = 0
    for info in infos:
        member, place = _read_member(file, info, place, tree)
        members.append(member)
    if place != end.start:
        raise tree.refuse("something lies between its last member and its directory")
    return members


# --- the end --------------------------------------------------------------------------------------


def _read_end(file: IO[bytes], tree: Tree) -> _End:
    """Read the record at the very end. No packer of packages writes a comment after it."""
    place = file.seek(0, 2) - _END.size
    if place < 0:
        raise tree.refuse("it is no zip archive")
    fields = _END.unpack(_bytes_at(file, place, _END.size))
    sign, disk, first_disk, here, count, size, start, comment_bytes = fields
    if sign != b"PK\5\6" or comment_bytes:
        raise tree.refuse("it is no zip archive, or something follows its end")
    if disk or first_disk or here != count:
        raise tree.refuse("it is one of several disks")
    end = _End(count=count, start=start, size=size, place=place)
    if place >= _LOCATOR.size:
        locator = _LOCATOR.unpack(_bytes_at(file, place - _LOCATOR.size, _LOCATOR.size))
        if locator[0] == b"PK\6\7":
            end = _read_end64(file, end, locator, tree)
    if end.start + end.size != end.place:
        raise tree.refuse("its directory is not where its end says")
    return end


def _read_end64(
    file: IO[bytes], short: _End, locator: tuple[bytes, int, int, int], tree: Tree
) -> _End:
    place = short.place - _LOCATOR.size - _END64.size
    if locator[1:] != (0, place, 1) or place < 0:
        raise tree.refuse("its zip64 end is not where its locator says")
    fields = _END64.unpack(_bytes_at(file, place, _END64.size))
    sign, record_bytes, _, _, disk, first_disk, here, count, size, start = fields
    if sign != b"PK\6\6" or record_bytes != _END64.size - 12 or disk or first_disk or here != count:
        raise tree.refuse("its zip64 end is malformed")
    pairs = (
        (short.count, count, _ALL_ONES_16),
        (short.size, size, _ALL_ONES_32),
        (short.start, start, _ALL_ONES_32),
    )
    if any(said not in (real, all_ones) for said, real, all_ones in pairs):
        raise tree.refuse("its two ends disagree")
    return _End(count=count, start=start, size=size, place=place)


def _bytes_at(file: IO[bytes], place: int, size: int) -> bytes:
    file.seek(place)
    return file.read(size)


# --- members --------------------------------------------------------------------------------------


def _read_member(
    file: IO[bytes], info: zipfile.ZipInfo, place: int, tree: Tree
) -> tuple[ZipMember, int]:
    """Hold a member's own header against the directory; returns where the next one must begin."""
    name = _name(info, tree)
    if info.header_offset != place:
        raise tree.refuse(f"`{name}` overlaps another member, or something lies before it")
    header = _LOCAL.unpack(_bytes_at(file, place, _LOCAL.size))
    sign, _, flags, method, _, _, crc, packed, size, name_bytes, extra_bytes = header
    raw_name, extra = file.read(name_bytes), file.read(extra_bytes)
    if sign != b"PK\3\4" or raw_name != _raw(info):
        raise tree.refuse(f"`{name}` has another name before its content: {raw_name[:200]!a}")
    if (flags, method) != (info.flag_bits, info.compress_type):
        raise tree.refuse(f"`{name}` is packed in two ways")
    packed, size = _wide(_extras(extra, info, tree), packed, size)
    real = (info.CRC, info.compress_size, info.file_size)
    found = zip((crc, packed, size), real, strict=True)
    if not all(a == b or (a == 0 and flags & _DESCRIBED) for a, b in found):
        raise tree.refuse(f"`{name}` has two sizes or two checksums")
    _check_kind(info, name, tree)
    start = place + _LOCAL.size + name_bytes + extra_bytes
    after = start + info.compress_size
    if flags & _DESCRIBED:
        after += _descriptor_bytes(file, after, real, name, tree)
    member = ZipMember(
        name=name,
        size_bytes=info.file_size,
        is_folder=name.endswith("/"),
        is_executable=bool(info.external_attr >> 16 & 0o111),
        method=method,
        crc=info.CRC,
        start=start,
        packed_bytes=info.compress_size,
    )
    return member, after


def _raw(info: zipfile.ZipInfo) -> bytes:
    return info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8 else "cp437")


def _name(info: zipfile.ZipInfo, tree: Tree) -> str:
    name = info.orig_filename  # `zipfile` cuts `filename` at a NUL and turns backslashes
    if not name.isascii() and not info.flag_bits & _UTF8:
        raise tree.refuse(f"a name in it is in no known encoding: {name[:200]!a}")
    _extras(info.extra, info, tree)
    return name


def _extras(content: bytes, info: zipfile.ZipInfo, tree: Tree) -> dict[int, bytes]:
    """Return extra fields; refuse those that would give a member another name or two sizes."""
    found: dict[int, bytes] = {}
    rest = content
    while rest:
        if len(rest) < 4:  # noqa: PLR2004 - an identifier and a length
            raise tree.refuse(f"{info.orig_filename[:200]!a} has malformed extra fields")
        key, size = struct.unpack_from("<2H", rest)
        data, rest = rest[4 : 4 + size], rest[4 + size :]
        if len(data) != size or (key == _ZIP64 and key in found):
            raise tree.refuse(f"{info.orig_filename[:200]!a} has malformed extra fields")
        if key == _OTHER_NAME and data[5:] != _raw(info):
            raise tree.refuse(f"{info.orig_filename[:200]!a} has a second name: {data[5:205]!a}")
        found[key] = data
    return found


def _wide(extras: dict[int, bytes], packed: int, size: int) -> tuple[int, int]:
    """Return the sizes of a header whose fields may be too small for them."""
    if _ZIP64 not in extras or _ALL_ONES_32 not in (packed, size):
        return packed, size
    data = extras[_ZIP64]
    wide = list(struct.unpack(f"<{len(data) // 8}Q", data[: len(data) // 8 * 8]))
    if size == _ALL_ONES_32:
        size = wide.pop(0)
    if packed == _ALL_ONES_32:
        packed = wide.pop(0)
    return packed, size


def _check_kind(info: zipfile.ZipInfo, name: str, tree: Tree) -> None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    is_folder = name.endswith("/")
    if kind not in (0, stat.S_IFDIR if is_folder else stat.S_IFREG):
        raise tree.refuse(f"`{name}` is a link or a device, which no zip archive here may have")
    if info.external_attr & _FOLDER_ATTRIBUTE and not is_folder:
        raise tree.refuse(f"`{name}` is a folder for one reader and a file for another")
    if is_folder and (info.file_size or info.compress_size > _EMPTY_DEFLATED_BYTES):
        raise tree.refuse(f"`{name}` is a folder and has content")
    if info.flag_bits & ~_KNOWN_FLAGS or info.compress_type not in (
        zipfile.ZIP_STORED,
        zipfile.ZIP_DEFLATED,
    ):
        raise tree.refuse(f"`{name}` is encrypted or packed in a way no package may be")
    if info.compress_type == zipfile.ZIP_STORED and info.compress_size != info.file_size:
        raise tree.refuse(f"`{name}` is not packed and has two sizes")


def _descriptor_bytes(
    file: IO[bytes], place: int, real: tuple[int, int, int], name: str, tree: Tree
) -> int:
    """Return how long the record after a member's content is: four forms are in use."""
    found = _bytes_at(file, place, 26)
    for size, form in _forms(found):
        if form == real and found[size : size + 2] == b"PK":
            return size
    raise tree.refuse(f"`{name}` has other sizes or another checksum after its content")


def _forms(found: bytes) -> Iterator[tuple[int, tuple[int, ...]]]:
    for form in _DESCRIPTORS:
        if found.startswith(_DESCRIPTOR_SIGN) and len(found) >= form.size:
            yield form.size, form.unpack_from(found)[1:]
        if len(found) + 4 >= form.size:
            yield form.size - 4, form.unpack_from(_DESCRIPTOR_SIGN + found)[1:]


# --- content --------------------------------------------------------------------------------------


def open_member(file: IO[bytes], member: ZipMember, tree: Tree) -> Content:
    """Return a member's content; at its end it is held against the checksum."""
    return _Inflated(file, member, tree)


class _Inflated:
    def __init__(self, file: IO[bytes], member: ZipMember, tree: Tree) -> None:
        self._file = file
        self._member = member
        self._tree = tree
        self._left = member.packed_bytes
        self._decoder = zlib.decompressobj(-15) if member.method == zipfile.ZIP_DEFLATED else None
        self._crc = 0
        file.seek(member.start)

    def read(self, size: int, /) -> bytes:
        """Return some more bytes."""
        found = self._packed(size) if self._decoder is None else self._inflate(self._decoder, size)
        if not found and size:
            self._finish()
        self._crc = zlib.crc32(found, self._crc)
        return found

    def _packed(self, size: int) -> bytes:
        found = self._file.read(min(size, self._left))
        self._left -= len(found)
        return found

    def _inflate(self, decoder: zlib._Decompress, size: int) -> bytes:
        while not decoder.eof:
            packed = decoder.unconsumed_tail or self._packed(_CHUNK_BYTES)
            found = decoder.decompress(packed, size)
            if found:
                return found
            if not packed:
                break
        return b""

    def _finish(self) -> None:
        decoder = self._decoder
        is_cut = decoder is not None and (not decoder.eof or bool(decoder.unused_data))
        if self._left or is_cut:
            raise self._tree.refuse(
                f"`{self._member.name}` ends before its packed content does, or after it"
            )
        if self._crc != self._member.crc:
            raise self._tree.refuse(f"`{self._member.name}` has another checksum than it names")
