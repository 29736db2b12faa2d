"""TOML is read as far as it can be: each thing left out has its line, and nothing takes long."""

from __future__ import annotations

import codecs

import pytest

from envlock.errors import LockError
from envlock.formats.readers.notes import Notes
from envlock.formats.readers.toml_text import read_toml
from envlock.model.reading import Oddity, OddityKind

TWO = b"""\
version = 1

[[package]]
name = "a"
[package.metadata]
x = 1

[[package]]
name = "b"

[metadata]
hash = "z"
"""


def read(content: bytes):
    """Return the document, the rows as (name, line), and what is odd."""
    notes = Notes()
    toml = read_toml(content, "uv.lock", notes, ("package",))
    rows = [(row.table.text("name"), row.table.line) for row in toml.rows("package", notes)]
    return toml.document, rows, notes.oddities


def refused(content: bytes) -> tuple[str, tuple[str, ...]]:
    with pytest.raises(LockError) as error:
        read(content)
    return error.value.message, error.value.hints


def test_each_row_has_the_line_of_its_header():
    document, rows, oddities = read(TWO)

    assert rows == [("a", 3), ("b", 8)]
    assert document["metadata"] == {"hash": "z"}
    assert oddities == ()


def test_the_first_side_of_an_open_merge_is_read_and_lines_keep_their_numbers():
    merged = TWO.replace(
        b'name = "a"\n', b'<<<<<<< HEAD\nname = "a"\n=======\nname = "c"\n>>>>>>> theirs\n'
    )

    _, rows, oddities = read(merged)

    assert rows == [("a", 3), ("b", 12)]
    assert oddities == (
        Oddity(
            kind=OddityKind.CONFLICT,
            said="a merge was not ended in line 4; the side above `=======` is read",
            line=4,
        ),
    )


def test_a_merge_with_its_base_is_read_on_the_first_side_too():
    merged = TWO.replace(
        b'name = "a"\n', b'<<<<<<< x\nname = "a"\n||||||| b\nname = "o"\n=======\nc\n>>>>>>> y\n'
    )

    assert read(merged)[1] == [("a", 3), ("b", 14)]


def test_a_key_that_stands_twice_is_read_the_first_time():
    _, rows, oddities = read(TWO.replace(b'name = "a"\n', b'name = "a"\nname = "z"\n'))

    assert rows == [("a", 3), ("b", 9)]
    assert oddities == (
        Oddity(
            kind=OddityKind.DUPLICATE_KEY,
            said="the key `name` stands twice; the first is read",
            line=5,
            subject="name",
        ),
    )


def test_a_table_that_stands_twice_is_joined():
    document, _, oddities = read(TWO + b'\n[metadata]\nhash = "y"\nmore = 2\n')

    assert document["metadata"] == {"hash": "z", "more": 2}
    assert [(item.kind, item.said, item.line) for item in oddities] == [
        (OddityKind.DUPLICATE_KEY, "the key `hash` stands twice; the first is read", 14)
    ]


def test_a_line_that_is_not_toml_costs_that_line_only():
    _, rows, oddities = read(TWO.replace(b"x = 1\n", b"x = = 1\n"))

    assert rows == [("a", 3), ("b", 8)]
    assert oddities == (
        Oddity(
            kind=OddityKind.NOT_UNDERSTOOD,
            said="`x = = 1` is left out: Invalid value",
            line=6,
        ),
    )


def test_a_row_of_which_nothing_can_be_read_costs_that_row_only():
    _, rows, oddities = read(TWO.replace(b'name = "a"\n', b"?\n??\n???\n????\n"))

    assert rows == [("b", 11)]
    assert oddities[-1].said == "`???` is left out: Invalid statement"
    assert oddities[0] == Oddity(
        kind=OddityKind.NOT_UNDERSTOOD,
        said="the table that begins here cannot be read and is left out",
        line=3,
    )


def test_line_ends_of_windows_are_read_and_told():
    _, rows, oddities = read(TWO.replace(b"\n", b"\r\n"))

    assert rows == [("a", 3), ("b", 8)]
    assert oddities == (
        Oddity(
            kind=OddityKind.NOT_CANONICAL,
            said="the lines end as on Windows (CRLF); tools write LF",
            line=1,
        ),
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (codecs.BOM_UTF8 + TWO, "the file begins with a byte order mark"),
        (
            TWO.decode().encode("utf-16"),
            "the file is UTF-16, as a shell of Windows writes it; tools write UTF-8",
        ),
    ],
)
def test_encodings_of_windows_are_read_and_told(content: bytes, said: str):
    _, rows, oddities = read(content)

    assert rows == [("a", 3), ("b", 8)]
    assert oddities == (Oddity(kind=OddityKind.NOT_CANONICAL, said=said, line=1),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "uv.lock: expected a lock, found a file without any key"),
        (b"# only words\n", "uv.lock: expected a lock, found a file without any key"),
        (b"version = 1\n\0", "uv.lock:2: expected text, found a NUL byte"),
        (b"version = 1\nx = '\xff'", "uv.lock:2: expected UTF-8 text, found the byte 0xff"),
        (
            codecs.BOM_UTF16_LE + b"a\0\n\0\0\xd8",
            "uv.lock:2: expected UTF-16 text, found the byte 0x00",
        ),
        (b"[" * 100_000, "uv.lock:1: expected TOML: Invalid initial character for a key part"),
        (b"x = " + b"[" * 100_000, "uv.lock: expected TOML: values are nested too deep"),
        (b"x = " + b"{a=" * 100_000, "uv.lock: expected TOML: values are nested too deep"),
        (b"a." * 100_000, "uv.lock:1: expected a lock, found a key of more than 64 parts"),
        (b"x = " + b"9" * 5000, "uv.lock: expected TOML: Exceeds the limit"),
        (b"%PDF-1.7\n%\xc3\xa9\n", "uv.lock:1: expected TOML: Invalid statement"),
    ],
)
def test_a_file_of_which_nothing_can_be_read_is_refused_with_a_hint(content: bytes, message: str):
    found, hints = refused(content)

    assert found.startswith(message)
    assert len(hints) == 1


def test_more_rows_than_any_lock_has_are_not_read():
    _, rows, oddities = read(b"[[package]]\n" * 20_001)

    assert len(rows) == 20_000
    assert oddities == (
        Oddity(
            kind=OddityKind.NOT_UNDERSTOOD,
            said="only 20,000 rows are read, the rest is not",
            line=20_001,
        ),
    )
