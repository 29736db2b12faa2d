"""The store's database: rows that come and go as one, and a file that is not what it should be."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from envlock.backends import store_database
from envlock.backends.store_database import StoreDatabase
from envlock.errors import StoreError, WorldError
from envlock.model.store import Artifact, ArtifactKind, Derivation, Environment

KEY = "a" * 32
WHEEL = Artifact(
    name="numpy",
    version="2.1",
    file_name="numpy-2.1-py3-none-any.whl",
    kind=ArtifactKind.WHEEL,
    sha256="5" * 64,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "db.sqlite"


@pytest.fixture
def database(path: Path) -> Iterator[StoreDatabase]:
    with contextlib.closing(StoreDatabase(path, on_network=False)) as opened:
        yield opened


def environment(folder: Path, **changes: object) -> Environment:
    derivation = Derivation(
        name="demo", platform="linux-64", store_folder="/s", artifacts=(), made_with="a test"
    )
    made = Environment(
        key=KEY,
        name="demo",
        path=f"{folder}/{KEY}-demo",
        derivation=derivation,
        tree_sha256="1" * 64,
        content_sha256="2" * 64,
        size_bytes=3,
        built_at="2026-01-01T00:00:00Z",
    )
    return msgspec.structs.replace(made, **changes)


def test_an_environment_comes_back_as_it_was_kept(database: StoreDatabase, tmp_path: Path):
    kept = environment(tmp_path)

    database.add_environment(kept, [WHEEL], ["artifact-5", "bytecode-5"])

    assert database.environment(kept.label, tmp_path) == kept
    assert database.environments(tmp_path) == (kept,)
    assert database.artifacts_of(kept.label) == (WHEEL,)
    assert sorted(database.trees_of(kept.label)) == ["artifact-5", "bytecode-5"]


def test_an_environment_that_goes_takes_its_references_along(
    database: StoreDatabase, tmp_path: Path
):
    kept = environment(tmp_path)
    database.add_environment(kept, [WHEEL], ["artifact-5"])

    database.forget([kept.label], [], [])

    assert database.environment(kept.label, tmp_path) is None
    assert database.artifacts_of(kept.label) == ()
    assert database.trees_of(kept.label) == ()


def test_an_environment_that_is_made_anew_keeps_no_reference_of_the_old_one(
    database: StoreDatabase, tmp_path: Path
):
    kept = environment(tmp_path)
    database.add_environment(kept, [WHEEL], ["old"])

    database.add_environment(kept, [WHEEL], ["new"])

    assert database.trees_of(kept.label) == ("new",)


def test_what_no_environment_refers_to_is_forgotten(database: StoreDatabase, tmp_path: Path):
    kept = environment(tmp_path)
    database.add_environment(kept, [WHEEL], [])
    database.forget([], [], [])
    assert database.artifacts_of(kept.label) == (WHEEL,)

    database.forget([kept.label], [], [])

    assert database._rows("SELECT * FROM artifacts") == []


def test_trees_and_roots_come_and_go(database: StoreDatabase):
    database.add_tree("b", "2" * 64, 5)
    database.add_tree("a", "1" * 64, 5)
    database.add_root("/home/me/result")

    assert database.tree("a") == "1" * 64
    assert list(database.trees()) == ["a", "b"]
    assert database.roots() == ("/home/me/result",)

    database.forget([], ["a"], ["/home/me/result"])

    assert database.tree("a") is None
    assert database.roots() == ()
    assert database.faults() == ()


def test_of_a_change_that_fails_in_the_midst_nothing_stays(database: StoreDatabase, tmp_path: Path):
    kept = environment(tmp_path)
    with pytest.raises(ZeroDivisionError):
        database.add_environment(kept, (1 // 0 for _ in range(1)), [])  # type: ignore[arg-type]

    assert database.environment(kept.label, tmp_path) is None
    database.add_environment(kept, [], [])


@pytest.mark.parametrize(("on_network", "expected"), [(False, "wal"), (True, "delete")])
def test_the_journal_fits_the_disk(path: Path, expected: str, *, on_network: bool):
    with contextlib.closing(StoreDatabase(path, on_network=on_network)) as database:
        assert database._rows("PRAGMA journal_mode") == [(expected,)]


def test_a_store_that_moves_to_a_network_disk_changes_its_journal(path: Path):
    StoreDatabase(path, on_network=False).close()

    with contextlib.closing(StoreDatabase(path, on_network=True)) as database:
        assert database._rows("PRAGMA journal_mode") == [("delete",)]


def test_a_reader_does_not_wait_for_a_change(database: StoreDatabase, path: Path):
    database.add_root("/before")

    with database.change(), contextlib.closing(StoreDatabase(path, on_network=False)) as other:
        database._connection.execute("DELETE FROM roots")
        assert other.roots() == ("/before",)


def test_many_that_open_a_new_database_at_once_all_find_it_whole(path: Path):
    failures: list[BaseException] = []

    def open_and_add(number: int) -> None:
        try:
            with contextlib.closing(StoreDatabase(path, on_network=False)) as database:
                database.add_root(str(number))
        except BaseException as error:  # noqa: BLE001 - told by the test
            failures.append(error)

    threads = [threading.Thread(target=open_and_add, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert failures == []
    with contextlib.closing(StoreDatabase(path, on_network=False)) as database:
        assert len(database.roots()) == 12


# --- what is not as it should be ------------------------------------------------------------------


def test_a_database_of_another_layout_is_left_alone(path: Path):
    with contextlib.closing(sqlite3.connect(path)) as newer:
        newer.execute("CREATE TABLE news (x)")
        newer.execute("PRAGMA user_version = 2")
    before = path.read_bytes()

    with pytest.raises(StoreError) as told:
        StoreDatabase(path, on_network=False)

    assert str(told.value) == (
        f"{path}: expected a database of layout 1, found 2\nNothing in it was touched."
    )
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_told_as_damaged(path: Path):
    path.write_bytes(b"not a database, and long enough to be looked at\n" * 100)
    before = path.read_bytes()

    with pytest.raises(StoreError) as told:
        StoreDatabase(path, on_network=False)

    assert str(told.value) == (
        f"{path}: the store's database is damaged: file is not a database\n"
        "Nothing in it was touched."
    )
    assert told.value.hints == (f"put it aside, and build again: `mv {path} {path}.damaged`",)
    assert path.read_bytes() == before


def test_a_database_with_pages_gone_bad_is_told_as_damaged(path: Path):
    with contextlib.closing(StoreDatabase(path, on_network=True)) as database:
        for number in range(300):
            database.add_root(f"/home/me/a/rather/long/name/of/a/link/{number:06}")
        assert database.faults() == ()
    content = bytearray(path.read_bytes())
    content[4096 * 3 :] = b"\xff" * (len(content) - 4096 * 3)
    path.write_bytes(bytes(content))

    with contextlib.closing(StoreDatabase(path, on_network=True)) as database:
        assert database.faults() == ("database disk image is malformed",)
        with pytest.raises(StoreError, match="the store's database is damaged"):
            database.roots()


def test_a_database_that_another_process_keeps_locked_is_told(
    database: StoreDatabase, path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(store_database, "_WAIT_SECONDS", 0.1)
    with (
        database.change(),
        contextlib.closing(StoreDatabase(path, on_network=False)) as other,
        pytest.raises(WorldError) as told,
    ):
        other.add_root("/x")

    assert str(told.value) == (
        f"{path}: the store's database cannot be used: database is locked\n"
        "What was in it before is unchanged."
    )
    assert told.value.hints == (
        "another process has kept it locked: wait for it, then run it again",
    )


def test_a_place_where_no_database_can_be_is_told(tmp_path: Path):
    with pytest.raises(WorldError) as told:
        StoreDatabase(tmp_path / "nowhere" / "db.sqlite", on_network=False)

    assert told.value.hints == ("is the disk full, or may you not write there?",)


def test_a_row_that_names_no_environment_is_told(database: StoreDatabase, tmp_path: Path):
    database._connection.execute(
        "INSERT INTO environments VALUES ('../../etc', '{}', '', '', 0, '')"
    )

    with pytest.raises(StoreError, match=r"names no environment: '../../etc'"):
        database.environments(tmp_path)
