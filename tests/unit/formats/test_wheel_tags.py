"""Which wheel an installer takes, in the order of PEP 425."""

from __future__ import annotations

import pytest

from envlock.formats.wheel_tags import best_wheel
from envlock.model.platform import Platform

LINUX = ["cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-manylinux2014_x86_64"]


def best(tags: list[str], platform: Platform = Platform.LINUX_64, **machine: str | None) -> str:
    names = [f"a-1-{tag}.whl" for tag in tags]
    given = {"glibc": "2.28", "macos": None, **machine}
    found = best_wheel(names, platform, "3.11.9", glibc=given["glibc"], macos=given["macos"])
    return found.removeprefix("a-1-").removesuffix(".whl")


@pytest.mark.parametrize(
    ("tags", "wins"),
    [
        (["py3-none-any", "cp310-abi3-manylinux2014_x86_64"], "cp310-abi3-manylinux2014_x86_64"),
        (["cp311-abi3-linux_x86_64", "cp311-cp311-linux_x86_64"], "cp311-cp311-linux_x86_64"),
        (LINUX, "cp311-cp311-manylinux_2_28_x86_64"),
        (["py2.py3-none-any", "py3-none-manylinux1_x86_64"], "py3-none-manylinux1_x86_64"),
        (["1-py3-none-any", "2-py3-none-any", "py3-none-any"], "2-py3-none-any"),
    ],
)
def test_the_most_specific_wheel_wins_in_any_order(tags: list[str], wins: str):
    assert best(tags) == wins
    assert best(tags[::-1]) == wins


def test_a_newer_glibc_than_the_machine_has_does_not_win():
    assert best(LINUX, glibc="2.17") == "cp311-cp311-manylinux2014_x86_64"


def test_a_universal_wheel_serves_an_arm_mac():
    tags = ["cp311-cp311-macosx_10_9_x86_64", "cp311-cp311-macosx_11_0_universal2"]

    assert best(tags, Platform.OSX_ARM64, macos="13.0") == "cp311-cp311-macosx_11_0_universal2"


@pytest.mark.parametrize("tags", [[], ["cp312-cp312-linux_x86_64"], ["py3-none-win_amd64"]])
def test_nothing_that_fits_is_an_error(tags: list[str]):
    with pytest.raises(ValueError, match=r"fits linux-64 with Python 3\.11\.9"):
        best(tags)
