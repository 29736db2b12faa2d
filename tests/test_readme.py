"""What the README says can be done is done here."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from envlock.cli.main import COMMANDS, main
from envlock.formats.stack_toml import read_stack

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_first_command_solves_the_flagship_after_installing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    first = blocks("console")[0].removeprefix("$ ").strip()
    *install, solve = first.split(" && ")
    assert install == ["python3 -m venv .venv", ". .venv/bin/activate", "pip install ."]
    shutil.copytree(ROOT / "stacks", tmp_path / "stacks")
    lock = tmp_path / "stacks" / "torch-cu121.conda-lock.yml"
    committed = lock.read_bytes()
    lock.unlink()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ENVLOCK_CACHE", str(tmp_path / "cache"))

    assert main(solve.split()[1:]) == 0

    assert lock.read_bytes() == committed


def test_the_second_command_is_what_ci_runs():
    second = blocks("console")[1].removeprefix("$ ").strip()
    assert second == "pip install '.[dev]' && pytest"
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert "pip install --quiet '.[dev]'\npytest\n" in script


def test_the_example_stack_is_a_stack():
    example, private_index = blocks("toml")

    stack = read_stack((example + private_index).encode(), "README.md")

    assert stack.name == "vision"
    assert [index.name for index in stack.pypi_indexes] == ["private"]
    assert stack.sdists == ("our-model",)


def test_every_command_is_in_the_readme_and_has_help(capsys: pytest.CaptureFixture[str]):
    for command in COMMANDS:
        assert re.search(rf"`(envlock )?{command}\b", README), command
        assert main([command, "--help"]) == 0
        assert f"usage: envlock {command}" in capsys.readouterr().out


def test_every_stack_that_ships_is_in_the_readme():
    for stack in (ROOT / "stacks").glob("*.toml"):
        assert f"`{stack.stem}`" in README
