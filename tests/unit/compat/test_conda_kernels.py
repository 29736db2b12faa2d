"""The GPUs that conda builds of frameworks were compiled for."""

from __future__ import annotations

import pytest

from envlock.compat.conda_kernels import conda_kernels
from envlock.model.platform import Platform
from envlock.model.version import CudaLine

FORGE = "https://conda.anaconda.org/conda-forge"
LINUX, ARM, WINDOWS = Platform.LINUX_64, Platform.LINUX_AARCH64, Platform.WIN_64
BUILD_12 = "cuda129_mkl_py313_h1234567_300"
BUILD_13 = "cuda130_mkl_py313_h1234567_300"


@pytest.mark.parametrize("name", ["pytorch", "libtorch", "pytorch-gpu"])
@pytest.mark.parametrize("channel", [FORGE, FORGE + "/", "conda-forge"])
def test_conda_forges_pytorch(name: str, channel: str):
    kernels = conda_kernels(name, "2.13.0", BUILD_12, channel, LINUX)

    assert kernels is not None
    assert kernels.artifact == f"{name} 2.13.0 {BUILD_12}"
    assert kernels.line == CudaLine(12, 9)
    assert kernels.sass == ("5.0", "6.0", "7.0", "7.5", "8.0", "8.6", "9.0", "10.0", "12.0")
    assert kernels.ptx == ("12.0",)
    assert kernels.evidence is not None
    assert kernels.evidence.row == "conda_kernels/conda_forge[pytorch 12.9 linux-64]"
    assert kernels.evidence.confidence == "verified"


@pytest.mark.parametrize(
    ("version", "build", "platform", "confidence"),
    [
        ("2.13.1", BUILD_13, LINUX, "verified"),
        ("2.13.0", BUILD_13, ARM, "verified"),
        ("2.14.0", BUILD_13, LINUX, "recalled"),
        ("3.0", BUILD_13, LINUX, "recalled"),
        ("2.13.0", BUILD_12, ARM, "recalled"),
        ("2.13.0", BUILD_13, WINDOWS, "recalled"),
    ],
)
def test_a_recipe_that_was_not_seen_is_recalled(
    version: str, build: str, platform: Platform, confidence: str
):
    kernels = conda_kernels("pytorch", version, build, FORGE, platform)

    assert kernels is not None
    assert kernels.evidence is not None
    assert kernels.evidence.confidence == confidence


def test_aarch64_of_cuda_13_has_orin():
    kernels = conda_kernels("pytorch", "2.13.0", BUILD_13, FORGE, ARM)

    assert kernels is not None
    assert "8.7" in kernels.sass


def test_conda_forges_jaxlib():
    kernels = conda_kernels("jaxlib", "0.9.2", "cuda129py313h1234567_200", FORGE, LINUX)

    assert kernels is not None
    assert kernels.sass[0] == "6.0"
    assert "8.9" in kernels.sass


def test_the_pytorch_channel_is_taken_from_the_wheels_and_recalled():
    build = "py3.11_cuda12.1_cudnn9.1.0_0"

    kernels = conda_kernels("pytorch", "2.4.1", build, "https://conda.anaconda.org/pytorch", LINUX)

    assert kernels is not None
    assert kernels.line == CudaLine(12, 1)
    assert kernels.sass == ("5.0", "6.0", "7.0", "7.5", "8.0", "8.6", "9.0")
    assert kernels.evidence is not None
    assert kernels.evidence.row == "torch_variants/variant[2.4 cu121 linux-64]"
    assert kernels.evidence.confidence == "recalled"


@pytest.mark.parametrize(
    ("name", "version", "build", "channel"),
    [
        ("pytorch", "2.13.0", "cpu_mkl_py313_h1234567_100", FORGE),
        ("pytorch", "2.6.0", "cuda126_mkl_py313_h1234567_300", FORGE),
        ("pytorch", "2.13.0", "py313h1234567_0", FORGE),
        ("pytorch", "2.5.1", "py3.11_cpu_0", "pytorch"),
        ("pytorch", "2.6.0.dev1", "py3.11_cuda12.1_cudnn9.1.0_0", "pytorch-nightly"),
        ("pytorch", "9.9.0", "py3.11_cuda12.1_cudnn9.1.0_0", "pytorch"),
        ("torchvision", "0.20.1", "py311_cu121", "pytorch"),
        ("tensorflow-base", "2.19.1", "cuda129py312h1234567_0", FORGE),
        ("torchvision", "0.20.1", "cuda129_py311_h1234567_0", FORGE),
        ("pytorch", "2.13.0", BUILD_12, "defaults"),
    ],
)
def test_a_build_that_nobody_listed_is_unknown(name: str, version: str, build: str, channel: str):
    assert conda_kernels(name, version, build, channel, LINUX) is None
