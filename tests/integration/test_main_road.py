"""The shipped stacks, solved again: golden locks, foreign readers, repetition, partial solves."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from envlock.backends.pins import REPODATA, DiskPins
from envlock.cli.main import main
from envlock.formats.index_pin import format_repodata, part_folder
from envlock.model.lock import lock_path

STACKS = Path(__file__).parents[2] / "stacks"
NAMES = sorted(path.stem for path in STACKS.glob("*.toml"))
LOCKED = [name for name in NAMES if (STACKS / f"{name}.conda-lock.yml").exists()]
FLAGSHIP = "torch-cu121"


def copy_stack(name: str, folder: Path) -> Path:
    """A stack with the repository's pins, without its lock."""
    shutil.copytree(STACKS / "pins", folder / "pins")
    return Path(shutil.copy(STACKS / f"{name}.toml", folder))


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVLOCK_CACHE", str(tmp_path / "cache"))


def test_every_stack_that_ships_has_a_lock_or_takes_packages_from_pypi():
    assert FLAGSHIP in LOCKED
    for name in set(NAMES) - set(LOCKED):
        text = (STACKS / f"{name}.toml").read_text("utf-8")
        assert "pypi" in text, f"{name} has no committed lock"


@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize("name", LOCKED)
def test_solving_a_shipped_stack_gives_the_committed_bytes(name: str, tmp_path: Path):
    stack = copy_stack(name, tmp_path)

    assert main(["solve", "-q", str(stack)]) == 0

    solved = Path(lock_path(str(stack))).read_bytes()
    assert solved == (STACKS / f"{name}.conda-lock.yml").read_bytes()


@pytest.mark.parametrize("name", LOCKED)
def test_a_committed_lock_is_fresh(name: str, capsys: pytest.CaptureFixture[str]):
    status = main(["solve", "--check", str(STACKS / f"{name}.toml")])

    assert capsys.readouterr().out == f"{STACKS / name}.conda-lock.yml: fresh\n"
    assert status == 0


READ_BACK = """
import json, os, sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
from conda_lock.lockfile import parse_conda_lock_file
from rattler import LockFile
ours, theirs = {}, {}
path = Path(sys.argv[1])
for package in parse_conda_lock_file(path).package:
    ours.setdefault(package.platform, []).append(package.url)
environment = LockFile.from_path(path).default_environment()
for platform in environment.platforms():
    theirs[str(platform.name)] = [package.location for package in environment.packages(platform)]
json.dump([ours, theirs], sys.stdout)
sys.stdout.flush()
os._exit(0)
"""


@pytest.mark.parametrize("name", LOCKED)
def test_conda_lock_and_rattler_read_the_same_packages_from_a_lock(name: str):
    lock = STACKS / f"{name}.conda-lock.yml"

    read = subprocess.run(
        [sys.executable, "-c", READ_BACK, str(lock)], check=True, capture_output=True
    )

    by_conda_lock, by_rattler = json.loads(read.stdout)
    assert by_conda_lock
    assert {key: sorted(urls) for key, urls in by_rattler.items()} == {
        key: sorted(urls) for key, urls in by_conda_lock.items()
    }


@pytest.mark.parametrize("name", LOCKED)
def test_conda_lock_renders_an_explicit_file_for_every_platform(name: str, tmp_path: Path):
    lock = STACKS / f"{name}.conda-lock.yml"
    text = lock.read_text("utf-8")
    platforms = [
        line[4:] for line in text.splitlines() if line.startswith("  - ") and "url" not in line
    ]

    subprocess.run(
        [sys.executable, "-m", "conda_lock", "render", "-k", "explicit", str(lock)],
        check=True,
        capture_output=True,
        cwd=tmp_path,
    )

    for platform in platforms[:-1]:  # the last such line names the source
        rendered = (tmp_path / f"conda-{platform}.lock").read_text("utf-8")
        packages = [line for line in rendered.splitlines() if line.startswith("https://")]
        assert len(packages) == text.count(f"\n  platform: {platform}\n")


def shuffled_pin(name: str, folder: Path, chance: random.Random) -> DiskPins:
    """The pin of a stack, kept anew from records and keys in a random order."""
    source = DiskPins(STACKS / "pins", folder / "cache-of-source")
    digest = source.assigned(name)
    assert digest
    pin = source.read(digest)
    repodata: dict[tuple[str, str], bytes] = {}
    for part in source.open(digest, sorted({part.subdir for part in pin.parts})).parts:
        tables = json.loads(Path(part.path).read_bytes())
        rows = [*tables["packages"].items(), *tables["packages.conda"].items()]
        chance.shuffle(rows)
        records = {}
        for file_name, fields in rows:
            pairs = list(fields.items())
            chance.shuffle(pairs)
            records[file_name] = dict(pairs)
        repodata[part.part.channel, part.part.subdir] = format_repodata(part.part.subdir, records)
    pins = DiskPins(folder / "pins", folder / "cache")
    assert pins.keep(pin, repodata) == digest
    pins.assign(name, digest)
    return pins


CLOCK = """
import datetime, random, sys, time
now = float(sys.argv.pop(1))
time.time = lambda: now
time.time_ns = lambda: int(now * 1e9)
class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(now, tz)
datetime.datetime = Clock
from envlock.cli.main import run
run()
"""


WORLDS = int(os.environ.get("ENVLOCK_WORLDS_COUNT", "40"))


@pytest.mark.repetition
def test_solves_in_many_worlds_give_one_digest(tmp_path: Path):
    chance = random.Random(20261122)
    committed = sha256((STACKS / f"{FLAGSHIP}.conda-lock.yml").read_bytes()).hexdigest()
    pins = [tmp_path / f"shuffled{number}" for number in range(5)]
    for pin in pins:
        shuffled_pin(FLAGSHIP, pin, chance)
    worlds = [
        (tmp_path, number, pins[number % len(pins)], random.Random(chance.random()))
        for number in range(WORLDS)
    ]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        found = list(pool.map(solve_in_a_world, worlds))

    assert found == [(0, committed)] * WORLDS


def solve_in_a_world(world: tuple[Path, int, Path, random.Random]) -> tuple[int, str]:
    """The exit status of a solve whose surroundings are drawn, and the digest of its lock."""
    home, number, pin, chance = world
    folder = home / f"w{number}" / chance.choice(["a", "ü b", "deep/er"])
    folder.mkdir(parents=True)
    (folder / "pins").symlink_to(pin / "pins")
    stack = Path(shutil.copy(STACKS / f"{FLAGSHIP}.toml", folder))
    here = chance.choice([folder, home, Path("/")])
    finished = subprocess.run(
        [
            *(sys.executable, "-c", CLOCK, str(chance.uniform(1e9, 4e9))),
            *("solve", "-q", os.path.relpath(stack, here)),
        ],
        check=False,
        capture_output=True,
        cwd=here,
        umask=chance.choice([0o022, 0o077, 0o002]),
        env={
            **os.environ,
            "PYTHONHASHSEED": str(chance.randrange(2**32)),
            "TZ": chance.choice(["UTC", "Asia/Kathmandu", "America/St_Johns"]),
            "LANG": chance.choice(["C", "C.UTF-8", "tr_TR.UTF-8"]),
            "LC_ALL": chance.choice(["C", "C.UTF-8", "POSIX"]),
            "HOME": str(folder),
            "ENVLOCK_CACHE": str(home / f"cache{number // 5 % 5}"),
        },
    )
    return finished.returncode, sha256(Path(lock_path(str(stack))).read_bytes()).hexdigest()


def test_a_solve_needs_no_network(tmp_path: Path):
    if (
        shutil.which("unshare") is None
        or subprocess.run(["unshare", "-n", "true"], check=False).returncode
    ):
        pytest.skip("the network cannot be cut here (`unshare -n` takes root on Linux)")
    stack = copy_stack(FLAGSHIP, tmp_path)

    subprocess.run(
        ["unshare", "-n", sys.executable, "-m", "envlock", "solve", "-q", str(stack)],
        check=True,
        env={**os.environ, "ENVLOCK_CACHE": str(tmp_path / "cache")},
    )

    solved = Path(lock_path(str(stack))).read_bytes()
    assert solved == (STACKS / f"{FLAGSHIP}.conda-lock.yml").read_bytes()


def test_pins_hold_known_fields_and_real_digests_only():
    pins = DiskPins(STACKS / "pins", Path("unused"))
    for name in LOCKED:
        digest = pins.assigned(name)
        assert digest is not None
        pin = pins.read(digest)
        for part in pin.parts:
            assert (pins.folder / digest[:32] / part_folder(pin, part) / REPODATA).is_file()


@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_wishes_does_not_change_the_lock(seed: int, tmp_path: Path):
    stack = copy_stack("workbench", tmp_path)
    head, _, wishes = stack.read_text("utf-8").partition("[dependencies]\n")
    lines = wishes.strip().splitlines()
    random.Random(seed).shuffle(lines)
    stack.write_text(head + "[dependencies]\n" + "\n".join(lines) + "\n", "utf-8")

    assert main(["solve", "-q", str(stack)]) == 0

    solved = Path(lock_path(str(stack))).read_bytes()
    assert solved == (STACKS / "workbench.conda-lock.yml").read_bytes()
