"""Kill a command of envlock at any of its steps, and look at the store that it leaves.

A process that has imported everything forks one child per command (an import costs more than the
command). `strace` attaches to the child and, at the chosen system call on the chosen path, kills it
before the call is done. The checks read the store with `sqlite3`, `os` and `hashlib` and nothing of
the code under test.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import zstandard

from envlock.cli.main import main
from tiny_builds import snapshot

CALLS = (
    *("openat", "open", "creat", "write", "pwrite64", "writev", "pwritev", "copy_file_range"),
    *("sendfile", "ftruncate", "fallocate", "rename", "renameat", "renameat2", "link", "linkat"),
    *("symlink", "symlinkat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "chmod"),
    *("fchmod", "fchmodat", "utime", "utimes", "utimensat", "fsync", "fdatasync", "syncfs"),
    *("flock", "ioctl"),
)
"""Whatever changes a store, or says how far one has come."""
_FAR_SECONDS = 60.0
_IMPORTED = (
    *("envlock.backends.artifact_http", "envlock.backends.interpreters", "envlock.cli.progress"),
    *("envlock.cli.store_wiring", "envlock.workflows.build", "envlock.workflows.care"),
    *("envlock.backends.store_keeping", "envlock.cli.gc", "envlock.cli.switch"),
    *("envlock.cli.rollback", "envlock.workflows.profiles"),
)
_LINE = re.compile(r"(?P<task>\d+) +(?P<call>\w+)\((?P<rest>.*)")
_OPEN_FILE = re.compile(r"\b\d+<(/[^>]*)>")
_NAMED = re.compile(r'"(/[^"]*)"')


def why_not_here() -> str | None:
    """Say in words why commands cannot be killed by `strace` here; None where they can."""
    if sys.platform != "linux" or shutil.which("strace") is None:
        return "needs strace"
    tried = subprocess.run(
        ["strace", "-qq", "-e", "trace=none", "true"], capture_output=True, check=False
    )
    return "needs the right to trace a process" if tried.returncode else None


@dataclass(frozen=True)
class Point:
    """The n-th time that one thread makes a call on a path."""

    call: str
    path: str
    count: int | str
    """As strace has it: `2+` is the second time and every time after it."""

    def __str__(self) -> str:
        return f"{self.call} {self.path} ({self.count})"


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    """As the shell has it; negative for a signal."""
    output: str
    is_reached: bool = True
    """False when it ended before it came to the point."""


class Commands:
    """Runs commands of envlock, each in a fork of one process that has imported everything."""

    def __init__(self, scratch: Path, home: Path) -> None:
        self._scratch = scratch
        self._seed = 0
        self._server = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env={**os.environ, "PYTHONHASHSEED": "0", "ENVLOCK_HOME": str(home)},
        )

    def close(self) -> None:
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait(_FAR_SECONDS)
        assert self._server.stdout is not None
        self._server.stdout.close()

    def run(self, *arguments: str, **environment: str) -> Ended:
        """Run to the end."""
        self._seed += 1
        self._ask(arguments, environment, self._seed, is_traced=False)
        return self._ended()

    def trace(self, home: Path, *arguments: str, **environment: str) -> list[Point]:
        """Run to the end and return every step that it took in a store."""
        log = self._scratch / "trace"
        pid = self._ask(arguments, environment, 0, is_traced=True)
        self._follow(pid, log, [])
        assert self._ended().status == 0
        return list(read_points(log.read_text(errors="replace"), str(home)))

    def kill(self, point: Point, *arguments: str, **environment: str) -> Ended:
        """Run until the point is reached, and kill whoever reaches it."""
        return self._inject(point, "signal=KILL", arguments, environment)

    def fail(self, point: Point, error: str, *arguments: str, **environment: str) -> Ended:
        """Run, and have one call fail."""
        return self._inject(point, f"error={error}", arguments, environment)

    def _inject(
        self, point: Point, what: str, arguments: Sequence[str], environment: Mapping[str, str]
    ) -> Ended:
        log = self._scratch / "killed"
        pid = self._ask(arguments, environment, 0, is_traced=True)
        inject = f"inject={point.call}:{what}:when={point.count}"
        self._follow(pid, log, ["-P", point.path, "-e", inject])
        ended = self._ended()
        told = log.read_text(errors="replace")
        is_reached = ended.status < 0 or bool(re.search(r"\(INJECTED\)|= \?$", told, re.MULTILINE))
        return Ended(ended.status, ended.output, is_reached)

    def _follow(self, pid: int, log: Path, options: Sequence[str]) -> None:
        command = ["strace", "-f", "-qq", "-e", "signal=none", "-y", "-o", str(log)]
        traced = ["-e", f"trace={','.join(f'?{call}' for call in CALLS)},execve"]
        done = subprocess.run(
            [*command, *traced, *options, "-p", str(pid)],
            capture_output=True,
            text=True,
            check=False,
            timeout=_FAR_SECONDS,
        )
        if done.returncode not in (0, -signal.SIGKILL):
            os.kill(pid, signal.SIGKILL)
            raise AssertionError(f"strace failed: {done.stderr}")

    def _ask(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        seed: int,
        *,
        is_traced: bool,
    ) -> int:
        wanted = {
            "arguments": arguments,
            "environment": environment,
            "seed": seed,
            "is_traced": is_traced,
            "output": str(self._scratch / "output"),
        }
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps(wanted) + "\n")
        self._server.stdin.flush()
        return self._answer()

    def _ended(self) -> Ended:
        status = self._answer()
        return Ended(status, (self._scratch / "output").read_text("utf-8"))

    def _answer(self) -> int:
        assert self._server.stdout is not None
        return int(self._server.stdout.readline())


def read_points(log: str, root: str) -> Iterator[Point]:
    """Yield the steps of a trace that touch what lies under `root`, by the process itself."""
    lines = [found for line in log.splitlines() if (found := _LINE.match(line))]
    others = {line["task"] for line in lines if line["call"] == "execve"}
    counts: Counter[tuple[str, str, str]] = Counter()
    seen: set[Point] = set()
    for line in lines:
        task, call, rest = line["task"], line["call"], line["rest"]
        named = [] if call in ("write", "pwrite64") else _NAMED.findall(rest)
        paths = [path for path in (*named, *_OPEN_FILE.findall(rest)) if path.startswith(root)]
        counts.update((task, call, path) for path in dict.fromkeys(paths))
        if not paths or task in others or not _changes(call, rest):
            continue
        point = Point(call, paths[0], counts[task, call, paths[0]])
        if point not in seen:
            seen.add(point)
            yield point


def _changes(call: str, rest: str) -> bool:
    if call == "ioctl":
        return "FICLONE" in rest or "BTRFS_IOC_CLONE" in rest
    return not call.startswith("open") or "O_CREAT" in rest


# --- the store, looked at by other eyes -----------------------------------------------------------


@dataclass
class Reference:
    """What environments and trees are when nothing goes wrong."""

    environments: dict[str, dict[str, tuple[object, ...]]] = field(default_factory=dict)
    trees: dict[str, dict[str, tuple[object, ...]]] = field(default_factory=dict)

    def learn(self, home: Path) -> None:
        """Remember all that a store holds."""
        for kind, found in (("store", self.environments), ("trees", self.trees)):
            for path in (home / kind).iterdir():
                found.setdefault(path.name, snapshot(path))


def copy_store(source: Path, target: Path) -> None:
    """Put a store in place of another, hard links and times and all."""
    remove(target)
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)


def remove(path: Path) -> None:
    """Remove a folder with read-only ones in it."""
    if path.exists():
        subprocess.run(["chmod", "-R", "u+w", str(path)], check=True)
        shutil.rmtree(path)


def faults(home: Path, reference: Reference, out_links: Sequence[Path] = ()) -> list[str]:
    """Return what is wrong with a store at any moment, killed or not.

    A folder with a row is whole, byte for byte; so is what a tree's row names. A folder without
    one may be anything, for nobody sees it. Links of profiles lead to what has a row.
    """
    if not (home / "db.sqlite").exists():
        return [f"a link without a store: {link}" for link in (home / "profiles").glob("*")]
    with contextlib.closing(sqlite3.connect(home / "db.sqlite", timeout=30)) as database:
        found = [f"database: {row[0]}" for row in database.execute("PRAGMA integrity_check")]
        found = [fault for fault in found if fault != "database: ok"]
        found += [f"reference: {row}" for row in database.execute("PRAGMA foreign_key_check")]
        if database.execute("PRAGMA user_version").fetchone() == (0,):
            return [*found, *_rowless(home)]
        environments = dict(database.execute("SELECT label, tree_sha256 FROM environments"))
        trees = dict(database.execute("SELECT name, tree_sha256 FROM trees"))
        roots = {row[0] for row in database.execute("SELECT link FROM roots")}
    found += _differing(home / "store", environments, reference.environments)
    found += _differing(home / "trees", trees, reference.trees)
    for digest in {*environments.values(), *trees.values()}:
        found += _manifest_faults(home, digest)
    found += _link_faults(home, environments, roots, out_links)
    return [*found, *_archive_faults(home)]


def _link_faults(
    home: Path, labels: Collection[str], roots: Collection[str], out_links: Sequence[Path]
) -> Iterator[str]:
    links = [link for link in (home / "profiles").iterdir() if not link.name.startswith(".")]
    for link in (*links, *(link for link in out_links if link.is_symlink())):
        if link.resolve().name not in labels:
            yield f"{link} leads to {link.readlink()}, which has no row"
    for link in out_links:
        if link.is_symlink() and str(link) not in roots:
            yield f"{link} is no root"


def _archive_faults(home: Path) -> Iterator[str]:
    for path in (home / "artifacts").glob("sha256/??/[!.]*"):
        if sha256(path.read_bytes()).hexdigest() != path.name or path.stat().st_mode & 0o222:
            yield f"archive {path.name} is not what its name says, or can be written to"


def _rowless(home: Path) -> Iterator[str]:
    for link in (home / "profiles").glob("[!.]*"):
        yield f"profile link {link.name}, and there is no row"


def _differing(
    folder: Path, rows: Mapping[str, str], wanted: Mapping[str, Mapping[str, tuple[object, ...]]]
) -> Iterator[str]:
    for name in rows:
        found = snapshot(folder / name)
        expected = wanted[name]
        for path in sorted(found.keys() | expected.keys()):
            if found.get(path) != expected.get(path):
                yield f"{name}/{path}: expected {expected.get(path)}, found {found.get(path)}"


def _manifest_faults(home: Path, digest: str) -> Iterator[str]:
    path = home / "manifests" / digest[:2] / f"{digest}.zst"
    if not path.exists():
        yield f"manifest {digest} is gone"
    elif sha256(zstandard.decompress(path.read_bytes())).hexdigest() != digest:
        yield f"manifest {digest} is not what its name says"


def leftovers(home: Path) -> list[str]:
    """Return what a collection should have taken: half-made things, and files of the dead."""
    with contextlib.closing(sqlite3.connect(home / "db.sqlite", timeout=30)) as database:
        rows = {row[0] for row in database.execute("SELECT label FROM environments")}
        rows |= {row[0] for row in database.execute("SELECT name FROM trees")}
        digests = {row[0] for row in database.execute("SELECT tree_sha256 FROM environments")}
        digests |= {row[0] for row in database.execute("SELECT tree_sha256 FROM trees")}
    found = [path for path in home.rglob("*") if _is_half_made(path, home)]
    found += [path for each in ("store", "trees") for path in (home / each).iterdir()]
    found += list((home / "manifests").glob("??/*"))
    found += [*(home / "temproots").iterdir(), *(home / "artifacts").glob("partial/*")]
    found += (home / "data").iterdir()  # no stack here names any
    kept = {*rows, *(f"{digest}.zst" for digest in digests)}
    return sorted({str(path.relative_to(home)) for path in found if path.name not in kept})


def _is_half_made(path: Path, home: Path) -> bool:
    known = ("store", "trees", "manifests", "profiles", "locks", "temproots", "artifacts", "data")
    known += ("layout", "db.sqlite", "db.sqlite-wal", "db.sqlite-shm", "db.sqlite.lock", "reserve")
    inside = path.relative_to(home).parts
    if len(inside) == 1:
        return inside[0] not in known
    if inside[0] == "profiles" and inside[1].endswith("-highest"):
        return False  # what keeps the number of a forgotten generation from coming back
    return inside[1].startswith(".") if inside[0] in ("store", "trees", "profiles") else False


def let_a_day_pass(home: Path) -> None:
    """Make old what a collector leaves for a while, since its maker may still be there."""
    old = time.time() - 2 * 86_400
    for path in (*(home / "profiles").glob(".*"), *(home / "artifacts").glob("partial/*")):
        os.utime(path, (old, old), follow_symlinks=False)


# --- the process that forks -----------------------------------------------------------------------


def _serve() -> None:
    """Answer requests, one line each: first with the child's number, then with how it ended."""
    for name in _IMPORTED:
        importlib.import_module(name)

    for line in sys.stdin:
        wanted = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _be_command(wanted)
        _say(pid)
        _, status = os.waitpid(pid, 0)
        _say(os.waitstatus_to_exitcode(status))


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def _be_command(wanted: Mapping[str, object]) -> None:
    status = 99
    try:
        output = os.open(str(wanted["output"]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for old, new in ((nothing, 0), (output, 1), (output, 2)):
            os.dup2(old, new)
        os.closerange(3, 256)
        os.environ.update(wanted["environment"])  # type: ignore[call-overload]
        _name_predictably(int(str(wanted["seed"])))
        if wanted["is_traced"]:
            _await_tracer()
        status = main(list(wanted["arguments"]))  # type: ignore[call-overload]
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _name_predictably(seed: int) -> None:
    """Give the same names in every run of one seed, so that a step has one path."""
    chance = random.Random(seed)
    uuid.uuid4 = lambda: uuid.UUID(int=chance.getrandbits(128), version=4)


def _await_tracer() -> None:
    allow_anybody, anybody = 0x59616D61, ctypes.c_ulong(-1 & 0xFFFFFFFFFFFFFFFF)
    ctypes.CDLL(None).prctl(allow_anybody, anybody, 0, 0, 0)
    deadline = time.monotonic() + _FAR_SECONDS
    while "TracerPid:\t0\n" in Path("/proc/self/status").read_text(encoding="utf-8"):
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.001)
    time.sleep(0.005)


if __name__ == "__main__":
    _serve()
