"""What conda packages unpack to, before anybody unpacks them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from envlock.model.store import Artifact


class Measure(Protocol):
    """Reads archives of this machine."""

    def tar_bytes(self, artifact: Artifact) -> Mapping[str, int]:
        """Return how many bytes the halves `info` and `pkg` of a `.conda` file unpack to.

        Nothing for any other artifact. Raises `ArchiveError` for a file that is none.
        """
        ...
