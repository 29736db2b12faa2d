"""Look into a folder of somebody's project."""

from __future__ import annotations

from typing import Protocol


class Tree(Protocol):
    """The folders of a disk. Paths are as the user wrote them."""

    def is_folder(self, path: str) -> bool:
        """Say whether a folder lies there."""
        ...

    def absolute(self, path: str) -> str:
        """Return a path from the root of the disk on, with forward slashes and without `..`."""
        ...

    def files_in(self, path: str) -> tuple[str, ...]:
        """Return the files of one folder, as `files_below`; none where there is no such folder."""
        ...

    def files_below(self, path: str) -> tuple[str, ...]:
        """Return the files below a folder, ordered, each as `path/…` with forward slashes.

        Folders that hold no work of a person are not entered: those of version control, of built
        environments and of caches; nor are links to folders. Raises `WorldError` when the folder
        or one in it cannot be read, and `InputFileError` when it holds more files than a project
        does.
        """
        ...
