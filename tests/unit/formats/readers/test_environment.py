"""environment.yml: what it asks of conda and of pip, and the places that it names."""

from __future__ import annotations

import pytest

from envlock.errors import LockError
from envlock.formats.readers.environment import read
from envlock.model.reading import (
    Ecosystem,
    FileKind,
    FoundPackage,
    FoundPlatform,
    NamedPlace,
    Reading,
)

TEXT = """\
name: demo
channels:
  - conda-forge
  - https://conda.example/label/dev
dependencies:
  - python=3.11
  - numpy=1.26.4=py311_0   # pinned
  - cuda-nvcc              # [linux]
  - conda-forge::zlib
  - pip
  - pip:
      - -r more.txt
      - --extra-index-url https://index.example/simple
      - torch==2.4.1
      - "requests>=2 ; python_version < '3.12'"
platforms: [linux-64, win-64]
variables:
  CUDA_HOME: /opt/cuda
prefix: /home/anna/miniconda3/envs/demo
"""


def conda(name: str, wanted: str, line: int, **more: str) -> FoundPackage:
    return FoundPackage(name=name, ecosystem=Ecosystem.CONDA, wanted=wanted, line=line, **more)


def told(text: str) -> list[tuple[int, str]]:
    return [(item.line, item.said) for item in read(text.encode(), "environment.yml").oddities]


def test_every_field_of_an_environment_is_read():
    assert read(TEXT.encode(), "environment.yml") == Reading(
        file="environment.yml",
        kind=FileKind.ENVIRONMENT,
        packages=(
            conda("python", "python=3.11", 6),
            conda("numpy", "numpy=1.26.4=py311_0", 7, version="1.26.4", build="py311_0"),
            conda("cuda-nvcc", "cuda-nvcc", 8, marker="linux"),
            conda("zlib", "conda-forge::zlib", 9, index="conda-forge"),
            conda("pip", "pip", 10),
            FoundPackage(
                name="torch",
                ecosystem=Ecosystem.PYPI,
                version="2.4.1",
                wanted="torch==2.4.1",
                line=14,
            ),
            FoundPackage(
                name="requests",
                ecosystem=Ecosystem.PYPI,
                wanted="requests>=2",
                marker="python_version < '3.12'",
                line=15,
            ),
        ),
        platforms=(
            FoundPlatform(name="linux-64", subdir="linux-64"),
            FoundPlatform(name="win-64", subdir="win-64"),
        ),
        places=(
            NamedPlace(address="conda-forge", kind="channel", line=3),
            NamedPlace(address="https://conda.example/label/dev", kind="channel", line=4),
            NamedPlace(address="more.txt", kind="requirements", line=12),
            NamedPlace(address="https://index.example/simple", kind="extra-index", line=13),
        ),
        settings={
            "name": "demo",
            "prefix": "/home/anna/miniconda3/envs/demo",
            "variable CUDA_HOME": "/opt/cuda",
        },
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dependencies:\n- a\n- [b]\n", [(3, "`['b']` stands where a package should")]),
        ("dependencies:\n- a\n- npm: [b]\n", [(3, "`npm` is no list that conda reads")]),
        ("dependencies: a\n", [(1, "`dependencies`: expected a list, found `a`")]),
        ("channels: a\n", [(1, "`channels`: expected a list, found `a`")]),
        ("channels:\n- {a: b}\n", [(2, "`{'a': 'b'}` is no channel")]),
        (
            "dependencies:\n- pip:\n  - [x]\n",
            [(2, "`['x']` stands where a requirement should")],
        ),
        ("name: a\ncolour: red\n", [(0, "the file has the key `colour`, which is not known")]),
        ("name: a\ndependencies:\n", []),
        ("dependencies:\n- pip:\n", []),
    ],
)
def test_what_is_not_understood_is_told_with_its_line(text: str, said: list[tuple[int, str]]):
    assert told(text) == said


def test_a_file_without_dependencies_is_refused():
    with pytest.raises(LockError) as refused:
        read(b"services: {}\n", "environment.yml")

    assert str(refused.value) == (
        "environment.yml: expected the list `dependencies` of an environment, found `services`"
    )
