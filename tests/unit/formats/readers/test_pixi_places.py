"""Where pixi installs a row: one environment may have it on one platform only."""

from __future__ import annotations

from envlock.formats.readers.pixi import read

LOCK = """\
version: 6
environments:
  default:
    channels:
    - url: https://conda.example/conda-forge/
    packages:
      linux-64:
      - conda: https://conda.example/conda-forge/noarch/a-1.0-0.conda
      - conda: https://conda.example/conda-forge/noarch/b-1.0-0.conda
      win-64:
      - conda: https://conda.example/conda-forge/noarch/a-1.0-0.conda
  gpu:
    channels:
    - url: https://conda.example/conda-forge/
    packages:
      linux-64:
      - conda: https://conda.example/conda-forge/noarch/a-1.0-0.conda
      win-64:
      - conda: https://conda.example/conda-forge/noarch/a-1.0-0.conda
      - conda: https://conda.example/conda-forge/noarch/b-1.0-0.conda
packages:
- conda: https://conda.example/conda-forge/noarch/a-1.0-0.conda
  sha256: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
- conda: https://conda.example/conda-forge/noarch/b-1.0-0.conda
  sha256: bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
"""


def test_a_row_that_is_not_everywhere_says_where_it_is():
    a, b = read(LOCK.encode(), "pixi.lock").packages

    assert (a.environments, a.platforms, a.places) == (
        ("default", "gpu"),
        ("linux-64", "win-64"),
        (),
    )
    assert (b.environments, b.platforms, b.places) == (
        ("default", "gpu"),
        ("linux-64", "win-64"),
        (("default", "linux-64"), ("gpu", "win-64")),
    )
