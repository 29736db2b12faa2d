"""Numbers, with the unit that their name ends with."""

from __future__ import annotations

import pytest

from envlock.formats.measures import format_measure, measure_label


@pytest.mark.parametrize(
    ("name", "value", "label", "text"),
    [
        ("relative_error", 1.2e-7, "relative error", "1.2e-07"),
        ("seconds", 1.75, "seconds", "1.75 s"),
        ("first_step_seconds", 0.8125, "first step", "0.8125 s"),
        ("examples_per_second", 40312.5, "examples", "40,312/s"),
        ("peak_memory_bytes", 3.2e9, "peak memory", "3.2 GB"),
        ("copy_bytes_per_second", 2.1e12, "copy", "2.1 TB/s"),
        ("utilisation_percent", 87.0, "utilisation", "87 %"),
        ("bf16_per_second", 9.1e14, "bf16", "9.1e+14/s"),
        ("steps", 200.0, "steps", "200"),
        ("loss", float("nan"), "loss", "not a number"),
        ("bytes", float("inf"), "bytes", "infinite"),
        ("loss", float("-inf"), "loss", "minus infinite"),
    ],
)
def test_the_unit_is_that_of_the_name(name: str, value: float, label: str, text: str):
    assert measure_label(name) == label
    assert format_measure(name, value) == text
