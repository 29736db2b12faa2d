"""The files of an environment that know its prefix, as they are without it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from envlock.backends.store_trees import Sealed
from envlock.model.tree import TreeEntry
from envlock.store.content import OWN_PLACEHOLDER, restore_binary, restore_text

LinkedRows = Sequence[tuple[Path, Sequence[Mapping[str, Any]]]]
"""For each conda package where it is unpacked, and what rattler says that it linked of it."""


def restored_entries(
    sealed: Sealed, staging: Path, prefix: str, site: str, linked: LinkedRows
) -> Mapping[str, TreeEntry]:
    """Return the entries that the prefix has changed, as they are without it.

    Files that were linked are as their package has them, and are not read. `site` is where Python's
    packages lie; empty where there is no Python.
    """
    placeholders = dict(_placeholders(linked, site))
    restored: dict[str, TreeEntry] = {}
    for entry in sealed.entries:
        path = entry.path
        placeholder = placeholders.get(path)
        if placeholder is None and path not in sealed.read:
            continue
        content = (staging / path).read_bytes()
        if placeholder is None:
            content = restore_text(content, prefix, OWN_PLACEHOLDER)
        else:
            content = placeholder.restore(content, prefix, path)
        digest = sha256(content).hexdigest()
        restored[path] = replace(entry, sha256=digest, size_bytes=len(content))
    return restored


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placeholder:
    """What stands for the prefix in one file of a package."""

    text: str
    is_binary: bool
    tree: Path
    """Where the package is unpacked."""
    site: str

    def restore(self, content: bytes, prefix: str, path: str) -> bytes:
        """Return what the package has for a file of the environment."""
        if self.is_binary:
            return restore_binary(content, prefix, self.text)
        return restore_text(content, prefix, self.text, self._original(path))

    def _original(self, path: str) -> bytes | None:
        candidates = [path, f"python-scripts/{path.removeprefix('bin/')}"]
        if self.site:
            candidates.append(f"site-packages/{path.removeprefix(f'{self.site}/')}")
        for candidate in candidates:
            place = self.tree / candidate
            if place.is_file():
                return place.read_bytes()
        return None


def _placeholders(linked: LinkedRows, site: str) -> Iterator[tuple[str, _Placeholder]]:
    """Yield the files that rattler has put the prefix into."""
    for tree, rows in linked:
        for row in rows:
            if row.get("prefix_placeholder"):
                yield (
                    str(row["_path"]),
                    _Placeholder(
                        text=str(row["prefix_placeholder"]),
                        is_binary=row.get("file_mode") == "binary",
                        tree=tree,
                        site=site,
                    ),
                )
