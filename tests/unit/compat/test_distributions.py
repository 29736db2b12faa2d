"""What conda provides of PyPI."""

from __future__ import annotations

import pytest

from envlock.compat.distributions import provided

PYTHON = ("python >=3.11,<3.12.0a0", "libgcc")


@pytest.mark.parametrize(
    ("package", "depends", "found"),
    [
        ("numpy", PYTHON, (("numpy", "1.2.3"),)),
        ("ruamel.yaml", PYTHON, (("ruamel-yaml", "1.2.3"),)),
        ("typing_extensions", ("python >=3.9",), ()),
        ("typing-extensions", ("typing_extensions ==4",), (("typing-extensions", "1.2.3"),)),
        ("pytorch", PYTHON, (("torch", "1.2.3"),)),
        ("pytorch-gpu", ("pytorch 2.8 *",), ()),
        ("libtorch", ("libgcc",), ()),
        ("matplotlib-base", PYTHON, (("matplotlib", "1.2.3"),)),
        ("py-opencv", PYTHON, (("opencv-python", "1.2.3"), ("opencv-python-headless", "1.2.3"))),
        ("tzdata", (), ()),
        ("python-tzdata", PYTHON, (("tzdata", "1.2.3"),)),
        ("zlib", ("libgcc",), ()),
        ("python", ("libffi", "tk"), ()),
        ("python_abi", ("python 3.11.*",), ()),
        ("pure", ("python_abi 3.11.*",), (("pure", "1.2.3"),)),
    ],
)
def test_a_package_provides_its_own_name_or_what_the_table_says(
    package: str, depends: tuple[str, ...], found: tuple[tuple[str, str], ...]
):
    assert provided(package, "1.2.3", depends) == found


def test_versions_are_compared_as_pypi_writes_them():
    assert provided("a", "2.0.RC1", PYTHON) == (("a", "2.0rc1"),)
    assert provided("a", "2024a", PYTHON) == (("a", "2024a0"),)
    assert provided("a", "1.0_beta.x", PYTHON) == ()
