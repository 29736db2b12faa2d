"""Unpack archives that are what the lock says and may still be hostile."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import IO

from envlock.backends.store_trees import Known
from envlock.backends.unpack_conda import unpack_bz2, unpack_conda
from envlock.backends.unpack_tree import LIMITS, Limits, Tree
from envlock.backends.unpack_wheel import unpack_wheel
from envlock.model.tree import TreeEntry

_KINDS: tuple[tuple[str, Callable[[IO[bytes], str, Tree], None]], ...] = (
    (".conda", unpack_conda),
    (".tar.bz2", unpack_bz2),
    (".whl", unpack_wheel),
)


def unpack(
    archive: IO[bytes],
    file_name: str,
    into: Path,
    limits: Limits = LIMITS,
    *,
    known: Known | None = None,
) -> tuple[TreeEntry, ...]:
    """Unpack a conda package or a wheel into a folder that is empty or not there yet.

    Returns what was written, ordered by path; `known` hears the digest of every file. Raises
    `ArchiveError` for an archive that is damaged or hostile; the folder may then hold a part of it
    and nothing outside does. Disk errors pass.
    """
    into.mkdir(exist_ok=True)
    packed_bytes = archive.seek(0, os.SEEK_END)
    archive.seek(0)
    tree = Tree(into, file_name, limits, packed_bytes=packed_bytes, known=known)
    for ending, unpack_kind in _KINDS:
        if file_name.endswith(ending):
            with tree.refusing_damage():
                unpack_kind(archive, file_name, tree)
            return tree.entries()
    raise tree.refuse("expected a conda package or a wheel")
