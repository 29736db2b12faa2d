"""The files of a project on disk, without what tools put there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from envlock.backends.files import is_file, is_folder
from envlock.backends.site_folders import META, VENV
from envlock.errors import Fault, InputFileError, WorldError

_NOT_ENTERED = frozenset(
    [
        ".git", ".hg", ".svn", ".jj",
        ".venv", "venv", ".tox", ".nox", ".pixi", "conda-meta", "site-packages",
        "node_modules", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache",
    ]
)  # fmt: skip
_MOST_FILES = 200_000
_LONGEST_SHOWN = 200


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


def _few(path: str) -> str:
    return path if len(path) <= _LONGEST_SHOWN else f"{path[:_LONGEST_SHOWN]}…"


def _walk(top: str) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        raise WorldError(
            f"{_few(error.filename or top)}: cannot be read: {error.strerror or error}",
            hints=["name the files, or folders that can be read"],
        ) from error

    for folder, folders, files in os.walk(top, onerror=refuse):
        folders[:] = [
            name
            for name in folders
            if name not in _NOT_ENTERED and not _is_built(Path(folder) / name)
        ]
        for name in files:
            yield (Path(folder) / name).as_posix()


def _is_built(folder: Path) -> bool:
    """Say whether a folder is an environment; many a project keeps its files for one in `env`."""
    return is_folder(folder / META) or is_file(folder / VENV)
