"""Forward compatibility: a compat package that raises what an older driver offers, on some GPUs.

It is for Linux alone, and a Windows driver under WSL is in no table.
"""

from __future__ import annotations

from collections.abc import Iterable

from envlock.compat.drivers import DriverVersion
from envlock.compat.evidence import Row, read_table
from envlock.compat.hardware import gpu_model
from envlock.compat.ptx import no
from envlock.model.host import GpuClass, Host, HostGpu
from envlock.model.platform import System
from envlock.model.verdict import Coverage, Covered, Evidence, Missing, Unknown
from envlock.model.version import CudaLine

_ON_A_FEATURE_BRANCH = "a driver of a production branch"


def forward_compat(driver: DriverVersion, line: CudaLine, host: Host) -> Coverage | None:
    """Say whether the compat package of a line works on every GPU of a machine.

    None where the question does not arise: no GPU was seen, or it is not Linux.
    """
    if host.platform.system is not System.LINUX or not host.gpus:
        return None
    answers = [may_use_forward_compat(driver.text, line, gpu, host) for gpu in host.gpus]
    return min(answers, key=_order)


def may_use_forward_compat(driver: str, line: CudaLine, gpu: HostGpu, host: Host) -> Coverage:
    """Say whether the compat package of a line works on a GPU over a machine's kernel driver.

    The GPU's class decides, then the driver's branch; both tables name their sources. Raises
    `ValueError` where the text is no driver version.
    """
    if host.wsl:
        return Unknown(reason="no table says whether forward compatibility works under WSL")
    gpu_class = _class_of(gpu)
    row = _row("forward", "eligible", "gpu_class", gpu_class)
    if row is None or row["allowed"] == "some":
        return Unknown(
            reason=f"forward compatibility is for some GPUs only, and {gpu.name} may be none",
            evidence=_some(row, gpu),
        )
    if row["allowed"] == "no":
        fact = (
            f"forward compatibility is for data-center GPUs and Jetson, and {gpu.name} is neither"
        )
        place = f"forward/eligible[{gpu_class}]"
        return no(_evidence(fact, place, row), f"a driver for CUDA {line} by itself")
    return _over_base(DriverVersion.parse(driver), line, gpu)


def _class_of(gpu: HostGpu) -> GpuClass:
    """Return what a GPU was sold as, by its name and failing that by its number."""
    model = gpu_model(gpu.name) or (gpu_model(gpu.compute) if gpu.compute else None)
    return model.gpu_class if model else GpuClass.UNKNOWN


def _some(row: Row | None, gpu: HostGpu) -> Evidence | None:
    if row is None:
        return None
    fact = f"forward compatibility is for some of the {row['gpu_class']} GPUs, such as {gpu.name}"
    return _evidence(fact, f"forward/eligible[{row['gpu_class']}]", row)


def _over_base(driver: DriverVersion, line: CudaLine, gpu: HostGpu) -> Coverage:
    branch = str(driver.branch)
    base = _row("forward", "base", "branch", branch)
    if base is not None:
        fact = f"cuda-compat of CUDA {line} raises driver {driver} on {gpu.name}"
        return Covered(evidence=_evidence(fact, f"forward/base[{branch}]", base))
    feature = _row("forward_compat", "feature_branch", "branch", branch)
    if feature is not None:
        fact = f"cuda-compat stands on production branches, and {branch} is a feature branch"
        place = f"forward_compat/feature_branch[{branch}]"
        return no(_evidence(fact, place, feature), _ON_A_FEATURE_BRANCH)
    known = ", ".join(row["branch"] for row in read_table("forward", "base"))
    return Unknown(
        reason=f"cuda-compat stands on production driver branches, and {branch} is not among "
        f"those known: {known}"
    )


def _row(file: str, table: str, column: str, cell: str) -> Row | None:
    rows: Iterable[Row] = read_table(file, table)
    return next((row for row in rows if row[column] == cell), None)


def _evidence(fact: str, place: str, row: Row) -> Evidence:
    return Evidence(fact=fact, row=place, source=row["source"], confidence=row["confidence"])


def _order(coverage: Coverage) -> int:
    match coverage:
        case Missing():
            return 0
        case Unknown():
            return 1
        case Covered():
            return 2
