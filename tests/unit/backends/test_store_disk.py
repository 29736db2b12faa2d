"""Small parts of the store on a disk: leases, changing places, sealing again, counting room."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from envlock.backends.store_layout import StoreLayout, open_layout
from envlock.backends.store_locks import TemporaryRoot, live_names
from envlock.backends.store_look import Digests, finish, look
from envlock.backends.store_trees import (
    EPOCH_SECONDS,
    exchange,
    move_into_place,
    read_tree,
    reseal,
    seal_tree,
)
from envlock.backends.store_usage import freed_bytes


@pytest.fixture
def layout(tmp_path: Path) -> StoreLayout:
    return open_layout(tmp_path / "home")


def plant(folder: Path, **files: bytes) -> Path:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


# --- leases ---------------------------------------------------------------------------------------


def test_what_a_process_needs_is_live_until_it_lets_go(layout: StoreLayout):
    with TemporaryRoot(layout) as needs:
        needs.add(["one", "two"])
        assert live_names(layout, on_network=False) == {needs.name, "one", "two"}

    assert live_names(layout, on_network=False) == frozenset()


def test_the_file_of_a_process_that_died_is_swept_but_not_by_a_mere_look(layout: StoreLayout):
    left = layout.temporary_roots / "left"
    left.write_text("one\n")

    assert live_names(layout, on_network=False, is_sweeping=False) == frozenset()
    assert left.exists()
    live_names(layout, on_network=False)
    assert not left.exists()


def test_on_a_network_a_file_is_a_lease_since_its_lock_may_be_elsewhere(layout: StoreLayout):
    left = layout.temporary_roots / "left"
    left.write_text("one\n")

    assert live_names(layout, on_network=True) == {"left", "one"}
    old = time.time() - 25 * 3600
    os.utime(left, (old, old))
    assert live_names(layout, on_network=True) == frozenset()
    assert not left.exists()


# --- trees ----------------------------------------------------------------------------------------


def test_two_folders_change_places(tmp_path: Path):
    one, other = plant(tmp_path / "one", a=b"1"), plant(tmp_path / "other", b=b"2")

    assert exchange(one, other)

    assert [path.name for path in one.iterdir()] == ["b"]
    assert [path.name for path in other.iterdir()] == ["a"]
    assert not exchange(one, tmp_path / "nothing")
    assert one.is_dir()


@pytest.mark.parametrize("can_exchange", [True, False])
def test_what_lies_in_the_way_is_gone_when_a_tree_comes_to_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, can_exchange: bool
):
    if not can_exchange:
        monkeypatch.setattr("envlock.backends.store_trees.exchange", lambda *_: False)
    made, target = plant(tmp_path / ".made", a=b"new"), plant(tmp_path / "target", b=b"old")

    move_into_place(made, target)

    assert [path.name for path in tmp_path.iterdir()] == ["target"]
    assert (target / "a").read_bytes() == b"new"


def test_a_tree_is_sealed_again_without_what_was_added(tmp_path: Path):
    root = plant(tmp_path / "tree" / "inner", a=b"1").parent
    entries = seal_tree(root)
    (root / "inner").chmod(0o755)
    plant(root / "inner" / "added", x=b"x")
    (root / "inner" / "a").chmod(0o666)

    reseal(root, entries, ["inner/added", "inner/added/x"], ["inner/a"])

    assert read_tree(root) == entries
    assert look(root).loose == {}


def test_a_look_sees_modes_times_and_what_is_no_file(tmp_path: Path):
    root = plant(tmp_path / "tree", a=b"1", b=b"2")
    seal_tree(root)
    root.chmod(0o755)
    os.mkfifo(root / "pipe")
    (root / "a").chmod(0o644)
    os.utime(root / "b", (EPOCH_SECONDS + 1, EPOCH_SECONDS + 1))

    sight = look(root)

    assert sight.loose == {
        ".": "mode 0755 and not 0555",
        "a": "mode 0644 and not 0444",
        "b": "modified 1980-01-01 00:00:01 UTC",
    }
    assert sight.strange == {"pipe": "neither a file, a link nor a folder"}


def test_files_of_every_size_are_hashed_as_they_are(tmp_path: Path):
    sizes = (0, 1, (1 << 18) - 1, 1 << 18, (1 << 18) + 1, 3_000_000)
    root = plant(tmp_path / "tree", **{f"f{size}": os.urandom(size) for size in sizes})
    os.link(root / "f1", root / "again")
    entries = seal_tree(root)
    digests = Digests()

    found = finish(look(root), root, entries, digests)

    assert sorted(found) == sorted(entries)
    assert digests.size_bytes == sum(sizes)
    digests.close()


# --- room -----------------------------------------------------------------------------------------


def test_a_file_frees_its_room_when_its_last_link_goes(tmp_path: Path):
    one = plant(tmp_path / "one", a=b"x" * 10_000)
    two = plant(tmp_path / "two")
    os.link(one / "a", two / "a")
    alone, both = freed_bytes([one]), freed_bytes([one, two])

    assert both - freed_bytes([two]) - alone == (one / "a").stat().st_blocks * 512
    assert freed_bytes([tmp_path / "nothing"]) == 0
