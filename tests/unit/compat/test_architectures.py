"""Which toolkit lines have machine code for a GPU."""

from __future__ import annotations

import pytest

from envlock.compat.architectures import architecture
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
