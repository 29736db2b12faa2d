"""A GPU's data sheet is found by the name that NVML gives the GPU, and no other's is."""

from __future__ import annotations

import pytest

from envlock.compat.rates import rated_gpu


@pytest.mark.parametrize(
    ("name", "bf16", "memory"),
    [
        ("NVIDIA H100 80GB HBM3", 989e12, 3350e9),
        ("NVIDIA H100 PCIe", 756e12, 2000e9),
        ("NVIDIA A100-SXM4-80GB", 312e12, 2039e9),
        ("NVIDIA A100 80GB PCIe", 312e12, 1935e9),
        ("A100-SXM4-40GB", 312e12, 1555e9),
        ("NVIDIA L4", 121e12, 300e9),
        ("NVIDIA L40S", 362e12, 864e9),
        ("NVIDIA GeForce RTX 4090", 165.2e12, 1008e9),
    ],
)
def test_a_gpu_is_known_by_its_name(name: str, bf16: float, memory: float):
    found = rated_gpu(name)

    assert found is not None
    assert (found.bf16_operations, found.memory_bytes) == (bf16, memory)
    assert found.confidence == "recalled"


@pytest.mark.parametrize("name", ["", "NVIDIA", "Tesla T4", "NVIDIA L400", "NVIDIA A100X", "H100"])
def test_a_name_that_stands_in_no_row_is_not_guessed(name: str):
    assert rated_gpu(name) is None
