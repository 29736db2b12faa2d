"""Read files as an earlier revision had them."""

from __future__ import annotations

from typing import Protocol

from envlock.errors import EnvlockError


class HistoryError(EnvlockError):
    """The history does not have what was asked of it: no such revision, no such file in it."""


class History(Protocol):
    """The history of the files around the current folder.

    Every method raises `HistoryError` when there is no history here, or it does not know the
    revision or the path, and `WorldError` when it cannot be asked at all.
    """

    def read_bytes(self, revision: str, path: str, *, limit_bytes: int) -> bytes:
        """Return a file of a revision. An empty revision is what is staged.

        The path counts from the root of the history; with `./` or `../` in front it counts from
        the current folder.
        """
        ...

    def read_earlier(self, revision: str, file: str, *, limit_bytes: int) -> bytes:
        """Return what a file that lies on disk was in a revision."""
        ...

    def is_folder(self, revision: str, path: str) -> bool:
        """Say whether a path of a revision, as for `read_bytes`, is a folder; an empty one is."""
        ...

    def files_below(self, revision: str, path: str) -> tuple[str, ...]:
        """Return the files below a folder of a revision, ordered, each for `read_bytes`."""
        ...

    def working_path(self, path: str) -> str:
        """Return where a path of `read_bytes` lies on disk now, whether there is a file or not."""
        ...
