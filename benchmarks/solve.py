"""How long solving takes, as ratios: every pair is timed in turn, in one run.

usage: python benchmarks/solve.py [--runs N]

Whole processes are timed from outside, with the operating system's own account of memory. The
machine may be noisy: read the ratio of medians, not the seconds. Needs `pip install '.[dev]' uv`;
the comparison with `uv lock --check` asks the package index once for a project of similar size and
is left out where that fails.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from envlock.backends import pins as pins_module
from envlock.backends.pins import DiskPins
from envlock.backends.rattler_solver import RattlerSolver
from envlock.cli.wiring import load_stack
from envlock.formats.channel import channel_url
from envlock.formats.index_pin import describe_part, format_repodata
from envlock.model.pin import Origin, Pin
from envlock.model.question import Question
from envlock.solve.question import frame_question
from envlock.solve.view import View, builds_to_consult, needs_pin

ROOT = Path(__file__).parents[1]
BARE = Path(__file__).with_name("bare_rattler.py")
ENVLOCK = str(Path(sysconfig.get_path("scripts")) / "envlock")
SYNTHETIC_RECORDS = 300_000
SYNTHETIC_STACK = """\
[stack]
name = "synthetic"
platforms = ["linux-64"]
channels = ["conda-forge"]

[python]
version = "3.11.*"

[dependencies]
p00000 = "*"
p00100 = "*"
"""
UV_PROJECT = """\
[project]
name = "similar"
version = "1"
requires-python = ">=3.11"
dependencies = ["jupyterlab", "tensorboard", "torch", "torchvision", "pandas", "seaborn",
  "scikit-learn", "transformers", "datasets", "mlflow", "dask", "bokeh", "fastapi", "boto3"]
"""


def run_once(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> float:
    """Run a command to its end and return the seconds; raises when it fails."""
    began = time.perf_counter()
    subprocess.run(
        command,
        check=True,
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.perf_counter() - began


PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def peak_bytes(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> int:
    """Run a command under a small parent and return its peak memory.

    Not under this process: a child's account begins with the memory of the parent that forked it.
    """
    told = subprocess.run(
        [sys.executable, "-I", "-c", PEAK, *command],
        check=True,
        cwd=folder,
        env=environment,
        capture_output=True,
    )
    return int(told.stdout) * (1 if sys.platform == "darwin" else 1024)


def compare(
    title: str,
    ours: Sequence[str],
    theirs: Sequence[str],
    goal: float,
    *,
    environment: Mapping[str, str],
    folder: Path,
    runs: int,
) -> None:
    """Time two commands in turn and print the ratio of their medians beside the goal."""
    for command in (ours, theirs):
        run_once(command, environment, folder)  # warm the caches of both
    pairs = [
        (run_once(ours, environment, folder), run_once(theirs, environment, folder))
        for _ in range(runs)
    ]
    mine = statistics.median(pair[0] for pair in pairs)
    other = statistics.median(pair[1] for pair in pairs)
    peak = peak_bytes(ours, environment, folder) / 1e6
    verdict = "meets" if mine / other <= goal else "misses"
    print(
        f"{title:<46} {mine * 1e3:8.1f} ms  {other * 1e3:8.1f} ms  {mine / other:6.2f}x"
        f"  goal {goal:.2f}x {verdict}; peak {peak:.0f} MB",
        flush=True,
    )


def write_question(stack_path: Path, cache: Path, target: Path) -> Path:
    """Write the question that envlock asks for a stack, for `bare_rattler.py`."""
    stack = load_stack(str(stack_path))
    pins = DiskPins(stack_path.parent / "pins", cache)
    digest = pins.assigned(stack.name)
    assert digest
    solver = RattlerSolver()
    rows = []
    for platform in stack.platforms:
        pin = pins.open(digest, platform.subdirs)
        wanted: Mapping[str, str] = {}
        if needs_pin(stack, platform):
            wanted = builds_to_consult(stack, platform, solver.names(pin, platform))
        view = View(
            stack=stack,
            platform=platform,
            origin=pin.pin.origin,
            digest=digest,
            asked=pin.pin.asked,
            records=solver.candidates(pin, platform, wanted),
            admits=solver.admits,
        )
        question = frame_question(view)
        opened = {(part.part.channel, part.part.subdir): part.path for part in pin.parts}
        rows.append(plain(question, opened))
    target.write_text(json.dumps(rows), "utf-8")
    return target


def plain(question: Question, opened: Mapping[tuple[str, str], str]) -> Mapping[str, object]:
    """Return a question as plain data."""
    places = [
        (channel, subdir) for channel in question.channels for subdir in question.platform.subdirs
    ]
    return {
        "repodata": [[*place, opened[place]] for place in places],
        "specs": [ask.spec for ask in question.asks],
        "constraints": [ask.spec for ask in question.constraints],
        "virtual": [[item.name, item.version, item.build] for item in question.virtual_packages],
    }


def make_synthetic(folder: Path, cache: Path) -> Path:
    """Write a stack over a channel of 300,000 records: 3,000 names, 100 builds each, 120 MB."""
    records: dict[str, dict[str, object]] = {}
    for name in range(SYNTHETIC_RECORDS // 100):
        for build in range(100):
            add(records, f"p{name:05}", f"{build // 10}.{build % 10}", [
                f"p{other:05} >=0.{build % 5}" for other in range(name + 1, min(name + 40, 3000), 7)
            ])  # fmt: skip
    add(records, "python", "3.11.9", [])
    content = format_repodata("linux-64", records)
    empty = format_repodata("noarch", {})
    url = channel_url("conda-forge")
    parts = (
        describe_part(url, "linux-64", content, len(records)),
        describe_part(url, "noarch", empty, 0),
    )
    pins = DiskPins(folder / "pins", cache)
    pins_module._COMPRESSION_LEVEL = 1  # noqa: SLF001 - level 19 takes a minute and changes nothing
    pin = Pin(origin=Origin.OBSERVED, as_of="2026-01-01T00:00:00Z", parts=parts)
    digest = pins.keep(pin, {(url, "linux-64"): content, (url, "noarch"): empty})
    pins.assign("synthetic", digest)
    path = folder / "synthetic.toml"
    path.write_text(SYNTHETIC_STACK, "utf-8")
    print(f"synthetic channel: {len(records):,} records, {len(content) / 1e6:.0f} MB", flush=True)
    return path


def add(records: dict[str, dict[str, object]], name: str, version: str, depends: list[str]) -> None:
    """Add one record of plausible size."""
    file_name = f"{name}-{version}-h0123456_0.conda"
    records[file_name] = {
        "name": name,
        "version": version,
        "build": "h0123456_0",
        "build_number": 0,
        "depends": [*depends, "python >=3.11,<3.12.0a0"] if name != "python" else [],
        "constrains": [],
        "license": "BSD-3-Clause",
        "md5": "0123456789abcdef0123456789abcdef",
        "sha256": f"{len(records):064x}",
        "size": 100_000,
        "subdir": "linux-64",
        "timestamp": 1_700_000_000_000,
    }


def main() -> None:
    """Run every comparison."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as name:
        measure(Path(name), runs)
    sys.stdout.flush()
    os._exit(0)


def measure(folder: Path, runs: int) -> None:
    """Copy the stacks, so that nothing here is changed, and time everything."""
    stacks = folder / "stacks"
    shutil.copytree(ROOT / "stacks", stacks)
    cache = folder / "cache"
    environment = {
        **{k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"},
        "ENVLOCK_CACHE": str(cache),
    }
    settings = {"environment": environment, "folder": folder, "runs": runs}
    flagship = stacks / "torch-cu121.toml"
    python = sys.executable
    question = write_question(flagship, cache, folder / "flagship.json")
    print(f"{'':<46} {'envlock':>11}  {'other':>11}", flush=True)
    compare(
        "flagship solve : bare py-rattler, same question",
        [ENVLOCK, "solve", "-q", str(flagship)],
        [python, str(BARE), str(question)],
        1.15,
        **settings,
    )
    compare(
        "the same : bare py-rattler, one after the other",
        [ENVLOCK, "solve", "-q", str(flagship)],
        [python, str(BARE), str(question), "--in-turn"],
        1.15,
        **settings,
    )
    synthetic = make_synthetic(folder, cache)
    synthetic_question = write_question(synthetic, cache, folder / "synthetic.json")
    compare(
        "300,000 records : bare py-rattler",
        [ENVLOCK, "solve", "-q", str(synthetic)],
        [python, str(BARE), str(synthetic_question)],
        1.15,
        **settings,
    )
    three, one = stacks / "workbench.toml", stacks / "one.toml"
    text = three.read_text("utf-8")
    one.write_text(text.replace('["linux-64", "osx-arm64", "win-64"]', '["linux-64"]'), "utf-8")
    compare(
        "workbench, 3 platforms : 1 platform",
        [ENVLOCK, "solve", "-q", str(three)],
        [ENVLOCK, "solve", "-q", str(one)],
        2.0,
        **settings,
    )
    project = folder / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(UV_PROJECT, "utf-8")
    uv = shutil.which("uv") or "uv"
    try:
        subprocess.run([uv, "lock", "-q"], cwd=project, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"solve --check : uv lock --check                not run: {error}")
    else:
        packages = (project / "uv.lock").read_text("utf-8").count("[[package]]")
        compare(
            f"solve --check : uv lock --check ({packages} packages)",
            [ENVLOCK, "solve", "--check", str(flagship)],
            [uv, "lock", "--check", "--project", str(project)],
            4.0,
            **settings,
        )
    compare(
        "envlock --version : python -I -c pass",
        [ENVLOCK, "--version"],
        [python, "-I", "-c", "pass"],
        2.5,
        **settings,
    )


if __name__ == "__main__":
    main()
