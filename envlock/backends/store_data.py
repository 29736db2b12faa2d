"""Folders that show the artifacts of stacks under their names, and the stacks that keep them.

    data/<key>/<name> -> ../../artifacts/sha256/ab/<digest>

Links only, relative ones: a store may be mounted elsewhere. A link may lead nowhere for as long as
its file was not fetched. A folder is never changed; its key says what it shows.

What keeps a folder, and with it the files that it shows: a generation that was made with it, a
process that names it, and a stack that was fetched for, while its file is there and names the same.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from envlock.backends.artifact_files import ArtifactFolder
from envlock.backends.store_layout import HIDDEN, StoreLayout
from envlock.backends.store_locks import collector_lock, held
from envlock.backends.store_trees import disk_errors, hide, sweep
from envlock.errors import EnvlockError
from envlock.store.data_set import data_key

STACK_ENDING = ".toml"
"""What the roots that are stacks end in; all others are links to environments."""
_READ_ONLY = 0o555
_LARGEST_STACK_BYTES = 1_000_000


class DataFolders:
    """The folders of one store."""

    def __init__(self, layout: StoreLayout, artifacts: ArtifactFolder) -> None:
        self._layout = layout
        self._artifacts = artifacts

    def show(self, files: Mapping[str, str]) -> str:
        """Make the folder of files, digests by name, where it is not there; return its key.

        The caller needs the key, so that it is not collected. Raises `WorldError`.
        """
        key = data_key(files)
        target = self._layout.data / key
        wanted = {name: self._target(digest) for name, digest in files.items()}
        with (
            disk_errors(f"{target} cannot be made"),
            held(collector_lock(self._layout), shared=True),
        ):
            if _links(target) != wanted:
                self._make(target, wanted)
        return key

    def _make(self, target: Path, wanted: Mapping[str, str]) -> None:
        staged = self._layout.data / f"{HIDDEN}{uuid.uuid4().hex}"
        staged.mkdir()
        for name, place in wanted.items():
            (staged / name).symlink_to(place)
        staged.chmod(_READ_ONLY)
        damaged = None if _links(target) is None else hide(target)
        try:
            staged.rename(target)
        except OSError:
            sweep(staged)
            if _links(target) != wanted:  # else another process was faster
                raise
        if damaged is not None:
            sweep(damaged)

    def _target(self, digest: str) -> str:
        return os.path.relpath(self._artifacts.path_of(digest), self._layout.data / "key")

    def path(self, key: str) -> Path:
        """Return where a folder lies."""
        return self._layout.data / key

    def lacking(self, key: str) -> tuple[str, ...]:
        """Return the names in a folder whose file is not here."""
        links = _links(self.path(key)) or {}
        return tuple(name for name in links if not (self.path(key) / name).is_file())

    def all(self) -> dict[str, frozenset[str]]:
        """Return every folder with the digests of what it shows."""
        found = {
            path.name: _links(path)
            for path in self._layout.data.iterdir()
            if not path.name.startswith(HIDDEN)
        }
        return {
            key: frozenset(place.rpartition("/")[2] for place in links.values())
            for key, links in found.items()
            if links is not None
        }


def _links(folder: Path) -> dict[str, str] | None:
    """Return where the links of a folder lead, by name; None where there is no folder."""
    try:
        return {path.name: str(path.readlink()) for path in sorted(folder.iterdir())}
    except FileNotFoundError:
        return None
    except OSError:  # something else than a link lies there
        return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownStacks:
    """What the stacks that were fetched for keep."""

    names: frozenset[str]
    """Keys and digests."""
    gone: tuple[str, ...]
    """Their files are not there any more."""
    unread: tuple[str, ...]
    """Their files are there, and cannot be read: nobody knows what they name."""


def look_at_stacks(paths: Iterable[str]) -> KnownStacks:
    """Read stacks anew: what counts is what they name now."""
    names: set[str] = set()
    gone: list[str] = []
    unread: list[str] = []
    for path in paths:
        try:
            files = _artifacts_of(path)
            names |= {data_key(files), *files.values()}
        except FileNotFoundError:
            gone.append(path)
        except (EnvlockError, OSError):
            unread.append(path)
    return KnownStacks(names=frozenset(names), gone=tuple(gone), unread=tuple(unread))


def _artifacts_of(path: str) -> dict[str, str]:
    from envlock.formats.stack_toml import read_stack  # noqa: PLC0415 - few stores know a stack

    with contextlib.closing(Path(path).open("rb")) as file:
        content = file.read(_LARGEST_STACK_BYTES)
    return {each.name: each.sha256 for each in read_stack(content, path).artifacts}
