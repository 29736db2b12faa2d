"""A store in a folder, locks for it, and what the world around it looked like before and after."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import md5, sha256
from pathlib import Path
from typing import Self

from envlock.backends.disk_store import DiskStore
from envlock.model.store import Artifact, ArtifactKind

NOW = "2026-01-31T12:00:00Z"
PLATFORM = "linux-64"

State = Mapping[str, tuple[object, ...]]


def snapshot(*roots: Path, without: Path | None = None) -> State:
    """Return everything below folders: kinds, modes, sizes, times, targets, contents."""
    found: dict[str, tuple[object, ...]] = {}
    for root in roots:
        for folder, folders, files in os.walk(root):
            if without is not None and Path(folder) == without:
                folders.clear()
                continue
            for name in (*folders, *files):
                path = Path(folder, name)
                if path != without:
                    found[str(path)] = _state(path)
    return found


def _state(path: Path) -> tuple[object, ...]:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return ("link", path.readlink())
    if stat.S_ISREG(status.st_mode):
        content = sha256(path.read_bytes()).hexdigest()
        return ("file", status.st_mode, status.st_mtime_ns, content)
    return ("folder", status.st_mode)


def artifact_of(file_name: str, content: bytes) -> Artifact:
    """Return the artifact that a lock would name."""
    digest = sha256(content).hexdigest()
    if file_name.endswith(".whl"):
        name, version = file_name.split("-")[:2]
        kind, build = ArtifactKind.WHEEL, ""
    else:
        stem = file_name.removesuffix(".conda").removesuffix(".tar.bz2")
        name, version, build = stem.rsplit("-", 2)
        kind = ArtifactKind.CONDA
    return Artifact(
        name=name, version=version, build=build, file_name=file_name, kind=kind, sha256=digest
    )


@dataclass(frozen=True, kw_only=True)
class Locked:
    """A package of a lock; what is not named is told truly."""

    file_name: str
    content: bytes
    url: str = ""
    sha256: str = ""
    md5: str = ""

    @classmethod
    def of(cls, file: tuple[str, bytes], **more: object) -> Self:
        return cls(file_name=file[0], content=file[1], **more)  # type: ignore[arg-type]


def lock_text(packages: Iterable[Locked], folder: Path) -> str:
    """Return a lock of packages, written into a folder unless a URL says where they are."""
    return _HEAD + "".join(_row(package, folder) for package in packages)


_HEAD = f"""version: 1
metadata:
  content_hash:
    {PLATFORM}: {"0" * 64}
  channels:
  - url: tiny
    used_env_vars: []
  platforms:
  - {PLATFORM}
  sources:
  - environment.yml
package:
"""


def _row(package: Locked, folder: Path) -> str:
    artifact = artifact_of(package.file_name, package.content)
    url = package.url
    if not url:
        path = folder / package.file_name
        path.write_bytes(package.content)
        url = path.as_uri()
    manager = "pip" if artifact.kind is ArtifactKind.WHEEL else "conda"
    md5_digest = package.md5 or md5(package.content, usedforsecurity=False).hexdigest()
    return f"""- name: {artifact.name}
  version: '{artifact.version}'
  manager: {manager}
  platform: {PLATFORM}
  dependencies: {{}}
  url: {url}
  hash:
    md5: {md5_digest}
    sha256: {package.sha256 or artifact.sha256}
  category: main
  optional: false
"""


def python_row() -> str:
    """Return the row that says which Python a lock of wheels is for: the one that runs."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    return f"""- name: python
  version: {version}
  manager: conda
  platform: {PLATFORM}
  dependencies: {{}}
  url: https://nowhere.example/{PLATFORM}/python-{version}-0.conda
  hash:
    md5: {"0" * 32}
    sha256: {"0" * 64}
  category: main
  optional: false
"""


@dataclass(frozen=True, kw_only=True)
class House:
    """One store, the lock beside it, and the home of whoever runs envlock."""

    root: Path

    @property
    def home(self) -> Path:
        return self.root / "s"

    @property
    def store(self) -> DiskStore:
        return DiskStore(self.home, lambda: NOW)

    def write_lock(self, *packages: Locked) -> Path:
        """Write a lock; one with wheels is for the Python that runs."""
        folder = self.root / "channel"
        folder.mkdir(exist_ok=True)
        text = lock_text(packages, folder)
        if any(package.file_name.endswith(".whl") for package in packages):
            text += python_row()
        path = self.root / "tiny.conda-lock.yml"
        path.write_text(text, "utf-8")
        return path

    def envlock(
        self, *words: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line with this store."""
        home = self.root / "home"
        home.mkdir(exist_ok=True)
        given = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "ENVLOCK_HOME": str(self.home),
            "PYTHONWARNINGS": "ignore",
            **(environment or {}),
        }
        return subprocess.run(
            [sys.executable, "-m", "envlock", *words],
            cwd=self.root,
            env=given,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def build(
        self, *packages: Locked, more: Sequence[str] = (), lock: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Build an environment of packages, wheels on the Python that runs."""
        path = lock or self.write_lock(*packages)
        if any(package.file_name.endswith(".whl") for package in packages):
            more = [*more, "--python", sys.executable]
        return self.envlock("build", "-q", str(path), *more)

    def rows(self) -> tuple[object, ...]:
        """Return all that the store calls valid."""
        store = self.store
        with store.database() as database:
            return (store.environments(), sorted(database.trees()))

    def trees(self) -> list[str]:
        """Return what lies in the folders of trees and environments, hidden or not."""
        layout = self.store.layout
        return sorted(
            path.name for path in (*layout.trees.iterdir(), *layout.environments.iterdir())
        )

    def manifests(self) -> list[str]:
        """Return the manifests that are kept."""
        return sorted(path.name for path in self.store.layout.manifests.rglob("*.zst"))


def is_untouched(house: House) -> bool:
    """Say whether a store holds nothing valid, and no rest of anything."""
    return house.rows() == ((), []) and house.trees() == [] and house.manifests() == []
