"""NVML's answers about the driver and the GPUs, as JSON on stdout. Run as a program of its own.

`host_nvml` starts this file as a child, because a broken driver can block a call for ever or crash
the process that makes it. So it imports nothing of envlock, and leaves without NVML's shutdown. Its
arguments are the places where NVML may lie beyond the loader's.

A query that a GPU, a driver or a permission does not allow is null. What a GPU is called and can do
is written down; its UUID, serial number and bus address are not.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pynvml  # type: ignore[import-untyped]  # ships no annotations

_MIB_PER_GIB = 1024


def observe(nvml: Any = pynvml) -> dict[str, Any]:
    """Return what NVML says, as plain data; `fault` is why it says nothing."""
    try:
        nvml.nvmlInit()
    except pynvml.NVMLError as error:
        return {"fault": fault_name(error)}
    count = _ask(nvml.nvmlDeviceGetCount) or 0
    gpus, lost = [], 0
    for index in range(count):
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
        except pynvml.NVMLError:
            lost += 1
            continue
        gpus.append(_gpu(nvml, handle))
    return {
        "driver": _ask(nvml.nvmlSystemGetDriverVersion),
        # the one that fails where there is no libcuda; the older call makes up a number
        "cuda": _ask(nvml.nvmlSystemGetCudaDriverVersion_v2),
        "gpus": gpus,
        "lost": lost,
    }


def fault_name(error: pynvml.NVMLError) -> str:
    """Return the name of NVML's error: `LibraryNotFound`, `LibRmVersionMismatch`, `Code1000`."""
    name = type(error).__name__.removeprefix("NVMLError")
    return name.removeprefix("_") or f"Code{error.value}"


def _gpu(nvml: Any, handle: Any) -> dict[str, Any]:
    compute = _ask(nvml.nvmlDeviceGetCudaComputeCapability, handle)
    memory = _ask(nvml.nvmlDeviceGetMemoryInfo, handle)
    mig = _ask(nvml.nvmlDeviceGetMigMode, handle)
    in_mig_mode = bool(mig) and mig[0] == nvml.NVML_DEVICE_MIG_ENABLE
    return {
        "name": _ask(nvml.nvmlDeviceGetName, handle),
        "compute": list(compute) if compute else None,
        "memory_bytes": int(memory.total) if memory else None,
        "mig": in_mig_mode,
        "mig_profiles": list(_mig_profiles(nvml, handle)) if in_mig_mode else [],
        "compute_mode": _ask(nvml.nvmlDeviceGetComputeMode, handle),
        "nvlinks": _nvlinks(nvml, handle),
    }


def _mig_profiles(nvml: Any, handle: Any) -> Iterator[str]:
    """Yield the profile of each MIG device; indexes can have gaps."""
    for index in range(_ask(nvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0):
        device = _ask(nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, index)
        if device is not None:
            yield _profile(nvml, device)


def _profile(nvml: Any, device: Any) -> str:
    """Return `1g.10gb`: from the device's name, which ends in it, or from its slices."""
    name = _ask(nvml.nvmlDeviceGetName, device) or ""
    _, found, profile = name.rpartition(" MIG ")
    if found:
        return str(profile)
    attributes = _ask(nvml.nvmlDeviceGetAttributes_v2, device)
    if attributes is None:
        return "unknown"
    memory_gib = round(attributes.memorySizeMB / _MIB_PER_GIB)
    return f"{attributes.gpuInstanceSliceCount}g.{memory_gib}gb"


def _nvlinks(nvml: Any, handle: Any) -> int | None:
    """Return how many links are up; None where the GPU has no NVLink to ask about."""
    states = []
    for link in range(nvml.NVML_NVLINK_MAX_LINKS):
        state = _ask(nvml.nvmlDeviceGetNvLinkState, handle, link)
        if state is None:  # beyond the GPU's last link, or no NVLink at all
            break
        states.append(state)
    return sum(bool(state) for state in states) if states else None


def _ask(query: Callable[..., Any], *arguments: Any) -> Any:
    """Return a query's answer, None where NVML refuses it or a name is no text."""
    try:
        return query(*arguments)
    except (pynvml.NVMLError, UnicodeDecodeError):
        return None


def main() -> None:
    """Print the observation and leave at once: NVML's shutdown can block, too."""
    for place in sys.argv[1:]:
        with contextlib.suppress(OSError):
            ctypes.CDLL(place)  # once it is loaded, pynvml finds it by its name
            break
    sys.stdout.write(json.dumps(observe()))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
