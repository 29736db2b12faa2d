"""How long the PyPI half takes, as ratios: every pair is timed in turn, in one run.

usage: python benchmarks/pypi_half.py [--runs N] [--without-conda-lock]

One stack's PyPI half (torch 2.4.1, torchvision, tensorboard; 34 distributions on linux-64) is
recorded once over the live package index and then resolved from the recording; beside it run

- the recording itself, made anew over the live index without a cache of ours,
- `uv pip compile` over the live index with its own warm cache, the same offline, and without any
  cache,
- conda-lock's pip solver in a fresh process, over the same index; its cache is warm as well.

The network's speed is in the live figures and not in ours: read what is compared with what. Needs
`pip install '.[dev]'` and the package index.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pypi_simple
import uv
import zstandard

from envlock.backends.pypi_indexes import LiveIndexes
from envlock.backends.uv_resolver import UvResolver
from envlock.cli.wiring import utc_now
from envlock.model.platform import Platform
from envlock.model.pypi import PypiAnswer, PypiAsk, PypiQuestion
from envlock.model.stack import DEFAULT_INDEX, Where
from envlock.ports.pypi import IndexSource

REQUIREMENTS = ("torch==2.4.1", "torchvision", "tensorboard")
PYTHON = "3.11.9"
MINORS = ("3.11",)
OURS = "envlock, from the recording"
CONDA_LOCK = """
import json, sys, tempfile, warnings
warnings.simplefilter("ignore")
from conda_lock.models.lock_spec import VersionedDependency
from conda_lock.models.pip_repository import PipRepository
from conda_lock.pypi_solver import solve_pypi
index, python, *requirements = sys.argv[1:]
mapping = tempfile.NamedTemporaryFile("w", suffix=".json", delete=False)
mapping.write("{}")
mapping.close()
specs = {}
for item in requirements:
    name, _, version = item.partition("==")
    version = f"=={version}" if version else ""
    specs[name] = VersionedDependency(name=name, version=version, manager="pip")
found = solve_pypi(
    pip_specs=specs, use_latest=[], pip_locked={}, conda_locked={}, python_version=python,
    platform="linux-64", mapping_url=f"file://{mapping.name}",
    pip_repositories=[PipRepository.from_string(index)], allow_pypi_requests=False,
)
print(len(found))
"""


def question(as_of: str) -> PypiQuestion:
    """Return what is asked of every contender."""
    where = Where(file="benchmark", key="pypi-dependencies")
    asks = (
        PypiAsk(name=item.partition("==")[0], requirement=item, wish=item, where=where)
        for item in REQUIREMENTS
    )
    return PypiQuestion(
        platform=Platform.LINUX_64,
        python=PYTHON,
        glibc="2.28",
        macos=None,
        asks=tuple(asks),
        constraints=(),
        fixed=(),
        as_of=as_of,
    )


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that some work takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def uv_compile(folder: Path, as_of: str, *cache: str) -> None:
    """Resolve with uv alone, over its own index."""
    (folder / "asks.in").write_text("\n".join(REQUIREMENTS) + "\n", "utf-8")
    subprocess.run(
        [
            *(uv.find_uv_bin(), "pip", "compile", "asks.in", "--quiet", "--no-config"),
            *("--no-build", "--format", "pylock.toml", "--output-file", "pylock.uv.toml"),
            *("--upgrade", "--exclude-newer", as_of, "--python", sys.executable),
            *("--python-version", PYTHON, "--python-platform", "x86_64-manylinux_2_28", *cache),
        ],
        cwd=folder,
        check=True,
    )


def conda_lock() -> None:
    """Resolve with conda-lock's own pip solver, in a process of its own."""
    index = pypi_simple.PYPI_SIMPLE_ENDPOINT
    subprocess.run(
        [sys.executable, "-c", CONDA_LOCK, index, PYTHON, *REQUIREMENTS],
        check=True,
        capture_output=True,
    )


def main() -> None:
    """Record once, then time every contender in turn and print the medians and their ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--without-conda-lock", action="store_true")
    arguments = parser.parse_args()
    as_of, resolver = utc_now(), UvResolver()
    asked = question(as_of)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        indexes = LiveIndexes(base=folder, cache=folder / "cache", environment={})
        default = IndexSource(name=DEFAULT_INDEX, url="", location="")
        recorder = indexes.live((default,), as_of, (), MINORS)
        record = timed(lambda: resolver.resolve(recorder, asked, {}))
        recording = recorder.recording(resolver.identity, as_of)
        packed = len(zstandard.ZstdCompressor(level=19).compress(recording))
        answer = resolver.resolve(indexes.replay(recording).source, asked, {})
        assert isinstance(answer, PypiAnswer)
        print(
            f"recorded in {record:.1f} s: {len(answer.distributions)} distributions, "
            f"{len(recording):,} bytes, {packed:,} packed"
        )

        def replay() -> None:
            resolver.resolve(indexes.replay(recording).source, asked, {})

        def live() -> None:
            cache = folder / f"cache-{time.perf_counter_ns()}"
            fresh = LiveIndexes(base=folder, cache=cache, environment={})
            resolver.resolve(fresh.live((default,), as_of, (), MINORS), asked, {})

        warm = ("--cache-dir", str(folder / "uv"))
        contenders: dict[str, Callable[[], object]] = {
            OURS: replay,
            "envlock, recording anew": live,
            "uv, warm cache": lambda: uv_compile(folder, as_of, *warm),
            "uv, warm cache, offline": lambda: uv_compile(folder, as_of, *warm, "--offline"),
            "uv, no cache": lambda: uv_compile(folder, as_of, "--no-cache"),
        }
        if not arguments.without_conda_lock:
            contenders["conda-lock's pip solver"] = conda_lock
        times: dict[str, list[float]] = {key: [] for key in contenders}
        for run in range(arguments.runs + 1):
            for key, work in contenders.items():
                seconds = timed(work)
                if run:  # the first one warms the caches
                    times[key].append(seconds)
    medians = {key: statistics.median(values) for key, values in times.items()}
    for key, value in medians.items():
        print(f"{key:30} {value * 1000:8.0f} ms   recording : this = {medians[OURS] / value:.2f}")
    print(json.dumps(medians))


if __name__ == "__main__":
    main()
