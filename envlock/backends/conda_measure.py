"""The size of the two archives inside of a `.conda` file: decompressed once, and thrown away."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import zstandard

from envlock.backends.unpack_tree import LIMITS
from envlock.errors import ArchiveError
from envlock.model.store import Artifact

_HALVES = ("info", "pkg")
_BLOCK_BYTES = 512
_CHUNK_BYTES = 1 << 20
_WINDOW_BYTES = 1 << 27


class CondaMeasure:
    """Measures archives that lie where `path_of` says. Implements `ports.measure.Measure`."""

    def __init__(self, path_of: Callable[[str], str]) -> None:
        self._path_of = path_of

    def tar_bytes(self, artifact: Artifact) -> Mapping[str, int]:
        """Return the sizes; see the port."""
        if not artifact.file_name.endswith(".conda"):
            return {}
        stem = artifact.file_name.removesuffix(".conda")
        path = Path(self._path_of(artifact.sha256))
        try:
            with zipfile.ZipFile(path) as archive:
                found = {
                    half: _measure(archive, f"{half}-{stem}.tar.zst", path.stat().st_size)
                    for half in _HALVES
                }
        except (zipfile.BadZipFile, zstandard.ZstdError, KeyError, ValueError) as error:
            raise _refuse(artifact, str(error)) from error
        for half, size in found.items():
            if size % _BLOCK_BYTES:
                raise _refuse(artifact, f"`{half}` has {size:,} bytes, which are no whole blocks")
        return found


def _measure(archive: zipfile.ZipFile, name: str, packed_bytes: int) -> int:
    most = min(LIMITS.total_bytes, max(LIMITS.small_bytes, packed_bytes * LIMITS.ratio))
    decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES)
    size = 0
    with (
        archive.open(name) as packed,
        decompressor.stream_reader(packed, read_across_frames=True) as stream,
    ):
        while chunk := stream.read(_CHUNK_BYTES):
            size += len(chunk)
            if size > most:
                raise ValueError(f"`{name}` unpacks to more than {most:,} bytes")
    return size


def _refuse(artifact: Artifact, what: str) -> ArchiveError:
    return ArchiveError(f"`{artifact.file_name}` is refused: {what}\nNothing was written.")
