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

_DIGEST_AT = 8
_DIGEST_BYTES = 8

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


def remove_bytecode(place: str) -> None:
    """Remove the bytecode of a source."""
    for path in bytecode_of(place):
        os.unlink(path)


def forget_digest(place: str) -> None:
    """Put zeros where the bytecode of a source has the source's digest, which nobody looks at.

    Where Nix builds a path a second time it may do so under another one, and put the right one in
    its place afterwards: so nothing in an environment may be made of the prefix but the prefix.
    """
    for path in bytecode_of(place):
        with open(path, "r+b") as file:
            file.seek(_DIGEST_AT)
            file.write(bytes(_DIGEST_BYTES))


def bytecode_of(place: str) -> List[str]:
    """Return where the bytecode of a source lies."""
    folder, name = os.path.split(place)
    cache = os.path.join(folder, "__pycache__")
    return [
        os.path.join(cache, file)
        for file in (sorted(os.listdir(cache)) if os.path.isdir(cache) else ())
        if file.startswith(name[:-3] + ".cpython-") and file.endswith(".pyc")
    ]
