"""The parts of pins, uncompressed, where a solver can map them.

They lie in the user's cache, named by their SHA-256. The cache is never trusted: each part is
hashed whenever it is opened, and what does not match its name is unpacked anew.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from envlock.backends.files import write_whole
from envlock.errors import PinError, WorldError
from envlock.model.pin import PinPart

_CHUNK_BYTES = 1 << 20
_WINDOW_LIMIT_BYTES = 1 << 27
"""zstd -19 of the largest part needs 8 MiB; a forged frame may ask for gigabytes."""


class PinCache:
    """Unpacked parts below one folder, or below a private temporary one when that is read-only."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def unpacked(self, part: PinPart, packed: Path) -> Path:
        """Return where a part lies uncompressed, after comparing it with its digest.

        Raises `PinError` when the packed file is missing or damaged, `WorldError` when there is no
        room to unpack it.
        """
        content: bytes | None = None
        for folder in self._folders():
            path = folder / f"{part.sha256}.json"
            if _is_intact(path, part):
                return path
            content = unpack(packed, part) if content is None else content
            with contextlib.suppress(OSError, WorldError):
                folder.mkdir(parents=True, exist_ok=True)
                write_whole(path, content)
                return path
        raise WorldError(
            f"{self._folder}: an index pin cannot be unpacked there, nor in a temporary folder\n"
            f"It needs {part.size_bytes:,} bytes. Nothing was solved; no lock was written.",
            hints=["set ENVLOCK_CACHE to a folder with room that you may write to"],
        )

    def _folders(self) -> Iterator[Path]:
        yield self._folder / "repodata"
        yield _private_folder()


def unpack(packed: Path, part: PinPart) -> bytes:
    """Return the repodata of a packed part; raises `PinError` unless it is what the pin names."""
    content = _decompress(packed, part)
    found = sha256(content).hexdigest()
    if found != part.sha256:
        raise damaged(
            packed,
            f"digest mismatch\n  expected sha256: {part.sha256}\n  found    sha256: {found}",
        )
    return content


def open_file(path: Path) -> BinaryIO:
    """Open an ordinary file: a link to a pipe or a device would be waited for without end."""
    if not path.is_file():
        raise FileNotFoundError(path)
    return path.open("rb")


def damaged(path: Path, problem: str) -> PinError:
    """Return the error for a pin that is not what it says."""
    return PinError(
        f"{path}: {problem}\nNothing was solved; no lock was written.",
        hints=[
            "restore the pin from version control, or make a new one: `envlock index pin STACK`"
        ],
    )


def _decompress(packed: Path, part: PinPart) -> bytes:
    import zstandard  # noqa: PLC0415 - a pin that is unpacked already needs no decompressor

    unpacker = zstandard.ZstdDecompressor(max_window_size=_WINDOW_LIMIT_BYTES)
    try:
        with open_file(packed) as file:
            # Bounded by the manifest, so that a forged part cannot fill the memory.
            content = unpacker.stream_reader(file).read(part.size_bytes + 1)
    except FileNotFoundError:
        raise damaged(packed, "the file is missing") from None
    except (OSError, zstandard.ZstdError) as error:
        raise damaged(packed, f"cannot be unpacked: {error}") from error
    if len(content) != part.size_bytes:
        more = "more than " if len(content) > part.size_bytes else ""
        found = min(len(content), part.size_bytes)
        raise damaged(packed, f"expected {part.size_bytes:,} bytes unpacked, found {more}{found:,}")
    return content


def _is_intact(path: Path, part: PinPart) -> bool:
    digest = sha256()
    try:
        with open_file(path) as file:
            if os.fstat(file.fileno()).st_size != part.size_bytes:
                return False
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError:
        return False
    return digest.hexdigest() == part.sha256


def _private_folder() -> Path:
    """Return a folder for this user alone: others may write to the temporary folder, too."""
    user = os.getuid() if hasattr(os, "getuid") else "own"
    folder = Path(tempfile.gettempdir()) / f"envlock-{user}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if hasattr(os, "getuid") and (
        not stat.S_ISDIR(status.st_mode) or status.st_uid != user or status.st_mode & 0o022
    ):
        return Path(tempfile.mkdtemp(prefix="envlock-"))
    return folder
