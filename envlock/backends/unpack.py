"""Unpack archives that are what the lock says and may still be hostile.

A digest proves who the bytes are, not that they mean well. So nothing here trusts a name, a size or
a count: names are checked before they are used, bytes are counted as they are written, and an
archive writes below one folder or not at all. `zipfile`, `tarfile` and `zstandard` decode; where
things go is decided here.
"""

from __future__ import annotations

import bz2
import contextlib
import lzma
import os
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

import zstandard
from msgspec import Struct

from envlock.errors import ArchiveError
from envlock.model.tree import EntryKind, TreeEntry

_CHUNK_BYTES = 1 << 20
_FILE_MODE = 0o444
_PROGRAM_MODE = 0o555
_CREATING = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DELETE = 127
_NAME_BYTES = 255
_DAMAGED = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, tarfile.TarError, zlib.error, lzma.LZMAError),
    *(zstandard.ZstdError, EOFError, struct.error, NotImplementedError, RuntimeError),
    *(ValueError, OverflowError, RecursionError, MemoryError, KeyError, IndexError),
)
"""What the decoders raise for bytes that are no archive; `UnicodeDecodeError` is a `ValueError`."""


class Limits(Struct, frozen=True, kw_only=True):
    """How much one archive may hold; far above any package that we have seen."""

    entries: int = 400_000
    total_bytes: int = 64 << 30
    file_bytes: int = 32 << 30
    path_bytes: int = 1024
    depth: int = 64
    metadata_bytes: int = 64 << 20
    """Of a file that is read into memory: RECORD, paths.json, the headers of a tar archive."""


LIMITS = Limits()


def unpack(
    archive: Path, file_name: str, into: Path, limits: Limits = LIMITS
) -> tuple[TreeEntry, ...]:
    """Unpack a conda package or a wheel into a folder that is empty or not there yet.

    Returns what was written, ordered by path. Raises `ArchiveError` for an archive that is damaged
    or hostile; the folder may then hold a part of it and nothing outside does. Disk errors pass.
    """
    from envlock.backends.unpack_conda import unpack_bz2, unpack_conda  # noqa: PLC0415 - a circle
    from envlock.backends.unpack_wheel import unpack_wheel  # noqa: PLC0415 - as above

    kinds: tuple[tuple[str, Callable[[Path, str, Tree], None]], ...] = (
        (".conda", unpack_conda),
        (".tar.bz2", unpack_bz2),
        (".whl", unpack_wheel),
    )
    into.mkdir(exist_ok=True)
    tree = Tree(into, file_name, limits)
    for ending, unpack_kind in kinds:
        if file_name.endswith(ending):
            with tree.refusing_damage():
                unpack_kind(archive, file_name, tree)
            return tree.entries()
    raise tree.refuse("expected a conda package or a wheel")


class Tree:
    """The folder that one archive is written to, and all that was written so far."""

    def __init__(self, root: Path, file_name: str, limits: Limits) -> None:
        self.root = root
        self.limits = limits
        self._file_name = file_name
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

    def read(self, path: str) -> bytes | None:
        """Return a small file's content; None when it is not there."""
        entry = self._entries.get(path)
        if entry is None or entry.kind is not EntryKind.FILE:
            return None
        if entry.size_bytes > self.limits.metadata_bytes:
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
            raise

    # --- writing ----------------------------------------------------------------------------------

    def add_folder(self, name: str) -> None:
        """Make a folder, its parents too."""
        path = self._checked(name.rstrip("/"))
        if self._kind(path) is not EntryKind.FOLDER:
            self._claim(path)
            self._make_folder(path)

    def add_file(
        self, name: str, content: IO[bytes], size_bytes: int, *, is_executable: bool
    ) -> None:
        """Write a file of exactly so many bytes."""
        path = self._new(name)
        if size_bytes < 0 or size_bytes > self.limits.file_bytes:
            raise self.refuse(f"`{path}` has {size_bytes:,} bytes")
        self._count(path, size_bytes)
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
            os.fchmod(file.fileno(), mode)
        if left:
            raise self.refuse(f"`{path}` has {left:,} bytes less than it names")
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
            raise self.refuse(f"`{path}` is a link to `{target}`, an absolute path")
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
        """Refuse two names that some file systems take for one (macOS: Unicode forms)."""
        twin = self._seen.setdefault(unicodedata.normalize("NFC", path), path)
        if twin != path:
            raise self.refuse(f"{path!a} and {twin!a} are one name in two spellings")
        if len(self._seen) > self.limits.entries:
            raise self.refuse(f"it has more than {self.limits.entries:,} entries")

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
            raise self.refuse(f"`{name}` is an absolute path or one of Windows")
        if any(part in ("", ".", "..") for part in parts):
            raise self.refuse(f"`{name}` leads out of its folder or names none")
        too_long = len(name.encode()) > self.limits.path_bytes or any(
            len(part.encode()) > _NAME_BYTES for part in parts
        )
        if too_long or len(parts) > self.limits.depth:
            raise self.refuse(f"`{name[:80]}…` is too long or too deep")
        return name

    def _check_text(self, text: str, what: str) -> None:
        try:
            text.encode()
        except UnicodeEncodeError:
            raise self.refuse(f"{what} is not UTF-8: {text!a}") from None
        if any(ord(sign) < ord(" ") or ord(sign) == _DELETE for sign in text):
            raise self.refuse(f"{what} has a control character: {text[:200]!a}")

    def _count(self, path: str, size_bytes: int) -> None:
        self._total_bytes += size_bytes
        if self._total_bytes > self.limits.total_bytes:
            raise self.refuse(f"it has more than {self.limits.total_bytes:,} bytes, with `{path}`")

    # --- links ------------------------------------------------------------------------------------

    def check_links(self) -> None:
        """Refuse links that lead out, alone or one through another; to be called at the end."""
        for entry in self._entries.values():
            if entry.kind is EntryKind.LINK:
                self._follow(entry)

    def _follow(self, link: TreeEntry) -> None:
        waiting = [*reversed([*link.path.split("/")[:-1], *link.target.split("/")])]
        place: list[str] = []
        steps = 0
        while waiting:
            steps += 1
            part = waiting.pop()
            if part in ("", "."):
                continue
            if part == "..":
                if not place:
                    raise self.refuse(f"`{link.path}` is a link that leads out, to `{link.target}`")
                place.pop()
                continue
            place.append(part)
            entry = self._entries.get("/".join(place))
            if entry is not None and entry.kind is EntryKind.LINK:
                if steps > self.limits.path_bytes:
                    raise self.refuse(f"`{link.path}` is a link that leads round in a circle")
                place.pop()
                waiting += reversed(entry.target.split("/"))


def _write_all(file: Any, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[file.write(rest) :]


# --- tar ------------------------------------------------------------------------------------------


class _Bounded:
    """A stream that refuses to be read in one piece larger than a header may be.

    `tarfile` reads the extended headers of an archive into memory, of whatever size they claim.
    """

    def __init__(self, stream: IO[bytes], tree: Tree) -> None:
        self._stream = stream
        self._tree = tree
        self.at_end = False

    def read(self, size: int = -1) -> bytes:
        limit = self._tree.limits.metadata_bytes
        if size < 0 or size > limit:
            raise self._tree.refuse(f"a header of it claims more than {limit:,} bytes")
        parts: list[bytes] = []
        while size > 0:
            part = self._stream.read(size)
            if not part:
                self.at_end = True
                break
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def unpack_tar(stream: IO[bytes], tree: Tree) -> None:
    """Unpack an uncompressed tar stream; what follows its end must be nothing but zeros."""
    bounded = _Bounded(stream, tree)
    with tarfile.open(fileobj=bounded, mode="r|", errorlevel=2) as archive:  # type: ignore[call-overload]
        for member in archive:
            _add_member(archive, member, tree)
    while chunk := bounded.read(_CHUNK_BYTES):
        if chunk.strip(b"\0"):
            raise tree.refuse("something follows the end of the tar archive in it")


def _add_member(archive: tarfile.TarFile, member: tarfile.TarInfo, tree: Tree) -> None:
    archive.members.clear()  # type: ignore[attr-defined]  # else every header stays in memory
    if member.isdir():
        if member.name.rstrip("/") not in ("", "."):
            tree.add_folder(member.name)
    elif member.issym():
        tree.add_link(member.name, member.linkname)
    elif member.islnk():
        tree.add_twin(member.name, member.linkname)
    elif member.isreg() and not member.issparse():
        content = archive.extractfile(member)
        if content is None:
            raise tree.refuse(f"`{member.name}` has no content")
        with content:
            tree.add_file(
                member.name, content, member.size, is_executable=bool(member.mode & 0o111)
            )
    else:
        raise tree.refuse(f"`{member.name}` is a device, a pipe or a sparse file")


def open_bz2(archive: Path) -> IO[bytes]:
    """Open a bzip2 stream."""
    return bz2.open(archive, "rb")
