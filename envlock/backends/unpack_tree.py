"""The one folder that an archive may write to, and everything that was written there so far.

A digest proves who the bytes are, not that they mean well. So nothing here trusts a name, a size or
a count: names are checked before they are used, bytes are counted as they are written, and an
archive writes below one folder or not at all. Readers decode; where things go is decided here.
"""

from __future__ import annotations

import contextlib
import csv
import errno
import lzma
import os
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import zstandard
from msgspec import Struct

from envlock.backends.store_trees import EPOCH_SECONDS, Known
from envlock.errors import ArchiveError
from envlock.model.tree import EntryKind, TreeEntry
from envlock.store.links import LinkFault, follow_link

_CHUNK_BYTES = 1 << 20
_FILE_MODE = 0o444
_PROGRAM_MODE = 0o555
_CREATING = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_TIMES = (EPOCH_SECONDS, EPOCH_SECONDS)
_NAME_BYTES = 255
_NOT_IN_NAMES = ("Cc", "Zl", "Zp")
"""Control characters and separators of lines: lists of names could be read in two ways."""
_DAMAGED = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, tarfile.TarError, zlib.error, lzma.LZMAError),
    *(zstandard.ZstdError, EOFError, struct.error, NotImplementedError, RuntimeError, csv.Error),
    *(ValueError, OverflowError, RecursionError, MemoryError, KeyError, IndexError),
)
"""What the decoders raise for bytes that are no archive; `UnicodeDecodeError` is a `ValueError`."""
_NAME_FAULTS = (errno.EEXIST, errno.ENAMETOOLONG, errno.EILSEQ)
"""What a disk refuses about a name: one that it takes for another, or cannot write down."""


class Limits(Struct, frozen=True, kw_only=True):
    """How much one archive may hold; far above any package that we have seen."""

    entries: int = 400_000
    total_bytes: int = 64 << 30
    file_bytes: int = 32 << 30
    ratio: int = 200
    """How many times its own size an archive may unpack to; the package index allows 50."""
    small_bytes: int = 64 << 20
    """What any archive may unpack to, whatever its own size."""
    bytes_per_entry: int = 16
    """Of the archive itself, at least; a packed name alone takes more."""
    small_entries: int = 20_000
    """How many any archive may hold, whatever its own size."""
    path_bytes: int = 1024
    depth: int = 64
    metadata_bytes: int = 64 << 20
    """Of a file that is read into memory, such as RECORD and paths.json."""
    header_bytes: int = 1 << 20
    """Of an extended header of a tar archive."""
    link_steps: int = 4_000_000
    """Taken in all to see where an archive's links lead."""


LIMITS = Limits()


class Content(Protocol):
    """A file's content, read from an archive."""

    def read(self, size: int, /) -> bytes:
        """Return some more bytes, at most so many; nothing at the end."""
        ...


class Tree:
    """What one archive is unpacked to. `known` hears the digest of every file."""

    def __init__(
        self,
        root: Path,
        file_name: str,
        limits: Limits = LIMITS,
        *,
        packed_bytes: int,
        known: Known | None = None,
    ) -> None:
        self.root = root
        self.limits = limits
        self.most_bytes = min(
            limits.total_bytes, max(limits.small_bytes, packed_bytes * limits.ratio)
        )
        self._most_entries = min(
            limits.entries, max(limits.small_entries, packed_bytes // limits.bytes_per_entry)
        )
        self._file_name = file_name
        self._known = known or Known()
        self._entries: dict[str, TreeEntry] = {}
        self._seen: dict[str, str] = {}
        self._total_bytes = 0

    # --- what is there ----------------------------------------------------------------------------

    def entries(self) -> tuple[TreeEntry, ...]:
        """Return everything, ordered by path."""
        return tuple(self._entries[path] for path in sorted(self._entries))

    def get(self, path: str) -> TreeEntry | None:
        """Return one entry."""
        return self._entries.get(path)

    def files(self) -> Iterator[TreeEntry]:
        """Yield the files."""
        return (entry for entry in self._entries.values() if entry.kind is EntryKind.FILE)

    def count(self) -> int:
        """Return how many entries there are."""
        return len(self._entries)

    def read(self, path: str, most_bytes: int | None = None) -> bytes | None:
        """Return a small file's content; None when it is not there."""
        entry = self._entries.get(path)
        if entry is None or entry.kind is not EntryKind.FILE:
            return None
        if entry.size_bytes > (most_bytes or self.limits.metadata_bytes):
            raise self.refuse(f"`{path}` has {entry.size_bytes:,} bytes")
        return (self.root / path).read_bytes()

    # --- faults -----------------------------------------------------------------------------------

    def refuse(self, problem: str) -> ArchiveError:
        """Return the error for this archive."""
        return ArchiveError(
            f"`{self._file_name}` is refused: {problem}\nNothing was installed.",
            hints=["whoever published it should know; lock another build of the package"],
        )

    @contextlib.contextmanager
    def refusing_damage(self) -> Iterator[None]:
        """Turn what decoders raise into the error for this archive."""
        try:
            yield
        except _DAMAGED as error:
            raise self.refuse(f"it is damaged: {ascii(str(error))[:200]}") from error
        except OSError as error:
            if error.errno is None:  # bz2 says so: no call to the system has failed
                raise self.refuse(f"it is damaged: {error}") from error
            if error.errno in _NAME_FAULTS:
                name = str(error.filename or "").removeprefix(f"{self.root}/")
                raise self.refuse(
                    f"this disk cannot hold {name!a:.200}: {error.strerror}"
                ) from None
            raise

    # --- writing ----------------------------------------------------------------------------------

    def expect(self, size_bytes: int) -> None:
        """Refuse an archive that holds more than it may, or says beforehand that it does."""
        if size_bytes > self.most_bytes:
            raise self.refuse(
                f"it unpacks to {size_bytes:,} bytes, of at most {self.most_bytes:,} for an archive"
                " of its size"
            )

    def add_folder(self, name: str) -> None:
        """Make a folder, its parents too."""
        path = self._checked(name.rstrip("/"))
        if self._kind(path) is not EntryKind.FOLDER:
            self._claim(path)
            self._make_folder(path)

    def add_file(
        self, name: str, content: Content, size_bytes: int, *, is_executable: bool
    ) -> None:
        """Write a file of exactly so many bytes."""
        path = self._new(name)
        if size_bytes < 0 or size_bytes > self.limits.file_bytes:
            raise self.refuse(f"`{path}` has {size_bytes:,} bytes")
        self._count(size_bytes)
        digest = sha256()
        mode = _PROGRAM_MODE if is_executable else _FILE_MODE
        left = size_bytes
        with os.fdopen(os.open(self.root / path, _CREATING, mode), "wb", buffering=0) as file:
            while chunk := content.read(min(_CHUNK_BYTES, left + 1)):
                left -= len(chunk)
                if left < 0:
                    raise self.refuse(f"`{path}` has more than the {size_bytes:,} bytes it names")
                digest.update(chunk)
                _write_all(file, chunk)
            if left:
                raise self.refuse(f"`{path}` has {left:,} bytes less than it names")
            os.fchmod(file.fileno(), mode)
            os.utime(file.fileno(), _TIMES)
            self._known.add(os.fstat(file.fileno()), digest.hexdigest())
        self._entries[path] = TreeEntry(
            path=path,
            kind=EntryKind.FILE,
            sha256=digest.hexdigest(),
            size_bytes=size_bytes,
            is_executable=is_executable,
        )

    def add_link(self, name: str, target: str) -> None:
        """Make a symbolic link; whether it stays inside is looked at when all is there."""
        path = self._new(name)
        self._check_text(target, f"the target of `{path}`")
        if target.startswith("/") or not target:
            raise self.refuse(f"`{path}` is a link to `{target:.200}`, an absolute path")
        if len(target.encode()) > self.limits.path_bytes:
            raise self.refuse(f"`{path}` is a link to a path that is too long, `{target[:80]}…`")
        os.symlink(target, self.root / path)  # noqa: PTH211 - the target is text, not a path of ours
        self._entries[path] = TreeEntry(path=path, kind=EntryKind.LINK, target=target)

    def add_twin(self, name: str, earlier: str) -> None:
        """Write a file that the archive keeps as a hard link to one before it."""
        source = self._entries.get(self._checked(earlier))
        if source is None or source.kind is not EntryKind.FILE:
            raise self.refuse(f"`{name}` is a hard link to `{earlier}`, which is no file before it")
        with (self.root / source.path).open("rb") as content:
            self.add_file(name, content, source.size_bytes, is_executable=source.is_executable)

    # --- names ------------------------------------------------------------------------------------

    def _new(self, name: str) -> str:
        path = self._checked(name)
        if path in self._entries:
            raise self.refuse(f"`{path}` is in it twice")
        self._claim(path)
        folder = path.rpartition("/")[0]
        if folder and self._kind(folder) is not EntryKind.FOLDER:
            self._make_folder(folder)
        return path

    def _claim(self, path: str) -> None:
        """Refuse two names that some file systems take for one: two forms of Unicode.

        Names that differ by case alone are two on Linux, and real packages have them (terminfo).
        Where they are one, the disk says so.
        """
        twin = self._seen.setdefault(unicodedata.normalize("NFC", path), path)
        if twin != path:
            raise self.refuse(f"{path!a} and {twin!a} are one name in two spellings")
        if len(self._seen) > self._most_entries:
            raise self.refuse(
                f"it has more than {self._most_entries:,} entries, too many for its size"
            )

    def _make_folder(self, path: str) -> None:
        parts = path.split("/")
        for end in range(1, len(parts) + 1):
            part = "/".join(parts[:end])
            kind = self._kind(part)
            if kind is EntryKind.FOLDER:
                continue
            if kind is not None:
                raise self.refuse(f"`{path}` goes through `{part}`, which is a {kind.value}")
            self._claim(part)
            (self.root / part).mkdir(mode=0o755)
            self._entries[part] = TreeEntry(path=part, kind=EntryKind.FOLDER)

    def _kind(self, path: str) -> EntryKind | None:
        entry = self._entries.get(path)
        return entry.kind if entry else None

    def _checked(self, name: str) -> str:
        self._check_text(name, "a name")
        while name.startswith("./"):  # `tar -c .` writes these
            name = name[2:]
        parts = name.split("/")
        if name.startswith("/") or "\\" in name or ":" in parts[0][1:2]:
            raise self.refuse(f"`{name:.200}` is an absolute path or one of Windows")
        if any(part in ("", ".", "..") for part in parts):
            raise self.refuse(f"`{name:.200}` leads out of its folder or names none")
        too_long = len(name.encode()) > self.limits.path_bytes or any(
            len(part.encode()) > _NAME_BYTES for part in parts
        )
        if too_long or len(parts) > self.limits.depth:
            raise self.refuse(f"`{name[:80]}…` is too long or too deep")
        return name

    def _check_text(self, text: str, what: str) -> None:
        if text.isascii() and text.isprintable():
            return
        try:
            text.encode()
        except UnicodeEncodeError:
            raise self.refuse(f"{what} is not UTF-8: {text[:200]!a}") from None
        if any(unicodedata.category(sign) in _NOT_IN_NAMES for sign in text):
            raise self.refuse(f"{what} has a control character: {text[:200]!a}")

    def _count(self, size_bytes: int) -> None:
        self._total_bytes += size_bytes
        self.expect(self._total_bytes)

    # --- links ------------------------------------------------------------------------------------

    def check_links(self) -> None:
        """Refuse links that lead out, alone or one through another; to be called at the end."""
        steps = 0
        for link in self._entries.values():
            if link.kind is EntryKind.LINK:
                end = follow_link(link.path, link.target, self._target_of)
                steps += end.steps
                if end.fault is LinkFault.OUTSIDE:
                    raise self.refuse(f"`{link.path}` is a link that leads out, to `{link.target}`")
                if end.fault is LinkFault.CIRCLE:
                    raise self.refuse(f"`{link.path}` is a link that leads round in a circle")
                if steps > self.limits.link_steps:
                    raise self.refuse("its links lead through too many others")

    def _target_of(self, path: str) -> str | None:
        entry = self._entries.get(path)
        return entry.target if entry is not None and entry.kind is EntryKind.LINK else None


class _Writable(Protocol):
    def write(self, chunk: memoryview, /) -> int | None: ...


def _write_all(file: _Writable, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[file.write(rest) or 0 :]
