"""The machine's own Pythons, asked what they are."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from envlock.backends.interpreters import HostInterpreters
from envlock.errors import WorldError

HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"


def test_a_python_says_what_it_is():
    found = HostInterpreters({}).find(sys.executable, HERE)

    assert found.executable == str(Path(sys.executable).resolve())
    assert found.version == ".".join(map(str, sys.version_info[:3]))
    assert found.implementation == "cpython"
    assert found.abi.count(sys.implementation.cache_tag or "") == 1
    assert len(found.sha256) == 64


def test_a_python_of_another_version_is_refused_with_what_was_found():
    with pytest.raises(WorldError) as refused:
        HostInterpreters({}).find(sys.executable, "3.7")

    assert str(refused.value) == (
        "the lock is for CPython 3.7, and this machine has none: "
        f"{sys.executable} is cpython {'.'.join(map(str, sys.version_info[:3]))}\n"
        "Nothing was built."
    )
    assert refused.value.hints[0].startswith("install Python 3.7 and put it on PATH")


def test_what_does_not_run_is_named(tmp_path: Path):
    broken = tmp_path / "python3.11"
    broken.write_text("#!/bin/sh\nexit 3\n", "utf-8")
    broken.chmod(0o755)

    with pytest.raises(WorldError, match=f"has none: {broken} does not run\n"):
        HostInterpreters({"PATH": str(tmp_path)}).find("host", "3.11")


def test_a_machine_without_any_is_told_as_one(tmp_path: Path):
    with pytest.raises(WorldError, match="this machine has none: none on PATH\n"):
        HostInterpreters({"PATH": str(tmp_path)}).find("host", "3.11")
