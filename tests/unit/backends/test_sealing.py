"""Sealing: what lies in a tree is hashed, made read-only and given one time, once."""

from __future__ import annotations

import os
import socket
import stat
from hashlib import sha256
from pathlib import Path

import pytest

from envlock.backends.store_trees import EPOCH_SECONDS, Known, read_tree, seal, seal_tree
from envlock.errors import StoreError
from envlock.model.tree import EntryKind, TreeEntry


def make_tree(root: Path) -> Path:
    (root / "lib").mkdir(parents=True)
    (root / "lib/a.py").write_text("x = 1\n")
    (root / "tool").write_text("#!/bin/sh\n")
    (root / "tool").chmod(0o755)
    (root / "link").symlink_to("lib/a.py")
    return root


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def test_a_tree_is_told_entry_by_entry(tmp_path: Path):
    assert seal_tree(make_tree(tmp_path / "tree")) == (
        TreeEntry(path="lib", kind=EntryKind.FOLDER),
        TreeEntry(path="lib/a.py", kind=EntryKind.FILE, sha256=digest("x = 1\n"), size_bytes=6),
        TreeEntry(path="link", kind=EntryKind.LINK, target="lib/a.py"),
        TreeEntry(
            path="tool",
            kind=EntryKind.FILE,
            sha256=digest("#!/bin/sh\n"),
            size_bytes=10,
            is_executable=True,
        ),
    )


def test_nothing_sealed_can_be_written_to_and_all_is_of_one_age(tmp_path: Path):
    root = make_tree(tmp_path / "tree")
    seal_tree(root)

    for path in [root, *root.rglob("*")]:
        status = path.lstat()
        assert status.st_mtime == EPOCH_SECONDS, path
        assert path.is_symlink() or not status.st_mode & 0o222, path


def test_modes_are_one_of_two_whatever_they_were(tmp_path: Path):
    root = tmp_path / "tree"
    root.mkdir()
    for mode in (0o600, 0o4755, 0o2644, 0o711, 0o1777):
        (root / f"{mode:o}").touch()
        (root / f"{mode:o}").chmod(mode)
    seal_tree(root)

    found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in root.iterdir()}
    assert found == {"600": 0o444, "4755": 0o555, "2644": 0o444, "711": 0o555, "1777": 0o555}


def test_a_file_that_is_linked_from_a_sealed_tree_is_neither_read_nor_changed(tmp_path: Path):
    sealed = make_tree(tmp_path / "sealed")
    seal_tree(sealed)
    status = (sealed / "lib/a.py").lstat()
    known = Known()
    known.add(status, "f" * 64)  # believed: it is not read
    root = tmp_path / "tree"
    root.mkdir()
    os.link(sealed / "lib/a.py", root / "a.py")
    (root / "own").write_text("own")

    found = seal(root, known)

    assert [entry.sha256 for entry in found.entries] == ["f" * 64, digest("own")]
    assert found.read == {"own"}
    assert (sealed / "lib/a.py").lstat().st_mode == status.st_mode


def test_a_file_that_was_hashed_as_it_was_written_is_sealed_and_not_read(tmp_path: Path):
    root = make_tree(tmp_path / "tree")
    known = Known()
    known.add((root / "lib/a.py").lstat(), "f" * 64)

    entries = seal_tree(root, known)

    status = (root / "lib/a.py").lstat()
    assert {entry.path: entry.sha256 for entry in entries}["lib/a.py"] == "f" * 64
    assert (stat.S_IMODE(status.st_mode), status.st_mtime) == (0o444, EPOCH_SECONDS)


def test_reading_a_tree_changes_nothing_and_finds_the_same(tmp_path: Path):
    root = make_tree(tmp_path / "tree")
    before = (root / "lib/a.py").lstat()

    found = read_tree(root)

    after = (root / "lib/a.py").lstat()
    assert (after.st_mode, after.st_mtime_ns) == (before.st_mode, before.st_mtime_ns)
    assert found == seal_tree(root)


@pytest.mark.parametrize("kind", ["pipe", "socket"])
def test_what_is_neither_file_link_nor_folder_is_refused(tmp_path: Path, kind: str):
    place = tmp_path / "x"
    if kind == "pipe":
        os.mkfifo(place)
    else:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(place))

    with pytest.raises(StoreError) as caught:
        seal_tree(tmp_path)

    assert str(caught.value) == f"{place}: expected a file, a link or a folder, found neither"
