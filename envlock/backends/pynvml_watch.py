"""What NVML says of the GPUs while a probe works: one JSON array a line, until stdin closes.

Run as a program of its own, as `pynvml_host` is and for the same reason. UUIDs and bus addresses
join what a framework says with what the driver says; no file holds them afterwards.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pynvml  # type: ignore[import-untyped]  # ships no annotations

_EVERY_SECONDS = 0.25


def look(nvml: Any = pynvml) -> list[dict[str, Any]]:
    """Return every GPU, and every MIG instance of one, as it is now; -1 for what is not told."""
    return [_device(nvml, handle) for handle in _handles(nvml)]


def _handles(nvml: Any) -> Iterator[Any]:
    for index in range(_ask(nvml.nvmlDeviceGetCount) or 0):
        handle = _ask(nvml.nvmlDeviceGetHandleByIndex, index)
        if handle is not None:
            yield handle
            yield from _instances(nvml, handle)


def _instances(nvml: Any, handle: Any) -> Iterator[Any]:
    for index in range(_ask(nvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0):
        instance = _ask(nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, index)
        if instance is not None:
            yield instance


def _device(nvml: Any, handle: Any) -> dict[str, Any]:
    rates = _ask(nvml.nvmlDeviceGetUtilizationRates, handle)
    address = _ask(nvml.nvmlDeviceGetPciInfo, handle)
    return {
        "uuid": _text(_ask(nvml.nvmlDeviceGetUUID, handle)),
        "pci_id": _text(address.busId) if address else "",
        "name": _text(_ask(nvml.nvmlDeviceGetName, handle)),
        "utilisation_percent": int(rates.gpu) if rates else -1,
        "processes": [
            [int(each.pid), int(each.usedGpuMemory)]
            for each in _ask(nvml.nvmlDeviceGetComputeRunningProcesses, handle) or ()
            if each.usedGpuMemory is not None
        ],
    }


def _text(value: Any) -> str:
    """Return a name; older releases of the module give bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value or "")


def _ask(query: Callable[..., Any], *arguments: Any) -> Any:
    """Return a query's answer, None where NVML refuses it or a name is no text."""
    try:
        return query(*arguments)
    except (pynvml.NVMLError, UnicodeDecodeError):
        return None


def main() -> None:
    """Look again and again; leave at once when nobody listens."""
    for place in sys.argv[1:]:
        with contextlib.suppress(OSError):
            ctypes.CDLL(place)  # once it is loaded, pynvml finds it by its name
            break
    if _ask(pynvml.nvmlInit) is None and _ask(pynvml.nvmlDeviceGetCount) is None:
        os._exit(0)
    while True:
        try:
            sys.stdout.write(json.dumps(look()) + "\n")
            sys.stdout.flush()
        except OSError:
            os._exit(0)
        if select.select([sys.stdin], [], [], _EVERY_SECONDS)[0]:
            os._exit(0)


if __name__ == "__main__":
    main()
