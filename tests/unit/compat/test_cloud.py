"""The rented machines: every row names a GPU that the tables know."""

from __future__ import annotations

import pytest

from envlock.compat.cloud import cloud_instances, cloud_providers, newest_driver
from envlock.compat.evidence import Confidence, read_table
from envlock.compat.hardware import gpu_model
from envlock.model.platform import Platform


def test_the_three_providers_are_there_each_with_many_types():
    assert cloud_providers() == ("aws", "gcp", "azure")
    assert all(len(cloud_instances(name)) > 10 for name in cloud_providers())
    assert len(cloud_instances()) == sum(len(cloud_instances(name)) for name in cloud_providers())


@pytest.mark.parametrize("gpu", sorted({item.gpu for item in cloud_instances()}))
def test_every_gpu_is_a_known_model(gpu: str):
    model = gpu_model(gpu)

    assert model is not None
    assert model.compute


def test_every_row_has_a_source_and_stands_once():
    rows = read_table("cloud", "instance")

    assert len({tuple(row.items()) for row in rows}) == len(rows)
    assert all(len(row["source"]) > 10 and "://" not in row["source"] for row in rows)


def test_a_name_stands_once_and_memory_is_never_guessed_in_a_verified_row():
    names = [item.name for item in cloud_instances()]

    assert len(names) == len(set(names))
    assert all(item.count >= 1 for item in cloud_instances())
    from_memory = [item for item in cloud_instances() if item.source == "from memory"]
    assert {item.confidence for item in from_memory} == {Confidence.RECALLED}


def test_grace_machines_are_aarch64():
    grace = {item.platform for item in cloud_instances() if item.gpu.startswith("GB")}

    assert grace == {Platform.LINUX_AARCH64}


@pytest.mark.parametrize(
    ("computes", "driver"),
    [
        (["3.7"], "470"),
        (["7.0"], "580"),
        (["7.0", "9.0"], "580"),
        (["3.7", "9.0"], "470"),
        (["9.0"], "615"),
        ([None], "615"),
        ([], "615"),
    ],
)
def test_a_machine_gets_the_newest_driver_that_drives_all_its_gpus(
    computes: list[str | None], driver: str
):
    assert newest_driver(computes) == driver
