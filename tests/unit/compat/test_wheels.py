"""What framework wheels were compiled with and for."""

from __future__ import annotations

import pytest

from envlock.compat.evidence import Confidence, read_table
from envlock.compat.wheels import torch_variant, wheel_facts
from envlock.model.platform import Platform
from envlock.model.version import CudaLine

LINUX, ARM, WINDOWS = Platform.LINUX_64, Platform.LINUX_AARCH64, Platform.WIN_64


def test_a_torch_wheel_for_linux():
    facts = wheel_facts("torch", "2.8.0", LINUX)

    assert facts is not None
    assert facts.line == CudaLine(12, 8)
    assert facts.sass == ("7.0", "7.5", "8.0", "8.6", "9.0", "10.0", "12.0")
    assert facts.ptx == ()
    assert (facts.cudnn, facts.nccl) == ("9.10.2.21", "2.27.3")
    assert (facts.glibc, facts.glibc_confidence) == ("2.28", Confidence.VERIFIED)
    assert "cp313t" in facts.pythons
    assert facts.evidence.row == "torch_wheels/wheel[2.8.0]"
    assert facts.evidence.confidence == "verified"
    assert "no PTX" in facts.evidence.fact


@pytest.mark.parametrize(
    ("version", "line"),
    [("2.10.0", None), ("2.11.0", CudaLine(13, 0)), ("2.15.0", CudaLine(13, 2))],
)
def test_torch_on_aarch64_has_cuda_from_2_11_on(version: str, line: CudaLine | None):
    facts = wheel_facts("torch", version, ARM)

    assert facts is not None
    assert facts.line == line
    assert ("11.0" in facts.sass) == bool(line)
    assert "7.5" not in facts.sass


@pytest.mark.parametrize("platform", [WINDOWS, Platform.OSX_64, Platform.OSX_ARM64])
def test_torch_elsewhere_is_a_cpu_build(platform: Platform):
    facts = wheel_facts("torch", "2.15.0", platform)

    assert facts is not None
    assert facts.line is None
    assert facts.sass == facts.ptx == ()
    assert facts.glibc == ""


@pytest.mark.parametrize(
    ("distribution", "version"),
    [
        ("torch", "9.9.9"),
        ("torch", "2.8"),
        ("torch", "not a version"),
        ("torch", ""),
        ("torch", "2.8.0+cu999"),
        ("tensorflow", "3.0.0"),
        ("jax-cuda12-plugin", "0.0.1"),
        ("jax-cuda14-plugin", "0.9.0"),
        ("jax-cuda13-plugin", "0.4.30"),
        ("jaxlib", "0.9.0"),
        ("numpy", "2.0.0"),
    ],
)
def test_what_no_table_holds_is_unknown(distribution: str, version: str):
    assert all(wheel_facts(distribution, version, platform) is None for platform in Platform)


def test_a_local_version_is_a_build_of_pytorchs_own_index():
    facts = wheel_facts("torch", "2.4.1+cu121", LINUX)

    assert facts is not None
    assert facts.line == CudaLine(12, 1)
    assert facts.evidence.row == "torch_variants/variant[2.4 cu121 linux-64]"
    cpu = wheel_facts("torch", "2.4.1+cpu", LINUX)
    assert cpu is not None
    assert cpu.line is None


@pytest.mark.parametrize(
    ("place", "sass", "ptx", "confidence"),
    [
        (("2.0", "cu118", LINUX), "3.7 5.0 6.0 7.0 7.5 8.0 8.6 9.0", "", "verified"),
        (("2.6", "cu126", LINUX), "5.0 6.0 7.0 7.5 8.0 8.6 9.0", "", "recalled"),
        (("2.10", "cu130", LINUX), "7.5 8.0 8.6 9.0 10.0 12.0", "12.0", "verified"),
        (("2.10", "cu130", WINDOWS), "7.5 8.0 8.6 9.0 10.0 12.0", "", "recalled"),
        (("2.13", "cu126", ARM), "8.0 9.0", "", "verified"),
        (("2.15", "cu132", ARM), "8.0 9.0 10.0 11.0 12.0", "", "recalled"),
    ],
)
def test_a_variant(place: tuple[str, str, Platform], sass: str, ptx: str, confidence: str):
    minor, variant, platform = place

    facts = torch_variant(minor, variant, platform)

    assert facts is not None
    assert str(facts.line).replace(".", "") == variant.removeprefix("cu")
    assert " ".join(facts.sass) == sass
    assert " ".join(facts.ptx) == ptx
    assert facts.evidence.confidence == confidence
    assert torch_variant(f"{minor}.0", variant, platform) is not None


@pytest.mark.parametrize(
    ("minor", "variant", "platform"),
    [
        ("1.12", "cu116", LINUX),
        ("2.15", "cu126", LINUX),
        ("2.8", "cu128", ARM),
        ("2.8", "cu128", Platform.OSX_ARM64),
        ("9.9", "cpu", LINUX),
        ("2", "cu128", LINUX),
        ("", "", LINUX),
    ],
)
def test_a_variant_that_nobody_listed_is_unknown(minor: str, variant: str, platform: Platform):
    assert torch_variant(minor, variant, platform) is None


def test_a_tensorflow_wheel_has_ptx_and_ranges():
    facts = wheel_facts("tensorflow", "2.21.0", LINUX)

    assert facts is not None
    assert facts.line == CudaLine(12, 5)
    assert facts.sass == ("6.0", "7.0", "8.0", "8.9")
    assert facts.ptx == ("9.0",)
    assert facts.cudnn == "<10.0,>=9.3.0.75"
    assert facts.glibc == "2.27"


@pytest.mark.parametrize(
    ("distribution", "version", "platform"),
    [
        ("tensorflow-cpu", "2.21.0", LINUX),
        ("tensorflow", "2.21.0", ARM),
        ("tensorflow", "2.11.0", WINDOWS),
        ("tensorflow", "2.16.1", Platform.OSX_ARM64),
    ],
)
def test_tensorflow_elsewhere_is_a_cpu_build(distribution: str, version: str, platform: Platform):
    facts = wheel_facts(distribution, version, platform)

    assert facts is not None
    assert facts.line is None
    assert facts.cudnn == facts.nccl == ""


def test_tensorflows_last_gpu_wheels_for_windows_are_unknown_rather_than_cpu():
    assert wheel_facts("tensorflow", "2.10.1", WINDOWS) is None


@pytest.mark.parametrize("kind", ["plugin", "pjrt"])
@pytest.mark.parametrize("platform", [LINUX, ARM])
def test_a_jax_plugin(kind: str, platform: Platform):
    facts = wheel_facts(f"jax-cuda13-{kind}", "0.12.0.1", platform)

    assert facts is not None
    assert facts.line == CudaLine(13, 0)
    assert facts.sass == ("7.5", "8.0", "9.0", "10.0", "11.0")
    assert facts.ptx == ("12.0",)
    assert facts.cudnn == "<10.0,>=9.12.0.46"
    assert facts.evidence.confidence == "recalled", "a build configuration is not a wheel"
    assert "cp315" in facts.pythons


def test_an_old_jax_plugin_has_no_blackwell():
    facts = wheel_facts("jax-cuda12-plugin", "0.4.38", LINUX)

    assert facts is not None
    assert "10.0" not in facts.sass
    assert facts.glibc == "2.17"


def test_jax_plugins_are_for_linux():
    assert wheel_facts("jax-cuda12-plugin", "0.9.0", WINDOWS) is None


@pytest.mark.parametrize("platform", list(Platform))
def test_every_row_can_be_asked_for(platform: Platform):
    for row in read_table("torch_wheels", "wheel"):
        assert wheel_facts("torch", row["version"], platform) is not None
    for row in read_table("torch_variants", "variant"):
        found = torch_variant(row["minor"], row["variant"], Platform(row["platform"]))
        assert (found is not None) == bool(row["sass"])
    for row in read_table("jax_plugins", "plugin"):
        found = wheel_facts(f"jax-cuda{row['major']}-plugin", row["version"], platform)
        assert (found is not None) == (platform in {LINUX, ARM})
