"""Writes a bundle: staged beside its place, every file hashed as it passes, renamed when whole."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import IO

from envlock.errors import BundleError, WorldError
from envlock.formats.bundle import format_manifest, manifest_name, order_members
from envlock.formats.tar_blocks import END, archive_bytes, format_header, padding
from envlock.model.bundle import PACKAGES, Bundle, Member

_CHUNK_BYTES = 1 << 20
Source = bytes | Path
"""What a file of a bundle is made of: its content, or where it lies."""
Heed = Callable[[int], None]


def describe(path: str, source: Source, digest: str | None = None) -> Member:
    """Return the member that a file becomes; hashed now unless its digest is known.

    Raises `WorldError` for one that cannot be read, `BundleError` for a name that no bundle has.
    """
    if isinstance(source, bytes):
        size_bytes, digest = len(source), sha256(source).hexdigest()
    else:
        with _reading(source), source.open("rb") as file:
            size_bytes = os.fstat(file.fileno()).st_size
            digest = digest or _hash(file)
    return Member(path=path, sha256=digest, size_bytes=size_bytes)


def _hash(file: IO[bytes]) -> str:
    digest = sha256()
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def bundle_bytes(bundle: Bundle) -> int:
    """Return how large the file of a bundle is."""
    manifest = format_manifest(bundle)
    sizes = {each.path: each.size_bytes for each in bundle.members}
    return archive_bytes({manifest_name(manifest): len(manifest), **sizes})


def write_bundle(target: Path, bundle: Bundle, sources: Mapping[str, Source], heed: Heed) -> str:
    """Write a bundle from sources by path; returns the digest of its manifest.

    Raises `BundleError` for a source that is not what the manifest says, `WorldError` when the
    disk refuses; then what was there stays.
    """
    manifest = format_manifest(bundle)
    with _staged(target) as file:
        _write(
            file,
            manifest_name(manifest),
            manifest,
            Member(path="", sha256=sha256(manifest).hexdigest(), size_bytes=len(manifest)),
            heed,
        )
        for member in order_members(bundle.members, bundle.lock):
            _write(file, member.path, sources[member.path], member, heed)
        file.write(END)
    return sha256(manifest).hexdigest()


def _write(file: IO[bytes], path: str, source: Source, member: Member, heed: Heed) -> None:
    file.write(format_header(path, member.size_bytes))
    digest, size_bytes = sha256(), 0
    for chunk in _chunks(source):
        heed(len(chunk))
        digest.update(chunk)
        size_bytes += len(chunk)
        file.write(chunk)
    if (digest.hexdigest(), size_bytes) != (member.sha256, member.size_bytes):
        raise _changed(member, digest.hexdigest(), source)
    file.write(bytes(padding(member.size_bytes)))


def _changed(member: Member, found: str, source: Source) -> BundleError:
    is_package = member.folder == PACKAGES
    where = f" ({source})" if isinstance(source, Path) else ""
    return BundleError(
        f"`{member.path}`{where} is not what it must be\n"
        f"  expected sha256: {member.sha256}\n"
        f"  found sha256:    {found}\n"
        "No bundle was written.",
        hints=[
            "`envlock store repair` fetches it anew"
            if is_package
            else "was it changed just now? run it again"
        ],
    )


def _chunks(source: Source) -> Iterable[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    with _reading(source), source.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WorldError(
            f"{path}: cannot be read: {error.strerror or error}\nNo bundle was written."
        ) from error


@contextlib.contextmanager
def _staged(target: Path) -> Iterator[IO[bytes]]:
    """Give a file that gets its name when it is whole; nothing of it stays behind otherwise."""
    staged: Path | None = None
    try:
        descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        staged = Path(name)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        staged.chmod(0o666 & ~mask)
        staged.replace(target)
        staged = None
    except OSError as error:
        raise WorldError(
            f"{target}: the bundle cannot be written: {error.strerror or error}\n"
            "What was there is unchanged.",
            hints=["free space, or name a file on another disk"],
        ) from error
    finally:
        if staged is not None:
            with contextlib.suppress(OSError):
                staged.unlink(missing_ok=True)
