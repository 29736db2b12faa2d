"""One file of a sealed tree into an environment: as a reflink, else a hard link, else a copy.

A reflink shares the bytes and not the inode, so it is the best of the three. A hard link is as
good while nobody can write to it, which holds in the store: everything in it is read-only, and is
never linked to from outside. A copy is for what the file system cannot do, and for files of other
users, which Linux does not let everybody link to.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from hashlib import file_digest

from envlock.backends.store_trees import EPOCH_SECONDS, Known
from envlock.errors import ArchiveError, StoreError
from envlock.model.tree import EntryKind, TreeEntry

_CLONE = 0x40049409
"""`FICLONE` of Linux's `linux/fs.h`."""
_CANNOT_CLONE = (
    *(errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS, errno.EPERM),
)
_CANNOT_LINK = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EACCES, errno.EOPNOTSUPP)
_WRITABLE = 0o222


class TreeDamagedError(Exception):
    """A file that was sealed is not what it was; `name` is the tree."""

    def __init__(self, tree: str, path: str) -> None:
        super().__init__(f"{tree}: {path}")
        self.tree = tree
        self.path = path


class Linker:
    """Links files into one staging folder and remembers what their contents are."""

    def __init__(self, root: str, known: Known) -> None:
        self._root = root
        self._known = known
        self._folders = {""}
        self._can_clone = sys.platform == "linux"
        self.collisions: list[str] = []
        """Paths that two packages bring with different content; the later one has won."""

    def link(self, tree: str, source: str, entry: TreeEntry, path: str) -> None:
        """Put a file of a tree at a path of the environment.

        Raises `TreeDamagedError` when the file is not as it was sealed.
        """
        status = os.lstat(source)
        if not is_sealed(status, entry):
            raise TreeDamagedError(tree, entry.path)
        target = self.place(path)
        if os.path.lexists(target) and not self._makes_room(target, path, entry):
            return
        if not self._clone(source, target, status) and not self._hard_link(
            source, target, status, entry
        ):
            _copy(source, target, status)

    def write(self, path: str, content: bytes, *, is_executable: bool = False) -> None:
        """Write a file that no package holds as it is."""
        target = self.place(path)
        if os.path.lexists(target):
            os.unlink(target)
        mode = 0o755 if is_executable else 0o644
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)

    def place(self, path: str) -> str:
        """Return where a path lies, its folders made; none of them is a link to elsewhere."""
        folder = path.rpartition("/")[0]
        if folder not in self._folders:
            self._make(folder)
        return f"{self._root}/{path}"

    def _make(self, folder: str) -> None:
        for part in _ancestors(folder):
            if part in self._folders:
                continue
            place = f"{self._root}/{part}"
            try:
                os.mkdir(place, 0o755)
            except FileExistsError:
                if not stat.S_ISDIR(os.lstat(place).st_mode):
                    raise ArchiveError(
                        f"two packages disagree: `{part}` is a folder for one and not for another\n"
                        "Nothing was installed."
                    ) from None
            self._folders.add(part)

    def _makes_room(self, target: str, path: str, entry: TreeEntry) -> bool:
        """Say whether what lies there already had to go."""
        status = os.lstat(target)
        if stat.S_ISDIR(status.st_mode):
            raise ArchiveError(
                f"two packages disagree: `{path}` is a file for one and a folder for another\n"
                "Nothing was installed."
            )
        if stat.S_ISREG(status.st_mode):
            digest = self._known.digest(status) or _digest(target)
            if digest == entry.sha256:
                return False
        self.collisions.append(path)
        os.unlink(target)
        return True

    def _clone(self, source: str, target: str, status: os.stat_result) -> bool:
        if not self._can_clone:
            return False
        with open(source, "rb", buffering=0) as file:
            descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            try:
                fcntl.ioctl(descriptor, _CLONE, file.fileno())
                os.fchmod(descriptor, stat.S_IMODE(status.st_mode))
            except OSError as error:
                os.unlink(target)
                if error.errno not in _CANNOT_CLONE:
                    raise
                self._can_clone = False
                return False
            finally:
                os.close(descriptor)
        return True

    def _hard_link(
        self, source: str, target: str, status: os.stat_result, entry: TreeEntry
    ) -> bool:
        try:
            os.link(source, target, follow_symlinks=False)
        except OSError as error:
            if error.errno not in _CANNOT_LINK:
                raise
            return False
        self._known.add(status, entry.sha256)
        return True


def _ancestors(folder: str) -> Iterator[str]:
    place = folder.find("/")
    while place >= 0:
        yield folder[:place]
        place = folder.find("/", place + 1)
    yield folder


def is_sealed(status: os.stat_result, entry: TreeEntry) -> bool:
    """Say whether a file looks as it did when it was sealed; its content is not read."""
    return (
        entry.kind is EntryKind.FILE
        and stat.S_ISREG(status.st_mode)
        and status.st_size == entry.size_bytes
        and int(status.st_mtime) == EPOCH_SECONDS
        and not status.st_mode & _WRITABLE
    )


def _copy(source: str, target: str, status: os.stat_result) -> None:
    with open(source, "rb") as old, open(target, "xb") as new:
        shutil.copyfileobj(old, new, 1 << 20)
        os.fchmod(new.fileno(), stat.S_IMODE(status.st_mode))


def _digest(path: str) -> str:
    with open(path, "rb", buffering=0) as file:
        return file_digest(file, "sha256").hexdigest()


def refuse_escape(root: str, entries: Iterator[TreeEntry], allowed: frozenset[str]) -> None:
    """Refuse links that lead out of an environment, alone or one through another.

    `allowed` are targets outside that the environment names openly: the machine's own Python.
    Raises `StoreError`.
    """
    inside = os.path.realpath(root)
    for entry in entries:
        if entry.kind is not EntryKind.LINK or entry.target in allowed:
            continue
        real = os.path.realpath(f"{root}/{entry.path}")
        if real != inside and not real.startswith(f"{inside}/") and real not in allowed:
            raise StoreError(
                f"`{entry.path}` leads out of the environment, to {real}\nNothing was installed."
            )
