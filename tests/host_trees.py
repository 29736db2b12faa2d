"""Small trees and NVML answers that stand for machines, for tests of the host probe."""

# ruff: noqa: N802 - the names of the fake are those of the module that it stands for

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pynvml

from envlock.backends.host import MachineProbe, SystemFacts
from envlock.backends.host_nvml import NvmlAnswer
from envlock.model.host import Host

LINUX = SystemFacts(system="linux", machine="x86_64", glibc="2.35", kernel="5.15.0-105-generic")


def grow(root: Path, files: Mapping[str, str]) -> Path:
    """Write a tree; a name that ends in a slash is a folder."""
    for name, text in files.items():
        place = root / name.lstrip("/")
        if name.endswith("/"):
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text, "utf-8")
    return root


def observe(
    root: Path,
    files: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    nvml: NvmlAnswer | None = None,
    system: SystemFacts = LINUX,
) -> Host:
    """Observe a machine made of files, variables and what NVML says."""
    answer = nvml or NvmlAnswer(fault="LibraryNotFound")
    return MachineProbe(
        root=grow(root, files or {}),
        environment=environment or {},
        nvml=lambda: answer,
        system=lambda: system,
    ).observe()


def pci(*devices: tuple[str, str]) -> dict[str, str]:
    """The files of PCI devices, each by vendor and class."""
    found = {}
    for place, (vendor, kind) in enumerate(devices):
        folder = f"/sys/bus/pci/devices/0000:{place:02x}:00.0"
        found |= {f"{folder}/vendor": f"{vendor}\n", f"{folder}/class": f"{kind}\n"}
    return found


GPU_ON_BUS = pci(("0x8086", "0x060000"), ("0x10de", "0x030200"))
DRIVER_535 = {
    "/sys/module/nvidia/version": "535.183.06\n",
    "/dev/nvidia0": "",
    "/usr/lib/x86_64-linux-gnu/libcuda.so.535.183.06": "",
    "/usr/lib/x86_64-linux-gnu/libnvidia-ml.so.535.183.06": "",
    **GPU_ON_BUS,
}


@dataclass
class FakeNvml:
    """The module `pynvml` with a machine behind it; errors are the real module's classes.

    `gpus` are dictionaries of what each query answers; an absent answer is not supported, an
    exception is raised.
    """

    driver: Any = "535.183.06"
    cuda: Any = 12020
    gpus: Sequence[Any] = ()
    init: Exception | None = None
    calls: list[str] = field(default_factory=list)

    NVML_DEVICE_MIG_ENABLE = pynvml.NVML_DEVICE_MIG_ENABLE
    NVML_NVLINK_MAX_LINKS = pynvml.NVML_NVLINK_MAX_LINKS

    def nvmlInit(self) -> None:
        if self.init:
            raise self.init

    def nvmlDeviceGetCount(self) -> int:
        return len(self.gpus)

    def nvmlSystemGetDriverVersion(self) -> str:
        return _answer(self.driver)

    def nvmlSystemGetCudaDriverVersion_v2(self) -> int:
        return _answer(self.cuda)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> Any:
        return _answer(self.gpus[index])

    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle: Any, index: int) -> Any:
        devices = handle.get("mig_devices", {})
        if index not in devices:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        return devices[index]

    def nvmlDeviceGetNvLinkState(self, handle: Any, link: int) -> int:
        if "links" not in handle:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        if link >= len(handle["links"]):
            raise pynvml.NVMLError(pynvml.NVML_ERROR_INVALID_ARGUMENT)
        return int(handle["links"][link])

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        key = _QUERIES[name]

        def query(handle: Any) -> Any:
            if key not in handle:
                raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
            return _answer(handle[key])

        return query


_QUERIES = {
    "nvmlDeviceGetName": "name",
    "nvmlDeviceGetCudaComputeCapability": "compute",
    "nvmlDeviceGetMemoryInfo": "memory",
    "nvmlDeviceGetMigMode": "mig",
    "nvmlDeviceGetMaxMigDeviceCount": "most_mig",
    "nvmlDeviceGetComputeMode": "mode",
    "nvmlDeviceGetAttributes_v2": "attributes",
    "nvmlDeviceGetUUID": "uuid",
    "nvmlDeviceGetPciInfo": "pci",
    "nvmlDeviceGetUtilizationRates": "rates",
    "nvmlDeviceGetComputeRunningProcesses": "processes",
}


def _answer(value: Any) -> Any:
    if isinstance(value, Exception):
        raise value
    return value


def memory(total: int) -> Any:
    """NVML's own memory structure."""
    found = pynvml.c_nvmlMemory_t()
    found.total = ctypes.c_ulonglong(total)
    return found


def attributes(slices: int, memory_mib: int) -> Any:
    """NVML's own structure about a MIG device."""
    found = pynvml.c_nvmlDeviceAttributes()
    found.gpuInstanceSliceCount = slices
    found.memorySizeMB = memory_mib
    return found
