"""A package index on 127.0.0.1 that gives one resolver run what a `PackageSource` knows.

The resolver sees a single index, so it cannot mix owners up: each project's page comes from its
owner, a distribution that conda provides has a page with that one version, and a project that may
come from one address has a page with that one file. No page names a real address: a file is named
by its digest, and `file_named` leads back. Nothing but pages and METADATA is ever handed out.

An error of the source is kept in `fault` and answered with a problem document, never with 404:
a resolver takes that as "no such version" and would choose another.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from envlock.model.pypi import DistributionFile, FixedPoint, Page
from envlock.ports.pypi import PackageSource

_PAGE_TYPE = "application/vnd.pypi.simple.v1+json"
_PROBLEM_TYPE = "application/problem+json"
_PAGE = re.compile(r"/simple/(?P<name>[a-z0-9][a-z0-9-]*)/$")
_METADATA = re.compile(r"/files/(?P<sha256>[0-9a-f]{64})/(?P<file>[^/]+)\.metadata$")
_SDIST = re.compile(r"\.(?:tar\.gz|zip|tgz|tar\.bz2)$")
_LONG_AGO = "1970-01-01T00:00:00Z"
"""For a file whose index does not say: the pin is its date."""


class Loopback:
    """One source, served; see the module."""

    def __init__(
        self, source: PackageSource, fixed: Sequence[FixedPoint], urls: Mapping[str, str]
    ) -> None:
        self.fault: Exception | None = None
        """The first error that the source raised."""
        self._source = source
        self._fixed = {item.name: item for item in fixed}
        self._urls = urls
        self._listed: dict[tuple[str, str], DistributionFile] = {}
        self._indexes: dict[str, str] = {}
        self._token = secrets.token_urlsafe(16)
        self._server: ThreadingHTTPServer | None = None

    @property
    def index_url(self) -> str:
        """The address that a resolver is given as its only index."""
        assert self._server is not None  # noqa: S101 - only asked for while serving
        return f"http://127.0.0.1:{self._server.server_port}/{self._token}/simple/"

    @contextlib.contextmanager
    def serving(self) -> Iterator[Loopback]:
        """Serve until the block ends."""
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def file_named(self, sha256_hex: str, file_name: str) -> tuple[DistributionFile, str]:
        """Return the file that a page listed, and the name of its index."""
        file = self._listed[sha256_hex, file_name]
        return file, self._indexes[sha256_hex]

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Return status, content type and body for a path of the resolver."""
        prefix = f"/{self._token}"
        if not secrets.compare_digest(path[: len(prefix)], prefix):
            return _problem("this index serves one resolver, and you are another")
        try:
            found = self._found(path[len(prefix) :])
        except Exception as error:  # noqa: BLE001 - a mistake of ours too: it is raised by whoever serves
            self.fault = self.fault or error
            return _problem(str(error))
        return found or _problem(f"nothing but pages and METADATA is served here: {path}")

    def _found(self, path: str) -> tuple[int, str, bytes] | None:
        if match := _PAGE.match(path):
            return self._page(match["name"])
        if match := _METADATA.match(path):
            return self._metadata(match["sha256"], match["file"])
        return None

    def _page(self, name: str) -> tuple[int, str, bytes]:
        fixed = self._fixed.get(name)
        if fixed:
            return _json_page(name, [_entry(_fixed_file(fixed), wheel_name(name, fixed.version))])
        url = self._urls.get(name)
        page = self._source.url_page(name, url) if url else self._source.page(name)
        if page is None:
            return 404, "text/plain", b"no such project"
        return _json_page(name, [_entry(file, shown) for file, shown in self._shown(page)])

    def _shown(self, page: Page) -> Iterator[tuple[DistributionFile, str]]:
        """List the files of a page under the names that a resolver sees.

        A source archive is shown as a wheel for any machine: what it would be built into.
        """
        taken = {file.file_name for file in page.files}
        for file in page.files:
            shown = _as_wheel(page.name, file.file_name)
            if shown == file.file_name or shown not in taken:
                self._listed[file.sha256, shown] = file
                self._indexes[file.sha256] = page.index
                yield file, shown

    def _metadata(self, digest: str, file_name: str) -> tuple[int, str, bytes] | None:
        for item in self._fixed.values():
            if digest == _fixed_file(item).sha256:
                return 200, "text/plain", fixed_metadata(item)
        file = self._listed.get((digest, file_name))
        return (200, "text/plain", self._source.metadata(file)) if file else None


def wheel_name(name: str, version: str) -> str:
    """Return the file name of a wheel for any machine."""
    return f"{name.replace('-', '_')}-{version}-py3-none-any.whl"


def fixed_metadata(item: FixedPoint) -> bytes:
    """Return the METADATA of a distribution that conda provides: its name and version alone.

    What it needs in turn is the conda half's business.
    """
    return f"Metadata-Version: 2.1\nName: {item.name}\nVersion: {item.version}\n".encode()


def _fixed_file(item: FixedPoint) -> DistributionFile:
    digest = sha256(fixed_metadata(item)).hexdigest()
    return DistributionFile(file_name=wheel_name(item.name, item.version), url="", sha256=digest)


def _as_wheel(name: str, file_name: str) -> str:
    suffix = _SDIST.search(file_name)
    if suffix is None:
        return file_name
    version = file_name[: suffix.start()].rpartition("-")[2]
    return wheel_name(name, version)


def _entry(file: DistributionFile, shown: str) -> dict[str, object]:
    entry: dict[str, object] = {
        "filename": shown,
        "url": f"../../files/{file.sha256}/{shown}",
        "hashes": {"sha256": file.sha256},
        "core-metadata": True,
        "upload-time": file.uploaded or _LONG_AGO,
        "yanked": file.yanked or True if file.yanked is not None else False,
    }
    if file.requires_python:
        entry["requires-python"] = file.requires_python
    if file.size_bytes is not None:
        entry["size"] = file.size_bytes
    return entry


def _json_page(name: str, files: Sequence[Mapping[str, object]]) -> tuple[int, str, bytes]:
    page = {"meta": {"api-version": "1.1"}, "name": name, "files": files}
    return 200, _PAGE_TYPE, json.dumps(page).encode()


def _problem(title: str) -> tuple[int, str, bytes]:
    return 400, _PROBLEM_TYPE, json.dumps({"title": title, "status": 400}).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        """Say nothing: a resolver that has its answer drops its connections."""


def _handler(loopback: Loopback) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # one connection for many requests
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            status, kind, body = loopback.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing: stderr is for people."""

    return Handler
