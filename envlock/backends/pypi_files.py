"""What is read out of one distribution: its METADATA and its GPU code, from as little as possible.

The METADATA comes from beside the file where the index keeps it there (PEP 658), else out of the
remote wheel by ranges, else out of the whole file, whose digest is then checked. A source archive
is downloaded; if it does not promise its wheel's METADATA, the wheel is built.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

import msgspec
from remotezip import RemoteZipError  # type: ignore[import-untyped]

from envlock.backends.pypi_builds import build_metadata
from envlock.backends.pypi_cache import FactCache
from envlock.backends.pypi_credentials import Access, Vault
from envlock.backends.pypi_faults import HttpFault, Received, file_error
from envlock.backends.pypi_http import HttpClient, RangesUnsupportedError
from envlock.backends.pypi_metadata import (
    BAD_ARCHIVE,
    METADATA_LIMIT_BYTES,
    BadMetadataError,
    read_static_metadata,
    read_wheel_metadata,
    reduce_metadata,
)
from envlock.backends.pypi_pages import Link
from envlock.model.verdict import Kernels
from envlock.ports.pypi import IndexSource

FILE_LIMIT_BYTES = 8_000_000_000
_NO_METADATA = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.GONE,
)
"""What servers say of a METADATA that the page promised and that is not there; a signed address,
for one, is good for the wheel alone. Then it is read out of the wheel."""
_UNREADABLE = (*BAD_ARCHIVE, OSError, RemoteZipError)
_BROKEN = "tell whoever publishes it; until then ask for another version"
_DETAIL_CHARACTERS = 200
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An index or an address, ready to be asked."""

    source: IndexSource
    access: Access
    client: HttpClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Where a listed file really lies."""

    link: Link
    place: Place
    path: Path | None = None
    """For a file of this machine."""


class FileReader:
    """Reads distributions; each is asked for once in a run and kept for the next."""

    def __init__(
        self, vault: Vault, cache: FactCache, as_of: str, build_access: Callable[[], Access]
    ) -> None:
        self._vault = vault
        self._cache = cache
        self._as_of = as_of
        self._build_access = build_access
        """The index that a build takes what it needs from."""

    def metadata(self, found: Found) -> str:
        """Return the reduced METADATA of a distribution. Raises `WorldError`."""
        owner, digest = _cache_key(found)
        if found.path is None and (known := self._cache.get("metadata", owner, digest)):
            return known
        text = self._told(found, lambda: self._read_text(found))
        if found.path is None:
            self._cache.put("metadata", owner, digest, text)
        return text

    def kernels(self, name: str, version: str, found: Found) -> Kernels | None:
        """Return the GPU code of a wheel, None where it has none. Raises `WorldError`."""
        from envlock.backends.pypi_kernels import read_kernels  # noqa: PLC0415 - few are asked

        owner, digest = _cache_key(found)
        if found.path is None and (known := self._cache.get("kernels", owner, digest)):
            return msgspec.json.decode(known, type=Kernels)
        was_opened = False

        @contextmanager
        def open_wheel() -> Iterator[zipfile.ZipFile]:
            nonlocal was_opened
            was_opened = True
            with self._opened(found) as archive:
                yield archive

        def read() -> Kernels | None:
            return found.place.client.attempts(lambda: read_kernels(name, version, open_wheel))

        kernels = self._told(found, read)
        if was_opened and kernels is not None and found.path is None:
            self._cache.put("kernels", owner, digest, msgspec.json.encode(kernels).decode())
        return kernels

    def fetch_whole(self, found: Found) -> tuple[Link, str]:
        """Download a file whose digest nobody said; return it with digest and METADATA."""

        def fetch() -> tuple[Link, str]:
            with self._downloaded(found.link, found.place) as (path, digest):
                size_bytes = path.stat().st_size
                text = self._text_of(found.link, path)
            link = replace(found.link, sha256=digest, size_bytes=size_bytes)
            return link, text

        return self._told(found, fetch)

    def _told(self, found: Found, read: Callable[[], _T]) -> _T:
        """Return what reading gives; whatever goes wrong becomes one `WorldError`."""
        received: Received
        try:
            return read()
        except HttpFault as fault:
            received = fault.received
        except BadMetadataError as error:
            received = Received(what=self._vault.hide(str(error)), hint=_BROKEN)
        except _UNREADABLE as error:
            words = self._vault.hide(f"{type(error).__name__}: {error}")
            received = Received(
                what="a damaged archive", hint=_BROKEN, detail=words[:_DETAIL_CHARACTERS]
            )
        asked = self._vault.public(found.link.url) if found.path is None else str(found.path)
        raise file_error(found.link.file_name, asked, received, index=found.place.source.name)

    def _read_text(self, found: Found) -> str:
        link, place = found.link, found.place
        if found.path is not None:
            return self._text_of(link, found.path)
        content = self._offered(link, place) if link.has_metadata else None
        if content is None and link.file_name.endswith(".whl"):
            content = self._within(link, place)
        if content is not None:
            return reduce_metadata(content, link.file_name, self._vault.secrets)
        with self._downloaded(link, place) as (path, _):
            return self._text_of(link, path)

    def _offered(self, link: Link, place: Place) -> bytes | None:
        """Return the METADATA that lies beside the file, if it really does."""
        try:
            answer = place.client.get(_metadata_address(link.url), "*/*", METADATA_LIMIT_BYTES)
        except HttpFault as fault:
            if fault.received.status in _NO_METADATA:
                return None
            raise
        digest = sha256(answer.body).hexdigest()
        if link.metadata_sha256 not in (None, digest):
            raise _other_digest("METADATA", digest, str(link.metadata_sha256))
        return answer.body

    def _within(self, link: Link, place: Place) -> bytes | None:
        """Return the METADATA out of a remote wheel, None where only whole files are served."""

        def read() -> bytes:
            with place.client.open_zip(link.url, link.size_bytes) as archive:
                return read_wheel_metadata(archive, link.file_name)

        try:
            return place.client.attempts(read)
        except RangesUnsupportedError:
            return None

    def _text_of(self, link: Link, path: Path) -> str:
        """Return the METADATA of a whole file on the disk."""
        if link.file_name.endswith(".whl"):
            with zipfile.ZipFile(path) as archive:
                content: bytes | None = read_wheel_metadata(archive, link.file_name)
        else:
            content = read_static_metadata(path)
        if content is None:
            content = build_metadata(path, self._build_access(), self._as_of, self._vault.hide)
        return reduce_metadata(content, link.file_name, self._vault.secrets)

    @contextmanager
    def _downloaded(self, link: Link, place: Place) -> Iterator[tuple[Path, str]]:
        with tempfile.TemporaryDirectory(prefix="envlock-pypi-") as folder:
            path = Path(folder) / link.file_name
            with path.open("w+b") as file:
                digest = place.client.download(link.url, file, FILE_LIMIT_BYTES)
            if link.sha256 not in (None, digest):
                raise _other_digest("a file", digest, str(link.sha256))
            yield path, digest

    @contextmanager
    def _opened(self, found: Found) -> Iterator[zipfile.ZipFile]:
        if found.path is not None:
            with zipfile.ZipFile(found.path) as archive:
                yield archive
            return
        link, place = found.link, found.place
        try:
            remote: zipfile.ZipFile | None = place.client.open_zip(link.url, link.size_bytes)
        except RangesUnsupportedError:
            remote = None
        if remote is not None:
            with remote:
                yield remote
            return
        with self._downloaded(link, place) as (path, _), zipfile.ZipFile(path) as archive:
            yield archive


def _cache_key(found: Found) -> tuple[str, str]:
    """Return whose word an entry is: an index's, about a file of this name; and the digest."""
    owner = f"{found.place.access.shown} {found.link.file_name}"
    return owner, found.link.sha256 or ""


def _metadata_address(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path}.metadata"))


def _other_digest(what: str, received: str, expected: str) -> HttpFault:
    return HttpFault(
        Received(
            what=f"{what} with another sha256: {received}, and the index says {expected}",
            hint="a proxy may have changed it, or the index is wrong: run it again, and if it "
            "stays so, tell whoever keeps the index",
        )
    )
