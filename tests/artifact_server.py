"""A file server on 127.0.0.1 that does, request by request, what real servers do at their worst.

Each path has a script: one step for each request, and plain good behaviour after the last. It
counts what it was asked and how many bytes it sent.
"""

from __future__ import annotations

import contextlib
import gzip
import re
import ssl
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class Step:
    """How one request is answered; what is not named is done well."""

    status: int | None = None
    """Nothing but this status."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with whatever is sent."""
    redirect: str | None = None
    drop_after: int | None = None
    """So many bytes of the body, then the connection closes."""
    stall_after: int | None = None
    """So many bytes of the body, then nothing until the server ends."""
    is_silent: bool = False
    """Nothing at all until the server ends."""
    ignores_range: bool = False
    shift: int = 0
    """A range begins so many bytes too late, and says so."""
    is_packed: bool = False
    """gzip, though nobody asked for it."""
    flip_at: int | None = None
    """One bit of this byte of the file is changed."""
    is_chunked: bool = False
    """No length in the head."""
    is_endless: bool = False
    """Chunked, and never at its end."""
    most: int | None = None
    """A range ends after so many bytes at the latest, and says so."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked."""

    path: str
    headers: Message

    @property
    def range(self) -> str | None:
        return self.headers.get("Range")


@dataclass
class ArtifactServer:
    """What is served, and how; tests change it while it runs."""

    files: dict[str, bytes] = field(default_factory=dict)
    etags: dict[str, str] = field(default_factory=dict)
    """By path; a path without one has no ETag."""
    modified: dict[str, str] = field(default_factory=dict)
    scripts: dict[str, list[Step]] = field(default_factory=dict)
    always: dict[str, Step] = field(default_factory=dict)
    """How a path is answered once its script is over."""
    login: str | None = None
    """When set, a request needs this `Authorization`."""
    requests: list[Request] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    """Bytes of bodies by path."""
    at_once: int = 0
    """The most requests that were answered at the same time."""
    stalled: threading.Event = field(default_factory=threading.Event)
    """Set once some answer came to a halt."""
    url: str = ""
    closing: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    running: int = 0

    def asked(self, path: str) -> list[Request]:
        """Return the requests for one path."""
        return [request for request in self.requests if request.path == path]

    def next_step(self, path: str) -> Step:
        """Take the next step of a path's script."""
        script = self.scripts.get(path)
        return script.pop(0) if script else self.always.get(path, Step())


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    state: ArtifactServer

    def handle_error(self, *_: object) -> None:
        """Stay quiet: clients that give up early are what the tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def do_GET(self) -> None:
        state = self.server.state
        path = self.path.partition("?")[0]
        with state.lock:
            state.requests.append(Request(path=path, headers=self.headers))
            state.running += 1
            state.at_once = max(state.at_once, state.running)
            step = state.next_step(path)
        try:
            self._answer(state, path, step)
        finally:
            with state.lock:
                state.running -= 1

    def _answer(self, state: ArtifactServer, path: str, step: Step) -> None:
        if step.is_silent:
            self._halt(state)
        elif step.redirect is not None:
            self._head(302, {"Location": step.redirect, "Content-Length": "0"})
        elif state.login is not None and self.headers.get("Authorization") != state.login:
            self._refuse(401, step)
        elif step.status is not None:
            self._refuse(step.status, step)
        elif path not in state.files:
            self._refuse(404, step)
        else:
            self._serve(state, path, step)

    def _refuse(self, status: int, step: Step) -> None:
        self._head(status, {"Content-Length": "2", **step.headers})
        self.wfile.write(b"no")

    def _serve(self, state: ArtifactServer, path: str, step: Step) -> None:
        content = state.files[path]
        headers = {"ETag": state.etags.get(path), "Last-Modified": state.modified.get(path)}
        first = self._first(state, path, step)
        if first is not None and first >= len(content):
            self._head(416, {"Content-Range": f"bytes */{len(content)}", "Content-Length": "0"})
            return
        if step.flip_at is not None:
            at = step.flip_at
            content = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        body, status = content, 200
        if first is not None:
            first += step.shift
            end = len(content) if step.most is None else min(len(content), first + step.most)
            body, status = content[first:end], 206
            headers["Content-Range"] = f"bytes {first}-{end - 1}/{len(content)}"
        if step.is_packed:
            body = gzip.compress(body)
            headers["Content-Encoding"] = "gzip"
        known = {name: value for name, value in headers.items() if value is not None}
        self._send(state, path, step, status, {**known, **step.headers}, body)

    def _first(self, state: ArtifactServer, path: str, step: Step) -> int | None:
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        condition = self.headers.get("If-Range")
        versions = (None, state.etags.get(path), state.modified.get(path))
        if found is None or step.ignores_range or condition not in versions:
            return None
        return int(found[1])

    def _send(
        self,
        state: ArtifactServer,
        path: str,
        step: Step,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
    ) -> None:
        if step.is_chunked or step.is_endless:
            self._head(status, {**headers, "Transfer-Encoding": "chunked"})
            self._send_chunks(state, path, step, body)
            return
        self._head(status, {"Content-Length": str(len(body)), **headers})
        part = body
        for limit in (step.drop_after, step.stall_after):
            part = part if limit is None else part[:limit]
        self._write(state, path, part)
        if step.stall_after is not None:
            self._halt(state)
        if step.drop_after is not None:
            self.close_connection = True

    def _send_chunks(self, state: ArtifactServer, path: str, step: Step, body: bytes) -> None:
        part = body if step.drop_after is None else body[: step.drop_after]
        while True:
            for start in range(0, len(part), 65_536):
                piece = part[start : start + 65_536]
                self.wfile.write(b"%x\r\n" % len(piece))
                self._write(state, path, piece)
                self.wfile.write(b"\r\n")
            if not step.is_endless:
                break
        if step.drop_after is None:
            self.wfile.write(b"0\r\n\r\n")
        else:
            self.close_connection = True

    def _write(self, state: ArtifactServer, path: str, part: bytes) -> None:
        # Counted before: the client may be done before this thread goes on.
        with state.lock:
            state.sent[path] += len(part)
        self.wfile.write(part)
        self.wfile.flush()

    def _halt(self, state: ArtifactServer) -> None:
        state.stalled.set()
        state.closing.wait()
        self.close_connection = True

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


@contextlib.contextmanager
def serving(
    files: Mapping[str, bytes] | None = None, *, tls: ssl.SSLContext | None = None
) -> Iterator[ArtifactServer]:
    """Serve files by path on a free port of this machine."""
    state = ArtifactServer(files=dict(files or {}))
    server = _Server((HOST, 0), _Handler)
    server.state = state
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    state.url = f"{'https' if tls else 'http'}://{HOST}:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def ranges(requests: list[Request]) -> list[str | None]:
    """Return the ranges that were asked for, None for a whole file."""
    return [request.range for request in requests]


def by_path(requests: list[Request]) -> Mapping[str, int]:
    """Return how often each path was asked for."""
    found: defaultdict[str, int] = defaultdict(int)
    for request in requests:
        found[request.path] += 1
    return dict(found)
