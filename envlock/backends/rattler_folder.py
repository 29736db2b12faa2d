"""The door to py-rattler's gateway: one channel folder and what it answers.

Every folder has a gateway and a download folder of its own, so that a fault and a stall can be told
of the folder that they happened in: rattler's errors often name no address, and it has a limit for
a whole request but none for silence. Nothing is taken from a cache: a pin says what the channels
held at its time.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rattler import Channel, Gateway, MatchSpec, SourceConfig, Subdir
from rattler.exceptions import (
    AuthenticationStorageError,
    CacheDirError,
    FetchRepoDataError,
    GatewayError,
    InvalidChannelError,
    InvalidPackageNameError,
    InvalidUrlError,
    IoError,
)
from rattler.networking import Client

from envlock import __version__
from envlock.backends.channel_faults import (
    FolderError,
    Received,
    contradiction,
    elsewhere,
    lateness,
    read_fault,
    silence,
    unsteadiness,
)
from envlock.backends.channel_files import doubt_absence, readable_location
from envlock.errors import WorldError
from envlock.formats.channel import channel_url
from envlock.formats.index_pin import canonical_record
from envlock.formats.secrets import redact

if TYPE_CHECKING:
    from rattler import RepoDataRecord

    from envlock.ports.index import ChannelSource

_T = TypeVar("_T")
_REQUESTS = 8
"""At once, for each folder."""
_FAILURES = (
    CacheDirError,
    FetchRepoDataError,
    GatewayError,
    InvalidChannelError,
    InvalidPackageNameError,
    InvalidUrlError,
    IoError,
    OSError,
    ValueError,
)
"""How rattler, and reading a packed folder, say that a channel cannot be read."""
_NEWER, _OLDER = ".conda", ".tar.bz2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long a query may be silent, and how long it may take."""

    stall_seconds: float
    timeout_seconds: float
    deadline: float
    """On the monotonic clock."""

    @property
    def tick_seconds(self) -> float:
        """How often a download is looked at."""
        return min(0.25, self.stall_seconds / 4)


@dataclass(frozen=True, slots=True)
class FolderRow:
    """A record as rattler has it and as a pin keeps it."""

    record: RepoDataRecord
    plain: dict[str, object]
    """In canonical form."""

    @property
    def depends(self) -> Sequence[str]:
        """The match specs of what the package needs."""
        depends = self.plain["depends"]
        return depends if isinstance(depends, list) else ()


class ChannelFolder:
    """One channel folder: what it was asked, and what of it is kept."""

    def __init__(
        self,
        source: ChannelSource,
        subdir: str,
        client: Client | None,
        scratch: Path,
        limits: Limits,
    ) -> None:
        self.source = source
        self.subdir = subdir
        self.known: dict[str, list[FolderRow]] = {}
        self.records: dict[str, dict[str, object]] = {}
        self._scratch = scratch
        self._limits = limits
        self._channel: Channel | None = None
        self._gateway = Gateway(
            cache_dir=scratch,
            default_config=SourceConfig(cache_action="no-cache", bz2_enabled=False),
            max_concurrent_requests=_REQUESTS,
            client=client,
        )

    def keep(self, row: FolderRow) -> None:
        """Take a record into the answer; raises when the channel says two things of one archive."""
        name = row.record.file_name
        if self.records.setdefault(name, row.plain) != row.plain:
            raise self._error(contradiction(name))

    async def learn(self, names: Iterable[str]) -> None:
        """Ask for the records of names that were not asked for yet; raises `FolderError`."""
        new = sorted(set(names) - self.known.keys())
        if not new:
            return
        channel = self._channel or await self._open()
        answer = await self._listen(
            self._gateway.query(
                [channel],
                [Subdir(self.subdir)],
                [MatchSpec(name) for name in new],
                recursive=False,
                channel_relations="disabled",
            )
        )
        self.known |= {name: [] for name in new}
        for record in _archives(answer[0]):
            self.known[record.name.normalized].append(self._row(record))

    async def _open(self) -> Channel:
        """Find the folder, and make sure that an empty one is empty."""
        try:
            location = readable_location(self.source.location, self.subdir, self._scratch)
            channel = Channel(location)
        except _FAILURES as error:
            raise self._error(read_fault(str(error))) from error
        names = await self._listen(
            self._gateway.names([channel], [Subdir(self.subdir)], channel_relations="disabled")
        )
        if not names and self.subdir != "noarch":
            doubt = await asyncio.to_thread(
                doubt_absence, location, self.subdir, self._limits.stall_seconds
            )
            if doubt:
                raise self._error(unsteadiness(doubt))
        self._channel = channel
        return channel

    async def _listen(self, query: Awaitable[_T]) -> _T:
        """Wait for rattler as long as something arrives; raises `FolderError`."""
        task = asyncio.ensure_future(query)
        limits, heard, since = self._limits, -1, 0.0
        try:
            while not (await asyncio.wait({task}, timeout=limits.tick_seconds))[0]:
                now, size_bytes = time.monotonic(), _size_of(self._scratch)
                if size_bytes != heard:
                    heard, since = size_bytes, now
                if now > limits.deadline:
                    raise self._error(lateness(limits.timeout_seconds))
                if now - since > limits.stall_seconds:
                    raise self._error(silence(limits.stall_seconds))
            return task.result()
        except _FAILURES as error:
            raise self._error(read_fault(str(error))) from error
        finally:
            task.cancel()

    def _row(self, record: RepoDataRecord) -> FolderRow:
        """Bring a record into canonical form; raises when its archive is not in the channel."""
        if self.source.url == channel_url(self.source.location):
            folder = channel_url(record.url.rpartition("/")[0])
            if folder != f"{self.source.url}/{self.subdir}":
                raise self._error(elsewhere(folder))
        return FolderRow(record, canonical_record(json.loads(record.to_json())))

    def _error(self, received: Received) -> FolderError:
        return FolderError(self.source, self.subdir, received)


def _archives(records: Iterable[RepoDataRecord]) -> Iterator[RepoDataRecord]:
    """Leave out what cannot be installed, and the older archive of a build that has both.

    Of plain repodata rattler does the second itself, of shards it does not.
    """
    found = [(record.file_name, record) for record in records]
    names = {name for name, _ in found}
    for name, record in found:
        older = name.removesuffix(_OLDER)
        if name.endswith(_NEWER) or (older != name and f"{older}{_NEWER}" not in names):
            yield record


def _size_of(folder: Path) -> int:
    """Return how much has been downloaded; files may come and go meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.stat().st_size + 1
    return total


def make_client(retries: int, timeout_seconds: float) -> Client:
    """Return rattler's full client: retries, stored credentials, S3, GCS and OCI addresses."""
    try:
        return Client.default_client(
            max_retries=retries,
            user_agent=f"envlock/{__version__}",
            timeout=math.ceil(timeout_seconds),
        )
    except AuthenticationStorageError as error:
        raise WorldError(
            f"the stored channel credentials cannot be read\n  {redact(str(error))}\n"
            "No pin was written.",
            hints=["mend or remove the file that RATTLER_AUTH_FILE names, or log in again"],
        ) from error
    except ValueError as error:
        raise WorldError(
            "the certificates for TLS connections cannot be loaded\nNo pin was written.",
            hints=["check that SSL_CERT_FILE and SSL_CERT_DIR name existing files, or unset them"],
        ) from error
