"""What uv writes today is read without an oddity, and counted as its text counts it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from envlock.formats.readers.registry import read
from envlock.model.reading import FileKind, Reading

pytestmark = pytest.mark.index

PROJECT = """\
[project]
name = "tiny"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["requests[socks]>=2", "colorama; sys_platform == 'win32'"]

[project.optional-dependencies]
more = ["attrs"]

[dependency-groups]
dev = ["iniconfig"]
"""
FILES = {
    "uv.lock": ("lock",),
    "pylock.toml": ("export", "--format", "pylock.toml", "-o", "pylock.toml"),
    "requirements.txt": ("export", "--all-groups", "-o", "requirements.txt"),
    "compiled.txt": (
        *("pip", "compile", "--generate-hashes", "--universal", "pyproject.toml"),
        *("-o", "compiled.txt"),
    ),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "pyproject.toml").write_text(PROJECT)
    uv = Path(sysconfig.get_path("scripts")) / "uv"
    for arguments in FILES.values():
        subprocess.run(
            [uv, *arguments, "--python", sys.executable, "--no-config"],
            cwd=folder,
            env={**os.environ, "UV_CACHE_DIR": str(folder.parent / "cache")},
            check=True,
            capture_output=True,
        )
    return folder


def reading_of(project: Path, name: str, kind: FileKind) -> tuple[Reading, str]:
    content = (project / name).read_bytes()
    reading = read(content, "unnamed")
    assert (reading.kind, reading.oddities) == (kind, ())
    return reading, content.decode()


def count(pattern: str, text: str) -> int:
    return len(re.findall(pattern, text, re.MULTILINE))


@pytest.mark.parametrize(
    ("name", "kind", "row", "digest"),
    [
        ("uv.lock", FileKind.UV, r"^\[\[package\]\]$", r"\bhash = \"sha256:"),
        ("pylock.toml", FileKind.PYLOCK, r"^\[\[packages\]\]$", r"\bsha256 = \""),
        ("requirements.txt", FileKind.REQUIREMENTS, r"^[a-z][^ ]*==", r"--hash=sha256:"),
        ("compiled.txt", FileKind.REQUIREMENTS, r"^[a-z][^ ]*==", r"--hash=sha256:"),
    ],
)
def test_every_row_and_every_digest_is_read(
    project: Path, name: str, kind: FileKind, row: str, digest: str
):
    reading, text = reading_of(project, name, kind)

    origins = [origin for package in reading.packages for origin in package.origins]
    assert len(reading.packages) == count(row, text) > 5
    assert sum("sha256" in origin.hashes for origin in origins) == count(digest, text) > 10
    lines = text.splitlines()
    for package in reading.packages:
        assert package.name in "".join(lines[package.line - 1 : package.line + 1])
        for origin in package.origins:
            if "sha256" in origin.hashes:
                assert origin.hashes["sha256"] in lines[origin.line - 1]


def test_the_groups_of_a_lock_are_those_that_install_a_package(project: Path):
    reading, _ = reading_of(project, "uv.lock", FileKind.UV)

    groups = {item.name: item.environments for item in reading.packages}
    assert groups["requests"] == groups["pysocks"] == groups["colorama"] == ("main",)
    assert (groups["attrs"], groups["iniconfig"]) == (("more",), ("dev",))
    assert [item.name for item in reading.packages if item.is_project] == ["tiny"]
