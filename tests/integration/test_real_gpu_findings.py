"""What the rules about GPUs and platforms say of the field's own locks.

They are not part of the repository: `ENVLOCK_SHARED_DATA` names a folder that holds `lockfiles/`.
Several of the findings were looked up in the files by hand; a rule that says more, or less, says so
here.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from envlock.audit.engine import judge
from envlock.audit.rules import all_rules
from envlock.formats.readers.registry import read
from readings import TODAY, case

SHARED = os.environ.get("ENVLOCK_SHARED_DATA")
FOLDER = Path(SHARED or "/nonexistent") / "lockfiles"
FILES = sorted(FOLDER.glob("*.lock")) + sorted(FOLDER.glob("*.yml"))
CODES = ("EL301", "EL302", "EL303", "EL304", "EL402", "EL403", "EL404")
EXPECTED = {
    "218OSCAR__adaptive_compliance_policy": ["EL302 warning cuda"],
    "AlexsLemonade__OpenScPCA-analysis": ["EL301 warning pytorch", "EL403 warning pytorch"],
    "ChristophHoenes__NumTimeProbe__conda-lock.yml": ["EL302 warning cuda", "EL302 warning cuda"],
    "data-apis__array-api-extra__pixi.lock__pixi-v7": [
        "EL301 warning pytorch",
        "EL302 note cuda",
        "EL403 warning cuda",
        "EL403 warning pytorch",
        "EL403 warning pytorch",
    ],
    "pangeo-data__pangeo-docker-images__pytorch-notebook_conda-lock.yml__conda-lock-v1__5f85682a": [
        "EL404 error erddapy"
    ],
    "pangeo-data__pangeo-docker-images__pytorch-notebook_conda-lock.yml__conda-lock-v1__f8a5a730": [
        "EL302 error cuda",
        "EL404 error ",
    ],
    "prefix-dev__pixi__examples_multi-machine_pixi.lock__pixi-v4": [
        "EL302 note cuda",
        "EL302 note cuda",
    ],
    "prefix-dev__pixi__examples_multi-machine_pixi.lock__pixi-v5": [
        "EL302 note cuda",
        "EL302 note cuda",
        "EL403 warning pytorch",
    ],
    "prefix-dev__pixi__examples_pypi_pixi.lock": ["EL301 note tensorflow-intel"],
    "rerun-io__pi0-lerobot": ["EL301 warning jaxlib", "EL302 note cuda", "EL303 warning cudnn"],
    "rerun-io__rerun__pixi.lock__pixi-v4": ["EL301 warning torch", "EL302 note cuda"],
}


@pytest.mark.skipif(not FILES, reason="ENVLOCK_SHARED_DATA is not set: no real lock files to judge")
def test_every_finding_about_gpus_and_platforms_is_one_that_was_looked_up():
    rules = [rule for rule in all_rules() if rule.code in CODES]
    found: dict[str, list[str]] = {}
    for file in FILES:
        judged = judge(case(read(file.read_bytes(), file.name)), rules, TODAY)
        told = sorted(f"{one.code} {one.severity.value} {one.subject}" for one in judged.findings)
        if told:
            name = next((name for name in EXPECTED if file.name.startswith(name)), file.name)
            found[name] = told

    assert found == EXPECTED
