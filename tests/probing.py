"""Runs the probe in a Python that has a framework, and reads its lines as the runner does."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest

import envlock.probe
from envlock.model.outcome import Level
from envlock.model.probe import BrokeLine, FinishedLine, ProbeLine, ProbeRequest

FOLDER = Path(envlock.probe.__file__).parent
MODULES = {"pytorch": "torch", "tensorflow": "tensorflow", "jax": "jax"}

L = TypeVar("L")


@cache
def find_python(framework: str) -> str:
    """A Python with the framework: as `ENVLOCK_TEST_<FRAMEWORK>` names it, else our own."""
    named = os.environ.get("ENVLOCK_TEST_" + framework.upper(), "")
    if named:
        return named
    return sys.executable if importlib.util.find_spec(MODULES[framework]) else ""


def need_python(framework: str) -> str:
    python = find_python(framework)
    if not python:
        variable = "ENVLOCK_TEST_" + framework.upper()
        pytest.skip(f"no Python with {framework}: install it, or name one in {variable}")
    return python


def run_script(
    script: Path, asked: str, python: str = sys.executable, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-I", "-B", str(script)],
        input=asked,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        cwd="/",
        env={**os.environ, **environment},
    )


def read_lines(text: str) -> list[ProbeLine]:
    return [msgspec.json.decode(line, type=ProbeLine) for line in text.splitlines()]


def probe(framework: str, level: Level, **more: Any) -> list[ProbeLine]:
    """Ask for one level on the CPU; the lines of a probe that finished and left with 0."""
    more = {"device": "cpu", "threads": 1, **more}
    asked = msgspec.json.encode(ProbeRequest(framework=framework, level=level, **more)).decode()
    done = run_script(FOLDER / "verify.py", asked, need_python(framework))
    assert done.returncode == 0, done.stderr
    lines = read_lines(done.stdout)
    assert isinstance(lines[-1], FinishedLine), done.stderr
    return lines


def of_kind(lines: list[ProbeLine], kind: type[L]) -> list[L]:
    return [line for line in lines if isinstance(line, kind)]


def broken(lines: list[ProbeLine]) -> list[str]:
    return [f"{line.check}: {line.error}" for line in of_kind(lines, BrokeLine)]


def run_code(framework: str, code: str) -> Any:
    """Run code in the framework's Python with the probe's folder as a package; it prints JSON."""
    load = (
        "import sys, json; sys.path.insert(0, sys.argv[1]); import importlib;"
        "verify = importlib.import_module('verify'); sys.path.pop(0); verify.load_folder();"
        "exec(sys.stdin.read())"
    )
    done = subprocess.run(
        [need_python(framework), "-I", "-B", "-c", load, str(FOLDER)],
        input=code,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
