"""Recordings of package indexes on disk, below the pins.

    stacks/pins/pypi/pins.toml            which stack solves from which recording
    stacks/pins/pypi/<digest>.json.zst    one recording

As with pins, nothing that is read here is believed: the ledger names a digest, and that covers the
recording's bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

from envlock.backends.files import write_whole
from envlock.backends.pin_cache import open_file
from envlock.backends.pin_ledger import PinLedger, is_digest
from envlock.errors import PinError, WorldError
from envlock.formats.index_pin import NAME_DIGITS

_LIMIT_BYTES = 512_000_000
_WINDOW_LIMIT_BYTES = 1 << 27
_COMPRESSION_LEVEL = 19


class DiskRecordings:
    """The recordings of one folder. Implements `ports.recordings.Recordings`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ledger = PinLedger(folder)

    def assigned(self, stack_name: str) -> str | None:
        """Return the digest that the ledger gives for a stack."""
        return self._ledger.read().get(stack_name)

    def read(self, digest: str) -> bytes:
        """Unpack a recording and compare it with its digest; see the port."""
        import zstandard  # noqa: PLC0415 - only the PyPI half has recordings

        if not is_digest(digest):
            raise PinError(f"`{digest[:80]}` is not the digest of a recording")
        path = self._path(digest)
        unpacker = zstandard.ZstdDecompressor(max_window_size=_WINDOW_LIMIT_BYTES)
        try:
            with open_file(path) as file:
                content = unpacker.stream_reader(file).read(_LIMIT_BYTES)
        except FileNotFoundError:
            raise _missing(path) from None
        except (OSError, zstandard.ZstdError) as error:
            raise _damaged(path, f"cannot be unpacked: {error}") from error
        found = sha256(content).hexdigest()
        if found != digest:
            told = f"digest mismatch\n  expected sha256: {digest}\n  found    sha256: {found}"
            raise _damaged(path, told)
        return content

    def path_of(self, digest: str) -> Path:
        """Return where a recording lies, or would."""
        return self._path(digest)

    def file(self, digest: str) -> Path:
        """Return where a recording lies; verifies it. Raises `PinError`."""
        self.read(digest)
        return self._path(digest)

    def keep(self, content: bytes) -> str:
        """Write a recording under its digest; see the port."""
        import zstandard  # noqa: PLC0415 - as above

        digest = sha256(content).hexdigest()
        path = self._path(digest)
        try:
            self.read(digest)
        except PinError:
            packer = zstandard.ZstdCompressor(level=_COMPRESSION_LEVEL)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise WorldError(f"{path.parent}: cannot be made: {error.strerror}") from error
            write_whole(path, packer.compress(content))
        return digest

    def assign(self, stack_names: Iterable[str], digest: str) -> None:
        """Write the ledger anew with the recording of several stacks changed."""
        self._ledger.assign(stack_names, digest)

    def _path(self, digest: str) -> Path:
        return self._folder / f"{digest[:NAME_DIGITS]}.json.zst"


def _missing(path: Path) -> PinError:
    return PinError(
        f"{path}: there is no such recording of the package index\nNo lock was written.",
        hints=["restore it from version control, or record anew: `envlock index record STACK`"],
    )


def _damaged(path: Path, problem: str) -> PinError:
    return PinError(
        f"{path}: {problem}\nNo lock was written.",
        hints=["restore it from version control, or record anew: `envlock index record STACK`"],
    )
