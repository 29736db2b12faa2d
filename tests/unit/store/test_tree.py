"""Trees as text, and what differs between two of them."""

from __future__ import annotations

import pytest

from envlock.errors import StoreError
from envlock.model.tree import Difference, EntryKind, TreeEntry
from envlock.store.tree import (
    compare_sealed,
    compare_trees,
    format_tree,
    parse_tree,
    tree_digest,
)


def file(path: str, sha256: str = "a" * 64, size: int = 3, *, program: bool = False) -> TreeEntry:
    return TreeEntry(
        path=path, kind=EntryKind.FILE, sha256=sha256, size_bytes=size, is_executable=program
    )


def link(path: str, target: str) -> TreeEntry:
    return TreeEntry(path=path, kind=EntryKind.LINK, target=target)


FOLDER = TreeEntry(path="bin", kind=EntryKind.FOLDER)


def test_the_text_of_a_tree_stays_the_same_from_release_to_release():
    text = format_tree([link("bin/x", "y"), FOLDER, file("a b", program=True)])

    assert text == (
        b"envlock-tree 1\n"
        b'["a b","file",true,"' + b"a" * 64 + b'",3,""]\n'
        b'["bin","folder",false,"",0,""]\n'
        b'["bin/x","link",false,"",0,"y"]\n'
    )
    assert tree_digest(text) == ("9d781bb61c2a2a86f5354f9aeef422950f43c11a50da36af2a14cca3ea7d00c6")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"envlock-tree 2\n",
        b"envlock-tree 1\n[1]\n",
        b"envlock-tree 1\nx\n",
        b'envlock-tree 1\n["a","device",false,"",0,""]\n',
    ],
)
def test_what_is_no_tree_is_refused(content: bytes):
    with pytest.raises(StoreError, match="the manifest of a tree"):
        parse_tree(content)


@pytest.mark.parametrize(
    ("was", "now", "told"),
    [
        (file("a"), None, "a: missing"),
        (None, file("a"), "a: not part of it"),
        (file("a"), link("a", "b"), "a: expected kind file, found link"),
        (file("a"), file("a", "b" * 64), f"a: expected sha256 {'a' * 64}, found {'b' * 64}"),
        (file("a"), file("a", size=4), "a: expected size 3 bytes, found 4 bytes"),
        (link("a", "b"), link("a", "c"), "a: expected target b, found c"),
        (file("a"), file("a", program=True), "a: expected executable not executable, found exec"),
    ],
)
def test_a_difference_is_told_by_its_path(was, now, told: str):
    (found,) = compare_trees([was] if was else [], [now] if now else [])

    assert str(found).startswith(told)


def test_equal_trees_do_not_differ_in_whatever_order_they_come():
    assert compare_trees([FOLDER, file("a")], [file("a"), FOLDER]) == ()


def test_what_was_touched_is_told_where_nothing_else_is():
    found = compare_sealed(
        [file("a"), file("b"), file("c")],
        [file("a", "b" * 64), file("b"), file("c")],
        {"a": "mode 0644 and not 0444", "b": "modified yesterday"},
    )

    assert [(each.path, each.difference) for each in found] == [
        ("a", Difference.CONTENT),
        ("b", Difference.LOOSE),
    ]
    assert str(found[1]) == "b: touched after it was sealed: modified yesterday"
