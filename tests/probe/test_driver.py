"""The driver's interface as cuda.h has it, answered by a fake: this is no proof of a real GPU."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

from envlock.probe.driver import describe_gpus, format_pci, format_uuid, read_gpus
from envlock.probe.versions import format_cuda, format_cudnn, format_nccl, versions_beside

UUID = bytes.fromhex("00112233445566778899aabbccddeeff")


class FakeCuda:
    """Two GPUs; `refuses` names the functions that answer with an error."""

    def __init__(self, *refuses: str, count: int = 2) -> None:
        self.refuses, self.count = refuses, count

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> int:
            if name in self.refuses:
                return 999
            if name != "cuInit":
                getattr(FakeCuda, "_" + name)(self, *arguments)
            return 0

        return call

    def _cuDeviceGetCount(self, out: Any) -> None:  # noqa: N802
        out._obj.value = self.count

    def _cuDeviceGet(self, out: Any, ordinal: int) -> None:  # noqa: N802
        out._obj.value = ordinal

    def _cuDeviceGetName(self, out: Any, size: int, device: Any) -> None:  # noqa: N802
        out.value = f"NVIDIA T{device.value}".encode()

    def _cuDeviceGetUuid(self, out: Any, device: Any) -> None:  # noqa: N802
        ctypes.memmove(out._obj, UUID, 16)

    def _cuDeviceGetPCIBusId(self, out: Any, size: int, device: Any) -> None:  # noqa: N802
        out.value = b"0000:3B:00.0"

    def _cuDeviceTotalMem_v2(self, out: Any, device: Any) -> None:  # noqa: N802
        out._obj.value = 16 << 30

    def _cuDeviceGetAttribute(self, out: Any, what: int, device: Any) -> None:  # noqa: N802
        out._obj.value = {75: 7, 76: 5}[what]


def test_a_gpu_is_named_as_nvml_names_it():
    first, second = read_gpus(FakeCuda())

    assert first == {
        "kind": "gpu",
        "name": "NVIDIA T0",
        "uuid": "GPU-00112233-4455-6677-8899-aabbccddeeff",
        "pci_id": "0000:3b:00.0",
        "compute": "7.5",
        "memory_bytes": 16 << 30,
    }
    assert second["name"] == "NVIDIA T1"


@pytest.mark.parametrize(
    ("refused", "missing"),
    [
        ("cuDeviceGetUuid", "uuid"),
        ("cuDeviceGetPCIBusId", "pci_id"),
        ("cuDeviceTotalMem_v2", "memory_bytes"),
        ("cuDeviceGetAttribute", "compute"),
        ("cuDeviceGetName", "name"),
    ],
)
def test_what_the_driver_refuses_stays_empty(refused: str, missing: str):
    whole, partial = read_gpus(FakeCuda())[0], read_gpus(FakeCuda(refused))[0]

    assert set(whole) - set(partial) == {missing}


@pytest.mark.parametrize("refused", ["cuInit", "cuDeviceGetCount"])
def test_a_driver_that_does_not_start_names_no_gpu(refused: str):
    assert read_gpus(FakeCuda(refused)) == []


def test_a_process_without_a_driver_names_no_gpu_and_loads_none():
    assert describe_gpus() == []


def test_identities_are_written_in_one_way():
    assert format_uuid(UUID) == "GPU-00112233-4455-6677-8899-aabbccddeeff"
    assert format_pci("00000000:3B:00.0") == "0000:3b:00.0"
    assert format_pci("10000:01:00.0") == "10000:01:00.0"


def test_versions_are_written_as_people_write_them():
    assert [format_cuda(each) for each in (12040, 11080, 13000)] == ["12.4", "11.8", "13.0"]
    assert [format_cudnn(each) for each in (8907, 90100, 91002)] == ["8.9.7", "9.1.0", "9.10.2"]
    assert [format_nccl(each) for each in (2804, 21903, 22707)] == ["2.8.4", "2.19.3", "2.27.7"]


def test_only_what_is_installed_has_a_version():
    assert list(versions_beside(["msgspec", "no-such-package"])) == ["msgspec"]
