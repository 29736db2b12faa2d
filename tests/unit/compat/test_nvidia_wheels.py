"""NVIDIA's wheels as toolkit components."""

from __future__ import annotations

import pytest
from packaging.specifiers import SpecifierSet

from envlock.compat.components import components
from envlock.compat.nvidia_wheels import (
    WheelKind,
    distributions,
    specifiers_for,
    wheel_component,
    wheel_line,
)
from envlock.model.version import CudaLine

PINS = [  # what the cuda-toolkit metapackage of a release pins, from its METADATA
    ("12.1.1", "nvidia-cublas-cu12", "12.1.3.1"),
    ("12.1.1", "nvidia-cuda-runtime-cu12", "12.1.105"),
    ("12.1.1", "nvidia-cufft-cu12", "11.0.2.54"),
    ("12.1.1", "nvidia-nvjitlink-cu12", "12.1.105"),
    ("12.5.1", "nvidia-cusparse-cu12", "12.5.1.3"),
    ("12.9.1", "nvidia-nvjitlink-cu12", "12.9.86"),
    ("12.9.1", "nvidia-cublas-cu12", "12.9.1.4"),
    ("13.0.2", "nvidia-cublas", "13.1.0.3"),
    ("13.0.2", "nvidia-cuda-nvrtc", "13.0.88"),
]


@pytest.mark.parametrize(("release", "name", "version"), PINS)
def test_a_pinned_version_is_of_its_release_and_admitted_by_its_line(
    release: str, name: str, version: str
):
    line = CudaLine.parse(release)

    assert wheel_line(name, version) == line
    assert SpecifierSet(specifiers_for(name, line) or "<0").contains(version)


def test_a_component_of_a_newer_line_is_not_admitted():
    specifiers = specifiers_for("nvidia-nvjitlink-cu12", CudaLine(12, 1))

    assert specifiers == ">=12.1,<12.2"
    assert not SpecifierSet(specifiers).contains("12.9.86")


@pytest.mark.parametrize(
    ("name", "kind", "major"),
    [
        ("nvidia-cublas-cu12", WheelKind.TOOLKIT, 12),
        ("nvidia-cublas-cu11", WheelKind.TOOLKIT, 11),
        ("nvidia-cublas", WheelKind.TOOLKIT, 13),
        ("nvidia-cudnn-cu12", WheelKind.CUDNN, 12),
        ("nvidia-cudnn-cu13", WheelKind.CUDNN, 13),
        ("nvidia-nccl-cu13", WheelKind.NCCL, 13),
        ("nvidia-nvshmem-cu12", WheelKind.OTHER, 12),
        ("cuda-toolkit", WheelKind.TOOLKIT, None),
    ],
)
def test_the_name_says_what_a_wheel_is_and_for_which_major(
    name: str, kind: WheelKind, major: int | None
):
    wheel = wheel_component(name)

    assert wheel is not None
    assert (wheel.kind, wheel.cuda_major) == (kind, major)


@pytest.mark.parametrize(
    "name",
    [
        "nvidia-ml-py",
        "nvidia-dali-cuda120",
        "nvidia-cudnn",
        "nvidia-cublas-cu110",
        "torch",
        "nvidia",
    ],
)
def test_other_names_are_no_components(name: str):
    assert wheel_component(name) is None
    assert wheel_line(name, "12.1") is None
    assert specifiers_for(name, CudaLine(12, 1)) is None


def test_the_toolkit_of_13_has_no_suffix_and_the_others_have():
    assert "nvidia-cublas" in distributions(13, WheelKind.TOOLKIT)
    assert distributions(13, WheelKind.CUDNN, WheelKind.NCCL) == (
        "nvidia-cudnn-cu13",
        "nvidia-nccl-cu13",
    )
    assert "nvidia-cublas-cu12" in distributions(12, WheelKind.TOOLKIT)


def test_every_component_of_the_table_is_one_of_the_component_tables():
    for major in (11, 12, 13):
        for name in distributions(major, WheelKind.TOOLKIT):
            wheel = wheel_component(name)
            assert wheel is not None
            assert wheel.component in components()


def test_a_line_that_the_tables_do_not_hold_binds_nothing():
    assert specifiers_for("nvidia-cublas", CudaLine(13, 99)) is None
