"""Files of a sealed tree into a staging folder: how they are linked, and what is refused."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import tempfile
from hashlib import sha256
from pathlib import Path

import pytest

from envlock.backends.link_files import Linker, TreeDamagedError, is_sealed
from envlock.backends.store_trees import EPOCH_SECONDS, Known, seal_tree
from envlock.errors import ArchiveError
from envlock.model.tree import EntryKind, TreeEntry


class Trees:
    """Sealed trees beside a staging folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.staging = folder / "staging"
        self.staging.mkdir()
        self.known = Known()
        self.linker = Linker(str(self.staging), self.known)

    def make(self, name: str, **files: str) -> dict[str, TreeEntry]:
        """Seal a tree of files in one folder; return their entries."""
        root = self.folder / name
        root.mkdir()
        for path, content in files.items():
            (root / path).write_text(content)
        return {entry.path: entry for entry in seal_tree(root)}

    def link(self, tree: str, entry: TreeEntry, path: str, *, replaces: bool = False) -> None:
        """Have one file linked."""
        source = str(self.folder / tree / entry.path)
        self.linker.link(tree, source, entry, path, replaces=replaces)

    def read(self, path: str) -> str:
        """What lies at a path of the staging folder."""
        return (self.staging / path).read_text()


@pytest.fixture
def trees(tmp_path: Path) -> Trees:
    return Trees(tmp_path)


def refuse_cloning(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "not supported")

    monkeypatch.setattr(fcntl, "ioctl", refuse)


def refuse_linking(monkeypatch: pytest.MonkeyPatch, number: int = errno.EXDEV) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refuse)


def test_files_come_to_lie_where_they_are_asked_for(trees: Trees):
    one = trees.make("one", a="first", b="second")
    trees.link("one", one["a"], "lib/deep/down/a")
    trees.link("one", one["b"], "b")

    trees.linker.finish()

    assert trees.read("lib/deep/down/a") == "first"
    assert trees.read("b") == "second"
    assert trees.linker.collisions == []


def test_a_linked_file_is_read_only_and_as_old_as_all(trees: Trees):
    trees.link("one", trees.make("one", a="first")["a"], "a")

    trees.linker.finish()

    status = (trees.staging / "a").stat()
    assert stat.S_IMODE(status.st_mode) == 0o444


def test_without_clones_a_file_is_a_hard_link_whose_content_is_known(
    trees: Trees, monkeypatch: pytest.MonkeyPatch
):
    refuse_cloning(monkeypatch)
    trees.link("one", trees.make("one", a="first")["a"], "x/a")

    trees.linker.finish()

    status = (trees.staging / "x/a").stat()
    assert status.st_ino == (trees.folder / "one/a").stat().st_ino
    assert trees.known.digest(status) == sha256(b"first").hexdigest()


def test_a_clone_is_a_file_of_its_own_that_is_sealed_and_known(
    trees: Trees, monkeypatch: pytest.MonkeyPatch
):
    def share(target: int, _: int, source: int) -> None:
        os.write(target, os.pread(source, 1 << 20, 0))

    monkeypatch.setattr(fcntl, "ioctl", share)
    trees.link("one", trees.make("one", a="first")["a"], "x/a")

    trees.linker.finish()

    status = (trees.staging / "x/a").stat()
    assert trees.read("x/a") == "first"
    assert status.st_ino != (trees.folder / "one/a").stat().st_ino
    assert (stat.S_IMODE(status.st_mode), status.st_mtime) == (0o444, EPOCH_SECONDS)
    assert trees.known.digest(status) == sha256(b"first").hexdigest()


@pytest.mark.parametrize("number", [errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EACCES])
def test_without_links_a_file_is_a_copy_that_nobody_may_write_to(
    trees: Trees, monkeypatch: pytest.MonkeyPatch, number: int
):
    refuse_cloning(monkeypatch)
    refuse_linking(monkeypatch, number)
    trees.link("one", trees.make("one", a="first")["a"], "a")

    trees.linker.finish()

    status = (trees.staging / "a").stat()
    assert trees.read("a") == "first"
    assert status.st_ino != (trees.folder / "one/a").stat().st_ino
    assert stat.S_IMODE(status.st_mode) == 0o444
    assert trees.known.digest(status) is None


def test_a_full_disk_is_no_reason_to_copy(trees: Trees, monkeypatch: pytest.MonkeyPatch):
    refuse_cloning(monkeypatch)
    refuse_linking(monkeypatch, errno.ENOSPC)
    trees.link("one", trees.make("one", a="first")["a"], "a")

    with pytest.raises(OSError, match="No space left"):
        trees.linker.finish()

    assert list(trees.staging.iterdir()) == []


def test_a_program_stays_one(trees: Trees, monkeypatch: pytest.MonkeyPatch):
    refuse_cloning(monkeypatch)
    refuse_linking(monkeypatch)
    root = trees.folder / "one"
    root.mkdir()
    (root / "tool").write_text("#!/bin/sh\n")
    (root / "tool").chmod(0o755)
    (entry,) = seal_tree(root)
    trees.link("one", entry, "bin/tool")

    trees.linker.finish()

    assert stat.S_IMODE((trees.staging / "bin/tool").stat().st_mode) == 0o555


def test_many_files_are_all_linked(trees: Trees):
    names = [f"f{number}" for number in range(3000)]
    many = trees.make("many", **dict.fromkeys(names, "x"))
    for place, name in enumerate(names):
        trees.link("many", many[name], f"d{place % 7}/{name}")

    trees.linker.finish()

    found = [path.name for path in trees.staging.rglob("f*")]
    assert sorted(found) == sorted(names)


def test_the_same_content_from_two_packages_is_no_collision(trees: Trees):
    one, two = trees.make("one", a="same"), trees.make("two", a="same")
    trees.link("one", one["a"], "a")
    trees.link("two", two["a"], "a")

    trees.linker.finish()

    assert trees.read("a") == "same"
    assert trees.linker.collisions == []


def test_of_two_contents_the_later_wins_and_is_told(trees: Trees):
    one, two = trees.make("one", a="first"), trees.make("two", a="second")
    trees.link("one", one["a"], "x/a")
    trees.link("two", two["a"], "x/a")

    trees.linker.finish()

    assert trees.read("x/a") == "second"
    assert trees.linker.collisions == ["x/a"]
    assert (trees.folder / "one/a").read_text() == "first"


def test_a_file_that_lay_there_before_gives_way_and_is_told(trees: Trees):
    (trees.staging / "a").write_text("of a conda package")
    trees.link("one", trees.make("one", a="of a wheel")["a"], "a")

    trees.linker.finish()

    assert trees.read("a") == "of a wheel"
    assert trees.linker.collisions == ["a"]


def test_a_link_that_lay_there_is_replaced_and_not_followed(trees: Trees):
    outside = trees.folder / "outside"
    outside.write_text("not ours")
    (trees.staging / "a").symlink_to(outside)
    trees.link("one", trees.make("one", a="ours")["a"], "a")

    trees.linker.finish()

    assert trees.read("a") == "ours"
    assert outside.read_text() == "not ours"


def test_what_is_meant_to_be_replaced_is_no_collision(trees: Trees):
    (trees.staging / "a").write_text("shipped")
    one, two = trees.make("one", b="shipped too"), trees.make("two", a="ours", b="ours too")
    trees.link("one", one["b"], "b")
    trees.link("two", two["a"], "a", replaces=True)
    trees.link("two", two["b"], "b", replaces=True)

    trees.linker.finish()

    assert (trees.read("a"), trees.read("b")) == ("ours", "ours too")
    assert trees.linker.collisions == []


def test_a_file_that_is_written_never_writes_into_a_tree(trees: Trees):
    one = trees.make("one", a="sealed")
    trees.link("one", one["a"], "a")
    trees.linker.finish()

    trees.linker.write("a", b"written")

    assert trees.read("a") == "written"
    assert (trees.folder / "one/a").read_text() == "sealed"


def test_a_file_that_is_written_takes_the_place_of_one_that_waits(trees: Trees):
    trees.link("one", trees.make("one", a="linked")["a"], "a")
    trees.linker.write("a", b"written", is_executable=True)

    trees.linker.finish()

    assert trees.read("a") == "written"
    assert stat.S_IMODE((trees.staging / "a").stat().st_mode) == 0o755


def test_a_folder_in_the_place_of_a_file_is_refused(trees: Trees):
    one, two = trees.make("one", a="file"), trees.make("two", b="below")
    trees.link("one", one["a"], "x")
    trees.link("two", two["b"], "x/b")

    with pytest.raises(ArchiveError) as caught:
        trees.linker.finish()

    assert str(caught.value) == (
        "two packages disagree: `x` is a file for one and a folder for another\n"
        "Nothing was installed."
    )


def test_a_link_in_the_place_of_a_folder_is_refused_and_not_gone_through(trees: Trees):
    outside = trees.folder / "outside"
    outside.mkdir()
    (trees.staging / "x").symlink_to(outside)
    trees.link("one", trees.make("one", a="file")["a"], "x/a")

    with pytest.raises(ArchiveError) as caught:
        trees.linker.finish()

    assert str(caught.value) == (
        "two packages disagree: `x` is a folder for one and not for another\nNothing was installed."
    )
    assert list(outside.iterdir()) == []


def loosen(place: Path) -> None:
    place.chmod(0o644)


def touch(place: Path) -> None:
    os.utime(place)


def lengthen(place: Path) -> None:
    place.chmod(0o644)
    place.write_text("longer than before")
    place.chmod(0o444)
    os.utime(place, (EPOCH_SECONDS, EPOCH_SECONDS))


def turn_into_a_link(place: Path) -> None:
    place.parent.chmod(0o755)
    place.unlink()
    place.symlink_to("/etc/hostname")


@pytest.mark.parametrize("damage", [loosen, touch, lengthen, turn_into_a_link])
def test_a_file_that_is_not_as_it_was_sealed_is_not_linked(trees: Trees, damage: object):
    one = trees.make("one", a="first")
    damage(trees.folder / "one/a")  # type: ignore[operator]
    trees.link("one", one["a"], "a")

    with pytest.raises(TreeDamagedError) as caught:
        trees.linker.finish()

    assert (caught.value.tree, caught.value.path) == ("one", "a")
    assert list(trees.staging.iterdir()) == []


def test_a_file_of_another_kind_is_not_sealed(tmp_path: Path):
    tmp_path.chmod(0o555)
    entry = TreeEntry(path="a", kind=EntryKind.FILE, size_bytes=tmp_path.stat().st_size)

    assert not is_sealed(tmp_path.lstat(), entry)


def test_a_tree_on_another_file_system_is_copied(tmp_path: Path):
    shared = Path("/dev/shm")  # noqa: S108 - another file system, where there is one
    if not shared.is_dir() or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system at hand")
    with tempfile.TemporaryDirectory(dir=shared) as name:
        (Path(name) / "a").write_text("first")
        (entry,) = seal_tree(Path(name))
        linker = Linker(str(tmp_path), Known())
        linker.link("one", f"{name}/a", entry, "a")
        linker.finish()
        Path(name).chmod(0o755)

    assert (tmp_path / "a").read_text() == "first"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o444
