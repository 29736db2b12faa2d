"""Folders of the store: made read-only, hashed, moved to their place, looked at again, removed."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import file_digest
from operator import attrgetter
from pathlib import Path

import zstandard

from envlock.backends.store_layout import HIDDEN, StoreLayout, make_folder
from envlock.errors import StoreError, WorldError
from envlock.model.tree import EntryKind, TreeEntry
from envlock.store.tree import format_tree, parse_tree, tree_digest

EPOCH_SECONDS = 315_532_800
"""1980-01-01 UTC, the oldest time that a zip archive can hold; every file of the store has it."""
_FILE_MODE = 0o444
_PROGRAM_MODE = 0o555
_FOLDER_MODE = 0o555
_OPEN_MODE = 0o755
_MANIFEST_LIMIT_BYTES = 1 << 30
_EXECUTABLE = 0o111
_WRITABLE = 0o222
_TIMES = (EPOCH_SECONDS, EPOCH_SECONDS)
_OWNER_DIGITS = 31
_SWEEPS = 5
_HERE = -100
"""`AT_FDCWD` of Linux's `fcntl.h`: names are relative to the current folder, or absolute."""
_EXCHANGE = 2
"""`RENAME_EXCHANGE` of Linux and `RENAME_SWAP` of macOS."""
_WORKERS = min(8, (os.cpu_count() or 1) + 1)

Inode = tuple[int, int]
"""Device and number."""
_File = tuple[str, int, bool]
"""Digest, size, whether it may be executed."""
_path_of = attrgetter("path")


class Known:
    """Contents whose digest is known since they share an inode with a file that was hashed."""

    def __init__(self) -> None:
        self._files: dict[Inode, _File] = {}

    def add(self, status: os.stat_result, sha256: str) -> None:
        """Remember a file of a valid tree."""
        is_executable = bool(status.st_mode & _EXECUTABLE)
        self._files[status.st_dev, status.st_ino] = (sha256, status.st_size, is_executable)

    def digest(self, status: os.stat_result) -> str | None:
        """Return the SHA-256 of a file, when it is one of those."""
        found = self._files.get((status.st_dev, status.st_ino))
        return found[0] if found else None

    def entry(self, path: str, inode: Inode) -> TreeEntry | None:
        """Return a file's entry, when it is one of those."""
        found = self._files.get(inode)
        if found is None:
            return None
        sha256, size_bytes, is_executable = found
        return TreeEntry(
            path=path,
            kind=EntryKind.FILE,
            is_executable=is_executable,
            sha256=sha256,
            size_bytes=size_bytes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A tree that was sealed just now."""

    entries: tuple[TreeEntry, ...]
    read: frozenset[str]
    """The files whose content nobody knew."""


def seal(root: Path, known: Known) -> Sealed:
    """Take every write permission and every time away, and return what lies there.

    Files that `known` has are neither read nor changed: they are links to what is sealed already.
    Raises `StoreError` for what a store cannot hold.
    """
    walk = _Walk(root, known, is_sealing=True)
    entries = walk.entries()
    _seal_folder(root)
    return Sealed(entries=entries, read=walk.read)


def seal_tree(root: Path, known: Known | None = None) -> tuple[TreeEntry, ...]:
    """Seal a tree that shares nothing with others yet, and return what lies there; see `seal`.

    Files that `known` has were hashed as they were written: they are sealed and not read again.
    """
    entries = _Walk(root, known or Known(), is_sealing=True, shares=False).entries()
    _seal_folder(root)
    return entries


def read_tree(root: Path) -> tuple[TreeEntry, ...]:
    """Return what lies there and leave it as it is; every file is read."""
    return _Walk(root, Known(), is_sealing=False).entries()


class _Walk:
    def __init__(self, root: Path, known: Known, *, is_sealing: bool, shares: bool = True) -> None:
        self._root = root
        self._known = known
        self._is_sealing = is_sealing
        self._shares = shares
        """Whether known files are links to what is sealed already."""
        self._entries: list[TreeEntry] = []
        self._unknown: list[tuple[str, str, os.stat_result]] = []

    def entries(self) -> tuple[TreeEntry, ...]:
        self._visit(str(self._root), "", os.lstat(self._root).st_dev)
        with ThreadPoolExecutor(_WORKERS) as pool:
            self._entries += pool.map(self._hash, self._unknown)
        return tuple(sorted(self._entries, key=_path_of))

    @property
    def read(self) -> frozenset[str]:
        return frozenset(path for _, path, _ in self._unknown)

    def _visit(self, folder: str, relative: str, device: int) -> None:
        with os.scandir(folder) as found:
            items = list(found)
        for item in items:
            path = f"{relative}{item.name}"
            if item.is_dir(follow_symlinks=False):
                self._entries.append(TreeEntry(path=path, kind=EntryKind.FOLDER))
                self._visit(item.path, f"{path}/", device)
                if self._is_sealing:
                    _seal_folder(item.path)
            elif item.is_symlink():
                self._link(item.path, path)
            elif item.is_file(follow_symlinks=False):
                # The listing names the inode: of a file that is known nothing more has to be asked.
                inode = (device, item.inode())
                entry = self._known.entry(path, inode) if self._shares else None
                if entry is None:
                    self._file(item, path)
                else:
                    self._entries.append(entry)
            else:
                raise StoreError(f"{item.path}: expected a file, a link or a folder, found neither")

    def _link(self, place: str, path: str) -> None:
        target = os.readlink(place)
        self._entries.append(TreeEntry(path=path, kind=EntryKind.LINK, target=target))
        if self._is_sealing:
            os.utime(place, _TIMES, follow_symlinks=False)

    def _file(self, item: os.DirEntry[str], path: str) -> None:
        status = item.stat(follow_symlinks=False)
        entry = self._known.entry(path, (status.st_dev, status.st_ino))
        if self._is_sealing and (entry is None or not self._shares):
            is_program = bool(status.st_mode & _EXECUTABLE)
            os.chmod(item.path, _PROGRAM_MODE if is_program else _FILE_MODE)
            os.utime(item.path, _TIMES)
        if entry is None:
            self._unknown.append((item.path, path, status))
        else:
            self._entries.append(entry)

    def _hash(self, item: tuple[str, str, os.stat_result]) -> TreeEntry:
        place, path, status = item
        with open(place, "rb", buffering=0) as file:
            return _file_entry(path, status, file_digest(file, "sha256").hexdigest())


def _file_entry(path: str, status: os.stat_result, digest: str) -> TreeEntry:
    return TreeEntry(
        path=path,
        kind=EntryKind.FILE,
        sha256=digest,
        size_bytes=status.st_size,
        is_executable=bool(status.st_mode & _EXECUTABLE),
    )


def _seal_folder(folder: str | Path) -> None:
    os.chmod(folder, _FOLDER_MODE)
    os.utime(folder, _TIMES)


def reseal(
    root: Path, entries: Iterable[TreeEntry], added: Iterable[str], touched: Iterable[str]
) -> None:
    """Remove what was added to a tree, and give what was touched its modes and times again.

    Contents are left alone: `entries` are what the tree held when it was sealed.
    """
    kinds = {entry.path: entry for entry in entries}
    places = set(touched)
    for path in sorted(added, reverse=True):  # what lies in a folder before the folder
        folder = path.rpartition("/")[0]
        places.add(folder)
        os.chmod(f"{root}/{folder}", _OPEN_MODE)
        sweep(root / path)
    for path in sorted(places & kinds.keys()):
        _seal_entry(f"{root}/{path}", kinds[path])
    _seal_folder(root)


def _seal_entry(place: str, entry: TreeEntry) -> None:
    if entry.kind is not EntryKind.LINK:
        is_readable_only = entry.kind is EntryKind.FILE and not entry.is_executable
        os.chmod(place, _FILE_MODE if is_readable_only else _PROGRAM_MODE)
    os.utime(place, _TIMES, follow_symlinks=False)


# --- manifests ------------------------------------------------------------------------------------


def write_manifest(
    layout: StoreLayout,
    entries: Sequence[TreeEntry],
    keep: Callable[[Iterable[str]], None] = lambda _: None,
) -> str:
    """Keep the manifest of a tree and return its digest, `tree_sha256`.

    `keep` is told the digest first: no row refers to the manifest yet, and a collector that came
    before the row would take it away.
    """
    content = format_tree(entries)
    digest = tree_digest(content)
    keep([digest])
    path = layout.manifest(digest)
    if not path.exists():
        make_folder(path.parent)
        staged = path.with_name(f"{HIDDEN}{digest}-{uuid.uuid4().hex}")
        staged.write_bytes(zstandard.ZstdCompressor(level=1).compress(content))
        staged.chmod(_FILE_MODE)
        staged.replace(path)
    return digest


def read_manifest(layout: StoreLayout, tree_sha256: str) -> tuple[TreeEntry, ...]:
    """Return what a tree held when it was sealed.

    Raises `StoreError` when the manifest is gone or is not what its name says.
    """
    path = layout.manifest(tree_sha256)
    try:
        packed = path.read_bytes()
        content = zstandard.ZstdDecompressor().decompress(
            packed, max_output_size=_MANIFEST_LIMIT_BYTES
        )
    except FileNotFoundError:
        raise _bad_manifest(path, "it is gone") from None
    except (zstandard.ZstdError, OSError) as error:
        raise _bad_manifest(path, str(error)) from None
    if tree_digest(content) != tree_sha256:
        raise _bad_manifest(path, "its content is not what its name says")
    return parse_tree(content)


def _bad_manifest(path: Path, what: str) -> StoreError:
    return StoreError(
        f"{path}: the manifest cannot be used: {what}",
        hints=["`envlock store repair` makes it anew"],
    )


# --- moving ---------------------------------------------------------------------------------------


def staging_beside(target: Path, owner: str) -> Path:
    """Return the name of a folder to make `target` in; `owner` is the maker's temporary root.

    It is as long as the target's, so that a path inside can be put right in a binary file too.
    """
    size = len(target.name)
    return target.with_name(
        f"{HIDDEN}{owner[:_OWNER_DIGITS]}-{target.name[33:]}"[:size].ljust(size, "-")
    )


@contextlib.contextmanager
def staged(target: Path, owner: str, failing: str) -> Iterator[Path]:
    """Give the name of a folder to make `target` in; what is still there afterwards is removed.

    Raises `WorldError` with the words `failing` when the disk refuses.
    """
    staging = staging_beside(target, owner)
    with disk_errors(failing):
        try:
            yield staging
        except BaseException:
            with contextlib.suppress(OSError):  # the first failure is to be told; the rest is swept
                remove_tree(staging)
            raise
        remove_tree(staging)


def is_staged_by(name: str, owners: Iterable[str]) -> bool:
    """Say whether one of the temporary roots is making a folder of that name."""
    return name[1 : 1 + _OWNER_DIGITS] in {owner[:_OWNER_DIGITS] for owner in owners}


def move_into_place(staging: Path, target: Path) -> None:
    """Flush what was made to the disk and give it its name.

    What lies there, a leftover or something damaged, changes places with it in one step where the
    system can do that, and is removed; the caller holds the target's lock.
    """
    flush_file_system(staging)
    if not os.path.lexists(target):
        staging.rename(target)
    elif exchange(staging, target):
        remove_tree(staging)
    else:
        remove_tree(target)
        staging.rename(target)
    flush_folder(target.parent)


def exchange(one: Path, other: Path) -> bool:
    """Let two paths of one file system change places in one step; say whether they did."""
    libc = ctypes.CDLL(None, use_errno=True)
    names = (os.fsencode(one), os.fsencode(other))
    if sys.platform == "linux":
        rename = getattr(libc, "renameat2", None)  # of glibc 2.28
        arguments = (_HERE, names[0], _HERE, names[1], _EXCHANGE)
    else:
        rename = getattr(libc, "renamex_np", None)
        arguments = (*names, _EXCHANGE)
    return rename is not None and rename(*arguments) == 0


def flush_file_system(path: Path) -> None:
    """Have everything on a path's file system written to the disk. Raises `OSError`."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if sys.platform == "linux":
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.syncfs(descriptor) != 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number))
        else:
            os.sync()
    finally:
        os.close(descriptor)


def flush_folder(folder: Path) -> None:
    """Have the names in a folder written to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:  # some network file systems cannot, and need not
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def remove_tree(root: Path) -> None:
    """Remove a folder of the store: first from sight in one step, then from the disk."""
    trash = root if root.name.startswith(HIDDEN) else hide(root)
    if trash is not None:
        sweep(trash)


def hide(path: Path) -> Path | None:
    """Take something out of sight in one step; return where it lies now, None when it is gone."""
    trash = path.with_name(f"{HIDDEN}{uuid.uuid4().hex}-removed")
    try:
        path.rename(trash)
    except FileNotFoundError:
        return None
    return trash


def sweep(root: Path) -> None:
    """Remove a folder that nobody sees any more, read-only or unreadable as it may be.

    Its maker may have been killed and have left a child that still writes into it; then it is swept
    again.
    """
    for _ in range(_SWEEPS - 1):
        try:
            _sweep(root)
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise
        else:
            return
    _sweep(root)


def _sweep(root: Path) -> None:
    if not root.is_dir() or root.is_symlink():
        root.unlink(missing_ok=True)
        return
    with contextlib.suppress(FileNotFoundError):
        os.chmod(root, _OPEN_MODE)  # each folder before it is listed
    for folder, folders, _ in os.walk(root):
        for name in folders:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                with contextlib.suppress(FileNotFoundError):
                    os.chmod(path, _OPEN_MODE)
    shutil.rmtree(root, onerror=_only_if_there)  # `onexc` comes with Python 3.12


def _only_if_there(
    _: object, __: str, fault: tuple[type[BaseException], BaseException, object]
) -> None:
    error = fault[1]
    if not isinstance(error, FileNotFoundError):  # else another process sweeps the same folder
        raise error


@contextlib.contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Turn what the disk refuses into a `WorldError`; a full disk is told as one."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        said = "the disk is full" if full else (error.strerror or str(error))
        raise WorldError(
            f"{what}: {said}\nNothing was installed; the store holds what it held before.",
            hints=["free space (`envlock gc`), then run it again"] if full else [],
        ) from error
