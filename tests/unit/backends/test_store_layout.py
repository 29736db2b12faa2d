"""Where a store lies, and what may be opened as one."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from envlock.backends import store_layout
from envlock.backends.store_layout import open_layout, store_home
from envlock.errors import StoreError, WorldError


def home() -> Path:
    return Path("/home/me")


def test_a_store_lies_where_its_variable_says_without_links(tmp_path: Path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")

    assert store_home({"ENVLOCK_HOME": f"{tmp_path}/link/s"}, home) == tmp_path / "real" / "s"


def test_a_relative_place_is_one_below_the_folder_that_one_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)

    assert store_home({"ENVLOCK_HOME": "s"}, home) == tmp_path.resolve() / "s"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, "/home/me/.local/share/envlock"),
        ({"ENVLOCK_HOME": ""}, "/home/me/.local/share/envlock"),
        ({"XDG_DATA_HOME": "/data"}, "/data/envlock"),
        ({"XDG_DATA_HOME": "data"}, "/home/me/.local/share/envlock"),
    ],
)
def test_else_it_lies_in_the_folder_for_data(variables: dict[str, str], expected: str):
    assert store_home(variables, home) == Path(expected)


def test_a_new_store_says_its_layout_and_may_be_read_by_all(tmp_path: Path):
    mask = os.umask(0o077)
    try:
        layout = open_layout(tmp_path / "a" / "store")
    finally:
        os.umask(mask)

    assert (layout.root / "layout").read_bytes() == b"1\n"
    assert stat.S_IMODE(layout.environments.stat().st_mode) == 0o755
    assert sorted(path.name for path in layout.root.iterdir()) == sorted(
        [
            *("layout", "store", "artifacts", "trees", "manifests", "profiles", "locks"),
            *("temproots", "reserve", "data"),
        ]
    )


def test_a_folder_that_is_something_else_is_left_alone(tmp_path: Path):
    (tmp_path / "thesis.tex").touch()

    with pytest.raises(StoreError) as told:
        open_layout(tmp_path)

    assert str(told.value) == (
        f"{tmp_path}: expected a store or an empty folder, found `thesis.tex` in it\n"
        "Nothing in it was touched."
    )
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_store_of_another_layout_is_left_alone(tmp_path: Path):
    open_layout(tmp_path / "s")
    (tmp_path / "s" / "layout").write_text("2\n", encoding="ascii")

    with pytest.raises(StoreError) as told:
        open_layout(tmp_path / "s")

    assert str(told.value) == (
        f"{tmp_path}/s: expected a store of layout 1, found layout '2'\nNothing in it was touched."
    )


def test_a_store_whose_maker_was_killed_is_finished_by_the_next(tmp_path: Path):
    root = tmp_path / "s"
    (root / "store").mkdir(parents=True)
    (root / "layout").touch()

    open_layout(root)

    assert (root / "layout").read_bytes() == b"1\n"
    assert not list(root.glob("layout?*"))


def test_a_store_that_another_process_makes_at_this_moment_is_no_foreign_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """It may get its layout and its database while somebody else looks around in it."""
    root = tmp_path / "s"
    (root / "store").mkdir(parents=True)
    look = Path.iterdir

    def made_meanwhile(folder: Path) -> list[Path]:
        (root / "layout").write_text("1\n", encoding="ascii")
        (root / "db.sqlite").touch()
        return list(look(folder))

    monkeypatch.setattr(Path, "iterdir", made_meanwhile)

    assert open_layout(root).root == root


def test_room_is_set_aside_only_where_there_is_plenty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=16 << 20))
    layout = open_layout(tmp_path / "s")
    assert not layout.reserve.exists()

    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=17 << 20))
    open_layout(tmp_path / "s")
    assert layout.reserve.stat().st_size == 1 << 20


def test_a_place_that_cannot_be_a_folder_is_told(tmp_path: Path):
    (tmp_path / "s").touch()

    with pytest.raises(WorldError) as told:
        open_layout(tmp_path / "s")

    assert str(told.value) == f"{tmp_path}/s: the store cannot be opened: Not a directory"


def test_a_place_that_one_may_not_write_to_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refused(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(store_layout, "make_folder", refused)

    with pytest.raises(WorldError) as told:
        open_layout(tmp_path / "s")

    assert str(told.value) == f"{tmp_path}/s: the store cannot be opened: Permission denied"
    assert told.value.hints == ("choose a folder that you may write to: `export ENVLOCK_HOME=…`",)
