"""Which toolkit lines have machine code for a GPU."""

from __future__ import annotations

import pytest

from envlock.compat.architectures import architecture, drives
from envlock.compat.evidence import read_table
from envlock.model.version import CudaLine


@pytest.mark.parametrize(
    ("compute", "line", "dropped"),
    [
        ("3.7", "11.8", False),
        ("3.7", "12.0", True),
        ("5.2", "12.9", False),
        ("7.0", "12.9", False),
        ("7.0", "13.0", True),
        ("7.5", "13.4", False),
        ("12.0", "13.2", False),
    ],
)
def test_a_line_that_has_left_a_gpu_is_known(compute: str, line: str, *, dropped: bool):
    row = architecture(compute)

    assert row is not None
    assert row.is_dropped_by(CudaLine.parse(line)) is dropped


def test_a_capability_that_no_table_has_is_unknown():
    assert architecture("99.0") is None


def test_no_gpu_is_dropped_before_it_is_supported():
    for cells in read_table("architectures", "architecture"):
        row = architecture(cells["compute"])
        assert row is not None
        assert row.last_line is None or row.first_line <= row.last_line


@pytest.mark.parametrize(
    ("driver", "compute", "expected"),
    [
        ("535", "10.0", False),
        ("570.26", "10.0", True),
        ("570", "12.0", True),
        ("590.48.01", "7.0", False),
        ("580.65.06", "7.0", True),
        ("535", "9.0", True),
        ("535", "99.9", True),
    ],
)
def test_a_driver_drives_what_it_is_new_enough_for_and_has_not_left(
    driver: str, compute: str, *, expected: bool
):
    assert drives(driver, compute) is expected
