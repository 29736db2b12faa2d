"""What was seen of a machine, as evidence and as values that can be compared."""

from __future__ import annotations

import re

from envlock.compat.architectures import architecture
from envlock.compat.drivers import DriverVersion
from envlock.compat.evidence import Confidence
from envlock.compat.hardware import gpu_model
from envlock.model.host import GpuClass, Host, HostGpu
from envlock.model.verdict import Evidence

OBSERVED = "observed"
"""The row of a fact that is no table's."""
_COMPUTE = re.compile(r"[0-9]{1,2}\.[0-9]{1,2}")


def observed(fact: str) -> Evidence:
    """Return a fact of the machine itself."""
    return Evidence(
        fact=fact,
        row=OBSERVED,
        source="the machine itself",
        confidence=Confidence.VERIFIED.value,
    )


def driver_of(host: Host) -> DriverVersion | None:
    """Return a machine's driver; None without one, and for a text that is no version."""
    try:
        return DriverVersion.parse(host.driver) if host.driver else None
    except ValueError:
        return None


def compute_of(gpu: HostGpu) -> str | None:
    """Return a GPU's compute capability as it was seen, and failing that by the GPU's name."""
    if gpu.compute and _COMPUTE.fullmatch(gpu.compute):
        return gpu.compute
    model = gpu_model(gpu.name)
    return model.compute if model else None


def is_jetson(gpu: HostGpu) -> bool:
    """Say whether a GPU is of a Jetson board, whose drivers are numbered by themselves."""
    compute = compute_of(gpu)
    row = architecture(compute) if compute else None
    model = gpu_model(gpu.name)
    return (row is not None and row.tegra) or (
        model is not None and model.gpu_class is GpuClass.JETSON
    )
