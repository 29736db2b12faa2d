"""Whatever is changed in a built store is found by `verify`, and put back by `repair`."""

from __future__ import annotations

import os
import random
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from envlock.model.keeping import Damage, Depth
from envlock.workflows.care import repair, verify
from tiny_store import TinyStore, tiny_store

TAMPERS = int(os.environ.get("ENVLOCK_TAMPER_COUNT", "60"))
CLEAN_RUNS = max(10, TAMPERS // 10)
EPOCH = 315_532_800
ODD_NAME = os.fsdecode(b"no text \xff\n")


@pytest.fixture(scope="module")
def tiny() -> Iterator[TinyStore]:
    with tiny_store() as tiny:
        tiny.build("one", "alpha", "beta 1")
        tiny.build("two", "alpha", "beta 2", "gamma")
        yield tiny


@dataclass
class Tampering:
    """One change, made by someone who hides its traces when they can."""

    chance: random.Random
    tree: Path
    sealed: list[str]
    """All that was there: paths of files, links and folders."""

    def pick(self, is_wanted: Callable[[Path], bool]) -> str:
        found = [path for path in self.sealed if is_wanted(self.tree / path)]
        return self.chance.choice(found)

    def opened(self, path: str) -> Path:
        """The folder of a path, made writable; it gets its mode and time back later."""
        folder = (self.tree / path).parent
        folder.chmod(0o755)
        return self.tree / path

    def closed(self, path: str) -> str:
        folder = (self.tree / path).parent
        folder.chmod(0o555)
        if self.chance.random() < 0.7:
            os.utime(folder, (EPOCH, EPOCH))
        return path

    def a_byte(self) -> str:
        path = self.pick(lambda each: is_file(each) and each.stat().st_size > 0)
        place = self.tree / path
        mode = stat.S_IMODE(place.stat().st_mode)
        content = bytearray(place.read_bytes())
        content[self.chance.randrange(len(content))] ^= 1 << self.chance.randrange(8)
        place.chmod(0o644)
        place.write_bytes(content)
        place.chmod(mode)
        os.utime(place, (EPOCH, EPOCH))
        return path

    def a_mode(self) -> str:
        path = self.pick(lambda each: not each.is_symlink())
        place = self.tree / path
        mode = stat.S_IMODE(place.stat().st_mode)
        place.chmod(mode ^ self.chance.choice([0o200, 0o020, 0o002, 0o100, 0o400, 0o004, 0o4000]))
        return path

    def a_time(self) -> str:
        path = self.pick(lambda _: True)
        later = EPOCH + self.chance.choice([1, 86_400, 10**9])
        os.utime(self.tree / path, (later, later), follow_symlinks=False)
        return path

    def a_target(self) -> str:
        path = self.pick(Path.is_symlink)
        place = self.opened(path)
        target = place.readlink()
        place.unlink()
        place.symlink_to(self.chance.choice(["/usr/bin/env", "elsewhere", f"{target}x"]))
        os.utime(place, (EPOCH, EPOCH), follow_symlinks=False)
        return self.closed(path)

    def a_missing_one(self) -> str:
        path = self.pick(lambda each: not each.is_dir() or each.is_symlink())
        self.opened(path).unlink()
        return self.closed(path)

    def an_extra_file(self) -> str:
        path = f"{self.folder()}{self.chance.choice(['extra.py', ODD_NAME])}"
        self.opened(path).write_bytes(self.chance.randbytes(self.chance.choice([0, 10, 5000])))
        self.seal(path)
        return self.closed(path)

    def an_extra_folder(self) -> str:
        path = f"{self.folder()}extra"
        self.opened(path).mkdir()
        if self.chance.random() < 0.5:
            (self.tree / path / "inner").write_bytes(b"inner")
        self.seal(path, 0o555)
        return self.closed(path)

    def an_extra_link(self) -> str:
        path = f"{self.folder()}extra-link"
        self.opened(path).symlink_to("/etc")
        os.utime(self.tree / path, (EPOCH, EPOCH), follow_symlinks=False)
        return self.closed(path)

    def a_pipe(self) -> str:
        path = f"{self.folder()}pipe"
        os.mkfifo(self.opened(path))
        return self.closed(path)

    def a_file_for_a_link(self) -> str:
        path = self.pick(Path.is_symlink)
        place = self.opened(path)
        content = place.read_bytes() if place.is_file() else b"#!"
        place.unlink()
        place.write_bytes(content[:1000])
        self.seal(path, 0o555)
        return self.closed(path)

    def a_link_for_a_file(self) -> str:
        path = self.pick(is_file)
        place = self.opened(path)
        place.unlink()
        place.symlink_to("/etc/hostname")
        os.utime(place, (EPOCH, EPOCH), follow_symlinks=False)
        return self.closed(path)

    def another_hard_link(self) -> str:
        path = self.pick(is_file)
        content = (self.tree / path).read_bytes()
        files = [
            each for each in sorted(self.tree.parents[1].glob("store/*/**/*")) if is_file(each)
        ]
        other = self.chance.choice([each for each in files if each.read_bytes() != content])
        self.opened(path).unlink()
        os.link(other, self.tree / path)
        return self.closed(path)

    def folder(self) -> str:
        folder = self.pick(lambda each: each.is_dir() and not each.is_symlink())
        return self.chance.choice(["", f"{folder}/"])

    def seal(self, path: str, mode: int = 0o444) -> None:
        (self.tree / path).chmod(mode)
        os.utime(self.tree / path, (EPOCH, EPOCH))


def is_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


IN_TREES = (
    *(Tampering.a_byte, Tampering.a_byte, Tampering.a_mode, Tampering.a_time),
    *(Tampering.a_missing_one, Tampering.an_extra_file, Tampering.an_extra_folder),
    *(Tampering.an_extra_link, Tampering.a_link_for_a_file, Tampering.another_hard_link),
    Tampering.a_pipe,
)
IN_ENVIRONMENTS = (*IN_TREES, Tampering.a_target, Tampering.a_file_for_a_link)


def tamper_with_tree(chance: random.Random, folder: Path) -> tuple[str, str, str]:
    """Change something; return the kind of change, the tree's name and the path."""
    tree = chance.choice(sorted(folder.iterdir()))
    has_links = folder.name == "store"
    change = chance.choice(IN_ENVIRONMENTS if has_links else IN_TREES)
    sealed = [str(path.relative_to(tree)) for path in sorted(tree.rglob("*"))]
    path = change(Tampering(chance, tree, sealed))
    return change.__name__, tree.name, path


def tamper_with_archive(chance: random.Random, folder: Path) -> tuple[str, str, str]:
    archives = sorted(folder.glob("sha256/*/*"))
    archive, other = chance.sample(archives, 2)
    kind = chance.choice(["byte", "cut", "mode", "link", "hard link", "extra", "folder"])
    if kind == "mode":
        archive.chmod(chance.choice([0o644, 0o666, 0o555]))
    elif kind == "extra":
        archive = archive.with_name("extra")
        archive.write_bytes(b"extra")
    elif kind in ("byte", "cut"):
        content = bytearray(archive.read_bytes())
        content[chance.randrange(len(content))] ^= 1
        status = archive.stat()
        archive.chmod(0o644)
        archive.write_bytes(content if kind == "byte" else content[: len(content) // 2])
        archive.chmod(0o444)
        os.utime(archive, ns=(status.st_mtime_ns, status.st_mtime_ns))
    else:
        archive.unlink()
        if kind == "link":
            archive.symlink_to(other)
        elif kind == "folder":
            archive.mkdir()
        else:
            os.link(other, archive)
    name = str(archive.relative_to(folder)) if kind == "extra" else archive.name
    return f"archive: {kind}", name, ""


def tamper(chance: random.Random, tiny: TinyStore) -> tuple[str, str, str]:
    layout = tiny.store.layout
    choice = chance.random()
    if choice < 0.15:
        return tamper_with_archive(chance, layout.artifacts)
    return tamper_with_tree(chance, layout.environments if choice < 0.6 else layout.trees)


def names_it(damage: Damage, name: str, path: str) -> bool:
    if damage.name != name:
        return False
    return not path or any(each.path == path for each in damage.differences)


@pytest.mark.repetition
def test_every_tampering_is_found_and_repaired(tiny: TinyStore):
    built = {each.label: each.tree_sha256 for each in tiny.store.environments()}
    kinds: dict[str, int] = {}
    for seed in range(TAMPERS):
        kind, name, path = tamper(random.Random(seed), tiny)
        kinds[kind] = kinds.get(kind, 0) + 1

        repaired = repair([], tiny.care(), tiny.mending())

        found = repaired.found.damages
        assert any(names_it(each, name, path) for each in found), (seed, kind, name, path, found)
        assert repaired.unrepaired == (), (seed, kind, name, path)
        left = verify([], Depth.FULL, tiny.care()).damages
        assert left == (), (seed, kind, name, path)
    assert {each.label: each.tree_sha256 for each in tiny.store.environments()} == built
    sys.stderr.write(f"\n{TAMPERS} tamperings, all found and repaired: {kinds}\n")


@pytest.mark.repetition
def test_a_store_that_nobody_touched_never_gives_an_alarm(tiny: TinyStore):
    for seed in range(CLEAN_RUNS):
        depth = Depth.QUICK if seed % 4 == 0 else Depth.FULL
        found = verify([], depth, tiny.care())

        assert found.damages == ()
        assert found.notes == ()
