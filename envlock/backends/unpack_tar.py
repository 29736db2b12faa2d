"""Tar archives, read as every reader must: what two readers could take for two things is refused.

`tarfile` decodes headers. It is lenient where an installer must not be: it takes a damaged header
for the end, passes over malformed extended headers, and lets a global header change everything
that follows. Each such place has been somebody's advisory (CVE-2025-62518, CVE-2026-33055,
GHSA-3cv2-h65g-fgmm: archives that hold one thing for one reader and another for the next).
"""

from __future__ import annotations

import re
import tarfile
from bz2 import BZ2Decompressor
from typing import IO, Self, cast

from envlock.backends.unpack_tree import Content, Tree

_CHUNK_BYTES = 1 << 20
_BLOCK_BYTES = 512
_LARGEST_FIELD = 0o77777777777
"""What the size field of a header can say; only beyond it is an extended header needed."""
_PAX_TYPES = (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE)
_NAME_TYPES = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
_FILES = (tarfile.REGTYPE, tarfile.AREGTYPE)
_PAX_RECORD = re.compile(rb"([1-9][0-9]{0,8}) ([^=\0\n]+)=")
_SPARE_BYTES = 64 << 20
"""For headers, beside what files may hold."""


class _Stream:
    """A stream that is read once and forwards, in pieces of bounded size."""

    def __init__(self, stream: Content, tree: Tree) -> None:
        self._stream = stream
        self._tree = tree
        self._position = 0
        self._ahead = b""
        self._most_bytes = 2 * tree.most_bytes + _SPARE_BYTES
        self.header_bytes = tree.limits.header_bytes
        self.pending: set[bytes] = set()
        """The kinds of extended headers that wait for their member."""

    def tell(self) -> int:
        """Return how much was read."""
        return self._position

    def seek(self, position: int) -> None:
        """Go on to a place further on."""
        if position < self._position:
            raise self._tree.refuse("a header of it leads back, to what was read already")
        while self._position < position:
            if not self.read(min(_CHUNK_BYTES, position - self._position)):
                raise tarfile.ReadError("unexpected end of data")

    def read(self, size: int = -1) -> bytes:
        """Return so many bytes; fewer only at the end."""
        if size < 0 or size > _CHUNK_BYTES:
            raise self._tree.refuse("a header of it asks for more than a header may have")
        parts = [self._ahead[:size]]
        self._ahead = self._ahead[size:]
        size -= len(parts[0])
        while size > 0 and (part := self._stream.read(size)):
            parts.append(part)
            size -= len(part)
        found = parts[0] if len(parts) == 1 else b"".join(parts)
        self._position += len(found)
        if self._position > self._most_bytes:  # more than files may hold, and their headers
            self._tree.expect(self._position)
        return found

    def peek(self, size: int) -> bytes:
        """Return so many bytes that will be read again."""
        found = self.read(size)
        self._position -= len(found)
        self._ahead = found + self._ahead
        return found


class _Part:
    """The content of the member whose header was read last."""

    def __init__(self, stream: _Stream, size_bytes: int) -> None:
        self._stream = stream
        self._left = size_bytes

    def read(self, size: int, /) -> bytes:
        found = self._stream.read(min(size, self._left))
        self._left -= len(found)
        return found


class _Header(tarfile.TarInfo):
    """A header that is read strictly."""

    raw_size = 0
    """As the header's own field says it, before an extended header overrules it."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Read a header; `tarfile` itself takes a damaged one for the end of the archive."""
        try:
            header = super().frombuf(buf, encoding, errors)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # the end, and a good one
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(
                f"its tar archive breaks off or has a bad header: {error}"
            ) from None
        if buf[257:263] != b"ustar\0" and bytes(buf[345:500]).strip(b"\0"):
            raise tarfile.ReadError(f"{header.name!a:.200} has a prefix, which its format has not")
        header.raw_size = header.size
        return header

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        """Look at a header before `tarfile` acts on it, where its authors meant one to."""
        stream = cast("_Stream", archive.fileobj)
        if self.type in (*_PAX_TYPES, *_NAME_TYPES):
            self._check_extension(stream)
        else:
            self._check_member()
            stream.pending.clear()
        return super()._proc_member(archive)  # type: ignore[misc,no-any-return]

    def _check_extension(self, stream: _Stream) -> None:
        if self.type in stream.pending or (stream.pending and not self._is_second_name(stream)):
            raise tarfile.ReadError("two extended headers claim one member")
        stream.pending.add(self.type)
        if not 0 < self.size <= stream.header_bytes:
            raise tarfile.ReadError(f"an extended header has {self.size:,} bytes")
        content = stream.peek(-(-self.size // _BLOCK_BYTES) * _BLOCK_BYTES)[: self.size]
        if self.type in _PAX_TYPES:
            _check_records(content)
        elif content.find(b"\0") not in (-1, self.size - 1):
            raise tarfile.ReadError("a long name has a NUL in it")

    def _is_second_name(self, stream: _Stream) -> bool:
        return self.type in _NAME_TYPES and stream.pending <= set(_NAME_TYPES)

    def _check_member(self) -> None:
        if self.type == tarfile.XGLTYPE:
            raise tarfile.ReadError("a global header would change every member after it")
        if self.type not in _FILES and self.size != 0:
            raise tarfile.ReadError(f"{self.name!a:.200} is no file and has {self.size:,} bytes")


def _check_records(content: bytes) -> None:
    """Refuse an extended header that readers could break up in two ways."""
    seen: set[bytes] = set()
    place = 0
    while place < len(content):
        match = _PAX_RECORD.match(content, place)
        end = place + int(match[1]) if match else 0
        if match is None or not match.end() < end <= len(content) or content[end - 1] != ord("\n"):
            raise tarfile.ReadError("an extended header is malformed")
        key = match[2]
        if key in seen or key.startswith(b"GNU.sparse") or key == b"hdrcharset":
            raise tarfile.ReadError(f"an extended header has {key!a} twice, or must not have it")
        seen.add(key)
        place = end


def unpack_tar(source: Content, tree: Tree, accepts: str = "") -> None:
    """Unpack an uncompressed tar stream; what follows its end must be some zeros and no more.

    `accepts` is `info` or `pkg` for the halves of a conda package: what is below `info/` belongs
    into the one, and everything else into the other.
    """
    stream = _Stream(source, tree)
    with tarfile.TarFile(
        fileobj=cast("IO[bytes]", stream),
        tarinfo=_Header,
        encoding="utf-8",
        errors="surrogateescape",
    ) as archive:
        for member in archive:
            archive.members.clear()  # type: ignore[attr-defined]  # else every header stays in memory
            _check_half(member, tree, accepts)
            _add_member(stream, cast("_Header", member), tree)
    rest = stream.read(_CHUNK_BYTES)
    if rest.strip(b"\0") or stream.read(1):
        raise tree.refuse("something follows the end of the tar archive in it")


def _check_half(member: tarfile.TarInfo, tree: Tree, accepts: str) -> None:
    name = member.name
    while name.startswith("./"):
        name = name[2:]
    is_info = name.startswith("info/") or (name == "info" and member.isdir())
    if name == "info" and member.isdir():
        return
    if (accepts == "info" and not is_info) or (accepts == "pkg" and is_info):
        raise tree.refuse(f"`{member.name:.200}` lies in the wrong half of it, `{accepts}`")


def _add_member(stream: _Stream, member: _Header, tree: Tree) -> None:
    if "size" in member.pax_headers and not _is_size_fair(member):
        raise tree.refuse(f"`{member.name:.200}` has two sizes")
    if member.isdir():
        if member.name.rstrip("/") not in ("", "."):
            tree.add_folder(member.name)
    elif member.issym():
        tree.add_link(member.name, member.linkname)
    elif member.islnk():
        tree.add_twin(member.name, member.linkname)
    elif member.type in _FILES:
        content = _Part(stream, member.size)
        tree.add_file(member.name, content, member.size, is_executable=bool(member.mode & 0o111))
    else:
        raise tree.refuse(f"`{member.name:.200}` is a device, a pipe or a sparse file")


def _is_size_fair(member: _Header) -> bool:
    """Say whether a reader that ignores the extended header would read the same, or could not."""
    return member.raw_size == member.size or (member.raw_size == 0 and member.size > _LARGEST_FIELD)


class Bzip2Stream:
    """The content of a bzip2 file, of one stream or several, with nothing after it.

    `bz2.open` passes over whatever follows the first stream and is none.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._decoder = BZ2Decompressor()

    def read(self, size: int, /) -> bytes:
        """Return some more bytes. Raises `EOFError` and `OSError` for what is damaged."""
        while True:
            packed = b""
            if self._decoder.eof:
                packed = self._decoder.unused_data or self._file.read(_CHUNK_BYTES)
                if not packed:
                    return b""
                self._decoder = BZ2Decompressor()
            elif self._decoder.needs_input:
                packed = self._file.read(_CHUNK_BYTES)
                if not packed:
                    raise EOFError("its bzip2 stream breaks off")
            found = self._decoder.decompress(packed, size)
            if found:
                return found
