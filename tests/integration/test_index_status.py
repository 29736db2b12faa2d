"""Asking a server of this machine whether files are still there."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from envlock.backends.pypi_options import HttpOptions
from envlock.backends.pypi_status import LiveStatus
from envlock.model.sight import Withdrawn
from envlock.ports.index_status import AskedPackage, StatusAnswer

QUICK = HttpOptions(timeout_seconds=0.5, total_seconds=2.0, retries=0)
JSON = "application/vnd.pypi.simple.v1+json"


@dataclass
class Index:
    """What the server has, and what it was asked."""

    pages: dict[str, bytes] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    no_head: bool = False
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def list(self, project: str, **files: bool | str) -> None:
        """Publish a project's page: file name -> yanked."""
        rows = [
            {"filename": f"{name}-py3-none-any.whl", "url": "x", "hashes": {}, "yanked": yanked}
            for name, yanked in files.items()
        ]
        page = {"meta": {"api-version": "1.1"}, "name": project, "files": rows}
        self.pages[f"/simple/{project}/"] = json.dumps(page).encode()


@pytest.fixture
def index() -> Iterator[Index]:
    state = Index()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_HEAD(self) -> None:
            if state.no_head:
                self.answer(405)
            else:
                self.do_GET()

        def do_GET(self) -> None:
            state.asked.append((self.command, self.path, self.headers.get("Authorization", "")))
            if self.path.startswith("/slow"):
                state.hold.wait(5)
            body = state.pages.get(self.path)
            self.answer(
                state.statuses.get(self.path, 200 if body is not None else 404), body or b""
            )

        def answer(self, status: int, body: bytes = b"") -> None:
            self.send_response(status)
            self.send_header("Content-Type", JSON)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield state
    state.hold.set()
    server.shutdown()
    server.server_close()
    thread.join()


def look(index: Index, *packages: AskedPackage, **options: object) -> StatusAnswer:
    options = {"http": QUICK, "default_index": f"{index.url}/simple", **options}
    return LiveStatus({}, **options).look(packages)


def of_pypi(index: Index, name: str, version: str = "1.0", *, has_file: bool = True):
    address = f"{index.url}/files/{name}-{version}-py3-none-any.whl"
    files = (address,) if has_file else ()
    return AskedPackage(package=name, version=version, project=name, files=files)


def of_conda(index: Index, path: str):
    return AskedPackage(package="numpy", version="2.0", files=(f"{index.url}{path}",))


def test_what_the_index_lists_is_there(index):
    index.list("a", **{"a-1.0": False})

    assert look(index, of_pypi(index, "a")) == StatusAnswer(answered=1)


def test_a_yanked_file_is_told_with_its_reason(index):
    index.list("a", **{"a-1.0": "broken metadata"})
    index.list("b", **{"b-1.0": True, "b-2.0": False})

    assert look(index, of_pypi(index, "a"), of_pypi(index, "b")).withdrawn == (
        Withdrawn(
            package="a", file="a-1.0-py3-none-any.whl", problem="was yanked: broken metadata"
        ),
        Withdrawn(package="b", file="b-1.0-py3-none-any.whl", problem="was yanked"),
    )


def test_a_file_is_gone_where_neither_page_nor_address_has_it(index):
    index.list("a", **{"a-2.0": False})
    index.list("b", **{"b-2.0": False})
    index.pages["/files/b-1.0-py3-none-any.whl"] = b""

    answer = look(index, of_pypi(index, "a"), of_pypi(index, "b"), of_pypi(index, "c"))

    gone = {"problem": "is gone", "is_gone": True}
    assert answer == StatusAnswer(
        withdrawn=(
            Withdrawn(package="a", file="a-1.0-py3-none-any.whl", **gone),
            Withdrawn(package="c", file="c-1.0-py3-none-any.whl", **gone),
        ),
        answered=3,
    )


def test_a_version_without_a_file_is_looked_for_on_the_page(index):
    index.list("a", **{"a-1.0.0": False, "a-2.0": "bad"})

    packages = [of_pypi(index, "a", version, has_file=False) for version in ("1.0", "2.0", "3.0")]
    assert look(index, *packages).withdrawn == (
        Withdrawn(package="a", file="a-2.0-py3-none-any.whl", problem="was yanked: bad"),
        Withdrawn(package="a", file="a 3.0", problem="is not on its index", is_gone=True),
    )
    assert [path for _, path, _ in index.asked] == ["/simple/a/"]


@pytest.mark.parametrize("no_head", [False, True])
def test_an_archive_of_a_channel_is_asked_for_by_its_address(index, no_head):
    index.no_head = no_head
    index.pages["/forge/noarch/numpy-2.0-0.conda"] = b"x" * 100_000
    index.statuses["/forge/noarch/numpy-2.0-2.conda"] = 410
    paths = [f"/forge/noarch/numpy-2.0-{number}.conda" for number in range(3)]

    assert look(index, *(of_conda(index, path) for path in paths)).withdrawn == tuple(
        Withdrawn(
            package="numpy", file=f"numpy-2.0-{number}.conda", problem="is gone", is_gone=True
        )
        for number in (1, 2)
    )


def test_a_server_that_does_not_answer_is_no_proof_of_anything(index):
    index.list("b", **{"b-1.0": True})
    index.statuses["/forge/numpy-2.0-0.conda"] = 503
    index.pages["/simple/a/"] = b"<html>log in</html>"

    answer = look(
        index,
        of_conda(index, "/forge/numpy-2.0-0.conda"),
        of_pypi(index, "a"),
        of_pypi(index, "b"),
    )

    assert [item.package for item in answer.withdrawn] == ["b"]
    assert answer.answered == 1
    assert answer.unasked == (
        "1 package: HTTP 503 (Service Unavailable) from 127.0.0.1; 1 package: JSON that is no page "
        "of a project: JSON is malformed: invalid character (byte 0) in place of a page from "
        "127.0.0.1"
    )


def test_of_many_reasons_the_commonest_are_told(index):
    paths = {f"/forge/{status}.conda": status for status in (403, 500, 502, 403.5)}
    index.statuses.update({path: int(status) for path, status in paths.items()})
    index.statuses["/simple/a/"] = 403

    answer = look(index, of_pypi(index, "a"), *(of_conda(index, path) for path in paths))

    assert answer.unasked == (
        "3 packages: HTTP 403 (Forbidden) from 127.0.0.1; 1 package: HTTP 500 (Internal Server "
        "Error) from 127.0.0.1; and 1 other reason"
    )


def test_time_has_an_end(index):
    answer = look(index, of_conda(index, "/slow/a.conda"), http=HttpOptions(retries=0), seconds=0.2)

    assert answer == StatusAnswer(unasked="1 package: no answer within 0 seconds")
    index.hold.set()


def test_a_strangers_address_takes_no_login_and_no_query_along(index):
    address = index.url.replace("//", "//me:secret@")
    asked = AskedPackage(package="a", version="1", files=(f"{address}/a.conda?token=secret",))

    look(index, asked)

    assert index.asked == [("HEAD", "/a.conda", "")]


def test_an_address_that_is_none_is_told(index):
    asked = AskedPackage(package="a", version="1", files=("http://[",))

    assert look(index, asked).unasked == "1 package: Invalid IPv6 URL"
