"""What the README says can be done is done here."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from pathlib import Path

import pytest
import yaml

from envlock.audit.rules import all_rules
from envlock.cli.main import COMMANDS, main
from envlock.formats.audit_policy import read_policy
from envlock.formats.stack_toml import read_stack
from envlock.workflows.audit_policy import rule_words

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


def test_the_audit_says_of_the_example_what_the_readme_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    command, shown = blocks("console")[2].split("\n", 1)
    monkeypatch.chdir(tmp_path)
    Path("Dockerfile").write_text(blocks("dockerfile")[0], "utf-8")

    assert command == "$ envlock audit Dockerfile"
    assert main(command.split()[2:]) == 1

    assert capsys.readouterr().out.startswith(f"{shown}Not looked at: ")


def test_links_within_the_readme_lead_somewhere():
    titles = re.findall(r"^#+ (.+)$", README, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}
    links = re.findall(r"\]\(#([^)]*)\)", README)

    assert links
    assert set(links) <= anchors


def test_the_commands_after_an_import_are_those_that_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    first, *then = blocks("console")[3].removeprefix("$ ").rstrip().split("\n$ ")
    monkeypatch.chdir(tmp_path)
    Path("Dockerfile").write_text(blocks("dockerfile")[0], "utf-8")

    assert main(first.split()[1:]) == 0

    hint = capsys.readouterr().err.splitlines()[-1]
    assert re.findall(r"`(.*?)`", hint) == then


def test_the_example_stack_is_a_stack():
    example, private_index, recipe, weights, _ = blocks("toml")

    stack = read_stack((example + private_index + recipe + weights).encode(), "README.md")

    assert stack.name == "vision"
    assert [index.name for index in stack.pypi_indexes] == ["private"]
    assert stack.sdists == ("our-model",)
    assert [each.name for each in stack.artifacts] == ["resnet50.safetensors"]
    assert [each.path for each in stack.recipes] == ["recipes/kernel"]


def test_the_policy_is_one():
    policy = read_policy(blocks("toml")[4].encode(), "pyproject.toml", rule_words(all_rules()))

    assert policy is not None
    assert policy.ignores[0].expires == "2027-06-30"
    assert policy.compute == ("8.0", "9.0")


def test_the_step_of_a_pipeline_runs_and_leaves_what_it_uploads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    audit, upload = yaml.safe_load(blocks("yaml")[0])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    Path("Dockerfile").write_text("FROM ubuntu:latest\n", "utf-8")

    program, *words = shlex.split(os.path.expandvars(audit["run"]))

    assert program == "envlock"
    assert main(words) == 1
    assert "Failed: " in capsys.readouterr().out
    assert Path("summary.md").read_text("utf-8").startswith("## ❌ envlock audit: failed")
    sarif = Path(upload["with"]["sarif_file"])
    assert json.loads(sarif.read_text("utf-8"))["version"] == "2.1.0"


def test_the_hook_of_the_readme_is_the_one_that_there_is():
    (repository,) = yaml.safe_load(blocks("yaml")[1])["repos"]
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))

    assert [each["id"] for each in repository["hooks"]] == [hook["id"]]


def test_every_command_is_in_the_readme_and_has_help(capsys: pytest.CaptureFixture[str]):
    for command in COMMANDS:
        assert re.search(rf"`(envlock )?{command}\b", README), command
        assert main([command, "--help"]) == 0
        assert f"usage: envlock {command}" in capsys.readouterr().out


def test_every_stack_that_ships_is_in_the_readme():
    for stack in (ROOT / "stacks").glob("*.toml"):
        assert f"`{stack.stem}`" in README
