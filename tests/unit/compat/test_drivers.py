from __future__ import annotations

import pytest

from envlock.compat.drivers import (
    DriverVersion,
    FloorRow,
    cuda_of_driver,
    minor_floor,
    native_floor,
)
from envlock.compat.evidence import Confidence
from envlock.model.platform import System
from envlock.model.version import CudaLine

LINUX, WINDOWS, MACOS = System.LINUX, System.WINDOWS, System.MACOS


@pytest.mark.parametrize(
    ("text", "branch", "release"),
    [("535", 535, ()), ("535.183.06", 535, (183, 6)), ("576.02", 576, (2,))],
)
def test_a_driver_is_read_as_branch_and_release(text: str, branch: int, release: tuple[int, ...]):
    driver = DriverVersion.parse(text)

    assert driver == DriverVersion(text, branch, release)
    assert str(driver) == text


def test_what_is_no_driver_version_is_refused():
    with pytest.raises(ValueError, match=r"^`R535` does not start with a number$"):
        DriverVersion.parse("R535")


@pytest.mark.parametrize(
    ("driver", "floor", "meets"),
    [
        ("535", "525.60.13", True),
        ("525", "525.60.13", True),
        ("525.60.13", "525.60.13", True),
        ("525.53", "525.60.13", False),
        ("520.61.05", "525", False),
        ("470.256.02", "525.60.13", False),
        ("580.65.06", "580", True),
        ("615.71.09", "615", True),
    ],
)
def test_drivers_compare_by_branch_and_within_one_by_release(driver: str, floor: str, meets: bool):
    assert DriverVersion.parse(driver).meets(DriverVersion.parse(floor)) is meets


@pytest.mark.parametrize(
    ("driver", "line"),
    [
        ("450", "11.0"),
        ("470.256.02", "11.4"),
        ("475.14", "11.4"),
        ("535", "12.2"),
        ("535.183.06", "12.2"),
        ("538.78", "12.2"),
        ("565.57.01", "12.7"),
        ("572.61", "12.8"),
        ("580.95.05", "13.0"),
        ("616.56", "13.4"),
    ],
)
def test_a_driver_offers_the_cuda_of_its_branch(driver: str, line: str):
    assert cuda_of_driver(driver) == CudaLine.parse(line)


@pytest.mark.parametrize("driver", ["440.33", "390", "620", "700.01"])
def test_what_a_driver_outside_the_table_offers_is_unknown(driver: str):
    assert cuda_of_driver(driver) is None


def test_one_floor_serves_all_minors_of_a_major():
    floor = minor_floor(CudaLine(12, 9), LINUX)

    assert floor == minor_floor(CudaLine(12, 0), LINUX)
    assert floor == FloorRow(
        driver=DriverVersion.parse("525.60.13"),
        source=(
            "NVIDIA CUDA compatibility guide, minor version compatibility, table 1; exact builds "
            "from the cuDNN support matrices 8.9.6, 9.0.0, 9.5.1, 9.17.0"
        ),
        confidence=Confidence.VERIFIED,
    )


@pytest.mark.parametrize(
    ("line", "system", "driver"),
    [
        ("11.8", LINUX, "450.80.02"),
        ("11.8", WINDOWS, "452.39"),
        ("12.1", WINDOWS, "528.33"),
        ("13.0", LINUX, "580.65.06"),
        ("13.5", WINDOWS, "580"),
    ],
)
def test_the_minor_floor_is_in_the_systems_own_numbering(line: str, system: System, driver: str):
    floor = minor_floor(CudaLine.parse(line), system)

    assert floor is not None
    assert str(floor.driver) == driver


@pytest.mark.parametrize(
    ("line", "system", "driver"),
    [
        ("11.0", LINUX, "450.51.05"),
        ("12.1", LINUX, "530.30.02"),
        ("12.2", LINUX, "535.54.03"),
        ("12.8", LINUX, "570.26"),
        ("12.8", WINDOWS, "570.65"),
        ("13.2", LINUX, "595.45.04"),
        ("13.4", LINUX, "615"),
    ],
)
def test_the_native_floor_is_the_driver_of_the_first_release(
    line: str, system: System, driver: str
):
    floor = native_floor(CudaLine.parse(line), system)

    assert floor is not None
    assert str(floor.driver) == driver


@pytest.mark.parametrize(
    ("line", "system"),
    [("12.1", MACOS), ("10.2", LINUX), ("14.0", LINUX)],
)
def test_without_a_row_there_is_no_floor(line: str, system: System):
    assert minor_floor(CudaLine.parse(line), system) is None
    assert native_floor(CudaLine.parse(line), system) is None


@pytest.mark.parametrize(("line", "system"), [("13.0", WINDOWS), ("13.5", LINUX), ("12.7", LINUX)])
def test_a_line_that_nvidia_names_no_driver_for_has_no_native_floor(line: str, system: System):
    assert native_floor(CudaLine.parse(line), system) is None
