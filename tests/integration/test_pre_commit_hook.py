"""The hook of pre-commit: it takes the files that the audit knows, in a real repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from envlock.formats.readers import registry
from envlock.formats.readers.registry import recognise_name

ROOT = Path(__file__).parents[2]
(HOOK,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
LOCK = """\
version: 1
metadata:
  content_hash: {}
  channels: []
  platforms:
  - linux-64
  sources: []
package:
- name: zlib
  version: 1.3.1
  manager: conda
  platform: linux-64
  dependencies: {}
  url: https://conda.example/conda-forge/linux-64/zlib-1.3.1-h1_0.conda
  hash: {}
  category: main
  optional: false
"""


def is_taken(path: str) -> bool:
    """Whether pre-commit gives a file to the hook."""
    return bool(re.search(HOOK["files"], path))


def test_the_names_are_those_of_the_registry():
    """When this fails: write into `files` what is expected here."""
    patterns = "|".join(pattern.pattern for _, pattern in registry._NAMES)
    one_name = patterns.replace(".+", "[^/]+").replace(".*", "[^/]*").replace("[^.]", "[^./]")

    assert HOOK["files"] == f"(?:^|/)(?:{one_name})$"


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        ("pixi.lock", True),
        ("a/b/uv.lock", True),
        ("docker/Dockerfile", True),
        ("dev-requirements.txt", True),
        ("envs/environment-gpu.yml", True),
        ("environment-files/x.yml", False),
        ("pylock.d/x.toml", False),
        ("my-uv.lock", False),
        ("src/main.py", False),
    ],
)
def test_files_are_taken_by_their_names(path: str, taken: bool):
    assert is_taken(path) is taken


PARTS = st.sampled_from(
    ["uv.lock", "requirements", "environment", "Dockerfile", "pylock", "conda-lock", ".txt", ".yml",
     ".toml", ".in", "-", ".", "/", "_", "a", "explicit", "conda-linux-64.lock", "dockerignore"]
)  # fmt: skip


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(PARTS, max_size=6).map("".join))
def test_the_hook_takes_what_the_audit_knows_by_name(path: str):
    assert is_taken(path) is (recognise_name(path) is not None)


def git(folder: Path, *words: str) -> None:
    name = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *name, *words], cwd=folder, check=True, capture_output=True)


@pytest.mark.index
def test_pre_commit_runs_it_on_what_is_committed(tmp_path: Path):
    program = shutil.which("pre-commit", path=sysconfig.get_path("scripts"))
    if program is None:
        pytest.skip("pre-commit is not installed: `pip install '.[dev]'` brings it")
    hooks, project = tmp_path / "hooks", tmp_path / "project"
    hooks.mkdir()
    project.mkdir()
    for name in (".pre-commit-hooks.yaml", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, hooks / name)
    shutil.copytree(ROOT / "envlock", hooks / "envlock")
    for folder in (hooks, project):
        git(folder, "init", "-q")
    git(hooks, "add", "-A")
    git(hooks, "commit", "-qm", "a version")
    (project / "conda-lock.yml").write_text(LOCK, "utf-8")
    (project / "notes.txt").write_text("not a lock", "utf-8")
    git(project, "add", "-A")

    ran = subprocess.run(
        [program, "try-repo", str(hooks), "envlock-audit", "--all-files", "--verbose"],
        cwd=project,
        env={**os.environ, "PRE_COMMIT_HOME": str(tmp_path / "home"), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "- exit code: 1" in ran.stdout
    assert "`zlib-1.3.1-h1_0.conda` has no hash" in ran.stdout
    assert "notes.txt" not in ran.stdout
