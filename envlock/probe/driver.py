"""What the driver calls the GPUs, asked through the libcuda that the framework has loaded itself.

TensorFlow and JAX do not name UUIDs or PCI ids. The framework's ordinals are the driver's: both
are of one process, under one `CUDA_VISIBLE_DEVICES`. No library is loaded here: a process without
libcuda gets empty answers.
"""

from __future__ import annotations

import ctypes
import uuid
from typing import Any

from .libraries import find_library, list_libraries

COMPUTE_MAJOR, COMPUTE_MINOR = 75, 76


def describe_gpus() -> list[dict[str, Any]]:
    """Name each GPU by UUID and PCI id; none when no driver is loaded or it refuses."""
    path = find_library(list_libraries(), "libcuda.so")
    if not path:
        return []
    try:
        return read_gpus(ctypes.CDLL(path))
    except (OSError, AttributeError):
        return []


def read_gpus(cuda: Any) -> list[dict[str, Any]]:
    """Ask the driver's own interface; a device that answers with an error keeps empty fields."""
    count = ctypes.c_int()
    if cuda.cuInit(0) or cuda.cuDeviceGetCount(ctypes.byref(count)):
        return []
    return [_read_gpu(cuda, ordinal) for ordinal in range(count.value)]


def _read_gpu(cuda: Any, ordinal: int) -> dict[str, Any]:
    device = ctypes.c_int()
    if cuda.cuDeviceGet(ctypes.byref(device), ordinal):
        return {"kind": "gpu"}
    name = ctypes.create_string_buffer(256)
    bus = ctypes.create_string_buffer(32)
    raw = (ctypes.c_ubyte * 16)()
    memory = ctypes.c_size_t()
    major, minor = ctypes.c_int(), ctypes.c_int()
    described: dict[str, Any] = {"kind": "gpu"}
    if not cuda.cuDeviceGetName(name, 256, device):
        described["name"] = name.value.decode("utf-8", "replace")
    if not cuda.cuDeviceGetUuid(ctypes.byref(raw), device):
        described["uuid"] = format_uuid(bytes(raw))
    if not cuda.cuDeviceGetPCIBusId(bus, 32, device):
        described["pci_id"] = format_pci(bus.value.decode("ascii", "replace"))
    if not cuda.cuDeviceTotalMem_v2(ctypes.byref(memory), device):
        described["memory_bytes"] = memory.value
    asked = ((major, COMPUTE_MAJOR), (minor, COMPUTE_MINOR))
    if not any(cuda.cuDeviceGetAttribute(ctypes.byref(to), what, device) for to, what in asked):
        described["compute"] = "{}.{}".format(major.value, minor.value)
    return described


def format_uuid(raw: bytes) -> str:
    """Write a UUID as NVML does."""
    return "GPU-" + str(uuid.UUID(bytes=raw))


def format_pci(text: str) -> str:
    """Write a PCI id as `0000:3b:00.0`, its domain in four digits where they do."""
    domain, _, rest = text.strip().lower().partition(":")
    return "{:04x}:{}".format(int(domain, 16), rest)
