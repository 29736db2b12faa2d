from __future__ import annotations

import pytest
from rattler import Version, VersionSpec

from envlock.compat.components import component_of, components, line_of, spec_for
from envlock.compat.evidence import read_table
from envlock.model.version import CudaLine

OWN_NUMBERS = (
    "cuda-cccl",
    "libcublas",
    "libcufft",
    "libcufile",
    "libcurand",
    "libcusolver",
    "libcusparse",
    "libnpp",
    "libnvjpeg",
)


@pytest.mark.parametrize(
    ("package", "component"),
    [
        ("libcufft", "libcufft"),
        ("libcufft-dev", "libcufft"),
        ("libcufft-static", "libcufft"),
        ("cuda-cudart", "cuda-cudart"),
        ("cuda-cudart-dev", "cuda-cudart"),
        ("cuda-cudart_linux-64", "cuda-cudart"),
        ("cuda-cudart-static_win-64", "cuda-cudart"),
        ("cuda-cudart-dev_linux-aarch64", "cuda-cudart"),
        ("cuda-nvcc", "cuda-nvcc"),
        ("cuda-nvcc_linux-64", "cuda-nvcc"),
        ("cuda-nvcc-impl", "cuda-nvcc"),
        ("cuda-nvcc-tools", "cuda-nvcc"),
        ("cuda-crt-dev_linux-64", "cuda-crt"),
        ("cuda-nvvm-impl", "cuda-nvvm"),
        ("cuda-cccl_linux-64", "cuda-cccl"),
        ("cuda-driver-dev_linux-64", "cuda-driver-dev"),
        ("cuda-nvml-dev", "cuda-nvml-dev"),
        ("cuda-libraries-dev", "cuda-libraries"),
        ("cuda-tools", "cuda-tools"),
        ("cuda-version", "cuda-version"),
        ("cuda", "cuda"),
        ("cudatoolkit", "cudatoolkit"),
        ("gds-tools", "libcufile"),
        ("libnvjitlink", "libnvjitlink"),
        ("libnvfatbin-dev", "libnvfatbin"),
        ("libnvptxcompiler-dev_linux-64", "libnvptxcompiler"),
    ],
)
def test_a_package_is_a_component_or_a_part_of_one(package: str, component: str):
    assert component_of(package) == component


@pytest.mark.parametrize(
    "package",
    [
        "numpy",
        "cudnn",
        "libcudnn-dev",
        "nccl",
        "pytorch-cuda",
        "cuda92",
        "cuda-bindings",
        "cuda-core",
        "cuda-pathfinder",
        "cuda-python",
        "cuda-compat",
        "cuda-compat-impl",
        "cuda-cccl-impl",
        "libcuobjclient",
        "libcurl",
        "nsight-compute",
        "",
    ],
)
def test_what_is_not_bound_to_one_toolkit_line_is_no_component(package: str):
    assert component_of(package) is None
    assert line_of(package, "12.1.0") is None


@pytest.mark.parametrize(
    ("package", "version", "line"),
    [
        ("cuda-opencl", "12.8.90", "12.8"),
        ("cuda-opencl", "12.9.19", "12.9"),
        ("cuda-version", "12.1", "12.1"),
        ("cuda-runtime", "12.1.0", "12.1"),
        ("cudatoolkit", "11.3.1", "11.3"),
        ("libnvjitlink", "13.3.33", "13.3"),
        ("libcurand", "10.3.4.107", "12.3"),
        ("libcublas", "12.1.0.26", "12.1"),
        ("libcublas", "13.1.0.3", "13.0"),
        ("libcublas-dev", "13.1.1.3", "13.0"),
        ("libcublas", "13.2.0.9", "13.1"),
        ("libcublas", "13.10.0.20", "13.5"),
        ("libcufft-dev", "11.0.2.54", "12.1"),
        ("libcufile", "1.8.1.2", "12.3"),
        ("gds-tools", "1.13.1.3", "12.8"),
        ("libcurand", "10.3.6.82", "12.5"),
        ("libnvjpeg", "12.1.0.39", "12.1"),
        ("libnvjpeg", "12.1.1.14", "12.2"),
        ("libnvjpeg", "12.2.0.2", "12.1"),
        ("libnvjpeg", "12.2.1.2", "12.2"),
        ("cuda-cccl", "12.4.127", "12.4"),
        ("cuda-cccl", "13.3.4.2.1", "13.4"),
    ],
)
def test_a_version_belongs_to_the_line_that_ships_it(package: str, version: str, line: str):
    assert line_of(package, version) == CudaLine.parse(line)


@pytest.mark.parametrize(
    ("package", "version", "line"),
    [
        ("libcublas", "12.9.3.13", "12.9"),
        ("libcublas", "13.1.2.11", "13.0"),
        ("libcufft", "10.7.2.124", "11.7"),
        ("libcublas", "13.8.1.7", "13.4"),
    ],
)
def test_a_patch_between_two_rows_belongs_to_the_lower_ones_line(
    package: str, version: str, line: str
):
    assert line_of(package, version) == CudaLine.parse(line)


@pytest.mark.parametrize(
    ("package", "version"),
    [
        ("libcublas", "13.10.0.21"),
        ("libcublas", "11.9.2.110"),
        ("libcufile", "2.0"),
        ("cuda-version", "12"),
        ("cuda-cudart", "unknown"),
        ("libcufft", ""),
    ],
)
def test_a_version_outside_the_tables_has_no_line(package: str, version: str):
    assert line_of(package, version) is None


@pytest.mark.parametrize(
    ("component", "line", "spec"),
    [
        ("cuda-cudart", "12.1", ">=12.1,<12.2"),
        ("cuda-version", "12.9", ">=12.9,<12.10"),
        ("libcublas", "12.1", ">=12.1.0.26,<12.2.1.16"),
        ("libcublas", "13.0", ">=13.0.0.19,<13.2.0.9"),
        ("libcufft", "12.1", ">=11.0.2.4,<11.0.8.15"),
        ("libcusparse", "12.4", ">=12.3.0.142,<12.4.1.18"),
        ("libnvjpeg", "12.1", ">=12.1.0.39,<12.1.1.14|>=12.2.0.2,<12.2.1.2"),
        ("libnvjpeg", "12.2", ">=12.1.1.14,<12.2.0.2|>=12.2.1.2,<12.2.3.32"),
        ("cuda-cccl", "13.4", ">=13.3.4.2.1,<13.3.5.0.6"),
        ("libcublas", "13.5", ">=13.10.0.20,<=13.10.0.20"),
    ],
)
def test_a_range_spans_the_versions_of_its_line(component: str, line: str, spec: str):
    assert spec_for(component, CudaLine.parse(line)) == spec


@pytest.mark.parametrize(
    ("component", "line"),
    [("numpy", "12.1"), ("libcufft-dev", "12.1"), ("libcufft", "12.7"), ("libcufft", "14.0")],
)
def test_there_is_no_range_for_what_is_not_known(component: str, line: str):
    assert spec_for(component, CudaLine.parse(line)) is None


@pytest.mark.parametrize("component", OWN_NUMBERS)
def test_conda_admits_each_version_in_the_range_of_its_own_line_only(component: str):
    rows = [row for row in read_table("components", "release") if row[component]]
    lines = {CudaLine.parse(row["toolkit"]) for row in rows}
    ranges = {line: VersionSpec(spec_for(component, line) or "") for line in lines}

    for row in rows:
        version = Version(row[component])
        admitting = [line for line, spec in ranges.items() if spec.matches(version)]
        assert admitting == [CudaLine.parse(row["toolkit"])], row


def test_components_are_those_with_rows_and_those_numbered_like_the_toolkit():
    names = components()

    assert list(names) == sorted(set(names))
    assert set(OWN_NUMBERS) < set(names)
    assert {"cuda-cudart", "cuda-nvrtc", "cuda-version", "libnvjitlink"} < set(names)
    assert len(names) == 49


def test_every_component_is_a_component_of_itself():
    assert [component_of(name) for name in components()] == list(components())
