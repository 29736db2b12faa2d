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
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import file_digest

from envlock.backends.store_trees import EPOCH_SECONDS, Known
from envlock.errors import ArchiveError, StoreError
from envlock.model.tree import EntryKind, TreeEntry
from envlock.store.links import follow_link

_CLONE = 0x40049409
"""`FICLONE` of Linux's `linux/fs.h`."""
_CANNOT_CLONE = (
    *(errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS, errno.EPERM),
)
_CANNOT_LINK = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EACCES, errno.EOPNOTSUPP)
_WRITABLE = 0o222
_WORKERS = min(4, (os.cpu_count() or 1) + 1)
_SHARES = 16
_SMALLEST_SHARE = 64

_Wanted = tuple[str, str, TreeEntry, bool]
"""A tree's name, the file in it, its entry, and whether it is to replace what lies there."""


class TreeDamagedError(Exception):
    """A file that was sealed is not what it was; `name` is the tree."""

    def __init__(self, tree: str, path: str) -> None:
        super().__init__(f"{tree}: {path}")
        self.tree = tree
        self.path = path


class Linker:
    """Links files into one staging folder and remembers what their contents are.

    What is to be linked is gathered first and linked by `finish`, on several threads: most of the
    time passes in the system. So who wins where two packages bring a file is settled before.
    """

    def __init__(self, root: str, known: Known) -> None:
        self._root = root
        self._known = known
        self._folders = {""}
        self._wanted: dict[str, _Wanted] = {}
        self._can_clone = sys.platform == "linux"
        self.collisions: list[str] = []
        """Paths that two packages bring with different content; the later one has won."""

    def link(
        self,
        tree: str,
        source: str,
        entry: TreeEntry,
        path: str,
        *,
        replaces: bool = False,
    ) -> None:
        """Have a file of a tree put at a path of the environment by `finish`.

        With `replaces`, what another package brings there is meant to go.
        """
        earlier = self._wanted.get(path)
        if earlier is not None and not replaces:
            if earlier[2].sha256 == entry.sha256:
                return
            self.collisions.append(path)
        self._wanted[path] = (tree, source, entry, replaces)

    def finish(self) -> None:
        """Link everything that is waiting.

        Raises `TreeDamagedError` when a file is not as it was sealed, and `ArchiveError` when a
        path is a file for one package and a folder for another.
        """
        for folder in sorted({path.rpartition("/")[0] for path in self._wanted}):
            self._make(folder)
        items = list(self._wanted.items())
        self._wanted.clear()
        size = max(_SMALLEST_SHARE, -(-len(items) // _SHARES))
        shares = [items[start : start + size] for start in range(0, len(items), size)]
        with ThreadPoolExecutor(_WORKERS) as pool:
            occupied = [item for left in pool.map(self._link_share, shares) for item in left]
        for path, wanted in occupied:
            if self._makes_room(path, wanted):
                self._link_one(path, wanted)

    def _link_share(self, items: Sequence[tuple[str, _Wanted]]) -> list[tuple[str, _Wanted]]:
        """Link some files; return those whose place is occupied."""
        occupied = []
        for path, wanted in items:
            try:
                self._link_one(path, wanted)
            except FileExistsError:
                occupied.append((path, wanted))
        return occupied

    def _link_one(self, path: str, wanted: _Wanted) -> None:
        tree, source, entry, _ = wanted
        status = os.lstat(source)
        if not is_sealed(status, entry):
            raise TreeDamagedError(tree, entry.path)
        target = f"{self._root}/{path}"
        if self._can_clone and self._clone(source, target, status, entry):
            return
        if not self._hard_link(source, target, status, entry):
            _copy(source, target, status)

    def write(self, path: str, content: bytes, *, is_executable: bool = False) -> None:
        """Write a file that no package holds as it is."""
        if self._wanted.pop(path, None) is not None:
            self.collisions.append(path)
        target = self.place(path)
        if os.path.lexists(target):
            self._clear(target, path, replaces=False)
        mode = 0o755 if is_executable else 0o644
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)

    def place(self, path: str) -> str:
        """Return where a path lies, its folders made; none of them is a link to elsewhere."""
        self._make(path.rpartition("/")[0])
        return f"{self._root}/{path}"

    def _make(self, folder: str) -> None:
        if folder in self._folders:
            return
        self._make(folder.rpartition("/")[0])
        place = f"{self._root}/{folder}"
        try:
            os.mkdir(place, 0o755)
        except FileExistsError:
            if not stat.S_ISDIR(os.lstat(place).st_mode):
                raise ArchiveError(
                    f"two packages disagree: `{folder}` is a folder for one and not for another\n"
                    "Nothing was installed."
                ) from None
        self._folders.add(folder)

    def _makes_room(self, path: str, wanted: _Wanted) -> bool:
        """Say whether what lies there already had to go."""
        target = f"{self._root}/{path}"
        _, _, entry, replaces = wanted
        status = os.lstat(target)
        if stat.S_ISREG(status.st_mode) and not replaces:
            digest = self._known.digest(status) or _digest(target)
            if digest == entry.sha256:
                return False
        self._clear(target, path, replaces=replaces)
        return True

    def _clear(self, target: str, path: str, *, replaces: bool) -> None:
        """Remove what lies there; with `replaces` it is meant to go."""
        if stat.S_ISDIR(os.lstat(target).st_mode):
            raise ArchiveError(
                f"two packages disagree: `{path}` is a file for one and a folder for another\n"
                "Nothing was installed."
            )
        if not replaces:
            self.collisions.append(path)
        os.unlink(target)

    def _clone(self, source: str, target: str, status: os.stat_result, entry: TreeEntry) -> bool:
        with open(source, "rb", buffering=0) as file:
            descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
            try:
                fcntl.ioctl(descriptor, _CLONE, file.fileno())
                os.fchmod(descriptor, stat.S_IMODE(status.st_mode))
                os.utime(descriptor, (EPOCH_SECONDS, EPOCH_SECONDS))
                self._known.add(os.fstat(descriptor), entry.sha256)
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


def refuse_escape(entries: Sequence[TreeEntry], allowed: frozenset[str]) -> None:
    """Refuse links that lead out of an environment, alone or one through another.

    `allowed` are targets outside that the environment names openly: the machine's own Python.
    Raises `StoreError`.
    """
    targets = {entry.path: entry.target for entry in entries if entry.kind is EntryKind.LINK}
    outside = {path for path, target in targets.items() if target in allowed}
    for path, target in targets.items():
        if path in outside:
            continue
        end = follow_link(path, target, lambda place: _target(targets, outside, place))
        if end.fault is not None:
            raise StoreError(
                f"`{path}` leads out of the environment or round in a circle, to {target}\n"
                "Nothing was installed."
            )


def _target(targets: Mapping[str, str], outside: set[str], path: str) -> str | None:
    return None if path in outside else targets.get(path)
