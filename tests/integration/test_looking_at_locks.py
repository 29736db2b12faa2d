"""`show`, `why` and `diff` as a person runs them: on the shipped locks and on those of the field.

The field's locks are not part of the repository: `ENVLOCK_SHARED_DATA` names a folder that holds
`lockfiles/`. Whatever lies there is answered or refused with a reason, and never a bug of ours.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from envlock.cli.main import main
from envlock.cli.why import _in_order

ROOT = Path(__file__).parents[2]
STACKS = sorted((ROOT / "stacks").glob("*.toml"))
LOCKED = [path for path in STACKS if path.with_suffix(".conda-lock.yml").exists()]
SHARED = os.environ.get("ENVLOCK_SHARED_DATA")
FIELD = sorted(Path(SHARED, "lockfiles").glob("*.*")) if SHARED else []


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENVLOCK_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(ROOT)


# --- the shipped locks ----------------------------------------------------------------------------


@pytest.mark.parametrize("stack", LOCKED, ids=lambda path: path.stem)
def test_a_shipped_lock_hangs_from_what_its_stack_asks_for(
    stack: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["show", "--json", str(stack)]) == 0

    told = json.loads(capsys.readouterr().out)
    inputs = json.loads(told["facts"]["envlock/inputs"])
    assert told["sizes_unknown_because"] is None
    for platform, content in told["platforms"].items():
        roots = {item["name"] for item in content["packages"] if item["is_root"]}
        text = json.dumps([key for key in inputs if not key.startswith("target.")] + [platform])
        assert content["repeated"] == []
        assert content["known_bytes"] > 0
        assert roots, platform
        assert all(root in text for root in roots - {"cuda-version", "jaxlib"}), (platform, roots)


def test_why_finds_the_line_of_the_flagships_stack(capsys: pytest.CaptureFixture[str]):
    status = main(["why", "libcublas", "stacks/torch-cu121.toml", "--platform", "linux-64"])

    assert status == 0
    assert (
        capsys.readouterr().out
        == """\
libcublas 12.1.0.26 on linux-64

  stacks/torch-cu121.toml:27: frameworks.pytorch asks for `pytorch 2.5.*`
    pytorch 2.5.1 needs `pytorch-cuda >=12.1,<12.2`
    pytorch-cuda 12.1 needs `libcublas >=12.1.0.26,<12.1.3.1`
  stacks/torch-cu121.toml:30: dependencies.torchvision asks for `torchvision`
    torchvision 0.20.1 needs `pytorch-cuda 12.1.*`
    pytorch-cuda 12.1 needs `libcublas >=12.1.0.26,<12.1.3.1`
"""
    )


def test_why_takes_its_two_arguments_in_either_order(capsys: pytest.CaptureFixture[str]):
    lock = "stacks/torch-cu121.conda-lock.yml"
    told = []
    for arguments in (["numpy", lock], [lock, "numpy"], ["stacks/torch-cu121.toml", "numpy"]):
        assert main(["why", *arguments]) == 0
        told.append(capsys.readouterr().out)

    assert told[0] == told[1] == told[2]


@pytest.mark.parametrize(
    ("first", "second"), [("ruamel.yaml", "a.toml"), ("a.toml", "ruamel.yaml"), ("numpy", "no.yml")]
)
def test_the_lock_is_the_argument_that_looks_more_like_a_file(
    first: str, second: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    for name in ("a.toml", "numpy"):
        Path(name).touch()

    package, _ = _in_order(first, second)

    assert package in {"ruamel.yaml", "numpy"}


def test_two_shipped_locks_differ_and_say_how_much(capsys: pytest.CaptureFixture[str]):
    arguments = ["stacks/torch-cu121.toml", "stacks/torch-cu129.toml", "--platform", "linux-64"]

    assert main(["diff", *arguments]) == 1

    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "stacks/torch-cu121.conda-lock.yml -> stacks/torch-cu129.conda-lock.yml"
    assert lines[1].endswith(" MB to download")
    assert 'inputs: gpu.cuda "12.1" -> "12.9"' in [" ".join(line.split()) for line in lines]


def test_a_name_that_is_not_locked_is_a_no_with_a_suggestion(
    capsys: pytest.CaptureFixture[str],
):
    assert main(["why", "jupyterlb", "stacks/torch-cu121.toml"]) == 1

    said = capsys.readouterr()
    assert said.out == "`jupyterlb` is not in stacks/torch-cu121.conda-lock.yml\n"
    assert said.err == "\nhint: did you mean `jupyterlab`?\n"


def test_show_says_on_stderr_what_it_left_out(capsys: pytest.CaptureFixture[str]):
    assert main(["show", "stacks/torch-cu121.toml", "--platform", "linux-64"]) == 0

    assert capsys.readouterr().err == (
        "note: listed 5 of 228: those asked for, and those that nothing else needs; "
        "`--all` lists every package, `--tree` what needs what\n"
    )


@pytest.mark.parametrize("command", ["show", "why numpy", "diff"])
def test_looking_at_a_lock_loads_neither_solver_nor_format_library(command: str):
    script = (
        "import sys; from envlock.cli.main import main;"
        f"main([*{command.split()!r}, 'stacks/jax-cu129.toml']);"
        "print(sorted({'rattler', 'conda_lock', 'tomlkit'} & set(sys.modules)))"
    )

    found = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )

    assert found.stdout.splitlines()[-1] == "[]"


# --- the locks of the field -----------------------------------------------------------------------


@pytest.mark.skipif(not FIELD, reason="ENVLOCK_SHARED_DATA is not set: no real lock files to read")
@pytest.mark.parametrize("path", FIELD, ids=lambda path: path.name[:40])
def test_a_lock_of_the_field_is_answered_or_refused_with_a_reason(
    path: Path, capsys: pytest.CaptureFixture[str]
):
    status = main(["show", str(path)])
    said = capsys.readouterr()

    if status != 0:
        assert status == 2
        assert said.err.startswith(f"error: {path}:")
        return
    for arguments in (
        ["show", "--tree", str(path)],
        ["show", "--json", str(path)],
        ["why", "python", str(path)],
        ["why", "__glibc", "--json", str(path)],
    ):
        assert main(arguments) in {0, 1}, arguments
    assert main(["diff", str(path), str(path)]) == 0
    said = capsys.readouterr()
    assert "error" not in said.err
    assert said.out.endswith(": no difference\n")
