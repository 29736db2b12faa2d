"""The text of a tree: its bytes are what `tree_sha256` is made of, so they may never change."""

from __future__ import annotations

import pytest

from envlock.errors import StoreError
from envlock.model.tree import EntryKind, TreeEntry
from envlock.store.tree import format_tree, parse_tree, tree_digest

ENTRIES = (
    TreeEntry(path="lib", kind=EntryKind.FOLDER),
    TreeEntry(path="bin/python", kind=EntryKind.LINK, target="python3.11"),
    TreeEntry(
        path='lib/ü "x".py', kind=EntryKind.FILE, sha256="ab" * 32, size_bytes=7, is_executable=True
    ),
)
TEXT = (
    "envlock-tree 1\n"
    '["bin/python","link",false,"",0,"python3.11"]\n'
    '["lib","folder",false,"",0,""]\n'
    f'["lib/ü \\"x\\".py","file",true,"{"ab" * 32}",7,""]\n'
).encode()


def test_the_text_of_a_tree_is_one_row_per_entry_ordered_by_path():
    assert format_tree(ENTRIES) == TEXT
    assert format_tree(reversed(ENTRIES)) == TEXT


def test_a_tree_is_read_back_as_it_was_written():
    assert parse_tree(TEXT) == tuple(sorted(ENTRIES, key=lambda entry: entry.path))


def test_an_empty_tree_has_a_text_too():
    assert format_tree([]) == b"envlock-tree 1\n\n"
    assert parse_tree(format_tree([])) == ()


def test_the_digest_of_a_tree_is_that_of_its_text():
    assert tree_digest(TEXT) == "c58c5d8f4d6b77028446c902b9eedb20260d2d4bc83acae9840a9757c4982d46"


@pytest.mark.parametrize(
    "row",
    [
        b'["lib","folder",false,"",0,"","more"]',
        b'["lib","socket",false,"",0,""]',
        b'["lib","folder","no","",0,""]',
        b'["lib"]',
        b'{"path": "lib", "kind": "folder"}',
        b"lib",
    ],
)
def test_a_row_that_is_none_is_refused(row: bytes):
    with pytest.raises(StoreError, match="the manifest of a tree cannot be read: "):
        parse_tree(b"envlock-tree 1\n" + row + b"\n")


def test_another_text_is_no_tree():
    with pytest.raises(StoreError) as caught:
        parse_tree(b"something\n")

    assert str(caught.value) == "expected the manifest of a tree, found something else"


@pytest.mark.parametrize("fault", [{"path": "b\udcff"}, {"path": "b", "target": "\udcff"}])
def test_a_name_that_is_no_text_is_refused_and_named(fault: dict[str, str]):
    faulty = TreeEntry(kind=EntryKind.LINK, **fault)

    with pytest.raises(StoreError) as caught:
        format_tree([TreeEntry(path="a", kind=EntryKind.FOLDER), faulty])

    assert str(caught.value) == f"a name in a tree is no text: {faulty.path!a}"
