"""How long an audit takes, as ratios: every pair is timed in turn, in one run.

usage: python benchmarks/audit.py [--runs N] [--files FOLDER]

Whole processes are timed from outside. The machine may be noisy: read the ratio of medians, not the
seconds. The locks are made of those in `stacks/`: one of 2.4 MB as conda-lock itself writes them,
and fifty of mixed sizes; `--files` takes the first fifty files of a folder instead. conda-lock
parses the large one with its own parser; pip-audit, run through `uv`, reads a requirements file of
as many packages with hashes (`--dry-run`: it asks nobody), and is left out where it cannot be had.
Needs `pip install '.[dev]'`.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCRIPTS = Path(sysconfig.get_path("scripts"))
ENVLOCK = str(SCRIPTS / "envlock")
LARGE_BYTES = 2_400_000
FILES = 50
GOALS_SECONDS = {"large": 1.0, "many": 10.0}
PARSE = """
import pathlib, sys
from conda_lock.lockfile import parse_conda_lock_file
print(len(parse_conda_lock_file(pathlib.Path(sys.argv[1])).package))
"""
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
}
"""Whatever is installed has its bytecode; where it must not be kept, compiling is half the time."""
ROW = re.compile(r"(?m)^- name: '?(?P<name>[^'\n]+)'?$")


def seconds_of(command: Sequence[str]) -> float:
    """Run a command to its end and return the seconds; findings (exit 1) are no failure."""
    began = time.perf_counter()
    finished = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, env=ENVIRONMENT
    )
    taken = time.perf_counter() - began
    if finished.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command)[:200]}\n{finished.stderr[-2000:]}")
    return taken


def compare(title: str, ours: Sequence[str], theirs: Sequence[str], runs: int) -> None:
    """Time two commands in turn and print the ratio of their medians."""
    for command in (ours, theirs):
        seconds_of(command)  # warm the caches of both
    pairs = [(seconds_of(ours), seconds_of(theirs)) for _ in range(runs)]
    mine, other = (statistics.median(pair[place] for pair in pairs) for place in (0, 1))
    fastest = min(pair[0] for pair in pairs)
    print(
        f"{title:<58} {mine:6.2f} s (fastest {fastest:.2f})  {other:6.2f} s  {mine / other:6.2f}x",
        flush=True,
    )


def measure(title: str, command: Sequence[str], goal_seconds: float, runs: int) -> None:
    """Time one command and print the median beside the goal."""
    seconds_of(command)
    taken = [seconds_of(command) for _ in range(runs)]
    median = statistics.median(taken)
    verdict = "meets" if median <= goal_seconds else "misses"
    print(
        f"{title:<58} {median:6.2f} s (fastest {min(taken):.2f})  goal {goal_seconds:.1f} s "
        f"{verdict}",
        flush=True,
    )


def foreign_lock(own: str) -> str:
    """Return a lock of ours as another tool would have written it: without our facts."""
    head, _, rest = own.partition("  custom_metadata:\n")
    _, _, body = rest.partition("package:\n")
    return f"{head}package:\n{body}"


def enlarge(lock: str, size_bytes: int) -> str:
    """Repeat the packages of a lock under new names until it is as large as is wanted."""
    head, _, body = lock.partition("package:\n")
    parts, length, copy = [head, "package:\n", body], len(lock), 0
    while length < size_bytes:
        copy += 1
        more = ROW.sub(rf"- name: copy{copy}-\g<name>", body)
        parts.append(more)
        length += len(more)
    return "".join(parts)


def many_locks() -> Iterator[str]:
    """Yield fifty locks of mixed sizes."""
    locks = [path.read_text("utf-8") for path in sorted((ROOT / "stacks").glob("*.conda-lock.yml"))]
    for number in range(FILES):
        yield enlarge(foreign_lock(locks[number % len(locks)]), 1000 * 2 ** (number % 10))


def requirements(rows: int) -> str:
    """Return a requirements file of so many packages, each with its hash."""
    return "".join(f"package-{row}==1.0 --hash=sha256:{row:064x}\n" for row in range(rows))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--files", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="envlock-bench-") as scratch:
        bench(Path(scratch), arguments.runs, arguments.files)


def bench(folder: Path, runs: int, files: Path | None) -> None:
    """Measure the large lock, the many, and the requirements file."""
    workbench = (ROOT / "stacks" / "workbench.conda-lock.yml").read_text("utf-8")
    large = folder / "large.conda-lock.yml"
    large.write_text(enlarge(foreign_lock(workbench), LARGE_BYTES), "utf-8")
    rows = len(ROW.findall(large.read_text("utf-8")))
    print(f"large lock: {large.stat().st_size / 1e6:.2f} MB, {rows:,} packages", flush=True)
    audit = [ENVLOCK, "audit", "--json"]
    measure("audit of the large lock", [*audit, str(large)], GOALS_SECONDS["large"], runs)
    parse = [sys.executable, "-c", PARSE, str(large)]
    compare("the same against conda-lock's parser alone", [*audit, str(large)], parse, runs)

    if files is None:
        files = folder / "many"
        files.mkdir()
        for number, text in enumerate(many_locks()):
            (files / f"{number}.conda-lock.yml").write_text(text, "utf-8")
    chosen = [str(path) for path in sorted(files.iterdir()) if path.suffix != ".json"][:FILES]
    size = sum(Path(path).stat().st_size for path in chosen) / 1e6
    title = f"audit of {len(chosen)} files, {size:.1f} MB"
    measure(title, [*audit, *chosen], GOALS_SECONDS["many"], runs)

    wanted = folder / "requirements.txt"
    wanted.write_text(requirements(rows), "utf-8")
    pip_audit = [str(SCRIPTS / "uv"), "tool", "run", "--quiet", "pip-audit", "--dry-run"]
    reads = [*pip_audit, "--disable-pip", "--require-hashes", "--requirement", str(wanted)]
    try:
        seconds_of(reads)
    except SystemExit as error:
        print(f"pip-audit is left out: {str(error).splitlines()[-1]}")
        return
    title = f"audit of {rows:,} requirements against pip-audit's reading"
    compare(title, [*audit, str(wanted)], reads, runs)


if __name__ == "__main__":
    main()
