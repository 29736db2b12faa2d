"""The files of a project on disk, without what tools put there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from envlock.backends.files import is_folder
from envlock.errors import Fault, InputFileError, WorldError

_NOT_ENTERED = frozenset(
    [
        ".git", ".hg", ".svn", ".jj",
        ".venv", "venv", "env", ".tox", ".nox", ".pixi", "conda-meta", "site-packages",
        "node_modules", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache",
    ]
)  # fmt: skip
_MOST_FILES = 200_000


class DiskTree:
    """Implements `ports.tree.Tree`."""

    def is_folder(self, path: str) -> bool:
        """Say whether a folder lies there."""
        return is_folder(path)

    def absolute(self, path: str) -> str:
        """Return a path from the root of the disk on; see the port."""
        return Path(os.path.abspath(path)).as_posix()  # noqa: PTH100 - pathlib keeps the `..`

    def files_in(self, path: str) -> tuple[str, ...]:
        """Return the files of one folder; see the port."""
        folder = Path(path)
        if not is_folder(folder):
            return ()
        try:
            return tuple(sorted(item.as_posix() for item in folder.iterdir() if item.is_file()))
        except OSError as error:
            raise WorldError(f"{path}: cannot be read: {error.strerror or error}") from error

    def files_below(self, path: str) -> tuple[str, ...]:
        """Return the files of a project; see the port."""
        found: list[str] = []
        for file in _walk(path):
            found.append(file)
            if len(found) > _MOST_FILES:
                raise InputFileError(
                    [
                        Fault(
                            where=path,
                            problem=f"expected a project, found more than {_MOST_FILES:,} files",
                            hint="name the files, or a folder further down",
                        )
                    ]
                )
        return tuple(sorted(found))


def _walk(top: str) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        if error.filename == top:
            raise WorldError(f"{top}: cannot be read: {error.strerror or error}") from error

    for folder, folders, files in os.walk(top, onerror=refuse):
        folders[:] = [
            name
            for name in folders
            if name not in _NOT_ENTERED and not (Path(folder) / name / "conda-meta").is_dir()
        ]
        for name in files:
            yield (Path(folder) / name).as_posix()
