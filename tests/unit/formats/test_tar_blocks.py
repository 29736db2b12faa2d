"""The blocks of a tar archive: other programs read them, and there is one way to write each."""

from __future__ import annotations

import io
import tarfile

import pytest

from envlock.formats.tar_blocks import (
    BLOCK_BYTES,
    END,
    archive_bytes,
    format_header,
    padding,
    read_name_and_size,
)

LONG = "envlock-wheels/" + "x" * 140 + ".whl"


def archive(files: dict[str, bytes]) -> bytes:
    blocks = [
        format_header(path, len(content)) + content + bytes(padding(len(content)))
        for path, content in files.items()
    ]
    return b"".join([*blocks, END])


@pytest.mark.parametrize(
    "path", ["a", "packages/" + "f" * 64, "f" * 20 + "/" + "x" * 100, LONG, "é/è"]
)
def test_other_programs_read_what_is_written(path: str):
    content = archive({path: b"hello", "empty": b""})

    with tarfile.open(fileobj=io.BytesIO(content)) as found:
        first, last = found.getmembers()
        assert (first.name, first.size, first.mode, first.mtime) == (path, 5, 0o644, 0)
        assert (first.uid, first.gid, first.uname, first.gname) == (0, 0, "", "")
        extracted = found.extractfile(first)
        assert extracted is not None
        assert extracted.read() == b"hello"
        assert (last.name, last.size) == ("empty", 0)
    assert len(content) == archive_bytes({path: 5, "empty": 0})


@pytest.mark.parametrize("size_bytes", [0, 1, 8**11 - 1, 8**11, 1 << 44])
def test_a_size_of_any_length_is_read_by_others(size_bytes: int):
    header = format_header("data", size_bytes)

    assert len(header) == BLOCK_BYTES
    assert tarfile.TarInfo.frombuf(header, "utf-8", "strict").size == size_bytes


def test_files_fill_whole_blocks():
    assert [padding(size) for size in (0, 1, 511, 512, 513)] == [0, 511, 1, 0, 511]


def test_a_block_says_its_name_and_size():
    assert read_name_and_size(format_header("manifest.json", 77)) == ("manifest.json", 77)


@pytest.mark.parametrize(
    ("header", "problem"),
    [
        (b"", "it is cut short"),
        (bytes(511), "it is cut short"),
        (bytes(512), "it is no tar archive"),
        (b"\xff" * 512, "it is no tar archive"),
    ],
)
def test_what_is_no_header_is_refused(header: bytes, problem: str):
    with pytest.raises(ValueError, match=problem):
        read_name_and_size(header)
