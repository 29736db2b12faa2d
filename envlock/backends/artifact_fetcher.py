"""Fetches the archives of a lock, several at once, into the folder of verified archives.

An archive is admitted when its digest is right and not before, wherever it came from: that is why
a mirror needs no trust, and why a part that an earlier run left may be gone on with. Each partial
file is locked by whoever writes it, so two processes that want the same archive fetch it once.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from envlock.backends.artifact_files import ArtifactFolder, MismatchError, Partial
from envlock.backends.artifact_http import (
    UNTOUCHED,
    ArtifactClients,
    Download,
    FetchOptions,
    Place,
    Places,
    hint_for,
)
from envlock.backends.crew import Crew, bounded, raise_first
from envlock.backends.pypi_credentials import Credentials, Vault
from envlock.backends.pypi_faults import HttpFault, Received
from envlock.errors import EnvlockError, LockError, WorldError
from envlock.formats.secrets import VARIABLE
from envlock.ports.artifacts import FetchProgress, WantedArtifact

_CHUNK_BYTES = 1 << 20
_TURN_SECONDS = 0.1
"""Between two looks at a lock that someone else has."""
_FULL = (errno.ENOSPC, errno.EDQUOT)
_RESUMABLE = "What came whole stays, and what came in part is taken up by the next run."


class ArtifactFetcher:
    """Fetches archives into a folder. Implements `ports.artifacts.Artifacts`."""

    def __init__(
        self,
        folder: ArtifactFolder,
        environment: Mapping[str, str],
        base: Path,
        options: FetchOptions | None = None,
    ) -> None:
        self._folder = folder
        self._environment = environment
        self._base = base
        """Where relative paths start: the lock's folder."""
        self._options = options or FetchOptions()

    def path_of(self, sha256: str) -> str:
        """Return where an archive lies; see the port."""
        return str(self._folder.path_of(sha256))

    def has(self, sha256: str) -> bool:
        """Say whether an archive is here; see the port."""
        return self._folder.has(sha256)

    def fetch(
        self, wanted: Sequence[WantedArtifact], progress: FetchProgress, *, recheck: bool = False
    ) -> None:
        """Bring archives here; see the port.

        An archive that proves damaged when it is hashed anew is removed and fetched.
        """
        missing = self._missing(_merged(wanted), recheck=recheck)
        vault = Vault()
        credentials = Credentials(self._environment, vault)
        places = self._places(missing, Places(self._environment, self._base, credentials, vault))
        sizes = [item.size_bytes for item in missing if item.size_bytes is not None]
        progress.begin(len(missing), sum(sizes) if len(sizes) == len(missing) else None)
        # The largest first, so that none of them is begun when the rest is done.
        missing.sort(key=lambda item: -_size_or_huge(item))
        with self._clients(credentials, vault) as clients:
            _Run(self._folder, places, clients, self._options, progress).fetch(missing)

    def _missing(self, asked: Sequence[WantedArtifact], *, recheck: bool) -> list[WantedArtifact]:
        try:
            if recheck:
                self._recheck([item for item in asked if self._folder.has(item.sha256)])
            return [item for item in asked if not self._folder.has(item.sha256)]
        except OSError as error:
            raise _folder_error(self._folder, "the archives cannot be looked at", error) from error

    def _recheck(self, present: Sequence[WantedArtifact]) -> None:
        crew = Crew(self._options.jobs)

        def look(item: WantedArtifact) -> None:
            if not self._folder.digest_matches(item.sha256, crew.heed):
                self._folder.remove(item.sha256)

        raise_first(crew.do(present, look))

    def _places(self, missing: Sequence[WantedArtifact], finder: Places) -> dict[str, Place]:
        places: dict[str, Place] = {}
        errors: list[Exception] = []
        for item in missing:
            try:
                places[item.sha256] = finder.find(item)
            except EnvlockError as error:
                errors.append(error)
        raise_first(errors)
        far = [item for item in missing if places[item.sha256].path is None]
        if far and self._options.offline:
            raise _offline(far)
        return places

    @contextmanager
    def _clients(self, credentials: Credentials, vault: Vault) -> Iterator[ArtifactClients]:
        clients = ArtifactClients(
            credentials,
            vault,
            self._options,
            self._environment.get("SSL_CERT_FILE") or None,
        )
        try:
            yield clients
        finally:
            clients.close()


class _Run:
    """One call of `fetch`."""

    def __init__(
        self,
        folder: ArtifactFolder,
        places: Mapping[str, Place],
        clients: ArtifactClients,
        options: FetchOptions,
        progress: FetchProgress,
    ) -> None:
        self._folder = folder
        self._places = places
        self._clients = clients
        self._options = options
        self._progress = progress
        self._crew = Crew(options.jobs, interrupt=clients.interrupt)
        self._missing: Sequence[WantedArtifact] = ()

    def fetch(self, missing: Sequence[WantedArtifact]) -> None:
        """Fetch everything. Raises as the port says."""
        self._missing = missing
        raise_first(self._crew.do(missing, self._fetch_one, self._progress.done))

    def _fetch_one(self, wanted: WantedArtifact) -> None:
        place = self._places[wanted.sha256]
        failed: EnvlockError
        try:
            with self._folder.open_partial(wanted, self._wait) as partial:
                if partial is None:  # another process was faster
                    self._heed(self._folder.path_of(wanted.sha256).stat().st_size)
                elif place.path is not None:
                    self._copy(wanted, place, partial)
                else:
                    self._download(wanted, place, partial)
        except HttpFault as fault:
            failed = _not_fetched(wanted, place, fault.received)
        except OSError as error:
            failed = self._disk_error(wanted, error)
        else:
            return
        raise failed

    def _download(self, wanted: WantedArtifact, place: Place, partial: Partial) -> None:
        assert place.access is not None  # noqa: S101 - a place has one or the other
        partial.load(self._heed)
        download = Download(
            client=self._clients.client_for(place.access),
            url=place.access.address,
            partial=partial,
            size_bytes=wanted.size_bytes,
            options=self._options,
            heed=self._heed,
            stop=self._crew.stop,
        )
        try:
            if partial.digests.sha256 != wanted.sha256:  # killed just before it was admitted
                download.run()
            self._admit(wanted, partial)
        except MismatchError as error:
            if not download.was_resumed:
                partial.discard()
                raise error.error(wanted, place.shown, remark=_remark(download)) from None
        else:
            return
        download.restart()  # a part may have been of another version
        try:
            download.run()
            self._admit(wanted, partial)
        except MismatchError as error:
            partial.discard()
            raise error.error(wanted, place.shown, remark=_remark(download)) from None

    def _copy(self, wanted: WantedArtifact, place: Place, partial: Partial) -> None:
        """Copy a file of this machine. It gets no hard link: others may write to it."""
        try:
            partial.restart()
            with _opened(wanted, place) as source:
                if partial.clone(source):
                    partial.load(self._heed)
                else:
                    self._copy_pieces(wanted, place, partial, source)
            self._admit(wanted, partial)
        except BaseException as error:
            partial.discard()  # nothing would be gained by going on with it
            if isinstance(error, MismatchError):
                raise error.error(wanted, place.shown) from None
            raise

    def _copy_pieces(
        self, wanted: WantedArtifact, place: Place, partial: Partial, source: int
    ) -> None:
        limit = self._options.limit_bytes
        while chunk := _read(wanted, place, source):
            if partial.size_bytes + len(chunk) > limit:
                raise MismatchError(
                    "size", f"at most {limit:,} bytes", "more than that", partial.size_bytes
                )
            self._heed(len(chunk))
            partial.write(chunk)

    def _admit(self, wanted: WantedArtifact, partial: Partial) -> None:
        self._folder.admit(partial.path, wanted, partial.digests)

    def _heed(self, size_bytes: int) -> None:
        self._crew.heed(size_bytes)
        if size_bytes:
            self._progress.received(size_bytes)

    def _wait(self) -> None:
        self._heed(0)
        self._options.pause(self._crew.stop, _TURN_SECONDS)

    def _disk_error(self, wanted: WantedArtifact, error: OSError) -> WorldError:
        if error.errno not in _FULL:
            what = f"`{wanted.file_name}` ({wanted.package}) cannot be stored"
            return _folder_error(self._folder, what, error)
        left = [item for item in self._missing if not self._folder.has(item.sha256)]
        needed = sum(
            max(0, (item.size_bytes or 0) - self._folder.partial_bytes(item.sha256))
            for item in left
        )
        about = "at least " if any(item.size_bytes is None for item in left) else ""
        return WorldError(
            f"the disk is full: `{wanted.file_name}` ({wanted.package}) cannot be stored\n"
            f"  folder: {self._folder.root}\n"
            f"  needed: {about}{needed:,} bytes, for {len(left):,} archives\n"
            f"  free:   {self._folder.free_bytes():,} bytes\n"
            f"Nothing was lost: {_RESUMABLE[0].lower()}{_RESUMABLE[1:]}",
            hints=["free space, then run it again"],
        )


def _folder_error(folder: ArtifactFolder, what: str, error: OSError) -> WorldError:
    return WorldError(
        f"{what}: {error.strerror or error}\n  folder: {folder.root}\n{_RESUMABLE}",
        hints=["check who may write to that folder, and the disk under it"],
    )


@contextmanager
def _opened(wanted: WantedArtifact, place: Place) -> Iterator[int]:
    """Open a regular file of this machine. Raises `WorldError`."""
    assert place.path is not None  # noqa: S101 - a place has one or the other
    try:
        # Not blocking: opening a pipe that nobody writes to would wait for ever.
        source = os.open(place.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise _unreadable(wanted, place, error.strerror or str(error)) from None
    try:
        if not stat.S_ISREG(os.fstat(source).st_mode):
            raise _unreadable(wanted, place, "expected a file, found a folder or a device")
        yield source
    finally:
        os.close(source)


def _read(wanted: WantedArtifact, place: Place, source: int) -> bytes:
    try:
        return os.read(source, _CHUNK_BYTES)
    except OSError as error:
        raise _unreadable(wanted, place, error.strerror or str(error)) from None


def _unreadable(wanted: WantedArtifact, place: Place, problem: str) -> WorldError:
    return WorldError(
        f"`{wanted.file_name}` ({wanted.package}) cannot be read: {problem}\n"
        f"  asked: {place.shown}\n"
        f"{_RESUMABLE}",
        hints=[
            "put the file there, or correct its address and solve anew; `envlock solve` builds "
            "again what a recipe has made"
            if place.shown.startswith("built/")
            else "put the file there, or correct its address and solve anew"
        ],
    )


def _not_fetched(wanted: WantedArtifact, place: Place, received: Received) -> WorldError:
    return WorldError(
        f"`{wanted.file_name}` ({wanted.package}) was not fetched: {received.what}\n"
        f"  asked: {place.shown}\n"
        f"{_RESUMABLE}",
        hints=[hint_for(received, VARIABLE.findall(place.shown))],
        detail=received.detail,
    )


def _remark(download: Download) -> str:
    if download.encoding.lower() in ("", "identity"):
        return ""
    return f"  The server sent it packed ({download.encoding}), though it was asked not to.\n"


def _offline(far: Sequence[WantedArtifact]) -> WorldError:
    lines = [
        f"  {item.package}: `{item.file_name}`"
        + ("" if item.size_bytes is None else f" ({item.size_bytes:,} bytes)")
        for item in far
    ]
    known = sum(item.size_bytes or 0 for item in far)
    about = "at least " if any(item.size_bytes is None for item in far) else ""
    count = "1 archive is" if len(far) == 1 else f"{len(far):,} archives are"
    return WorldError(
        "\n".join(
            [
                f"{count} not here, and envlock was told to stay offline",
                *bounded(lines),
                f"In all {about}{known:,} bytes. {UNTOUCHED}",
            ]
        ),
        hints=["run it once with a network; after that everything is here"],
    )


def _merged(wanted: Iterable[WantedArtifact]) -> list[WantedArtifact]:
    """Return each archive once, with all that is said of it. Raises `LockError`."""
    found: dict[str, WantedArtifact] = {}
    for item in wanted:
        known = found.setdefault(item.sha256, item)
        for name in ("md5", "size_bytes"):
            one, other = getattr(known, name), getattr(item, name)
            if None not in (one, other) and one != other:
                raise LockError(
                    f"two archives of one sha256 differ: `{known.file_name}` has {name} {one}, "
                    f"`{item.file_name}` has {other}\n{UNTOUCHED}",
                    hints=["write the lock anew: `envlock solve STACK`"],
                )
            if one is None and other is not None:
                known = msgspec.structs.replace(known, **{name: other})
        found[item.sha256] = known
    return list(found.values())


def _size_or_huge(wanted: WantedArtifact) -> int:
    """Return what to order by: an archive of unknown size may be the largest."""
    return 1 << 62 if wanted.size_bytes is None else wanted.size_bytes
