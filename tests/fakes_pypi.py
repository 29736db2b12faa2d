"""A package index on 127.0.0.1 that can be told to misbehave, and the files that it lists."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import tarfile
import threading
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatch
from hashlib import sha256
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit

HOST = "127.0.0.1"
JSON_TYPE = "application/vnd.pypi.simple.v1+json"


def make_metadata(name: str, version: str, *requires: str, more: str = "") -> str:
    """A METADATA with a description that nobody needs."""
    needs = "".join(f"Requires-Dist: {item}\n" for item in requires)
    return (
        f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: a test\n"
        f"{needs}{more}\nA long description.\nRequires-Dist: not-this\n"
    )


def make_wheel(
    name: str,
    version: str,
    *requires: str,
    metadata: str | None = None,
    members: Mapping[str, bytes] | None = None,
) -> bytes:
    """A wheel, the same bytes each time."""
    folder = f"{name.replace('-', '_')}-{version}.dist-info"
    text = make_metadata(name, version, *requires) if metadata is None else metadata
    files = {**(members or {}), f"{folder}/WHEEL": b"Wheel-Version: 1.0\n"}
    if text:
        files[f"{folder}/METADATA"] = text.encode()
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path), content, zipfile.ZIP_DEFLATED)
    return output.getvalue()


def make_sdist(name: str, version: str, files: Mapping[str, str]) -> bytes:
    """A source archive, the same bytes each time."""
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w:gz", compresslevel=1) as tar:
        for path, text in files.items():
            entry = tarfile.TarInfo(f"{name}-{version}/{path}")
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return output.getvalue()


class Form(StrEnum):
    """How pages are written."""

    JSON = "json"
    HTML = "html"


class Fault(StrEnum):
    """What goes wrong with an answer."""

    TRUNCATED = "truncated"
    WEB_PAGE = "web page"
    SILENT = "silent"
    GARBLED = "garbled"


@dataclass(kw_only=True)
class Listed:
    """One file of a page."""

    file_name: str
    body: bytes
    uploaded: str | None = "2024-01-02T03:04:05.678900Z"
    requires_python: str | None = None
    yanked: str | None = None
    hashes: dict[str, str] | None = None
    url: str | None = None
    """Where the page says that it lies; None is relative to the page."""

    @property
    def sha256(self) -> str:
        return sha256(self.body).hexdigest()

    @property
    def digests(self) -> dict[str, str]:
        return {"sha256": self.sha256} if self.hashes is None else self.hashes


@dataclass(kw_only=True)
class Sent:
    """One request, as the server saw it."""

    method: str
    path: str
    query: str
    headers: dict[str, str]


@dataclass(kw_only=True)
class HostedIndex:
    """What the server has and how it misbehaves; tests change it while it runs."""

    projects: dict[str, list[Listed]] = field(default_factory=dict)
    prefix: str = ""
    """What stands before `/simple` and `/files`."""
    form: Form = Form.JSON
    offers_metadata: bool = True
    ranges: bool = True
    suffix_ranges: bool = True
    faults: dict[str, Fault | int] = field(default_factory=dict)
    """By path pattern: a fault, or an HTTP status."""
    repeats: int | None = None
    """How many answers of each path are faulty; None is all of them."""
    fault_headers: dict[str, str] = field(default_factory=dict)
    fault_body: bytes = b"no"
    pages: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """Content type and body by path, before everything else."""
    redirects: dict[str, str] = field(default_factory=dict)
    login: tuple[str, str] | None = None
    """When set, a request needs it."""
    query: dict[str, str] = field(default_factory=dict)
    """What a request's query must hold."""
    sent: list[Sent] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, name: str, version: str, *requires: str, tag: str = "py3-none-any") -> Listed:
        """List a wheel."""
        file_name = f"{name.replace('-', '_')}-{version}-{tag}.whl"
        return self.put(name, file_name, make_wheel(name, version, *requires))

    def put(self, project: str, file_name: str, body: bytes, **more: object) -> Listed:
        """List any file."""
        listed = Listed(file_name=file_name, body=body, **more)  # type: ignore[arg-type]
        self.projects.setdefault(project, []).append(listed)
        return listed

    def body_of(self, path: str) -> bytes | None:
        """Return the content of a path below `/files`."""
        name = unquote(path.rpartition("/")[2])
        for listed in (item for files in self.projects.values() for item in files):
            if name == listed.file_name:
                return listed.body
            if name == f"{listed.file_name}.metadata" and self.offers_metadata:
                return _metadata_of(listed.body)
        return None

    def page_of(self, project: str) -> tuple[str, bytes] | None:
        """Return content type and body of a project's page."""
        files = self.projects.get(project)
        if files is None:
            return None
        if self.form is Form.JSON:
            rows = [self._json_row(item) for item in files]
            page = {"meta": {"api-version": "1.1"}, "name": project, "files": rows}
            return JSON_TYPE, json.dumps(page).encode()
        return "text/html", self.html_of(files)

    def html_of(self, files: list[Listed]) -> bytes:
        """Return a page of links."""
        links = "".join(self._anchor(item) for item in files)
        return f"<!DOCTYPE html><html><body><h1>Links for it</h1>{links}</body></html>".encode()

    def _json_row(self, item: Listed) -> dict[str, object]:
        row: dict[str, object] = {
            "filename": item.file_name,
            "url": self._url(item),
            "hashes": item.digests,
            "size": len(item.body),
            "yanked": False if item.yanked is None else item.yanked or True,
        }
        if item.uploaded:
            row["upload-time"] = item.uploaded
        if item.requires_python:
            row["requires-python"] = item.requires_python
        if self.offers_metadata and item.file_name.endswith(".whl"):
            digest = sha256(_metadata_of(item.body) or b"").hexdigest()
            row["core-metadata"] = {"sha256": digest}
        return row

    def _anchor(self, item: Listed) -> str:
        digests = "".join(f"#{kind}={value}" for kind, value in item.digests.items())
        more = ""
        if item.requires_python:
            more += f' data-requires-python="{escape(item.requires_python)}"'
        if item.yanked is not None:
            more += f' data-yanked="{escape(item.yanked)}"'
        if self.offers_metadata and item.file_name.endswith(".whl"):
            more += ' data-core-metadata="true"'
        return f'<a href="{escape(self._url(item) + digests)}"{more}>{escape(item.file_name)}</a>\n'

    def _url(self, item: Listed) -> str:
        return item.url or f"../../files/{quote(item.file_name)}"


def _metadata_of(body: bytes) -> bytes | None:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            for name in archive.namelist():
                if name.endswith(".dist-info/METADATA"):
                    return archive.read(name)
    except zipfile.BadZipFile:
        return None
    return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    index: HostedIndex
    closing: threading.Event

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay quiet: clients that give up early are what the tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        """Print nothing."""

    def _answer(self) -> None:
        index = self.server.index
        parts = urlsplit(self.path)
        index.sent.append(
            Sent(
                method=self.command,
                path=parts.path,
                query=parts.query,
                headers={key.lower(): value for key, value in self.headers.items()},
            )
        )
        index.counts[parts.path] += 1
        if not self._is_let_in(index, parts.query):
            challenge = {"WWW-Authenticate": 'Basic realm="packages"', **index.fault_headers}
            self._send(401, index.fault_body, challenge)
            return
        if parts.path in index.redirects:
            self._send(302, b"elsewhere", {"Location": index.redirects[parts.path]})
            return
        found, fault = self._find(index, parts.path), self._fault(index, parts.path)
        if isinstance(fault, int):
            self._send(fault, index.fault_body, index.fault_headers)
        elif found is None:
            self._send(404, b"not here", {})
        else:
            self._misbehave(fault, *found)

    def _is_let_in(self, index: HostedIndex, query: str) -> bool:
        given = {key: values[0] for key, values in parse_qs(query).items()}
        if any(given.get(key) != value for key, value in index.query.items()):
            return False
        if index.login is None:
            return True
        coded = base64.b64encode(":".join(index.login).encode()).decode()
        return self.headers.get("Authorization", "") == f"Basic {coded}"

    def _fault(self, index: HostedIndex, path: str) -> Fault | int | None:
        if index.repeats is not None and index.counts[path] > index.repeats:
            return None
        return next((fault for glob, fault in index.faults.items() if fnmatch(path, glob)), None)

    def _find(self, index: HostedIndex, path: str) -> tuple[str, bytes] | None:
        if path in index.pages:
            return index.pages[path]
        if not path.startswith(index.prefix):
            return None
        kind, _, rest = path.removeprefix(index.prefix).lstrip("/").partition("/")
        if kind == "simple":
            return index.page_of(rest.rstrip("/")) if rest.endswith("/") else None
        if kind == "flat.html":
            return "text/html", index.html_of([x for row in index.projects.values() for x in row])
        body = index.body_of(path) if kind == "files" else None
        return None if body is None else ("application/octet-stream", body)

    def _misbehave(self, fault: Fault | int | None, kind: str, body: bytes) -> None:
        match fault:
            case Fault.WEB_PAGE:
                page = b"<html><body>Please log in to the hotel network</body></html>"
                self._send(200, page, {"Content-Type": "text/html"})
            case Fault.GARBLED:
                self._send(200, bytes(255 - byte for byte in body), {"Content-Type": kind})
            case Fault.SILENT:
                self.server.closing.wait()
            case Fault.TRUNCATED:
                self._send(200, body[: len(body) // 2], {"Content-Length": str(len(body))})
                self.close_connection = True
            case _:
                self._send_range(kind, body)

    def _send_range(self, kind: str, body: bytes) -> None:
        index, asked = self.server.index, self.headers.get("Range", "")
        headers = {"Content-Type": kind}
        unit, _, span = asked.partition("=")
        first, _, last = span.partition("-")
        if unit != "bytes" or not index.ranges:
            self._send(200, body, headers)
        elif not first and not index.suffix_ranges:
            self._send(416, b"no", {})
        else:
            start = int(first) if first else max(0, len(body) - int(last))
            end = min(int(last), len(body) - 1) if first and last else len(body) - 1
            headers["Content-Range"] = f"bytes {start}-{end}/{len(body)}"
            self._send(206, body[start : end + 1], headers)

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
            self.wfile.flush()


@contextlib.contextmanager
def serve(index: HostedIndex) -> Iterator[str]:
    """Serve an index on a free port of this machine; gives the address of the server."""
    server = _Server((HOST, 0), _Handler)
    server.index, server.closing = index, threading.Event()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_address[1]}"
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


Change = Callable[[HostedIndex], None]
