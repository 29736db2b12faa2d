"""Versions: of what is installed beside a framework, and of CUDA's libraries that are loaded."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable
from importlib import metadata

from .libraries import find_library, list_libraries


def versions_beside(names: Iterable[str]) -> dict[str, str]:
    """Read the versions of what is installed, without importing it."""
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def loaded_cudnn() -> str:
    """Ask the cuDNN that is loaded; empty when none is."""
    path = find_library(list_libraries(), "libcudnn.so")
    if not path:
        return ""
    ask = ctypes.CDLL(path).cudnnGetVersion
    ask.restype = ctypes.c_size_t
    return format_cudnn(ask())


def loaded_nccl() -> str:
    """Ask the NCCL that is loaded; empty when none is."""
    path = find_library(list_libraries(), "libnccl.so")
    version = ctypes.c_int()
    if not path or ctypes.CDLL(path).ncclGetVersion(ctypes.byref(version)):
        return ""
    return format_nccl(version.value)


def loaded_cuda() -> str:
    """Ask the CUDA runtime that is loaded; empty when none is."""
    path = find_library(list_libraries(), "libcudart.so")
    version = ctypes.c_int()
    if not path or ctypes.CDLL(path).cudaRuntimeGetVersion(ctypes.byref(version)):
        return ""
    return format_cuda(version.value)


def format_cuda(number: int) -> str:
    """Write CUDA's number as a version: 12040 is 12.4."""
    return "{}.{}".format(number // 1000, number % 1000 // 10)


def format_cudnn(number: int) -> str:
    """Write cuDNN's number as a version: 8907 is 8.9.7, 90100 is 9.1.0."""
    if number >= 90000:
        return "{}.{}.{}".format(number // 10000, number // 100 % 100, number % 100)
    return "{}.{}.{}".format(number // 1000, number // 100 % 10, number % 100)


def format_nccl(number: int) -> str:
    """Write NCCL's number as a version: 2804 is 2.8.4, 21903 is 2.19.3."""
    unit = 10000 if number >= 20000 else 1000
    return "{}.{}.{}".format(number // unit, number % unit // 100, number % 100)
