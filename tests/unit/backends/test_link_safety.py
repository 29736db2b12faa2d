from __future__ import annotations

import os
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from envlock.backends.bytecode import compile_sources
from envlock.backends.link_files import Linker, TreeDamagedError, refuse_escape
from envlock.backends.store_build import _remove_shipped
from envlock.backends.store_trees import EPOCH_SECONDS, Known
from envlock.errors import ArchiveError, StoreError, WorldError
from envlock.model.tree import EntryKind, TreeEntry


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    """A file of the store."""
    path = tmp_path / "sealed"
    path.write_bytes(b"sealed")
    path.chmod(0o444)
    os.utime(path, (EPOCH_SECONDS, EPOCH_SECONDS))
    return path


@pytest.fixture
def linker(tmp_path: Path) -> Linker:
    (tmp_path / "root").mkdir()
    return Linker(str(tmp_path / "root"), Known())


def entry_of(path: Path) -> TreeEntry:
    content = path.read_bytes()
    return TreeEntry(
        path=path.name,
        kind=EntryKind.FILE,
        sha256=sha256(content).hexdigest(),
        size_bytes=len(content),
    )


def test_nothing_is_placed_through_a_link(linker: Linker, tmp_path: Path):
    (tmp_path / "root" / "lib").symlink_to(tmp_path)

    with pytest.raises(ArchiveError) as refused:
        linker.write("lib/x", b"evil")

    assert str(refused.value) == (
        "two packages disagree: `lib` is a folder for one and not for another\n"
        "Nothing was installed."
    )
    assert not (tmp_path / "x").exists()


def test_a_file_that_is_written_never_goes_into_the_store(
    linker: Linker, sealed: Path, tmp_path: Path
):
    linker.link("tree", str(sealed), entry_of(sealed), "bin/tool")
    linker.finish()

    linker.write("bin/tool", b"other")

    assert sealed.read_bytes() == b"sealed"
    assert (tmp_path / "root/bin/tool").read_bytes() == b"other"
    assert linker.collisions == ["bin/tool"]


def test_a_link_in_a_files_place_is_replaced_and_not_followed(
    linker: Linker, sealed: Path, tmp_path: Path
):
    (tmp_path / "outside").write_bytes(b"as it was")
    (tmp_path / "root" / "x").symlink_to(tmp_path / "outside")

    linker.link("tree", str(sealed), entry_of(sealed), "x")
    linker.finish()

    assert (tmp_path / "outside").read_bytes() == b"as it was"
    assert (tmp_path / "root" / "x").read_bytes() == b"sealed"


def test_a_file_in_a_folders_place_is_refused(linker: Linker, tmp_path: Path):
    (tmp_path / "root" / "x").mkdir()

    with pytest.raises(ArchiveError) as refused:
        linker.write("x", b"")

    assert str(refused.value) == (
        "two packages disagree: `x` is a file for one and a folder for another\n"
        "Nothing was installed."
    )


def test_a_source_that_became_a_link_is_damage(linker: Linker, sealed: Path, tmp_path: Path):
    entry = entry_of(sealed)
    sealed.unlink()
    sealed.symlink_to("/etc/hostname")

    linker.link("tree", str(sealed), entry, "x")

    with pytest.raises(TreeDamagedError):
        linker.finish()

    assert list((tmp_path / "root").iterdir()) == []


# --- bytecode -------------------------------------------------------------------------------------


def test_bytecode_is_not_removed_or_written_through_a_link(linker: Linker, tmp_path: Path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.cpython-311.pyc").touch()
    (tmp_path / "root" / "__pycache__").symlink_to(tmp_path / "outside")

    with pytest.raises(ArchiveError):
        _remove_shipped(linker, "x.py")

    assert [path.name for path in (tmp_path / "outside").iterdir()] == ["x.cpython-311.pyc"]


@pytest.mark.parametrize("name", ["x.py", "[x].py", "x*.py"])
def test_the_bytecode_of_one_source_alone_is_removed(name: str, linker: Linker, tmp_path: Path):
    folder = tmp_path / "root" / "lib" / "__pycache__"
    folder.mkdir(parents=True)
    stem = name.removesuffix(".py")
    for other in (f"{stem}.cpython-311.pyc", f"{stem}.cpython-311.opt-1.pyc", "y.cpython-311.pyc"):
        (folder / other).touch()
    (folder / f"{stem}.y.cpython-311.pyc").touch()

    _remove_shipped(linker, f"lib/{name}")

    left = sorted(path.name for path in folder.iterdir())
    assert left == sorted([f"{stem}.y.cpython-311.pyc", "y.cpython-311.pyc"])


def test_compiling_never_writes_into_a_file_that_is_there(sealed: Path, tmp_path: Path):
    (tmp_path / "x.py").write_text("x = 1\n", "utf-8")
    (tmp_path / "__pycache__").mkdir()
    tag = sys.implementation.cache_tag
    os.link(sealed, tmp_path / "__pycache__" / f"x.{tag}.pyc")

    with pytest.raises(WorldError, match="bytecode cannot be written"):
        compile_sources(Path(sys.executable), tmp_path, ["x.py"], tmp_path)

    assert sealed.read_bytes() == b"sealed"


# --- links of a whole environment -----------------------------------------------------------------


def link(path: str, target: str) -> TreeEntry:
    return TreeEntry(path=path, kind=EntryKind.LINK, target=target)


def test_an_environments_links_may_lead_to_the_python_that_it_names():
    entries = [link("bin/python3.11", "/usr/bin/python3.11"), link("bin/python", "python3.11")]

    refuse_escape(entries, frozenset({"/usr/bin/python3.11"}))


@pytest.mark.parametrize("target", ["/etc/passwd", "../../x", "way/../../x"])
def test_an_environments_links_lead_nowhere_else(target: str):
    entries = [link("bin/x", target), link("bin/way", ".")]

    with pytest.raises(StoreError) as refused:
        refuse_escape(entries, frozenset({"/usr/bin/python3.11"}))

    assert str(refused.value) == (
        f"`bin/x` leads out of the environment or round in a circle, to {target}\n"
        "Nothing was installed."
    )
