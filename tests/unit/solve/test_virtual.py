"""Virtual packages come from the stack, never from the machine that solves."""

from __future__ import annotations

import pytest

from builders import CPU_STACK, GPU_STACK, stack_of
from envlock.model.platform import Platform
from envlock.solve.virtual import virtual_packages


def assumed(text: str, platform: Platform) -> dict[str, str]:
    found = virtual_packages(stack_of(text.replace("linux-64", platform)), platform)
    return {item.name: item.version for item in found}


def test_a_gpu_stack_without_a_fleet_assumes_its_own_line():
    assert assumed(GPU_STACK, Platform.LINUX_64) == {
        "__archspec": "1",
        "__cuda": "12.1",
        "__glibc": "2.28",
        "__linux": "5.10",
        "__unix": "0",
    }


def test_the_fleets_driver_decides_what_cuda_is_there():
    text = GPU_STACK + '[fleet]\ndriver = "535"\nglibc = "2.34"\n'

    found = assumed(text, Platform.LINUX_64)

    assert (found["__cuda"], found["__glibc"]) == ("12.2", "2.34")


def test_the_lowest_gpu_decides_the_architecture():
    found = assumed(GPU_STACK + 'compute = ["12.0", "7.5", "9.0"]\n', Platform.LINUX_64)

    assert found["__cuda_arch"] == "7.5"


def test_a_driver_newer_than_the_tables_falls_back_to_the_line():
    assert assumed(GPU_STACK + '[fleet]\ndriver = "999"\n', Platform.LINUX_64)["__cuda"] == "12.1"


def test_a_cpu_stack_has_no_cuda():
    assert "__cuda" not in assumed(CPU_STACK, Platform.LINUX_64)


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        (Platform.WIN_64, {"__archspec": "1", "__win": "10"}),
        (Platform.OSX_ARM64, {"__archspec": "1", "__osx": "13.0", "__unix": "0"}),
        (Platform.OSX_64, {"__archspec": "1", "__osx": "13.0", "__unix": "0"}),
    ],
)
def test_other_systems_have_their_own(platform: Platform, expected: dict[str, str]):
    assert assumed(CPU_STACK, platform) == expected


def test_a_platform_declared_for_metal_has_no_cuda():
    text = GPU_STACK.replace('["linux-64"]', '["linux-64", "osx-arm64"]')
    stack = stack_of(text + '[target.osx-arm64]\naccelerator = "mps"\n')

    names = {item.name for item in virtual_packages(stack, Platform.OSX_ARM64)}

    assert "__cuda" not in names
