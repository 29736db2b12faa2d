"""Notes as files of a folder."""

from __future__ import annotations

from pathlib import Path

from envlock.backends.files import DiskWorkspace
from envlock.backends.store_layout import make_folder
from envlock.errors import WorldError


class DiskNotebook:
    """Implements `ports.notebook.Notebook` in one folder, made with the first note."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def place(self, name: str) -> str:
        """Return the path of a note's file."""
        return str(self._folder / f"{name}.json")

    def read(self, name: str, *, limit_bytes: int) -> bytes | None:
        """Return notes; see the port."""
        workspace = DiskWorkspace()
        place = self.place(name)
        if not workspace.exists(place):
            return None
        return workspace.read_bytes(place, limit_bytes=limit_bytes)

    def write(self, name: str, content: bytes) -> None:
        """Replace notes; see the port."""
        try:
            make_folder(self._folder)
        except OSError as error:
            raise WorldError(
                f"{self._folder}: cannot be made: {error.strerror or error}\nNothing was written.",
                hints=["free space or choose another store: `export ENVLOCK_HOME=…`"],
            ) from error
        DiskWorkspace().write_bytes(self.place(name), content)
