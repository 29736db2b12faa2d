"""The machine's own Pythons: found, asked what they are, and recorded.

An environment on such a Python is not hermetic. What is recorded here makes a change visible; it
does not make the interpreter part of the store.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from hashlib import file_digest
from importlib import resources
from pathlib import Path

from envlock.errors import WorldError
from envlock.model.store import Interpreter

_LIMIT_SECONDS = 30.0
HOST = "host"


class HostInterpreters:
    """Looks along `PATH`. Implements `ports.store.Interpreters`."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def find(self, wanted: str, version: str) -> Interpreter:
        """Return the machine's Python of a version such as `3.11`.

        `wanted` is `host`, or the path of a Python. Raises `WorldError` when there is none.
        """
        found: list[str] = []
        for place in self._places(version) if wanted == HOST else [wanted]:
            interpreter = _describe(place)
            if interpreter is None:
                found.append(f"{place} does not run")
            elif _minor(interpreter) == version and interpreter.implementation == "cpython":
                return interpreter
            else:
                kind = interpreter.implementation
                found.append(f"{place} is {kind} {interpreter.version}")
        listed = "; ".join(dict.fromkeys(found)) or "none on PATH"
        raise WorldError(
            f"the lock is for CPython {version}, and this machine has none: {listed}\n"
            "Nothing was built.",
            hints=[
                f"install Python {version} and put it on PATH, or name it: `--python /path/python`",
                "or leave `--python` away: then the lock's own Python is used",
            ],
        )

    def _places(self, version: str) -> Iterator[str]:
        path = self._environment.get("PATH", os.defpath)
        for name in (f"python{version}", "python3", "python"):
            place = shutil.which(name, path=path)
            if place:
                yield place


def _minor(interpreter: Interpreter) -> str:
    return ".".join(interpreter.version.split(".")[:2])


def _describe(place: str) -> Interpreter | None:
    script = resources.files("envlock.probe").joinpath("describe_python.py").read_text("utf-8")
    try:
        done = subprocess.run(  # noqa: S603 - the Python that the user or PATH names
            [place, "-I", "-S", "-c", script],
            capture_output=True,
            check=True,
            timeout=_LIMIT_SECONDS,
        )
        told = json.loads(done.stdout)
        return Interpreter(
            executable=str(told["executable"]),
            sha256=_digest(told["executable"]),
            version=str(told["version"]),
            implementation=str(told["implementation"]),
            abi=str(told["abi"]),
            library=str(told["library"]),
            library_sha256=_digest(told["library"]) if told["library"] else "",
        )
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return None


def _digest(path: str) -> str:
    with Path(path).open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
