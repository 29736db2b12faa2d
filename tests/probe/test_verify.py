"""The probe as a whole, around a framework that is none: it prints, breaks and comes to NaN."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from envlock.model.probe import (
    BrokeLine,
    FinishedLine,
    FrameworkLine,
    LibrariesLine,
    NumbersLine,
    StartedLine,
)
from probing import FOLDER, of_kind, read_lines, run_script

NOISY = """
import ctypes, os, sys
print("imported, by print")
os.write(1, b"imported, on descriptor 1\\n")
sys.stdout.write("{\\"kind\\": \\"finished\\", \\"seconds\\": {}}\\n")
os.system("echo imported, by a child")
ctypes.CDLL(None).puts(b"imported, by C")

class Checks:
    def describe(self):
        print("described")
        return {"version": "1.0"}
    def operate(self, operation, precision):
        return {"device": "cpu", "relative_error": float("nan")}
    def add_up(self):
        raise RuntimeError("NCCL error")
    def compile(self):
        raise SystemError("no compiler")

def load(device, seed, threads):
    return Checks()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the probe, with a framework of its own called `noisy`."""
    copied = tmp_path / "probe"
    shutil.copytree(FOLDER, copied)
    (copied / "noisy_checks.py").write_text(NOISY, "utf-8")
    return copied


def ask(folder: Path, **asked: Any) -> subprocess.CompletedProcess[str]:
    return run_script(folder / "verify.py", json.dumps(asked))


def test_what_a_framework_prints_is_never_a_line(folder: Path):
    done = ask(folder, framework="noisy", level="smoke", device="cpu")

    lines = read_lines(done.stdout)
    assert done.returncode == 0
    assert "imported" not in done.stdout
    for said in ("by print", "on descriptor 1", "by a child", "by C", "described"):
        assert said in done.stderr
    assert [type(line) for line in lines] == [
        StartedLine,
        FrameworkLine,
        BrokeLine,
        LibrariesLine,
        FinishedLine,
    ]


def test_a_number_that_is_none_breaks_its_check(folder: Path):
    done = ask(folder, framework="noisy", level="smoke", device="cpu")

    lines = read_lines(done.stdout)
    assert of_kind(lines, NumbersLine) == []
    assert of_kind(lines, BrokeLine) == [
        BrokeLine(
            check="numbers.matmul.float32",
            error="NotANumberError: relative_error came to nan",
        )
    ]


def test_every_check_that_breaks_is_told_and_the_probe_finishes(folder: Path):
    controls = ["wrong-gradient", "shuffled-labels"]
    done = ask(
        folder, framework="noisy", level="full", device="gpu", compiled=True, controls=controls
    )

    lines = read_lines(done.stdout)
    checks = [line.check for line in of_kind(lines, BrokeLine)]
    assert checks[:2] == ["numbers.matmul.float32", "numbers.matmul.tf32"]
    assert {"gradients", "training.rnn", "repeat.rnn", "speed.copy", "collectives"} <= set(checks)
    assert {"control.wrong-gradient", "control.shuffled-labels", "compiler"} <= set(checks)
    assert set(checks) <= set(lines[-1].seconds)  # type: ignore[union-attr]


def test_a_framework_that_is_not_there_is_said_to_be_missing():
    done = ask(FOLDER, framework="no_such", level="train", device="cpu")

    started, broke, libraries, finished = read_lines(done.stdout)
    assert done.returncode == 0
    assert isinstance(broke, BrokeLine)
    assert broke.check == "import"
    assert broke.error.startswith("ModuleNotFoundError: No module named ")
    assert isinstance(started, StartedLine)
    assert started.python == "{}.{}.{}".format(*sys.version_info)
    assert started.threads >= 1
    assert isinstance(libraries, LibrariesLine)
    assert isinstance(finished, FinishedLine)


def test_the_probe_writes_nothing_beside_itself(folder: Path):
    before = sorted(path.name for path in folder.rglob("*"))

    ask(folder, framework="noisy", level="smoke", device="cpu")

    assert sorted(path.name for path in folder.rglob("*")) == before


def test_the_standard_library_is_not_hidden_by_a_module_of_the_probe(folder: Path):
    """`numbers` is one of both; a framework that imports it must get Python's."""
    (folder / "noisy_checks.py").write_text(
        NOISY + "import numbers; assert numbers.Number\n", "utf-8"
    )

    done = ask(folder, framework="noisy", level="smoke", device="cpu")

    assert of_kind(read_lines(done.stdout), FrameworkLine)


def test_frameworks_are_listed_without_importing_them(tmp_path: Path):
    done = run_script(FOLDER / "list_frameworks.py", "")

    assert done.returncode == 0, done.stderr
    assert set(json.loads(done.stdout)) <= {"pytorch", "tensorflow", "jax"}


def test_every_file_of_the_probe_is_python_3_8():
    import ast  # noqa: PLC0415

    for path in FOLDER.glob("*.py"):
        ast.parse(path.read_text("utf-8"), feature_version=(3, 8))


def test_an_environment_that_is_named_through_a_link_tells_its_real_place(tmp_path: Path):
    real, link = tmp_path / "real", tmp_path / "link"
    (real / "bin").mkdir(parents=True)
    base = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    (real / "bin" / "python").symlink_to(base)
    (real / "pyvenv.cfg").write_text(f"home = {base.parent}\n")
    link.symlink_to(real)

    asked = json.dumps({"framework": "none", "level": "smoke", "device": "cpu"})
    done = run_script(FOLDER / "verify.py", asked, str(link / "bin" / "python"))

    (started,) = of_kind(read_lines(done.stdout), StartedLine)
    assert started.prefix == str(real.resolve())
