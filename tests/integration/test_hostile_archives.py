"""Hostile packages against the real unpacker and the real store: refused, and nothing outside."""

from __future__ import annotations

import bz2
import io
import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from archive_bytes import (
    DEFLATED,
    DESCRIBED,
    TAR_END,
    UTF8,
    Member,
    conda_bz2,
    conda_from,
    conda_index,
    conda_info,
    conda_package,
    conda_zip,
    link_row,
    long_name,
    make_zip,
    noise,
    path_row,
    pax,
    tar_files,
    tar_member,
    wheel,
    wheel_files,
    wheel_members,
    zip64_extra,
    zstd,
)
from envlock.backends.store_sources import DatabaseRegister, SourceTrees
from envlock.backends.store_trees import read_tree
from envlock.backends.unpack import unpack
from envlock.errors import ArchiveError
from envlock.model.tree import TreeEntry
from hostile_archives import CANARY, HOSTILE, Hostile
from store_house import House, Locked, artifact_of, is_untouched, snapshot

MANGLED = int(os.environ.get("ENVLOCK_MANGLE_COUNT", "150"))
"""How many random changes of each kind are tried."""
BOMBS = [case for case in HOSTILE if "bomb" in case.source or "gigabytes" in case.name]
EVIL_WHEEL = "evil-1.0-py3-none-any.whl"


def say(line: str) -> None:
    """Print a figure; pytest shows it with `-rP`."""
    sys.stdout.write(f"{line}\n")


@dataclass(frozen=True, kw_only=True)
class World:
    """A store, and places around it that nothing may be written to."""

    house: House
    places: tuple[Path, ...]

    def seen(self) -> object:
        """Return what lies around the store, and in it beside its own records."""
        return snapshot(*self.places, without=self.house.home)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A store within folders that are watched: HOME, the current folder, and where links lead."""
    outside = Path(CANARY)
    outside.mkdir()
    house = House(root=tmp_path)
    for folder in (outside, tmp_path / "home", tmp_path / "here"):
        folder.mkdir(exist_ok=True)
        (folder / "x").write_text("as it was", "utf-8")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "here")
    assert is_untouched(house)
    yield World(house=house, places=(outside, tmp_path))
    (outside / "x").unlink()
    outside.rmdir()


def unpack_into_store(house: House, file_name: str, content: bytes) -> None:
    """Unpack an archive as a build does."""
    artifact = artifact_of(file_name, content)
    store = house.store
    path = store.artifacts.path_of(artifact.sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    with store.needs() as needs:
        register = DatabaseRegister(store.open_database)
        SourceTrees(store.layout, register, needs.name).unpacked(artifact, path)


def said_of(case: Hostile) -> str:
    return f"`{case.file_name}` is refused: {case.says}"


@pytest.mark.parametrize("case", HOSTILE, ids=lambda case: f"{case.name}{case.ending}")
def test_a_hostile_archive_is_refused_and_nothing_is_left(case: Hostile, world: World):
    content = case.make()
    before = world.seen()

    with pytest.raises(ArchiveError) as refused:
        unpack_into_store(world.house, case.file_name, content)

    told = str(refused.value)
    if "…" in case.says and case.says.endswith("…"):
        assert told.startswith(said_of(case)[:-1])
    else:
        assert told == f"{said_of(case)}\nNothing was installed."
    assert world.seen() == before
    assert is_untouched(world.house)


def test_there_are_more_than_enough_of_them():
    kinds = Counter(case.ending for case in HOSTILE)
    names = {case.name for case in HOSTILE}

    say(f"{len(HOSTILE)} hostile archives of {len(names)} kinds: {dict(kinds)}")
    assert len(names) >= 150
    assert min(kinds.values()) >= 60


# --- through the command line ---------------------------------------------------------------------


SHOWN = [
    case
    for case in HOSTILE
    if (case.name, case.ending)
    in {
        ("a_link_to_an_absolute_path", ".tar.bz2"),
        ("a_size_of_zero_overruled", ".conda"),
        ("an_entry_point_that_leads_out", ".conda"),
        ("a_folder_for_packages_that_leads_out", ".conda"),
        ("a_placeholder_of_one_letter", ".conda"),
        ("a_record_of_another_package", ".conda"),
        ("a_name_for_each_reader", ".whl"),
        ("bytes_after_the_end", ".whl"),
        ("a_deflate_bomb", ".whl"),
        ("a_row_without_end", ".whl"),
        ("a_script_called_python", ".whl"),
        ("an_entry_point_of_a_wheel_that_leads_out", ".whl"),
    }
]


@pytest.mark.parametrize("case", SHOWN, ids=lambda case: f"{case.name}{case.ending}")
def test_a_build_says_what_is_wrong_and_installs_nothing(case: Hostile, world: World):
    package = Locked(file_name=case.file_name, content=case.make())
    lock = world.house.write_lock(package)
    before = world.seen()

    done = world.house.build(package, lock=lock)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"error: {said_of(case)}\n"
        "Nothing was installed.\n\n"
        "hint: whoever published it should know; lock another build of the package\n"
    )
    assert world.seen() == before
    assert is_untouched(world.house)


def test_a_package_that_calls_itself_another_is_refused(world: World):
    file = (
        "fair-1.0-0.conda",
        conda_zip(b"", index=conda_index("evil"), stem="fair-1.0-0"),
    )

    done = world.house.build(Locked.of(file))

    assert done.returncode == 2
    assert done.stderr == (
        "error: `fair-1.0-0.conda` is not the package that was locked\n"
        "  expected fair 1.0 0\n"
        "  found    evil 1.0 0 in its info/index.json\n"
        "Nothing was installed.\n"
    )
    assert is_untouched(world.house)


def test_a_wheel_of_another_distribution_is_refused(world: World):
    package = Locked(file_name=EVIL_WHEEL, content=wheel({"evil.py": b""}))
    lock = world.house.write_lock(package)
    lock.write_text(lock.read_text("utf-8").replace("- name: evil\n", "- name: fair\n"), "utf-8")

    done = world.house.build(package, lock=lock)

    assert done.returncode == 2
    assert done.stderr == (
        "error: `evil-1.0-py3-none-any.whl` is not the package that was locked\n"
        "  expected fair 1.0\n"
        "  found    a wheel called `evil-1.0-py3-none-any.whl`\n"
        "Nothing was installed.\n"
    )
    assert is_untouched(world.house)


def test_an_index_that_rattler_cannot_read_is_the_archives_fault(world: World):
    file = conda_package("evil", {"x": b""}, depends="none")

    done = world.house.build(Locked.of(file))

    assert done.returncode == 2
    assert done.stderr.startswith(
        "error: `evil-1.0-0.conda` is refused: its `info/index.json` cannot be read: invalid type"
    )
    assert world.house.rows()[0] == ()


# --- several packages against each other ----------------------------------------------------------


def noarch(name: str, *commands: str, files: dict[str, bytes] | None = None) -> tuple[str, bytes]:
    """Return a noarch package with launchers."""
    held = files or {f"site-packages/{name}.py": b""}
    link = {
        "noarch": {"type": "python", "entry_points": list(commands)},
        "package_metadata_version": 1,
    }
    rows = [path_row(path, content) for path, content in held.items()]
    index = conda_index(name, noarch="python", subdir="noarch")
    stem = f"{name}-1.0-0"
    content = conda_zip(tar_files(held), rows, index=index, link=link, stem=stem)
    return f"{stem}.conda", content


def with_link(name: str, path: str, target: str, **files: bytes) -> tuple[str, bytes]:
    """Return a package with a symbolic link."""
    members = tar_files(files) + tar_member(path, kind=b"2", link=target)
    rows = [*(path_row(p, content) for p, content in files.items()), link_row(path)]
    stem = f"{name}-1.0-0"
    return f"{stem}.conda", conda_zip(members, rows, index=conda_index(name), stem=stem)


def test_a_launcher_never_overwrites_another_packages_file_in_the_store(world: World):
    """rattler writes it through the hard link: what the store has unpacked would be changed."""
    file = conda_package("fair", {"bin/tool": b"#!/bin/sh\n"})

    done = world.house.build(Locked.of(file), Locked.of(noarch("evil", "tool = evil:main")))

    assert done.returncode == 2
    assert done.stderr == (
        "error: two packages disagree: `bin/tool` is a file of `fair-1.0-0.conda` and a launcher of"
        " `evil-1.0-0.conda`\nNothing was installed.\n"
    )
    assert sealed(world.house, "fair")["bin/tool"] == sha256(b"#!/bin/sh\n").hexdigest()
    assert world.house.rows()[0] == ()


def sealed(house: House, name: str) -> dict[str, str]:
    """Return the digests of the files of an unpacked package, hashed now."""
    for tree in house.store.layout.trees.iterdir():
        index = json.loads((tree / "info" / "index.json").read_bytes())
        if index["name"] == name:
            return {entry.path: entry.sha256 for entry in read_tree(tree)}
    raise AssertionError(name)


def test_two_launchers_of_one_name_are_refused(world: World):
    one, other = noarch("a", "tool = a:main"), noarch("b", "tool = b:main")

    done = world.house.build(Locked.of(one), Locked.of(other))

    assert done.returncode == 2
    assert done.stderr == (
        "error: two packages disagree: `tool` calls `a:main` for `a-1.0-0.conda` and `b:main` for"
        " `b-1.0-0.conda`\nNothing was installed.\n"
    )


def test_a_file_through_another_packages_link_is_refused(world: World):
    done = world.house.build(
        Locked.of(with_link("a", "lib/data", "../share")),
        Locked.of(conda_package("b", {"lib/data/x": b"evil"})),
    )

    assert done.returncode == 2
    assert done.stderr == (
        "error: `b-1.0-0.conda` has `lib/data/x`, and `lib/data` is a link of `a-1.0-0.conda`\n"
        "Nothing was installed.\n"
    )


def test_a_noarch_packages_link_counts_where_it_goes(world: World):
    index = conda_index("a", noarch="python", subdir="noarch")
    members = tar_files({"site-packages/t/x.txt": b""})
    members += tar_member("site-packages/data", kind=b"2", link="t")
    rows = [path_row("site-packages/t/x.txt", b""), link_row("site-packages/data")]
    one = ("a-1.0-0.conda", conda_zip(members, rows, index=index, stem="a-1.0-0"))
    other = conda_package("b", {"lib/python3/site-packages/data/x": b"evil"})

    done = world.house.build(Locked.of(one), Locked.of(other))

    assert done.returncode == 2
    assert done.stderr == (
        "error: `b-1.0-0.conda` has `lib/python3/site-packages/data/x`, and"
        " `lib/python3/site-packages/data` is a link of `a-1.0-0.conda`\nNothing was installed.\n"
    )


def test_links_that_lead_out_only_together_are_refused(world: World):
    done = world.house.build(
        Locked.of(with_link("a", "opt/way", "d/../../x")),
        Locked.of(with_link("b", "opt/d", "..")),
    )

    assert done.returncode == 2
    assert done.stderr == (
        "error: `a-1.0-0.conda` has a link `opt/way` that leads out of the environment or round in"
        " a circle, to `d/../../x`\nNothing was installed.\n"
    )


def test_two_packages_with_one_path_leave_nothing_aside_and_say_so(world: World):
    one, other = conda_package("a", {"etc/f": b"A"}), conda_package("b", {"etc/f": b"B"})
    lock = world.house.write_lock(Locked.of(one), Locked.of(other))

    done = world.house.envlock("build", "--json", str(lock))

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["notes"] == ["1 files come from two packages with different content: etc/f"]
    root = Path(told["path"])
    assert sorted(path.name for path in root.iterdir()) == ["conda-meta", "etc"]
    records = [json.loads(path.read_bytes()) for path in root.glob("conda-meta/*.json")]
    assert sorted(record["files"] for record in records) == [[], ["etc/f"]]


def test_a_wheel_over_another_wheels_launcher_is_noted(world: World):
    points = {"{}-1.0.dist-info/entry_points.txt": b"[console_scripts]\ntool = {}:main\n"}
    files = [
        (
            f"{name}-1.0-py3-none-any.whl",
            wheel(
                {
                    path.format(name): text.replace(b"{}", name.encode())
                    for path, text in points.items()
                },
                name=name,
            ),
        )
        for name in ("one", "other")
    ]
    packages = [Locked.of(file) for file in files]
    lock = world.house.write_lock(*packages)

    done = world.house.envlock("build", "--json", str(lock), "--python", sys.executable)

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["notes"]
    assert told == ["1 files come from two packages with different content: bin/tool"]


# --- what is unusual and fair ---------------------------------------------------------------------


def unpacked(file_name: str, content: bytes, folder: Path) -> dict[str, TreeEntry]:
    """Unpack an archive; returns its entries, which are what lies there."""
    entries = unpack(io.BytesIO(content), file_name, folder / "tree")
    assert {entry.path: entry.kind for entry in entries} == {
        entry.path: entry.kind for entry in read_tree(folder / "tree")
    }
    return {entry.path: entry for entry in entries}


def tar_package(members: bytes, *paths: str) -> bytes:
    rows = [path_row(path, b"x") for path in paths]
    return conda_bz2(members, rows)


FAIR_TARS = {
    "names that differ by case alone, as terminfo has them": (
        tar_member("share/terminfo/E/Eterm", b"x") + tar_member("share/terminfo/e/eterm", b"x"),
        ("share/terminfo/E/Eterm", "share/terminfo/e/eterm"),
    ),
    "names that begin with ./": (tar_member("./lib/x", b"x"), ("lib/x",)),
    "a long name": (long_name("d/" * 60 + "x") + tar_member("d", b"x"), ("d/" * 60 + "x",)),
    "an extended path": (pax(path="caf\u00e9/x") + tar_member("x", b"x"), ("caf\u00e9/x",)),
    "a name in ustar's two fields": (tar_member("x", b"x", prefix=b"lib"), ("lib/x",)),
    "a hard link to a file before it": (
        tar_member("x", b"x") + tar_member("y", kind=b"1", link="x"),
        ("x", "y"),
    ),
    "a member of the oldest kind": (tar_member("x", b"x", kind=b"\0"), ("x",)),
    "twenty blocks of zeros at its end": (tar_member("x", b"x") + bytes(20 * 512), ("x",)),
}


@pytest.mark.parametrize("what", FAIR_TARS)
def test_a_tar_may_have(what: str, tmp_path: Path):
    members, paths = FAIR_TARS[what]

    found = unpacked("evil-1.0-0.tar.bz2", tar_package(members, *paths), tmp_path)

    assert {found[path].sha256 for path in paths} == {sha256(b"x").hexdigest()}


def test_a_link_inside_is_kept_as_it_is(tmp_path: Path):
    members = tar_member("lib/libx.so.1", b"x") + tar_member(
        "lib/libx.so", kind=b"2", link="libx.so.1"
    )
    content = conda_zip(members, [path_row("lib/libx.so.1", b"x"), link_row("lib/libx.so")])

    found = unpacked("evil-1.0-0.conda", content, tmp_path)

    assert found["lib/libx.so"].target == "libx.so.1"


def test_a_setuid_bit_is_not_kept(tmp_path: Path):
    members = tar_member("bin/su", b"x", mode=0o6755)

    unpacked("evil-1.0-0.tar.bz2", tar_package(members, "bin/su"), tmp_path)

    assert (tmp_path / "tree/bin/su").stat().st_mode & 0o7777 == 0o555


def test_python_may_bring_its_own_library_and_programs(tmp_path: Path):
    files = {"bin/python3.11": b"x", "lib/python3.11/os.py": b"", "lib/libpython3.11.so.1.0": b""}
    name, content = conda_package("python", files, version="3.11.9")

    assert files.keys() <= unpacked(name, content, tmp_path).keys()


FAIR_MEMBERS = {
    "sizes after the content": {"flags": UTF8 | DESCRIBED},
    "sizes after the content of a packed member": {"flags": UTF8 | DESCRIBED, "method": DEFLATED},
    "sizes in zip64's field": {
        "local": {"packed_size": 0xFFFFFFFF, "size": 0xFFFFFFFF},
        "extra": zip64_extra(4, 4),
    },
    "the time in an extra field": {"extra": b"UT\x05\0\x01\0\0\0\0"},
    "no mode at all": {"mode": 0},
}


@pytest.mark.parametrize("what", FAIR_MEMBERS)
def test_a_zip_may_have(what: str, tmp_path: Path):
    files = wheel_files({"evil.pth": b"fair"})
    members = [
        Member(
            name=path.encode(), content=content, **FAIR_MEMBERS[what] if path == "evil.pth" else {}
        )  # type: ignore[arg-type]
        for path, content in files.items()
    ]

    found = unpacked(EVIL_WHEEL, make_zip(members), tmp_path)

    assert found["evil.pth"].sha256 == sha256(b"fair").hexdigest()


@pytest.mark.parametrize("zip64", [None, {}], ids=["short", "zip64"])
def test_a_wheel_may_have_folders_and_either_end(zip64: dict[str, int] | None, tmp_path: Path):
    members = [Member(name=b"evil/", mode=0o40755), *wheel_members({"evil/x.py": b""})]

    found = unpacked(EVIL_WHEEL, make_zip(members, zip64=zip64), tmp_path)

    assert "evil/x.py" in found


def test_a_disk_that_takes_two_names_for_one_is_the_archives_fault(tmp_path: Path):
    """As macOS does with names that differ by case; here the other name lies there already."""
    (tmp_path / "tree" / "lib").mkdir(parents=True)
    (tmp_path / "tree" / "lib" / "x").touch()

    with pytest.raises(ArchiveError) as refused:
        unpack(
            io.BytesIO(tar_package(tar_member("lib/x", b"x"), "lib/x")),
            "evil-1.0-0.tar.bz2",
            tmp_path / "tree",
        )

    assert str(refused.value) == (
        "`evil-1.0-0.tar.bz2` is refused: this disk cannot hold 'lib': File exists\n"
        "Nothing was installed."
    )


# --- bombs ----------------------------------------------------------------------------------------


MEASURED = """
import io, json, re, sys, time
from pathlib import Path
from envlock.backends.unpack import unpack
from envlock.errors import ArchiveError
def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024
content = Path(sys.argv[1]).read_bytes()
before = peak()
start = time.process_time()
try:
    unpack(io.BytesIO(content), sys.argv[2], Path(sys.argv[3]))
except ArchiveError:
    print(json.dumps([time.process_time() - start, peak() - before]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
@pytest.mark.parametrize("case", BOMBS, ids=lambda case: f"{case.name}{case.ending}")
def test_a_bomb_costs_little_before_it_is_refused(case: Hostile, tmp_path: Path):
    archive = tmp_path / "bomb"
    archive.write_bytes(case.make())

    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(archive), case.file_name, str(tmp_path / "tree")],
        capture_output=True,
        check=True,
        timeout=60,
    )

    seconds, peak_bytes = json.loads(done.stdout)
    written = sum(path.lstat().st_size for path in (tmp_path / "tree").rglob("*"))
    say(
        f"{case.name}: {archive.stat().st_size:,} bytes, {seconds:.3f} s of CPU,"
        f" {peak_bytes / 1e6:.1f} MB of memory, {written / 1e6:.1f} MB written"
    )
    assert seconds < 30, "of a CPU that others use, too; one that is not refused takes minutes"
    assert peak_bytes < 160e6
    assert written <= 64 << 20


def test_an_archive_may_unpack_to_two_hundred_times_its_size_and_no_more(tmp_path: Path):
    padding = {"lib/noise": noise(400_000)}
    for size, is_fair in ((70 << 20, True), (90 << 20, False)):
        folder = tmp_path / str(size)
        folder.mkdir()
        name, content = conda_package("evil", {**padding, "lib/zeros": bytes(size)})
        if is_fair:
            assert "lib/zeros" in unpacked(name, content, folder)
        else:
            with pytest.raises(ArchiveError, match="it unpacks to"):
                unpacked(name, content, folder)


# --- random changes -------------------------------------------------------------------------------


FAIR_FILES = {"lib/a.txt": b"a" * 700, "bin/tool": b"#!/bin/sh\n", "lib/caf\u00e9/b.txt": b"b"}


def fair_members() -> bytes:
    return (
        tar_files(FAIR_FILES)
        + long_name("share/" * 25 + "long")
        + tar_member("long", b"long")
        + pax(path="share/wide/name")
        + tar_member("name", b"wide")
        + tar_member("lib/link", kind=b"2", link="a.txt")
        + tar_member("lib/twin", kind=b"1", link="lib/a.txt")
    )


def fair_rows() -> list[dict[str, object]]:
    return [
        *(path_row(path, content) for path, content in FAIR_FILES.items()),
        link_row("lib/link"),
    ]


def changed(content: bytes, chance: random.Random) -> bytes:
    """Return content with one to four random changes."""
    found = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(found))
        size = chance.choice((1, 1, 2, 4, 8, 512))
        match chance.randrange(6):
            case 0:
                found[at] ^= 1 << chance.randrange(8)
            case 1:
                found[at : at + size] = chance.randbytes(size)
            case 2:
                del found[at : at + size]
            case 3:
                found[at:at] = chance.randbytes(size)
            case 4:
                other = chance.randrange(len(found))
                found[at : at + size] = found[other : other + size]
            case _:
                found[at : at + size] = chance.choice((b"\0", b"\xff", b"/", b"..")) * size
        if not found:
            found += b"\0"
    return bytes(found)


def mangled_tar(chance: random.Random, ending: str) -> bytes:
    """Return a package whose tar archive was changed before it was packed."""
    info = tar_files(conda_info(fair_rows()))
    if ending == ".tar.bz2":
        return bz2.compress(changed(info + fair_members() + TAR_END, chance))
    return make_zip(
        conda_from(zstd(info + TAR_END), zstd(changed(fair_members() + TAR_END, chance)))
    )


FAIR = {
    ".conda": lambda: conda_zip(fair_members(), fair_rows()),
    ".tar.bz2": lambda: conda_bz2(fair_members(), fair_rows()),
    ".whl": lambda: wheel({**FAIR_FILES, "evil/__init__.py": b"x = 1\n" * 40}),
}


def tried(file_name: str, content: bytes, folder: Path) -> bool:
    """Unpack a changed archive; say whether it was taken, and then it is what lies there."""
    into = folder / "tree"
    try:
        entries = unpack(io.BytesIO(content), file_name, into)
    except ArchiveError:
        return False
    finally:
        left = snapshot(folder, without=into)
        assert left == {}, left
    assert entries == read_tree(into)
    return True


@pytest.mark.repetition
@pytest.mark.parametrize("ending", FAIR)
def test_a_changed_archive_is_refused_or_is_what_lies_there(ending: str, tmp_path: Path):
    file_name = "evil-1.0-py3-none-any.whl" if ending == ".whl" else f"evil-1.0-0{ending}"
    whole = FAIR[ending]()
    seen: Counter[bool] = Counter()

    for seed in range(MANGLED):
        chance = random.Random(f"{ending} {seed}")
        is_inside = ending != ".whl" and seed % 2
        content = mangled_tar(chance, ending) if is_inside else changed(whole, chance)
        folder = tmp_path / str(seed)
        folder.mkdir()
        seen[tried(file_name, content, folder)] += 1
        shutil.rmtree(folder)

    say(f"{ending}: {seen[False]} refused, {seen[True]} taken for what they are")
    assert seen.total() == MANGLED
    assert seen[False] > MANGLED // 2
