"""HTTP as package indexes need it: bounded, retried, with a login for one server only.

`requests` does the asking. What it raises never leaves this module: see `pypi_faults`.
"""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from http.cookiejar import DefaultCookiePolicy
from typing import IO, Any, TypeVar

import requests
import urllib3
from remotezip import PartialBuffer, RemoteZip  # type: ignore[import-untyped]

from envlock import __version__
from envlock.backends.pypi_credentials import Access, Credentials, Login, Vault, origin_of
from envlock.backends.pypi_faults import HttpFault, Received, read_exception, read_status
from envlock.backends.pypi_options import HttpOptions

_CHUNK_BYTES = 1 << 16
_LONGEST_WAIT_SECONDS = 30.0
_REDIRECTS = 10
_CONNECTIONS = 64
"""To one server; uv asks for 50 things at once."""
_DIRECTORY_LIMIT_BYTES = 1 << 24
"""The directory of a wheel of 100,000 files; larger ones are bombs."""
_OK = 200
_PARTIAL = 206
_UNSUPPORTED_SUFFIX = (400, 405, 416, 501)
_NETWORK = (requests.RequestException, urllib3.exceptions.HTTPError, UnicodeError)
"""What `requests` raises; the last for an address that cannot be sent."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer, in memory."""

    url: str
    """Where it came from in the end; secrets and all."""
    content_type: str
    body: bytes


class RangesUnsupportedError(Exception):
    """The server sends whole files only."""


class _Session(requests.Session):
    """Gives netrc's logins out as `Credentials` does, also after a redirection."""

    def __init__(self, credentials: Credentials) -> None:
        super().__init__()
        self._credentials = credentials
        self.max_redirects = _REDIRECTS
        for scheme in ("http://", "https://"):
            self.mount(scheme, requests.adapters.HTTPAdapter(pool_maxsize=_CONNECTIONS))
        self.headers["User-Agent"] = f"envlock/{__version__}"
        # Threads share the session, and no index needs cookies.
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        """Take the login off a request that goes to another server."""
        before, now = str(response.request.url), str(prepared_request.url)
        if origin_of(before) != origin_of(now):
            prepared_request.headers.pop("Authorization", None)
            login = self._credentials.login_of_host(now)
            if login:
                prepared_request.prepare_auth(login, now)


class _Auth(requests.auth.AuthBase):
    """A login or none; with an object in this place, requests does not look into netrc itself."""

    def __init__(self, login: Login | None) -> None:
        self._login = login

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._login:
            user, password = (part.encode() for part in self._login)
            requests.auth.HTTPBasicAuth(user, password)(request)
        return request


class HttpClient:
    """Asks the server of one index, and the servers that its files lie on."""

    def __init__(
        self, access: Access, credentials: Credentials, vault: Vault, options: HttpOptions
    ) -> None:
        self._access = access
        self._credentials = credentials
        self._vault = vault
        self._options = options
        self._session = _Session(credentials)
        if options.ca_file:
            self._session.verify = options.ca_file

    def get(self, url: str, accept: str, limit_bytes: int) -> Answer:
        """Return a whole answer. Raises `HttpFault`."""

        def ask() -> Answer:
            with self._ask("GET", url, {"Accept": accept}) as response:
                body = b"".join(self._pieces(response, limit_bytes))
                kind = response.headers.get("Content-Type", "")
                return Answer(url=response.url, content_type=kind, body=body)

        return self.attempts(ask)

    def head(self, url: str) -> None:
        """Ask whether there is anything, without what it is. Raises `HttpFault`."""
        self.attempts(lambda: self._ask("HEAD", url, {}).close())

    def peek(self, url: str) -> None:
        """Ask for a whole answer and read nothing of it: for servers without HEAD."""
        self.attempts(lambda: self._ask("GET", url, {}).close())

    def download(self, url: str, file: IO[bytes], limit_bytes: int) -> str:
        """Write a file and return its SHA-256. Raises `HttpFault`."""

        def ask() -> str:
            file.seek(0)
            file.truncate()
            digest = sha256()
            with self._ask("GET", url, {"Accept-Encoding": "identity"}) as response:
                for piece in self._pieces(response, limit_bytes):
                    digest.update(piece)
                    file.write(piece)
            file.flush()
            return digest.hexdigest()

        return self.attempts(ask)

    def open_zip(self, url: str, size_bytes: int | None) -> zipfile.ZipFile:
        """Open a remote archive: ranges of it are asked for when they are read.

        Raises `HttpFault`, `RangesUnsupportedError`, and what `zipfile` raises.
        """
        ranges = _Ranges(self, url, size_bytes)
        archive: zipfile.ZipFile = RemoteZip(url, fetcher=lambda *_, **__: ranges)
        return archive

    def attempts(self, ask: Callable[[], _T]) -> _T:
        """Return what asking gives, asking again while that may help. Raises `HttpFault`."""
        attempt = 0
        while True:
            received: Received | None = None
            try:
                return ask()
            except HttpFault as fault:
                received = fault.received
            except _NETWORK as error:
                received = read_exception(error, self._vault.hide)
            wait = received.wait_seconds or self._options.backoff_seconds * 2**attempt
            attempt += 1
            is_last = attempt > self._options.retries or wait > _LONGEST_WAIT_SECONDS
            if is_last or not received.is_passing:
                break
            self._options.sleep(wait)
        # Outside of the handlers: a cause or context would carry the address with its secrets.
        raise HttpFault(received)

    def _ask(self, method: str, url: str, headers: Mapping[str, str]) -> requests.Response:
        failed: Received
        try:
            response = self._session.request(
                method,
                url,
                headers=dict(headers),
                auth=_Auth(self._login_for(url)),
                stream=True,
                timeout=self._options.timeout_seconds,
            )
        except _NETWORK as error:  # some are OSErrors, which zipfile takes for a damaged archive
            failed = read_exception(error, self._vault.hide)
        else:
            if response.status_code in (_OK, _PARTIAL):
                return response
            wait = _retry_after(response.headers.get("Retry-After"))
            response.close()
            failed = read_status(response.status_code, wait)
        raise HttpFault(failed)

    def received(self, error: BaseException) -> Received:
        """Return what an exception in the midst of an answer means."""
        return read_exception(error, self._vault.hide)

    def _login_for(self, url: str) -> Login | None:
        if origin_of(url) == self._access.origin:
            return self._access.login
        return self._credentials.login_of_host(url)

    def _pieces(self, response: requests.Response, limit_bytes: int) -> Any:
        deadline = time.monotonic() + self._options.total_seconds
        size_bytes = 0
        for piece in response.iter_content(_CHUNK_BYTES):
            size_bytes += len(piece)
            if size_bytes > limit_bytes:
                raise HttpFault(
                    Received(
                        what=f"more than {limit_bytes:,} bytes",
                        hint="no index has so much to say: look what answers at {asked}",
                    )
                )
            if time.monotonic() > deadline:
                seconds = self._options.total_seconds
                raise HttpFault(Received(what=f"not everything within {seconds:,.0f} seconds"))
            yield piece

    def fetch_range(
        self, url: str, wanted: str, *, limit_bytes: int | None
    ) -> tuple[requests.Response, int, int]:
        """Return an open answer to one range, its first byte and its length."""
        headers = {"Range": f"bytes={wanted}", "Accept-Encoding": "identity"}
        response = self._ask("GET", url, headers)
        first, length = _read_content_range(response.headers.get("Content-Range", ""))
        if response.status_code != _PARTIAL or first is None:
            response.close()
            raise RangesUnsupportedError
        is_other = not wanted.startswith("-") and first != int(wanted.partition("-")[0])
        if is_other or (limit_bytes is not None and length > limit_bytes):
            response.close()
            what = (
                "another range than was asked" if is_other else f"a directory of {length:,} bytes"
            )
            raise HttpFault(Received(what=what))
        return response, first, length

    def size_of(self, url: str) -> int | None:
        """Return the size that a server names for a file."""
        with self._ask("HEAD", url, {"Accept-Encoding": "identity"}) as response:
            size = response.headers.get("Content-Length", "")
        return int(size) if size.isdigit() else None


class _Ranges:
    """Fetches ranges for `remotezip`; takes the place of its `RemoteFetcher`."""

    def __init__(self, client: HttpClient, url: str, size_bytes: int | None) -> None:
        self._client = client
        self._url = url
        self._size_bytes = size_bytes

    def fetch(self, data_range: tuple[int, int | None], stream: bool = False) -> PartialBuffer:  # noqa: FBT001, FBT002 - remotezip's interface
        """Return one range; `(-n, None)` is the last n bytes."""
        first, last = data_range
        limit = None if stream else _DIRECTORY_LIMIT_BYTES
        if first >= 0:
            wanted = f"{first}-{'' if last is None else last}"
            found = self._client.fetch_range(self._url, wanted, limit_bytes=limit)
        else:
            found = self._fetch_end(-first, limit)
        response, start, length = found
        return PartialBuffer(_Body(response, self._client), start, length, stream)

    def _fetch_end(self, size_bytes: int, limit: int | None) -> tuple[requests.Response, int, int]:
        received: Received
        try:
            return self._client.fetch_range(self._url, f"-{size_bytes}", limit_bytes=limit)
        except HttpFault as fault:
            received = fault.received
        if received.status not in _UNSUPPORTED_SUFFIX:
            raise HttpFault(received)
        whole = self._size_bytes or self._client.size_of(self._url)
        if not whole:
            raise RangesUnsupportedError
        wanted = f"{max(0, whole - size_bytes)}-{whole - 1}"
        return self._client.fetch_range(self._url, wanted, limit_bytes=limit)


class _Body:
    """The bytes of an answer, as `remotezip` reads them."""

    def __init__(self, response: requests.Response, client: HttpClient) -> None:
        self._response = response
        self._client = client
        self._read = 0
        self.closed = False

    def read(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size > 0:
            part = self._piece(size)
            if not part:
                break
            parts.append(part)
            size -= len(part)
            self._read += len(part)
        return b"".join(parts)

    def _piece(self, size: int) -> bytes:
        failed: Received
        try:
            piece: bytes = self._response.raw.read(size, decode_content=False)
        except (*_NETWORK, OSError) as error:
            failed = self._client.received(error)
        else:
            return piece
        raise HttpFault(failed)

    def tell(self) -> int:
        return self._read

    def close(self) -> None:
        self.closed = True
        self._response.close()


def _read_content_range(text: str) -> tuple[int | None, int]:
    unit, _, rest = text.partition(" ")
    first, _, last = rest.partition("/")[0].partition("-")
    if unit.strip().lower() != "bytes" or not first.isdigit() or not last.isdigit():
        return None, 0
    start, end = int(first), int(last)
    return (start, end - start + 1) if start <= end else (None, 0)


def _retry_after(text: str | None) -> float | None:
    """Return the seconds of a `Retry-After`, which is a number or a date."""
    if not text:
        return None
    if text.strip().isdigit():
        return float(text.strip()[:9])
    with suppress(ValueError, TypeError, OverflowError):
        then = parsedate_to_datetime(text)
        if then.tzinfo is not None:
            return max(0.0, (then - datetime.now(UTC)).total_seconds())
    return None
