"""What a locked package says of CUDA."""

from __future__ import annotations

import pytest

from envlock.compat.copies import Copy, cudnn_copies, nccl_copies
from envlock.compat.cuda_signs import CudaSign, Role, cuda_sign
from envlock.compat.framework_builds import BuiltFor, framework_builds
from envlock.model.lock import LockedPackage
from envlock.model.platform import Platform
from envlock.model.version import CudaLine


def conda(name: str, version: str, build: str = "0", folder: str = "linux-64") -> LockedPackage:
    url = f"https://conda.example/conda-forge/{folder}/{name}-{version}-{build}.conda"
    return row(name, version, "conda", url)


def wheel(name: str, version: str) -> LockedPackage:
    return row(name, version, "pip", "https://wheels.example/a.whl")


def row(name: str, version: str, manager: str, url: str) -> LockedPackage:
    return LockedPackage(
        name=name,
        version=version,
        manager=manager,
        platform="linux-64",
        url=url,
        md5=None,
        sha256=None,
        dependencies={},
    )


def library(major: int, minor: int | None = None) -> CudaSign:
    line = None if minor is None else CudaLine(major, minor)
    return CudaSign(role=Role.LIBRARY, major=major, line=line)


def build(major: int, minor: int | None = None) -> CudaSign:
    line = None if minor is None else CudaLine(major, minor)
    return CudaSign(role=Role.BUILD, major=major, line=line)


@pytest.mark.parametrize(
    ("item", "sign"),
    [
        (conda("cuda-version", "12.9"), library(12, 9)),
        (conda("cudatoolkit", "11.8.0"), library(11, 8)),
        (conda("pytorch-cuda", "12.1", "ha16c6d3_6"), library(12, 1)),
        (conda("libcublas", "12.4.5.8"), library(12, 4)),
        (conda("libcublas", "99.0"), None),
        (conda("pytorch", "2.5.1", "cuda126_py312_h2ff76c1_300"), build(12, 6)),
        (conda("cupy", "13.0", "cuda12py312h2ff76c1_0"), build(12)),
        (conda("pytorch", "2.5.1", "cpu_generic_py312_h2ff76c1_0"), None),
        (conda("pytorch-gpu", "2.10.0", "cuda129_mkl_h0d04637_301"), None),
        (conda("faiss-gpu", "1.9", "h2ff76c1_0"), None),
        (conda("py-xgboost", "2.0.3", "cuda118_pyhedeaf28_1", "noarch"), None),
        (conda("numpy", "2.0", "py312hce06181_3"), None),
        (wheel("nvidia-cublas-cu12", "12.1.3.1"), library(12, 1)),
        (wheel("nvidia-cudnn-cu11", "8.7.0.84"), library(11)),
        (wheel("nvidia-ml-py", "12.560.30"), None),
        (wheel("torch", "2.5.1+cu121"), build(12, 1)),
        (wheel("torch", "2.5.1+cpu"), None),
        (wheel("torchvision", "0.20.1+cu118"), build(11, 8)),
        (wheel("torch-scatter", "2.1.2+pt21cu121"), build(12, 1)),
        (wheel("jaxlib", "0.4.30+cuda12.cudnn91"), build(12)),
        (wheel("jax-cuda12-plugin", "999.0"), build(12)),
        (wheel("cupy-cuda11x", "12.0"), build(11)),
        (wheel("cudf-cu12", "24.10"), build(12)),
        (wheel("nvidia-dali-cuda120", "1.40"), build(12, 0)),
        (wheel("tensorflow", "2.17.0"), None),
        (wheel("numpy", "2.0"), None),
    ],
    ids=lambda value: f"{value.name}-{value.version}" if isinstance(value, LockedPackage) else "",
)
def test_a_package_says_what_it_is_to_cuda(item, sign):
    assert cuda_sign(item, Platform.LINUX_64) == sign


def test_copies_are_counted_by_who_brings_them():
    packages = [
        conda("cudnn", "9.1"),
        conda("libcudnn", "9.1"),
        conda("nccl", "2.21"),
        wheel("nvidia-cudnn-cu12", "9.1.0.70"),
        wheel("nvidia-nccl-cu12", "2.20.5"),
    ]

    assert cudnn_copies(packages, Platform.LINUX_64) == (
        Copy(carrier="cudnn", version="9.1"),
        Copy(carrier="nvidia-cudnn-cu12", version="9.1.0.70"),
    )
    assert nccl_copies(packages) == (
        Copy(carrier="nccl", version="2.21"),
        Copy(carrier="nvidia-nccl-cu12", version="2.20.5"),
    )


@pytest.mark.parametrize(
    ("item", "platform", "expected"),
    [
        (wheel("torch", "2.5.1"), Platform.LINUX_64, BuiltFor.CUDA),
        (wheel("torch", "2.5.1"), Platform.WIN_64, BuiltFor.CPU),
        (wheel("torch", "99.0"), Platform.WIN_64, BuiltFor.CPU),
        (wheel("torch", "99.0"), Platform.LINUX_64, None),
        (wheel("torch", "2.5.1+rocm6.2"), Platform.LINUX_64, None),
        (wheel("torchvision", "0.20.1"), Platform.LINUX_64, None),
        (wheel("tensorflow-gpu", "2.6.0"), Platform.LINUX_64, BuiltFor.CUDA),
        (wheel("jaxlib", "0.4.30"), Platform.LINUX_64, BuiltFor.CPU),
        (conda("jaxlib", "0.4.30", "cuda120py312h2ff76c1_0"), Platform.LINUX_64, BuiltFor.CUDA),
        (conda("libtorch", "2.5.1", "cpu_mkl_h2ff76c1_0"), Platform.LINUX_64, BuiltFor.CPU),
    ],
)
def test_a_framework_says_what_it_was_built_for(item, platform, expected):
    found = [one.built_for for one in framework_builds([item], platform)]

    assert found == ([expected] if expected else [])
