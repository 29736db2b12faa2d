"""What `verify` names on a real store, beyond the files of trees; and what `repair` cannot mend."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from envlock.errors import WorldError
from envlock.model.keeping import Depth, Part, Verification
from envlock.model.tree import Difference
from envlock.workflows.care import RepairTools, repair, verify
from fakes_store import FakeInterpreters, other_python
from tiny_store import TinyStore, tiny_store


@pytest.fixture
def tiny() -> Iterator[TinyStore]:
    with tiny_store() as tiny:
        yield tiny


def look(tiny: TinyStore, *names: str, depth: Depth = Depth.FULL) -> Verification:
    return verify(names, depth, tiny.care())


def told(found: Verification) -> list[tuple[str, str, str]]:
    return [(each.part.value, each.name, each.problem) for each in found.damages]


def mending(tiny: TinyStore, **changes: object) -> RepairTools:
    old = tiny.mending()
    fields = {name: getattr(old, name) for name in old.__slots__}
    return RepairTools(**{**fields, **changes})  # type: ignore[arg-type]


def take_away(tiny: TinyStore, path: Path) -> None:
    """Take a sealed folder out of the store."""
    path.chmod(0o755)  # its entry `..` changes
    path.rename(tiny.folder / "away")


# --- what is looked at ----------------------------------------------------------------------------


def test_everything_is_counted_and_each_inode_is_read_once(tiny: TinyStore):
    tiny.build("one", "alpha", "beta 1")
    tiny.build("two", "alpha", "beta 2")

    found = look(tiny)

    layout = tiny.store.layout
    places = [*layout.environments.rglob("*"), *layout.trees.rglob("*")]
    files = {
        (path.lstat().st_ino, path.lstat().st_size)
        for path in places
        if stat.S_ISREG(path.lstat().st_mode)
    }
    archives = [tiny.store.artifacts.path_of(each) for each in tiny.store.artifacts.names()]
    assert found.size_bytes == sum(size for _, size in files) + sum(
        path.stat().st_size for path in archives
    )
    assert found.counts[Part.ENVIRONMENT] == 2
    assert found.counts[Part.ARTIFACT] == len(archives) == 3
    assert found.counts[Part.PROFILE] == 2


def test_a_quick_look_reads_nothing_and_sees_sizes_and_modes(tiny: TinyStore):
    built = Path(tiny.build("one", "alpha").path)
    tool = built / "bin" / "alpha-tool"
    tool.chmod(0o755)
    tool.write_bytes(b"")

    found = look(tiny, depth=Depth.QUICK)

    assert found.size_bytes == 0
    (damage,) = found.damages
    assert [(each.path, each.difference) for each in damage.differences] == [
        ("bin/alpha-tool", Difference.SIZE)
    ]


def test_only_what_is_named_is_looked_at(tiny: TinyStore):
    one, two = tiny.build("one", "alpha"), tiny.build("two", "beta")
    (Path(two.path) / "bin").chmod(0o755)

    assert look(tiny, "one").damages == ()
    assert look(tiny, "one").counts[Part.ENVIRONMENT] == 1
    assert [each.name for each in look(tiny, "two").damages] == [two.label]
    assert [each.name for each in look(tiny, one.label, "two").damages] == [two.label]


# --- what is not in trees -------------------------------------------------------------------------


def test_a_row_without_a_path_is_named_and_its_environment_built_again(tiny: TinyStore):
    built = tiny.build("one", "alpha")
    take_away(tiny, Path(built.path))

    found = look(tiny)
    done = repair([], tiny.care(), tiny.mending())

    assert told(found) == [("environment", built.label, "it is gone")]
    assert done.unrepaired == ()
    assert look(tiny).damages == ()
    assert tiny.store.find(built.label) == built


def test_a_tree_that_is_gone_is_unpacked_again(tiny: TinyStore):
    tiny.build("one", "alpha")
    tree = next(tiny.store.layout.trees.glob("artifact-*"))
    take_away(tiny, tree)

    assert told(look(tiny)) == [("tree", tree.name, "it is gone")]
    assert repair([], tiny.care(), tiny.mending()).unrepaired == ()
    assert (tree / "alpha").is_dir()
    assert look(tiny).damages == ()


def test_a_file_or_a_link_in_place_of_an_environment_is_named(tiny: TinyStore):
    built = tiny.build("one", "alpha")
    take_away(tiny, Path(built.path))
    Path(built.path).symlink_to(tiny.folder / "away")

    assert told(look(tiny)) == [
        ("environment", built.label, "expected a folder, found something else")
    ]
    assert repair([], tiny.care(), tiny.mending()).unrepaired == ()
    assert not Path(built.path).is_symlink()
    assert look(tiny).damages == ()


def test_a_path_without_a_row_is_nobodys_and_no_fault(tiny: TinyStore):
    tiny.build("one", "alpha")
    (tiny.store.layout.environments / ("b" * 32 + "-left")).mkdir()
    (tiny.store.layout.trees / (".x-removed")).mkdir()

    found = look(tiny)

    assert found.damages == ()
    assert found.notes == (
        "2 folders have no row: being made just now, or left by a process that was killed; "
        "`envlock gc` sweeps those away",
    )


@pytest.mark.parametrize("harm", ["gone", "emptied", "another"])
def test_a_lost_manifest_is_written_again_from_a_tree_that_is_whole(tiny: TinyStore, harm: str):
    built = tiny.build("one", "alpha")
    manifest = tiny.store.layout.manifest(built.tree_sha256)
    other = next(path for path in tiny.store.layout.manifests.glob("*/*") if path != manifest)
    manifest.chmod(0o644)
    if harm == "gone":
        manifest.unlink()
    else:
        manifest.write_bytes(b"" if harm == "emptied" else other.read_bytes())

    found = look(tiny)

    assert [(each.part, each.name) for each in found.damages] == [
        (Part.MANIFEST, built.tree_sha256)
    ]
    assert repair([], tiny.care(), tiny.mending()).unrepaired == ()
    assert look(tiny).damages == ()


def test_an_environment_without_manifest_that_was_changed_is_built_again(tiny: TinyStore):
    built = tiny.build("one", "alpha")
    tiny.store.layout.manifest(built.tree_sha256).unlink()
    tool = Path(built.path) / "bin" / "alpha-tool"
    tool.chmod(0o755)
    tool.write_bytes(b"x")

    found = look(tiny)

    assert told(found) == [
        ("manifest", built.tree_sha256, "it is gone"),
        (
            "environment",
            built.label,
            "it is not what it was, and its manifest does not tell how",
        ),
    ]
    assert repair([], tiny.care(), tiny.mending()).unrepaired == ()
    assert look(tiny).damages == ()


def test_profiles_that_point_nowhere_are_named_and_left_to_people(tiny: TinyStore):
    built = tiny.build("one", "alpha", profile="demo")
    profiles = tiny.store.layout.profiles
    (profiles / "demo").unlink()
    (profiles / "demo").symlink_to("demo-7-link")
    (profiles / "demo-2-link").symlink_to("../store/" + "b" * 32 + "-gone")
    (profiles / "stray").write_bytes(b"")

    found = look(tiny)
    done = repair([], tiny.care(), tiny.mending())

    assert told(found) == [
        ("profile", "demo@2", f"it points to {'b' * 32}-gone, which is not valid"),
        ("profile", "stray", "expected a link, found a file or a folder"),
        ("profile", "demo", "it points to none of its generations"),
    ]
    assert len(done.unrepaired) == 3
    assert tiny.profiles.switch("demo", 1).label == built.label


def test_a_profile_that_was_about_to_be_forgotten_is_no_fault(tiny: TinyStore):
    tiny.build("one", "alpha", profile="demo")
    (tiny.store.layout.profiles / "demo").unlink()

    found = look(tiny)

    assert found.damages == ()
    assert found.notes == (
        "profile `demo` was about to be forgotten: `envlock gc --forget demo` goes on, "
        "`envlock switch demo NUMBER` keeps it",
    )


def test_a_build_fetches_what_somebody_took_away(tiny: TinyStore):
    built = tiny.build("one", "alpha")
    (digest,) = (each for _, each in built.derivation.artifacts)
    tiny.store.artifacts.remove(digest)
    take_away(tiny, tiny.store.layout.trees / f"artifact-{digest}")

    tiny.build("two", "alpha", "beta")

    assert look(tiny).damages == ()


def test_a_row_that_tells_of_another_environment_is_named(tiny: TinyStore):
    built = tiny.build("one", "alpha")
    with sqlite3.connect(tiny.store.layout.database) as database:
        database.execute(
            "UPDATE environments SET derivation = replace(derivation, 'linux', 'linus')"
        )
    database.close()

    assert told(look(tiny)) == [("database", built.label, "its row tells of another environment")]


def test_a_database_that_is_damaged_is_named(tiny: TinyStore):
    tiny.build("one", "alpha")
    path = tiny.store.layout.database
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = database.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'roots'"
        ).fetchone()
    database.close()
    content = bytearray(path.read_bytes())
    start = (page - 1) * 4096
    content[start : start + 4096] = b"\xff" * 4096
    path.write_bytes(content)

    found = look(tiny)

    assert {each.part for each in found.damages} == {Part.DATABASE}


# --- what cannot be repaired ----------------------------------------------------------------------


def harm_environment(tiny: TinyStore, path: str) -> None:
    tool = Path(path) / "bin" / "alpha-tool"
    tool.chmod(0o755)
    tool.write_bytes(b"harmed")


def test_without_its_archive_a_tree_stays_as_it_is_and_the_rest_is_repaired(tiny: TinyStore):
    alpha, beta = tiny.build("one", "alpha"), tiny.build("two", "beta")
    harm_environment(tiny, alpha.path)
    digest = beta.derivation.artifacts[0][1]
    tree = tiny.store.layout.trees / f"artifact-{digest}"
    data = tree / "beta" / "data.bin"
    data.chmod(0o644)
    data.write_bytes(b"harmed")
    tiny.store.artifacts.remove(digest)
    tiny.wheel("beta").unlink()

    done = repair([], tiny.care(), tiny.mending())

    assert [each.name for each in done.repaired] == [alpha.label]
    assert [each.damage.name for each in done.unrepaired] == [tree.name, beta.label]
    assert isinstance(done.unrepaired[0].error, WorldError)
    assert "cannot be read: No such file or directory" in str(done.unrepaired[0].error)
    assert data.read_bytes() == b"harmed"
    assert {each.name for each in look(tiny).damages} == {tree.name, beta.label}


def test_an_environment_on_a_python_that_has_changed_stays_as_it_is(tiny: TinyStore):
    built = tiny.build("one", "alpha")
    harm_environment(tiny, built.path)

    done = repair([], tiny.care(), mending(tiny, interpreters=FakeInterpreters(other_python())))

    assert [each.damage.name for each in done.unrepaired] == [built.label]
    assert "which is not the same any more" in str(done.unrepaired[0].error)
    assert (Path(built.path) / "bin" / "alpha-tool").read_bytes() == b"harmed"


def test_an_environment_that_comes_out_otherwise_does_not_take_the_place(tiny: TinyStore):
    """As when the row and the manifest were forged together."""
    built = tiny.build("one", "alpha")
    harm_environment(tiny, built.path)
    forged = replace(built, tree_sha256="f" * 64)
    with tiny.store.database() as database:
        database.add_environment(forged, tiny.store.artifacts_of(built.label), ())

    done = repair([], tiny.care(), tiny.mending())

    errors = {each.damage.name: str(each.error) for each in done.unrepaired}
    assert errors[built.label] == (
        f"{built.label} does not come out as it was\n"
        f"  expected tree sha256: {'f' * 64}\n"
        f"  built tree sha256:    {built.tree_sha256}\n"
        "What lies there was left as it is."
    )
    assert (Path(built.path) / "bin" / "alpha-tool").read_bytes() == b"harmed"


def test_while_an_environment_is_repaired_it_is_never_gone(
    tiny: TinyStore, monkeypatch: pytest.MonkeyPatch
):
    """It changes places in one step: its path is never renamed away first."""
    built = tiny.build("one", "alpha")
    harm_environment(tiny, built.path)
    renamed = []
    rename = Path.rename
    monkeypatch.setattr(Path, "rename", lambda a, b: (renamed.append(a.name), rename(a, b))[1])

    assert repair([], tiny.care(), tiny.mending()).unrepaired == ()

    assert built.label not in renamed
    assert look(tiny).damages == ()


def test_a_running_program_lives_through_a_repair(tiny: TinyStore):
    built = tiny.build("one", "alpha")
    opened = (Path(built.path) / "pyvenv.cfg").open("rb")
    harm_environment(tiny, built.path)

    repair([], tiny.care(), tiny.mending())

    with opened:
        assert opened.read() == (Path(built.path) / "pyvenv.cfg").read_bytes()
        assert os.fstat(opened.fileno()).st_nlink == 0
