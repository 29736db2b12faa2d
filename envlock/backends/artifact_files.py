"""The folder of verified archives: what lies in it was hashed, and a name that exists is complete.

    sha256/ab/<64 hex digits>     read-only; came here by one rename
    partial/<64 hex digits>       on its way, locked by whoever writes it
    partial/<64 hex digits>.json  what the server called that version of it, for going on later

The lock (`flock`) is on the partial file itself, so it ends with the process that held it. The
file is renamed while it is locked; whoever gets the lock next sees that the name is another's.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from envlock.errors import ArchiveError, LockError
from envlock.ports.artifacts import WantedArtifact

_CHUNK_BYTES = 1 << 20
_DIGEST = re.compile(r"[0-9a-f]{64}")
_ETAG = re.compile(r'"[\x21\x23-\x7e]{1,512}"')
"""A strong one: a weak one, `W/…`, does not promise the same bytes."""
_DATE = re.compile(r"[A-Za-z0-9 ,:+-]{1,64}")
_READ_ONLY = 0o444
_DAY_SECONDS = 86_400
_FICLONE = 0x40049409
"""Linux's ioctl for a copy that shares its blocks until one of the two is written to."""
_WRITING = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW

Heed = Callable[[int], None]
"""Told of every piece of a file; raises where the work should end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Digests:
    """What a file turned out to be."""

    sha256: str
    md5: str | None
    """None where nobody asked for it."""
    size_bytes: int


class MismatchError(Exception):
    """A file is not the one that was wanted; `error` says so to people."""

    def __init__(self, what: str, expected: str, received: str, size_bytes: int | None) -> None:
        super().__init__(f"{what}: {received}")
        self.what = what
        self.expected = expected
        self.received = received
        self._size_bytes = size_bytes

    def error(self, wanted: WantedArtifact, shown: str, *, remark: str = "") -> ArchiveError:
        """Return the error; `shown` is where the file came from."""
        headline = "size" if self.what == "size" else "digest"
        size = "" if self._size_bytes is None else f"{self._size_bytes:,} bytes "
        return ArchiveError(
            f"{headline} mismatch for `{wanted.file_name}`\n"
            f"  expected {self.what}: {self.expected}\n"
            f"  received {self.what}: {self.received}   ({size}from {shown})\n"
            f"{remark}"
            "The download was discarded; the store is unchanged.",
            hints=[
                wanted.remedy
                or (
                    "if the channel really rebuilt this file, pin it anew and solve: "
                    "`envlock index update STACK`"
                )
            ],
        )


class _Hasher:
    """Hashes a file as it passes by."""

    def __init__(self, *, wants_md5: bool) -> None:
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False) if wants_md5 else None
        self.size_bytes = 0

    def update(self, chunk: bytes) -> None:
        self._sha256.update(chunk)
        if self._md5 is not None:
            self._md5.update(chunk)
        self.size_bytes += len(chunk)

    def digests(self) -> Digests:
        return Digests(
            sha256=self._sha256.hexdigest(),
            md5=self._md5.hexdigest() if self._md5 is not None else None,
            size_bytes=self.size_bytes,
        )


class Partial:
    """An archive on its way here, locked; hashed as it grows."""

    def __init__(self, path: Path, descriptor: int, *, wants_md5: bool) -> None:
        self.path = path
        self._descriptor = descriptor
        self._wants_md5 = wants_md5
        self._hasher = _Hasher(wants_md5=wants_md5)

    @property
    def size_bytes(self) -> int:
        """How much of it is here, as far as it was read or written."""
        return self._hasher.size_bytes

    @property
    def digests(self) -> Digests:
        """What it is so far."""
        return self._hasher.digests()

    def load(self, heed: Heed) -> None:
        """Hash what lies there already, so that it can be added to."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        self._hasher = _Hasher(wants_md5=self._wants_md5)
        while chunk := os.read(self._descriptor, _CHUNK_BYTES):
            heed(len(chunk))
            self._hasher.update(chunk)

    def write(self, chunk: bytes) -> None:
        """Add a piece. Raises `OSError`; then the piece is not there."""
        end = self._hasher.size_bytes
        rest = memoryview(chunk)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            # What is there and what was hashed stay the same.
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, end)
                os.lseek(self._descriptor, end, os.SEEK_SET)
            raise
        self._hasher.update(chunk)

    def clone(self, source: int) -> bool:
        """Share the blocks of an open file, where the file system can; say whether it did."""
        try:
            fcntl.ioctl(self._descriptor, _FICLONE, source)
        except OSError:
            return False
        return True

    def restart(self) -> None:
        """Throw away what is there."""
        os.ftruncate(self._descriptor, 0)
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        self._hasher = _Hasher(wants_md5=self._wants_md5)
        self._notes.unlink(missing_ok=True)

    def discard(self) -> None:
        """Remove it."""
        self.path.unlink(missing_ok=True)
        self._notes.unlink(missing_ok=True)

    def remember(self, etag: str | None, modified: str | None) -> None:
        """Note what the server called the version of which this is a part."""
        self._notes.write_text(json.dumps({"etag": etag, "last_modified": modified}), "utf-8")

    def validator(self) -> str | None:
        """Return what `If-Range` should say, None where the server named no version."""
        try:
            notes = json.loads(self._notes.read_text("utf-8"))
            etag, modified = str(notes["etag"]), str(notes["last_modified"])
        except (OSError, ValueError, KeyError, TypeError):
            return None  # cut off in the midst of writing: then the digest alone decides
        if _ETAG.fullmatch(etag):
            return etag
        return modified if modified != "None" and _DATE.fullmatch(modified) else None

    @property
    def _notes(self) -> Path:
        return self.path.with_name(f"{self.path.name}.json")


class ArtifactFolder:
    """Archives by their sha256; see the module. Methods raise `OSError` where the disk refuses."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path_of(self, sha256: str) -> Path:
        """Return where an archive lies, or would. Raises `LockError` for what is no digest."""
        return self.root / "sha256" / _digest(sha256)[:2] / sha256

    def has(self, sha256: str) -> bool:
        """Say whether an archive lies there. Raises as `path_of`."""
        try:
            return stat.S_ISREG(self.path_of(sha256).lstat().st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False

    def names(self) -> tuple[str, ...]:
        """Return the digests of all archives, in order."""
        found = (path.name for path in self.root.glob("sha256/??/*"))
        return tuple(sorted(name for name in found if _DIGEST.fullmatch(name)))

    def digest_matches(self, sha256: str, heed: Heed = lambda _: None) -> bool:
        """Hash an archive anew; False as well where there is none. Raises as `path_of`."""
        try:
            return hash_file(self.path_of(sha256), heed=heed).sha256 == sha256
        except FileNotFoundError:
            return False

    def remove(self, sha256: str) -> None:
        """Remove an archive; nothing happens where there is none. Raises as `path_of`."""
        self.path_of(sha256).unlink(missing_ok=True)

    def admit(self, staged: Path, wanted: WantedArtifact, found: Digests | None = None) -> None:
        """Take in a file of this file system, after which it is no longer where it was.

        `found` is what a file turned out to be that was hashed while it was written; without it
        the file is read. Raises `MismatchError`; then the file stays where it is.
        """
        target = self.path_of(wanted.sha256)
        _check(wanted, found or hash_file(staged, wants_md5=wanted.md5 is not None))
        if not target.parent.is_dir():
            target.parent.mkdir(parents=True, exist_ok=True)
            _sync(target.parent.parent)
        _sync(staged)
        staged.chmod(_READ_ONLY)
        staged.replace(target)
        _sync(target.parent)

    @contextlib.contextmanager
    def open_partial(
        self, wanted: WantedArtifact, wait: Callable[[], None]
    ) -> Iterator[Partial | None]:
        """Lock the partial file of an archive; gives None where the archive came in the meantime.

        `wait` is called again and again while someone else has the lock; it may raise. An empty
        partial file does not stay behind.
        """
        descriptor = self._locked(wanted.sha256, wait)
        if descriptor is None:
            yield None
            return
        path = self._partial_path(wanted.sha256)
        try:
            partial = Partial(path, descriptor, wants_md5=wanted.md5 is not None)
            yield partial
        finally:
            if _is_at(descriptor, path) and os.fstat(descriptor).st_size == 0:
                path.unlink(missing_ok=True)
            if not path.exists():
                path.with_name(f"{path.name}.json").unlink(missing_ok=True)
            os.close(descriptor)  # and with it the lock

    def clean(self, *, older_than_days: float, now: float) -> tuple[str, ...]:
        """Remove partial files that nobody went on with, and return their digests.

        `now` is in seconds since the epoch. What someone is writing stays.
        """
        before = now - older_than_days * _DAY_SECONDS
        removed = []
        for path in sorted(self.root.glob("partial/*")):
            with contextlib.suppress(FileNotFoundError):
                if path.lstat().st_mtime < before and _remove_unlocked(path):
                    removed.append(path.name)
        return tuple(name for name in removed if _DIGEST.fullmatch(name))

    def partial_bytes(self, sha256: str) -> int:
        """Return how much of an archive an earlier run left."""
        try:
            return self._partial_path(sha256).stat().st_size
        except FileNotFoundError:
            return 0

    def free_bytes(self) -> int:
        """Return how much room there is."""
        return shutil.disk_usage(self.root).free

    def _partial_path(self, sha256: str) -> Path:
        return self.root / "partial" / _digest(sha256)

    def _locked(self, sha256: str, wait: Callable[[], None]) -> int | None:
        path = self._partial_path(sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        while not self.has(sha256):
            descriptor = _lock(path)
            if descriptor is None:
                wait()
            elif not _is_at(descriptor, path):
                os.close(descriptor)  # renamed or removed while it was waited for
            elif not os.fstat(descriptor).st_mode & stat.S_IWUSR or self.has(sha256):
                # Its writer was killed between the last two steps of `admit`; or `admit` was done
                # just before this file was made.
                path.unlink(missing_ok=True)
                os.close(descriptor)
            else:
                return descriptor
        return None


def hash_file(path: Path, *, wants_md5: bool = False, heed: Heed = lambda _: None) -> Digests:
    """Return what a file is. Raises `OSError`."""
    hasher = _Hasher(wants_md5=wants_md5)
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(_CHUNK_BYTES):
            heed(len(chunk))
            hasher.update(chunk)
    return hasher.digests()


def _check(wanted: WantedArtifact, found: Digests) -> None:
    size = found.size_bytes
    if found.sha256 != wanted.sha256:
        raise MismatchError("sha256", wanted.sha256, found.sha256, size)
    if wanted.md5 is not None and found.md5 != wanted.md5.lower():
        raise MismatchError("md5", wanted.md5, str(found.md5), size)
    if wanted.size_bytes not in (None, size):
        raise MismatchError("size", f"{wanted.size_bytes:,} bytes", f"{size:,} bytes", None)


def _digest(sha256: str) -> str:
    """Return a digest that may become a part of a path. Raises `LockError`."""
    if not _DIGEST.fullmatch(sha256):
        raise LockError(
            f"no sha256: expected 64 lowercase hex digits, found {sha256[:80]!r}\n"
            "Nothing was fetched; the store is unchanged.",
            hints=["write the lock anew: `envlock solve STACK`"],
        )
    return sha256


def _lock(path: Path) -> int | None:
    """Return an open file that nobody else has locked; None when someone has."""
    try:
        descriptor = os.open(path, _WRITING, 0o644)
    except PermissionError:
        found = _open_read_only(path)
        if found is None:
            return None
        descriptor = found
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _open_read_only(path: Path) -> int | None:
    """Open a file that `admit` is at, or that it left; None when the file is gone by now."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    if os.fstat(descriptor).st_mode & stat.S_IWUSR:
        os.close(descriptor)
        raise PermissionError(errno.EACCES, "it belongs to another user", str(path))
    return descriptor


def _is_at(descriptor: int, path: Path) -> bool:
    """Say whether an open file still has its name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def _remove_unlocked(path: Path) -> bool:
    """Remove a partial file, or notes that no partial file has any more; say whether it did."""
    if path.suffix == ".json":
        is_stray = not path.with_suffix("").exists()
        if is_stray:
            path.unlink()
        return is_stray
    descriptor = _lock(path)
    if descriptor is None:
        return False
    try:
        if not _is_at(descriptor, path):
            return False
        path.unlink()
        path.with_name(f"{path.name}.json").unlink(missing_ok=True)
    finally:
        os.close(descriptor)
    return True


def _sync(path: Path) -> None:
    """Flush a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
