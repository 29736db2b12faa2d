"""The door to py-rattler's gateway: channels that are asked for all that a stack can reach.

The dependencies are followed here and not by the gateway's `recursive`, so that every fault can be
told of its folder. The result is the same, apart from names whose spec admits nothing: see the
port.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from rattler import MatchSpec
from rattler.exceptions import InvalidMatchSpecError

from envlock.backends.channel_faults import FolderError, fault_error
from envlock.backends.channel_files import is_remote
from envlock.backends.rattler_folder import ChannelFolder, FolderRow, Limits, make_client
from envlock.errors import EnvlockError, WorldError
from envlock.formats.index_pin import dependency_name

if TYPE_CHECKING:
    from rattler import RepoDataRecord

    from envlock.ports.index import ChannelSource, Reach, Records

_GRACE_SECONDS = 1.0
"""How long other folders may still finish, or fail too, once one has failed."""
_DOWNLOAD = "download-"
_STALE_SECONDS = 86_400.0
_dependency_name = cache(dependency_name)


class RattlerIndex:
    """Implements `ports.index.Index` over live channels, mirrors and `file://` folders.

    Credentials come from where rattler keeps them (keychain, RATTLER_AUTH_FILE), from ~/.netrc, or
    from the location itself. `cache` is where downloads lie while they are read, if it is writable.
    """

    def __init__(
        self,
        cache: Path,
        *,
        timeout_seconds: float = 600.0,
        stall_seconds: float = 60.0,
        retries: int = 3,
    ) -> None:
        self._cache = cache
        self._timeout_seconds = timeout_seconds
        self._stall_seconds = stall_seconds
        self._retries = retries

    def query(
        self, channels: Sequence[ChannelSource], reaches: Sequence[Reach]
    ) -> Mapping[tuple[str, str], Records]:
        """Return what the channels hold for the reaches; see the port."""
        specs = [_parse_specs(reach.specs) for reach in reaches]
        with _downloads(self._cache) as scratch:
            folders = self._folders(channels, reaches, scratch)
            walks = [
                _Walk(
                    [item for item in folders if reach.reads(item.source.url, item.subdir)], wanted
                )
                for reach, wanted in zip(reaches, specs, strict=True)
            ]
            asyncio.run(_explore(walks))
        return {(folder.source.url, folder.subdir): folder.records for folder in folders}

    def _folders(
        self, channels: Sequence[ChannelSource], reaches: Sequence[Reach], scratch: Path
    ) -> list[ChannelFolder]:
        limits = Limits(
            stall_seconds=self._stall_seconds,
            timeout_seconds=self._timeout_seconds,
            deadline=time.monotonic() + self._timeout_seconds,
        )
        remote = any(is_remote(channel.location) for channel in channels)
        client = make_client(self._retries, self._timeout_seconds) if remote else None
        subdirs = dict.fromkeys(item for reach in reaches for item in reach.platform.subdirs)
        places = [
            (channel, subdir)
            for channel in channels
            for subdir in subdirs
            if any(reach.reads(channel.url, subdir) for reach in reaches)
        ]
        return [
            ChannelFolder(source, subdir, client, scratch / str(number), limits)
            for number, (source, subdir) in enumerate(places)
        ]


def _parse_specs(specs: Iterable[str]) -> dict[str, list[MatchSpec]]:
    """Return the specs by package name; several for one name are alternatives."""
    parsed: dict[str, list[MatchSpec]] = {}
    for text in specs:
        try:
            spec = MatchSpec(text)
        except InvalidMatchSpecError as error:
            raise EnvlockError(f"`{text}` is not a conda match spec: {error}") from error
        parsed.setdefault(str(spec.name.normalized), []).append(spec)
    return parsed


@contextmanager
def _downloads(cache: Path) -> Iterator[Path]:
    """Give a folder for this query alone, and take it away afterwards."""
    try:
        folder = tempfile.TemporaryDirectory(
            dir=_writable(cache), prefix=_DOWNLOAD, ignore_cleanup_errors=True
        )
    except OSError as error:
        raise WorldError(
            f"{cache}: repodata cannot be downloaded there, nor to a temporary folder: "
            f"{error.strerror}\nNo pin was written.",
            hints=["set ENVLOCK_CACHE to a folder with room that you may write to"],
        ) from error
    with folder as name:
        yield Path(name)


def _writable(cache: Path) -> Path | None:
    try:
        cache.mkdir(parents=True, exist_ok=True)
        _sweep(cache)
    except OSError:
        return None
    return cache if os.access(cache, os.W_OK) else None


def _sweep(cache: Path) -> None:
    """Remove what killed processes left."""
    for path in cache.glob(f"{_DOWNLOAD}*"):
        if time.time() - path.stat().st_mtime > _STALE_SECONDS:
            shutil.rmtree(path, ignore_errors=True)


class _Walk:
    """One reach on its way through the dependencies. Reads what its folders know; asks nothing."""

    def __init__(
        self, folders: Sequence[ChannelFolder], specs: Mapping[str, list[MatchSpec]]
    ) -> None:
        self.folders = folders
        self.wanted = set(specs)
        """Names whose records the folders must know before the next step."""
        self._specs = specs
        self._seen = set(specs)

    def advance(self) -> None:
        """Keep the records of the wanted names; afterwards their dependencies are wanted."""
        names, self.wanted = self.wanted, set()
        for name in sorted(names):
            found = [(folder, row) for folder in self.folders for row in folder.known[name]]
            admitted = [item for item in found if self._admits(name, item[1].record)]
            for folder, row in admitted or found:
                folder.keep(row)
            for _, row in admitted:
                self._follow(row)

    def _admits(self, name: str, record: RepoDataRecord) -> bool:
        specs = self._specs.get(name)
        return specs is None or any(spec.matches(record) for spec in specs)

    def _follow(self, row: FolderRow) -> None:
        for text in row.depends:
            name = _dependency_name(text)
            if name and name not in self._seen:
                self._seen.add(name)
                self.wanted.add(name)


async def _explore(walks: Sequence[_Walk]) -> None:
    """Let all walks advance side by side until none wants anything; raises `WorldError`."""
    while any(walk.wanted for walk in walks):
        wanted: dict[ChannelFolder, set[str]] = {}
        for walk in walks:
            for folder in walk.folders:
                wanted.setdefault(folder, set()).update(walk.wanted)
        try:
            await _learn_all(wanted)
            for walk in walks:
                walk.advance()
        except FolderError as error:
            raise fault_error([error]) from error


async def _learn_all(wanted: Mapping[ChannelFolder, set[str]]) -> None:
    """Ask the folders side by side; raises one `WorldError` for all that failed."""
    tasks = [asyncio.ensure_future(folder.learn(names)) for folder, names in wanted.items()]
    _, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
    if pending:
        _, pending = await asyncio.wait(pending, timeout=_GRACE_SECONDS)
    for task in pending:
        task.cancel()
    errors = [task.exception() for task in tasks if task not in pending]
    faults = [error for error in errors if isinstance(error, FolderError)]
    if faults:
        raise fault_error(faults) from faults[0]
    for error in filter(None, errors):
        raise error
