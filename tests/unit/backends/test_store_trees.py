"""Folders of the store: sealed, read again, moved into place, and taken away."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from pathlib import Path

import pytest

from envlock.backends import store_trees
from envlock.backends.store_layout import StoreLayout, open_layout
from envlock.backends.store_trees import (
    EPOCH_SECONDS,
    Known,
    disk_errors,
    is_staged_by,
    move_into_place,
    read_manifest,
    read_tree,
    remove_tree,
    seal,
    seal_tree,
    staged,
    staging_beside,
    sweep,
    write_manifest,
)
from envlock.errors import StoreError, WorldError
from envlock.model.tree import EntryKind
from tiny_builds import snapshot

OWNER = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def layout(tmp_path: Path) -> StoreLayout:
    return open_layout(tmp_path / "s")


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def fill(root: Path) -> Path:
    """A small tree of everything that a store may hold."""
    (root / "bin").mkdir(parents=True)
    (root / "empty").mkdir()
    (root / "bin" / "tool").write_bytes(b"#!/bin/sh\n")
    (root / "bin" / "tool").chmod(0o700)
    (root / "data file").write_bytes(b"data")
    (root / "bin" / "link").symlink_to("tool")
    return root


def test_a_sealed_tree_cannot_be_written_to_and_has_one_time(tmp_path: Path):
    root = fill(tmp_path / "tree")

    entries = seal_tree(root)

    found = snapshot(tmp_path)
    assert {each[1] for each in found.values() if each[0] == "folder"} == {0o555}
    assert {each[1] for each in found.values() if each[0] == "file"} == {0o444, 0o555}
    assert {(tmp_path / path).lstat().st_mtime for path in found} == {EPOCH_SECONDS}
    assert [(each.path, each.kind, each.is_executable) for each in entries] == [
        ("bin", EntryKind.FOLDER, False),
        ("bin/link", EntryKind.LINK, False),
        ("bin/tool", EntryKind.FILE, True),
        ("data file", EntryKind.FILE, False),
        ("empty", EntryKind.FOLDER, False),
    ]


def test_to_read_a_tree_says_the_same_as_to_seal_it_and_changes_nothing(tmp_path: Path):
    root = fill(tmp_path / "tree")
    before = snapshot(root)
    read = read_tree(root)
    assert snapshot(root) == before

    assert seal_tree(root) == read == read_tree(root)


def test_what_is_known_is_neither_read_nor_changed(tmp_path: Path):
    root = fill(tmp_path / "tree")
    known = Known()
    known.add((root / "data file").lstat(), "d" * 64)

    entries = seal(root, known).entries

    assert {each.sha256 for each in entries if each.path == "data file"} == {"d" * 64}
    assert stat.S_IMODE((root / "data file").stat().st_mode) & 0o200


def test_what_a_store_cannot_hold_is_refused(tmp_path: Path):
    root = fill(tmp_path / "tree")
    os.mkfifo(root / "pipe")

    with pytest.raises(StoreError, match="expected a file, a link or a folder, found neither"):
        seal_tree(root)


# --- manifests ------------------------------------------------------------------------------------


def test_a_manifest_is_kept_once_and_read_again(layout: StoreLayout, tmp_path: Path):
    entries = seal_tree(fill(tmp_path / "tree"))

    digest = write_manifest(layout, entries)

    assert write_manifest(layout, entries) == digest
    assert read_manifest(layout, digest) == entries
    assert [path.name for path in layout.manifests.glob("*/*")] == [f"{digest}.zst"]


def test_a_manifest_that_is_gone_is_told(layout: StoreLayout):
    with pytest.raises(StoreError) as told:
        read_manifest(layout, "a" * 64)

    assert (
        str(told.value) == f"{layout.manifest('a' * 64)}: the manifest cannot be used: it is gone"
    )
    assert told.value.hints == ("`envlock store repair` makes it anew",)


def test_a_manifest_that_was_exchanged_is_told(layout: StoreLayout, tmp_path: Path):
    digest = write_manifest(layout, seal_tree(fill(tmp_path / "tree")))
    other = write_manifest(layout, ())
    layout.manifest(other).replace(layout.manifest(digest))

    with pytest.raises(StoreError, match="its content is not what its name says"):
        read_manifest(layout, digest)


def test_a_manifest_that_cannot_be_unpacked_is_told(layout: StoreLayout, tmp_path: Path):
    digest = write_manifest(layout, seal_tree(fill(tmp_path / "tree")))
    layout.manifest(digest).chmod(0o644)
    layout.manifest(digest).write_bytes(b"no zstd")

    with pytest.raises(StoreError, match="the manifest cannot be used"):
        read_manifest(layout, digest)


# --- moving and removing --------------------------------------------------------------------------


def test_a_folder_is_made_under_a_name_as_long_as_its_own_that_says_who_makes_it(tmp_path: Path):
    for name in (f"{'k' * 32}-demo", f"{'k' * 32}-{'x' * 100}", "artifact-" + "5" * 64):
        staging = staging_beside(tmp_path / name, OWNER)

        assert len(staging.name) == len(name)
        assert staging.parent == tmp_path
        assert staging.name.startswith(".")
        assert is_staged_by(staging.name, ["f" * 32, OWNER])
        assert not is_staged_by(staging.name, ["f" * 32])


def test_a_tree_comes_into_place_in_one_piece_and_replaces_a_leftover(tmp_path: Path):
    staging, target = fill(tmp_path / ".staging"), tmp_path / "target"
    seal_tree(staging)
    expected = snapshot(staging)
    seal_tree(fill(target / "leftover"))
    target.chmod(0o555)

    move_into_place(staging, target)

    assert snapshot(target) == expected
    assert names_in(tmp_path) == ["target"]


def test_a_tree_is_out_of_sight_before_the_first_of_its_files_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    root = fill(tmp_path / "tree")
    seal_tree(root)
    seen: list[list[str]] = []
    monkeypatch.setattr(store_trees, "sweep", lambda _: seen.append(names_in(tmp_path)))

    remove_tree(root)

    ((name,),) = seen
    assert name.startswith(".")


def test_a_read_only_tree_is_swept_and_what_its_links_lead_to_stays(tmp_path: Path):
    root, outside = fill(tmp_path / "tree"), fill(tmp_path / "outside")
    (root / "out").symlink_to(outside)
    (root / "deep").mkdir()
    (root / "deep" / "file").touch()
    seal_tree(root)
    before = snapshot(outside)

    sweep(root)

    assert names_in(tmp_path) == ["outside"]
    assert snapshot(outside) == before


@pytest.mark.parametrize("make", [Path.touch, lambda path: path.symlink_to("x"), lambda _: None])
def test_a_file_a_link_or_nothing_may_be_swept_too(tmp_path: Path, make):
    make(tmp_path / "it")

    sweep(tmp_path / "it")

    assert names_in(tmp_path) == []


def test_a_folder_that_somebody_still_writes_into_is_swept_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The compiler of a build that was killed goes on for a moment."""
    root = fill(tmp_path / "tree")
    rmtree, written = shutil.rmtree, []

    def written_meanwhile(*arguments: object, **options: object) -> None:
        if not written:
            written.append("late")
            raise OSError(errno.ENOTEMPTY, "Directory not empty")
        rmtree(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(shutil, "rmtree", written_meanwhile)

    sweep(root)

    assert names_in(tmp_path) == []


def test_what_was_being_made_is_gone_when_making_it_fails(tmp_path: Path):
    def fail() -> None:
        with staged(tmp_path / "demo", OWNER, "demo cannot be made") as staging:
            seal_tree(fill(staging))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert names_in(tmp_path) == []


def test_the_first_failure_is_told_and_not_that_of_cleaning_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def refused(_: Path) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(store_trees, "remove_tree", refused)

    with pytest.raises(WorldError) as told, staged(tmp_path / "demo", OWNER, "demo cannot be made"):
        raise OSError(errno.ENOSPC, "No space left on device")

    assert str(told.value) == (
        "demo cannot be made: the disk is full\n"
        "Nothing was installed; the store holds what it held before."
    )
    assert told.value.hints == ("free space (`envlock gc`), then run it again",)


def test_a_failure_of_cleaning_up_is_the_disk_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refused(_: Path) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(store_trees, "remove_tree", refused)

    with (
        pytest.raises(WorldError, match="demo cannot be made: Read-only file system"),
        staged(tmp_path / "demo", OWNER, "demo cannot be made"),
    ):
        pass


def test_a_disk_that_refuses_is_told_with_its_own_words():
    with pytest.raises(WorldError) as told, disk_errors("x cannot be made"):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    assert str(told.value) == (
        "x cannot be made: Input/output error\n"
        "Nothing was installed; the store holds what it held before."
    )
    assert told.value.hints == ()
