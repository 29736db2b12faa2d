"""Bytecode, compiled once per artifact and Python, by the Python that will run it.

Compiling torch takes longer than linking it a hundred times, and importing it without bytecode
takes half a minute. So bytecode is a tree of its own beside the unpacked artifact, and is linked as
the sources are. It holds no prefix: a code object's file name is put right when it is imported.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from pathlib import Path

from envlock.errors import ArchiveError, WorldError

_BATCH = 150
"""Sources per process: enough to forget the start of Python, few enough to share the work."""
WORKERS = os.cpu_count() or 1
_TURNS = threading.BoundedSemaphore(WORKERS)
"""So many Pythons at once, however many trees are compiled."""
_LIMIT_SECONDS = 1200.0
_ENVIRONMENT = {"PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}
_SHOWN = 800
_DISK_REFUSED = 4
"""What the script leaves with, as envlock itself does."""


def compile_sources(python: Path, root: Path, sources: Iterable[str], target: Path) -> None:
    """Compile files of a tree into the same places of another.

    `sources` are paths relative to `root`; the bytecode of `a/b.py` comes to lie at
    `target/a/__pycache__/b.<tag>.pyc`. Raises `WorldError` when that Python does not run.
    """
    wanted = [
        (str(root / path), path, str((target / path).parent))
        for path in sorted(sources)
        if path.endswith(".py")
    ]
    with ThreadPoolExecutor(WORKERS) as pool:
        starts = range(0, len(wanted), _BATCH)
        for _ in pool.map(lambda start: _run(python, wanted[start : start + _BATCH]), starts):
            pass


def _run(python: Path, batch: Sequence[tuple[str, str, str]]) -> None:
    script = resources.files("envlock.probe").joinpath("compile_sources.py").read_text("utf-8")
    try:
        with _TURNS:
            done = _start(python, script, batch)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WorldError(
            f"the environment's Python does not run: {error}\nNothing was installed."
        ) from error
    if done.returncode == _DISK_REFUSED:
        raise WorldError(
            f"bytecode cannot be written: {done.stderr.strip()}\nNothing was installed.",
            hints=["free space (`envlock gc`), then run it again"],
        )
    if done.returncode != 0:
        said = done.stderr.strip()[-_SHOWN:]
        raise ArchiveError(
            f"the environment's Python cannot compile: exit status {done.returncode}\n"
            f"  {said}\nNothing was installed.",
            hints=["is the lock for this machine? `envlock doctor` tells its platform and glibc"],
        )


def _start(
    python: Path, script: str, batch: Sequence[tuple[str, str, str]]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - the environment's own Python, named in full
        [str(python), "-s", "-S", "-B", "-c", script],
        input=json.dumps(batch),
        capture_output=True,
        check=False,
        cwd="/",
        encoding="utf-8",
        env=_ENVIRONMENT,
        timeout=_LIMIT_SECONDS,
    )
