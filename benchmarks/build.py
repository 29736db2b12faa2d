"""How long building takes, as ratios: all contenders are timed in turn, in one run.

usage: python benchmarks/build.py [--runs N] [--lock LOCK | --wheels FOLDER] [--only ROWS]

The wheels are those of `stacks/tf-cpu.toml` (32 wheels, 1.5 GB unpacked; recorded, solved and
fetched now, 400 MB), of another lock, or those of a folder, which need no network. Then nothing
touches a network any more. Compared are whole processes, in turn, on one file system, each after a
`sync`, so that nobody pays for what another has left to be written:

- a new environment whose wheels are all in the store: the lock under another name has another key.
  Ours has its bytecode and is hashed, sealed and flushed to the disk; `uv pip sync` from its warm
  cache into a fresh virtual environment, by hard links and by copies, has none of that, and once
  more with `--compile-bytecode`. Making the virtual environment is ours to do and not in uv's time;
- the same when nothing is to be done, and when nothing is there but the wheels in a folder;
- a full verification of a store of one environment, its downloads and unpacked wheels included,
  against a bare SHA-256 loop over the same files, every inode once;
- the disk that ten environments take which share nine tenths of their bytes, every inode and every
  folder counted, over the bytes of their different contents.

Nothing is removed while a comparison runs, and half a minute passes after it: ext4 looks at every
inode that was freed within 35 seconds each time that it makes one, which costs whoever comes next
up to half a millisecond per folder. So it takes 25 GB of disk. The machine may be noisy: read the
ratios, not the seconds. Needs `pip install '.[dev]' uv`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import stat
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import file_digest
from pathlib import Path

from wheel_sets import (
    choose_part,
    lock_of_wheels,
    unpacked_bytes,
    wheels_of,
    write_lock,
    write_variant,
)

from envlock.formats.conda_lock import read_lock
from envlock.model.lock import Lock

ROOT = Path(__file__).parents[1]
ENVLOCK, UV = (str(Path(sysconfig.get_path("scripts")) / name) for name in ("envlock", "uv"))
PYTHON = os.path.realpath(sys.executable)
BLOCK_BYTES = 512
ROWS = ("new", "nothing", "cold", "verify", "disk")
SHARING = 10
SHARING_GOAL = 1.15
SETTLE_SECONDS = 40.0
HASH_LOOP = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import file_digest
def digest(path):
    with open(path, "rb", buffering=0) as file:
        return file_digest(file, "sha256").hexdigest()
files = {}
for at, _, names in os.walk(sys.argv[1]):
    for name in names:
        path = os.path.join(at, name)
        if not os.path.islink(path):
            files[os.lstat(path).st_ino] = path
if sys.argv[2] == "1":
    digests = [digest(path) for path in files.values()]
else:
    with ThreadPoolExecutor(int(sys.argv[2])) as pool:
        digests = list(pool.map(digest, files.values()))
"""


@dataclass(kw_only=True)
class Contender:
    """Something to be timed."""

    command: Callable[[Path], Sequence[str]]
    """What to run, given a place that is nobody else's; what it does itself is not timed."""
    every: int = 1
    """Run in each round that this divides: what takes long or fills the disk runs less often."""
    seconds: list[float] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Where everything lies, and what is built."""

    folder: Path
    environment: Mapping[str, str]
    lock: Lock
    wheels: Mapping[str, Path]
    """By distribution."""
    runs: int

    @property
    def home(self) -> Path:
        """The store."""
        return Path(self.environment["ENVLOCK_HOME"])

    @property
    def requirements(self) -> str:
        """What uv is to install."""
        return str(self.folder / "requirements.txt")

    def run(self, command: Sequence[str], **variables: str) -> str:
        """Run a command and return what it prints; it must succeed."""
        environment = {**self.environment, **variables}
        done = subprocess.run(
            command, check=False, cwd=self.folder, env=environment, capture_output=True, text=True
        )
        if done.returncode:
            sys.exit(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        return done.stdout

    def time(self, *contenders: Contender, warm_up: bool = True) -> None:
        """Run all in turn, each round beginning with another; then remove what they made."""
        place = self.folder / "run"
        place.mkdir()
        for run in range(0 if warm_up else 1, self.runs + 1):
            first = run % len(contenders)
            for contender in (*contenders[first:], *contenders[:first]):
                if run % contender.every:
                    continue
                own = place / f"{contenders.index(contender)}-{run}"
                command = contender.command(own)
                os.sync()
                began = time.perf_counter()
                self.run(command)
                seconds = time.perf_counter() - began
                if run:
                    contender.seconds.append(seconds)
        remove(place)
        os.sync()
        time.sleep(SETTLE_SECONDS)

    def uv(self, venv: Path, *options: str, cache: Path | None = None) -> list[str]:
        """Make a virtual environment and return the command that installs the wheels into it."""
        if not venv.exists():
            self.run([UV, "venv", "-q", "--no-config", "--python", PYTHON, str(venv)])
        return [
            *(
                UV,
                "pip",
                "sync",
                "--offline",
                "--no-config",
                "--python",
                str(venv / "bin/python"),
            ),
            *("--cache-dir", str(cache or self.folder / "uv-cache"), *options, self.requirements),
        ]

    def renamed(self, name: str) -> str:
        """Return the lock under another name: the same artifacts, another environment."""
        return write_lock(self.folder / f"{name}.conda-lock.yml", self.lock, name)

    def build(self, lock: str) -> list[str]:
        """Return the command that builds a lock."""
        return [ENVLOCK, "build", "-q", "--python", PYTHON, lock]


def print_row(
    title: str, ours: Contender, other: Contender, goal: str = "", limit: float = 0
) -> None:
    """Print the medians, their ratio and that of the fastest runs, beside the goal."""
    mine, its = statistics.median(ours.seconds), statistics.median(other.seconds)
    ratio, best = mine / its, min(ours.seconds) / min(other.seconds)
    verdict = ("meets" if ratio <= limit else "misses") if goal else ""
    print(
        f"{title:<52} {mine * 1e3:8.0f} ms {its * 1e3:8.0f} ms {ratio:6.2f}x {best:6.2f}x"
        f"  {goal and f'goal {goal}: '}{verdict}".rstrip(),
        flush=True,
    )


# --- wheels and locks -----------------------------------------------------------------------------


def make_tf_cpu(folder: Path, environment: Mapping[str, str]) -> Path:
    """Record and solve a copy of the stack and return its lock."""
    stacks = folder / "stacks"
    shutil.copytree(ROOT / "stacks", stacks)
    stack = stacks / "tf-cpu.toml"
    for command in (["index", "record", str(stack)], ["solve", "-q", str(stack)]):
        subprocess.run(
            [ENVLOCK, *command], check=True, env=dict(environment), stdout=subprocess.DEVNULL
        )
    return stacks / "tf-cpu.conda-lock.yml"


def make_bench(folder: Path, arguments: argparse.Namespace) -> Bench:
    """Have all the wheels here, in the store and in a folder under their names."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment = {**kept, "ENVLOCK_HOME": str(folder / "home"), "UV_NO_PROGRESS": "1"}
    if arguments.wheels:
        lock = lock_of_wheels(Path(arguments.wheels).glob("*.whl"))
    else:
        path = Path(arguments.lock) if arguments.lock else make_tf_cpu(folder, environment)
        lock = read_lock(path.read_bytes(), str(path))
    bench = Bench(folder=folder, environment=environment, lock=lock, wheels={}, runs=arguments.runs)
    began = time.perf_counter()
    bench.run(bench.build(bench.renamed("first")))
    print(f"first build, fetching included: {time.perf_counter() - began:.1f} s", flush=True)
    shelf = folder / "wheels"
    shelf.mkdir()
    wheels: dict[str, Path] = {}
    for artifact in wheels_of(lock):
        wheels[artifact.name] = shelf / artifact.file_name
        digest = artifact.sha256
        os.link(bench.home / "artifacts/sha256" / digest[:2] / digest, wheels[artifact.name])
    lines = [f"{name} @ {path.as_uri()}\n" for name, path in wheels.items()]
    Path(bench.requirements).write_text("".join(lines), "utf-8")
    return Bench(
        folder=folder,
        environment=environment,
        lock=lock_of_wheels(wheels.values()) if arguments.wheels else lock,
        wheels=wheels,
        runs=arguments.runs,
    )


# --- rows -----------------------------------------------------------------------------------------


def measure_new(bench: Bench) -> None:
    """Compare new environments whose wheels are all there."""
    hard = ("--link-mode", "hardlink")
    ours = Contender(command=lambda own: bench.build(bench.renamed(own.name)))
    links = Contender(command=lambda own: bench.uv(own, *hard))
    copies = Contender(command=lambda own: bench.uv(own, "--link-mode", "copy"), every=3)
    compiled = Contender(command=lambda own: bench.uv(own, *hard, "--compile-bytecode"), every=3)
    bench.time(ours, links, copies, compiled)
    print_row("new environment : uv, hard links, no bytecode", ours, links, "1.25x", 1.25)
    print_row("new environment : uv, copies, no bytecode", ours, copies, "0.25x", 0.25)
    print_row("new environment : uv, hard links and bytecode", ours, compiled)


def measure_nothing(bench: Bench) -> None:
    """Compare when everything is there already."""
    venv = bench.folder / "venv"
    bench.run(bench.uv(venv))
    lock = bench.renamed("first")
    ours = Contender(command=lambda _: bench.build(lock))
    theirs = Contender(command=lambda _: bench.uv(venv))
    floor = Contender(command=lambda _: [PYTHON, "-I", "-c", "pass"])
    bench.time(ours, theirs, floor)
    print_row("nothing to do : uv", ours, theirs)
    print_row("nothing to do : python -I -c pass", ours, floor)


def measure_cold(bench: Bench) -> None:
    """Compare when nothing is there but the wheels in a folder."""
    wheels = lock_of_wheels(bench.wheels.values())
    lock = write_lock(bench.folder / "cold.conda-lock.yml", wheels, "cold")

    def by_uv(*options: str) -> Contender:
        return Contender(
            command=lambda own: bench.uv(own / "venv", *options, cache=own / "cache"), every=3
        )

    ours = Contender(
        command=lambda own: ["env", f"ENVLOCK_HOME={own}", *bench.build(lock)], every=3
    )
    plain, compiled = by_uv(), by_uv("--compile-bytecode")
    bench.time(ours, plain, compiled, warm_up=False)
    print_row("first build, wheels in a folder : uv, no bytecode", ours, plain)
    print_row("first build, wheels in a folder : uv, bytecode", ours, compiled)


def measure_verify(bench: Bench) -> None:
    """Compare verifying a store of one environment with hashing its files, each inode once."""
    store = bench.folder / "verified"
    bench.run(bench.build(bench.renamed("verified")), ENVLOCK_HOME=str(store))

    def loop(threads: int) -> Contender:
        return Contender(
            command=lambda _: [sys.executable, "-I", "-c", HASH_LOOP, str(store), str(threads)]
        )

    ours = Contender(
        command=lambda _: ["env", f"ENVLOCK_HOME={store}", ENVLOCK, "store", "verify", "-q"]
    )
    alone, together = loop(1), loop(os.cpu_count() or 1)
    bench.time(ours, alone, together)
    print_row("full verify : SHA-256 loop, one thread", ours, alone, "1.30x", 1.3)
    print_row("full verify : SHA-256 loop, a thread per core", ours, together, "1.30x", 1.3)


# --- disk -----------------------------------------------------------------------------------------


def measure_disk(bench: Bench) -> None:
    """Build ten environments that share nine tenths and weigh what they take."""
    environment = {"ENVLOCK_HOME": str(bench.folder / "ten")}
    sizes = {name: unpacked_bytes(path) for name, path in bench.wheels.items()}
    own = choose_part(sizes, SHARING)
    share = sum(sizes[name] for name in own) / sum(sizes.values())
    shared = [path for name, path in bench.wheels.items() if name not in own]
    built = []
    for number in range(SHARING):
        shelf = bench.folder / "variants" / str(number)
        shelf.mkdir(parents=True)
        wheels = [*shared, *(write_variant(bench.wheels[name], shelf, number) for name in own)]
        name = f"ten-{number}"
        lock = write_lock(bench.folder / f"{name}.conda-lock.yml", lock_of_wheels(wheels), name)
        built.append(Path(bench.run(bench.build(lock), **environment).strip()))
    total, unique = unique_bytes(built)
    store = bench.folder / "ten"
    downloads = disk_bytes(store / "artifacts")
    taken = disk_bytes(store) - downloads
    ratio = taken / unique
    print(
        f"ten environments, each with {share:.1%} of its own: {total / 1e9:.2f} GB of files,\n"
        f"  {unique / 1e9:.3f} GB of different content : {taken / 1e9:.3f} GB on the disk, "
        f"of these {folder_bytes(store) / 1e9:.3f} GB folders   {ratio:.3f}x  goal 1.15x: "
        f"{'meets' if ratio <= SHARING_GOAL else 'misses'}\n"
        f"  with the downloads kept, {downloads / 1e9:.3f} GB more: "
        f"{(taken + downloads) / unique:.3f}x",
        flush=True,
    )


def statuses(root: Path) -> Iterable[tuple[Path, os.stat_result]]:
    """Yield a folder and everything below it but links."""
    yield root, root.stat()
    for path in root.rglob("*"):
        status = path.lstat()
        if not stat.S_ISLNK(status.st_mode):
            yield path, status


def disk_bytes(root: Path) -> int:
    """Return what a folder takes on the disk, every inode once, folders too."""
    blocks = {status.st_ino: status.st_blocks for _, status in statuses(root)}
    return sum(blocks.values()) * BLOCK_BYTES


def folder_bytes(root: Path) -> int:
    """Return what the folders themselves take."""
    found = (status for _, status in statuses(root) if stat.S_ISDIR(status.st_mode))
    return sum(status.st_blocks for status in found) * BLOCK_BYTES


def unique_bytes(roots: Iterable[Path]) -> tuple[int, int]:
    """Return the bytes of all files, and those of all different contents."""
    total = 0
    sizes: dict[str, int] = {}
    digests: dict[int, str] = {}
    for root in roots:
        for path, status in statuses(root):
            if stat.S_ISREG(status.st_mode):
                total += status.st_size
                if status.st_ino not in digests:
                    with path.open("rb") as file:
                        digests[status.st_ino] = file_digest(file, "sha256").hexdigest()
                sizes[digests[status.st_ino]] = status.st_size
    return total, sum(sizes.values())


def remove(root: Path) -> None:
    """Remove a store, read-only as it is."""
    subprocess.run(["chmod", "-R", "u+w", str(root)], check=True)
    shutil.rmtree(root)


def main() -> None:
    """Prepare everything, then run every comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--lock", help="build this lock of wheels instead of tf-cpu's")
    parser.add_argument("--wheels", metavar="FOLDER", help="build the wheels of a folder instead")
    parser.add_argument("--only", nargs="+", choices=ROWS, default=ROWS, metavar="ROW")
    parser.add_argument("--folder", help="work below this folder (default: the temporary one)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        bench = make_bench(Path(name), arguments)
        total = sum(map(unpacked_bytes, bench.wheels.values()))
        print(
            f"{len(bench.wheels)} wheels, {total / 1e9:.2f} GB unpacked; {arguments.runs} runs\n"
            f"{'':<52} {'envlock':>11} {'other':>11} {'medians':>7} {'fastest':>7}",
            flush=True,
        )
        measures = {
            "new": measure_new,
            "nothing": measure_nothing,
            "cold": measure_cold,
            "verify": measure_verify,
            "disk": measure_disk,
        }
        for row in arguments.only:
            measures[row](bench)
        remove(bench.folder)
        bench.folder.mkdir()


if __name__ == "__main__":
    main()
