"""Downloads of whole archives over HTTP: taken up where they broke off, for as long as it helps.

The part that is here already is continued by a range request, under the condition that the server
still has the version which that part is of. Whatever else comes back, the download starts anew:
the digest decides in the end, and a part is worth no more than the time that it took.

Where an archive is asked for is read out of its address in the lock (`Places`): the environment
fills in variables, a mirror takes a server's place, and a file of this machine is a path.

There is no limit for a whole download, since 3 GB over a slow line are legitimate; silence has one.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import requests
import urllib3

from envlock.backends.artifact_files import Heed, MismatchError, Partial
from envlock.backends.pypi_credentials import Access, Credentials, Login, Origin, Vault, is_local
from envlock.backends.pypi_faults import NETWORK, HttpFault, Received
from envlock.backends.pypi_http import HttpClient
from envlock.backends.pypi_options import HttpOptions
from envlock.errors import EnvlockError, InputFileError, LockError
from envlock.formats.secrets import VARIABLE, opaque_segments
from envlock.ports.artifacts import WantedArtifact

_CHUNK_BYTES = 1 << 18
_PROGRESS_BYTES = 1 << 16
"""So much more than ever before, and the retries are counted anew."""
_LONGEST_BACKOFF_SECONDS = 30.0
_CONTENT_RANGE = re.compile(r"bytes\s+(\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.IGNORECASE)
_PARTIAL = 206
_MIRROR_PAIR = re.compile(r"(?P<prefix>\w[\w+.-]*://[^=]+)=(?P<replacement>(?:https?|file):.+)")
UNTOUCHED = "Nothing was fetched; the store is unchanged."
_SCHEMES = ("http", "https")
_CUT_TLS = re.compile(
    "SSLEOFError|UNEXPECTED_EOF|SSLZeroReturnError|BAD_RECORD_MAC|ConnectionReset"
)
_BROKEN_OFF = "an answer that broke off before its end"
_NETWORK = (requests.RequestException, urllib3.exceptions.HTTPError, OSError)
"""What reading an answer raises."""


def _pause(stop: threading.Event, seconds: float) -> None:
    stop.wait(seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchOptions:
    """How archives are fetched, and how patiently."""

    jobs: int = 8
    """Archives at once."""
    offline: bool = False
    stall_seconds: float = 60.0
    """A server that sends nothing for so long is asked again."""
    retries: int = 5
    """In a row, without anything new coming in between."""
    attempts: int = 1000
    """In all, for one archive."""
    backoff_seconds: float = 0.5
    """Before the first retry; doubled for each that follows."""
    longest_wait_seconds: float = 120.0
    """A server that wants to be left alone for longer is not waited for."""
    limit_bytes: int = 1 << 36
    """For an archive of which the lock names no size: 64 GiB."""
    pause: Callable[[threading.Event, float], None] = _pause
    """Waits, until the event at the latest."""
    jitter: Callable[[], float] = random.random
    """Between 0 and 1, so that many machines do not come back at once."""


class ArtifactClients:
    """One client for each server and login: connections are kept, and logins are not mixed up."""

    def __init__(
        self,
        credentials: Credentials,
        vault: Vault,
        options: FetchOptions,
        ca_file: str | None = None,
    ) -> None:
        self._credentials = credentials
        self._vault = vault
        self._http = HttpOptions(timeout_seconds=options.stall_seconds, ca_file=ca_file)
        self._clients: dict[tuple[Origin, Login | None], _Client] = {}
        self._lock = threading.Lock()

    def client_for(self, access: Access) -> _Client:
        """Return the client of an archive's server."""
        with self._lock:
            key = access.origin, access.login
            if key not in self._clients:
                self._clients[key] = _Client(access, self._credentials, self._vault, self._http)
            return self._clients[key]

    def interrupt(self) -> None:
        """End every answer that is being read, from another thread."""
        with self._lock:
            for client in self._clients.values():
                client.interrupt()

    def close(self) -> None:
        """Close the connections that nobody uses."""
        with self._lock:
            for client in self._clients.values():
                client.close()


class _Client(HttpClient):
    """Asks one server, and keeps the answers in view so that they can be cut short."""

    def __init__(
        self, access: Access, credentials: Credentials, vault: Vault, options: HttpOptions
    ) -> None:
        super().__init__(access, credentials, vault, options)
        self._session.hooks["response"].append(_refuse_downgrade)
        self._open: set[requests.Response] = set()
        self._guard = threading.Lock()

    @contextmanager
    def ask(self, url: str, headers: dict[str, str]) -> Iterator[requests.Response]:
        """Give an open answer, 200 or 206. Raises `HttpFault` for any other."""
        failed: Received
        try:
            response = self._ask("GET", url, {**headers, "Accept-Encoding": "identity"})
        except HttpFault as fault:
            failed = fault.received
        else:
            with self._opened(response):
                yield response
            return
        raise HttpFault(_without_blame(failed))

    @contextmanager
    def _opened(self, response: requests.Response) -> Iterator[None]:
        with self._guard:
            self._open.add(response)
        try:
            yield
        finally:
            with self._guard:
                self._open.discard(response)
            response.close()

    def read(self, response: requests.Response) -> bytes:
        """Return the next piece as it was sent, nothing at the end. Raises `HttpFault`."""
        received: Received
        try:
            # As much as there is: waiting for a whole piece would hide how slow a line is, and
            # would lose what had come when it breaks.
            piece: bytes = response.raw.read1(_CHUNK_BYTES, decode_content=False)
        except _NETWORK as error:
            received = self.received(error)
        else:
            return piece
        raise HttpFault(_without_blame(received))

    def interrupt(self) -> None:
        with self._guard:
            for response in self._open:
                with suppress(Exception):  # it may just have come to its end
                    response.raw.shutdown()

    def close(self) -> None:
        self._session.close()


def _without_blame(received: Received) -> Received:
    """Return what a TLS connection that just ended means: it was cut, and may be trusted."""
    if not _CUT_TLS.search(received.detail):
        return received
    return Received(what=_BROKEN_OFF, is_passing=True, detail=received.detail)


def _refuse_downgrade(response: requests.Response, **_: Any) -> None:
    """Let nobody lead from https to http: what is read there anyone can read, and may know."""
    if not response.is_redirect:
        return
    target = urljoin(response.url, response.headers["Location"])
    if urlsplit(response.url).scheme == "https" and urlsplit(target).scheme != "https":
        response.close()
        raise HttpFault(
            Received(
                what="a redirection from https to an address without it",
                hint="ask whoever keeps the server, or name a mirror: "
                "`ENVLOCK_MIRRORS=ADDRESS=MIRROR`",
            )
        )


@dataclass(slots=True, kw_only=True)
class Download:
    """One archive: asked for until all of it is here."""

    client: _Client
    url: str
    partial: Partial
    size_bytes: int | None
    options: FetchOptions
    heed: Heed
    stop: threading.Event
    was_resumed: bool = False
    """Whether what is here comes from more than one answer."""
    encoding: str = "identity"
    """What the server says that it packed the archive with, though it was asked not to."""
    _furthest: int = 0
    _whole: int | None = None
    """How much the server has, as far as it says so."""

    def run(self) -> None:
        """Bring all of it here.

        Raises `HttpFault`, after which the part that came stays, `MismatchError` for more or
        fewer bytes than the lock names, and `OSError` where the disk refuses.
        """
        failures = 0
        self._furthest = self.partial.size_bytes
        for attempt in range(1, self.options.attempts + 1):
            furthest = self._furthest
            received = self._attempt()
            if received is None:
                return
            if not received.is_passing:
                raise HttpFault(received)
            self.heed(0)
            failures = 1 if self._furthest >= furthest + _PROGRESS_BYTES else failures + 1
            wait = self._wait_seconds(received, failures)
            is_last = failures > self.options.retries or attempt == self.options.attempts
            if is_last or wait > self.options.longest_wait_seconds:
                raise HttpFault(received)
            self.options.pause(self.stop, wait)
            self.heed(0)

    def restart(self) -> None:
        """Throw away what is here, and begin from nothing."""
        self.heed(-self.partial.size_bytes)
        self.partial.restart()
        self.was_resumed = False

    def _wait_seconds(self, received: Received, failures: int) -> float:
        if received.wait_seconds is not None:
            return received.wait_seconds
        backoff = min(
            self.options.backoff_seconds * 2.0 ** (failures - 1), _LONGEST_BACKOFF_SECONDS
        )
        return backoff * (0.5 + self.options.jitter())

    def _attempt(self) -> Received | None:
        """Ask once; return what came in place of the rest, None when all of it is here."""
        try:
            with self.client.ask(self.url, self._headers()) as response:
                self._begin(response)
                self._receive(response)
        except HttpFault as fault:
            if fault.received.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return self._anew("HTTP 416 (a range that the file does not have)")
            return fault.received
        return None

    def _anew(self, what: str) -> Received:
        """Return a finding after which nothing but the whole will do."""
        is_passing = self.partial.size_bytes > 0
        self.restart()
        return Received(what=what, is_passing=is_passing, wait_seconds=0.0)

    def _headers(self) -> dict[str, str]:
        at = self.partial.size_bytes
        if not at:
            return {}
        validator = self.partial.validator()
        return {"Range": f"bytes={at}-", **({"If-Range": validator} if validator else {})}

    def _begin(self, response: requests.Response) -> None:
        """Make the partial file end where the answer begins."""
        self.encoding = response.headers.get("Content-Encoding", "identity")
        at = self.partial.size_bytes
        if response.status_code == _PARTIAL:
            if not at or not self._continues(response.headers.get("Content-Range", ""), at):
                raise HttpFault(self._anew("another part of the file than was asked for"))
            self.was_resumed = True
            return
        length = response.headers.get("Content-Length", "")
        if self.size_bytes is not None and length.isdigit() and int(length) != self.size_bytes:
            raise self._other_size(f"{int(length):,} bytes")
        if at:
            self.restart()
        self._whole = int(length) if length.isdigit() else None
        self.partial.remember(response.headers.get("ETag"), response.headers.get("Last-Modified"))

    def _continues(self, content_range: str, at: int) -> bool:
        found = _CONTENT_RANGE.fullmatch(content_range.strip())
        if found is None or int(found[1]) != at:
            return False
        whole = None if found[3] == "*" else int(found[3])
        self._whole = whole
        return self.size_bytes is None or whole in (None, self.size_bytes)

    def _receive(self, response: requests.Response) -> None:
        limit = self.options.limit_bytes if self.size_bytes is None else self.size_bytes
        while chunk := self.client.read(response):
            if self.partial.size_bytes + len(chunk) > limit:
                raise self._other_size(f"more than {limit:,} bytes")
            self.heed(len(chunk))
            self.partial.write(chunk)
            self._furthest = max(self._furthest, self.partial.size_bytes)
        whole = self.size_bytes or self._whole
        if whole is not None and self.partial.size_bytes < whole:
            # Without a length in its head, an answer that breaks off looks like a whole one; and a
            # server may send less of a range than it was asked for.
            raise HttpFault(Received(what=_BROKEN_OFF, is_passing=True))

    def _other_size(self, received: str) -> MismatchError:
        known = self.size_bytes
        expected = (
            f"at most {self.options.limit_bytes:,} bytes" if known is None else f"{known:,} bytes"
        )
        return MismatchError("size", expected, received, None)


_LOGIN = "give its login in ~/.netrc, or write the address with `${VARIABLE}` in the login's place"
_MIRROR = "or name a mirror: `ENVLOCK_MIRRORS=ADDRESS=MIRROR`"


def hint_for(received: Received, variables: list[str]) -> str:
    """Return what a person can do; `variables` are those in the address that was asked."""
    status = received.status
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        names = " and ".join(f"`{name}`" for name in dict.fromkeys(variables))
        return f"check the value of {names}: the server was asked with it" if names else _LOGIN
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return f"the server no longer has this file: pin anew and solve, {_MIRROR}"
    if status is not None and status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return f"the server has a problem: try later, {_MIRROR}"
    if "TooManyRedirects" in received.detail:
        return f"check the address in the lock, {_MIRROR}"
    if received.hint == NETWORK:
        return f"check the network and its proxy, {_MIRROR}"
    return received.hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an archive is fetched from."""

    shown: str
    """For people; variables still in it."""
    access: Access | None = None
    path: Path | None = None


class Places:
    """Reads the addresses of a lock: variables filled in, mirrors in the place of servers."""

    def __init__(
        self, environment: Mapping[str, str], base: Path, credentials: Credentials, vault: Vault
    ) -> None:
        self._environment = environment
        self._base = base
        self._credentials = credentials
        self._vault = vault
        self._mirrors = _read_mirrors(environment.get("ENVLOCK_MIRRORS", ""))

    def find(self, wanted: WantedArtifact) -> Place:
        """Return where an archive is fetched from. Raises `LockError` and `EnvlockError`."""
        template = self._mirrored(wanted.url)
        missing = [name for name in VARIABLE.findall(template) if not self._environment.get(name)]
        if missing:
            raise _missing_variables(wanted, list(dict.fromkeys(missing)))
        address = self._rooted(template)
        if is_local(address):
            return Place(shown=template, path=self._path_of(address, wanted))
        if address.partition("://")[0].lower() not in _SCHEMES:
            raise _other_scheme(wanted, self._vault.public(template))
        access = self._open(address)
        # Outside of the handler: what was caught may carry the address with its secrets.
        if access is None or not urlsplit(access.address).hostname:
            raise _other_scheme(wanted, self._vault.public(template))
        return Place(shown=access.shown if address == template else template, access=access)

    def _open(self, address: str) -> Access | None:
        try:
            return self._credentials.open_file(address, "an archive")
        except (InputFileError, ValueError):
            return None

    def _mirrored(self, url: str) -> str:
        """Return an address with a mirror in its server's place; no login goes along."""
        bare = re.sub(r"(?<=://)[^/@]*@", "", url, count=1)
        for prefix, replacement in self._mirrors:
            if bare.startswith(prefix) and (bare[len(prefix) :] or "/").startswith("/"):
                self._learn_segments(replacement)
                return replacement + bare[len(prefix) :]
        return url

    def _rooted(self, template: str) -> str:
        """Return an address that no longer begins with a variable: a server or a folder."""
        found = VARIABLE.match(template)
        if found is None:
            return template
        value = self._environment[found[1]]
        self._vault.learn(value, found[0])
        self._learn_segments(value)
        return value + template[found.end() :]

    def _learn_segments(self, address: str) -> None:
        if not is_local(address):
            for segment in opaque_segments(address.partition("://")[2]):
                self._vault.learn(segment)

    def _path_of(self, address: str, wanted: WantedArtifact) -> Path:
        is_url = address[:5].lower() == "file:"
        text = address[5:].partition("#")[0] if is_url else address
        parts = VARIABLE.split(text)  # text, name, text, name, …
        path = "".join(
            self._environment.get(part, "") if at % 2 else (unquote(part) if is_url else part)
            for at, part in enumerate(parts)
        )
        if is_url and path.startswith("//"):
            host, _, path = path[2:].partition("/")
            path = f"/{path}"
            if host.lower() not in ("", "localhost"):
                raise _other_scheme(wanted, self._vault.public(wanted.url))
        if not path or "\0" in path:
            raise _other_scheme(wanted, self._vault.public(wanted.url))
        return self._base / path


def _missing_variables(wanted: WantedArtifact, names: Sequence[str]) -> EnvlockError:
    told = " and ".join(f"`{name}`" for name in names)
    return EnvlockError(
        f"the address of `{wanted.file_name}` ({wanted.package}) needs {told}, and the "
        f"environment has no such variable\n{UNTOUCHED}",
        hints=[f"set it for this one command, or export it: `export {names[0]}=…`"],
    )


def _other_scheme(wanted: WantedArtifact, shown: str) -> LockError:
    return LockError(
        f"`{wanted.file_name}` ({wanted.package}) has an address that nothing is fetched from\n"
        f"  expected: https://, http://, file:///, or a path beside the lock\n"
        f"  found:    {shown}\n"
        f"{UNTOUCHED}",
        hints=["name a mirror over https: `ENVLOCK_MIRRORS=ADDRESS=MIRROR`, or solve anew"],
    )


def _read_mirrors(text: str) -> list[tuple[str, str]]:
    """Return the pairs of `ENVLOCK_MIRRORS`, the longest prefix first."""
    pairs: list[tuple[str, str]] = []
    for at, item in enumerate(re.split(r"[\s,]+", text.strip()), start=1):
        found = _MIRROR_PAIR.fullmatch(item)
        if found:
            pairs.append((found["prefix"].rstrip("/"), found["replacement"].rstrip("/")))
        elif item:
            raise EnvlockError(
                f"ENVLOCK_MIRRORS: pair {at} is not PREFIX=REPLACEMENT, two addresses with a "
                f"scheme such as https://\n{UNTOUCHED}",
                hints=["`ENVLOCK_MIRRORS='https://host/channel=https://mirror/channel'`"],
            )
    return sorted(pairs, key=lambda pair: -len(pair[0]))
