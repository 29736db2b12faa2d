"""Look through environments that are installed, whoever built them."""

from __future__ import annotations

from typing import Protocol

from envlock.model.installed import Installed


class Environments(Protocol):
    """The environments of a disk. Nothing in them is run or changed."""

    def is_environment(self, path: str) -> bool:
        """Say whether a folder is one: it has `conda-meta`, `pyvenv.cfg` or `site-packages`."""
        ...

    def read(self, path: str) -> Installed:
        """Read every record, and hold every file against what its package installed.

        An environment of the store is held against what it was when it was sealed. Raises
        `InputFileError` for a folder that is none, `WorldError` for what cannot be read.
        """
        ...
