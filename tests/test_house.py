"""The house itself: types, style, format and the direction of imports. One command checks all."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sysconfig.get_path("scripts")


def run_tool(*command: str) -> None:
    program = shutil.which(command[0], path=SCRIPTS)
    if program is None:
        pytest.skip(f"{command[0]} is not installed: `pip install '.[dev]'` brings it")
    finished = subprocess.run(
        [program, *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_types_hold_in_strict_mode():
    run_tool("mypy", "--no-error-summary")


def test_style_holds():
    run_tool("ruff", "check", "--quiet", ".")


def test_format_holds():
    run_tool("ruff", "format", "--check", "--quiet", ".")


def test_imports_point_down_and_foreign_types_stop_at_their_door():
    run_tool("lint-imports")


DOORS = {
    "rattler": ("backends/rattler",),
    "conda_lock": ("backends/conda_lock",),
    "pynvml": ("backends/pynvml",),
    "yaml": ("formats/yaml_text", "backends/conda_lock"),
    "yaml_rs": ("formats/readers/yaml_plain",),
    "uv": ("backends/uv_resolver", "backends/pypi_builds"),
    "requests": ("backends/pypi_", "backends/artifact_http"),
    "installer": ("backends/link_wheel", "backends/unpack_wheel"),
    "pypi_simple": ("backends/pypi_",),
    "remotezip": ("backends/pypi_",),
    "cryptography": ("backends/signing",),
    "fsspec": ("backends/depot_remote",),
    "rattler_build": ("backends/recipe_builder",),
}


@pytest.mark.parametrize("library", DOORS)
def test_a_foreign_library_is_imported_behind_its_own_door_only(library: str):
    importers = {
        path.relative_to(ROOT / "envlock").as_posix()
        for path in (ROOT / "envlock").rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if re.match(rf"(?:import {library}\b|from {library}[ .])", line.strip())
    }

    assert importers
    assert all(name.startswith(DOORS[library]) for name in importers), importers


def test_no_file_grows_past_one_sitting():
    long = {
        path.relative_to(ROOT).as_posix(): count
        for path in (ROOT / "envlock").rglob("*.py")
        if (count := len(path.read_text("utf-8").splitlines())) > 500
    }

    assert long == {}


def test_the_installed_package_carries_its_data():
    """The fact tables and the type marker travel with the wheel."""
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlib.resources import files as f;"
            "tables = [p for p in (f('envlock.compat') / 'facts').iterdir()];"
            "print((f('envlock') / 'py.typed').is_file(),"
            "sum(p.name.endswith('.toml') for p in tables))",
        ],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )

    marker, tables = found.stdout.split()
    assert marker == "True"
    assert int(tables) >= 5
