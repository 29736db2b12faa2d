"""Where everything lies in a store, and whether this envlock may touch it."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from envlock.errors import StoreError, WorldError
from envlock.model.store import LAYOUT_VERSION

_VERSION_FILE = "layout"
_OPEN_TO_READ = 0o755
_RESERVE_BYTES = 1 << 20
_PLENTY = 16
"""So many times the reserve has to be free before it is set aside."""
HIDDEN = "."
"""How the names of folders begin that are being made or removed, and are nobody's to use."""


def store_home(environ: Mapping[str, str], home: Callable[[], Path]) -> Path:
    """Return the store's folder: `ENVLOCK_HOME`, else the user's data folder (XDG).

    Absolute and without links: it stands in every file that knows its own prefix.
    """
    named = environ.get("ENVLOCK_HOME")
    if named:
        return Path(os.path.realpath(named))
    data = environ.get("XDG_DATA_HOME")
    base = Path(data) if data and Path(data).is_absolute() else home() / ".local" / "share"
    return Path(os.path.realpath(base / "envlock"))


@dataclass(frozen=True, slots=True)
class StoreLayout:
    """The folders of one store."""

    root: Path

    @property
    def environments(self) -> Path:
        """One folder per environment, `<key>-<name>`."""
        return self.root / "store"

    @property
    def artifacts(self) -> Path:
        """Downloads by their SHA-256."""
        return self.root / "artifacts"

    @property
    def data(self) -> Path:
        """Folders that show the artifacts of stacks, weights and data, under their names."""
        return self.root / "data"

    @property
    def trees(self) -> Path:
        """Unpacked artifacts and bytecode."""
        return self.root / "trees"

    @property
    def manifests(self) -> Path:
        """What trees hold, by `tree_sha256`."""
        return self.root / "manifests"

    @property
    def database(self) -> Path:
        """Valid paths, references, roots."""
        return self.root / "db.sqlite"

    @property
    def reserve(self) -> Path:
        """Room that a collection gives back first: on a full disk it could not even begin."""
        return self.root / "reserve"

    @property
    def profiles(self) -> Path:
        """Generations."""
        return self.root / "profiles"

    @property
    def locks(self) -> Path:
        """Files that processes hold while they work on something."""
        return self.root / "locks"

    @property
    def temporary_roots(self) -> Path:
        """What running processes need; each file is held by its process."""
        return self.root / "temproots"

    def manifest(self, tree_sha256: str) -> Path:
        """Return the file of one manifest."""
        return self.manifests / tree_sha256[:2] / f"{tree_sha256}.zst"


def open_layout(root: Path) -> StoreLayout:
    """Return a store's layout, made where there was none.

    Raises `StoreError` for a store of another layout or a folder that is something else, and
    `WorldError` when the disk refuses.
    """
    layout = StoreLayout(root)
    try:
        _check_version(root)
        for folder in (
            *(layout.environments, layout.artifacts, layout.trees, layout.manifests),
            *(layout.profiles, layout.locks, layout.temporary_roots, layout.data),
        ):
            make_folder(folder)
        if not _read_version(root):
            _write_version(root / _VERSION_FILE)
        set_room_aside(layout)
    except OSError as error:
        raise WorldError(
            f"{root}: the store cannot be opened: {error.strerror or error}",
            hints=["choose a folder that you may write to: `export ENVLOCK_HOME=…`"],
        ) from error
    return layout


def set_room_aside(layout: StoreLayout) -> None:
    """Fill the reserve, where there is plenty of room. Raises nothing that the disk refuses."""
    with contextlib.suppress(OSError):
        if (
            not layout.reserve.exists()
            and shutil.disk_usage(layout.root).free > _PLENTY * _RESERVE_BYTES
        ):
            # Chance, for a file system that packs what it keeps.
            layout.reserve.write_bytes(os.urandom(_RESERVE_BYTES))


def _check_version(root: Path) -> None:
    if not root.exists():
        return
    others = _others(root)
    found = _read_version(root)  # after the look around: a store that is being made has it by now
    if not found and others:
        raise StoreError(
            f"{root}: expected a store or an empty folder, found `{others[0]}` in it\n"
            "Nothing in it was touched.",
            hints=["name a folder of its own: `export ENVLOCK_HOME=…`"],
        )
    if found and found != str(LAYOUT_VERSION):
        raise StoreError(
            f"{root}: expected a store of layout {LAYOUT_VERSION}, found layout {found[:20]!r}\n"
            "Nothing in it was touched.",
            hints=["use the envlock that made it, or another folder: `export ENVLOCK_HOME=…`"],
        )


def _read_version(root: Path) -> str:
    """Return what a store says of itself; nothing while it is made, or if its maker was killed."""
    try:
        return (root / _VERSION_FILE).read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return ""


def _write_version(path: Path) -> None:
    with path.open("w", encoding="ascii") as file:
        file.write(f"{LAYOUT_VERSION}\n")
        file.flush()
        os.fsync(file.fileno())


def _others(root: Path) -> list[str]:
    """Return what lies there and is not what a store begins with."""
    ours = {"store", "artifacts", "trees", "manifests", "profiles", "locks", "temproots", "data"}
    return sorted({entry.name for entry in root.iterdir()} - ours - {_VERSION_FILE})


def make_folder(folder: Path) -> None:
    """Make a folder that others may read, whatever the umask says."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(_OPEN_TO_READ)
