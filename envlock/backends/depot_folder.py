"""A depot in a folder of a file system: a disk, or what is mounted."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from envlock.backends.artifact_files import ArtifactFolder, MismatchError
from envlock.backends.files import write_whole
from envlock.errors import DepotError, StoreError, WorldError
from envlock.ports.artifacts import WantedArtifact

MARK = "depot"
MARK_TEXT = b"envlock-depot 1\n"
PIECE_BYTES = 8 << 20
_TURN_SECONDS = 0.1


class FolderDepot:
    """Implements `ports.depot.Depot`. Objects lie as a store's archives do, with the same care."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._objects = ArtifactFolder(root / "objects")

    @property
    def title(self) -> str:
        """The folder; see the port."""
        return str(self._root)

    def prepare(self) -> None:
        """Make the depot where there is none yet; see the port."""
        with _telling(self._root):
            self._root.mkdir(parents=True, exist_ok=True)
            if (self._root / MARK).is_file():
                return
            # One that is being made beside us, or whose maker was killed, has no more than these.
            others = sorted(
                path.name
                for path in self._root.iterdir()
                if path.name not in ("entries", "objects", MARK)
                and not path.name.startswith(f".{MARK}.")
            )
            if others:
                raise DepotError(
                    f"{self._root}: expected a depot or an empty folder, found `{others[0]}` in "
                    "it\nNothing in it was touched.",
                    hints=["name a folder of its own"],
                )
            (self._root / "entries").mkdir(exist_ok=True)
            (self._root / "objects").mkdir(exist_ok=True)
            write_whole(self._root / MARK, MARK_TEXT)

    def read_entry(self, key: str, limit_bytes: int) -> bytes | None:
        """Return an entry's text; see the port."""
        with _telling(self._root):
            try:
                with self._entry(key).open("rb") as file:
                    return file.read(limit_bytes + 1)
            except (FileNotFoundError, NotADirectoryError):
                return None

    def write_entry(self, key: str, content: bytes) -> None:
        """Write an entry in one step; see the port."""
        write_whole(self._entry(key), content)

    def _entry(self, key: str) -> Path:
        return self._root / "entries" / f"{key}.json"

    def size_of(self, sha256: str) -> int | None:
        """Return an object's size; see the port."""
        with _telling(self._root):
            if not self._objects.has(sha256):
                return None
            return self._objects.path_of(sha256).stat().st_size

    def put(self, sha256: str, path: str) -> None:
        """Take a file in; see the port."""
        wanted = WantedArtifact(file_name=sha256, url=path, sha256=sha256, package=sha256)
        with _telling(self._root):
            if self.size_of(sha256) == os.stat(path).st_size:  # noqa: PTH116 - a path as text
                return  # somebody was faster
            self._objects.remove(sha256)
            with self._objects.open_partial(wanted, _wait) as partial:
                if partial is None:
                    return
                partial.restart()
                try:
                    with open(path, "rb", buffering=0) as source:  # noqa: PTH123 - a path as text
                        if partial.clone(source.fileno()):
                            partial.load(lambda _: None)
                        else:
                            while piece := source.read(PIECE_BYTES):
                                partial.write(piece)
                    self._objects.admit(partial.path, wanted, partial.digests)
                except MismatchError:
                    partial.discard()
                    raise damaged_archive(sha256) from None

    def read(self, sha256: str, offset: int) -> Iterator[bytes]:
        """Yield the rest of an object; see the port."""
        with _telling(self._root), self._objects.path_of(sha256).open("rb", buffering=0) as file:
            file.seek(offset)
            while piece := file.read(PIECE_BYTES):
                yield piece


def damaged_archive(sha256: str) -> StoreError:
    """Return the error of an archive of the store that is not what its name says."""
    return StoreError(
        f"an archive of the store is not what it was: {sha256}\nIt was not pushed.",
        hints=["`envlock store repair` fetches it anew"],
    )


def _wait() -> None:
    import time  # noqa: PLC0415 - when two push one object

    time.sleep(_TURN_SECONDS)


@contextlib.contextmanager
def _telling(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WorldError(
            f"{root}: the depot cannot be used: {error.strerror or os.fspath(str(error))}",
            hints=["is it mounted, may you write there, is there room?"],
        ) from error
