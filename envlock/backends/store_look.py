"""A close look at sealed trees: what lies there, whether it is still sealed, what it holds.

Every inode is hashed once, however many trees it is linked into, and on all cores: hashing lets go
of the interpreter's lock. Nothing is changed, and nothing that lies there is trusted: links are not
followed, and what is neither file, link nor folder is named.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import file_digest, sha256
from itertools import chain
from pathlib import Path

from envlock.backends.store_trees import EPOCH_SECONDS, Inode
from envlock.model.tree import EntryKind, TreeEntry

_EPOCH_NANOSECONDS = EPOCH_SECONDS * 1_000_000_000
_FILE_MODE = 0o444
_PROGRAM_MODE = 0o555
_EXECUTABLE = 0o111
_SMALL_BYTES = 1 << 18
_BATCH_BYTES = 1 << 22
_BATCH_FILES = 128
_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_WORKERS = os.cpu_count() or 1


@dataclass(slots=True, kw_only=True)
class Sight:
    """What was seen under one folder; contents are not in it yet."""

    entries: list[TreeEntry] = field(default_factory=list)
    files: dict[str, os.stat_result] = field(default_factory=dict)
    loose: dict[str, str] = field(default_factory=dict)
    """In what an entry is no longer sealed."""
    strange: dict[str, str] = field(default_factory=dict)
    """What is neither file, link nor folder, or cannot be looked at."""

    def guesses(self) -> list[TreeEntry]:
        """Return the files as they would have to be for `finish` to read every one."""
        return [
            TreeEntry(path=path, kind=EntryKind.FILE, size_bytes=status.st_size)
            for path, status in self.files.items()
        ]


def look(root: Path) -> Sight:
    """Look at a tree. Raises `OSError` when there is no folder of that name."""
    sight = Sight()
    status = root.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise NotADirectoryError(str(root))
    _note_looseness(sight, ".", status, _PROGRAM_MODE)
    _visit(sight, str(root), "")
    return sight


def _visit(sight: Sight, folder: str, relative: str) -> None:
    try:
        with os.scandir(folder) as found:
            items = list(found)
    except OSError as error:
        sight.strange[relative.rstrip("/") or "."] = (
            f"a folder that cannot be read: {error.strerror}"
        )
        return
    for item in items:
        path = f"{relative}{item.name}"
        try:
            _note(sight, item, path)
        except FileNotFoundError:
            continue  # gone since the folder was listed, and so missing
        except OSError as error:
            sight.strange[path] = f"what cannot be looked at: {error.strerror}"
        if item.is_dir(follow_symlinks=False):
            _visit(sight, item.path, f"{path}/")


def _note(sight: Sight, item: os.DirEntry[str], path: str) -> None:
    status = item.stat(follow_symlinks=False)
    mode = status.st_mode
    if stat.S_ISDIR(mode):
        sight.entries.append(TreeEntry(path=path, kind=EntryKind.FOLDER))
        _note_looseness(sight, path, status, _PROGRAM_MODE)
    elif stat.S_ISLNK(mode):
        target = os.readlink(item.path)
        sight.entries.append(TreeEntry(path=path, kind=EntryKind.LINK, target=target))
        _note_looseness(sight, path, status, None)
    elif stat.S_ISREG(mode):
        sight.files[path] = status
        is_program = bool(mode & _EXECUTABLE)
        _note_looseness(sight, path, status, _PROGRAM_MODE if is_program else _FILE_MODE)
    else:
        sight.strange[path] = "neither a file, a link nor a folder"


def _note_looseness(sight: Sight, path: str, status: os.stat_result, mode: int | None) -> None:
    """Note a mode or a time that the store does not give; the mode of a link says nothing."""
    found = stat.S_IMODE(status.st_mode)
    if mode is not None and found != mode:
        sight.loose[path] = f"mode {found:04o} and not {mode:04o}"
    elif status.st_mtime_ns != _EPOCH_NANOSECONDS:
        changed = datetime.fromtimestamp(status.st_mtime, tz=UTC)
        sight.loose[path] = f"modified {changed:%Y-%m-%d %H:%M:%S} UTC"


class Digests:
    """Contents by inode, each read once."""

    def __init__(self) -> None:
        self._known: dict[Inode, str] = {}
        self._pool = ThreadPoolExecutor(_WORKERS)
        self.size_bytes = 0
        """Of what was read."""

    def close(self) -> None:
        """Let go of the threads."""
        self._pool.shutdown()

    def of(self, files: Mapping[str, os.stat_result]) -> Callable[[os.stat_result], str]:
        """Read files, given by their full paths; return what tells the digest of each.

        What cannot be read has a text in place of a digest, which no digest equals.
        """
        wanted = {
            (status.st_dev, status.st_ino): (path, status.st_size)
            for path, status in files.items()
            if (status.st_dev, status.st_ino) not in self._known
        }
        self.size_bytes += sum(size for _, size in wanted.values())
        batches = list(_batches([wanted[inode] for inode in sorted(wanted)]))
        found = chain.from_iterable(self._pool.map(_hash_all, batches))
        self._known.update(zip(sorted(wanted), found, strict=True))
        return lambda status: self._known[status.st_dev, status.st_ino]


def _batches(files: Iterable[tuple[str, int]]) -> Iterator[list[str]]:
    batch: list[str] = []
    room = _BATCH_BYTES
    for path, size in files:
        batch.append(path)
        room -= size
        if room <= 0 or len(batch) == _BATCH_FILES:
            yield batch
            batch, room = [], _BATCH_BYTES
    if batch:
        yield batch


def _hash_all(paths: Sequence[str]) -> list[str]:
    return [_hash(path) for path in paths]


def _hash(path: str) -> str:
    try:
        descriptor = os.open(path, _READING)
        try:
            content = os.read(descriptor, _SMALL_BYTES)
            if len(content) < _SMALL_BYTES and not os.read(descriptor, 1):
                return sha256(content).hexdigest()
            os.lseek(descriptor, 0, os.SEEK_SET)
            with open(descriptor, "rb", buffering=0, closefd=False) as file:
                return file_digest(file, "sha256").hexdigest()
        finally:
            os.close(descriptor)
    except OSError as error:
        return f"nothing that can be read: {error.strerror or error}"


def finish(
    sight: Sight, root: Path, expected: Sequence[TreeEntry], digests: Digests | None
) -> list[TreeEntry]:
    """Return the entries with their contents; without `digests`, contents are believed.

    A file that has another size than was expected is not read, nor one that was not expected.
    """
    was = {entry.path: entry for entry in expected if entry.kind is EntryKind.FILE}
    read = {
        path: status
        for path, status in sight.files.items()
        if path in was and was[path].size_bytes == status.st_size
    }
    digest_of = (
        digests.of({f"{root}/{path}": status for path, status in read.items()}) if digests else None
    )
    entries = list(sight.entries)
    for path, status in sight.files.items():
        if path in read and digest_of is not None:
            digest = digest_of(status)
        else:
            digest = was[path].sha256 if path in was else ""
        entries.append(
            TreeEntry(
                path=path,
                kind=EntryKind.FILE,
                sha256=digest,
                size_bytes=status.st_size,
                is_executable=bool(status.st_mode & _EXECUTABLE),
            )
        )
    return entries
