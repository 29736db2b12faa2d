"""GPU names, as NVML writes them and as people type them."""

from __future__ import annotations

import pytest

from envlock.compat.architectures import architecture, known_computes
from envlock.compat.evidence import Confidence, read_table
from envlock.compat.hardware import gpu_model, near_models
from envlock.model.host import GpuClass


@pytest.mark.parametrize(
    ("text", "name", "compute"),
    [
        ("NVIDIA H100 80GB HBM3", "H100", "9.0"),
        ("NVIDIA H100 PCIe", "H100", "9.0"),
        ("H100 NVL", "H100", "9.0"),
        ("NVIDIA GH200 480GB", "GH200", "9.0"),
        ("NVIDIA GeForce RTX 4070 Laptop GPU", "RTX 4070", "8.9"),
        ("NVIDIA GeForce RTX 4070 Ti SUPER", "RTX 4070", "8.9"),
        ("NVIDIA GeForce RTX 4090 D", "RTX 4090", "8.9"),
        ("NVIDIA GeForce GTX 1650 with Max-Q Design", "GTX 1650", "7.5"),
        ("GeForce GTX 1060 6GB", "GTX 1060", "6.1"),
        ("Tesla V100-SXM2-16GB", "V100", "7.0"),
        ("Tesla P100-PCIE-16GB", "P100", "6.0"),
        ("Quadro RTX 8000", "Quadro RTX 8000", "7.5"),
        ("NVIDIA RTX A6000", "RTX A6000", "8.6"),
        ("NVIDIA RTX 6000 Ada Generation", "RTX 6000 Ada", "8.9"),
        ("NVIDIA A100-SXM4-40GB", "A100", "8.0"),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", "A100", "8.0"),
        ("NVIDIA H100 80GB HBM3 MIG 1g.10gb+me", "H100", "9.0"),
        ("Orin (nvgpu)", "Jetson AGX Orin", "8.7"),
        ("NVIDIA Thor", "Jetson AGX Thor", "11.0"),
        ("NVIDIA GB10", "GB10", "12.1"),
        ("NVIDIA TITAN X (Pascal)", "TITAN X (Pascal)", "6.1"),
        ("NVIDIA GeForce GTX TITAN X", "GTX TITAN X", "5.2"),
        (
            "NVIDIA RTX PRO 6000 Blackwell Server Edition",
            "RTX PRO 6000 Blackwell Server Edition",
            "12.0",
        ),
        (
            "NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition",
            "RTX PRO 6000 Blackwell",
            "12.0",
        ),
    ],
)
def test_a_name_as_nvml_writes_it(text: str, name: str, compute: str):
    model = gpu_model(text)

    assert model is not None
    assert (model.name, model.compute) == (name, compute)


@pytest.mark.parametrize(
    ("text", "compute"),
    [
        ("B200", "10.0"),
        ("gb300", "10.3"),
        ("h100", "9.0"),
        ("rtx-5090", "12.0"),
        ("rtx5090", "12.0"),
        ("4090", "8.9"),
        ("2080 ti", "7.5"),
        ("1080", "6.1"),
        ("T4", "7.5"),
        ("A10", "8.6"),
        ("A10G", "8.6"),
        ("L4", "8.9"),
        ("L40S", "8.9"),
        ("GH200", "9.0"),
        ("K80", "3.7"),
        ("VR200", "10.7"),
        ("RTX PRO 6000", "12.0"),
        ("dgx spark", "12.1"),
        (" 9.0 ", "9.0"),
    ],
)
def test_a_name_as_people_type_it(text: str, compute: str):
    model = gpu_model(text)

    assert model is not None
    assert model.compute == compute


@pytest.mark.parametrize(
    "text",
    ["", "  ", "gpu", "nvidia", "H1000", "A101", "4", "RTX 6000", "TITAN X", "8.8", "GTX 960M"],
)
def test_unknown_and_ambiguous_names_are_no_model(text: str):
    assert gpu_model(text) is None


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("RTX 6000", {"RTX 6000 Ada", "Quadro RTX 6000"}),
        ("TITAN X", {"TITAN X (Pascal)", "GTX TITAN X"}),
        ("H1000", {"H100"}),
        ("RTX 4071", {"RTX 4070"}),
        ("", set()),
        ("potato", set()),
    ],
)
def test_near_models(text: str, near: set[str]):
    found = near_models(text)

    assert near <= set(found)
    assert bool(found) == bool(near)
    assert len(found) <= 3


@pytest.mark.parametrize("row", read_table("gpus", "model"), ids=lambda row: row["name"])
def test_every_name_and_alias_finds_its_own_row(row: dict[str, str]):
    names = [row["name"], *filter(None, row["aliases"].split("; "))]

    for name in (*names, f"NVIDIA {row['name']}"):
        model = gpu_model(name)
        assert model is not None
        assert (model.name, model.compute) == (row["name"], row["compute"])
        assert model.evidence.row == f"gpus/model[{row['name']}]"
        assert model.evidence.confidence == row["confidence"]


@pytest.mark.parametrize(
    ("text", "gpu_class"),
    [
        ("H100", GpuClass.DATA_CENTER),
        ("RTX A6000", GpuClass.WORKSTATION),
        ("RTX 5090", GpuClass.CONSUMER),
        ("Orin", GpuClass.JETSON),
        ("8.7", GpuClass.JETSON),
        ("8.6", GpuClass.UNKNOWN),
        ("11.0", GpuClass.UNKNOWN),
    ],
)
def test_the_class(text: str, gpu_class: GpuClass):
    model = gpu_model(text)

    assert model is not None
    assert model.gpu_class is gpu_class


def test_architectures_tell_their_drivers():
    kepler, hopper, rubin, orin = map(architecture, ("3.7", "9.0", "10.7", "8.7"))

    assert kepler is not None
    assert (kepler.last_driver_branch, kepler.min_driver) == ("470", "")
    assert hopper is not None
    assert (hopper.last_driver_branch, hopper.min_driver) == ("", "520.61.05")
    assert hopper.min_driver_confidence is Confidence.RECALLED
    assert rubin is not None
    assert (rubin.min_driver, rubin.min_driver_confidence) == ("615", Confidence.VERIFIED)
    assert orin is not None
    assert orin.tegra
    assert not orin.min_driver


def test_the_known_computes_are_in_order():
    assert known_computes()[0] == "3.5"
    assert known_computes()[-1] == "12.1"
