"""Locks that the kernel lets go of when their holder dies, by whatever death.

Three kinds. One per environment or tree: who holds it builds, the others wait. One for the
collector: it marks and removes while it holds it alone. And temporary roots: a file per process
that names what the process needs; as long as the file is held, nothing in it is collected.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Self

from envlock.backends.store_layout import StoreLayout
from envlock.errors import WorldError

_OUT_OF_THE_WAY = 100
"""Shells write to single digits and keep their own below 64 or at 255; macOS allows 256 in all."""
_LEASE_SECONDS = 24 * 3600.0
"""On a network file system, where another machine's lock may be invisible."""


@contextlib.contextmanager
def held(
    path: Path, *, shared: bool = False, waiting: Callable[[], None] | None = None
) -> Iterator[None]:
    """Hold a lock file; `waiting` is told once when somebody else holds it."""
    descriptor = acquire(path, shared=shared, waiting=waiting)
    try:
        yield
    finally:
        os.close(descriptor)


def acquire(path: Path, *, shared: bool = False, waiting: Callable[[], None] | None = None) -> int:
    """Return a descriptor that holds the lock until it is closed.

    Raises `WorldError` when the disk refuses the file, or has no locks.
    """
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    try:
        return _acquire(path, kind, waiting)
    except OSError as error:
        raise lock_failed(path, error) from error


def _acquire(path: Path, kind: int, waiting: Callable[[], None] | None) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            if not _try(descriptor, kind):
                if waiting is not None:
                    waiting()
                fcntl.flock(descriptor, kind)
            if _is_at(descriptor, path):  # else its last holder has removed it
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def lock_failed(path: Path, error: OSError) -> WorldError:
    """Return the error of a lock file that cannot be used."""
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    said = "the disk is full" if is_full else (error.strerror or str(error))
    return WorldError(
        f"{path}: the lock cannot be taken: {said}\nNothing was changed.",
        hints=["free space (`envlock gc`), then run it again"] if is_full else [],
    )


def try_acquire(path: Path) -> int | None:
    """Return a descriptor that holds the lock alone, or None when somebody has it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    if _try(descriptor, fcntl.LOCK_EX) and _is_at(descriptor, path):
        return descriptor
    os.close(descriptor)
    return None


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(descriptor)
    return (here.st_ino, here.st_dev) == (there.st_ino, there.st_dev)


class TemporaryRoot:
    """A file that says what this process needs; it may be handed to the process that follows."""

    def __init__(self, layout: StoreLayout) -> None:
        self.name = uuid.uuid4().hex
        self._layout = layout
        self._path = layout.temporary_roots / self.name
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        """Begin to hold; the collector finds the file either before it marks or not at all."""
        self._descriptor = acquire(self._path)
        return self

    def __exit__(self, *_: object) -> None:
        """Let go."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()
            os.close(self._descriptor)
            self._descriptor = None

    def add(self, names: Iterable[str]) -> None:
        """Need these too: labels of environments, names of trees, digests of artifacts.

        Waits for a running collection, so that what was there afterwards stays there.
        """
        if self._descriptor is None:
            raise AssertionError("a temporary root is used outside of its `with`")
        rest = "".join(f"{name}\n" for name in names).encode()
        with held(collector_lock(self._layout), shared=True):
            try:
                while rest:  # a disk that fills up takes a part and says nothing
                    rest = rest[os.write(self._descriptor, rest) :]
            except OSError as error:
                raise lock_failed(self._path, error) from error

    def keep_over_exec(self) -> None:
        """Stay held by the program that takes this process over.

        Under a number that no script writes to: `exec 3>log` would let go of descriptor 3.
        """
        if self._descriptor is None:
            return
        try:
            kept = fcntl.fcntl(self._descriptor, fcntl.F_DUPFD, _OUT_OF_THE_WAY)
        except OSError:  # fewer are allowed here
            os.set_inheritable(self._descriptor, True)
        else:
            os.close(self._descriptor)
            self._descriptor = kept


def collector_lock(layout: StoreLayout) -> Path:
    """Return the collector's lock file."""
    return layout.locks / "gc.lock"


def live_names(
    layout: StoreLayout, *, on_network: bool, is_sweeping: bool = True
) -> frozenset[str]:
    """Return all that running processes need; sweeps the files of those that are gone.

    To be called by the collector, which holds its lock alone.
    """
    names: set[str] = set()
    for path in layout.temporary_roots.iterdir():
        descriptor = try_acquire(path)
        is_leased = on_network and _age_seconds(path) < _LEASE_SECONDS
        if descriptor is None or is_leased:
            with contextlib.suppress(FileNotFoundError):
                names.update([path.name, *path.read_text(encoding="utf-8").split("\n")])
        elif is_sweeping:
            path.unlink(missing_ok=True)
        if descriptor is not None:
            os.close(descriptor)
    return frozenset(names - {""})


def _age_seconds(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return _LEASE_SECONDS


def is_network(path: Path) -> bool:
    """Say whether a path lies on a network file system, as far as this system tells."""
    kinds = ("nfs", "cifs", "smb", "lustre", "gpfs", "beegfs", "ceph", "afs", "9p", "fuse.sshfs")
    best, found = "", ""
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    for line in lines:
        fields = line.split(" ")
        place = fields[1].replace("\\040", " ") if len(fields) > 2 else ""  # noqa: PLR2004 - device, place, kind
        if (
            place
            and (str(path) + "/").startswith(place.rstrip("/") + "/")
            and len(place) >= len(best)
        ):
            best, found = place, fields[2]
    return found.startswith(kinds)
