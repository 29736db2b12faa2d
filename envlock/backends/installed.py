"""Environments on disk, whoever built them: their records read, their files hashed, none run."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from msgspec.structs import replace

from envlock.backends.artifact_files import hash_file
from envlock.backends.files import is_file, is_folder
from envlock.backends.site_folders import META, VENV, is_environment, site_folders
from envlock.errors import EnvlockError, Fault, InputFileError, WorldError
from envlock.formats.conda_meta import read_conda_meta
from envlock.formats.dist_info import DIST_INFO_FILES, read_dist_info
from envlock.model.installed import (
    FileDrift,
    FileProblem,
    Installed,
    InstalledPackage,
    RecordedFile,
)

_RECORD_LIMIT_BYTES = 64_000_000
_VERSION = re.compile(r"^version(?:_info)?\s*=\s*(\d+(?:\.\d+)*)", re.MULTILINE)
_NOT_FOREIGN = re.compile(
    r".*\.pyc|(?:.*/)?__pycache__/.*|conda-meta/.*|\.lock|CACHEDIR\.TAG|\.gitignore|pyvenv\.cfg"
    r"|(?:bin|Scripts)/(?:python[\d.]*(?:\.exe)?|pythonw\.exe|[Aa]ctivate.*|deactivate.*|pydoc\.bat)"
    r"|.*/site-packages/_virtualenv\.(?:py|pth)"
)
"""What Python, conda, venv and virtualenv write themselves, and no package lists."""
_WORKERS = os.cpu_count() or 1


class DiskEnvironments:
    """Implements `ports.installed.Environments`, for those that the store did not seal."""

    def __init__(self, platform: Callable[[], str]) -> None:
        self._platform = platform
        """This machine's; asked where no conda package tells it."""

    def is_environment(self, path: str) -> bool:
        """Say whether a folder is an environment; see the port."""
        return is_environment(path)

    def read(self, path: str) -> Installed:
        """Look through an environment; see the port."""
        found = self.read_records(path)
        return replace(found, drift=tuple(_drift(Path(path), found.packages)))

    def read_records(self, path: str) -> Installed:
        """Read the records alone, and look at no file that they list. Raises as `read`."""
        place = Path(path)
        if not is_environment(path):
            problem = "expected the folder of an environment, found none"
            hint = "it has `conda-meta`, `pyvenv.cfg` or `lib/python3.*/site-packages` in it"
            raise InputFileError([Fault(where=path, problem=problem, hint=hint)])
        faults: list[str] = []
        packages = tuple(_packages(place, faults))
        return Installed(
            path=path,
            packages=packages,
            platform=_told_platform(packages) or self._platform(),
            python=_python(place),
            faults=tuple(faults),
        )


# --- records --------------------------------------------------------------------------------------


def _packages(place: Path, faults: list[str]) -> Iterator[InstalledPackage]:
    owned: set[str] = set()
    for path in filter(is_file, sorted((place / META).glob("*.json"))):
        record = f"{META}/{path.name}"
        try:
            package = read_conda_meta(_read(path), record)
        except EnvlockError as error:
            faults.append(error.message)
            continue
        owned.update(file.path for file in package.files or ())
        yield package
    for site in site_folders(place):
        for folder in sorted(site.glob("*.dist-info")):
            record = folder.relative_to(place).as_posix()
            if f"{record}/METADATA" in owned:
                continue  # a conda package's own
            try:
                yield read_dist_info(_dist_info(folder), record)
            except EnvlockError as error:
                faults.append(error.message)


def _dist_info(folder: Path) -> Mapping[str, bytes]:
    return {name: _read(folder / name) for name in DIST_INFO_FILES if is_file(folder / name)}


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_RECORD_LIMIT_BYTES + 1)
    except OSError as error:
        raise WorldError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(content) > _RECORD_LIMIT_BYTES:
        raise EnvlockError(f"{path}: expected at most {_RECORD_LIMIT_BYTES:,} bytes, found more")
    return content


def _told_platform(packages: Iterable[InstalledPackage]) -> str:
    return next((item.subdir for item in packages if item.subdir not in ("", "noarch")), "")


def _python(place: Path) -> str:
    if not is_file(place / VENV):
        return ""
    match = _VERSION.search(_read(place / VENV).decode(errors="replace"))
    return match[1] if match else ""


# --- files ----------------------------------------------------------------------------------------


def _drift(place: Path, packages: Sequence[InstalledPackage]) -> Iterator[FileDrift]:
    recorded: dict[str, tuple[str, RecordedFile]] = {}
    for package in packages:
        for file in package.files or ():
            recorded[file.path] = (package.name, file)
    with ThreadPoolExecutor(_WORKERS) as pool:
        looks = pool.map(lambda item: _look(place, item[1]), recorded.values())
        for (owner, file), problem in zip(recorded.values(), looks, strict=True):
            if problem is not None:
                yield FileDrift(path=file.path, problem=problem, owner=owner)
    folders = tuple(f"{item.record}/" for item in packages if item.files is None)
    yield from _foreign(place, recorded, folders)


def _look(place: Path, file: RecordedFile) -> FileProblem | None:
    path = place / file.path
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            if not file.sha256:
                return None
            status = path.stat()  # a file that conda was told to link into its cache
        if not stat.S_ISREG(status.st_mode):
            return FileProblem.KIND
        if file.size_bytes not in (None, status.st_size):
            return FileProblem.SIZE
        return _content(path, file)
    except (FileNotFoundError, NotADirectoryError):
        return None if file.path.endswith(".pyc") else FileProblem.MISSING
    except OSError:
        return FileProblem.UNREADABLE


def _content(path: Path, file: RecordedFile) -> FileProblem | None:
    if not file.sha256:
        return None
    return None if hash_file(path).sha256 == file.sha256 else FileProblem.CONTENT


def _foreign(
    place: Path, recorded: Mapping[str, object], unlisted: tuple[str, ...]
) -> Iterator[FileDrift]:
    """Yield the files that no record lists; without conda only where Python looks for packages."""
    is_conda = is_folder(place / META)
    tops = [place] if is_conda else [*site_folders(place), place / "bin", place / "Scripts"]
    for top in tops:
        for folder, folders, files in os.walk(top):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            start = Path(folder).relative_to(place).as_posix()
            for name in sorted(files):
                path = name if start == "." else f"{start}/{name}"
                if path in recorded or path.startswith(unlisted) or _NOT_FOREIGN.fullmatch(path):
                    continue
                yield FileDrift(path=path, problem=FileProblem.FOREIGN)
