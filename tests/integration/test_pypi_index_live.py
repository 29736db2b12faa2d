"""Live package indexes over real HTTP: what they list, what goes wrong, what people are told."""

from __future__ import annotations

import io
import json
import random
import threading
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from envlock.backends.pypi_indexes import LiveIndexes
from envlock.backends.pypi_options import HttpOptions
from envlock.errors import InputFileError, WorldError
from envlock.model.pypi import DistributionFile, Page
from envlock.model.stack import DEFAULT_INDEX, IndexFormat
from envlock.ports.pypi import IndexSource, Recorder
from fakes_pypi import (
    JSON_TYPE,
    Fault,
    Form,
    HostedIndex,
    make_metadata,
    make_sdist,
    make_wheel,
    serve,
)

AS_OF = "2025-01-01T00:00:00Z"
STATE = "Nothing was recorded; the stack stays with the recording that it had."


def open_live(
    location: str,
    tmp_path: Path,
    *more: IndexSource,
    sdists: tuple[str, ...] = (),
    pythons: tuple[str, ...] = (),
    sleep: Callable[[float], None] = lambda _: None,
    environment: dict[str, str] | None = None,
) -> Recorder:
    http = HttpOptions(timeout_seconds=0.5, retries=2, sleep=sleep)
    indexes = LiveIndexes(
        base=tmp_path, cache=tmp_path / "cache", environment=environment or {}, http=http
    )
    default = IndexSource(name=DEFAULT_INDEX, url="", location=location)
    return indexes.live([*more, default], AS_OF, sdists, pythons)


def names(page: Page | None) -> list[str]:
    assert page is not None
    return [file.file_name for file in page.files]


def only(page: Page | None) -> DistributionFile:
    assert page is not None
    (file,) = page.files
    return file


def refused(source: Recorder, name: str = "tool") -> WorldError:
    with pytest.raises(WorldError) as caught:
        source.page(name)
    return caught.value


# What is listed


def test_files_uploaded_after_the_moment_are_not_seen(tmp_path: Path) -> None:
    index = HostedIndex()
    index.add("tool", "1.0").uploaded = "2025-01-01T00:00:00Z"
    index.add("tool", "2.0").uploaded = "2025-01-01T00:00:00.000001Z"
    index.add("tool", "3.0").uploaded = "2025-01-01T01:00:00+02:00"
    index.add("tool", "4.0").uploaded = None
    with serve(index) as server:
        page = open_live(f"{server}/simple", tmp_path).page("tool")

    assert page is not None
    assert [(file.file_name[5:8], file.uploaded) for file in page.files] == [
        ("1.0", "2025-01-01T00:00:00Z"),
        ("3.0", "2024-12-31T23:00:00Z"),
        ("4.0", ""),
    ]


def test_only_wheels_of_the_project_for_machines_of_ours_are_listed(tmp_path: Path) -> None:
    index = HostedIndex()
    for file_name in (
        "tool-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "tool-1.0-cp311-cp311-macosx_11_0_arm64.whl",
        "tool-1.0-cp311-cp311-win_amd64.whl",
        "tool-1.0-py3-none-any.whl",
        "tool-1.0-cp311-cp311-musllinux_1_2_x86_64.whl",
        "tool-1.0-cp311-cp311-win32.whl",
        "tool-1.0-cp311-cp311-manylinux2014_s390x.whl",
        "other-1.0-py3-none-any.whl",
        "tool-one-py3-none-any.whl",
        "tool-1.0-py3-none-any.exe",
        "tool-1.0-py3.11.egg",
        "tool-1.0.tar.gz",
        "../../tool-1.0-py3-none-any.whl",
    ):
        index.put("tool", file_name, b"x", url=f"../../files/{file_name.rpartition('/')[2]}")
    index.offers_metadata = False
    with serve(index) as server:
        found = names(open_live(f"{server}/simple", tmp_path).page("tool"))

    assert found == [
        "tool-1.0-cp311-cp311-macosx_11_0_arm64.whl",
        "tool-1.0-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
        "tool-1.0-cp311-cp311-win_amd64.whl",
        "tool-1.0-py3-none-any.whl",
    ]


def test_wheels_that_no_wanted_python_takes_are_left_out(tmp_path: Path) -> None:
    index = HostedIndex(offers_metadata=False)
    tags = [
        "cp310-cp310", "cp311-cp311", "cp312-cp312", "cp313-cp313t", "cp38-abi3", "cp313-abi3",
        "py3-none", "py2.py3-none", "py2-none", "py311-none", "py312-none", "pp311-pypy311_pp73",
        "cp311-none",
    ]  # fmt: skip
    for tag in tags:
        index.put("tool", f"tool-1.0-{tag}-win_amd64.whl", tag.encode())
    with serve(index) as server:
        found = names(open_live(f"{server}/simple", tmp_path, pythons=("3.11",)).page("tool"))

    assert [name.removeprefix("tool-1.0-").removesuffix("-win_amd64.whl") for name in found] == [
        "cp311-cp311",
        "cp311-none",
        "cp38-abi3",
        "py2.py3-none",
        "py3-none",
        "py311-none",
    ]


def test_source_archives_are_listed_for_projects_that_may_come_so(tmp_path: Path) -> None:
    index = HostedIndex()
    index.put("tool", "tool-1.0.tar.gz", b"x")
    index.put("other", "other-1.0.tar.gz", b"x")
    with serve(index) as server:
        source = open_live(f"{server}/simple", tmp_path, sdists=("Tool",))

        assert names(source.page("tool")) == ["tool-1.0.tar.gz"]
        assert names(source.page("other")) == []


def test_the_first_index_that_lists_a_project_owns_it(tmp_path: Path) -> None:
    first, second, default = HostedIndex(), HostedIndex(), HostedIndex()
    for index in (first, second, default):
        index.add("tool", "1.0")
    second.add("other", "1.0")
    default.add("third", "1.0")
    with serve(first) as one, serve(second) as two, serve(default) as rest:
        own = [
            IndexSource(name="one", url=one, location=f"{one}/simple", packages=("tool",)),
            IndexSource(name="two", url=two, location=f"{two}/simple", packages=("tool", "other")),
        ]
        source = open_live(f"{rest}/simple", tmp_path, *own)
        pages = [source.page(name) for name in ("tool", "other", "third")]

    assert [page and page.index for page in pages] == ["one", "two", DEFAULT_INDEX]
    assert not second.counts["/simple/tool/"]
    assert not default.counts["/simple/tool/"]


def test_a_flat_page_lists_many_projects(tmp_path: Path) -> None:
    index = HostedIndex(offers_metadata=False)
    index.add("tool", "1.0+cu121")
    index.add("other", "1.0")
    with serve(index) as server:
        flat = IndexSource(
            name="flat",
            url=f"{server}/flat.html",
            location=f"{server}/flat.html",
            format=IndexFormat.FLAT,
            packages=("tool", "other", "absent"),
        )
        for listed in (*index.projects["tool"], *index.projects["other"]):
            listed.url = f"/files/{listed.file_name.replace('+', '%2B')}"
        source = open_live(f"{server}/simple", tmp_path, flat)
        pages = [source.page("tool"), source.page("other"), source.page("absent")]

        assert names(pages[0]) == ["tool-1.0+cu121-py3-none-any.whl"]
        assert names(pages[1]) == ["other-1.0-py3-none-any.whl"]
        assert pages[2] is None
        assert source.metadata(only(pages[0])).startswith(b"Metadata-Version: 2.1\nName: tool\n")
    assert index.counts["/flat.html"] == 1


def test_a_folder_is_a_flat_index_of_relative_files(tmp_path: Path) -> None:
    folder = tmp_path / "wheels"
    folder.mkdir()
    (folder / "tool-1.0-py3-none-any.whl").write_bytes(make_wheel("tool", "1.0", "helper"))
    (folder / "other-1.0-py3-none-any.whl").write_bytes(make_wheel("other", "1.0"))
    flat = IndexSource(
        name="flat",
        url="./wheels",
        location="./wheels",
        format=IndexFormat.FLAT,
        packages=("tool", "absent"),
    )
    source = open_live("http://127.0.0.1:9/simple", tmp_path, flat)

    file = only(source.page("tool"))
    assert (file.url, file.size_bytes) == ("wheels/tool-1.0-py3-none-any.whl", 401)
    assert source.metadata(file).endswith(b"Requires-Dist: helper\n")
    assert source.page("absent") is None
    assert str(tmp_path).encode() not in source.recording("uv 1", AS_OF)


def test_a_folder_of_a_file_address_keeps_its_address(tmp_path: Path) -> None:
    (tmp_path / "tool-1.0-py3-none-any.whl").write_bytes(make_wheel("tool", "1.0"))
    source = open_live(tmp_path.as_uri(), tmp_path)

    assert only(source.page("tool")).url == f"{tmp_path.as_uri()}/tool-1.0-py3-none-any.whl"


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    error = refused(open_live("./nowhere", tmp_path))

    assert str(error) == (
        "no page of `tool` from the default index\n"
        "  asked:    ./nowhere\n"
        "  expected: a page of the simple repository API, JSON or HTML\n"
        "  received: an error of the disk: No such file or directory\n" + STATE
    )
    assert error.hints == ("check the path of the folder",)


def test_a_page_of_the_network_cannot_name_a_file_of_this_machine(tmp_path: Path) -> None:
    index = HostedIndex(offers_metadata=False)
    index.add("tool", "1.0").url = "file:///etc/tool-1.0-py3-none-any.whl"
    index.add("tool", "2.0")
    with serve(index) as server:
        found = names(open_live(f"{server}/simple", tmp_path).page("tool"))

    assert found == ["tool-2.0-py3-none-any.whl"]


def test_files_without_a_digest_are_not_listed(tmp_path: Path) -> None:
    index = HostedIndex(form=Form.HTML)
    index.add("tool", "1.0").hashes = {"md5": "0" * 32}
    index.add("tool", "2.0")
    index.add("bare", "1.0").hashes = {}
    index.add("bare", "2.0").hashes = {"sha256": "0123"}
    with serve(index) as server:
        source = open_live(f"{server}/simple", tmp_path)

        assert names(source.page("tool")) == ["tool-2.0-py3-none-any.whl"]
        error = refused(source, "bare")

    assert str(error) == (
        "no page of `bare` from the default index\n"
        f"  asked:    {server}/simple/bare/\n"
        "  expected: a page of the simple repository API, JSON or HTML\n"
        "  received: no sha256 digest for any of 2 files\n" + STATE
    )
    assert error.hints == (
        "envlock locks nothing without a digest: name the one file by its `url` in "
        "[pypi-dependencies], or download the files and name their folder as a flat index",
    )


# What goes wrong


@pytest.mark.parametrize(
    ("fault", "received", "hint"),
    [
        (
            401,
            "HTTP 401 (Unauthorized)",
            "give its login in ~/.netrc, or as UV_INDEX_DEFAULT_USERNAME and "
            "UV_INDEX_DEFAULT_PASSWORD",
        ),
        (
            403,
            "HTTP 403 (Forbidden)",
            "give its login in ~/.netrc, or as UV_INDEX_DEFAULT_USERNAME and "
            "UV_INDEX_DEFAULT_PASSWORD",
        ),
        (
            407,
            "HTTP 407 (Proxy Authentication Required)",
            "the proxy wants a login: write it into HTTPS_PROXY, `http://USER:PASSWORD@HOST`",
        ),
        (429, "HTTP 429 (Too Many Requests)", "wait some minutes, then run it again"),
        (
            500,
            "HTTP 500 (Internal Server Error)",
            "the server has a problem: try later, or name a mirror: `--mirror NAME=ADDRESS`",
        ),
        (
            503,
            "HTTP 503 (Service Unavailable)",
            "the server has a problem: try later, or name a mirror: `--mirror NAME=ADDRESS`",
        ),
        (418, "HTTP 418 (I'm a Teapot)", None),
        (
            Fault.TRUNCATED,
            "an answer that broke off before its end",
            "run it again; if it stays so, a proxy on the way may cut the connection",
        ),
        (
            Fault.SILENT,
            "no answer in time",
            "check the network and its proxy, or name a mirror: `--mirror NAME=ADDRESS`",
        ),
        (Fault.WEB_PAGE, "an HTML page that lists no files", None),
        (
            Fault.GARBLED,
            "JSON that is no page of a project: JSON is malformed: invalid character (byte 0)",
            None,
        ),
    ],
)
def test_an_index_that_does_not_answer_is_told_of(
    fault: Fault | int, received: str, hint: str | None, tmp_path: Path
) -> None:
    index = HostedIndex(faults={"*": fault})
    index.add("tool", "1.0")
    with serve(index) as server:
        error = refused(open_live(f"{server}/simple", tmp_path))

    assert str(error) == (
        "no page of `tool` from the default index\n"
        f"  asked:    {server}/simple/tool/\n"
        "  expected: a page of the simple repository API, JSON or HTML\n"
        f"  received: {received}\n" + STATE
    )
    if hint:
        assert error.hints == (hint,)


@pytest.mark.parametrize(
    ("location", "received"),
    [
        ("http://127.0.0.1:9/simple", "a refused connection"),
        ("http://no-such-host.invalid/simple", "no address for this host name"),
        ("http://127.0.0.1:99999/simple", "what it names is no address"),
        ("ftp://example.org/simple", "no answer, as this is no address of a web server"),
        ("http:///simple", "no answer, as this is no address of a web server"),
    ],
)
def test_an_address_that_nobody_answers_is_told_of(
    location: str, received: str, tmp_path: Path
) -> None:
    with pytest.raises((WorldError, InputFileError)) as caught:
        open_live(location, tmp_path).page("tool")

    assert received in str(caught.value)
    assert caught.value.hints


@pytest.mark.parametrize(
    ("kind", "body", "received"),
    [
        ("image/png", b"x", "something of the type `image/png`"),
        ("", b"x", "no page"),
        (JSON_TYPE, b"[]", "JSON that is no page of a project: Expected `object`, got `array`"),
        (
            JSON_TYPE,
            b'{"meta":{"api-version":"1.0"},"files":[{"filename":3}]}',
            "JSON that is no page of a project: Expected `str`, got `int` - at "
            "`$.files[0].filename`",
        ),
        (
            JSON_TYPE,
            b'{"meta":{"api-version":"2.0"},"files":[]}',
            "version '2.0' of the simple API, and envlock knows 1",
        ),
        (JSON_TYPE, b"[" * 100_000, "JSON that is no page of a project"),
        ("text/html", b"<html>" + b"<b>" * 50_000, "an HTML page that lists no files"),
    ],
)
def test_what_is_no_page_is_told_of(kind: str, body: bytes, received: str, tmp_path: Path) -> None:
    index = HostedIndex(pages={"/simple/tool/": (kind, body)})
    with serve(index) as server:
        error = refused(open_live(f"{server}/simple", tmp_path))

    assert f"  received: {received}" in str(error)


def test_a_newer_minor_version_of_the_api_is_understood(tmp_path: Path) -> None:
    row = {"filename": "tool-1.0-py3-none-any.whl", "url": "x.whl", "hashes": {"sha256": "a" * 64}}
    page = {"meta": {"api-version": "1.99"}, "name": "tool", "files": [row], "news": [1]}
    index = HostedIndex(pages={"/simple/tool/": (JSON_TYPE, json.dumps(page).encode())})
    with serve(index) as server:
        file = only(open_live(f"{server}/simple", tmp_path).page("tool"))

    assert file.url == f"{server}/simple/tool/x.whl"


def test_what_passes_is_asked_again_with_growing_patience(tmp_path: Path) -> None:
    index = HostedIndex(faults={"*": 503}, repeats=2)
    index.add("tool", "1.0")
    waits: list[float] = []
    with serve(index) as server:
        assert open_live(f"{server}/simple", tmp_path, sleep=waits.append).page("tool")

    assert waits == [0.5, 1.0]


def test_a_server_that_names_its_wish_is_left_alone_for_that_long(tmp_path: Path) -> None:
    index = HostedIndex(faults={"*": 429}, repeats=1, fault_headers={"Retry-After": "7"})
    index.add("tool", "1.0")
    waits: list[float] = []
    with serve(index) as server:
        assert open_live(f"{server}/simple", tmp_path, sleep=waits.append).page("tool")

    assert waits == [7.0]


def test_a_server_that_wants_to_be_left_alone_for_long_is_not_waited_for(tmp_path: Path) -> None:
    index = HostedIndex(faults={"*": 429}, fault_headers={"Retry-After": "3600"})
    index.add("tool", "1.0")
    waits: list[float] = []
    with serve(index) as server:
        error = refused(open_live(f"{server}/simple", tmp_path, sleep=waits.append))

    assert "HTTP 429 (Too Many Requests), and the wish to be left alone for 3,600 seconds" in str(
        error
    )
    assert waits == []


def test_a_server_may_name_a_moment_to_come_back(tmp_path: Path) -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    index = HostedIndex(faults={"*": 503}, repeats=1, fault_headers={"Retry-After": moment})
    index.add("tool", "1.0")
    waits: list[float] = []
    with serve(index) as server:
        assert open_live(f"{server}/simple", tmp_path, sleep=waits.append).page("tool")

    assert [15 < wait <= 20 for wait in waits] == [True]


def test_a_page_without_end_is_not_read_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("envlock.backends.pypi_live.PAGE_LIMIT_BYTES", 100_000)
    index = HostedIndex(pages={"/simple/tool/": (JSON_TYPE, b" " * 200_000)})
    with serve(index) as server:
        error = refused(open_live(f"{server}/simple", tmp_path))

    assert "  received: more than 100,000 bytes\n" in str(error)
    assert error.hints == (
        f"no index has so much to say: look what answers at {server}/simple/tool/",
    )


def test_a_page_may_say_where_its_addresses_start(tmp_path: Path) -> None:
    index = HostedIndex()
    listed = index.add("tool", "1.0")
    row = (
        f'<a href="{listed.file_name}#sha256={listed.sha256}">tool</a><a>no</a><a href="http://[">'
    )
    page = f'<base href="/files/"><base href="/no/">{row}'.encode()
    index.pages["/simple/tool/"] = ("text/html; charset=no-such-one", page)
    with serve(index) as server:
        file = only(open_live(f"{server}/simple", tmp_path).page("tool"))

    assert file.url == f"{server}/files/{listed.file_name}"


def test_redirections_are_followed_and_loops_are_not(tmp_path: Path) -> None:
    index = HostedIndex(redirects={"/old/tool/": "/simple/tool/", "/old/loop/": "/old/loop/"})
    index.add("tool", "1.0")
    with serve(index) as server:
        source = open_live(f"{server}/old", tmp_path)

        file = only(source.page("tool"))
        error = refused(source, "loop")

    assert file.url == f"{server}/files/tool-1.0-py3-none-any.whl"
    assert "  received: one redirection after another\n" in str(error)


# METADATA


def test_metadata_beside_the_file_is_taken_and_the_wheel_is_left_alone(tmp_path: Path) -> None:
    index = HostedIndex()
    index.add("tool", "1.0", "helper")
    with serve(index) as server:
        source = open_live(f"{server}/simple", tmp_path)
        text = source.metadata(only(source.page("tool")))

    assert text == b"Metadata-Version: 2.1\nName: tool\nVersion: 1.0\nRequires-Dist: helper\n"
    assert [item.path for item in index.sent] == [
        "/simple/tool/",
        "/files/tool-1.0-py3-none-any.whl.metadata",
    ]


def test_metadata_is_read_out_of_a_wheel_by_ranges(tmp_path: Path) -> None:
    index = HostedIndex(offers_metadata=False)
    noise = bytes(range(256)) * 4000
    stored = make_wheel("tool", "1.0", "helper", members={"a.bin": noise, "b.bin": noise})
    index.put("tool", "tool-1.0-py3-none-any.whl", stored + b"")
    with serve(index) as server:
        source = open_live(f"{server}/simple", tmp_path)
        text = source.metadata(only(source.page("tool")))

    assert text.endswith(b"Requires-Dist: helper\n")
    assert all("range" in item.headers for item in index.sent[1:])


@pytest.mark.parametrize("suffix", [True, False])
def test_a_large_wheel_is_never_fetched_whole(suffix: bool, tmp_path: Path) -> None:
    index = HostedIndex(offers_metadata=False, suffix_ranges=suffix)
    noise = random.Random(1).randbytes(1_000_000)
    body = make_wheel("tool", "1.0", "helper", members={"a.bin": noise})
    index.put("tool", "tool-1.0-py3-none-any.whl", body)
    with serve(index) as server:
        source = open_live(f"{server}/simple", tmp_path)
        text = source.metadata(only(source.page("tool")))

    spans = [item.headers["range"] for item in index.sent[1:]]
    assert text.endswith(b"Requires-Dist: helper\n")
    assert spans[0] == "bytes=-65536"
    assert len(spans) == (1 if suffix else 2)


def test_a_server_without_ranges_sends_the_whole_wheel_and_its_digest_is_checked(
    tmp_path: Path,
) -> None:
    index = HostedIndex(offers_metadata=False, ranges=False)
    index.add("tool", "1.0", "helper")
    forged = index.add("forged", "1.0")
    forged.hashes = {"sha256": "b" * 64}
    with serve(index) as server:
        source = open_live(f"{server}/simple", tmp_path)
        assert source.metadata(only(source.page("tool"))).endswith(b"Requires-Dist: helper\n")
        file = only(source.page("forged"))
        with pytest.raises(WorldError) as caught:
            source.metadata(file)

    assert str(caught.value) == (
        "`forged-1.0-py3-none-any.whl` cannot be read\n"
        f"  asked:    {server}/files/forged-1.0-py3-none-any.whl\n"
        "  expected: the file, or ranges of it\n"
        f"  received: a file with another sha256: {forged.sha256}, and the index says {'b' * 64}\n"
        + STATE
    )


@pytest.mark.parametrize("status", [403, 404])
def test_metadata_that_was_promised_and_is_not_there_is_read_out_of_the_wheel(
    status: int, tmp_path: Path
) -> None:
    index = HostedIndex(faults={"*.metadata": status})
    index.add("tool", "1.0", "helper")
    with serve(index) as server:
        source = open_live(f"{server}/simple", tmp_path)

        assert source.metadata(only(source.page("tool"))).endswith(b"Requires-Dist: helper\n")


def test_metadata_with_another_digest_than_promised_is_refused(tmp_path: Path) -> None:
    index = HostedIndex(faults={"*.metadata": Fault.GARBLED})
    index.add("tool", "1.0", "helper")
    with serve(index) as server:
        source = open_live(f"{server}/simple", tmp_path)
        file = only(source.page("tool"))
        with pytest.raises(WorldError, match="received: METADATA with another sha256: "):
            source.metadata(file)


@pytest.mark.parametrize(
    ("body", "received"),
    [
        (b"no zip at all", "a damaged archive"),
        (b"", "a damaged archive"),
        (make_wheel("tool", "1.0", metadata=""), "a wheel without METADATA"),
        (
            make_wheel("tool", "1.0", metadata=make_metadata("other", "1.0")),
            "METADATA of another distribution: other 1.0",
        ),
        (
            make_wheel("tool", "1.0", metadata=make_metadata("tool", "2.0")),
            "METADATA of another distribution: tool 2.0",
        ),
        (make_wheel("tool", "1.0", metadata="\n"), "METADATA without a name and a version"),
        (
            make_wheel("tool", "1.0", metadata=make_metadata("tool", "1.0") + " " * 4_000_000),
            "METADATA of 4,000,",
        ),
        (
            make_wheel("tool", "1.0", *["x"] * 50_001),
            "METADATA with 50,004 requirements",
        ),
        (
            make_wheel("tool", "1.0", members={"tool-1.dist-info/METADATA": b"x"}),
            "a wheel with 2 METADATA files",
        ),
    ],
)
def test_a_wheel_that_does_not_say_what_it_is_is_told_of(
    body: bytes, received: str, tmp_path: Path
) -> None:
    index = HostedIndex(offers_metadata=False)
    index.put("tool", "tool-1.0-py3-none-any.whl", body)
    with serve(index) as server:
        source = open_live(f"{server}/simple", tmp_path)
        file = only(source.page("tool"))
        with pytest.raises(WorldError) as caught:
            source.metadata(file)

    assert f"  received: {received}" in str(caught.value)
    assert caught.value.hints == ("tell whoever publishes it; until then ask for another version",)


def test_no_damage_to_a_wheel_is_taken_for_a_fault_of_ours(tmp_path: Path) -> None:
    whole = make_wheel("tool", "1.0", "helper", members={"a.txt": b"a" * 3000})
    index = HostedIndex(offers_metadata=False)
    for at in range(0, len(whole), 7):
        changed = whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :]
        index.put(f"tool{at}", f"tool{at}-1.0-py3-none-any.whl", changed)
        index.put(f"cut{at}", f"cut{at}-1.0-py3-none-any.whl", whole[:at])
    with serve(index) as server:
        source = open_live(f"{server}/simple", tmp_path)
        for name in index.projects:
            with pytest.raises(WorldError):
                source.metadata(only(source.page(name)))


def test_a_source_archive_that_promises_its_metadata_is_not_built(tmp_path: Path) -> None:
    info = make_metadata("tool", "1.0", "helper").replace("2.1", "2.2", 1)
    index = HostedIndex()
    index.put("tool", "tool-1.0.tar.gz", make_sdist("tool", "1.0", {"PKG-INFO": info}))
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("other-1.0/PKG-INFO", info.replace("tool", "other"))
    index.put("other", "other-1.0.zip", zipped.getvalue())
    with serve(index) as server:
        source = open_live(f"{server}/simple", tmp_path, sdists=("tool", "other"))
        file, other = only(source.page("tool")), only(source.page("other"))

        assert source.metadata(file).endswith(b"Requires-Dist: helper\n")
        assert source.metadata(other).endswith(b"Requires-Dist: helper\n")
        assert source.kernels("tool", "1.0", file) is None


BACKEND = """
import zipfile
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = "tool-1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{wheel_directory}/{name}", "w") as wheel:
        text = "Metadata-Version: 2.1\\nName: tool\\nVersion: 1.0\\nRequires-Dist: built\\n"
        wheel.writestr("tool-1.0.dist-info/METADATA", text)
        wheel.writestr("tool-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\n")
        wheel.writestr("tool-1.0.dist-info/RECORD", "")
    return name
"""
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "tool"
version = "1.0"
"""


@pytest.mark.parametrize(
    "info",
    [
        make_metadata("tool", "1.0", "helper"),
        make_metadata("tool", "1.0", more="Dynamic: Requires-Dist\n").replace("2.1", "2.2", 1),
        "",
    ],
)
def test_a_source_archive_that_promises_nothing_is_built(info: str, tmp_path: Path) -> None:
    files = {"PKG-INFO": info, "pyproject.toml": PROJECT, "backend.py": BACKEND}
    index = HostedIndex()
    index.put("tool", "tool-1.0.tar.gz", make_sdist("tool", "1.0", files))
    with serve(index) as server:
        source = open_live(f"{server}/simple", tmp_path, sdists=("tool",))
        text = source.metadata(only(source.page("tool")))

    assert text.endswith(b"Requires-Dist: built\n")


def test_a_source_archive_that_cannot_be_built_is_told_of(tmp_path: Path) -> None:
    index = HostedIndex()
    files = {"PKG-INFO": "", "pyproject.toml": PROJECT, "backend.py": "raise SystemExit(3)"}
    index.put("tool", "tool-1.0.tar.gz", make_sdist("tool", "1.0", files))
    index.put("junk", "junk-1.0.tar.gz", b"junk")
    with serve(index) as server:
        source = open_live(f"{server}/simple", tmp_path, sdists=("tool", "junk"))
        tool, junk = only(source.page("tool")), only(source.page("junk"))
        with pytest.raises(WorldError) as built:
            source.metadata(tool)
        with pytest.raises(WorldError, match="received: a damaged archive"):
            source.metadata(junk)

    assert "  received: no wheel: its build ended with exit status 2\n" in str(built.value)
    assert built.value.hints == (
        "ask for a version that has a wheel, or build the wheel yourself and name it by its `url`",
    )
    assert "backend" in built.value.detail


# One address


def test_an_address_without_a_digest_is_downloaded_once(tmp_path: Path) -> None:
    index = HostedIndex()
    listed = index.add("tool", "1.0", "helper")
    with serve(index) as server:
        source = open_live(f"{server}/simple", tmp_path)
        file = only(source.url_page("tool", f"{server}/files/{listed.file_name}"))
        text = source.metadata(file)

    assert (file.sha256, file.size_bytes) == (listed.sha256, len(listed.body))
    assert text.endswith(b"Requires-Dist: helper\n")
    assert len(index.sent) == 1


def test_a_digest_in_the_address_is_believed_and_checked_with_the_file(tmp_path: Path) -> None:
    index = HostedIndex(ranges=False)
    listed = index.add("tool", "1.0")
    with serve(index) as server:
        url = f"{server}/files/{listed.file_name}"
        source = open_live(f"{server}/simple", tmp_path)
        good = only(source.url_page("tool", f"{url}#sha256={listed.sha256}"))
        assert source.metadata(good)
        assert good.url == url
        bad = only(source.url_page("tool", f"{url}#sha256={'c' * 64}"))
        with pytest.raises(WorldError, match="a file with another sha256"):
            source.metadata(bad)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("other-1.0-py3-none-any.whl", "its address names no wheel of `tool`"),
        ("tool.zip", "its address names no wheel of `tool`"),
        ("", "its address names no wheel of `tool`"),
        (
            "tool-1.0.tar.gz",
            "its address names a source archive, and the stack takes wheels",
        ),
    ],
)
def test_an_address_of_another_thing_is_the_users_fault(
    url: str, problem: str, tmp_path: Path
) -> None:
    with pytest.raises(InputFileError) as caught:
        open_live("http://127.0.0.1:9", tmp_path).url_page("tool", f"https://example.org/{url}")

    assert str(caught.value) == f"pypi-dependencies.tool.url: {problem}\nNothing was recorded."


def test_an_address_may_be_a_file_of_this_machine(tmp_path: Path) -> None:
    path = tmp_path / "tool-1.0-py3-none-any.whl"
    path.write_bytes(make_wheel("tool", "1.0", "helper"))
    source = open_live("http://127.0.0.1:9", tmp_path)

    file = only(source.url_page("tool", path.as_uri()))

    assert file.url == path.as_uri()
    assert source.metadata(file).endswith(b"Requires-Dist: helper\n")
    with pytest.raises(WorldError, match="received: a file with another sha256"):
        source.url_page("tool", f"{path.as_uri()}#sha256={'c' * 64}")


def test_an_address_on_an_indexs_server_is_asked_with_its_login(tmp_path: Path) -> None:
    index = HostedIndex(login=("me", "hunter2-hunter2"))
    listed = index.add("tool", "1.0", "helper")
    environment = {
        "UV_INDEX_DEFAULT_USERNAME": "me",
        "UV_INDEX_DEFAULT_PASSWORD": "hunter2-hunter2",
    }
    with serve(index) as server:
        source = open_live(f"{server}/simple", tmp_path, environment=environment)
        file = only(source.url_page("tool", f"{server}/files/{listed.file_name}"))

    assert file.sha256 == listed.sha256


def test_the_server_of_the_files_is_asked_with_its_own_login_from_netrc(tmp_path: Path) -> None:
    index, files = HostedIndex(), HostedIndex(login=("me", "hunter2-hunter2"))
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password hunter2-hunter2\n")
    listed = index.add("tool", "1.0", "helper")
    files.projects = index.projects
    with serve(index) as server, serve(files) as other:
        listed.url = f"{other}/files/{listed.file_name}"
        source = open_live(f"{server}/simple", tmp_path, environment={"HOME": str(tmp_path)})
        text = source.metadata(only(source.page("tool")))

    assert text.endswith(b"Requires-Dist: helper\n")


# The cache, threads, and order


def test_what_was_read_once_is_not_read_again_in_another_run(tmp_path: Path) -> None:
    index = HostedIndex(offers_metadata=False)
    index.add("tool", "1.0", "helper")
    with serve(index) as server:
        texts = []
        for _ in range(2):
            source = open_live(f"{server}/simple", tmp_path)
            texts.append(source.metadata(only(source.page("tool"))))

    assert texts[0] == texts[1]
    assert index.counts["/files/tool-1.0-py3-none-any.whl"] == 1


def test_a_damaged_entry_of_the_cache_is_read_anew(tmp_path: Path) -> None:
    index = HostedIndex()
    index.add("tool", "1.0", "helper")
    with serve(index) as server:
        source = open_live(f"{server}/simple", tmp_path)
        text = source.metadata(only(source.page("tool")))
        (entry,) = (path for path in (tmp_path / "cache").rglob("*") if path.is_file())
        entry.write_bytes(entry.read_bytes().replace(b"helper", b"hacker"))
        again = open_live(f"{server}/simple", tmp_path)

        assert again.metadata(only(again.page("tool"))) == text


def test_the_word_of_one_index_is_not_taken_for_anothers(tmp_path: Path) -> None:
    honest, liar = HostedIndex(), HostedIndex()
    real = honest.add("tool", "1.0", "helper")
    liar.add("tool", "1.0", "evil").hashes = real.digests
    with serve(liar) as one, serve(honest) as two:
        first = open_live(f"{one}/simple", tmp_path)
        first.metadata(only(first.page("tool")))
        second = open_live(f"{two}/simple", tmp_path)

        assert second.metadata(only(second.page("tool"))).endswith(b"Requires-Dist: helper\n")


def test_many_threads_ask_once_and_record_the_same_bytes(tmp_path: Path) -> None:
    index = HostedIndex(offers_metadata=False)
    for name in ("one", "two", "three"):
        for version in ("1.0", "2.0", "3.0"):
            index.add(name, version, "helper")

    def ask(source: Recorder, order: list[str]) -> None:
        for name in order:
            page = source.page(name)
            assert page is not None
            for file in page.files:
                source.metadata(file)
                source.kernels(name, "1.0", file)
        source.page("absent")

    with serve(index) as server:
        recordings = []
        for reverse in (False, True):
            cache = tmp_path / str(reverse)
            source = open_live(f"{server}/simple", cache)
            order = sorted(index.projects, reverse=reverse)
            threads = [threading.Thread(target=ask, args=(source, order)) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            recordings.append(source.recording("uv 1", AS_OF))

    assert recordings[0] == recordings[1]
    assert set(index.counts.values()) == {2}


def test_gpu_code_is_read_off_the_remote_wheel(tmp_path: Path) -> None:
    library = b"\0" * 3000 + b"sm_50 sm_80 sm_90\0" + b"\0" * 3000
    members = {
        "torch/version.py": b"cuda: Optional[str] = '12.1'\n",
        "torch/lib/libtorch_python.so": library,
    }
    index = HostedIndex()
    body = make_wheel("torch", "2.4.1", members=members)
    index.put("torch", "torch-2.4.1-cp311-cp311-manylinux1_x86_64.whl", body)
    with serve(index) as server:
        source = open_live(f"{server}/simple", tmp_path)
        file = only(source.page("torch"))
        found = source.kernels("torch", "2.4.1", file)
        asked = len(index.sent)
        again = open_live(f"{server}/simple", tmp_path)
        assert again.kernels("torch", "2.4.1", only(again.page("torch"))) == found

    assert found is not None
    assert found.sass == ("5.0", "8.0", "9.0")
    assert len(index.sent) == asked + 1


def test_gpu_code_is_read_off_the_whole_wheel_where_nothing_else_is_served(
    tmp_path: Path,
) -> None:
    index = HostedIndex(ranges=False)
    body = make_wheel("torch", "2.4.1", members={"torch/version.py": b"cuda = None\n"})
    index.put("torch", "torch-2.4.1-py3-none-any.whl", body)
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "torch-2.4.1-py3-none-any.whl").write_bytes(body)
    with serve(index) as server:
        remote = open_live(f"{server}/simple", tmp_path)
        local = open_live("./wheels", tmp_path)
        found = [
            item.kernels("torch", "2.4.1", only(item.page("torch"))) for item in (remote, local)
        ]

    assert found[0] == found[1]
    assert found[0] is not None
    assert found[0].sass == ()


def test_two_texts_under_one_digest_are_not_recorded(tmp_path: Path) -> None:
    index = HostedIndex()
    first = index.add("tool", "1.0", "one")
    index.add("other", "1.0", "two").hashes = first.digests
    with serve(index) as server:
        source = open_live(f"{server}/simple", tmp_path)
        source.metadata(only(source.page("tool")))
        other = only(source.page("other"))
        with pytest.raises(WorldError, match="has two different METADATA texts under one digest"):
            source.metadata(other)


def test_a_file_that_no_page_listed_cannot_be_asked_for(tmp_path: Path) -> None:
    file = DistributionFile(file_name="x-1-py3-none-any.whl", url="x", sha256="a" * 64)

    with pytest.raises(WorldError, match="was not listed by any index in this run"):
        open_live("http://127.0.0.1:9", tmp_path).metadata(file)


def test_nobody_owns_a_project_where_there_is_no_default_index(tmp_path: Path) -> None:
    indexes = LiveIndexes(base=tmp_path, cache=tmp_path, environment={})

    assert indexes.live([], AS_OF, []).page("tool") is None


def test_a_wheel_on_the_disk_must_still_be_a_zip(tmp_path: Path) -> None:
    (tmp_path / "tool-1.0-py3-none-any.whl").write_bytes(b"junk")
    source = open_live(".", tmp_path)
    file = only(source.page("tool"))

    with pytest.raises(WorldError, match="received: a damaged archive"):
        source.metadata(file)
    assert not zipfile.is_zipfile(tmp_path / "tool-1.0-py3-none-any.whl")
