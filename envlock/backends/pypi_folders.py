"""Wheels and source archives in a folder of this machine."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

from envlock.backends.pypi_pages import project_of

_FILE_URL = "file:"


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalFile:
    """A file, looked at."""

    path: Path
    url: str
    """Relative to the stack's folder; a `file:` address where the stack has one."""
    sha256: str
    size_bytes: int


def list_folder(location: str, base: Path, name: str) -> list[LocalFile]:
    """Return a project's files in a folder, or in the project's own folder inside it.

    Raises `OSError`.
    """
    folder = local_path(location, base)
    found = [_look_at(path, location) for path in _files_of(folder, name)]
    own = folder / name
    if own.is_dir():
        inner = f"{location.rstrip('/')}/{name}"
        found += [_look_at(path, inner) for path in _files_of(own, name)]
    return found


def find_file(location: str, base: Path) -> LocalFile:
    """Return one file. Raises `OSError`."""
    return _look_at(local_path(location, base), location.rpartition("/")[0])


def local_path(location: str, base: Path) -> Path:
    """Return the path that a location names; relative ones start at the stack's folder."""
    if location.lower().startswith(_FILE_URL):
        return Path(url2pathname(urlsplit(location).path))
    return base / location


def _files_of(folder: Path, name: str) -> list[Path]:
    return [path for path in folder.iterdir() if project_of(path.name) == name and path.is_file()]


def _look_at(path: Path, folder: str) -> LocalFile:
    with path.open("rb") as file:
        digest = file_digest(file, "sha256").hexdigest()
    if folder.lower().startswith(_FILE_URL):
        url = f"{folder.rstrip('/')}/{quote(path.name)}"
    else:
        url = posixpath.normpath(f"{folder or '.'}/{path.name}")
    return LocalFile(path=path, url=url, sha256=digest, size_bytes=path.stat().st_size)
