"""The flake agrees with the rest of the house; whether Nix agrees is an integration test."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
WHEELS = json.loads((ROOT / "nix" / "wheels.json").read_text("utf-8"))
PLATFORM = {"python_version": "3.13", "sys_platform": "linux"}
ANEW = "nix/wheels.json is older than pyproject.toml; nix/wheels.py says how it is made anew"


def requirements() -> Iterator[tuple[Requirement, bool]]:
    """What pyproject names, and whether it is for the tests only."""
    project = PROJECT["project"]
    extras = project["optional-dependencies"]
    for text in (*PROJECT["build-system"]["requires"], *project["dependencies"], *extras["sign"]):
        yield Requirement(text), False
    for text in extras["dev"]:
        yield Requirement(text), True


@pytest.mark.parametrize("system", ["x86_64-linux", "aarch64-linux"])
def test_the_wheels_of_the_flake_are_what_the_project_asks_for(system: str):
    rows = {canonicalize_name(row["pname"]): row for row in WHEELS[system]}

    for requirement, is_for_tests in requirements():
        name = canonicalize_name(requirement.name)
        if requirement.marker is not None and not requirement.marker.evaluate(PLATFORM):
            continue
        assert name in rows, f"{name}: {ANEW}"
        assert requirement.specifier.contains(rows[name]["version"]), f"{name}: {ANEW}"
        assert is_for_tests or not rows[name]["dev"], f"{name}: {ANEW}"


@pytest.mark.parametrize("system", ["x86_64-linux", "aarch64-linux"])
def test_each_wheel_is_named_once_by_its_hash(system: str):
    names = [canonicalize_name(row["pname"]) for row in WHEELS[system]]

    assert len(set(names)) == len(names)
    assert all(len(bytes.fromhex(row["sha256"])) == 32 for row in WHEELS[system])


def test_nixpkgs_is_pinned_by_revision_and_content():
    lock = json.loads((ROOT / "flake.lock").read_text("utf-8"))

    locked = lock["nodes"][lock["nodes"]["root"]["inputs"]["nixpkgs"]]["locked"]
    assert (locked["owner"], locked["repo"]) == ("NixOS", "nixpkgs")
    assert len(bytes.fromhex(locked["rev"])) == 20
    assert locked["narHash"].startswith("sha256-")


def test_nothing_of_nixpkgs_is_in_what_links_an_environment():
    text = (ROOT / "nix" / "from-lock.nix").read_text("utf-8")
    code = "\n".join(line.partition("#")[0] for line in text.splitlines())

    assert "nixpkgs" not in code
    assert "pkgs." not in code
    assert "import" not in code
