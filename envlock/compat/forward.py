"""Forward compatibility: a compat package that raises what an older driver offers, on some GPUs."""

from __future__ import annotations

from envlock.compat.drivers import DriverVersion
from envlock.compat.evidence import Row, read_table
from envlock.compat.hardware import gpu_model
from envlock.compat.kernels import no
from envlock.model.host import GpuClass, Host, HostGpu
from envlock.model.verdict import Coverage, Covered, Evidence, Unknown
from envlock.model.version import CudaLine


def may_use_forward_compat(driver: str, line: CudaLine, gpu: HostGpu, host: Host) -> Coverage:
    """Say whether the compat package of a line works on a GPU over a machine's kernel driver.

    The GPU's class decides, then the driver's branch; both tables name their sources.
    """
    model = gpu_model(gpu.name)
    gpu_class = model.gpu_class if model else GpuClass.UNKNOWN
    row = next(
        (row for row in read_table("forward", "eligible") if row["gpu_class"] == gpu_class), None
    )
    if row is None or row["allowed"] == "some":
        return Unknown(
            reason=f"forward compatibility is for some GPUs only, and {gpu.name} may be none"
        )
    place = f"forward/eligible[{gpu_class}]"
    if row["allowed"] == "no":
        fact = (
            f"forward compatibility is for data-center GPUs and Jetson, and {gpu.name} is neither"
        )
        return no(_evidence(fact, place, row), f"a driver for CUDA {line} by itself")
    return _over_base(driver, line, gpu, host)


def _over_base(driver: str, line: CudaLine, gpu: HostGpu, host: Host) -> Coverage:
    branch = str(DriverVersion.parse(driver).branch)
    rows = {row["branch"]: row for row in read_table("forward", "base")}
    if branch not in rows:
        return Unknown(
            reason=f"cuda-compat stands on production driver branches, and {branch} is not among "
            f"those known: {', '.join(rows)}"
        )
    fact = (
        f"cuda-compat of CUDA {line} raises driver {driver} on {gpu.name}, a data-center GPU"
        if not host.wsl
        else f"cuda-compat of CUDA {line} over driver {driver} on {gpu.name}"
    )
    return Covered(evidence=_evidence(fact, f"forward/base[{branch}]", rows[branch]))


def _evidence(fact: str, place: str, row: Row) -> Evidence:
    return Evidence(fact=fact, row=place, source=row["source"], confidence=row["confidence"])
