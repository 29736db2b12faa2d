"""Same lock, same bytes: whatever is around a store, and whatever path it lies at."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

import pytest

from conda_house import CondaHouse, write_lock
from conda_packages import PLACEHOLDER, Member, Packed, pack, read_channel
from envlock.backends.store_trees import sweep
from envlock.model.lock import LockedPackage
from real_wheels import make_wheel
from small_packages import make_small_packages


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Packed, ...]:
    """The small packages that need no Python."""
    packed = make_small_packages(tmp_path_factory.mktemp("small"))
    return tuple(each for each in packed if not each.record.get("noarch"))


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with a short path: the length of a store's path is limited."""
    folder = Path(tempfile.mkdtemp(prefix="e"))
    yield folder
    sweep(folder)


def walk(root: str) -> dict[str, tuple[object, ...]]:
    """Return all that a tree holds, by names alone: envlock has no part in it."""
    found: dict[str, tuple[object, ...]] = {}
    for folder, folders, files in os.walk(root):
        for name in (".", *folders, *files):
            path = os.path.normpath(os.path.join(folder, name))  # noqa: PTH118 - as os.walk has it
            status = os.lstat(path)
            content = ""
            if stat.S_ISLNK(status.st_mode):
                content = os.readlink(path)  # noqa: PTH115 - as above
            elif stat.S_ISREG(status.st_mode):
                content = sha256(Path(path).read_bytes()).hexdigest()
            found[path.removeprefix(root)] = (status.st_mode, status.st_mtime_ns, content)
    return found


@pytest.mark.parametrize("length", [0, 1, 10, 28])
def test_at_another_path_the_content_is_the_same(
    short: Path, small: tuple[Packed, ...], length: int
):
    one = CondaHouse(folder=short / "w", home=short / "h")
    other = CondaHouse(folder=short / "w", home=short / ("o" + "x" * length))
    lock = write_lock(short / "w" / "demo.conda-lock.yml", small)

    first, second = one.build(lock), other.build(lock)

    assert first["content_sha256"] == second["content_sha256"]
    assert first["tree_sha256"] != second["tree_sha256"]
    assert walk(first["path"]) != walk(second["path"])


# --- at one path ----------------------------------------------------------------------------------

COUNT = int(os.environ.get("ENVLOCK_SAME_BYTES_COUNT", "20"))
BUILD_BOTH = """
import json, os, sys, time
options = json.loads(sys.argv[1])
os.umask(options["umask"])
real = time.time
time.time = lambda: real() + options["clock_seconds"]
from envlock.cli.main import main
for command in options["commands"]:
    sys.stdout.flush()
    if main(command):
        raise SystemExit(1)
sys.stdout.flush()
os._exit(0)
"""
"""In a process of its own: a clock, a umask, and the command line as it is."""


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Two locks, their archives, and folders for whatever varies around them."""

    folder: Path
    home: Path
    """The store; always at this path."""
    archives: Path
    conda: Sequence[Packed]
    wheels: Sequence[LockedPackage]

    def locks(self, chance: Random, at: str) -> tuple[str, str]:
        """Write the two locks, their rows in any order."""
        wheels, conda = list(self.wheels), list(self.conda)
        chance.shuffle(wheels)
        chance.shuffle(conda)
        return (
            write_lock(self.folder / at / "conda.conda-lock.yml", conda),
            write_lock(self.folder / at / "wheels.conda-lock.yml", [PYTHON], wheels),
        )


PYTHON = Packed(
    path=Path(f"/nowhere/python-{sys.version_info[0]}.{sys.version_info[1]}.0-0.conda"),
    record={
        "name": "python",
        "version": f"{sys.version_info[0]}.{sys.version_info[1]}.0",
        "md5": "0" * 32,
        "sha256": "0" * 64,
    },
)
"""Says which Python the wheels are for; the machine's own is taken."""


def clashing_package(channel: Path, name: str, *depends: str) -> Packed:
    """A package that has a file of another one, with other content."""
    return pack(
        channel,
        name,
        depends=depends,
        members={
            "share/clash.txt": Member(content=name.encode()),
            f"share/{name}.txt": Member(content=b"mine"),
            "share/clash-prefix.txt": Member(
                content=f"{name} {PLACEHOLDER}".encode(), placeholder=PLACEHOLDER
            ),
        },
    )


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    folder = tmp_path_factory.mktemp("same")
    archives = folder / "archives"
    packed = make_small_packages(archives)
    clashing = [clashing_package(archives, f"clash-{letter}") for letter in "abc"]
    code = b"import os\n\nNAMES = {'a', 'b', 'c'}\n\ndef main():\n    print(os.sep, NAMES)\n"
    wheels = [
        make_wheel(
            archives,
            name,
            {
                f"{name}/__init__.py": code,
                f"{name}/inner.py": b"X = frozenset('abcdefg')\n",
                f"{name}-1.0.data/scripts/{name}-script": b"#!python\nprint(1)\n",
                f"{name}-1.0.data/data/share/{name}.txt": b"text\n",
                f"{name}-1.0.data/headers/{name}.h": b"",
            },
            scripts=f"{name} = {name}:main",
        )
        for name in ("one", "two")
    ]
    yield Surroundings(
        folder=folder,
        home=folder / "home",
        archives=archives,
        conda=[each for each in (*packed, *clashing) if not each.record.get("noarch")],
        wheels=wheels,
    )
    sweep(folder)


def vary(chance: Random, around: Surroundings, at: str) -> dict[str, Any]:
    """Build both locks in a store at the same path with anything else around it."""
    mine = around.folder / at
    (mine / "home").mkdir(parents=True)
    locks = around.locks(chance, at)
    mirror = mine / "mirror"
    mirror.symlink_to(around.archives)
    address = chance.choice([around.archives, mirror]).as_uri()
    jobs = ["--jobs", chance.choice(["1", "2", "8"])]
    commands = [
        ["build", "--json", *jobs, locks[0]],
        ["build", "--json", *jobs, "--python", sys.executable, locks[1]],
    ]
    chance.shuffle(commands)
    if chance.random() < 0.3:  # something was here before: trees, downloads, a generation
        part = write_lock(mine / "part.conda-lock.yml", around.conda[: chance.randrange(1, 6)])
        commands.insert(0, ["build", "--json", part])
    options = {
        "umask": chance.choice([0o000, 0o022, 0o027, 0o077]),
        "clock_seconds": chance.randrange(-(10**8), 10**9),
        "commands": commands,
    }
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(mine / "home"),
        "ENVLOCK_HOME": str(around.home),
        "ENVLOCK_MIRRORS": f"{around.archives.as_uri()}={address}",
        "TZ": chance.choice(["UTC", "Asia/Kathmandu", "America/St_Johns", "Pacific/Apia"]),
        "LC_ALL": chance.choice(["C", "C.UTF-8", "POSIX", "tr_TR.UTF-8"]),
        "PYTHONHASHSEED": str(chance.randrange(1000)),
        "PYTHONOPTIMIZE": chance.choice(["", "1", "2"]),
        "PYTHONDONTWRITEBYTECODE": chance.choice(["", "1"]),
        "SOURCE_DATE_EPOCH": str(chance.randrange(10**9)),
        "TMPDIR": str(mine / "home"),
    }
    done = subprocess.run(
        [sys.executable, "-c", BUILD_BOTH, json.dumps(options)],
        cwd=chance.choice([mine, around.archives, Path("/")]),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    return {each["name"]: each for each in told}


def forget(around: Surroundings, at: str) -> None:
    """Take the store away from its path."""
    around.home.rename(around.folder / at / "store")
    sweep(around.folder / at)


def check_sameness(around: Surroundings, chance: Random, count: int) -> None:
    first: dict[str, Any] = {}
    for at in range(count):
        told = vary(chance, around, f"{at}")
        found = {
            name: (
                told[name]["tree_sha256"],
                told[name]["content_sha256"],
                walk(told[name]["path"]),
            )
            for name in ("conda", "wheels")
        }
        forget(around, f"{at}")
        first = first or found
        assert found == first, f"the {at}th time"


@pytest.mark.repetition
def test_whatever_is_around_a_store_every_byte_mode_and_time_is_the_same(
    surroundings: Surroundings,
):
    check_sameness(surroundings, Random(20260101), COUNT)


@pytest.mark.index
def test_whatever_is_around_a_store_a_whole_python_is_the_same(
    surroundings: Surroundings, debian_channel: Path
):
    """With the bytecode of its library, and of a package for any Python."""
    packed = read_channel(debian_channel)

    check_sameness(replace(surroundings, conda=packed), Random(20260102), 2 + COUNT // 40)


def test_no_file_knows_where_it_was_made(surroundings: Surroundings):
    """Neither the staging folder, the mirror, the user's home nor the lock stands in any file."""
    told = vary(Random(1), surroundings, "made")
    prefixes = [told[name]["path"] for name in ("conda", "wheels")]
    store = str(surroundings.folder).encode()

    knowing = [
        path
        for prefix in prefixes
        for path in map(Path, map(prefix.__add__, walk(prefix)))
        if path.is_file() and store in path.read_bytes().replace(prefix.encode(), b"")
    ]
    forget(surroundings, "made")

    assert knowing == []


def test_of_files_that_packages_disagree_about_one_stands_and_a_note_says_so(short: Path):
    clashing = [clashing_package(short / "channel", f"clash-{letter}") for letter in "abc"]
    house = CondaHouse(folder=short / "w", home=short / "h")

    told = house.build(write_lock(short / "w" / "demo.conda-lock.yml", clashing))

    prefix = Path(told["path"])
    record = json.loads((prefix / "conda-meta" / "clash-b-1.0-0.json").read_bytes())
    assert told["notes"] == [
        "2 files come from two packages with different content: share/clash-prefix.txt, "
        "share/clash.txt"
    ]
    assert (prefix / "share" / "clash.txt").read_bytes() == b"clash-a"
    assert sorted(path.name for path in prefix.iterdir()) == ["conda-meta", "share"]
    assert record["files"] == ["share/clash-b.txt"]
    assert [row["_path"] for row in record["paths_data"]["paths"]] == ["share/clash-b.txt"]


@pytest.mark.parametrize(("depends", "stands"), [((), b"clash-a"), (("clash-a",), b"clash-b")])
def test_the_file_of_the_package_that_needs_the_other_stands(
    short: Path, depends: tuple[str, ...], stands: bytes
):
    packed = [
        clashing_package(short / "channel", "clash-a"),
        clashing_package(short / "channel", "clash-b", *depends),
    ]
    house = CondaHouse(folder=short / "w", home=short / "h")

    told = house.build(write_lock(short / "w" / "demo.conda-lock.yml", packed))

    assert Path(told["path"], "share", "clash.txt").read_bytes() == stands


# --- a second build beside the first --------------------------------------------------------------


def test_a_file_that_was_changed_is_named_by_a_second_build(short: Path, small: tuple[Packed, ...]):
    house = CondaHouse(folder=short / "w", home=short / "h")
    lock = write_lock(short / "w" / "demo.conda-lock.yml", small)
    prefix = Path(house.build(lock)["path"])
    about = prefix / "share" / "linked-2.1" / "about.txt"
    sealed = about.stat()
    about.chmod(0o644)
    about.write_bytes(b"ABOUT\n")
    about.chmod(0o444)
    os.utime(about, ns=(sealed.st_mtime_ns, sealed.st_mtime_ns))

    done = house.run("build", "--rebuild-check", lock)

    assert done.returncode == 1
    was, now = sha256(b"about\n").hexdigest(), sha256(b"ABOUT\n").hexdigest()
    assert done.stdout == (
        "demo: a second build differs in 1 place\n"
        f"  share/linked-2.1/about.txt: expected sha256 {was}, found {now}\n"
    )


def test_a_file_that_is_missing_or_added_is_named_by_a_second_build(
    short: Path, small: tuple[Packed, ...]
):
    house = CondaHouse(folder=short / "w", home=short / "h")
    lock = write_lock(short / "w" / "demo.conda-lock.yml", small)
    share = Path(house.build(lock)["path"], "share")
    share.chmod(0o755)
    (share / "oldstyle.txt").unlink()
    (share / "mine.txt").write_bytes(b"mine")

    done = house.run("build", "--rebuild-check", lock)

    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "demo: a second build differs in 2 places",
        "  share/mine.txt: not part of it",
        "  share/oldstyle.txt: missing",
    ]
