"""Stacks of wheels on the machine's own Python: built, imported, and said to be not hermetic."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pypi_simple
import pytest
import requests

from conda_house import CondaHouse
from envlock.backends.store_trees import sweep
from envlock.formats.stack_toml import read_stack

pytestmark = pytest.mark.index

ROOT = Path(__file__).parents[2]
COUNT = int(os.environ.get("ENVLOCK_FRAMEWORKS_COUNT", "0"))
"""How many of the frameworks are built here: minutes and gigabytes each."""
CPU_WHEELS = Path(os.environ.get("PIP_FIND_LINKS") or "no-such-folder")
"""Where a machine without the index of CPU builds may have one of them, as pip is told."""
FRAMEWORKS = ("torch-cpu", "tf-cpu")
COMPUTE = {
    "torch-cpu": "import torch; print(torch.ones(9).sum().item())",
    "tf-cpu": "import tensorflow as tf; print(float(tf.reduce_sum(tf.ones(9))))",
}


@pytest.fixture(scope="session", autouse=True)
def _index() -> None:
    try:
        requests.head(pypi_simple.PYPI_SIMPLE_ENDPOINT, timeout=10)
    except requests.RequestException as error:
        pytest.skip(f"the package index cannot be reached: {type(error).__name__}")


@pytest.fixture
def house() -> Iterator[CondaHouse]:
    folder = Path(tempfile.mkdtemp(prefix="e"))
    shutil.copytree(ROOT / "stacks", folder / "w", ignore=shutil.ignore_patterns("pypi"))
    stack = read_stack((folder / "w" / "torch-cpu.toml").read_bytes(), "torch-cpu.toml")
    (index,) = stack.pypi_indexes
    near = {"ENVLOCK_MIRRORS": f"{index.url}={CPU_WHEELS.absolute().as_uri()}"}
    yield CondaHouse(folder=folder / "w", home=folder / "h", environment=near)
    sweep(folder)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_stack_of_wheels_computes_on_the_machines_python(house: CondaHouse, name: str):
    if FRAMEWORKS.index(name) >= COUNT:
        pytest.skip(f"ENVLOCK_FRAMEWORKS_COUNT={len(FRAMEWORKS)} builds {name} too")
    if sys.version_info[:2] != (3, 11):
        pytest.skip("the stack is for Python 3.11")
    if name == "torch-cpu" and not list(CPU_WHEELS.glob("torch-*")):
        pytest.skip("no CPU build of torch lies here")
    mirror = [f"--mirror=pytorch-cpu={CPU_WHEELS}"] if name == "torch-cpu" else []
    house.succeed("index", "record", "-q", f"{name}.toml", *mirror)
    house.succeed("solve", "-q", f"{name}.toml")

    done = house.run("build", "--python", sys.executable, f"{name}.toml")

    prefix = done.stdout.strip()
    assert done.returncode == 0, done.stderr
    assert "note: not hermetic: it runs on this machine's Python 3.11." in done.stderr
    computed = subprocess.run(
        [f"{prefix}/bin/python", "-c", COMPUTE[name]],
        env={},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert computed.stdout == "9.0\n", computed.stderr
    trained = house.run("verify", "--python", sys.executable, f"{name}.toml", "--device", "cpu")
    assert trained.returncode == 0, trained.stdout + trained.stderr
    on_gpu = ("--device", "gpu", "--level", "smoke")
    unproven = house.run("verify", "--python", sys.executable, f"{name}.toml", *on_gpu)
    assert unproven.returncode == 4, unproven.stdout + unproven.stderr
    assert ".devices: no NVIDIA driver\n" in unproven.stdout
