"""A tiny conda channel on 127.0.0.1 that can be told to misbehave.

It publishes the same records in three forms (`repodata.json`, `repodata.json.zst`, and the sharded
index of CEP 16), counts requests, and breaks any answer in the ways that real servers do.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatch
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import zstandard

Record = Mapping[str, object]
Folders = Mapping[str, Mapping[str, Record]]
"""Records by subdir and archive name."""

HOST = "127.0.0.1"


class Form(StrEnum):
    """How the channel publishes its records."""

    PLAIN = "plain"
    ZST = "zst"
    SHARDED = "sharded"


class Fault(StrEnum):
    """What goes wrong with an answer."""

    TRUNCATED = "truncated"
    """The length of the whole is promised, half of it is sent, the connection closes."""
    GARBLED = "garbled"
    """Every byte after the first eight is changed."""
    WEB_PAGE = "web page"
    """An HTML page with status 200, as a captive portal sends it."""
    SILENT = "silent"
    """The connection is accepted and nothing is ever answered."""
    STALLED = "stalled"
    """Headers and half of the body come, then nothing."""
    DRIPPING = "dripping"
    """The body comes slowly but steadily: nothing is wrong."""


@dataclass(kw_only=True)
class HostedChannel:
    """What the server publishes and how it misbehaves; tests change it while it runs."""

    folders: Folders
    prefix: str = ""
    """Where on the server the channel lies."""
    forms: frozenset[Form] = frozenset({Form.PLAIN})
    faults: dict[str, Fault | int] = field(default_factory=dict)
    """By path pattern: a fault, or an HTTP status."""
    repeats: int | None = None
    """How many answers of each path are faulty; None is all of them."""
    headers: dict[str, str] = field(default_factory=dict)
    """Sent with every faulty status, such as `Retry-After`."""
    password: str | None = None
    """When set, a request needs an Authorization header that ends in it."""
    requests: Counter[str] = field(default_factory=Counter)
    agents: set[str] = field(default_factory=set)
    drip_seconds: float = 0.3
    base_url: str | None = None
    """Where the archives are said to lie (CEP 15); None is beside the repodata."""

    def files(self) -> dict[str, bytes]:
        """Return every file of the channel by path."""
        files: dict[str, bytes] = {}
        for subdir, records in self.folders.items():
            for form in self.forms:
                made = _FORMS[form](subdir, records, self.base_url)
                files |= {f"{self.prefix}/{subdir}/{name}": body for name, body in made}
        return files

    def fault_of(self, path: str) -> Fault | int | None:
        """Return what is wrong with the next answer for a path."""
        if self.repeats is not None and self.requests[path] > self.repeats:
            return None
        return next((fault for glob, fault in self.faults.items() if fnmatch(path, glob)), None)


def repodata(subdir: str, records: Mapping[str, Record], base_url: str | None = None) -> bytes:
    """Return an ordinary `repodata.json`."""
    info = {"subdir": subdir, **({"base_url": base_url} if base_url else {})}
    return json.dumps({"info": info, **_tables(records), "repodata_version": 1}).encode()


def _tables(records: Mapping[str, Record]) -> dict[str, dict[str, Record]]:
    conda = {name: row for name, row in records.items() if name.endswith(".conda")}
    older = {name: row for name, row in records.items() if name not in conda}
    return {"packages": older, "packages.conda": conda}


Made = Iterator[tuple[str, bytes]]


def _plain(subdir: str, records: Mapping[str, Record], base_url: str | None) -> Made:
    yield "repodata.json", repodata(subdir, records, base_url)


def _zst(subdir: str, records: Mapping[str, Record], base_url: str | None) -> Made:
    yield "repodata.json.zst", zstandard.compress(repodata(subdir, records, base_url))


def _sharded(subdir: str, records: Mapping[str, Record], base_url: str | None) -> Made:
    """One shard for each package name, and an index of their digests (CEP 16)."""
    digests: dict[str, bytes] = {}
    for name in sorted({str(row["name"]) for row in records.values()}):
        mine = {key: _shard_row(row) for key, row in records.items() if row["name"] == name}
        shard = zstandard.compress(pack({**_tables(mine), "removed": []}))
        digests[name] = sha256(shard).digest()
        yield f"shards/{digests[name].hex()}.msgpack.zst", shard
    info = {"subdir": subdir, "base_url": base_url or "./", "shards_base_url": "./shards/"}
    index = {"version": 1, "info": info, "shards": digests}
    yield "repodata_shards.msgpack.zst", zstandard.compress(pack(index))


def _shard_row(row: Record) -> Record:
    """Return a record with its hashes as bytes: CEP 16 wants them so."""
    hashes = {key: bytes.fromhex(str(row[key])) for key in ("md5", "sha256") if key in row}
    return {**row, **hashes}


_FORMS: Mapping[Form, Callable[[str, Mapping[str, Record], str | None], Made]] = {
    Form.PLAIN: _plain,
    Form.ZST: _zst,
    Form.SHARDED: _sharded,
}


def pack(value: object) -> bytes:  # noqa: PLR0911 - one line for each type
    """Encode plain data as MessagePack: the few types that repodata needs."""
    match value:
        case None:
            return b"\xc0"
        case bool():
            return b"\xc3" if value else b"\xc2"
        case int():
            return b"\xcf" + struct.pack(">Q", value)
        case str():
            text = value.encode()
            return b"\xdb" + struct.pack(">I", len(text)) + text
        case bytes():
            return b"\xc6" + struct.pack(">I", len(value)) + value
        case list() | tuple():
            return b"\xdd" + struct.pack(">I", len(value)) + b"".join(map(pack, value))
        case Mapping():
            rows = b"".join(pack(key) + pack(item) for key, item in value.items())
            return b"\xdf" + struct.pack(">I", len(value)) + rows
        case _:
            raise TypeError(f"{type(value).__name__} is not plain data")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    channel: HostedChannel
    closing: threading.Event

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay quiet: clients that give up early are what the tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def _answer(self) -> None:
        channel, path = self.server.channel, self.path.partition("?")[0]
        channel.requests[path] += 1
        channel.agents.add(self.headers.get("User-Agent", ""))
        sent = self.headers.get("Authorization", "")
        if channel.password is not None and not sent.endswith(channel.password):
            self._send(401, b"who are you?")
            return
        fault = channel.fault_of(path)
        body = channel.files().get(path)
        if isinstance(fault, int):
            self._send(fault, b"no", channel.headers)
        elif body is None:
            self._send(404, b"not here")
        else:
            self._misbehave(fault, body)

    def _misbehave(self, fault: Fault | None, body: bytes) -> None:
        match fault:
            case _ if fault is None or self.command == "HEAD":
                self._send(200, body)
            case Fault.WEB_PAGE:
                self._send(200, b"<html><body>Please log in to the hotel network</body></html>")
            case Fault.GARBLED:
                self._send(200, body[:8] + bytes(255 - byte for byte in body[8:]))
            case Fault.SILENT:
                self.server.closing.wait()
            case Fault.TRUNCATED:
                self._send(200, body[: len(body) // 2], {"Content-Length": str(len(body))})
                self.close_connection = True
            case Fault.STALLED:
                self._send(200, body[: len(body) // 2], {"Content-Length": str(len(body))})
                self.server.closing.wait()
            case Fault.DRIPPING:
                self._drip(body)

    def _drip(self, body: bytes) -> None:
        self._send(200, b"", {"Content-Length": str(len(body))})
        step = len(body) // 8 + 1
        for start in range(0, len(body), step):
            self.wfile.write(body[start : start + step])
            self.wfile.flush()
            self.server.closing.wait(self.server.channel.drip_seconds)

    def _send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
            self.wfile.flush()


@contextlib.contextmanager
def serve(channel: HostedChannel, *, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """Serve a channel on a free port of this machine; gives its base URL."""
    server = _Server((HOST, 0), _Handler)
    server.channel, server.closing = channel, threading.Event()
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://{HOST}:{server.server_address[1]}"
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def closed_port() -> int:
    """Return a port of this machine on which nobody listens."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
