"""Bytecode beside the sources, compiled as envlock's store compiles it, so that the bytes agree."""

from __future__ import annotations

import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import List, NamedTuple, Sequence

from .rewrite import LinkError

_BATCH = 150
"""Sources per process, as the store has it: what was compiled before changes what is shared."""
_ENVIRONMENT = {"PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}

Job = List[str]
"""A source, the file name that goes into its code, the folder that its bytecode goes beside."""


class Compiler(NamedTuple):
    """Runs the locked Python over sources."""

    command: Sequence[str]
    """What starts the Python."""
    script: str
    """Where `compile_sources.py` of envlock's probe lies."""
    workers: int

    def compile(self, groups: Sequence[Sequence[Job]]) -> None:
        """Compile groups of sources; no process takes sources of two groups."""
        batches = [
            group[start : start + _BATCH]
            for group in groups
            for start in range(0, len(group), _BATCH)
        ]
        with ThreadPoolExecutor(self.workers) as pool:
            for _ in pool.map(self._run, batches):
                pass

    def _run(self, batch: Sequence[Job]) -> None:
        with open(self.script, encoding="utf-8") as file:
            script = file.read()
        done = subprocess.run(
            [*self.command, "-s", "-S", "-B", "-c", script],
            input=json.dumps(batch).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=False,
            cwd="/",
            env=_ENVIRONMENT,
        )
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()[-800:]
            raise LinkError("the locked Python cannot compile: %s" % said)


def remove_shipped(place: str) -> None:
    """Remove the bytecode that a package has brought for a source."""
    folder, name = os.path.split(place)
    cache = os.path.join(folder, "__pycache__")
    for shipped in os.listdir(cache) if os.path.isdir(cache) else ():
        if shipped.startswith(name[:-3] + ".cpython-") and shipped.endswith(".pyc"):
            os.unlink(os.path.join(cache, shipped))
