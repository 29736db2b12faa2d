"""Unpacks a bundle: read once to verify every byte, and again to put everything in its place.

The first reading writes nothing anywhere. The second one stages, archives in the store and the rest
beside its folder, hashes again what it stages, and only then renames: the archives first, the lock
last. What lies there already is never overwritten: the same stays, something else is refused before
anything is staged.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from envlock.backends.artifact_files import Digests
from envlock.backends.bundle_reader import UNTOUCHED, BundleReader
from envlock.backends.bundle_writer import describe
from envlock.backends.disk_store import DiskStore
from envlock.backends.pins import DiskPins
from envlock.backends.recordings import DiskRecordings
from envlock.backends.store_layout import HIDDEN
from envlock.backends.store_locks import TemporaryRoot
from envlock.backends.store_trees import remove_tree
from envlock.errors import BundleError, WorldError
from envlock.formats.stack_toml import LARGEST_BYTES
from envlock.model.bundle import ARTIFACTS, PACKAGES, STACK, WHEELS, Bundle, Member
from envlock.model.lock import LOCK_LIMIT_BYTES, stack_of
from envlock.ports.artifacts import WantedArtifact

Heed = Callable[[int], None]
_STAGED = ".envlock-unpack-"
_STALE_SECONDS = 24 * 3600.0
_OWNER_DIGITS = 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """What of a bundle is judged by what it says."""

    lock: bytes
    stack: bytes | None


def read_lock(reader: BundleReader) -> bytes:
    """Return the lock of a bundle, its first member. Raises `BundleError`."""
    return _text(reader, reader.bundle.members[0], LOCK_LIMIT_BYTES)


def verify_rest(reader: BundleReader, heed: Heed) -> bytes | None:
    """Read a bundle from behind its lock to its end; returns its stack, where there is one.

    Raises `BundleError` for the first byte that is not as it must be. Writes nothing.
    """
    stack = None
    stack_path = stack_of(reader.bundle.lock)
    for member in reader.bundle.members[1:]:
        if member.path == stack_path:
            stack = _text(reader, member, LARGEST_BYTES)
        else:
            reader.copy(member, lambda chunk: heed(len(chunk)))
    reader.end()
    return stack


def _text(reader: BundleReader, member: Member, limit_bytes: int) -> bytes:
    if member.size_bytes > limit_bytes:
        raise reader.refused(f"`{member.path}` has {member.size_bytes:,} bytes, which is too much")
    chunks: list[bytes] = []
    reader.copy(member, chunks.append)
    return b"".join(chunks)


class Place:
    """The folder that a lock and what lies beside it are unpacked into."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        self._cache = cache

    def path_of(self, member: Member) -> Path:
        """Return where a file of a bundle comes to lie."""
        return self.folder / (member.path if member.folder == WHEELS else member.name)

    def check(self, bundle: Bundle) -> None:
        """Refuse a bundle that would overwrite something. Raises `BundleError`, `WorldError`."""
        if not self.folder.parent.is_dir():
            raise WorldError(
                f"{self.folder}: there is no folder {self.folder.parent}\n{UNTOUCHED}",
                hints=[f"make it first: `mkdir -p {self.folder.parent}`"],
            )
        for member in (*bundle.within(STACK), *bundle.within(WHEELS)):
            path = self.path_of(member)
            if os.path.lexists(path) and not _is(path, member):
                raise _taken(path)
        for pins, digest in ((self.pins, bundle.pin), (self.recordings, bundle.recording)):
            other = pins.assigned(bundle.name)
            if digest and other not in (None, digest):
                raise BundleError(
                    f"{self.folder}: the stack `{bundle.name}` solves from another pin there\n"
                    f"  expected none, or {digest}\n"
                    f"  found {other}\n{UNTOUCHED}",
                    hints=["unpack it into another folder: `--to DIR`"],
                )

    @property
    def pins(self) -> DiskPins:
        """The pins of the folder."""
        return DiskPins(self.folder / "pins", self._cache)

    @property
    def recordings(self) -> DiskRecordings:
        """The recordings of the folder."""
        return DiskRecordings(self.folder / "pins" / "pypi")

    def staged(self, folder: Path) -> Place:
        """Return another place of the same kind."""
        return Place(folder, self._cache)

    def assign(self, bundle: Bundle) -> None:
        """Enter the pins for the stack."""
        if bundle.pin:
            self.pins.assign(bundle.name, bundle.pin)
        if bundle.recording:
            self.recordings.assign([bundle.name], bundle.recording)


def put_in_place(
    reader: BundleReader, place: Place, store: DiskStore, needs: TemporaryRoot, heed: Heed
) -> int:
    """Read a verified bundle again and put everything in its place; returns how many were new.

    Raises `BundleError` when it is another one by now, `PinError` for a pin that is none, and
    `WorldError`; then nothing is in place, or, where the disk failed at the end, some of it whole.
    """
    bundle = reader.bundle
    kept = (*bundle.within(PACKAGES), *bundle.within(ARTIFACTS))
    needs.add(each.sha256 for each in kept)
    new = [each for each in kept if not store.artifacts.has(each.sha256)]
    beside = (*bundle.within(STACK), *bundle.within(WHEELS))
    _check_room(store.layout.root, new)
    _check_room(place.folder.parent, beside)
    with _staging(place.folder) as staging, _staging_in(store, needs) as archives:
        staged = place.staged(staging)
        targets = {each.path: staged.path_of(each) for each in beside}
        targets |= {each.path: archives / each.sha256 for each in new}
        reader.restart()
        for member in bundle.members:
            _stage(reader, member, targets.get(member.path), heed)
        reader.end()
        _check_pins(staged, bundle)
        for member in new:
            _admit(store, archives / member.sha256, member)
        for member in (*reversed(beside[1:]), beside[0]):  # the lock last: then all is there
            _place(staged.path_of(member), place.path_of(member), member)
    place.assign(bundle)
    return len(new)


def _stage(reader: BundleReader, member: Member, target: Path | None, heed: Heed) -> None:
    if target is None:  # it is here already
        reader.copy(member, lambda chunk: heed(len(chunk)))
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:

        def write(chunk: bytes) -> None:
            heed(len(chunk))
            file.write(chunk)

        reader.copy(member, write)


def _check_pins(staged: Place, bundle: Bundle) -> None:
    """Raise `PinError` for a pin or a recording that is not what its digest says."""
    if bundle.pin:
        staged.pins.repodata(bundle.pin)
    if bundle.recording:
        staged.recordings.read(bundle.recording)


def _admit(store: DiskStore, path: Path, member: Member) -> None:
    wanted = WantedArtifact(
        file_name=member.name,
        url="",
        sha256=member.sha256,
        size_bytes=member.size_bytes,
        package=member.name,
    )
    found = Digests(sha256=member.sha256, md5=None, size_bytes=member.size_bytes)
    store.artifacts.admit(path, wanted, found)  # hashed as it was written


def _place(staged: Path, target: Path, member: Member) -> None:
    """Give a file its name, unless something has it: that a rename would overwrite."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(staged, target)
    except FileExistsError:
        if not _is(target, member):
            raise _taken(target) from None
    except OSError:  # a file system without hard links
        if os.path.lexists(target):
            raise
        staged.rename(target)


def _is(path: Path, member: Member) -> bool:
    """Say whether a file lies there that is the same."""
    if not path.is_file():
        return False
    found = describe(member.path, path)
    return (found.sha256, found.size_bytes) == (member.sha256, member.size_bytes)


def _taken(path: Path) -> BundleError:
    return BundleError(
        f"{path}: something else lies there\nNothing there was overwritten.",
        hints=["unpack it into another folder: `--to DIR`"],
    )


def _check_room(folder: Path, members: Sequence[Member]) -> None:
    needed = sum(each.size_bytes for each in members)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise WorldError(
            f"{folder}: the disk is too full: {needed:,} bytes are needed, {free:,} are free\n"
            f"{UNTOUCHED}",
            hints=["free space (`envlock gc`), then run it again"],
        )


@contextlib.contextmanager
def _staging_in(store: DiskStore, needs: TemporaryRoot) -> Iterator[Path]:
    """Give a folder in the store that a collector sweeps once this process is gone."""
    folder = store.layout.trees / f"{HIDDEN}{needs.name[:_OWNER_DIGITS]}-unpack"
    with _removed(folder):
        folder.mkdir()
        yield folder


@contextlib.contextmanager
def _staging(target: Path) -> Iterator[Path]:
    """Give a folder on the file system of the target."""
    beside = target if target.is_dir() else target.parent
    _sweep(beside)
    folder = Path(tempfile.mkdtemp(prefix=_STAGED, dir=beside))
    with _removed(folder):
        yield folder


def _sweep(folder: Path) -> None:
    """Remove what a process left that was killed long ago."""
    for path in folder.glob(f"{_STAGED}*"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                remove_tree(path)


@contextlib.contextmanager
def _removed(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WorldError(
            f"{error.filename or folder}: cannot be written: {error.strerror or error}\n"
            "What has its name there is whole.",
            hints=["free space, or name another folder: `--to DIR`"],
        ) from error
    finally:
        with contextlib.suppress(OSError):
            remove_tree(folder)
